"""The store: what lies where, who uses it, and how it gets smaller.

    <root>/store.json, store.lock, import.lock      what the owner chose; one change at a time, one import at a time
    <root>/in-use/<entry>.<process>.lock            locked by whoever serves the entry
    <place>/<entry>/model/, record.json             a whole, judged model; the place is <root>/models or another disk
    <place>/.parts/<digest>/                        an import under way, which nobody sees

An entry appears by one rename, when everything in it is on disk and the inspection had nothing against it.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.language import tr
from mulberry.model.locks import try_lock
from mulberry.model.models import ModelWay, StoredModel, StoreStatus
from mulberry.model.places import resource
from mulberry.runtime.manifest import MANIFEST, Manifest
from mulberry.runtime.models import ModelFolder, read_manifest
from mulberry.runtime.store.disk import Disk, make_folder, remove_folder, used_bytes

INSPECTION = 2  # raised when it learns to see more; what an older one has judged is judged again before it serves
DIGEST_CHARACTERS = 12
ENTRY = re.compile(rf"[a-z0-9-]+-[0-9a-f]{{{DIGEST_CHARACTERS}}}")
RESTS = (".parts", ".gone-", ".moving-")


class Choices(BaseModel):
    """`store.json`. `left_behind` are old places of the models that could not be removed yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    place: Path | None = None
    quota_bytes: int | None = Field(default=None, ge=0)
    left_behind: tuple[Path, ...] = ()


