"""What of a ledger is looked through before it is used, so that a damaged one is noticed and set aside.

Everything about money, at each start. The jobs, of which there may be millions, only where the file is not as an
orderly end left it: after a crash or a loss of power, or when somebody put another one there. In a ledger so large that
its owner would wait long even then not: damage in what was not looked at is met when it is read.
"""

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from mulberry.model.encoding import from_json, to_json
from mulberry.model.files import read_bounded, write_whole

LARGEST_BYTES = 2**30  # three million jobs, a few seconds; SQLite cannot be told to end such a look after a time
JOB_TABLES = frozenset({"jobs", "confirmations"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeftAs:
    """The ledger's file at an orderly end. What changes it changes one of these."""

    bytes: int
    modified_nanoseconds: int


def look_through(connection: sqlite3.Connection, *, jobs_too: bool) -> None:
    """Raises `sqlite3.DatabaseError` where the ledger is damaged."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table not in JOB_TABLES:
            _quick_check(connection, f"'{table}'")
    if not jobs_too:
        return
    (size,) = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
    if size > LARGEST_BYTES:
        log.warning("the jobs in the ledger were not looked through: they are too many for a start")
    else:
        _quick_check(connection, "1")


def _quick_check(connection: sqlite3.Connection, what: str) -> None:
    told: str = connection.execute(f"PRAGMA quick_check({what})").fetchone()[0]
    if told != "ok":
        raise sqlite3.DatabaseError(told)


def is_as_left(path: Path) -> bool:
    """Whether the ledger at `path` is as an orderly end left it. Asked once: from now on it is in use."""
    note = _note(path)
    try:
        untrusted = read_bounded(note)
        note.unlink(missing_ok=True)
        return untrusted is not None and not _has_log(path) and from_json(LeftAs, untrusted) == _as_it_is(path)
    except (OSError, ValueError):
        return False


def note_orderly_end(path: Path) -> None:
    """After the ledger at `path` was closed. Without the note the next start takes longer, and that is all."""
    try:
        if not _has_log(path):
            write_whole(_note(path), to_json(LeftAs, _as_it_is(path)))
    except OSError as problem:
        log.warning("the ledger's orderly end could not be noted: %s", problem)


def _note(path: Path) -> Path:
    return path.with_name(f"{path.stem}.left-as.json")


def _has_log(path: Path) -> bool:
    """SQLite moves its log into the file and deletes it when the last one closes the ledger."""
    return path.with_name(path.name + "-wal").exists()


def _as_it_is(path: Path) -> LeftAs:
    about = path.stat()
    return LeftAs(about.st_size, about.st_mtime_ns)
