"""A key's backup as a file of the owner's: written, read back, and opened again before anyone relies on it."""

import asyncio
from pathlib import Path
from typing import Protocol

from mulberry.model.control import KeyBackup
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_new
from mulberry.model.key import KeyCheck
from mulberry.model.language import tr


class KeyAgent(Protocol):
    """The part of `ControlClient` that backs up a key."""

    async def back_up_key(self, passphrase: str) -> KeyBackup: ...

    async def check_key(self, backup: KeyBackup, passphrase: str) -> KeyCheck: ...


async def back_up(agent: KeyAgent, path: Path, passphrase: str) -> KeyCheck:
    """Writes a new file and returns what was read back from it. Raises `UserFacingError`: it is no backup then."""
    backup = await agent.back_up_key(passphrase)
    try:
        await asyncio.to_thread(write_new, path, backup.content.encode())
    except FileExistsError as problem:
        raise UserFacingError(
            what=tr("The key was not backed up."),
            why=tr("{path} is there already, and it may be somebody's only copy.", path=path),
            next_step=tr("Choose another name."),
        ) from problem
    except OSError as problem:
        raise UserFacingError(
            what=tr("The key was not backed up."),
            why=f"{path}: {problem.strerror or problem}.",
            next_step=tr("Choose a folder that you may write to."),
        ) from problem
    found = await agent.check_key(await read_backup(path), passphrase)
    if not found.is_this_nodes:
        raise UserFacingError(
            what=tr("The backup is not good."),
            why=tr("What {path} gives back is not this node's key.", path=path),
            next_step=tr("Delete it and back up once more, on another disk."),
        )
    return found


async def read_backup(path: Path) -> KeyBackup:
    """Raises `UserFacingError`: there is no such file, or it is no backup."""
    try:
        untrusted = await asyncio.to_thread(read_bounded, path)
        if untrusted is not None:
            return KeyBackup(untrusted.decode())
        why = tr("there is no such file")
    except UnicodeDecodeError:
        why = tr("it is no text")
    except (OSError, ValueError) as problem:
        why = str(problem)
    raise UserFacingError(
        tr("The backup cannot be read."), f"{path}: {why}.", tr("Choose the file that Mulberry wrote.")
    )
