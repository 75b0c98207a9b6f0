"""What chain access answers with. Everything here was checked before it was built; times are the blocks' own, UTC."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter

MASTERCHAIN = -1
BASECHAIN = 0
NO_ACCOUNT = CellWriter().flag(False).cell()  # the account where there is none
WHOLE_SHARD = -(1 << 63)  # the shard that is a whole workchain, as TL writes it


@dataclass(frozen=True, slots=True)
class BlockId:
    """A block's full name. Hashes have 32 bytes; whoever knows them knows every bit of the block."""

    workchain: int
    shard: int  # signed 64 bits, as TL writes it
    seqno: int
    root_hash: bytes
    file_hash: bytes

    def __str__(self) -> str:
        return f"({self.workchain},{self.shard & (2**64 - 1):016x},{self.seqno})"


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A masterchain block that a quorum of servers agrees on, and when it was made, as they say."""

    id: BlockId
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """One transaction of an account, by logical time and hash (32 bytes). The next older one is named inside it."""

    lt: int
    hash: bytes


class AccountStatus(StrEnum):
    ABSENT = "absent"  # the chain has no record of it
    UNINITIALISED = "uninitialised"  # it may hold money, but has no code yet
    ACTIVE = "active"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account after `proven_by`, with a Merkle proof from that block, whose signatures we checked ourselves."""

    address: Address
    status: AccountStatus
    balance: Nanoton
    code: Cell | None  # of active accounts
    data: Cell | None
    last_transaction: Position | None  # None: it never had one, or its record was deleted since
    as_of: datetime
    proven_by: BlockId  # a masterchain block
    cell: Cell | None  # all of the account, as the chain keeps it; None: absent

    @property
    def shard_account(self) -> Cell:
        """The account and its last transaction, as TON's own code takes them."""
        last = self.last_transaction or Position(0, bytes(32))
        return CellWriter().reference(self.cell or NO_ACCOUNT).bytes(last.hash).uint(last.lt, 64).cell()


@dataclass(frozen=True, slots=True)
class Message:
    """A message into or out of an account. `None` as `source`: from outside the chain; as `destination`: to outside.

    `operation` is the first 32 bits of the body, None if it is shorter; 0 marks a `comment`, which anyone may write:
    show it as text, never as a link. `body` may be hostile: never walk or print it with a library's recursion.
    """

    source: Address | None
    destination: Address | None
    elsewhere: bool  # one of the two is an account in another workchain, and None above
    value: Nanoton
    forward_fee: Nanoton  # what its transport cost the sender, besides what the sender's transaction says
    bounce: bool  # asks for its money back if it fails
    bounced: bool  # is such money coming back
    operation: int | None
    comment: str | None
    body: Cell
    lt: int
    hash: bytes  # 32 bytes, of the whole message


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction of an account: its balance changed by what came in, minus what went out, minus `fee`.

    Money can arrive although `success` is false: an account without code takes what does not ask to bounce.
    """

    position: Position
    older: Position | None
    made_at: datetime
    incoming: Message | None  # None: it began by itself, such as storage fees
    outgoing: tuple[Message, ...]
    fee: Nanoton
    success: bool  # code ran and did what it wanted
    returned: bool  # what came in was sent back
    exit_code: int | None  # None: no code ran


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """Transactions newest to oldest, without gaps. `older` is where the next page starts; None: the account's birth."""

    transactions: tuple[Transaction, ...]
    older: Position | None


class ServerHealth(StrEnum):
    CONNECTING = "connecting"
    GOOD = "good"
    SLOW = "slow"  # answers, but late
    SILENT = "silent"  # connected, but does not answer in time
    BEHIND = "behind"  # its newest block is older than the others'
    UNREACHABLE = "unreachable"
    LYING = "lying"  # sent what its own proofs disprove; not asked again for a long while


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How one server does. `trouble` is the last thing that went wrong, a sentence; "" if nothing did."""

    name: str  # ip:port
    health: ServerHealth
    head_seqno: int | None
    answer_seconds: float | None  # a running mean
    pruned: bool  # it lacked history that it was asked for
    trouble: str
