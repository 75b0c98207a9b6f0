"""The life of one lite server: connect, follow its head, answer for its questions, and again after every fall."""

import asyncio
import logging
import random
from collections.abc import Callable

from mulberry.model.language import number, tr
from mulberry.ton.chain.config import ChainConfig, LiteServerAddress
from mulberry.ton.chain.connection import Connect, Connection
from mulberry.ton.chain.errors import NoAnswer, ServerFailed, ServerLied, ServerRefused
from mulberry.ton.chain.lite_api import TIMED_OUT_WAITING, UntrustedHead, ask_head, ask_head_from, read_head
from mulberry.ton.chain.nouns import ServerHealth, ServerStatus
from mulberry.ton.chain.pace import Pace

HEAD_WAIT = 8.0  # seconds that a server may hold back its answer until there is a new block
NO_NEWS_PAUSE = 1.0  # between questions to a server that answers at once and has nothing new
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between attempts to connect, doubling
LIAR_PAUSE = 600.0
SLOW_ANSWER = 1.5  # seconds
SILENT_AFTER = 2  # questions in a row without an answer
MEAN_WEIGHT = 0.2  # of the newest answer in the running mean

_log = logging.getLogger(__name__)


class Server:
    """One server. `on_change` is called when it names a new block, when it fails and when it is caught lying."""

    def __init__(
        self,
        address: LiteServerAddress,
        config: ChainConfig,
        connect: Connect,
        random: random.Random,
        on_change: Callable[["Server"], None],
    ) -> None:
        self.address = address
        self.head: UntrustedHead | None = None
        self.behind = False  # set by who compares the servers
        self.pruned = False
        self.failed_attempts = 0  # in a row
        self.trouble = ""
        self._config = config
        self._connect = connect
        self._random = random
        self._on_change = on_change
        self._pace = Pace(config.requests_per_second, config.request_burst)
        self._connection: Connection | None = None
        self._life: asyncio.Task[None] | None = None
        self._lied = False
        self._unanswered = 0
        self._mean: float | None = None

    def start(self) -> None:
        self._life = asyncio.get_running_loop().create_task(self._live(), name=f"lite server {self.address}")
        self._life.add_done_callback(_log_what_should_not_be)

    async def close(self) -> None:
        if self._life is None:
            return
        while not self._life.done():  # the client library swallows a cancellation now and then
            self._life.cancel()
            await asyncio.wait({self._life}, timeout=1.0)
        self._life = None

    @property
    def usable(self) -> bool:
        return self._connection is not None and not self._lied

    @property
    def is_standing(self) -> bool:
        """It may have a say: it is not caught lying, silent or out of reach."""
        return self._health() not in (ServerHealth.LYING, ServerHealth.SILENT, ServerHealth.UNREACHABLE)

    @property
    def expected_seconds(self) -> float:
        """How long the next answer may take, going by the last ones. The lower, the sooner it is asked."""
        return (self._mean or 0.0) + self._unanswered * self._config.request_timeout

    async def ask(self, question: bytes, *, held_back: float = 0.0) -> bytes:
        """The answer, within the config's time limit and `held_back` more. Raises `ServerFailed`."""
        await self._pace.wait()
        connection = self._connection
        if connection is None or self._lied:
            raise ServerFailed(self.trouble or tr("not connected"))
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout(self._config.request_timeout + held_back):
                answer = await connection.ask(question)
        except TimeoutError as problem:
            self._unanswered += 1
            waited = number(f"{self._config.request_timeout + held_back:g}")
            self.trouble = tr("no answer within {seconds} seconds", seconds=waited)
            raise NoAnswer(self.trouble) from problem
        except ServerFailed as problem:
            self.trouble = str(problem)
            raise
        self._unanswered = 0
        if not held_back:
            took = loop.time() - asked
            self._mean = took if self._mean is None else self._mean + MEAN_WEIGHT * (took - self._mean)
        return answer

    def caught_lying(self, what: str) -> None:
        """Nothing more is asked of it for `LIAR_PAUSE` seconds."""
        self.trouble = what
        self._lied = True
        self.head = None
        self._on_change(self)

    def status(self) -> ServerStatus:
        seqno = self.head.block.seqno if self.head is not None else None
        return ServerStatus(str(self.address), self._health(), seqno, self._mean, self.pruned, self.trouble)

    def _health(self) -> ServerHealth:
        if self._lied:
            return ServerHealth.LYING
        if self._unanswered:
            return ServerHealth.SILENT
        if self._connection is None:
            return ServerHealth.UNREACHABLE if self.failed_attempts else ServerHealth.CONNECTING
        if self.behind:
            return ServerHealth.BEHIND
        return ServerHealth.SLOW if (self._mean or 0.0) > SLOW_ANSWER else ServerHealth.GOOD

    async def _live(self) -> None:
        while True:
            try:
                await self._one_connection()
            except ServerLied as problem:
                self.caught_lying(str(problem))
            except ServerFailed as problem:
                self.trouble = str(problem)
                self.failed_attempts += 1
            self._on_change(self)
            if not self._lied:
                await asyncio.sleep(self._pause())
            if self._lied:
                await asyncio.sleep(LIAR_PAUSE)
                self._lied = False

    async def _one_connection(self) -> None:
        try:
            connection = await self._connect(self.address, self._config.connect_timeout)
        except ServerFailed:
            self._unanswered = 0  # it is not silent any more, it is gone
            raise
        self._connection = connection
        try:
            await self._follow()
        finally:
            self._connection = None
            self.head = None
            await connection.close()

    async def _follow(self) -> None:
        """Hears of every new block until the line breaks, or the server is caught lying."""
        self._heard(read_head(await self.ask(ask_head())))
        while not self._lied and self.head is not None:
            seqno = self.head.block.seqno
            try:
                question = ask_head_from(seqno + 1, int(1000 * HEAD_WAIT))
                head = read_head(await self.ask(question, held_back=HEAD_WAIT))
            except NoAnswer:
                if self._unanswered >= SILENT_AFTER:
                    raise
                continue
            except ServerRefused as problem:
                if problem.code != TIMED_OUT_WAITING:
                    raise
                await asyncio.sleep(NO_NEWS_PAUSE)
                continue
            if head.block.seqno <= seqno:
                await asyncio.sleep(NO_NEWS_PAUSE)
            elif not self._lied:
                self._heard(head)

    def _heard(self, head: UntrustedHead) -> None:
        if head.zero_state_root_hash != self._config.zero_state_root_hash:
            raise ServerLied(tr("it serves another chain"))
        self.failed_attempts = 0
        self.head = head
        self._on_change(self)

    def _pause(self) -> float:
        """Doubling, and never two servers in step."""
        doubled = FIRST_PAUSE * 2.0 ** min(self.failed_attempts, 10)
        return min(doubled, LONGEST_PAUSE) * self._random.uniform(0.5, 1.0)


def _log_what_should_not_be(life: asyncio.Task[None]) -> None:
    """A server's life ends when it is closed. Any other end is a mistake of ours."""
    if not life.cancelled() and (problem := life.exception()) is not None:
        _log.error("%s fell over", life.get_name(), exc_info=problem)
