"""The node wallet's key as the faces show it: where it lies and how it is. The key itself is never among these."""

from dataclasses import dataclass
from enum import StrEnum


class KeyState(StrEnum):
    UNREAD = "not read yet"
    OPEN = "open"
    LOCKED = "locked"  # under a passphrase that nobody has said since the agent started
    UNAVAILABLE = "unavailable"  # see `KeyStatus.note`


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """`kept` says in words where the key lies, `wallet` is its node wallet's friendly address; "" where not known.

    `note` says what is wrong and what to do about it.
    """

    state: KeyState = KeyState.UNREAD
    kept: str = ""
    wallet: str = ""
    note: str = ""
    has_passphrase: bool = False


UNREAD_KEY = KeyStatus()


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What a backup holds. `is_this_nodes` is None where this computer has had no key yet."""

    wallet: str
    is_this_nodes: bool | None
