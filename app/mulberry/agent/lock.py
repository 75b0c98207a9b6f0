"""One agent a data folder. The system releases the lock when the agent ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mulberry.model.errors import UserFacingError, WhoseTurn


@contextmanager
def only_agent(path: Path) -> Iterator[None]:
    """Holds the folder's lock. Raises `UserFacingError` when another agent has it. The file itself stays."""
    with path.open("a+b") as file:
        if not _try_lock(file):
            raise UserFacingError(
                what="An agent is already running for this data folder.",
                why=f"{path} is held by process {_holder(file)}.",
                next_step="Use the one that runs (`mulberry status`), or end it with `mulberry quit`.",
                whose_turn=WhoseTurn.YOU,
            )
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield


def _holder(file: BinaryIO) -> str:
    try:
        file.seek(0)
        written = file.read(20).decode("ascii", "replace")
    except OSError:  # Windows does not let others read what is locked
        written = ""
    return written if written.isdecimal() else "of unknown number"


if sys.platform == "win32":
    import msvcrt

    LOCKED_BYTE = 1 << 30  # far behind the process number, which others may then read

    def _try_lock(file: BinaryIO) -> bool:
        file.seek(LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        file.seek(0)
        return True

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
