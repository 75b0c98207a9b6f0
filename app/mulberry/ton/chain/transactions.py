"""An account's transactions, newest first, each proven by the hash that the one before it names.

Source: TON's block.tlb. Bodies and comments are strangers' words: they are cut short and never walked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from bitarray import bitarray
from bitarray.util import int2ba
from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.ton.address import ACCOUNT_BYTES, Address
from mulberry.ton.chain.bags import read_bag
from mulberry.ton.chain.dictionary import entries
from mulberry.ton.chain.errors import ServerLied, Unreadable
from mulberry.ton.chain.fields import BadShape, Fields
from mulberry.ton.chain.lite_api import MAX_TRANSACTIONS
from mulberry.ton.chain.nouns import BASECHAIN, Message, Position, Transaction, TransactionPage

MAX_PAGE_CELLS = MAX_TRANSACTIONS * 9_000  # a message may have 8,192, and anyone may send us one
MAX_OUTGOING = 256  # a transaction sends no more than 255
COMMENT_LIMIT_BYTES = 1024
COMMENT_LIMIT_CELLS = 16
COMMENT = 0


@dataclass(frozen=True, slots=True)
class Execution:
    """What running an account's code came to. Exit and result codes: 0 and 1 are success, None: that part did not run.

    `gas_fee` is a part of the transaction's fees.
    """

    success: bool
    returned: bool  # what came in was sent back
    exit_code: int | None
    result_code: int | None  # of sending the messages that the code made
    gas_fee: Nanoton


class BadHistory(ServerLied):
    """A page is not what its own hashes say."""


def prove_page(untrusted_bag: bytes, address: Address, start: Position, limit: int) -> TransactionPage:
    """The transactions of `address` from `start` on.

    Raises `ServerLied`: one is missing, altered or not asked for; `Unreadable`: one is not of a known kind.
    """
    cells = read_bag(untrusted_bag, roots=range(1, MAX_TRANSACTIONS + 1), max_cells=MAX_PAGE_CELLS)
    if len(cells) > limit:
        raise BadHistory("a page of more transactions than were asked for")
    expected: Position | None = start
    transactions = []
    for cell in cells:
        if expected is None or cell.hash != expected.hash:
            raise BadHistory("a page in which a transaction is missing, altered or out of order")
        try:
            transaction = read_transaction(cell, address)
        except BadShape as problem:  # its hash is right, so the server is
            raise Unreadable(f"A transaction has a form that is not known: {problem}.") from problem
        if transaction.position != expected:
            raise BadHistory("a transaction under another's time")
        transactions.append(transaction)
        expected = transaction.older
    return TransactionPage(tuple(transactions), expected)


def read_transaction(cell: Cell, address: Address) -> Transaction:
    """One transaction from a proven cell. Raises `BadShape`, or `BadHistory` if it is another account's."""
    fields = Fields(cell)
    fields.expect(0b0111, 4, "a transaction")
    if fields.bytes(ACCOUNT_BYTES) != address.account:
        raise BadHistory("a transaction of another account")
    lt = fields.uint(64)
    older_hash, older_lt = fields.bytes(32), fields.uint(64)
    made_at = fields.uint(32)
    fields.skip(15 + 2 + 2)
    messages = Fields(fields.reference())
    fees = fields.currencies()
    fields.reference()  # the state's hashes before and after
    execution = _read_description(Fields(fields.reference()))
    incoming = messages.maybe_reference()
    outgoing_root = messages.maybe_reference()
    outgoing = _read_outgoing(outgoing_root) if outgoing_root is not None else ()
    return Transaction(
        position=Position(lt, cell.hash),
        older=Position(older_lt, older_hash) if older_lt else None,
        made_at=datetime.fromtimestamp(made_at, UTC),
        incoming=read_message(incoming) if incoming is not None else None,
        outgoing=outgoing,
        fee=Nanoton(fees + sum(message.forward_fee for message in outgoing)),
        success=execution.success,
        returned=execution.returned,
        exit_code=execution.exit_code,
    )


def read_message(cell: Cell) -> Message:
    """A message from a proven cell. Raises `BadShape`."""
    fields = Fields(cell)
    value = forward_fee = lt = 0
    bounce = bounced = False
    if not fields.bit():  # between accounts
        fields.skip(1)
        bounce, bounced = fields.bit(), fields.bit()
        source, destination = _read_address(fields), _read_address(fields)
        value = fields.currencies()
        fields.coins()  # once a fee, now flags
        forward_fee = fields.coins()
        lt = fields.uint(64)
        fields.skip(32)
    elif not fields.bit():  # from outside
        source, destination = _read_address(fields), _read_address(fields)
        fields.coins()
    else:  # to outside
        source, destination = _read_address(fields), _read_address(fields)
        lt = fields.uint(64)
        fields.skip(32)
    _skip_state_init(fields)
    body = fields.reference() if fields.bit() else _cell_of_rest(fields)
    operation, comment = _read_body(body)
    elsewhere = ELSEWHERE in (source, destination)
    return Message(
        source=source if isinstance(source, Address) else None,
        destination=destination if isinstance(destination, Address) else None,
        elsewhere=elsewhere,
        value=Nanoton(value),
        forward_fee=Nanoton(forward_fee),
        bounce=bounce,
        bounced=bounced,
        operation=operation,
        comment=comment,
        body=body,
        lt=lt,
        hash=cell.hash,
    )


