"""The chain itself: what waits, what became of it, and its newest block.

Of TON's rules, those of transactions are TON's own (the emulator); those of blocks are kept as far as a lite client can
see them.
"""

import binascii
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice
from pytoniq_core.tlb.vm_stack import VmStack

from mulberry.demo.chain import building, layout
from mulberry.demo.chain.account import NO_ACCOUNT, AccountState, AccountStatus, read_account
from mulberry.demo.chain.archive import Archive, KeptTransaction
from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN, Block, BlockId
from mulberry.demo.chain.execution import Round
from mulberry.demo.chain.messages import Message, MessageError, internal_message, read_external
from mulberry.demo.chain.snapshot import Snapshot, pack, unpack
from mulberry.demo.chain.validators import Signing, Validators
from mulberry.model.clock import Clock
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.boc import BocError, read_boc
from mulberry.ton.emulator.executor import Emulator, EmulatorError, NotAccepted, Returned, encode

LT_STEP = 1_000_000  # logical time that a round takes at least
MAX_EXTERNAL_BYTES, MAX_EXTERNAL_CELLS = 65_535, 8_192  # TON's own limits
FAUCET = (MASTERCHAIN, bytes([0x33]) * 32)  # the account of TON's elector, from which validators get their wages
NO_CONTRACT = -256


class MessageRefusedError(Exception):
    """The chain does not take the message. Its text is the one a node would answer."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What a get method left on the stack."""

    exit_code: int  # 0 or 1: success; -256: no contract there
    stack: tuple[object, ...]  # int, Cell, Slice, None or lists of these, the top last


@dataclass(frozen=True, slots=True)
class Making:
    """What a block is made of, besides the chain before it. Made of the same again it is the same block."""

    seqno: int
    unixtime: int
    messages: tuple[Message, ...]


