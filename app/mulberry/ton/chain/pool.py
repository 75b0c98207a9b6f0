"""The servers together: what they agree on, which of them to ask, and who takes the place of one that is gone."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from mulberry.model.language import tr
from mulberry.ton.chain.config import ChainConfig, LiteServerAddress
from mulberry.ton.chain.connection import Connect
from mulberry.ton.chain.errors import NoAgreement, NoServer, ServerFailed, ServerLied, ServerRefused
from mulberry.ton.chain.heads import Heads
from mulberry.ton.chain.lite_api import UntrustedHead, ask_masterchain_block, read_masterchain_block
from mulberry.ton.chain.nouns import BlockId, ServerStatus
from mulberry.ton.chain.server import Server

HEAD_PATIENCE = 20.0  # seconds to wait for the first agreed head
ROUNDS, ROUND_PAUSE = 3, 1.0  # how often all servers are asked before giving up, and seconds in between
BEHIND_BLOCKS = 8  # how far behind the agreed head a server may be
GONE_AFTER = 3  # failed attempts in a row after which a spare takes a server's place

Checked = TypeVar("Checked")
_log = logging.getLogger(__name__)


class ServerPool:
    """`on_head` is called with each newly agreed head."""

    def __init__(
        self,
        config: ChainConfig,
        connect: Connect,
        random: random.Random,
        on_head: Callable[[UntrustedHead], None],
    ) -> None:
        self._config = config
        self._connect = connect
        self._random = random
        self._on_head = on_head
        self._heads = Heads(config.quorum)
        self._changed = asyncio.Event()
        self._servers = [self._server(address) for address in config.servers]
        self._spares = list(config.spares)
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by what they do

    def start(self) -> None:
        for server in self._servers:
            server.start()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(server.close() for server in self._servers))

    def status(self) -> tuple[ServerStatus, ...]:
        return tuple(server.status() for server in self._servers)

    async def head(self) -> UntrustedHead:
        """The newest agreed head. Waits for the first. Raises `NoServer`, `NoAgreement`."""
        try:
            async with asyncio.timeout(HEAD_PATIENCE):
                while self._heads.agreed is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as problem:
            if any(server.head for server in self._servers):
                raise NoAgreement(
                    tr("The servers name different newest blocks. {troubles}", troubles=self._troubles())
                ) from problem
            raise NoServer(tr("No server answers. {troubles}", troubles=self._troubles())) from problem
        return self._heads.agreed

    def disown(self, head: BlockId, why: str) -> None:
        """Nobody can prove the agreed head: those who named it lied, and another one is looked for."""
        namers = self._heads.namers(head)
        for server in [server for server in self._servers if str(server.address) in namers]:
            server.caught_lying(why)
        self._heads.disown(head)
        self._compare()

    def usable(self, *, at_least: int = 0) -> list[Server]:
        """The servers to ask, best first; those that have block `at_least` before those that may not."""

        def rank(server: Server) -> tuple[bool, bool, float]:
            lacks = server.head is None or server.head.block.seqno < at_least
            return lacks, server.pruned, server.expected_seconds

        return sorted((server for server in self._servers if server.usable), key=rank)

    async def of_any(self, ask: Callable[[Server], Awaitable[Checked]], *, at_least: int = 0) -> Checked:
        """What `ask` makes of the first server for which it raises nothing. Liars are remembered.

        Raises the `ServerRefused` of the last server if every one of them refused, else `NoServer`.
        """
        refusal: ServerRefused | None = None
        for number in range(ROUNDS):
            if number:
                await asyncio.sleep(ROUND_PAUSE)
            servers = self.usable(at_least=at_least)
            refusals = 0
            for server in servers:
                try:
                    return await ask(server)
                except ServerLied as problem:
                    _log.warning("lite server %s lied: %s", server.address, problem)
                    server.caught_lying(str(problem))
                except ServerRefused as problem:
                    refusal = problem
                    refusals += 1
                    server.trouble = str(problem)
                except ServerFailed:
                    pass  # the server has noted it, and its health shows it
            if refusal is not None and refusals == len(servers):
                raise refusal
        raise NoServer(tr("No server could answer. {troubles}", troubles=self._troubles()))

    def _server(self, address: LiteServerAddress) -> Server:
        return Server(address, self._config, self._connect, self._random, self._on_change)

    def _troubles(self) -> str:
        return " ".join(f"{s.name}: {s.trouble or s.health.value}." for s in self.status())

    def _on_change(self, server: Server) -> None:
        name = str(server.address)
        if server.head is not None:
            self._heads.names(name, server.head)
        elif not server.usable:
            self._heads.forget(name)
        self._compare()
        if server.failed_attempts >= GONE_AFTER and self._spares:
            self._run(f"replace {name}", self._replace(server))

    def _compare(self) -> None:
        self._heads.quorum = self._quorum()
        if self._heads.agree() and self._heads.agreed is not None:
            self._on_head(self._heads.agreed)
        self._changed.set()
        agreed = self._heads.agreed
        dissenters = self._heads.dissenters()
        for server in [server for server in self._servers if str(server.address) in dissenters]:
            self._heads.forget(str(server.address))
            server.caught_lying(tr("it names another block than the other servers do"))
        for server in self._servers:
            if agreed is not None and server.head is not None:
                server.behind = server.head.block.seqno + BEHIND_BLOCKS < agreed.block.seqno
            seqno = self._heads.question_for(str(server.address))
            if seqno is not None and server.usable:
                self._run(f"ask {server.address}", self._ask_about(server, seqno))

    def _quorum(self) -> int:
        """As many as are left if no spare helps: signatures prove a block, others only that it is the newest."""
        if self._spares:
            return self._config.quorum
        left = sum(server.is_standing for server in self._servers)
        return max(min(self._config.quorum, left), 1)

    async def _ask_about(self, server: Server, seqno: int) -> None:
        """What `server` has at a height that it passed over."""
        try:
            block = read_masterchain_block(await server.ask(ask_masterchain_block(seqno)))
        except ServerLied as problem:
            server.caught_lying(str(problem))
            return
        except ServerFailed:
            return
        made_at = self._heads.made_at(block)
        if block.seqno == seqno and made_at is not None and server in self._servers:
            self._heads.names(str(server.address), UntrustedHead(block, made_at, self._config.zero_state_root_hash))
            self._compare()

    async def _replace(self, server: Server) -> None:
        """A spare takes the server's place; the server becomes the last spare."""
        self._heads.forget(str(server.address))
        spare = self._server(self._spares.pop(0))
        _log.info("lite server %s is gone, %s takes its place", server.address, spare.address)
        self._spares.append(server.address)
        self._servers[self._servers.index(server)] = spare
        await server.close()
        spare.start()

    def _run(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Does `work` on the side, one of a kind at a time."""
        if what in self._tasks:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=what)
        self._tasks[what] = task
        task.add_done_callback(lambda _: self._tasks.pop(what, None))
