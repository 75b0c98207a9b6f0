"""The agent's events by WebSocket. Apart from the other calls, because aiohttp is slow to import."""

import os
from collections.abc import AsyncGenerator

import aiohttp


async def connected_events(address: str, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    """The messages of one connection to `/v1/events`, undecoded, until it ends. Raises `OSError`: nobody is there."""
    connector: aiohttp.BaseConnector
    connector = aiohttp.NamedPipeConnector(address) if os.name == "nt" else aiohttp.UnixConnector(address)
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.ws_connect("http://mulberry/v1/events", max_msg_size=limit_bytes) as socket,
        ):
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    yield message.data.encode()
    except aiohttp.ClientError as problem:
        raise ConnectionError(str(problem)) from problem
