"""Frames: `uint32 length`, `uint32 seqno`, then the body. Source: the protocol page, section 1.

No input or output here. `seqno` counts from 0 in each direction and wraps after 2^32 frames.
"""

import struct

LEAST_BODY_BYTES = 4
MOST_BODY_BYTES = 2**24
_HEADER = struct.Struct("<II")
_SEQNO_MASK = 0xFFFFFFFF


class FrameError(ValueError):
    """Bytes that break the framing. The connection cannot go on: where the next frame starts is unknown."""


class FrameWriter:
    """One direction of a connection, the sending end."""

    def __init__(self) -> None:
        self._seqno = 0

    def pack(self, body: bytes) -> bytes:
        """The next frame. Raises `FrameError` when the body is too short or too long for one."""
        if not LEAST_BODY_BYTES <= len(body) <= MOST_BODY_BYTES:
            raise FrameError(f"a frame cannot hold {len(body):,} bytes")
        header = _HEADER.pack(len(body), self._seqno)
        self._seqno = (self._seqno + 1) & _SEQNO_MASK
        return header + body


class FrameReader:
    """One direction of a connection, the receiving end. Holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seqno = 0

    def feed(self, untrusted: bytes) -> list[bytes]:
        """The bodies that `untrusted` completes, oldest first. Raises `FrameError`, after which the reader is spent.

        A header is checked as soon as it is there, so no memory is taken for a frame that will be refused.
        """
        buffer = self._buffer
        buffer += untrusted
        bodies: list[bytes] = []
        start = 0
        while len(buffer) - start >= _HEADER.size:
            length, seqno = _HEADER.unpack_from(buffer, start)
            if not LEAST_BODY_BYTES <= length <= MOST_BODY_BYTES:
                raise FrameError(f"a frame of {length:,} bytes")
            if seqno != self._seqno:
                raise FrameError(f"frame number {seqno} where {self._seqno} was due")
            end = start + _HEADER.size + length
            if len(buffer) < end:
                break
            bodies.append(bytes(memoryview(buffer)[start + _HEADER.size : end]))
            self._seqno = (seqno + 1) & _SEQNO_MASK
            start = end
        del buffer[:start]
        return bodies
