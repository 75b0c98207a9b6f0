"""Blocks: what they are called and what is kept of each."""

import struct
from dataclasses import dataclass

MASTERCHAIN = -1
BASECHAIN = 0
WHOLE_SHARD = -(1 << 63)  # the one shard of a workchain that is not split


@dataclass(frozen=True, slots=True)
class BlockId:
    """A block of an unsplit workchain, named as TON does: by place, root cell's hash and file's hash."""

    workchain: int
    seqno: int
    root_hash: bytes  # 32 bytes
    file_hash: bytes  # 32 bytes: SHA-256 of the block's bag of cells

    def tl(self) -> bytes:
        """As `tonNode.blockIdExt`, 80 bytes."""
        return struct.pack("<iqI", self.workchain, WHOLE_SHARD, self.seqno) + self.root_hash + self.file_hash


@dataclass(frozen=True, slots=True, order=True)
class TransactionKey:
    """Where in a block a transaction is. In order of account, then logical time, as blocks have them."""

    account: bytes  # 32 bytes
    lt: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block for ever: its cells may be forgotten, its bag is kept. Of a zero state there is only the name."""

    id: BlockId
    start_lt: int
    end_lt: int
    unixtime: int
    is_key: bool = False
    key_seqno: int = 0  # of the newest key block before this one; 0: there is none
    data: bytes = b""  # the bag of cells; empty for a zero state
    transactions: tuple[TransactionKey, ...] = ()
    signatures: tuple[tuple[bytes, bytes], ...] = ()  # of a masterchain block: short node id, signature
