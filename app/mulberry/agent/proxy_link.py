"""Keeps the connection to one proxy: connects again whenever it ends, and says in words why it is not connected."""

import asyncio
import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from mulberry.agent import reasons
from mulberry.agent.book import ProxyBook
from mulberry.agent.ledger import LedgerFull
from mulberry.cocoon.channel import ChannelClosed
from mulberry.cocoon.seams import ProxyDistrusted, ProxyRefused
from mulberry.cocoon.transports import PeerNotProven, Transport, words_of
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.model.node import ProxyState, Reason
from mulberry.model.root_contract import ProxyAddress

log = logging.getLogger(__name__)

CANCEL_SECONDS = 1.0  # cancelled requests need no longer to end
OFFLINE = (errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)  # it is our end that lacks


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds before the next attempt: the first, doubled each time up to the longest, each cut by up to a half.

    After a connection of `well` seconds it is the first again.
    """

    first: float
    longest: float
    well: float

    def after(self, failures: int, random: Random) -> float:
        return min(self.first * 2.0 ** min(failures, 30), self.longest) * random.uniform(0.5, 1.0)


UNREACHABLE = Pauses(first=0.5, longest=30, well=10)  # with the usual proof of work: 5 % of a core at the worst
WITHOUT_NETWORK = Pauses(
    first=0.5, longest=5, well=5
)  # such an attempt costs nobody anything, and the cable may be back
REFUSED = Pauses(first=5, longest=300, well=300)
DISTRUSTED = Pauses(first=30, longest=600, well=600)


class ProxyLink:
    """One proxy. `run` ends only by cancellation.

    `make_session` is given whom to tell of changes. `endpoint` says where the proxy is now, or None while that is not
    known, `transport` how it is reached (None: plain TCP; it may raise `PeerNotProven`). `on_ended` is called after
    each attempt, `on_change` whenever anything changed.
    """

    def __init__(
        self,
        name: str,
        make_session: Callable[[Callable[[], None]], WorkerSession],
        book: ProxyBook,
        endpoint: Callable[[], ProxyAddress | None],
        transport: Callable[[], Transport | None],
        *,
        clock: Clock,
        random: Random,
        on_change: Callable[[], None],
        on_ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._book = book
        self._endpoint = endpoint
        self._transport = transport
        self._clock = clock
        self._random = random
        self._on_change = on_change
        self._on_ended = on_ended
        self._failed: Reason | None = None
        self._held_back: Reason | None = None
        self._progress = ""
        self._tried: ProxyAddress | None = None
        self._woken = asyncio.Event()
        self._attempt: asyncio.Task[None] | None = None
        self._connected_at = self._connected_seconds = 0.0  # on the loop's clock; how long the newest attempt's lasted
        self.failing_since: float | None = asyncio.get_running_loop().time()  # on the loop's clock
        self.connected_since: datetime | None = None
        self.next_attempt_at: datetime | None = None
        self.session = make_session(self._session_changed)

    # What is

    @property
    def reason(self) -> Reason | None:
        """Why no work is done for the proxy, as far as known."""
        return self._held_back if self.session.is_connected else self._failed

    @property
    def is_put_aside(self) -> bool:
        """The proxy did not show what it must, or was not who it was: no better a minute later."""
        return not self.session.is_connected and self._failed is not None and self._failed.kind in reasons.NOT_TRUSTED

    @property
    def is_held_back(self) -> bool:
        """By a limit of the owner's."""
        return self._held_back is not None

    @property
    def is_working(self) -> bool:
        return self.session.is_connected and not self.is_held_back

    @property
    def state(self) -> ProxyState:
        if self.session.is_connected:
            if self._held_back is not None:
                return ProxyState.PUT_ASIDE
            return ProxyState.WORKING if self.session.is_enabled else ProxyState.WAITING
        if self.is_put_aside:
            return ProxyState.PUT_ASIDE
        return ProxyState.WAITING if self._attempt is None else ProxyState.CONNECTING

    @property
    def note(self) -> str:
        """What keeps it from working, or what is being done, in words."""
        if self._progress and not self.session.is_connected:
            return self._progress
        return self.reason.evidence if self.reason else ""

    @property
    def proxy_key(self) -> str:
        """64 hexadecimal digits; "" before the proxy was met."""
        return self._book.proxy_key.hex()

    @property
    def worker_contract(self) -> str:
        """Our contract with this proxy, as a raw address; "" before it was met."""
        return self._book.worker_contract

    @property
    def unsigned_tokens(self) -> int:
        """What the proxy says we earned and has not signed for."""
        counters = self._book.counters()
        return counters.max_known - counters.committed_to_blockchain

    @property
    def address(self) -> str:
        """Where it listens, "" while that is not known."""
        return str(self._endpoint() or "")

    # What is done

    def hold_back(self, why: Reason | None) -> None:
        """The owner's limit: no requests while there is a reason. The connection stays, so that it can be paid off."""
        self._held_back = why

    def dial_again(self) -> None:
        """At once: what the connection was made over is gone, and it would take long to find that out by itself."""
        self._woken.set()
        if self._attempt is not None:
            self._attempt.cancel()

    async def run(self) -> None:
        """Connects and serves, again and again."""
        failures = 0
        while True:
            self.next_attempt_at = None
            self._connected_seconds = 0.0
            self._woken.clear()
            pauses = await self._one_session()
            if self._connected_seconds >= pauses.well or self._woken.is_set():
                failures = 0  # it had gone well, or everything is different now
            pause = pauses.after(failures, self._random)
            failures += 1
            self.next_attempt_at = self._clock.now() + timedelta(seconds=pause)
            self._on_ended()
            self._on_change()
            log.info("the next attempt to reach %s is in %.1f s", self.name, pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
                    failures = 0

    def look_again(self) -> None:
        """Ends a pause if the proxy is elsewhere now than where it was looked for last."""
        if self._endpoint() not in (None, self._tried):
            self._woken.set()

    async def end(self) -> None:
        """Ends all requests and the connection, telling the proxy. `run` is to be cancelled after that."""
        self.session.cancel_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await self.session.finish()
        self.session.close("the owner stopped")

    async def _one_session(self) -> Pauses:
        """Serves until the connection ends. Returns how to go on."""
        self._tried = endpoint = self._endpoint()
        if endpoint is None:
            self._failed = reasons.proxy_unreachable(self.name, tr("it is being started"))
            return UNREACHABLE
        try:
            await self._session_at(endpoint)
            self._failed = None
            return UNREACHABLE
        except ProxyDistrusted as problem:
            log.warning("the proxy %s is not trusted: %s", self.name, problem)
            self._failed = reasons.proxy_distrusted(self.name, str(problem))
            return DISTRUSTED
        except PeerNotProven as problem:
            log.warning("the proxy %s did not prove itself: %s", self.name, problem)
            self._failed = reasons.proxy_not_proven(self.name, str(problem))
            return REFUSED
        except ProxyRefused as problem:
            log.warning("the proxy %s refused: %s", self.name, problem)
            self._failed = reasons.proxy_refused(self.name, str(problem))
            return REFUSED
        except (ChannelClosed, OSError) as problem:
            cause = problem if isinstance(problem, OSError) else problem.__cause__
            why = words_of(cause) if isinstance(cause, OSError) else str(problem)  # without the proxy's name again
            self._failed = reasons.proxy_unreachable(self.name, why)
            offline = isinstance(cause, OSError) and cause.errno in OFFLINE
            return WITHOUT_NETWORK if offline else UNREACHABLE
        except LedgerFull as problem:
            self._book.ledger_is_full(problem)
            return UNREACHABLE

    async def _session_at(self, endpoint: ProxyAddress) -> None:
        """Returns when the session ends or `dial_again` ends it, else raises what ended it."""
        run = self.session.run(endpoint, self._transport(), self._say)
        self._attempt = asyncio.create_task(run, name=f"session with {self.name}")
        self._on_change()
        try:
            await asyncio.wait((self._attempt,))
            if not self._attempt.cancelled():
                self._attempt.result()
        finally:
            self._attempt.cancel()
            await asyncio.wait((self._attempt,))
            self._attempt = None
            self._progress = ""

    def _say(self, progress: str) -> None:
        self._progress = progress
        self._on_change()

    def _session_changed(self) -> None:
        connected = self.session.is_connected
        if connected != (self.connected_since is not None):
            now = asyncio.get_running_loop().time()
            if connected:
                self._connected_at = now
            else:
                self._connected_seconds = now - self._connected_at
            self.connected_since = self._clock.now() if connected else None
            self.failing_since = None if connected else now
        self._on_change()
