"""The chain as one server sees it, with what that server has lost."""

from dataclasses import dataclass

from mulberry.demo.chain.archive import Archive, KeptTransaction, NotKeptError
from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN, Block, BlockId
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.faults import Faults, Lie

NEWEST = 0xFFFFFFFF  # the number by which a question means the newest masterchain block


@dataclass(frozen=True, slots=True)
class View:
    """What answers are made from."""

    chain: LocalChain
    faults: Faults
    stale: Block | None = None  # the newest block that the server admits, if it lies about that

    @property
    def archive(self) -> Archive:
        return self.chain.archive

    @property
    def newest(self) -> Block:
        return self.chain.newest if self.stale is None else self.stale

    @property
    def zero_state(self) -> BlockId:
        return self.archive.block_at(MASTERCHAIN, 0).id

    def block(self, block_id: BlockId) -> Block:
        """Raises `NotKeptError`."""
        return self._kept(self.archive.block(block_id))

    def block_at(self, workchain: int, seqno: int) -> Block:
        """Raises `NotKeptError`, for the zero state too: it is no block."""
        if seqno == 0:
            raise NotKeptError(f"block ({workchain},8000000000000000,0) not in db")
        return self._kept(self.archive.block_at(workchain, seqno))

    def blocks(self, workchain: int) -> list[Block]:
        """Those that the server has, the oldest first, without the zero state."""
        if workchain not in (BASECHAIN, MASTERCHAIN):
            raise NotKeptError(f"no workchain {workchain}")
        return [block for block in self.archive.blocks(workchain) if block.id.seqno and not self._is_pruned(block)]

    def masterchain_and_holder(self, block_id: BlockId, workchain: int) -> tuple[Block, Block]:
        """The block asked about, and the one after which the accounts of `workchain` are meant."""
        newest = block_id.workchain == MASTERCHAIN and block_id.seqno == NEWEST
        asked = self.newest if newest else self.block(block_id)
        if asked.id.workchain == MASTERCHAIN and workchain == BASECHAIN:
            return asked, self.archive.sibling(asked)
        return asked, asked

    def signatures(self, block: Block) -> tuple[tuple[bytes, bytes], ...]:
        """Of the validators: each one's short node id and signature."""
        lies, true = self.faults.lies, block.signatures
        if Lie.REPEATED_SIGNATURE in lies:
            return true[:1] * len(true)
        if Lie.TOO_FEW_SIGNATURES in lies:
            return true[: len(true) * 2 // 3]
        if Lie.FORGED_SIGNATURES in lies:
            return tuple((node, signature[::-1]) for node, signature in true)
        return true

    def transaction(self, workchain: int, account: bytes, lt: int) -> KeptTransaction:
        """Raises `NotKeptError`."""
        found = self.archive.transaction(workchain, account, lt)
        if lt in self.faults.missing_transactions or found.block.seqno < self.faults.pruned_before:
            raise NotKeptError(f"cannot find block ({workchain},8000000000000000) lt={lt}: lt not in db")
        return found

    def _kept(self, block: Block) -> Block:
        if self._is_pruned(block):
            raise NotKeptError(f"block ({block.id.workchain},8000000000000000,{block.id.seqno}) not in db")
        return block

    def _is_pruned(self, block: Block) -> bool:
        """Nodes that prune keep key blocks."""
        return block.id.seqno < self.faults.pruned_before and not block.is_key and block.id.seqno != 0
