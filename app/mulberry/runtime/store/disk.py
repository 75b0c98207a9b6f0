"""What the store asks of a disk. The seam by which tests fill one up."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.models import size_in_words

RESERVE_BYTES = 512 << 20  # the computer's owner keeps some room
FOLDER_MODE, FILE_MODE = 0o755, 0o644


class Disk:
    def free_bytes(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free

    def append(self, path: Path) -> BinaryIO:
        """A file to write on. Raises `OSError`, as its writes do."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(path, flags, FILE_MODE), "ab")


def make_folder(path: Path) -> None:
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def let_read(model: Path) -> None:
    """A job process may be another user, whatever our own new files are allowed."""
    model.chmod(FOLDER_MODE)
    for path in model.iterdir():
        path.chmod(FILE_MODE)


def used_bytes(folder: Path) -> int:
    """Of all plain files below; what goes away meanwhile counts for nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - many files
            except OSError:
                continue
    return total


def on_disk(path: Path) -> None:
    """Returns when the file or folder is really written."""
    if path.is_dir() and os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_folder(path: Path) -> None:
    """Under another name first, so that half of it is never taken for a model. Raises `OSError`."""
    if not path.exists():
        return
    going = path if path.name.startswith(".") else path.with_name(f".gone-{path.name}")
    if going != path:
        shutil.rmtree(going, ignore_errors=True)
        path.rename(going)
    shutil.rmtree(going)


def no_room(what: str, needed: int, there: int) -> UserFacingError:
    return UserFacingError(
        what=tr("There is no room for {models}.", models=what),
        why=tr(
            "It needs {needed}, and the disk has {there} free, of which {reserve} stay yours.",
            needed=size_in_words(needed),
            there=size_in_words(there),
            reserve=size_in_words(RESERVE_BYTES),
        ),
        next_step=tr("Make room, or move the models to another disk: `mulberry models move FOLDER`."),
    )
