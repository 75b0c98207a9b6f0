"""What the worker's, the proxy's and the client's contract store, as nouns. Source: protocol page, section 6.

The client's layout is not on that page: it stands in the public contracts' wrapper. Each noun knows its cell, and each
`read_…` takes that cell from strangers and raises `CellShapeError` if it is anything else.
"""

from dataclasses import dataclass
from enum import IntEnum

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter

KEY_BYTES = 32
NOTHING = Nanoton(0)


class ContractState(IntEnum):
    """A worker's contract is never closing: the last payment closes it at once."""

    OPEN = 0
    CLOSING = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class WorkerContract:
    """Where one proxy pays one worker's owner. `tokens` have been paid for, all told."""

    owner: Address
    proxy_contract: Address
    proxy_key: bytes  # 32 bytes, Ed25519
    params: Cell  # without codes
    state: ContractState = ContractState.OPEN
    tokens: int = 0

    def cell(self) -> Cell:
        cell = CellWriter().address(self.owner).address(self.proxy_contract).bytes(self.proxy_key)
        return cell.uint(self.state, 2).uint(self.tokens, 64).reference(self.params).cell()


def read_worker_contract(untrusted: Cell) -> WorkerContract:
    reader = CellReader(untrusted)
    contract = WorkerContract(
        owner=reader.address(),
        proxy_contract=reader.address(),
        proxy_key=reader.bytes(KEY_BYTES),
        state=_state(reader),
        tokens=reader.uint(8),
        params=reader.reference(),
    )
    reader.finish()
    return contract


@dataclass(frozen=True, slots=True)
class ProxyContract:
    """Where clients' money waits. `balance` is the proxy owner's share of what was paid out, `stake` his pledge."""

    owner: Address
    proxy_key: bytes  # 32 bytes, Ed25519
    root: Address
    params: Cell  # with the worker's and the client's code
    state: ContractState = ContractState.OPEN
    balance: Nanoton = NOTHING
    stake: Nanoton = NOTHING
    unlocked_at: int = 0  # unix seconds: when a closing contract may be closed

    def cell(self) -> Cell:
        cell = CellWriter().address(self.owner).bytes(self.proxy_key).address(self.root).uint(self.state, 2)
        cell.coins(self.balance).coins(self.stake).uint(self.unlocked_at, 32)
        return cell.reference(self.params).cell()


def read_proxy_contract(untrusted: Cell) -> ProxyContract:
    reader = CellReader(untrusted)
    contract = ProxyContract(
        owner=reader.address(),
        proxy_key=reader.bytes(KEY_BYTES),
        root=reader.address(),
        state=_state(reader),
        balance=Nanoton(reader.coins()),
        stake=Nanoton(reader.coins()),
        unlocked_at=reader.uint(4),
        params=reader.reference(),
    )
    reader.finish()
    return contract


@dataclass(frozen=True, slots=True)
class ClientContract:
    """What one client has left at one proxy. `tokens` have been used, all told."""

    owner: Address
    proxy_contract: Address
    proxy_key: bytes  # 32 bytes, Ed25519
    params: Cell  # without codes
    stake: Nanoton
    state: ContractState = ContractState.OPEN
    balance: Nanoton = NOTHING
    tokens: int = 0
    unlocked_at: int = 0  # unix seconds: when a closing contract may be closed
    secret_hash: bytes = bytes(32)

    def cell(self) -> Cell:
        parties = CellWriter().address(self.owner).address(self.proxy_contract).bytes(self.proxy_key).cell()
        cell = CellWriter().uint(self.state, 2).coins(self.balance).coins(self.stake).uint(self.tokens, 64)
        cell.uint(self.unlocked_at, 32).bytes(self.secret_hash)
        return cell.reference(parties).reference(self.params).cell()


def read_client_contract(untrusted: Cell) -> ClientContract:
    reader = CellReader(untrusted)
    parties = CellReader(reader.reference())
    contract = ClientContract(
        owner=parties.address(),
        proxy_contract=parties.address(),
        proxy_key=parties.bytes(KEY_BYTES),
        state=_state(reader),
        balance=Nanoton(reader.coins()),
        stake=Nanoton(reader.coins()),
        tokens=reader.uint(8),
        unlocked_at=reader.uint(4),
        secret_hash=reader.bytes(32),
        params=reader.reference(),
    )
    parties.finish()
    reader.finish()
    return contract


def _state(reader: CellReader) -> ContractState:
    number = reader.number(2)
    if number not in tuple(ContractState):
        raise CellShapeError("a contract is in a state that does not exist")
    return ContractState(number)
