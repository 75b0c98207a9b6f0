"""The node wallet: a small hot wallet that pays the worker's gas, and that its owner can always command.

Source: protocol page, section 6. The owner is an address only, so the money is not lost with the key, nor with
Mulberry. One signed request carries up to four messages; the contract takes each number (`seqno`) once, and none late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.cells import CellReader, CellWriter
from mulberry.ton.contract_data import KEY_BYTES
from mulberry.ton.contracts import Birth
from mulberry.ton.messages import Operation, external_message

MAX_MESSAGES = 4  # the references of one cell
BLOCKED = 1  # status bit: the owner stopped all signed requests
PAY_FEES_SEPARATELY, IGNORE_ERRORS, ALL_OF_THE_BALANCE = 1, 2, 128  # TON's send modes, to be added up
USUAL_MODE = PAY_FEES_SEPARATELY | IGNORE_ERRORS


@dataclass(frozen=True, slots=True)
class NodeWallet:
    """What the contract stores. `seqno` is the number that the next request must have."""

    public_key: bytes  # 32 bytes, Ed25519
    owner: Address
    seqno: int = 0
    subwallet: int = 0
    status: int = 0

    @property
    def blocked(self) -> bool:
        return bool(self.status & BLOCKED)

    def cell(self) -> Cell:
        cell = CellWriter().uint(self.seqno, 32).uint(self.subwallet, 32).bytes(self.public_key)
        return cell.uint(self.status, 32).address(self.owner).cell()


def read_node_wallet(untrusted_data: Cell) -> NodeWallet:
    """Raises `CellShapeError`."""
    reader = CellReader(untrusted_data)
    wallet = NodeWallet(
        seqno=reader.uint(4),
        subwallet=reader.uint(4),
        public_key=reader.bytes(KEY_BYTES),
        status=reader.uint(4),
        owner=reader.address(),
    )
    reader.finish()
    return wallet


def node_wallet(code: Cell, public_key: bytes, owner: Address) -> Birth:
    """The wallet of `owner` for the key; its address depends on both."""
    if len(public_key) != KEY_BYTES:
        raise ValueError(f"a public key has {KEY_BYTES} bytes, not {len(public_key)}")
    return Birth(code, NodeWallet(public_key, owner).cell())


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send, and how. The contract adds `IGNORE_ERRORS`: else one bad message would be tried for ever."""

    message: Cell
    mode: int = USUAL_MODE


def signed_request(
    key: SigningKey, outgoing: Sequence[Outgoing], *, seqno: int, valid_until: datetime, subwallet: int = 0
) -> Cell:
    """The body of an external message: the contract sends `outgoing` if it comes before `valid_until` (aware, UTC)."""
    if len(outgoing) > MAX_MESSAGES:
        raise ValueError(f"one request carries {MAX_MESSAGES} messages, not {len(outgoing)}")
    request = CellWriter().uint(subwallet, 32).uint(int(valid_until.timestamp()), 32).uint(seqno, 32)
    for item in outgoing:
        request.uint(item.mode, 8).reference(item.message)
    to_sign = request.cell()
    return CellWriter().bytes(key.sign(to_sign.hash).signature).all_of(to_sign).cell()


def external_boc(wallet: Birth, request: Cell, *, deploy: bool) -> bytes:
    """What goes to a lite server. `deploy` brings the wallet to life, which its first request must do."""
    return write_boc(external_message(wallet.address, request, birth=wallet if deploy else None))


def owner_command(query_id: int, outgoing: Outgoing) -> Cell:
    """The body of the owner's message to the wallet: send this."""
    command = CellWriter().uint(Operation.WALLET_COMMAND, 32).uint(query_id, 64).uint(outgoing.mode, 8)
    return command.reference(outgoing.message).cell()
