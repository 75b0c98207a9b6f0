"""Where a model comes from: a folder of this computer, or an address. Both are strangers' bytes."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import aiohttp

from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr
from mulberry.runtime.manifest import MANIFEST, ModelFile
from mulberry.runtime.models import open_plain, read_manifest
from mulberry.runtime.store.addresses import manifest_address, refused_address
from mulberry.runtime.store.disk import Disk
from mulberry.runtime.store.download import Download, a_session, fetch_manifest

COPIED_AT_ONCE_BYTES = 8 << 20


class Source(Protocol):
    name: str  # for the record and for people

    async def manifest(self) -> bytes:
        """Unchecked, and one byte more than allowed at most. Raises `UserFacingError`."""
        ...

    async def fetch(self, expected: ModelFile, target: Path, mark: Path, progress: Callable[[int], None]) -> None:
        """Brings one file, exactly as the manifest names it, or raises `UserFacingError` or the disk's `OSError`.

        What is there already of an earlier attempt is used where that is safe. `progress` gets bytes of this file.
        """
        ...


@asynccontextmanager
async def source_of(untrusted_place: str, disk: Disk) -> AsyncIterator[Source]:
    """A folder, or an address of a folder or manifest (https, file; http from this computer only).

    Raises `UserFacingError`: neither of them, or an archive.
    """
    if untrusted_place.startswith("file:"):
        yield FolderSource(_path_of(untrusted_place), disk)
    elif "://" in untrusted_place:
        address = manifest_address(untrusted_place)
        async with a_session() as session:
            yield AddressSource(session, address, disk)
    else:
        yield FolderSource(Path(untrusted_place), disk)


class FolderSource:
    """Copies; the folder is never changed and never used where it lies."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder.parent if folder.name == MANIFEST else folder
        self._disk = disk
        self.name = str(self._folder.absolute())

    async def manifest(self) -> bytes:
        if self._folder.is_file():
            raise UserFacingError(
                what=tr("{name} is a file.", name=self.name),
                why=tr("A model is a folder. Archives are not opened, for they can hold more than they show."),
                next_step=tr("Unpack it yourself, then name the folder."),
            )
        return await asyncio.to_thread(self._read_manifest)

    def _read_manifest(self) -> bytes:
        if not os.path.lexists(self._folder / MANIFEST):
            raise UserFacingError(
                what=tr("There is no model in {name}.", name=self.name),
                why=tr("It has no {name}.", name=MANIFEST) if self._folder.is_dir() else tr("There is no such folder."),
                next_step=tr("Name a folder with a manifest; docs/model-manifest.md says what stands in one."),
            )
        return read_manifest(self._folder)

    async def fetch(self, expected: ModelFile, target: Path, mark: Path, progress: Callable[[int], None]) -> None:
        await asyncio.to_thread(target.unlink, missing_ok=True)
        digest, copied = hashlib.sha256(), 0
        try:
            source = open_plain(self._folder / expected.name)
        except OSError as problem:
            raise self._wrong(
                tr("{name} could not be read: {problem}.", name=expected.name, problem=problem.strerror or problem)
            ) from problem

        def copy_some() -> int:
            """Reads one byte more than the manifest names, which shows that there is more, and no further."""
            block = source.read(min(COPIED_AT_ONCE_BYTES, expected.size + 1 - copied))
            digest.update(block)
            copied_to.write(block)
            return len(block)

        with source, self._disk.append(target) as copied_to:
            while copied <= expected.size and (some := await asyncio.to_thread(copy_some)):
                copied += some
                progress(min(copied, expected.size))
        if copied != expected.size:
            raise self._wrong(_of_another_size(expected, copied))
        if digest.hexdigest() != expected.sha256:
            raise self._wrong(tr("{name} was changed: its SHA-256 is not the manifest's.", name=expected.name))

    def _wrong(self, why: str) -> UserFacingError:
        return UserFacingError(
            what=tr("The model in {name} was not imported.", name=self.name),
            why=why,
            next_step=tr("Get the folder anew from where it came."),
        )


class AddressSource:
    """The manifest's neighbours on a server."""

    def __init__(self, session: aiohttp.ClientSession, address: str, disk: Disk) -> None:
        self._session = session
        self._disk = disk
        self.name = address

    async def manifest(self) -> bytes:
        return await fetch_manifest(self._session, self.name)

    async def fetch(self, expected: ModelFile, target: Path, mark: Path, progress: Callable[[int], None]) -> None:
        address = urljoin(self.name, expected.name)
        await Download(self._session, address, expected, target, mark, self._disk).run(progress)


def _of_another_size(expected: ModelFile, found: int) -> str:
    size = number(f"{expected.size:,}")
    if found > expected.size:
        return tr("{name} has more than {expected} bytes instead of {expected}.", name=expected.name, expected=size)
    return tr(
        "{name} has {size} bytes instead of {expected}.", name=expected.name, size=number(f"{found:,}"), expected=size
    )


def _path_of(untrusted_address: str) -> Path:
    parts = urlsplit(untrusted_address)
    if parts.netloc not in ("", "localhost") or not parts.path or parts.query or parts.fragment:
        raise refused_address(untrusted_address, tr("A file's address is file:///FOLDER."))
    return Path(url2pathname(parts.path))
