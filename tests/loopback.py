"""Peers for tests of connections: a listening port, and a peer that speaks raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from mulberry.cocoon.frames import FrameReader, FrameWriter
from mulberry.cocoon.tl import Message, decode, encode


@asynccontextmanager
async def listening(factory: Callable[[], asyncio.BaseProtocol]) -> AsyncIterator[int]:
    """A port of this computer where `factory` answers."""
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def until(holds: Callable[[], bool]) -> None:
    """Lets everything else run until it holds. What never holds is ended by the test's time limit."""
    while not holds():  # noqa: ASYNC110 - an event would have to be built into the code under test
        await asyncio.sleep(0)


class RawPeer(asyncio.Protocol):
    """Records frames with their time of arrival; sends what it is told, right or wrong."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, Message]] = []
        self.arrived = asyncio.Event()
        self.is_lost = asyncio.Event()
        self.writer = FrameWriter()
        self._reader = FrameReader()

    @classmethod
    async def dial(cls, port: int) -> "RawPeer":
        peer = cls()
        await asyncio.get_running_loop().create_connection(lambda: peer, "127.0.0.1", port)
        return peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self.frames += [(now, decode(body)) for body in self._reader.feed(data)]
        self.arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost.set()
        self.arrived.set()

    def send(self, message: Message) -> None:
        self.transport.write(self.writer.pack(encode(message)))

    async def next_frame(self) -> Message:
        while not self.frames:
            assert not self.is_lost.is_set(), "the connection is gone"
            self.arrived.clear()
            await self.arrived.wait()
        return self.frames.pop(0)[1]

    async def close(self) -> None:
        self.transport.abort()
        await self.is_lost.wait()
