"""Messages and transactions, as far as the chain itself looks into them. Source: TL-B `Message`, `Transaction`."""

from dataclasses import dataclass

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice

from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN
from mulberry.demo.chain.dictionary import PLAIN, Dictionary

WORKCHAINS = (BASECHAIN, MASTERCHAIN)
OUT_MESSAGE_KEY_BITS = 15


class MessageError(ValueError):
    """The message has not the form that it must have."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way."""

    workchain: int
    account: bytes  # 32 bytes
    cell: Cell


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction and what it sent."""

    account: bytes
    lt: int
    end_lt: int  # after the last message
    previous_lt: int
    previous_hash: bytes
    fees: int
    sent: tuple[Message, ...]  # internal ones, in order
    cell: Cell


def read_external(untrusted: Cell) -> Message:
    """An external message to a contract of ours. Raises `MessageError`."""
    try:
        rest = Slice(untrusted.bits.copy(), [])
        if rest.load_uint(2) != 0b10:
            raise MessageError("not an external message that comes in")
        if rest.load_uint(2) != 0b00:  # from whom: nobody says so
            rest.skip_bits(rest.load_uint(9))
        return Message(*_address(rest), untrusted)
    except MessageError:
        raise
    except Exception as problem:  # the library's, of many kinds: cut short is all that can be left
        raise MessageError("the message is cut short") from problem


def read_transaction(cell: Cell) -> Transaction:
    """From a transaction that the emulator wrote."""
    rest = Slice(cell.bits.copy(), list(cell.refs))
    rest.skip_bits(4)
    account, lt = rest.load_bytes(32), rest.load_uint(64)
    previous_hash, previous_lt = rest.load_bytes(32), rest.load_uint(64)
    rest.skip_bits(32)
    count = rest.load_uint(15)
    rest.skip_bits(2 + 2)
    fees = rest.load_coins()
    messages = Slice(cell.refs[0].bits.copy(), list(cell.refs[0].refs))
    messages.load_maybe_ref()  # the message that came in
    sent = Dictionary(OUT_MESSAGE_KEY_BITS, PLAIN, messages.load_maybe_ref())
    internal = (_read_internal(value.refs[0]) for _, value in sent.items())
    arriving = tuple(message for message in internal if message is not None)
    return Transaction(account, lt, lt + count, previous_lt, previous_hash, fees, arriving, cell)


def internal_message(
    *,
    source: tuple[int, bytes],
    destination: tuple[int, bytes],
    nanoton: int,
    lt: int,
    unixtime: int,
    bounce: bool,
    state_init: Cell | None,
    body: Cell | None,
) -> Cell:
    """`int_msg_info` without fees, as the sending side would have made it."""
    builder = Builder()
    builder.store_bits("01").store_bit_int(int(bounce)).store_bit_int(0)
    for workchain, account in (source, destination):
        builder.store_bits("100").store_int(workchain, 8).store_bytes(account)
    builder.store_coins(nanoton).store_bit_int(0).store_coins(0).store_coins(0)
    builder.store_uint(lt, 64).store_uint(unixtime, 32)
    builder.store_bit_int(int(state_init is not None))
    if state_init is not None:
        builder.store_bit_int(1).store_ref(state_init)
    builder.store_maybe_ref(body)
    return builder.end_cell()


def _read_internal(cell: Cell) -> Message | None:
    """None: it leaves the chain, or goes where nobody lives."""
    rest = Slice(cell.bits.copy(), [])
    if rest.load_bit():
        return None
    rest.skip_bits(3)
    try:
        _address(rest)  # from the contract itself
        return Message(*_address(rest), cell)
    except MessageError:
        return None


def _address(rest: Slice) -> tuple[int, bytes]:
    if rest.load_uint(3) != 0b100:
        raise MessageError("not a standard address")
    workchain, account = rest.load_int(8), rest.load_bytes(32)
    if workchain not in WORKCHAINS or len(account) != 32:
        raise MessageError("an address of no workchain that is here")
    return workchain, account
