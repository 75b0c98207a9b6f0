"""Stands where a worker session and a proxy's book stand, for tests of what keeps connections."""

import asyncio
from collections.abc import Callable

from mulberry.agent.ledger import LedgerFull
from mulberry.cocoon.channel import ChannelClosed
from mulberry.model.attestation import PeerEvidence
from mulberry.model.payments import Counters
from mulberry.model.root_contract import ProxyAddress


class Session:
    """Stands where a `WorkerSession` stands; its `run` ends as the test says."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.began: list[float] = []
        self.is_connected = False
        self.is_enabled = True
        self.running_requests = 0
        self.evidence: PeerEvidence | None = None
        self.cancelled = 0
        self._idle = asyncio.Event()
        self._closed = asyncio.Event()
        self.tell: Callable[[], None] = lambda: None

    def made(self, on_change: Callable[[], None]) -> "Session":
        self.tell = on_change
        return self

    async def run(self, endpoint: ProxyAddress, transport: object, on_progress: Callable[[str], None]) -> None:
        self.began.append(asyncio.get_running_loop().time())
        end = self.ends.pop(0) if self.ends else None
        if isinstance(end, Connected):
            self._become(connected=True)
            self._closed.clear()
            try:
                async with asyncio.timeout(end.seconds):
                    await self._closed.wait()
                return
            except TimeoutError:
                raise ChannelClosed("it hung up") from None
            finally:
                self._become(connected=False)
        if isinstance(end, Puzzle):
            on_progress("about 1.4 s of computing")
            await asyncio.sleep(1.4)
            raise ChannelClosed("too slow")
        if isinstance(end, Slow):
            await asyncio.sleep(end.seconds)
            raise ChannelClosed("no answer")
        if end is None:
            await asyncio.sleep(1e9)
        else:
            raise end

    def _become(self, *, connected: bool) -> None:
        self.is_connected = connected
        self.tell()

    def set_enabled(self, wanted: bool) -> None:
        self.is_enabled = wanted

    async def finish(self) -> None:
        self.set_enabled(False)
        while self.running_requests:
            self._idle.clear()
            await self._idle.wait()

    def cancel_all(self) -> None:
        self.cancelled += self.running_requests
        self.requests_end()

    def requests_end(self) -> None:
        self.running_requests = 0
        self._idle.set()

    def close(self, why: str) -> None:
        self._closed.set()


class Puzzle(Exception):
    """Not an error either: the transport says that it takes long."""


class Slow(Exception):
    """Not an error: the attempt takes so long, and fails."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Connected(Exception):
    """Not an error: the session stands for so long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Book:
    worker_contract = ""
    proxy_key = b""

    def __init__(self) -> None:
        self.full: LedgerFull | None = None
        self.known = Counters()

    def counters(self) -> Counters:
        return self.known

    def ledger_is_full(self, problem: LedgerFull) -> None:
        self.full = problem
