"""The chain behind TON's lite-server protocol: ADNL over TCP on loopback, honest or with `Faults`."""

import asyncio
import base64
import contextlib
import ipaddress
import logging
from collections.abc import Callable

from mulberry.demo.chain import answers_accounts, answers_blocks, tl
from mulberry.demo.chain.adnl import BadPacketError, Connection, ServerKey
from mulberry.demo.chain.archive import NotKeptError
from mulberry.demo.chain.block import MASTERCHAIN, WHOLE_SHARD, Block, BlockId
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.faults import HONEST, Faults, Lie
from mulberry.demo.chain.lies import LIES, garbage
from mulberry.demo.chain.tl import Reader, ServerError
from mulberry.demo.chain.view import View

ANSWERS = answers_blocks.ANSWERS | answers_accounts.ANSWERS
NOT_READY, TIMED_OUT, UNKNOWN = 651, 652, -400
LONGEST_WAIT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class LiteServer:
    """One server of `chain`. Several may serve the same chain, each with `Faults` and a key of its own."""

    def __init__(self, chain: LocalChain, *, faults: Faults = HONEST, key_seed: bytes = b"lite server") -> None:
        self.questions = 0  # answered or not, since the server was made
        self._chain = chain
        self._served = chain
        self._faults = faults
        self._key = ServerKey(key_seed)
        self._stale: Block | None = None
        self._server: asyncio.Server | None = None
        self._address = ("127.0.0.1", 0)
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._new_block = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None
        self.faults = faults

    @property
    def faults(self) -> Faults:
        """May be replaced while the server runs. A fork begins and ends with its fault."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        if not faults.forked:
            self._served = self._chain
        elif self._served is self._chain:
            self._served = self._chain.fork()
        lying = Lie.STALE_HEAD in faults.lies
        self._stale = (self._stale or self._served.newest) if lying else None
        self._faults = faults

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. Raises `OSError` if the port is taken."""
        self._server = await asyncio.start_server(self._serve, host, port)
        taken: int = self._server.sockets[0].getsockname()[1]
        self._address = (host, taken)
        self._unsubscribe = self._chain.subscribe(self._on_block)

    @property
    def port(self) -> int:
        return self._address[1]

    def global_config(self) -> dict[str, object]:
        """TON's global.config.json with this server, our zero state and our key block as init block."""
        return global_config(self)

    def address(self) -> dict[str, object]:
        """The server's entry among a global config's `liteservers`."""
        host, port = self._address
        number = int(ipaddress.IPv4Address(host))
        key = {"@type": "pub.ed25519", "key": base64.b64encode(self._key.public).decode()}
        return {"ip": number - (1 << 32) if number >> 31 else number, "port": port, "id": key}

    @property
    def chain(self) -> LocalChain:
        """The chain that is served: a fork, if that is the server's fault."""
        return self._served

    async def close(self) -> None:
        """Cuts every connection and stops listening. May be followed by another `start`."""
        if self._server is None or self._unsubscribe is None:
            return
        self._unsubscribe()
        self._server.close()
        for writer in self._clients:
            writer.transport.abort()
        for task in self._answers:
            task.cancel()
        waited_for = [*self._answers, *(task for task in self._clients.values() if task is not None)]
        await asyncio.gather(*waited_for, return_exceptions=True)
        await self._server.wait_closed()
        self._server = self._unsubscribe = None

    def _on_block(self, _: BlockId) -> None:
        if self._served is not self._chain:
            self._served.make_block()
        self._new_block.set()
        self._new_block = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = asyncio.current_task()
        try:
            with contextlib.suppress(BadPacketError, TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                await self._converse(await Connection.accept(reader, writer, self._key))
        finally:
            del self._clients[writer]
            writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _converse(self, connection: Connection) -> None:
        connection.send(b"")  # the handshake's answer
        while True:
            packet = Reader(await connection.receive())
            kind = packet.uint32() if packet.left else 0
            if kind == tl.PING and not self.faults.silent:
                connection.send(tl.constructor(tl.PONG) + packet.take(8))
            elif kind == tl.ADNL_QUERY:
                self._start_answer(connection, packet)

    def _start_answer(self, connection: Connection, packet: Reader) -> None:
        self.questions += 1
        limit = self.faults.resets_after
        if limit is not None and self.questions % (limit + 1) == 0:
            connection.abort()
            return
        if not self.faults.silent:
            task = asyncio.get_running_loop().create_task(self._answer(connection, packet.hash(), packet.text()))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer(self, connection: Connection, number: bytes, query: bytes) -> None:
        if self.faults.delay_seconds:
            await asyncio.sleep(self.faults.delay_seconds)
        try:
            answer = await self._reply(Reader(query))
        except NotKeptError as problem:
            answer = _error(NOT_READY, str(problem))
        except ServerError as problem:
            answer = _error(problem.code, str(problem))
        except Exception:
            logger.exception("a question made the server fail")
            answer = _error(UNKNOWN, "internal error")
        if Lie.GARBAGE in self.faults.lies:
            answer = garbage(query)
        connection.send(tl.constructor(tl.ADNL_ANSWER) + number + tl.text(answer))

    async def _reply(self, query: Reader) -> bytes:
        if query.uint32() != tl.QUERY:
            raise ServerError(UNKNOWN, "not a question to a lite server")
        question = Reader(query.text())
        kind = question.uint32()
        if kind == tl.WAIT_MASTERCHAIN_SEQNO:
            await self._wait_for(question.int32(), question.int32())
            kind = question.uint32()
        view = View(self._served, self.faults, self._stale)
        for lie in self.faults.lies:
            if kind in LIES.get(lie, {}):
                return LIES[lie][kind](view, question)
        if kind not in ANSWERS:
            raise ServerError(UNKNOWN, f"unknown question {kind:08x}")
        return ANSWERS[kind](view, question)

    async def _wait_for(self, seqno: int, milliseconds: int) -> None:
        try:
            async with asyncio.timeout(min(milliseconds / 1_000, LONGEST_WAIT_SECONDS)):
                while (self._stale or self._served.newest).id.seqno < seqno:
                    await self._new_block.wait()
        except TimeoutError:
            raise ServerError(TIMED_OUT, "timeout") from None


def global_config(*servers: LiteServer) -> dict[str, object]:
    """A global config with several servers of one chain."""
    archive = servers[0].chain.archive
    return {
        "@type": "config.global",
        "dht": {
            "@type": "dht.config.global",
            "k": 6,
            "a": 3,
            "static_nodes": {"@type": "dht.nodes", "nodes": []},
        },
        "liteservers": [server.address() for server in servers],
        "validator": {
            "@type": "validator.config.global",
            "zero_state": _block_entry(archive.block_at(MASTERCHAIN, 0).id),
            "init_block": _block_entry(archive.block_at(MASTERCHAIN, 1).id),
            "hardforks": [],
        },
    }


def _block_entry(block: BlockId) -> dict[str, object]:
    return {
        "file_hash": base64.b64encode(block.file_hash).decode(),
        "seqno": block.seqno,
        "root_hash": base64.b64encode(block.root_hash).decode(),
        "workchain": block.workchain,
        "shard": WHOLE_SHARD,
    }


def _error(code: int, message: str) -> bytes:
    return tl.constructor(tl.ERROR) + tl.int32(code) + tl.text(message.encode())
