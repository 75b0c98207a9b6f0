"""Fetches one file of a release: resumed where it broke off, counted and hashed on its way, sent on to nobody else."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.update import Artefact, in_megabytes
from mulberry.runtime.store.disk import Disk, on_disk
from mulberry.runtime.store.download import Download, a_session

RESERVE_BYTES = 512 * 2**20  # the computer's owner keeps some room, and the installer needs some
BLOCK_BYTES = 2**20


class Fetch(Protocol):
    async def __call__(self, url: str, artefact: Artefact, place: Path, progress: Callable[[int], None]) -> None:
        """`place` is the whole and right file when this returns; `progress` is told the bytes that are here of it.

        Raises `UserFacingError`, and `OSError` of the disk. What came so far is kept for the next time.
        """
        ...


async def fetch_artefact(
    url: str, artefact: Artefact, place: Path, progress: Callable[[int], None], disk: Disk | None = None
) -> None:
    """`Fetch` over HTTP."""
    disk = disk or Disk()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part, mark = place.with_name(f"{place.name}.part"), place.with_name(f"{place.name}.etag")
    if await asyncio.to_thread(is_whole, place, artefact):
        progress(artefact.size)
        return
    here = part.stat().st_size if part.exists() else 0
    _demand_room(disk, place.parent, artefact.size - here)
    async with a_session() as session:
        await Download(session, url, artefact, part, mark, disk, what=tr("The update"), redirects=0).run(progress)
    await asyncio.to_thread(on_disk, part)  # its name says that it is right, after a power failure too
    part.replace(place)


def is_whole(place: Path, artefact: Artefact) -> bool:
    """Whether the file is there, and the one that the feed names. Reads all of it. Raises `OSError`."""
    digest, size = hashlib.sha256(), 0
    try:
        with place.open("rb") as file:
            while (block := file.read(BLOCK_BYTES)) and size <= artefact.size:
                digest.update(block)
                size += len(block)
    except FileNotFoundError:
        return False
    return size == artefact.size and digest.hexdigest() == artefact.sha256


def _demand_room(disk: Disk, folder: Path, needed: int) -> None:
    """Raises `UserFacingError`."""
    free = disk.free_bytes(folder)
    if free < needed + RESERVE_BYTES:
        raise UserFacingError(
            what=tr("There is no room for the update."),
            why=tr(
                "It needs {needed} more and {reserve} to spare, and the disk has {free} free.",
                needed=in_megabytes(needed),
                reserve=in_megabytes(RESERVE_BYTES),
                free=in_megabytes(free),
            ),
            next_step=tr("Make room, then try again. This version goes on as it is."),
        )