class Record(BaseModel):
    """`record.json`: where an entry came from, and by what it was judged; `refused` are the sentences against it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    imported_at: datetime
    source: str = Field(max_length=4000)
    inspection: int
    judged_in: str = Field(max_length=200)
    refused: tuple[str, ...] = ()


class ModelStore:
    """`root` need not exist yet. Several processes may use one store."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.root = root
        self.disk = disk or Disk()

    # What is there

    @property
    def choices(self) -> Choices:
        """Raises `UserFacingError`: `store.json` cannot be used. Nothing is guessed then, for models lie somewhere."""
        try:
            untrusted = read_bounded(self.root / "store.json")
            return Choices() if untrusted is None else Choices.model_validate_json(untrusted)
        except (OSError, ValueError) as problem:
            raise UserFacingError(
                what=tr("The list of your models' places cannot be read."),
                why=f"{self.root / 'store.json'}: {str(problem).splitlines()[0]}.",
                next_step=tr("Correct the file, or delete it if the models lie in the usual place."),
            ) from problem

    @property
    def place(self) -> Path:
        return self.choices.place or self.root / "models"

    @property
    def parts(self) -> Path:
        return self.place / ".parts"

    def status(self) -> StoreStatus:
        choices, place = self.choices, self.place
        return StoreStatus(
            place=place,
            models=tuple(self.models()),
            used_bytes=used_in(place),
            free_bytes=self.disk.free_bytes(_nearest(place)),
            quota_bytes=choices.quota_bytes,
            left_behind=choices.left_behind,
        )

    def models(self) -> list[StoredModel]:
        """By name, the newest import of each first."""
        found = [self._stored(path) for path in entries(self.place)]
        found.sort(key=lambda model: model.imported_at.timestamp() if model.imported_at else 0.0, reverse=True)
        return sorted(found, key=lambda model: model.name)

    def find(self, wanted: str) -> StoredModel:
        """By entry, or the newest import of a name. Raises `UserFacingError`: there is none."""
        models = self.models()
        for model in (*(m for m in models if m.entry == wanted), *(m for m in models if m.name == wanted)):
            return model
        raise UserFacingError(
            what=tr("There is no model {wanted} on this computer.", wanted=f"{wanted!r}"),
            why=tr("Imported are: {models}.", models=", ".join(model.name for model in models) or tr("none")),
            next_step=tr("Import it: `mulberry models import FOLDER-OR-ADDRESS`."),
        )

    def path_of(self, entry: str) -> Path:
        return self.place / entry / "model"

    # Use

    @contextmanager
    def held(self, wanted: str) -> Iterator[ModelFolder]:
        """A model that may serve, which nobody removes or moves until the end of the block. Its files are unverified.

        Raises `UserFacingError`: it is not there, cannot be used, or is being moved.
        """
        with self.changing():
            model = self.find(wanted)
            if model.problem:
                raise UserFacingError(
                    what=tr("The model {name} cannot be used.", name=model.name),
                    why=model.problem,
                    next_step=tr(
                        "Look at it again: `mulberry models inspect {entry}`; or import it again.", entry=model.entry
                    ),
                )
            folder = ModelFolder.read(self.path_of(model.entry))
            make_folder(self.root / "in-use")
            path = self.root / "in-use" / f"{model.entry}.{os.getpid()}-{os.urandom(4).hex()}.lock"
            lock = path.open("ab")
            if not try_lock(lock):  # somebody looked at it in this very moment
                lock.close()
                raise _busy(tr("Another program looks at the models at this moment."))
        try:
            yield folder
        finally:
            lock.close()
            path.unlink(missing_ok=True)

    def is_in_use(self, entry: str) -> bool:
        """By this or any other process. One that died holds nothing."""
        for path in (self.root / "in-use").glob(f"{entry}.*.lock"):
            with suppress(FileNotFoundError), path.open("r+b") as lock:
                if not try_lock(lock):
                    return True
        return False

    # Change

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Alone. Raises `UserFacingError`: somebody else changes the store."""
        with self._alone("store.lock", tr("Another program changes the models at this moment.")):
            yield

    @contextmanager
    def importing(self) -> Iterator[None]:
        """The only one that imports; models can be used and removed meanwhile. Raises `UserFacingError`."""
        with self._alone("import.lock", tr("Another import is under way.")):
            yield

    def remove(self, entry: str) -> None:
        """Raises `UserFacingError`: it is not there, or in use."""
        with self.changing():
            self._remove(self.find(entry))

    def set_quota(self, quota_bytes: int | None) -> None:
        """Holds for imports from now on; nothing is removed."""
        with self.changing():
            self.save(self.choices.model_copy(update={"quota_bytes": quota_bytes}))

    def collect(self) -> int:
        """Removes unfinished imports, older versions that nobody uses, and what a removal or move left behind.

        Returns the bytes that are free again. Raises `UserFacingError`: an import or a move is under way.
        """
        with self.importing(), self.changing():
            choices = self.choices
            before = sum(used_in(place) for place in (self.place, *choices.left_behind))
            newest: set[str] = set()
            for model in self.models():
                if model.name in newest and not model.in_use:
                    self._remove(model)
                if not model.problem:
                    newest.add(model.name)
            for rest in rests(self.place):
                remove_folder(rest)
            for lock in (self.root / "in-use").glob("*.lock"):
                if not self.is_in_use(lock.name.partition(".")[0]):
                    lock.unlink(missing_ok=True)
            left = tuple(place for place in choices.left_behind if not clear(place))
            self.save(choices.model_copy(update={"left_behind": left}))
            return before - sum(used_in(place) for place in (self.place, *left))

    def save(self, choices: Choices) -> None:
        """Only within `changing`."""
        make_folder(self.root)
        write_whole(self.root / "store.json", choices.model_dump_json(indent=2).encode() + b"\n")

    def _remove(self, model: StoredModel) -> None:
        if model.in_use:
            raise UserFacingError(
                what=tr("{model} was not removed.", model=model.title or model.entry),
                why=tr("The agent uses it."),
                next_step=tr("Stop the agent (`mulberry stop`), then remove it."),
            )
        remove_folder(self.place / model.entry)

    @contextmanager
    def _alone(self, name: str, why: str) -> Iterator[None]:
        make_folder(self.root)
        with (self.root / name).open("ab") as lock:
            if not try_lock(lock):
                raise _busy(why)
            yield

    def _stored(self, path: Path) -> StoredModel:
        problem, manifest, record = "", None, None
        try:
            manifest = ModelFolder.read(path / "model").manifest
            record = Record.model_validate_json(read_bounded(path / "record.json") or b"")
            problem = _doubt(path, record)
        except UserFacingError as unusable:
            problem = unusable.why
        except (OSError, ValueError):
            problem = tr("Its record is damaged, so nobody knows whether it was inspected.")
        told = as_told(path.name, manifest) if manifest else _unreadable(path)
        return replace(
            told,
            imported_at=record.imported_at if record else None,
            source=record.source if record else "",
            in_use=self.is_in_use(path.name),
            problem=problem,
            judged_in=record.judged_in if record else "",
        )


def as_told(entry: str, manifest: Manifest) -> StoredModel:
    """A model as its makers describe it; nothing is known of its files yet."""
    return StoredModel(
        entry=entry,
        name=manifest.name,
        version=manifest.version,
        title=manifest.title,
        licence=manifest.licence,
        size_bytes=manifest.size_bytes,
        imported_at=None,
        source="",
        in_use=False,
        context_tokens=manifest.context_tokens,
        ways=tuple(ModelWay(way.provider, way.precision, way.minimum_vram_bytes) for way in manifest.variants),
        made_from=manifest.source,
        kind=manifest.kind,
    )


def bundled_models() -> tuple[StoredModel, ...]:
    """What comes with Mulberry; an installation without models has none."""
    try:
        folders = sorted(manifest.parent for manifest in resource("models").glob(f"*/{MANIFEST}"))
    except FileNotFoundError:
        return ()
    return tuple(replace(as_told(path.name, ModelFolder.read(path).manifest), is_bundled=True) for path in folders)


def _unreadable(path: Path) -> StoredModel:
    return StoredModel(path.name, path.name, "", "", "", used_bytes(path), None, "", in_use=False)


def entry_name(manifest: Manifest, untrusted_manifest: bytes) -> str:
    """Readable, harmless on every file system, and different for every manifest."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{manifest.name}-{manifest.version}".lower()).strip("-")[:60]
    return f"{words or 'model'}-{digest_of(untrusted_manifest)[:DIGEST_CHARACTERS]}"


