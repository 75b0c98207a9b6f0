"""Small files that are either the old one or the new one, never half of each."""

import os
import secrets
from pathlib import Path

from mulberry.model.clock import Clock

SIZE_LIMIT_BYTES = 64 * 2**10


def write_whole(path: Path, content: bytes) -> None:
    """Replaces the file, for its owner's eyes only; on disk when this returns.

    Raises `OSError`, and then the old file is still whole.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    if os.name != "nt":  # the new name is an entry of the folder, and that has to reach the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_new(path: Path, content: bytes) -> None:
    """A file where none was, for its owner's eyes only, whole or not at all; on disk when this returns.

    Raises `FileExistsError`: there is one already, and it is as it was; `OSError`: it cannot be written.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def read_bounded(path: Path, most_bytes: int = SIZE_LIMIT_BYTES) -> bytes | None:
    """The file's content, None when there is no such file. Raises `ValueError`: too large; `OSError`: not readable."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            untrusted = file.read(most_bytes + 1)
    except FileNotFoundError:
        return None
    if len(untrusted) > most_bytes:
        raise ValueError(f"larger than {most_bytes:,} bytes")
    return untrusted


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that somebody put in a file's place would be waited for until somebody wrote into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def keep_aside(path: Path, clock: Clock) -> Path:
    """Renames a file that cannot be used, so that nothing is lost, and returns its new place."""
    aside = path.with_name(f"{path.stem}.broken-{clock.now():%Y%m%dT%H%M%SZ}{path.suffix}")
    path.rename(aside)
    return aside


def kept_aside(path: Path) -> list[Path]:
    """What `keep_aside` put beside `path`, oldest first. Whoever has dealt with one deletes or moves it."""
    return sorted(path.parent.glob(f"{path.stem}.broken-*{path.suffix}"))
