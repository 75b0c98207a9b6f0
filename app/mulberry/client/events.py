"""The agent's events by WebSocket (RFC 6455), as much of it as one server of ours needs.

Not aiohttp: importing it would cost the window 15 MiB and 0.2 seconds.
"""

import base64
import hashlib
import secrets
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter, timeout
from collections.abc import AsyncGenerator
from contextlib import suppress
from enum import IntEnum

from mulberry.client.http import connect

ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
CONTROL_LIMIT_BYTES = 125
QUIET_SECONDS = 20.0  # an agent with nothing to say is asked whether it is there
ANSWER_SECONDS = 10.0
FINAL, MASKED, RESERVED = 0x80, 0x80, 0x70


class Opcode(IntEnum):
    CONTINUATION = 0x0
    TEXT = 0x1
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


async def connected_events(address: str, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    """The messages of one connection to `/v1/events`, undecoded, until it ends.

    Raises `OSError`: nobody is there, or it does not speak as our agent does, or a message exceeds `limit_bytes`.
    """
    reader, writer = await connect(address)
    try:
        await _shake_hands(reader, writer)
        while (message := await _next_text(reader, writer, limit_bytes)) is not None:
            yield message
    except (IncompleteReadError, LimitOverrunError) as cut:
        raise ConnectionResetError("the agent ended in the middle of a message") from cut
    finally:
        writer.close()
        with suppress(OSError):  # the other side was faster
            await writer.wait_closed()


async def _shake_hands(reader: StreamReader, writer: StreamWriter) -> None:
    key = base64.b64encode(secrets.token_bytes(16))
    writer.write(
        b"GET /v1/events HTTP/1.1\r\nHost: mulberry\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    await writer.drain()
    first, *untrusted_lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in untrusted_lines)
    }
    accepted = base64.b64encode(hashlib.sha1(key + ACCEPT_SUFFIX, usedforsecurity=False).digest())
    if first.split(b" ")[1:2] != [b"101"] or headers.get(b"sec-websocket-accept") != accepted:
        raise ConnectionError(f"the agent did not agree to send events: {first[:80]!r}")


async def _next_text(reader: StreamReader, writer: StreamWriter, limit_bytes: int) -> bytes | None:
    """The next whole text message, None when the other side says goodbye. Pings are answered on the way."""
    message = b""
    begun = False
    while True:
        try:
            opcode, final, payload = await _frame(reader, writer, limit_bytes - len(message))
        except IncompleteReadError as end:
            if begun or end.partial:
                raise
            return None
        if opcode is Opcode.CLOSE:
            return None
        if opcode is Opcode.PING:
            await _send(writer, Opcode.PONG, payload)
        if opcode in (Opcode.PING, Opcode.PONG):
            continue
        if begun is not (opcode is Opcode.CONTINUATION):
            raise ConnectionError("the agent mixed up the parts of its messages")
        begun = True
        message += payload
        if final:
            return message


async def _frame(reader: StreamReader, writer: StreamWriter, limit_bytes: int) -> tuple[Opcode, bool, bytes]:
    """One frame: what it is, whether it ends a message, its payload. Checked before memory is taken."""
    try:
        head, length = await _first_bytes(reader, writer)
        async with timeout(ANSWER_SECONDS):
            return await _rest_of_frame(reader, head, length, limit_bytes)
    except TimeoutError as late:
        raise ConnectionError(f"the agent has not answered for {ANSWER_SECONDS:g} seconds") from late


async def _first_bytes(reader: StreamReader, writer: StreamWriter) -> bytes:
    """A hung agent keeps its socket open; only an answer shows that it lives."""
    try:
        async with timeout(QUIET_SECONDS):
            return await reader.readexactly(2)
    except TimeoutError:
        await _send(writer, Opcode.PING, b"")
    async with timeout(ANSWER_SECONDS):
        return await reader.readexactly(2)


async def _rest_of_frame(reader: StreamReader, head: int, length: int, limit_bytes: int) -> tuple[Opcode, bool, bytes]:
    try:
        opcode = Opcode(head & 0x0F)
    except ValueError:
        raise ConnectionError(f"the agent sent a frame of the unknown kind {head & 0x0F}") from None
    if head & RESERVED or length & MASKED:
        raise ConnectionError("the agent sent a frame that a server must not send")
    if length in (126, 127):
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    if length > (CONTROL_LIMIT_BYTES if opcode & 0x8 else limit_bytes):
        raise ConnectionError(f"the agent sent a frame of {length:,} bytes")
    return opcode, bool(head & FINAL), await reader.readexactly(length)


async def _send(writer: StreamWriter, opcode: Opcode, payload: bytes) -> None:
    """One short frame, masked as a client must."""
    mask = secrets.token_bytes(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    writer.write(bytes([FINAL | opcode, MASKED | len(payload)]) + mask + masked)
    await writer.drain()
