"""A model as a folder with a `manifest.json`: what it is, what it can do, and the hash of each of its files.

The format is described in docs/model-manifest.md. Nothing of a folder is used before every file in it has the size
and the hash that the manifest names, and a folder with a file that the manifest does not name is not used at all:
`model.onnx` could point at it.
"""

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from mulberry.model.language import number, tr
from mulberry.runtime.manifest import MANIFEST, MANIFEST_LIMIT_BYTES, Manifest, ModelFile, parse_manifest, unusable

HASH_BLOCK_BYTES = 1 << 20


class ModelFolder:
    """A folder whose manifest was read and is well formed. Its files are trusted only after `verify`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def read(cls, path: Path) -> "ModelFolder":
        """Raises `UserFacingError`: there is no manifest, or not a usable one."""
        return cls(path, parse_manifest(read_manifest(path), str(path)))

    def verify(self) -> None:
        """Compares every file with the manifest. Reads all of them, so off the loop where models are large.

        Raises `UserFacingError` naming the first file that is missing, not listed, not a plain file or different.
        """
        self.compare_names()
        try:
            for file in self.manifest.files:
                self._compare(file)
        except OSError as problem:
            raise self._unusable(
                tr("It could not be read: {problem}.", problem=problem.strerror or problem)
            ) from problem

    def compare_names(self) -> None:
        """Raises `UserFacingError`: a file is missing, not listed, no plain file or of another size."""
        listed = {file.name: file for file in self.manifest.files}
        try:
            present = {entry.name: entry for entry in os.scandir(self.path) if entry.name != MANIFEST}
            for name in sorted(set(listed) | set(present)):
                if name not in present:
                    raise self._unusable(tr("The file {name} is missing.", name=name))
                if name not in listed:
                    raise self._unusable(tr("The manifest does not name the file {name}.", name=f"{name!r}"))
                found = present[name].stat(follow_symlinks=False)
                if not stat.S_ISREG(found.st_mode):
                    raise self._unusable(tr("{name} is a link or a folder, not a file.", name=name))
                if found.st_size != listed[name].size:
                    raise self._unusable(
                        tr(
                            "{name} has {size} bytes instead of {expected}.",
                            name=name,
                            size=number(f"{found.st_size:,}"),
                            expected=number(f"{listed[name].size:,}"),
                        )
                    )
        except OSError as problem:
            raise self._unusable(
                tr("It could not be read: {problem}.", problem=problem.strerror or problem)
            ) from problem

    def _compare(self, expected: ModelFile) -> None:
        digest = hashlib.sha256()
        with open_plain(self.path / expected.name) as file:
            while block := file.read(HASH_BLOCK_BYTES):
                digest.update(block)
        if digest.hexdigest() != expected.sha256:
            raise self._unusable(tr("{name} was changed: its SHA-256 is not the manifest's.", name=expected.name))

    def _unusable(self, why: str) -> Exception:
        return unusable(str(self.path), why)


def read_manifest(folder: Path) -> bytes:
    """The manifest's bytes, unchecked, and one more than allowed at most. Raises `UserFacingError`."""
    try:
        with open_plain(folder / MANIFEST) as file:
            return file.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as problem:
        raise unusable(
            str(folder), tr("{name} could not be read: {problem}.", name=MANIFEST, problem=problem.strerror or problem)
        ) from problem


def open_plain(path: Path) -> BinaryIO:
    """A file to read. Raises `OSError`: it is a link, a pipe, a device, or not there."""
    not_otherwise = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | not_otherwise), "rb")
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link") from problem
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no plain file")
    return file
