"""The models on this computer, as faces show them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mulberry.model.language import number


class ModelKind(StrEnum):
    """What a model makes of a text. Encoders, all but the first, are not sold on Cocoon today."""

    TEXT_GENERATION = "text-generation"
    EMBEDDING = "embedding"  # a vector
    CLASSIFICATION = "classification"  # a score for each label

    @property
    def in_words(self) -> str:
        """For the command line, which speaks English."""
        return _KINDS[self]

    @property
    def may_serve(self) -> bool:
        return self is ModelKind.TEXT_GENERATION


_KINDS = {
    ModelKind.TEXT_GENERATION: "writes text",
    ModelKind.EMBEDDING: "turns texts into vectors, which is not sold on Cocoon today",
    ModelKind.CLASSIFICATION: "sorts texts by labels, which is not sold on Cocoon today",
}


@dataclass(frozen=True, slots=True)
class ModelWay:
    """One way to run a model: on `provider` (`cpu` or `cuda`), with so much memory of the GPU at least."""

    provider: str
    precision: str
    minimum_vram_bytes: int


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One imported model. `entry` names it in the store; `problem` is a sentence, "" when it may serve.

    `source` is where it was imported from, `made_from` what its makers say of its weights, `judged_in` what stood
    around its inspection. `is_bundled`: it came with Mulberry and lies outside the store. Where `context_tokens` is 0
    the manifest cannot be read.
    """

    entry: str
    name: str
    version: str
    title: str
    licence: str
    size_bytes: int
    imported_at: datetime | None
    source: str
    in_use: bool
    problem: str = ""
    context_tokens: int = 0
    ways: tuple[ModelWay, ...] = ()
    made_from: str = ""
    judged_in: str = ""
    is_bundled: bool = False
    kind: ModelKind = ModelKind.TEXT_GENERATION


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What lies where. `used_bytes` counts unfinished downloads too; `quota_bytes` None: as much as the disk has."""

    place: Path
    models: tuple[StoredModel, ...]
    used_bytes: int
    free_bytes: int
    quota_bytes: int | None
    left_behind: tuple[Path, ...] = ()  # old places that could not be removed yet


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How far an import or a move is: `done_bytes` of `total_bytes` of all files; `note` says what is done now."""

    note: str
    done_bytes: int
    total_bytes: int


class ModelVerb(StrEnum):
    """What an owner can do with models."""

    IMPORT = "import"
    INSPECT = "inspect"  # anew
    MOVE = "move"  # all models, to another disk
    REMOVE = "remove"
    LIMIT = "limit"  # how much room they may take
    COLLECT = "collect"  # unfinished imports and older versions go
    CANCEL = "cancel"  # the import, inspection or move that is under way


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """`POST /v1/models`. `about` is a folder or an address to import, an entry to inspect or remove, or a folder to
    move to, whole (the agent has a current folder of its own); `limit_bytes` goes with LIMIT, None: as much as the
    disk has."""

    verb: ModelVerb
    about: str = ""
    limit_bytes: int | None = None


class WorkState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ModelWork:
    """The import, inspection or move that is under way, or how the last one ended. `title` is the model's, once it is
    known. `problem` is for REFUSED: what happened, why, and what to do next."""

    verb: ModelVerb
    about: str
    state: WorkState
    progress: CopyProgress | None = None
    title: str = ""
    problem: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class ModelsStatus:
    """`GET /v1/models`. Without a `store` it cannot be read, and `problem` says why and what to do."""

    bundled: tuple[StoredModel, ...]
    store: StoreStatus | None
    problem: str = ""
    work: ModelWork | None = None


def size_in_words(size_bytes: int) -> str:
    """As disks are sold: a gigabyte has 10⁹ bytes."""
    return number(f"{size_bytes / 1e9:,.2f} GB" if size_bytes >= 10**7 else f"{size_bytes / 1e6:,.2f} MB")
