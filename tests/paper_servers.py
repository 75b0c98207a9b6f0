"""Lite servers made of paper: they name heads, fail in all the usual ways, and prove nothing. For tests of the pool."""

import asyncio
import struct
from dataclasses import dataclass, field

from mulberry.ton.chain.config import ChainConfig, LiteServerAddress
from mulberry.ton.chain.errors import ServerFailed
from mulberry.ton.chain.lite_api import (
    BLOCK_HEADER,
    ERROR,
    GET_HEAD,
    HEAD,
    LOOK_UP_BLOCK,
    TIMED_OUT_WAITING,
    WAIT_FOR_SEQNO,
)
from mulberry.ton.chain.nouns import MASTERCHAIN, WHOLE_SHARD, BlockId
from mulberry.ton.chain.tl import put_block, put_bytes

ZERO_STATE = b"zero state hash".ljust(32, b".")
BORN = 1_700_000_000


def paper_block(seqno: int, fork: bytes = b"") -> BlockId:
    hash_ = (b"block %d " % seqno + fork).ljust(32, b".")
    return BlockId(MASTERCHAIN, WHOLE_SHARD, seqno, hash_, hash_)


def refusal(code: int, text: str) -> bytes:
    return struct.pack("<Ii", ERROR, code) + put_bytes(text.encode())


@dataclass
class PaperServer:
    """Its attributes may be changed at any time; `name_head` wakes those who wait for a block."""

    port: int
    seqno: int = 10
    fork: bytes = b""
    zero_state: bytes = ZERO_STATE
    unreachable: bool = False
    silent: bool = False
    garbage: bool = False
    delay: float = 0.0
    passed_over: set[int] = field(default_factory=set)
    dialled: int = 0
    questions: int = 0
    open: int = 0
    _cuts: set["asyncio.Future[None]"] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> LiteServerAddress:
        return LiteServerAddress("127.0.0.1", self.port, bytes([self.port % 256]) * 32)

    def name_head(self, seqno: int) -> None:
        self.seqno = seqno
        self._news.set()
        self._news = asyncio.Event()

    def cut(self) -> None:
        """Every open line breaks."""
        for line in self._cuts:
            line.set_result(None)

    async def answer(self, question: bytes) -> bytes:
        self.questions += 1
        if self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
        if self.garbage:
            return b"garbage"
        (kind,) = struct.unpack_from("<I", question)
        if kind == WAIT_FOR_SEQNO:
            seqno, milliseconds = struct.unpack_from("<Ii", question, 4)
            try:
                async with asyncio.timeout(milliseconds / 1000):
                    while self.seqno < seqno:
                        await self._news.wait()
            except TimeoutError:
                return refusal(TIMED_OUT_WAITING, "timeout")
            kind = GET_HEAD
        if kind == GET_HEAD:
            block, zero = (
                paper_block(self.seqno, self.fork),
                struct.pack("<i", MASTERCHAIN) + self.zero_state + bytes(32),
            )
            return (
                struct.pack("<IIIQ", HEAD, 0, 0, 0)
                + put_block(block)
                + struct.pack("<I", BORN + self.seqno)
                + bytes(4 + 32)
                + zero
            )
        if kind == LOOK_UP_BLOCK:
            (seqno,) = struct.unpack_from("<I", question, 20)
            return (
                struct.pack("<I", BLOCK_HEADER) + put_block(paper_block(seqno, self.fork)) + bytes(4) + put_bytes(b"")
            )
        return refusal(651, "not in db")


class PaperNetwork:
    """Several paper servers and the way to dial them."""

    def __init__(self, *servers: PaperServer) -> None:
        self.servers = {server.port: server for server in servers}

    def config(self, quorum: int, spares: tuple[PaperServer, ...] = ()) -> ChainConfig:
        listed = tuple(server.address for server in self.servers.values() if server not in spares)
        return ChainConfig(
            listed,
            paper_block(1),
            ZERO_STATE,
            quorum,
            tuple(spare.address for spare in spares),
            requests_per_second=1000,
        )

    async def connect(self, address: LiteServerAddress, within: float) -> "PaperLine":
        server = self.servers[address.port]
        server.dialled += 1
        if server.unreachable:
            await asyncio.sleep(0.01)
            raise ServerFailed("connection refused")
        return PaperLine(server)


class PaperLine:
    """A `Connection` to a paper server."""

    def __init__(self, server: PaperServer) -> None:
        self._server = server
        self._cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        server._cuts.add(self._cut)
        server.open += 1

    async def ask(self, question: bytes) -> bytes:
        answer = asyncio.ensure_future(self._server.answer(question))
        self._cut.add_done_callback(lambda _: answer.cancel())
        try:
            return await answer
        except asyncio.CancelledError:
            if self._cut.done():
                raise ServerFailed("the connection was lost") from None
            raise
        finally:
            answer.cancel()

    async def close(self) -> None:
        self._server.open -= 1
        self._server._cuts.discard(self._cut)
