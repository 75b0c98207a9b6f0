"""The window believes what comes over this socket, so it must be whole, bounded, and from a real WebSocket server."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from mulberry.client.events import ACCEPT_SUFFIX, ANSWER_SECONDS, QUIET_SECONDS, connected_events

LIMIT_BYTES = 200_000
EMPTY_PING = b"\x89\x80mask"


async def heard(address: Path, limit_bytes: int = LIMIT_BYTES) -> list[bytes]:
    async with aclosing(connected_events(str(address), limit_bytes)) as messages:
        return [message async for message in messages]


@asynccontextmanager
async def real_server(address: Path, *texts: str) -> AsyncGenerator[list[bytes], None]:
    """aiohttp says each text, with a ping before it, and then goodbye."""
    pongs: list[bytes] = []

    async def events(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        for text in texts:
            await socket.ping(b"are you there")
            await socket.send_str(text)
            pongs.append((await socket.receive()).data)
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/v1/events", events)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, str(address)).start()
    try:
        yield pongs
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    address: Path, *frames: bytes, head: bytes | None = None, says_later: Sequence[bytes] = (), ends: bool = True
) -> AsyncGenerator[None, None]:
    """Shakes hands properly, or says `head` instead, sends `frames`, answers each ping by one of `says_later`, ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        key = next(line.split(b": ")[1] for line in lines if line.startswith(b"Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT_SUFFIX, usedforsecurity=False).digest())
        agreed = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        writer.write((agreed if head is None else head) + b"".join(frames))
        await writer.drain()
        for answer in says_later:
            await reader.readexactly(len(EMPTY_PING))
            writer.write(answer)
        if ends:
            writer.write_eof()
        await reader.read()  # what the client answers, until it ends
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, str(address))
    async with server:
        yield


@pytest.fixture
def address(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, LIMIT_BYTES])
async def test_messages_of_all_lengths_arrive_whole_and_pings_are_answered(address: Path, size: int) -> None:
    async with real_server(address, "x" * size, "ü") as pongs:
        assert await heard(address) == [b"x" * size, "ü".encode()]
    assert pongs == [b"are you there"] * 2


async def test_a_message_in_parts_is_put_together_also_around_a_ping(address: Path) -> None:
    async with raw_server(address, b"\x01\x02ab", b"\x89\x00", b"\x00\x01c", b"\x80\x01d", b"\x81\x01e"):
        assert await heard(address) == [b"abcd", b"e"]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"\x81\x7f" + (2**62).to_bytes(8, "big"), id="an endless message"),
        pytest.param(b"\x81\x7e" + (101).to_bytes(2, "big") + b"x" * 101, id="one byte too many"),
        pytest.param(b"\x01\x60" + b"x" * 96 + b"\x80\x05" + b"x" * 5, id="too many in parts"),
        pytest.param(b"\x89\x7e" + (126).to_bytes(2, "big") + b"x" * 126, id="a long ping"),
        pytest.param(b"\x81\x81\x00\x00\x00\x00x", id="a masked frame"),
        pytest.param(b"\xc1\x01x", id="an extension nobody agreed on"),
        pytest.param(b"\x83\x01x", id="an unknown kind"),
        pytest.param(b"\x80\x01x", id="a continuation of nothing"),
        pytest.param(b"\x01\x01x\x81\x01y", id="a message inside a message"),
        pytest.param(b"\x81\x05ab", id="an end in the middle of a frame"),
        pytest.param(b"\x01\x02ab", id="an end in the middle of a message"),
    ],
)
async def test_what_no_honest_server_sends_ends_the_connection(address: Path, frame: bytes) -> None:
    async with raw_server(address, frame):
        with pytest.raises(OSError, match="the agent"):
            await heard(address, limit_bytes=100)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: c29tZW9uZSBlbHNl\r\n\r\n",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"x" * 70_000,
        b"HTTP/1.1 101",
    ],
)
async def test_whoever_does_not_speak_websocket_is_not_believed(address: Path, head: bytes) -> None:
    async with raw_server(address, b"\x81\x01x", head=head):
        with pytest.raises(OSError, match="the agent"):
            await heard(address)


@pytest.mark.virtual_time
async def test_an_agent_that_hangs_with_its_socket_open_is_noticed(address: Path) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with (
        raw_server(address, b"\x81\x01x", ends=False),
        aclosing(connected_events(str(address), LIMIT_BYTES)) as messages,
    ):
        assert await anext(messages) == b"x"
        with pytest.raises(OSError, match="the agent has not answered"):
            await anext(messages)
        assert loop.time() - began < QUIET_SECONDS + ANSWER_SECONDS + 1


@pytest.mark.virtual_time
async def test_an_agent_that_has_nothing_to_say_is_no_agent_that_hangs(address: Path) -> None:
    async with (
        raw_server(address, says_later=[b"\x8a\x00"] * 5 + [b"\x81\x01x"]),
        aclosing(connected_events(str(address), LIMIT_BYTES)) as messages,
    ):
        assert await anext(messages) == b"x"


async def test_nobody_there_is_an_os_error(address: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await heard(address)
