"""What an account is at one moment. Source: TL-B `ShardAccount` and `Account`, block.tlb."""

from dataclasses import dataclass
from enum import Enum

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice

from mulberry.model.money import Nanoton

STANDARD_ADDRESS_BITS = 2 + 1 + 8 + 256
NO_TRANSACTION = bytes(32)


class AccountStatus(Enum):
    """TON's four. `NONE` means that the chain holds nothing about the account."""

    NONE = "none"
    UNINITIALISED = "uninitialised"  # money, but no code yet
    FROZEN = "frozen"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account after some block."""

    status: AccountStatus
    balance: Nanoton
    code: Cell | None = None
    data: Cell | None = None
    last_transaction_lt: int = 0  # logical time of the newest transaction; 0: none yet
    last_transaction_hash: bytes = NO_TRANSACTION  # 32 bytes


def _no_account() -> Cell:
    nothing = Builder()
    nothing.store_bit_int(0)
    builder = Builder()
    builder.store_ref(nothing.end_cell()).store_bytes(NO_TRANSACTION).store_uint(0, 64)
    return builder.end_cell()


NO_ACCOUNT = _no_account()  # the `ShardAccount` from which an account begins


def read_account(shard_account: Cell | None) -> AccountState:
    """From a `ShardAccount` that the emulator wrote. None: there is none."""
    if shard_account is None or not exists(shard_account):
        return AccountState(AccountStatus.NONE, Nanoton(0))
    outer = Slice(shard_account.bits.copy(), [])
    transaction_hash, transaction_lt = outer.load_bytes(32), outer.load_uint(64)
    account: Cell = shard_account.refs[0]
    rest = Slice(account.bits.copy(), list(account.refs))
    _skip_to_balance(rest)
    balance = rest.load_coins()
    rest.load_maybe_ref()  # extra currencies
    status, code, data = AccountStatus.UNINITIALISED, None, None
    if rest.load_bit():
        status = AccountStatus.ACTIVE
        rest.skip_bits(5 if rest.load_bit() else 0)  # depth of a fixed prefix
        rest.skip_bits(2 if rest.load_bit() else 0)  # tick and tock
        code, data = rest.load_maybe_ref(), rest.load_maybe_ref()
    elif rest.load_bit():
        status = AccountStatus.FROZEN
    return AccountState(status, Nanoton(balance), code, data, transaction_lt, transaction_hash)


def exists(shard_account: Cell) -> bool:
    """Whether there is an account, not only the memory of one."""
    return bool(shard_account.refs[0].bits[0])


def _skip_to_balance(rest: Slice) -> None:
    rest.skip_bits(1 + STANDARD_ADDRESS_BITS)
    rest.load_var_uint(3)  # cells used
    rest.load_var_uint(3)  # bits used
    if rest.load_uint(3):
        rest.skip_bits(256)  # hash of the storage's dictionary
    rest.skip_bits(32)  # paid until
    if rest.load_bit():
        rest.load_coins()  # storage fee owed
    rest.skip_bits(64)  # end of the last transaction