ELSEWHERE = "elsewhere"


def _read_outgoing(root: Cell) -> tuple[Message, ...]:
    return tuple(read_message(leaf.reference()) for _, leaf in entries(root, 15, max_entries=MAX_OUTGOING))


def _read_address(fields: Fields) -> Address | str | None:
    """None: nowhere on this chain."""
    kind = fields.uint(2)
    if kind == 0b00:
        return None
    if kind == 0b01:
        fields.skip(fields.uint(9))
        return None
    if fields.bit():  # anycast
        fields.skip(fields.uint(5))
    if kind == 0b10:
        workchain, account = fields.signed(8), fields.bytes(ACCOUNT_BYTES)
        return Address(account) if workchain == BASECHAIN else ELSEWHERE
    fields.skip(fields.uint(9) + 32)
    return ELSEWHERE


def _skip_state_init(fields: Fields) -> None:
    if not fields.bit():
        return
    if fields.bit():
        fields.reference()
        return
    if fields.bit():
        fields.skip(5)
    if fields.bit():
        fields.skip(2)
    for _ in range(3):  # code, data, library
        fields.maybe_reference()


def _cell_of_rest(fields: Fields) -> Cell:
    number, length, references = fields.rest()
    return Cell(int2ba(number, length, endian="big") if length else bitarray(endian="big"), references)


def _read_body(body: Cell) -> tuple[int | None, str | None]:
    """The operation, and the comment if that is what it is. A body that is no ordinary cell has neither."""
    try:
        fields = Fields(body)
    except BadShape:
        return None, None
    if fields.bits_left < 32:
        return None, None
    operation = fields.uint(32)
    return operation, _read_comment(fields) if operation == COMMENT else None


def _read_comment(fields: Fields) -> str:
    """Text over a chain of cells, cut at `COMMENT_LIMIT_BYTES`, with what cannot be shown replaced."""
    text = b""
    for _ in range(COMMENT_LIMIT_CELLS):
        text += fields.bytes(fields.bits_left // 8)
        if not fields.references_left or len(text) >= COMMENT_LIMIT_BYTES:
            break
        try:
            fields = Fields(fields.reference())
        except BadShape:
            break
    shown = text[:COMMENT_LIMIT_BYTES].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "�" for letter in shown)


def read_execution(transaction: Cell) -> Execution:
    """What a transaction's code came to. Raises `BadShape`."""
    fields = Fields(transaction)
    fields.reference()  # messages
    fields.reference()  # the state's hashes before and after
    return _read_description(Fields(fields.reference()))


def _read_description(fields: Fields) -> Execution:
    if not fields.bit():
        kind = fields.uint(2)
        if kind == 0b01:  # tick-tock
            fields.skip(1)
            _skip_storage_phase(fields)
            return _read_execution(fields, ordinary=False)
        if kind == 0b00 and not fields.bit():  # ordinary
            fields.skip(1)
            if fields.bit():
                _skip_storage_phase(fields)
            if fields.bit():
                _skip_credit_phase(fields)
            return _read_execution(fields, ordinary=True)
        if kind == 0b00:  # storage fees only
            return Execution(True, False, None, None, Nanoton(0))
    raise BadShape("a transaction of a kind that does not occur")


def _read_execution(fields: Fields, *, ordinary: bool) -> Execution:
    exit_code, gas_fee = _read_compute_phase(fields)
    actions = fields.maybe_reference()
    aborted = fields.bit()  # the actions' failure aborts too
    returned = ordinary and fields.bit() and fields.bit()  # a bounce phase, and it could pay for the way
    result_code = _read_result_code(Fields(actions)) if actions is not None else None
    return Execution(not aborted, returned, exit_code, result_code, gas_fee)


def _skip_storage_phase(fields: Fields) -> None:
    fields.coins()
    if fields.bit():
        fields.coins()
    if fields.bit():
        fields.skip(1)


def _skip_credit_phase(fields: Fields) -> None:
    if fields.bit():
        fields.coins()
    fields.currencies()


def _read_compute_phase(fields: Fields) -> tuple[int | None, Nanoton]:
    """The exit code, None if no code ran, and what the gas cost."""
    if not fields.bit():
        if fields.uint(2) == 0b11:
            fields.skip(1)
        return None, Nanoton(0)
    fields.skip(3)
    gas_fee = Nanoton(fields.coins())
    details = Fields(fields.reference())
    details.variable(3)
    details.variable(3)
    if details.bit():
        details.variable(2)
    details.skip(8)
    return details.signed(32), gas_fee


def _read_result_code(actions: Fields) -> int:
    actions.skip(3)
    if actions.bit():  # the account is deleted or frozen for a debt
        actions.skip(1)
    for _ in range(2):  # fees for messages, and the part of them that is kept here
        if actions.bit():
            actions.coins()
    return actions.signed(32)
