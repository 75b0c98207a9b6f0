"""One HTTP/1.1 request over the agent's local socket, one connection each.

Not aiohttp: importing it takes longer than everything else `mulberry status` does, and of HTTP we need a handful of
lines, because the one server we talk to is ours.
"""

import asyncio
import os
from contextlib import suppress
from typing import Any, cast

ANSWER_LIMIT_BYTES = 64 * 2**20
HEAD_LIMIT_BYTES = 64 * 2**10


class StrangeAnswerError(Exception):
    """What answers at the address does not speak our HTTP."""


async def request(address: str, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer. Raises `OSError` (nobody there, or gone half-way) and `StrangeAnswerError`."""
    reader, writer = await connect(address)
    try:
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: mulberry\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode("ascii") + body)
        await writer.drain()
        return await _answer(reader)
    finally:
        writer.close()
        with suppress(OSError):  # the other side was faster; its answer, or the lack of one, has been dealt with
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    try:
        untrusted_head = await reader.readuntil(b"\r\n\r\n")
        status, length = _read_head(untrusted_head.decode("latin-1"))
        return status, await reader.readexactly(length)
    except asyncio.IncompleteReadError as cut:
        raise ConnectionResetError("the agent ended in the middle of its answer") from cut
    except asyncio.LimitOverrunError as endless:
        raise StrangeAnswerError("its answer has no end of head") from endless


def _read_head(untrusted_head: str) -> tuple[int, int]:
    first, *lines = untrusted_head.split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise StrangeAnswerError(f"its answer begins with {first[:40]!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "")
    if not length.isdecimal() or len(length) > 12 or int(length) > ANSWER_LIMIT_BYTES:
        raise StrangeAnswerError(f"its answer has the length {length[:40]!r}")
    return int(words[1]), int(length)


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the agent's socket or pipe. Raises `OSError`: nobody is there."""
    if os.name != "nt":
        return await asyncio.open_unix_connection(address, limit=HEAD_LIMIT_BYTES)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=HEAD_LIMIT_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    proactor = cast(Any, loop)  # only the Windows event loop has this method, and only there it is declared
    transport, _ = await proactor.create_pipe_connection(lambda: protocol, address)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
