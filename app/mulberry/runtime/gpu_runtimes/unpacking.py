"""Unpacks a wheel: the very file whose hash is right. Where its content lands is decided here all the same.

Of PEP 427's parts only what is imported is wanted: files below the wheel's root. A wheel whose entries lead elsewhere,
are links, or say other sizes than the table, is refused whole.
"""

import hashlib
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import Wheel
from mulberry.model.language import tr
from mulberry.runtime.models import open_plain
from mulberry.runtime.store.disk import Disk, make_folder

BLOCK_BYTES = 4 << 20
ENTRIES_LIMIT = 20_000
LONGEST_NAME = 240
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
NEVER_IN_NAMES = ("\\", ":", "\0")


class Stopped(Exception):
    """Somebody wanted it to end."""


def unpack(
    path: Path, expected: Wheel, target: Path, disk: Disk, progress: Callable[[int], None], stop: threading.Event
) -> None:
    """Into the folder `target`, where other wheels may lie. `progress` gets the bytes of this one.

    Raises `UserFacingError`: it is not such a wheel; `OSError` of the disk; `Stopped`.
    """
    try:
        with open_plain(path) as file:
            if _sha256(file, stop) != expected.sha256:
                raise ValueError("its SHA-256 is another one")
            with zipfile.ZipFile(file) as wheel:
                _unpack_all(wheel, expected, target, disk, progress, stop)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as problem:
        raise _wrong(expected, str(problem) or type(problem).__name__) from problem


def _sha256(file: BinaryIO, stop: threading.Event) -> str:
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        if stop.is_set():
            raise Stopped
    return digest.hexdigest()


def _unpack_all(
    wheel: zipfile.ZipFile,
    expected: Wheel,
    target: Path,
    disk: Disk,
    progress: Callable[[int], None],
    stop: threading.Event,
) -> None:
    done = 0
    for entry in _checked(wheel.infolist(), expected):
        for part_bytes in _write(wheel, entry, target, disk):
            done += part_bytes
            progress(done)
            if stop.is_set():
                raise Stopped


def _checked(untrusted_entries: list[zipfile.ZipInfo], expected: Wheel) -> list[zipfile.ZipInfo]:
    """The files, when all entries are harmless. Raises `ValueError`."""
    if len(untrusted_entries) > ENTRIES_LIMIT:
        raise ValueError("too many files")
    if sum(entry.file_size for entry in untrusted_entries) != expected.unpacked_bytes:
        raise ValueError("its files have another size than they should")
    seen: set[str] = set()
    for entry in untrusted_entries:
        name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not place.parts or len(name) > LONGEST_NAME:
            raise ValueError("a file that would lie elsewhere")
        if any(sign in name for sign in NEVER_IN_NAMES) or not name.isprintable():
            raise ValueError("a file's name that some systems take for a path")
        if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
            raise ValueError("a link, or something else that is no file")
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in METHODS:
            raise ValueError("a file that is packed in another way")
        if str(place).casefold() in seen:
            raise ValueError("a file that comes twice")
        seen.add(str(place).casefold())
    return [entry for entry in untrusted_entries if not entry.is_dir()]


def _write(wheel: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, disk: Disk) -> Iterator[int]:
    """Yields how many bytes were written. Several wheels may bring the same small file, but not two different ones."""
    path = target.joinpath(*PurePosixPath(entry.filename).parts)
    make_folder(path.parent)
    if path.exists():
        if path.stat().st_size != entry.file_size or path.read_bytes() != wheel.read(entry):
            raise ValueError("a file that another part of the runtime has, too")
        return
    written = 0
    with wheel.open(entry) as source, disk.append(path) as file:
        while block := source.read(BLOCK_BYTES):
            written += len(block)
            if written > entry.file_size:
                raise ValueError("a file that is larger than it says")
            file.write(block)
            yield len(block)
    if written != entry.file_size:
        raise ValueError("a file that is shorter than it says")


def _wrong(expected: Wheel, detail: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The GPU runtime was not installed."),
        why=tr("{name} cannot be unpacked: it is not what its name says.", name=expected.name),
        next_step=tr("Install it again; if it stays so, a newer Mulberry may know other files."),
        detail=detail,
    )
