"""What an account is at one moment."""

from dataclasses import dataclass
from enum import Enum

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton


class AccountStatus(Enum):
    """TON's four. `NONE` means that the chain holds nothing about the account."""

    NONE = "none"
    UNINITIALISED = "uninitialised"  # money, but no code yet
    FROZEN = "frozen"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account after the newest block."""

    status: AccountStatus
    balance: Nanoton
    code: Cell | None
    data: Cell | None
    last_transaction_lt: int  # logical time of the newest transaction; 0: none yet
    last_transaction_hash: bytes  # 32 bytes
