"""Fetches the files of a release: resumed where it broke off, counted and hashed on its way, sent on to nobody else."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.update import Artefact, ReleaseFile, in_megabytes
from mulberry.runtime.store.disk import Disk, on_disk
from mulberry.runtime.store.download import Download, a_session

RESERVE_BYTES = 512 * 2**20  # the computer's owner keeps some room, and the installer needs some
BLOCK_BYTES = 2**20


async def fetch_artefact(
    feed: str, artefact: Artefact, folder: Path, progress: Callable[[int], None], disk: Disk
) -> None:
    """All its files are in `folder`, whole and right, when this returns. `feed` is the address from which their paths
    lead; `progress` is told the bytes that are here.

    Raises `UserFacingError`, and `OSError` of the disk. What came so far is kept for the next time.
    """
    missing = await asyncio.to_thread(_look_around, artefact, folder, disk)
    here = artefact.takes_bytes - sum(file.size for file in missing)
    progress(here)
    async with a_session() as session:
        for file in missing:
            part, mark, what = _part(folder, file), folder / f"{file.name}.etag", tr("The update")
            download = Download(session, urljoin(feed, file.path), file, part, mark, disk, what=what, redirects=0)
            await download.run(_on_top_of(here, progress))
            await asyncio.to_thread(on_disk, part)  # its name says that it is right, after a power failure too
            part.replace(folder / file.name)
            here += file.size


def is_whole(place: Path, file: ReleaseFile) -> bool:
    """Whether the file is there, and the one that the feed names. Reads all of it. Raises `OSError`."""
    digest, size = hashlib.sha256(), 0
    try:
        with place.open("rb") as content:
            while (block := content.read(BLOCK_BYTES)) and size <= file.size:
                digest.update(block)
                size += len(block)
    except FileNotFoundError:
        return False
    return size == file.size and digest.hexdigest() == file.sha256


def _look_around(artefact: Artefact, folder: Path, disk: Disk) -> list[ReleaseFile]:
    """The files that are not here yet, for all of which there is room. Raises `UserFacingError`, and `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    missing = [file for file in artefact.files if not is_whole(folder / file.name, file)]
    parts = [part for file in missing if (part := _part(folder, file)).exists()]
    _demand_room(disk, folder, sum(file.size for file in missing) - sum(part.stat().st_size for part in parts))
    return missing


def _on_top_of(before: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    return lambda count: progress(before + count)


def _part(folder: Path, file: ReleaseFile) -> Path:
    return folder / f"{file.name}.part"


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
