"""What an owner asks the agent to do with the key, done through the control API."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mulberry.desktop import key_wording
from mulberry.desktop.key_wording import KeyVerb
from mulberry.model.control import KeyBackup
from mulberry.model.key import KeyCheck, KeyStatus


class KeyAgent(Protocol):
    """The part of `ControlClient` that is about the key."""

    async def unlock_key(self, passphrase: str) -> KeyStatus: ...

    async def set_key_passphrase(self, passphrase: str) -> KeyStatus: ...

    async def back_up_key(self, passphrase: str) -> KeyBackup: ...

    async def check_key(self, backup: KeyBackup, passphrase: str) -> KeyCheck: ...

    async def restore_key(self, backup: KeyBackup, passphrase: str, *, replace: bool = False) -> KeyStatus: ...


@dataclass(frozen=True, slots=True)
class KeyJob:
    """`path` is the backup's file, for BACK_UP, CHECK and RESTORE."""

    verb: KeyVerb
    passphrase: str = field(repr=False)
    path: Path = Path()
    replace: bool = False


async def do(agent: KeyAgent, job: KeyJob) -> str:
    """Does it, and returns what to tell its owner, "" if nothing. Raises `UserFacingError`."""
    from mulberry.client.key_backup import back_up, read_backup  # importing it takes longer than painting the window

    match job.verb:
        case KeyVerb.UNLOCK:
            await agent.unlock_key(job.passphrase)
        case KeyVerb.PROTECT:
            await agent.set_key_passphrase(job.passphrase)
        case KeyVerb.BACK_UP:
            return key_wording.backed_up(await back_up(agent, job.path, job.passphrase), job.path)
        case KeyVerb.CHECK:
            return key_wording.checked(await agent.check_key(await read_backup(job.path), job.passphrase))
        case KeyVerb.RESTORE:
            await agent.restore_key(await read_backup(job.path), job.passphrase, replace=job.replace)
    return key_wording.done(job.verb, job.path)
