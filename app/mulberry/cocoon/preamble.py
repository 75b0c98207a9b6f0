"""The bytes ahead of the frames: read exactly, then the connection is handed over with none of them lost.

A stream reader would not do: it keeps what it has read too much, and has no way to give its connection away.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from mulberry.cocoon.transports import SetUpFailed, words_of

BUFFER_LIMIT_BYTES = 64 * 1024  # above it the peer waits

Result = TypeVar("Result")


class Preamble(asyncio.Protocol):
    """Holds a connection until `hand_over`. `ended_early` is what it means now when the peer ends it before that."""

    def __init__(self, ended_early: str) -> None:
        self.ended_early = ended_early
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()
        self._why = ""

    @property
    def transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("not connected")
        return self._transport

    @property
    def waiting_bytes(self) -> int:
        """What has arrived and was not read."""
        return len(self._buffer)

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes (up to 64 KiB). Raises `SetUpFailed` when the connection ends before."""
        while len(self._buffer) < count:
            self._check_open()
            self._arrived.clear()
            await self._arrived.wait()
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken

    async def unless_it_ends(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` returns. Raises `SetUpFailed` when the connection ends before; `work` is then cancelled."""
        working = asyncio.create_task(work)
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
            self._check_open()
            return working.result()
        finally:
            for task in (working, ending):
                task.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)

    def write(self, data: bytes) -> None:
        """Raises `SetUpFailed` when the connection has ended."""
        self._check_open()
        self.transport.write(data)

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """From now on everything reaches `protocol`, what has arrived behind the preamble first.

        Raises `SetUpFailed` when the connection has ended meanwhile.
        """
        self._check_open()
        transport = self.transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._buffer:
            protocol.data_received(bytes(self._buffer))
        if not transport.is_closing():
            transport.resume_reading()

    def abort(self) -> None:
        """Ends the connection at once, if there is one."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._arrived.set()
        if len(self._buffer) > BUFFER_LIMIT_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._why = f"{self.ended_early} ({words_of(exc)})" if isinstance(exc, OSError) else self.ended_early
        self._ended.set()
        self._arrived.set()

    def _check_open(self) -> None:
        if self._ended.is_set():
            raise SetUpFailed(self._why)
