"""The recorded conversation of the public worker and proxy, cut into frames. See tests/vectors/wire/README.md."""

import struct
from functools import cache
from pathlib import Path

WIRE = Path(__file__).parent / "vectors" / "wire"
BEFORE_FRAMES = {"worker-to-proxy.bin": 13, "proxy-to-worker.bin": 136}


@cache
def stream(name: str) -> bytes:
    """One direction, from its first frame on."""
    return (WIRE / name).read_bytes()[BEFORE_FRAMES[name] :]


@cache
def bodies(name: str) -> tuple[bytes, ...]:
    """The frames' bodies, cut by this test code alone."""
    data, offset = stream(name), 0
    found: list[bytes] = []
    while offset < len(data):
        length, seqno = struct.unpack_from("<II", data, offset)
        assert seqno == len(found)
        found.append(data[offset + 8 : offset + 8 + length])
        offset += 8 + length
    assert offset == len(data)
    return tuple(found)
