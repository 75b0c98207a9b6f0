"""The line to a server is what strangers can pull at first: whatever comes over it, we only lose the line."""

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mulberry.demo.chain.adnl import BadPacketError, Connection, ServerKey
from mulberry.ton.chain.config import LiteServerAddress
from mulberry.ton.chain.errors import ServerFailed
from mulberry.ton.chain.pytoniq_client import ANSWER, MAX_FRAME_BYTES, connect
from mulberry.ton.chain.tl import put_bytes

pytestmark = pytest.mark.virtual_time

KEY = ServerKey(b"a server")
Behaviour = Callable[[Connection], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(behave: Behaviour, key: ServerKey = KEY) -> AsyncIterator[LiteServerAddress]:
    """A server that shakes hands and then does as it likes."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await behave(await Connection.accept(reader, writer, key))
        except (BadPacketError, asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client hung up, or the test is over
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield LiteServerAddress("127.0.0.1", server.sockets[0].getsockname()[1], KEY.public)
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not None))
        await server.wait_closed()


def answer_to(question: bytes, content: bytes) -> bytes:
    return struct.pack("<I", ANSWER) + question[4:36] + put_bytes(content)


async def shake_hands(connection: Connection) -> None:
    connection.send(b"")


async def echo(connection: Connection) -> None:
    await shake_hands(connection)
    while True:
        question = await connection.receive()
        connection.send(answer_to(question, question[36:]))


async def test_a_question_reaches_the_server_as_ton_wraps_it_and_the_answer_comes_back() -> None:
    async with listening(echo) as address:
        line = await connect(address, 5)
        answer = await line.ask(b"question")
        lite_query = struct.pack("<I", 0x798C06DF) + put_bytes(b"question")
        assert answer == put_bytes(lite_query)
        many = await asyncio.gather(*(line.ask(b"%d" % number) for number in range(50)))
        assert [b"%d" % number in many[number] for number in range(50)] == [True] * 50
        await line.close()


async def hang_up(connection: Connection) -> None:
    await shake_hands(connection)
    await connection.receive()
    connection.abort()


async def announce_a_huge_frame(connection: Connection) -> None:
    await shake_hands(connection)
    await connection.receive()
    connection._writer.write(connection._outgoing.encrypt(struct.pack("<I", MAX_FRAME_BYTES + 1)))
    await asyncio.Event().wait()


async def send_a_damaged_frame(connection: Connection) -> None:
    await shake_hands(connection)
    await connection.receive()
    connection._writer.write(connection._outgoing.encrypt(struct.pack("<I", 100) + bytes(100)))
    await asyncio.Event().wait()


async def send_noise(connection: Connection) -> None:
    await shake_hands(connection)
    await connection.receive()
    connection._writer.write(os.urandom(1000))
    await asyncio.Event().wait()


def sending(make: Callable[[bytes], bytes]) -> Behaviour:
    async def behave(connection: Connection) -> None:
        await shake_hands(connection)
        connection.send(make(await connection.receive()))
        await asyncio.Event().wait()

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        hang_up,
        announce_a_huge_frame,
        send_a_damaged_frame,
        send_noise,
        sending(lambda _: b"\xff" * 60),
        sending(lambda question: answer_to(bytes(36), b"to a question that nobody asked")),
        sending(lambda question: answer_to(question, b"x" * 500)[:-400]),
        sending(lambda question: struct.pack("<I", ANSWER)),
        sending(lambda question: struct.pack("<IIq", 0xDC69FB03, 0, 1)),
    ],
    ids=["hangs up", "huge", "damaged", "noise", "no TL", "wrong number", "cut short", "too short", "pong"],
)
async def test_a_server_that_breaks_the_protocol_loses_the_line_and_nothing_else(behave: Behaviour) -> None:
    async with listening(behave) as address:
        line = await connect(address, 5)
        with pytest.raises((ServerFailed, TimeoutError)):
            async with asyncio.timeout(10):
                await line.ask(b"question")
        await asyncio.sleep(0.1)
        with pytest.raises(ServerFailed):
            async with asyncio.timeout(10):
                await line.ask(b"another")
        await line.close()
        await line.close()


async def test_an_empty_frame_is_no_answer() -> None:
    async with listening(sending(lambda _: b"")) as address:
        line = await connect(address, 5)
        with pytest.raises((ServerFailed, TimeoutError)):
            async with asyncio.timeout(10):
                await line.ask(b"question")
        await line.close()


async def test_nobody_there() -> None:
    async with listening(echo) as address:
        pass
    with pytest.raises(ServerFailed, match="no connection"):
        await connect(address, 5)


async def never(connection: Connection) -> None:
    await asyncio.Event().wait()


async def test_a_server_that_does_not_shake_hands_costs_the_time_limit() -> None:
    async with listening(never) as address:
        with pytest.raises(ServerFailed, match="no connection within 5 seconds"):
            await connect(address, 5)


async def test_a_server_with_another_key_is_not_talked_to() -> None:
    async with listening(echo, key=ServerKey(b"another")) as address:
        with pytest.raises(ServerFailed, match="no connection"):
            await connect(address, 5)


async def test_a_cancelled_question_leaves_the_line_usable_even_if_its_answer_comes_late() -> None:
    async def late(connection: Connection) -> None:
        await shake_hands(connection)
        first = await connection.receive()
        second = await connection.receive()
        connection.send(answer_to(first, b"late"))
        connection.send(answer_to(second, b"in time"))
        await asyncio.Event().wait()

    async with listening(late) as address:
        line = await connect(address, 5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await line.ask(b"first")
        assert await line.ask(b"second") == b"in time"
        await line.close()
