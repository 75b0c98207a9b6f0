"""One agent a data folder. The system releases the lock when the agent ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import tr
from mulberry.model.locks import try_lock


@contextmanager
def only_agent(path: Path) -> Iterator[None]:
    """Holds the folder's lock. Raises `UserFacingError` when another agent has it. The file itself stays."""
    with path.open("a+b") as file:
        if not try_lock(file):
            raise UserFacingError(
                what=tr("An agent is already running for this data folder."),
                why=_held(path, file),
                next_step=tr("Use the one that runs (`mulberry status`), or end it with `mulberry quit`."),
                whose_turn=WhoseTurn.YOU,
            )
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield


def _held(path: Path, file: BinaryIO) -> str:
    try:
        file.seek(0)
        written = file.read(20).decode("ascii", "replace")
    except OSError:  # Windows does not let others read what is locked
        written = ""
    if written.isdecimal():
        return tr("{path} is held by process {number}.", path=path, number=written)
    return tr("{path} is held by process of unknown number.", path=path)
