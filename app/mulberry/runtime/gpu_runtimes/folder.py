"""The installed GPU runtimes: what lies where, which one is used, and how the one before comes back.

    <root>/chosen.json                        the version in use and the one before; "" is what came with Mulberry
    <root>/<version>/libraries/, record.json  a whole runtime that was tried out
    <root>/.<version>.partial/                an installation under way
    <root>/setup.lock, choice.lock            one installation at a time, one change of what is chosen at a time
    <root>/in-use/<version>.<process>.lock    locked by whoever computes with it

A version appears by one rename. Two stay: the one in use and the one before; others go when nobody uses them.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.gpu_runtime import GpuNeeds, GpuRuntime, InstalledRuntime
from mulberry.model.language import tr
from mulberry.model.locks import try_lock
from mulberry.runtime.gpu_runtimes.table import this_python
from mulberry.runtime.store.disk import Disk, make_folder, on_disk, remove_folder, used_bytes

log = logging.getLogger(__name__)

VERSION = r"[A-Za-z0-9][A-Za-z0-9.-]{0,79}"
RECORD_LIMIT_BYTES = 1 << 20
LIBRARIES = "libraries"

Version = Annotated[str, Field(pattern=rf"^({VERSION})?$")]


class Chosen(BaseModel):
    """`chosen.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    current: Version = ""
    previous: Version = ""


class Record(BaseModel):
    """`record.json`: what was installed, with the size of each file below `libraries`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Version
    onnxruntime: str
    python: str
    cuda: str
    oldest_driver: int
    machine_code: tuple[tuple[int, int], ...]
    installed_at: datetime
    files: dict[str, int]

    @property
    def needs(self) -> GpuNeeds:
        return GpuNeeds(self.cuda, self.oldest_driver, self.machine_code)


@dataclass(frozen=True, slots=True)
class Held:
    """What the next engine on a GPU computes with. `libraries` None: with what came with Mulberry, because none is
    installed or, says `trouble`, because the installed one cannot be used."""

    libraries: Path | None = None
    needs: GpuNeeds | None = None
    version: str = ""
    trouble: str = ""


WITH_MULBERRY = Held()


class GpuRuntimes:
    """`root` need not exist yet. Several processes may use one folder."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.root = root
        self.disk = disk or Disk()

    # What is there

    @property
    def chosen(self) -> Chosen:
        """What cannot be read chooses nothing: then the GPU waits for an installation, and nothing is lost."""
        try:
            untrusted = read_bounded(self.root / "chosen.json")
            return Chosen() if untrusted is None else Chosen.model_validate_json(untrusted)
        except (OSError, ValueError):
            return Chosen()

    def installed(self) -> tuple[InstalledRuntime, ...]:
        """The newest installation first."""
        found = [self._told(path.name) for path in self._versions()]
        return tuple(
            sorted(found, key=lambda one: one.installed_at.timestamp() if one.installed_at else 0, reverse=True)
        )

    def trouble_of(self, version: str) -> str:
        """What is the matter with an installed version, as a sentence; "" when it may be used."""
        return self._read(version)[1]

    def partial(self, runtime: GpuRuntime) -> Path:
        return self.root / f".{runtime.version}.partial"

    # Use

    def look(self) -> Held:
        """The chosen one, which may be removed while somebody looks at it."""
        return self._held(self.chosen.current)

    @contextmanager
    def held(self) -> Iterator[Held]:
        """The chosen one, which nobody removes until the end of the block."""
        version = self.chosen.current
        with self._in_use(version) if version else nullcontext():
            yield self._held(version)

    def _held(self, version: str) -> Held:
        if not version:
            return WITH_MULBERRY
        record, trouble = self._read(version)
        if record is None or trouble:
            return Held(version=version, trouble=trouble)
        return Held(self.root / version / LIBRARIES, record.needs, version)

    @contextmanager
    def _in_use(self, version: str) -> Iterator[None]:
        """Where a disk is too full even for that, work goes on: only a removal could then meet it."""
        path = self.root / "in-use" / f"{version}.{os.getpid()}-{os.urandom(4).hex()}.lock"
        with ExitStack() as stack:
            try:
                make_folder(path.parent)
                lock = path.open("ab")
            except OSError as problem:
                log.warning("the GPU runtime is used without a mark: %s", problem)
            else:
                stack.callback(path.unlink, missing_ok=True)  # after it was closed, as Windows wants it
                try_lock(stack.enter_context(lock))
            yield

    def is_in_use(self, version: str) -> bool:
        """By this or any other process. One that died holds nothing."""
        for path in (self.root / "in-use").glob(f"{version}.*-*.lock"):
            with suppress(FileNotFoundError), path.open("r+b") as lock:
                if not try_lock(lock):
                    return True
        return False

    # Change

    @contextmanager
    def installing(self) -> Iterator[None]:
        """The only one that installs. Raises `UserFacingError`."""
        with self._alone("setup.lock"):
            yield

    def publish(self, unpacked: Path, record: Record) -> None:
        """Makes a whole runtime of a folder that has `libraries`, and uses it from the next engine's start on."""
        for place, _, names in os.walk(unpacked):
            for name in names:
                on_disk(Path(place) / name)
        write_whole(unpacked / "record.json", record.model_dump_json().encode())
        target = self.root / record.version
        remove_folder(target)  # one that was damaged
        unpacked.rename(target)
        on_disk(self.root)
        self.use(record.version)

    def use(self, version: str) -> None:
        """From the next engine's start on."""
        with self._alone("choice.lock"):
            before = self.chosen
            if before.current != version:
                self._choose(Chosen(current=version, previous=before.current))

    def roll_back(self) -> Chosen:
        """Back to the one before, or to what came with Mulberry; once more, and it is as it was.

        Raises `UserFacingError`: nothing is installed, or the one before cannot be used.
        """
        with self._alone("choice.lock"):
            before = self.chosen
            if not before.current and not before.previous:
                raise UserFacingError(
                    what=tr("There is nothing to go back to."),
                    why=tr("No GPU runtime is installed."),
                    next_step=tr("Install one: `mulberry gpu-setup`."),
                )
            if before.previous and (trouble := self.trouble_of(before.previous)):
                raise UserFacingError(
                    what=tr("The GPU runtime from before cannot be used."),
                    why=trouble,
                    next_step=tr("Install it again: `mulberry gpu-setup`."),
                )
            self._choose(Chosen(current=before.previous, previous=before.current))
            return self.chosen

    def collect(self) -> None:
        """Removes what is neither chosen nor used, and what installations of other versions left. Only within
        `installing`. What cannot be removed now is left to the next one."""
        chosen = self.chosen
        old = [path for path in self._versions() if path.name not in (chosen.current, chosen.previous)]
        unused = [path for path in old if not self.is_in_use(path.name)]
        for path in (*unused, *self.root.glob(".*.partial"), *self.root.glob(".gone-*")):
            try:
                remove_folder(path)
            except OSError as problem:
                log.warning("an old GPU runtime stays: %s", problem)

    def _choose(self, chosen: Chosen) -> None:
        write_whole(self.root / "chosen.json", chosen.model_dump_json(indent=1).encode() + b"\n")

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        make_folder(self.root)
        with (self.root / name).open("ab") as lock:
            if not try_lock(lock):
                raise UserFacingError(
                    what=tr("The GPU runtime is being installed already."),
                    why=tr("Another program, the agent or the command line, is at it."),
                    next_step=tr("Wait until it is done."),
                    whose_turn=WhoseTurn.NOBODY,
                )
            yield

    def _versions(self) -> list[Path]:
        try:
            return [path for path in self.root.iterdir() if (path / LIBRARIES).is_dir() and path.name[0] != "."]
        except FileNotFoundError:
            return []

    def _read(self, version: str) -> tuple[Record | None, str]:
        """Compares the sizes of all files, some hundred, with what was installed."""
        folder = self.root / version
        try:
            record = Record.model_validate_json(read_bounded(folder / "record.json", RECORD_LIMIT_BYTES) or b"")
        except (OSError, ValueError):
            return None, tr("The GPU runtime {version} is not whole.", version=version)
        if record.python != this_python():
            return record, tr("The GPU runtime {version} was installed for another Python.", version=version)
        for name, size in record.files.items():
            try:
                found = os.lstat(folder / LIBRARIES / name).st_size
            except OSError:
                return record, tr("The GPU runtime {version} lacks {name}.", version=version, name=name)
            if found != size:
                return record, tr("In the GPU runtime {version}, {name} was changed.", version=version, name=name)
        return record, ""

    def _told(self, version: str) -> InstalledRuntime:
        record, trouble = self._read(version)
        return InstalledRuntime(
            version=version,
            onnxruntime=record.onnxruntime if record else "",
            cuda=record.cuda if record else "",
            size_bytes=used_bytes(self.root / version),
            installed_at=record.installed_at if record else None,
            problem=trouble,
        )
