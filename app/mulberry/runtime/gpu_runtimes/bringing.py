"""Brings the files of a runtime: over the network, or out of a folder. Each is right by its hash, or it is not here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import aiohttp

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import Wheel
from mulberry.model.language import tr
from mulberry.runtime.manifest import ModelFile
from mulberry.runtime.store.disk import Disk
from mulberry.runtime.store.download import Download, a_session
from mulberry.runtime.store.sources import FolderSource

AskForAddresses = Callable[[Sequence[Wheel]], Awaitable[Mapping[str, str]]]
Progress = Callable[[int], None]


class Bringer(Protocol):
    async def look_for(self, wheels: Sequence[Wheel]) -> None:
        """Where these are. Raises `UserFacingError`."""
        ...

    async def bring(self, wheel: Wheel, target: Path, progress: Progress) -> None:
        """Exactly this file, or `UserFacingError` or the disk's `OSError`. What is at `target` already of an earlier
        attempt is used where that can be."""
        ...


class FromFolder:
    """Copies; the folder stays as it is."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk

    async def look_for(self, wheels: Sequence[Wheel]) -> None:
        missing = [wheel.name for wheel in wheels if not (self._folder / wheel.name).is_file()]
        if missing:
            raise UserFacingError(
                what=tr("The folder {folder} does not have all files of the GPU runtime.", folder=self._folder),
                why=tr("It lacks {names}.", names=", ".join(missing)),
                next_step=tr("Put them there; `mulberry gpu-setup --plan` names them all."),
            )

    async def bring(self, wheel: Wheel, target: Path, progress: Progress) -> None:
        await _copied(self._folder, wheel, target, self._disk, progress)


class FromIndex:
    """Downloads from where `ask` says, which is pip (`addresses.ask_pip`)."""

    def __init__(self, session: aiohttp.ClientSession, ask: AskForAddresses, disk: Disk) -> None:
        self._session = session
        self._ask = ask
        self._disk = disk
        self._addresses: Mapping[str, str] = {}

    async def look_for(self, wheels: Sequence[Wheel]) -> None:
        self._addresses = await self._ask(wheels)

    async def bring(self, wheel: Wheel, target: Path, progress: Progress) -> None:
        address = self._addresses[wheel.name]
        if address.startswith("file:"):  # of a folder that pip was told to look into
            folder = Path(url2pathname(urlsplit(address).path)).parent
            await _copied(folder, wheel, target, self._disk, progress)
            return
        mark = target.with_name(f"{target.name}.etag")
        what = tr("The GPU runtime")
        download = Download(
            self._session, address, _file(wheel), target, mark, self._disk, what=what, never_changes=True
        )
        await download.run(progress)


@asynccontextmanager
async def from_index(ask: AskForAddresses, disk: Disk) -> AsyncIterator[FromIndex]:
    async with a_session() as session:
        yield FromIndex(session, ask, disk)


async def _copied(folder: Path, wheel: Wheel, target: Path, disk: Disk, progress: Progress) -> None:
    try:
        await FolderSource(folder, disk).fetch(_file(wheel), target, target, progress)
    except UserFacingError as problem:
        await asyncio.to_thread(target.unlink, missing_ok=True)
        raise UserFacingError(
            what=tr("The GPU runtime was not installed."),
            why=problem.why,
            next_step=tr("Get the file anew, then try again."),
        ) from problem


def _file(wheel: Wheel) -> ModelFile:
    return ModelFile(name=wheel.name, size=wheel.size_bytes, sha256=wheel.sha256)
