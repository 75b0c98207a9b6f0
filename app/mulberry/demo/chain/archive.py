"""What the chain remembers of its past. Blocks and transactions as bytes, the newest blocks as cells too.

A chain that runs for weeks on somebody's computer must not grow by every empty block, so it forgets as nodes do: states
after `RECENT_ROUNDS`, and rounds without transactions after `KEPT_EMPTY_ROUNDS`. Key blocks and transactions stay.
"""

import bisect
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain.block import MASTERCHAIN, Block, BlockId
from mulberry.demo.chain.layout import State
from mulberry.demo.chain.messages import WORKCHAINS

RECENT_ROUNDS = 128
KEPT_EMPTY_ROUNDS = 1_024


class NotKeptError(LookupError):
    """The chain never had it or has forgotten it."""


@dataclass(frozen=True, slots=True)
class KeptTransaction:
    """A transaction of one account, ready to be sent to whoever asks."""

    lt: int
    hash: bytes
    previous_lt: int
    previous_hash: bytes
    block: BlockId
    bag: bytes  # the transaction's bag of cells


class Archive:
    """The past of one chain. Rounds have one block in each workchain, of the same number."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[int, Block]] = {workchain: {} for workchain in WORKCHAINS}
        self._by_root: dict[bytes, Block] = {}
        self._cells: dict[bytes, tuple[Cell | None, State]] = {}  # root cell (None: a zero state) and state
        self._recent: deque[int] = deque()
        self._empty: deque[int] = deque()
        self._histories: dict[tuple[int, bytes], list[KeptTransaction]] = {}

    def copy(self) -> "Archive":
        """An archive with the same past, for a chain that goes on differently."""
        other = Archive()
        other._blocks = {workchain: dict(blocks) for workchain, blocks in self._blocks.items()}
        other._by_root, other._cells = dict(self._by_root), dict(self._cells)
        other._recent, other._empty = self._recent.copy(), self._empty.copy()
        other._histories = {account: list(history) for account, history in self._histories.items()}
        return other

    def add(self, block: Block, root: Cell | None = None, state: State | None = None) -> None:
        """One block; `close_round` when a round's two are added."""
        self._blocks[block.id.workchain][block.id.seqno] = block
        self._by_root[block.id.root_hash] = block
        if state is not None:
            self._cells[block.id.root_hash] = (root, state)

    def add_transaction(self, workchain: int, account: bytes, transaction: KeptTransaction) -> None:
        """The account's newest transaction."""
        self._histories.setdefault((workchain, account), []).append(transaction)

    def close_round(self, seqno: int) -> None:
        """Forgets what has become too old with round `seqno`."""
        self._recent.append(seqno)
        if len(self._recent) > RECENT_ROUNDS:
            for block in self._round(self._recent.popleft()):
                self._cells.pop(block.id.root_hash, None)
        if seqno and not any(block.is_key or block.transactions for block in self._round(seqno)):
            self._empty.append(seqno)
        if len(self._empty) > KEPT_EMPTY_ROUNDS:
            for block in list(self._round(self._empty.popleft())):
                del self._blocks[block.id.workchain][block.id.seqno], self._by_root[block.id.root_hash]

    def blocks(self, workchain: int) -> list[Block]:
        """All blocks that are kept, the oldest first, the zero state among them."""
        return list(self._blocks[workchain].values())

    def newest(self, workchain: int) -> Block:
        return next(reversed(self._blocks[workchain].values()))

    def block(self, block_id: BlockId) -> Block:
        """Raises `NotKeptError`, also if only a part of the name is right."""
        found = self._by_root.get(block_id.root_hash)
        if found is None or found.id != block_id:
            raise NotKeptError(f"block ({block_id.workchain},8000000000000000,{block_id.seqno}) not in db")
        return found

    def block_at(self, workchain: int, seqno: int) -> Block:
        """Raises `NotKeptError`."""
        found = self._blocks.get(workchain, {}).get(seqno)
        if found is None:
            raise NotKeptError(f"block ({workchain},8000000000000000,{seqno}) not in db")
        return found

    def sibling(self, block: Block) -> Block:
        """The block of the same round in the other workchain."""
        return self.block_at(next(w for w in WORKCHAINS if w != block.id.workchain), block.id.seqno)

    def key_block_before(self, block: Block) -> Block | None:
        """The newest key block before this block of the masterchain."""
        return self.block_at(MASTERCHAIN, block.key_seqno) if block.key_seqno else None

    def root(self, block: Block) -> Cell:
        """The block as cells. Raises `NotKeptError` for a zero state, which is no block."""
        root, _ = self._cells.get(block.id.root_hash, (None, None))
        if root is None:
            if not block.data:
                raise NotKeptError("a zero state is no block")
            root = Cell.one_from_boc(block.data)
        return root

    def state(self, block: Block) -> State:
        """The state after `block`. Raises `NotKeptError` if that is too long ago."""
        found = self._cells.get(block.id.root_hash)
        if found is None:
            raise NotKeptError(f"state of block {block.id.seqno} already gc'd")
        return found[1]

    def history(self, workchain: int, account: bytes) -> list[KeptTransaction]:
        """The account's transactions, the oldest first."""
        return self._histories.get((workchain, account), [])

    def histories(self) -> Iterable[tuple[tuple[int, bytes], list[KeptTransaction]]]:
        """Every account's transactions, the oldest first."""
        return self._histories.items()

    def transaction(self, workchain: int, account: bytes, lt: int) -> KeptTransaction:
        """Raises `NotKeptError`."""
        history = self.history(workchain, account)
        place = bisect.bisect_left(history, lt, key=lambda kept: kept.lt)
        if place == len(history) or history[place].lt != lt:
            raise NotKeptError(f"cannot find block ({workchain},8000000000000000) lt={lt}: lt not in db")
        return history[place]

    def _round(self, seqno: int) -> Iterator[Block]:
        for blocks in self._blocks.values():
            if seqno in blocks:
                yield blocks[seqno]
