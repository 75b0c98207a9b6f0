"""The chain itself: what is queued, what became of it, and its newest block."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain.account import AccountState
from mulberry.demo.chain.block import BlockId
from mulberry.demo.chain.emulator import Emulator
from mulberry.model.clock import Clock
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address


class MessageRefusedError(Exception):
    """The chain does not take the message. Its text is the one a node would answer."""


class Signing(Enum):
    """What validators sign: the block's hashes, or Simplex's vote, as mainnet does since April 2026."""

    ORDINARY = auto()
    SIMPLEX = auto()


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What a get method left on the stack."""

    exit_code: int  # 0 or 1: success; -256: no contract there
    stack: tuple[object, ...]  # int, Cell, Slice, None or tuples of these, the top last


class LocalChain:
    """A masterchain and one basechain shard. Same seed, clock readings and messages: same blocks, bit by bit."""

    def __init__(
        self, seed: bytes, clock: Clock, emulator: Emulator, *, validators: int = 4, signing: Signing = Signing.ORDINARY
    ) -> None: ...

    @property
    def head(self) -> BlockId:
        """The newest masterchain block."""
        raise NotImplementedError

    @property
    def has_work(self) -> bool:
        """Whether messages wait for the next block."""
        raise NotImplementedError

    def account(self, address: Address) -> AccountState:
        """The account after the newest block."""
        raise NotImplementedError

    def send_external(self, untrusted_boc: bytes) -> bytes:
        """Queues an external message for the next block and returns its hash. Raises `MessageRefusedError`."""
        raise NotImplementedError

    def send_internal(
        self,
        destination: Address,
        nanoton: Nanoton,
        *,
        body: Cell | None = None,
        state_init: Cell | None = None,
        source: Address | None = None,
        bounce: bool = False,
    ) -> None:
        """Queues a message with money from nowhere, for tests and the faucet. `source`: who it seems to come from."""
        raise NotImplementedError

    def faucet(self, address: Address, nanoton: Nanoton) -> None:
        """Gives `nanoton` of play money, with the next block."""
        raise NotImplementedError

    def make_block(self) -> BlockId:
        """Executes what is queued, cascades included, and signs the masterchain block. Returns its id."""
        raise NotImplementedError

    def run_method(self, address: Address, method: str | int, *arguments: object) -> MethodResult:
        """Calls a get method after the newest block."""
        raise NotImplementedError

    def subscribe(self, listener: Callable[[BlockId], None]) -> Callable[[], None]:
        """Calls `listener` after every masterchain block; returns what ends that."""
        raise NotImplementedError

    def snapshot(self) -> bytes:
        """Everything that a restart must keep. See `restore`."""
        raise NotImplementedError

    @classmethod
    def restore(cls, snapshot: bytes, clock: Clock, emulator: Emulator) -> "LocalChain":
        """The chain as it was when `snapshot` was taken. Raises `ValueError` if these are not such bytes."""
        raise NotImplementedError
