"""Where the control API listens: a Unix socket in a folder of its owner's alone; on Windows a named pipe."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr

SHUTDOWN_SECONDS = 1.0  # what a request may still take when the agent ends


@asynccontextmanager
async def listening(application: web.Application, address: str) -> AsyncIterator[None]:
    """Serves at `address` inside the block. Raises `UserFacingError`: the socket's folder is not ours alone.

    The caller holds the agent's lock, so a socket that lies there is a dead agent's and is replaced.
    """
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = _site(runner, address)
        await site.start()
        _owner_only(address)
        yield
    finally:
        await runner.cleanup()
        _remove(address)


def _site(runner: web.AppRunner, address: str) -> web.BaseSite:
    if os.name == "nt":  # by default only its owner and administrators may write; who asks nothing is told nothing
        return web.NamedPipeSite(runner, address)
    make_private(Path(address).parent)
    return web.UnixSite(runner, address)


def make_private(folder: Path) -> None:
    """Makes `folder` for its owner alone. Raises `UserFacingError` when it is somebody else's, or a link."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserFacingError(
            what=tr("The agent's control socket has no safe place."),
            why=tr("{folder} belongs to another user, or is a link.", folder=folder),
            next_step=tr("Set XDG_RUNTIME_DIR to a folder of your own, or use a shorter path for Mulberry's data."),
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)


def _owner_only(address: str) -> None:
    if os.name != "nt":
        Path(address).chmod(0o600)


def _remove(address: str) -> None:
    if os.name != "nt":
        Path(address).unlink(missing_ok=True)
