"""TL's primitives, as much of them as lite servers use. Source: TON's lite_api.tl and the protocol page, section 1."""

import struct

from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.nouns import BlockId

HASH_BYTES = 32
LONG_FORM = 254
TRUE, FALSE = bytes.fromhex("b5757299"), bytes.fromhex("379779bc")


class BadTl(ServerLied):
    """The bytes are not the answer to what was asked."""


def put_bytes(value: bytes) -> bytes:
    """TL `bytes`, padded to a multiple of four."""
    length = len(value)
    head = bytes([length]) if length < LONG_FORM else bytes([LONG_FORM]) + length.to_bytes(3, "little")
    return head + value + bytes(-(len(head) + length) % 4)


def put_block(block: BlockId) -> bytes:
    """`tonNode.blockIdExt`, bare, 80 bytes."""
    return struct.pack("<iqI", block.workchain, block.shard, block.seqno) + block.root_hash + block.file_hash


class TlReader:
    """Takes values off an answer. Every step, and `finish`, raise `BadTl` where it does not fit."""

    def __init__(self, untrusted: bytes) -> None:
        self._untrusted = untrusted
        self._position = 0

    def raw(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._untrusted):
            raise BadTl("an answer is cut short")
        taken = self._untrusted[self._position : end]
        self._position = end
        return taken

    def uint32(self) -> int:
        return int.from_bytes(self.raw(4), "little")

    def int32(self) -> int:
        return int.from_bytes(self.raw(4), "little", signed=True)

    def expect(self, constructor: int) -> None:
        if self.uint32() != constructor:
            raise BadTl("an answer of another kind than was asked for")

    def hash(self) -> bytes:
        return self.raw(HASH_BYTES)

    def bool(self) -> bool:
        value = self.raw(4)
        if value not in (TRUE, FALSE):
            raise BadTl("an answer has a truth that is neither true nor false")
        return value == TRUE

    def bytes(self) -> bytes:
        length, head = self.raw(1)[0], 1
        if length == LONG_FORM:
            length, head = int.from_bytes(self.raw(3), "little"), 4
        elif length > LONG_FORM:
            raise BadTl("an answer has a length that nobody writes")
        value = self.raw(length)
        self.raw(-(head + length) % 4)
        return value

    def count(self, at_most: int, what: str) -> int:
        """A vector's length."""
        length = self.uint32()
        if length > at_most:
            raise BadTl(f"an answer has {length:,} {what}")
        return length

    def block(self) -> BlockId:
        workchain, shard, seqno = struct.unpack("<iqI", self.raw(16))
        return BlockId(workchain, shard, seqno, self.hash(), self.hash())

    def finish(self) -> None:
        if self._position != len(self._untrusted):
            raise BadTl("an answer is longer than it should be")
