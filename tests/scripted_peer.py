"""The other end of a transport: a listener that does as a script says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from loopback import listening
from mulberry.cocoon.preamble import Preamble
from mulberry.model.root_contract import ProxyAddress

Script = Callable[[Preamble], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[ProxyAddress]:
    """Runs `script` for each connection, then holds it until the other side ends it."""
    running: list[asyncio.Task[None]] = []
    peers: list[Preamble] = []

    class Scripted(Preamble):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            peers.append(self)
            running.append(asyncio.ensure_future(script(self)))

    async with listening(lambda: Scripted("the worker left")) as port:
        try:
            yield ProxyAddress("127.0.0.1", port)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for peer in peers:
                peer.abort()
