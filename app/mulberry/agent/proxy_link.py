"""Keeps the connection to one proxy: connects again whenever it ends, and says in words why it is not connected."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from mulberry.agent import reasons
from mulberry.agent.book import ProxyBook
from mulberry.agent.ledger import LedgerFull
from mulberry.cocoon.channel import ChannelClosed
from mulberry.cocoon.seams import ProxyDistrusted, ProxyRefused
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.money import Nanoton
from mulberry.model.node import ProxyStatus, Reason
from mulberry.model.payments import ProxyAccount
from mulberry.model.root_contract import ProxyAddress

log = logging.getLogger(__name__)

CANCEL_SECONDS = 1.0  # cancelled requests need no longer to end


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds before the next attempt: the first, doubled each time up to the longest, each cut by up to a half."""

    first: float
    longest: float

    def after(self, failures: int, random: Random) -> float:
        return min(self.first * 2.0 ** min(failures, 30), self.longest) * random.uniform(0.5, 1.0)


UNREACHABLE = Pauses(first=0.5, longest=30)
REFUSED = Pauses(first=5, longest=300)
DISTRUSTED = Pauses(first=30, longest=600)


class ProxyLink:
    """`endpoint` says where the proxy is now, or None while that is not known. `run` ends only by cancellation."""

    def __init__(
        self,
        name: str,
        session: WorkerSession,
        book: ProxyBook,
        endpoint: Callable[[], ProxyAddress | None],
        *,
        random: Random,
        on_change: Callable[[], None],
    ) -> None:
        self.name = name
        self.session = session
        self._book = book
        self._endpoint = endpoint
        self._random = random
        self._on_change = on_change
        self._reason: Reason | None = None
        self._tried: ProxyAddress | None = None
        self._moved = asyncio.Event()

    @property
    def reason(self) -> Reason | None:
        """Why there is no connection, as far as known."""
        return None if self.session.is_connected else self._reason

    @property
    def worker_contract(self) -> str:
        """Our contract with this proxy, as a raw address; "" before it was met."""
        return self._book.worker_contract

    def status(self, accounts: list[ProxyAccount]) -> ProxyStatus:
        """For the faces; `accounts` are the ledger's."""
        proxy = self.session.proxy
        key = proxy.proxy_public_key.hex() if proxy else ""
        contract = self._book.worker_contract
        account = next((a for a in accounts if a.worker_contract == contract), None)
        return ProxyStatus(
            name=self.name,
            public_key=key,
            connected=self.session.is_connected,
            running_requests=self.session.running_requests,
            earned=account.earned if account else Nanoton(0),
            payable=account.payable if account else Nanoton(0),
            attestation="TEST, nothing proven",
            note=self.reason.evidence if self.reason else "",
        )

    async def run(self) -> None:
        """Connects and serves, again and again."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            pauses = await self._one_session()
            if asyncio.get_running_loop().time() - began > pauses.longest:
                failures = 0  # it had gone well for long
            pause = pauses.after(failures, self._random)
            failures += 1
            self._on_change()
            log.info("the next attempt to reach %s is in %.1f s", self.name, pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._moved.wait()
                    failures = 0

    def look_again(self) -> None:
        """Ends a pause if the proxy is elsewhere now than where it was looked for last."""
        if self._endpoint() not in (None, self._tried):
            self._moved.set()

    async def end(self) -> None:
        """Ends all requests and the connection, telling the proxy. `run` is to be cancelled after that."""
        self.session.cancel_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await self.session.finish()
        self.session.close("the owner stopped")

    async def _one_session(self) -> Pauses:
        """Serves until the connection ends. Returns how to go on."""
        self._moved.clear()
        self._tried = endpoint = self._endpoint()
        if endpoint is None:
            self._reason = reasons.proxy_unreachable(self.name, "it is being started")
            return UNREACHABLE
        try:
            await self.session.run(endpoint)
            self._reason = None
            return UNREACHABLE
        except ProxyDistrusted as problem:
            log.warning("the proxy %s is not trusted: %s", self.name, problem)
            self._reason = reasons.proxy_distrusted(self.name, str(problem))
            return DISTRUSTED
        except ProxyRefused as problem:
            log.warning("the proxy %s refused: %s", self.name, problem)
            self._reason = reasons.proxy_refused(self.name, str(problem))
            return REFUSED
        except (ChannelClosed, OSError) as problem:
            self._reason = reasons.proxy_unreachable(self.name, str(problem))
            return UNREACHABLE
        except LedgerFull as problem:
            self._book.ledger_is_full(problem)
            return UNREACHABLE
