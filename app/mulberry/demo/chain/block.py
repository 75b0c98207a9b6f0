"""Names of blocks."""

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