def digest_of(untrusted_manifest: bytes) -> str:
    return hashlib.sha256(untrusted_manifest).hexdigest()


def entries(place: Path) -> list[Path]:
    """The models' folders, whole ones and damaged ones. What else lies there is not ours, and never touched."""
    return [path for path in _folders(place) if ENTRY.fullmatch(path.name) and (path / "model").is_dir()]


def rests(place: Path) -> list[Path]:
    """What is no model: imports under way, copies and removals that broke off."""
    return [path for path in _folders(place) if path.name.startswith(RESTS)]


def used_in(place: Path) -> int:
    return sum(used_bytes(path) for path in (*entries(place), *rests(place)))


def clear(place: Path) -> bool:
    """Removes what the store has put into a place that it has left. False: something could not be removed."""
    try:
        for path in (*entries(place), *rests(place)):
            remove_folder(path)
        with suppress(OSError):  # what else lies there is the owner's
            place.rmdir()
    except OSError:
        return False
    return True


def _folders(place: Path) -> list[Path]:
    try:
        return [path for path in place.iterdir() if path.is_dir() and not path.is_symlink()]
    except FileNotFoundError:
        return []


def _busy(why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The models are busy."),
        why=why,
        next_step=tr("Wait until it is done, then try again; the agent tries by itself."),
        whose_turn=WhoseTurn.NOBODY,
    )


def _doubt(path: Path, record: Record) -> str:
    if not path.name.endswith(digest_of(read_manifest(path / "model"))[:DIGEST_CHARACTERS]):
        return tr("Its manifest was changed after the import.")
    if record.refused:
        return tr("The inspection refused it. {why}", why=" ".join(record.refused))
    if record.inspection < INSPECTION:
        return tr("It was inspected by an older version of Mulberry, which saw less.")
    return ""


def _nearest(path: Path) -> Path:
    """The folder itself, or the one where it would be made."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