class LocalChain:
    """A masterchain and one basechain shard. Same seed, clock readings and messages: same blocks, bit by bit."""

    def __init__(
        self,
        seed: bytes,
        clock: Clock,
        emulator: Emulator,
        *,
        validators: int = 4,
        signing: Signing = Signing.ORDINARY,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.clock = clock
        self.validators = Validators(seed, validators, signing)
        self.archive = Archive() if snapshot is None else snapshot.archive
        self._seed = self._randomness = seed
        self._validator_count = validators
        self.emulator = emulator
        self._lt = LT_STEP if snapshot is None else snapshot.lt
        self._queue: deque[Message] = deque(() if snapshot is None else snapshot.waiting)
        self._expected: dict[tuple[int, bytes], Cell] = {}  # accounts as they will be after the messages that wait
        self._listeners: list[Callable[[BlockId], None]] = []
        self.newest_making: Making | None = None  # of the newest block; None: none was made in this process
        if snapshot is None:
            building.add_zero_states(self.archive, self.validators, int(clock.now().timestamp()))
        self.configuration = layout.configuration_of(self.archive.state(self.newest).cell)
        self._config = encode(self.configuration)
        if snapshot is None:
            self.make_block()  # a key block, so that clients have one to begin at

    @property
    def head(self) -> BlockId:
        """The newest masterchain block."""
        return self.newest.id

    @property
    def newest(self) -> Block:
        return self.archive.newest(MASTERCHAIN)

    @property
    def has_work(self) -> bool:
        """Whether messages wait for the next block."""
        return bool(self._queue)

    @property
    def unixtime(self) -> int:
        """The clock's time, but never before the newest block's."""
        return max(int(self.clock.now().timestamp()), self.newest.unixtime)

    def account(self, address: Address) -> AccountState:
        """The account after the newest block."""
        return read_account(self._shard_account(BASECHAIN, address.account))

    def transactions(self, address: Address) -> tuple[KeptTransaction, ...]:
        """The account's transactions, the newest first."""
        return tuple(reversed(self.archive.history(BASECHAIN, address.account)))

    def send_external(self, untrusted_boc: bytes) -> bytes:
        """Queues an external message for the next block and returns its hash. Raises `MessageRefusedError`.

        As on a node the contract must accept it now, after all that already waits; the very same message twice is one.
        """
        try:
            cell = read_boc(untrusted_boc, max_bytes=MAX_EXTERNAL_BYTES, max_cells=MAX_EXTERNAL_CELLS)
            message = read_external(cell)
        except (BocError, MessageError) as problem:
            raise MessageRefusedError(f"cannot parse external message: {problem}") from problem
        if all(waiting.cell.hash != cell.hash for waiting in self._queue):
            place = (message.workchain, message.account)
            self._expected[place] = self._account_after(message)
            self._queue.append(message)
        digest: bytes = cell.hash
        return digest

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
        cell = internal_message(
            source=FAUCET if source is None else (BASECHAIN, source.account),
            destination=(BASECHAIN, destination.account),
            nanoton=nanoton,
            lt=self._lt,
            unixtime=self.unixtime,
            bounce=bounce,
            state_init=state_init,
            body=body,
        )
        self._queue.append(Message(BASECHAIN, destination.account, cell))

    def faucet(self, address: Address, nanoton: Nanoton) -> None:
        """Gives `nanoton` of play money, with the next block."""
        self.send_internal(address, nanoton)

    def make_block(self, again: Making | None = None) -> BlockId:
        """Executes what is queued, cascades included, and signs the masterchain block. Returns its id.

        `again`: makes the block that was made of this once, whatever is queued.
        """
        newest = self.newest
        making = again or Making(newest.id.seqno + 1, self.unixtime, tuple(self._queue))
        self._queue, unixtime = deque(making.messages), making.unixtime
        states = {block.id.workchain: self.archive.state(block) for block in (self.archive.sibling(newest), newest)}
        done = Round(
            self.emulator,
            self._config,
            {workchain: state.accounts for workchain, state in states.items()},
            unixtime=unixtime,
            start_lt=self._lt,
            seed=self._randomness,
        )
        done.run(self._queue)
        self._expected.clear()
        end_lt = (done.next_lt // LT_STEP + 1) * LT_STEP
        master = building.add_round(self.archive, self.validators, self._randomness, done, end_lt)
        self._lt = end_lt
        self.newest_making = making
        for listener in tuple(self._listeners):
            listener(master.id)
        return master.id

    def run_method(self, address: Address, method: str | int, *arguments: object) -> MethodResult:
        """Calls a get method after the newest block."""
        number = method if isinstance(method, int) else binascii.crc_hqx(method.encode(), 0) | 0x10000
        stack = VmStack.serialize(list(arguments))
        returned = self.call_method(self.archive.sibling(self.newest), address.account, number, stack)
        if not returned.stack:
            return MethodResult(returned.exit_code, ())
        cell = Cell.one_from_boc(returned.stack)
        return MethodResult(returned.exit_code, tuple(VmStack.deserialize(Slice(cell.bits.copy(), list(cell.refs)))))

    def call_method(self, block: Block, account: bytes, method: int, stack: Cell) -> Returned:
        """The same after any recent block, on cells. Raises `NotKeptError`."""
        shard_account = self.archive.state(block).accounts.get(int.from_bytes(account, "big"))
        state = read_account(shard_account)
        if state.status is not AccountStatus.ACTIVE or state.code is None:
            return Returned(NO_CONTRACT, b"")
        try:
            return self.emulator.run_method(
                self._config,
                state.code,
                state.data or Builder().end_cell(),
                address=f"{block.id.workchain}:{account.hex()}",
                method=method,
                stack=stack,
                unixtime=block.unixtime,
                balance=state.balance,
            )
        except EmulatorError:
            return Returned(NO_CONTRACT, b"")

    def subscribe(self, listener: Callable[[BlockId], None]) -> Callable[[], None]:
        """Calls `listener` after every masterchain block; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def fork(self, salt: bytes = b"fork") -> "LocalChain":
        """Another future of the same past, with the same validators. Its owner makes its blocks."""
        snapshot = Snapshot(self._seed, self._validator_count, self.validators.signing, self.archive.copy(), self._lt)
        other = self._of(snapshot, self.clock, self.emulator)
        other._randomness = sha256(self._randomness + salt).digest()
        return other

    def snapshot(self) -> bytes:
        """All that a restart must keep: the past as far as it is kept, the newest states, what waits."""
        return pack(
            Snapshot(
                self._seed, self._validator_count, self.validators.signing, self.archive, self._lt, tuple(self._queue)
            )
        )

    @classmethod
    def restore(cls, untrusted_snapshot: bytes, clock: Clock, emulator: Emulator) -> "LocalChain":
        """The chain as it was when the snapshot was taken. Raises `ValueError` if these are not such bytes."""
        return cls._of(unpack(untrusted_snapshot), clock, emulator)

    @classmethod
    def _of(cls, snapshot: Snapshot, clock: Clock, emulator: Emulator) -> "LocalChain":
        return cls(
            snapshot.seed,
            clock,
            emulator,
            validators=snapshot.validators,
            signing=snapshot.signing,
            snapshot=snapshot,
        )

    def _shard_account(self, workchain: int, account: bytes) -> Cell | None:
        block = self.newest if workchain == MASTERCHAIN else self.archive.sibling(self.newest)
        return self.archive.state(block).accounts.get(int.from_bytes(account, "big"))

    def _account_after(self, message: Message) -> Cell:
        """The account when `message` will have been executed. Raises `MessageRefusedError`."""
        place = (message.workchain, message.account)
        try:
            result = self.emulator.execute(
                self._config,
                self._expected.get(place) or self._shard_account(*place) or NO_ACCOUNT,
                message.cell,
                unixtime=self.unixtime,
                lt=self._lt + len(self._queue) * LT_STEP + 1,
                random_seed=bytes(32),
            )
        except EmulatorError as problem:
            raise MessageRefusedError(f"cannot apply external message to current state : {problem}") from problem
        if isinstance(result, NotAccepted):
            code = "" if result.exit_code is None else f" : exitcode={result.exit_code}"
            raise MessageRefusedError(f"cannot apply external message to current state : {result.reason}{code}")
        return result.shard_account
