"""The only file that knows pytoniq. Of its lite client we use the line alone: handshake, encryption, frames.

Everything above it we do ourselves, because the library believes too much: it decodes any TL and any cells that a
server sends, without bounds, before it checks a single hash; it counts repeated signatures, cannot read Simplex's, and
takes any config for the block's own.
"""

import asyncio
import base64
import logging
import math
import struct
from typing import Any

from pytoniq.liteclient.client import LiteClient
from pytoniq_core.crypto.ciphers import get_random

from mulberry.model.language import number, tr
from mulberry.ton.chain.config import LiteServerAddress
from mulberry.ton.chain.errors import ServerFailed, ServerLied
from mulberry.ton.chain.tl import TlReader, put_bytes

MAX_FRAME_BYTES = 1 << 24
QUERY, ANSWER = 0xB48BF97A, 0x0FAC8416  # adnl.message.query and .answer
LITE_QUERY = 0x798C06DF  # liteServer.query
NONCE_BYTES = NUMBER_BYTES = 32

_log = logging.getLogger(__name__)
_library_log = logging.getLogger(__name__ + ".library")
_library_log.setLevel(logging.CRITICAL)  # a broken line is told by our errors, not by its stack traces


class PytoniqConnection:
    """A `Connection` over pytoniq."""

    def __init__(self, client: "_Line") -> None:
        self._client = client

    async def ask(self, question: bytes) -> bytes:
        if self._client.writer is None:
            raise ServerFailed(tr("the connection was lost"))
        number = get_random(NUMBER_BYTES)
        query = struct.pack("<I", LITE_QUERY) + put_bytes(question)
        packet = struct.pack("<I", QUERY) + number + put_bytes(query)
        try:
            answered = await self._client.send_and_encrypt(self._client.serialize_packet(packet), number.hex())
            answer: bytes = await answered
        except asyncio.CancelledError:
            raise
        except Exception as problem:  # the library raises whatever comes by
            raise ServerFailed(tr("the connection was lost")) from problem
        return answer

    async def close(self) -> None:
        await self._client.close()


async def connect(address: LiteServerAddress, within: float) -> PytoniqConnection:
    """Dials and shakes hands within so many seconds. Raises `ServerFailed`."""
    client = _Line(address, within)
    try:
        async with asyncio.timeout(within):
            await client.connect()
            client.listen_all_the_time()
    except TimeoutError as problem:
        await client.close()
        raise ServerFailed(tr("no connection within {seconds} seconds", seconds=number(f"{within:g}"))) from problem
    except asyncio.CancelledError:
        await client.close()
        raise
    except Exception as problem:  # as above
        await client.close()
        raise ServerFailed(tr("no connection ({problem})", problem=type(problem).__name__)) from problem
    return PytoniqConnection(client)


class _Line(LiteClient):
    """pytoniq's client with everything above frames taken out, and bounds put in."""

    def __init__(self, address: LiteServerAddress, within: float) -> None:
        super().__init__(address.host, address.port, base64.b64encode(address.key).decode(), timeout=math.ceil(within))
        self.logger = _library_log

    def listen_all_the_time(self) -> None:
        """The library looks fifty times a second whether a question is open; one that stays open spares that."""
        standing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        standing.add_done_callback(lambda done: done.exception())  # the library ends all with one when the line ends
        self.tasks["standing"] = standing

    async def update_last_blocks(self) -> None:
        """Not the line's business."""

    async def block_updater(self) -> None:
        """Nor this."""

    async def ping(self) -> None:
        """Nor this: there is always a question under way."""

    async def receive(self, data_len: int) -> bytes:
        if data_len > MAX_FRAME_BYTES:
            _log.warning("a lite server announced a frame of %d bytes", data_len)
            await self.close()
            raise ConnectionResetError("a frame larger than the protocol's limit")
        received: bytes = await super().receive(data_len)
        return received

    def deserialize_adnl_query(self, data: bytes) -> dict[str, Any]:
        """What a frame says: the number of a question and its answer; nothing after the handshake."""
        if len(data) <= NONCE_BYTES:
            return {}
        frame = TlReader(data[NONCE_BYTES:])
        if frame.uint32() != ANSWER:
            raise ServerLied("a frame that is no answer")
        return {"query_id": frame.hash().hex(), "answer": frame.bytes()}
