"""Who signs the blocks, and what. Source: TL-B `ValidatorSet`; TL `consensus.*` in ton_api.tl; crypto/block/block.cpp.

The keys follow from the chain's seed: whoever knows the seed can sign any block. It is play money.
"""

import struct
import zlib
from enum import Enum, auto
from hashlib import sha256

from nacl.signing import SigningKey
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.crypto.crc import crc32c

from mulberry.demo.chain.block import BlockId
from mulberry.demo.chain.dictionary import dictionary_of

PUBLIC_KEY = bytes.fromhex("c6b41348")  # TL `pub.ed25519`
ORDINARY_BLOCK = bytes.fromhex("706e0bc5")  # TL `ton.blockId`
VALIDATOR_WEIGHT = 1 << 40
VALIDATOR_SET_HASH = (-1877581587).to_bytes(4, "little", signed=True)  # TL `test0.validatorSet`
TEN_YEARS = 10 * 365 * 86_400


class Signing(Enum):
    """What validators sign: the block's hashes, or Simplex's vote, as mainnet does since April 2026."""

    ORDINARY = auto()
    SIMPLEX = auto()


class Validators:
    """The fixed set of `count` validators of the chain grown from `seed`, all of one weight."""

    def __init__(self, seed: bytes, count: int, signing: Signing) -> None:
        self.signing = signing
        self._keys = [SigningKey(sha256(seed + b"validator" + bytes([number])).digest()) for number in range(count)]
        self.session_id = sha256(seed + b"session").digest()
        self.set_hash = self._set_hash()

    def configuration(self, since: int) -> Cell:
        """ConfigParam 34: the set, valid from `since` (Unix time) for ten years."""
        described = {
            number: Builder()
            .store_uint(0x53, 8)
            .store_uint(0x8E81278A, 32)
            .store_bytes(bytes(key.verify_key))
            .store_uint(VALIDATOR_WEIGHT, 64)
            .end_cell()
            for number, key in enumerate(self._keys)
        }
        count = len(self._keys)
        builder = Builder()
        builder.store_uint(0x12, 8).store_uint(since, 32).store_uint(since + TEN_YEARS, 32)
        builder.store_uint(count, 16).store_uint(count, 16).store_uint(count * VALIDATOR_WEIGHT, 64)
        builder.store_maybe_ref(dictionary_of(16, described))
        validator_set: Cell = builder.end_cell()
        return validator_set

    def sign(self, block: BlockId) -> tuple[tuple[bytes, bytes], ...]:
        """Each validator's short node id and signature."""
        text = self._signed_text(block)
        return tuple(
            (sha256(PUBLIC_KEY + bytes(key.verify_key)).digest(), bytes(key.sign(text).signature)) for key in self._keys
        )

    def candidate(self, block: BlockId) -> bytes:
        """Simplex votes for this, not for the block itself: the block, no collated data, no parent."""
        return _CANDIDATE + block.tl() + bytes(32) + _NO_PARENT

    def _signed_text(self, block: BlockId) -> bytes:
        if self.signing is Signing.ORDINARY:
            return ORDINARY_BLOCK + block.root_hash + block.file_hash
        vote = _VOTE + _CANDIDATE_ID + struct.pack("<i", block.seqno) + sha256(self.candidate(block)).digest()
        framed = bytes([len(vote)]) + vote
        return _SIGNED + self.session_id + framed + bytes(-len(framed) % 4)

    def _set_hash(self) -> int:
        text = VALIDATOR_SET_HASH + struct.pack("<ii", 0, len(self._keys))
        for key in self._keys:
            text += bytes(key.verify_key) + VALIDATOR_WEIGHT.to_bytes(8, "little") + bytes(32)
        return int.from_bytes(crc32c(text), "little")


def _tl_number(declaration: str) -> bytes:
    return struct.pack("<I", zlib.crc32(declaration.encode()))


_CANDIDATE = _tl_number(
    "consensus.candidateHashDataOrdinary block:tonNode.blockIdExt collated_file_hash:int256"
    " parent:consensus.CandidateParent = consensus.CandidateHashData"
)
_NO_PARENT = _tl_number("consensus.candidateWithoutParents = consensus.CandidateParent")
_CANDIDATE_ID = _tl_number("consensus.candidateId slot:int hash:int256 = consensus.CandidateId")
_VOTE = _tl_number("consensus.simplex.finalizeVote id:consensus.CandidateId = consensus.simplex.UnsignedVote")
_SIGNED = _tl_number("consensus.dataToSign session_id:int256 data:bytes = consensus.DataToSign")
