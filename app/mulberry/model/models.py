"""The models on this computer, as faces show them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One imported model. `entry` names it in the store; `problem` is a sentence, "" when it may serve."""

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


def size_in_words(size_bytes: int) -> str:
    """As disks are sold: a gigabyte has 10⁹ bytes."""
    return f"{size_bytes / 1e9:,.2f} GB" if size_bytes >= 10**7 else f"{size_bytes / 1e6:,.2f} MB"
