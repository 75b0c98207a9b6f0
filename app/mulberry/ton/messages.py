"""Messages between contracts: the envelope, and the bodies Cocoon's contracts understand.

Source: protocol page, sections 5 and 6; the envelope is TON's TL-B (Message). State and body always hang on the
envelope by reference, which is allowed and never too long.
"""

from dataclasses import dataclass
from enum import IntEnum

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.model.payments import SignedPayment
from mulberry.ton.address import Address
from mulberry.ton.boc import read_boc
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter
from mulberry.ton.contract_data import ContractState
from mulberry.ton.contracts import Birth
from mulberry.ton.payment import LAST_PAYMENT, MAX_PAYMENT_BYTES, PAYMENT, PAYMENT_CELLS, SIGNATURE_BYTES

WORKER_CONTRACT_DEPOSIT = Nanoton(300_000_000)  # what a worker sends with its contract's birth
CASH_OUT_GAS = Nanoton(500_000_000)  # what it attaches to a payment it cashes; the rest comes back


class Operation(IntEnum):
    """The first 32 bits of a body. Values above 2^31 are usual: they are hashes of a description."""

    COMMENT = 0
    PAYMENT = PAYMENT
    LAST_PAYMENT = LAST_PAYMENT
    EXCESSES = 0x2565934C  # gas that was not needed comes back
    PAYOUT = 0xC59A7CD3  # money earned
    WORKER_REQUEST = 0x4D725D2C  # a worker's contract to its proxy's
    PAYOUT_REQUEST = 0x08E7D036  # what it asks for
    REGISTER_WORKER = 0x26ED7F65  # a worker's owner to his contract
    WALLET_COMMAND = 0x9C69F376  # a node wallet's owner to it


def operation_of(untrusted_body: Cell) -> int | None:
    """The body's first 32 bits, known or not; None when there are none."""
    try:
        return CellReader(untrusted_body).uint(4)
    except CellShapeError:
        return None


def internal_message(
    destination: Address,
    amount: Nanoton,
    *,
    body: Cell | None = None,
    birth: Birth | None = None,
    bounce: bool = True,
    source: Address | None = None,
) -> Cell:
    """A message for a contract to send. Without `bounce` the money stays at `destination` though nobody lives there.

    The sending side fills in `source`; to rehearse what arrives, name it.
    """
    envelope = CellWriter().uint(0b01, 2).flag(bounce).flag(False)  # internal, fast routing off, not bounced
    envelope = envelope.uint(0b00, 2) if source is None else envelope.address(source)
    envelope.address(destination)
    envelope.coins(amount).flag(False)  # no other currencies
    envelope.coins(0).coins(0).uint(0, 64).uint(0, 32)  # fees and times: the sender fills them in
    return _with_contents(envelope, body, birth)


def external_message(destination: Address, body: Cell, *, birth: Birth | None = None) -> Cell:
    """A message from outside of the chain; with `birth` it brings its destination to life."""
    envelope = CellWriter().uint(0b10, 2).uint(0b00, 2).address(destination).coins(0)
    return _with_contents(envelope, body, birth)


def deploy_worker_contract(birth: Birth) -> Cell:
    """The message that brings a worker's contract to life, with the money it lives on."""
    return internal_message(birth.address, WORKER_CONTRACT_DEPOSIT, birth=birth, bounce=False)


def cash_out(payment: SignedPayment, worker_contract: Address, *, excess_address: Address) -> Cell:
    """The message that turns `payment`, verified when it came, into money. The gas left over goes to `excess_address`.

    Raises `BocError` or `CellShapeError` if the payment was damaged since.
    """
    root = read_boc(payment.boc, max_bytes=MAX_PAYMENT_BYTES, max_cells=PAYMENT_CELLS)
    reader = CellReader(root)
    operation, query_id = reader.uint(4), reader.uint(8)
    reader.address()  # the proxy's guess; the signature does not cover it
    signature, signed = reader.bytes(SIGNATURE_BYTES), reader.reference()
    reader.finish()
    body = CellWriter().uint(operation, 32).uint(query_id, 64).address(excess_address).bytes(signature)
    return internal_message(worker_contract, CASH_OUT_GAS, body=body.reference(signed).cell())


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """How the price of the tokens is shared: `worker_part` is paid at once, `proxy_part` is added to the balance."""

    worker_part: Nanoton
    proxy_part: Nanoton
    excess_address: Address

    def cell(self) -> Cell:
        cell = CellWriter().uint(Operation.PAYOUT_REQUEST, 32).coins(self.worker_part).coins(self.proxy_part)
        return cell.address(self.excess_address).cell()


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """What a worker's contract tells its proxy's. `tokens` since its birth; without `payout` it only says it exists."""

    query_id: int
    owner: Address
    state: ContractState
    tokens: int
    payout: PayoutRequest | None

    def cell(self) -> Cell:
        cell = CellWriter().uint(Operation.WORKER_REQUEST, 32).uint(self.query_id, 64).address(self.owner)
        cell.uint(self.state, 2).uint(self.tokens, 64)
        return cell.maybe_reference(self.payout.cell() if self.payout else None).cell()


def read_worker_request(untrusted_body: Cell) -> WorkerRequest:
    """Raises `CellShapeError`."""
    reader = CellReader(untrusted_body)
    _expect(reader, Operation.WORKER_REQUEST)
    query_id, owner = reader.uint(8), reader.address()
    state, tokens = reader.number(2), reader.uint(8)
    payload = reader.maybe_reference()
    reader.finish()
    if state not in tuple(ContractState):
        raise CellShapeError("a contract is in a state that does not exist")
    payout = _read_payout_request(payload) if payload is not None else None
    return WorkerRequest(query_id, owner, ContractState(state), tokens, payout)


def _read_payout_request(untrusted: Cell) -> PayoutRequest:
    reader = CellReader(untrusted)
    _expect(reader, Operation.PAYOUT_REQUEST)
    request = PayoutRequest(Nanoton(reader.coins()), Nanoton(reader.coins()), reader.address())
    reader.finish()
    return request


def register_worker(query_id: int, excess_address: Address) -> Cell:
    """The owner makes his contract report to the proxy's."""
    return CellWriter().uint(Operation.REGISTER_WORKER, 32).uint(query_id, 64).address(excess_address).cell()


def notice(operation: Operation, query_id: int) -> Cell:
    """What comes with a payout or with excesses."""
    return CellWriter().uint(operation, 32).uint(query_id, 64).cell()


def read_notice(untrusted_body: Cell, operation: Operation) -> int:
    """The query that a payout or excesses answer. Raises `CellShapeError`."""
    reader = CellReader(untrusted_body)
    _expect(reader, operation)
    query_id = reader.uint(8)
    reader.finish()
    return query_id


def comment(text: str) -> Cell:
    """A text that wallets show; at most 123 bytes, which fit in one cell."""
    return CellWriter().uint(Operation.COMMENT, 32).bytes(text.encode()).cell()


def _expect(reader: CellReader, operation: Operation) -> None:
    if reader.uint(4) != operation:
        raise CellShapeError("another operation")


def _with_contents(envelope: CellWriter, body: Cell | None, birth: Birth | None) -> Cell:
    if birth is None:
        envelope.flag(False)
    else:
        envelope.flag(True).flag(True).reference(birth.state_init)
    if body is None:
        envelope.flag(False)
    else:
        envelope.flag(True).reference(body)
    return envelope.cell()
