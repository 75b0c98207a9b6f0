"""Where all proxies' books write to. While the disk is full, what came in waits here and is written first."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mulberry.agent import reasons
from mulberry.agent.ledger import Finished, Ledger, LedgerFull
from mulberry.model.clock import Clock
from mulberry.model.jobs import Job
from mulberry.model.node import Reason
from mulberry.model.payments import SignedPayment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A proxy's word on one job."""

    proxy: str
    request_id: str
    tokens: int


Entry = Finished | Confirmation | SignedPayment


def _nobody(job: Job | None) -> None:
    """Nobody wants to be told yet."""


class Till:
    """`on_change` is called with a job that is new or newly confirmed, and with None when something else changed."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger = ledger
        self.on_change: Callable[[Job | None], None] = _nobody
        self._clock = clock
        self._waiting: deque[Entry] = deque()
        self._why_full: str | None = None
        self._short_jobs = 0
        self._short_tokens = 0

    @property
    def full(self) -> bool:
        """Nothing can be written: take no new work, and `try_again` from time to time."""
        return self._why_full is not None

    @property
    def unconfirmed(self) -> bool:
        """Whether the newest job still lacks the proxy's word."""
        number = self.ledger.newest_job()
        return any(job.confirmed_tokens is None and job.adjusted_tokens for job in self.ledger.jobs(number, number))

    def reasons(self) -> tuple[Reason, ...]:
        """What the till has to say about the state."""
        found = []
        if self._why_full is not None:
            found.append(reasons.disk_full(self._why_full))
        if self._short_jobs:
            found.append(reasons.underpaid(self._short_jobs, self._short_tokens))
        return tuple(found)

    def put(self, entry: Entry) -> None:
        """Writes `entry`, after all that wait. Raises `LedgerFull`: it waits too, and is not lost while we live."""
        self._waiting.append(entry)
        self._write_waiting()

    def try_again(self) -> bool:
        """Writes what waits, or finds out whether there is room if nothing does. True when all is written."""
        try:
            if not self._waiting:
                self.ledger.check_room()
            self._write_waiting()
        except LedgerFull:
            return False
        return True

    def grow_counters(self, worker_contract: str, *, committed_to_db: int, max_known: int) -> None:
        """The proxy's counters. They do not wait for a full disk: the proxy says them again, and larger."""
        try:
            self.ledger.grow_counters(worker_contract, committed_to_db=committed_to_db, max_known=max_known)
        except LedgerFull as problem:
            self.is_full(problem)
        else:
            self.on_change(None)

    def is_full(self, problem: LedgerFull) -> None:
        """Somebody who wrote past the till found the disk full."""
        if self._why_full is None:
            log.warning("the ledger is full: %s", problem)
            self._why_full = str(problem)
            self.on_change(None)

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting.popleft()
        except LedgerFull as problem:
            self.is_full(problem)
            raise
        if self._why_full is not None:
            log.info("the ledger can be written again")
            self._why_full = None
            self.on_change(None)

    def _write(self, entry: Entry) -> None:
        match entry:
            case Finished():
                self.on_change(self.ledger.book_job(entry))
            case SignedPayment():
                if self.ledger.add_payment(entry):
                    self.on_change(None)
            case Confirmation():
                self._confirm(entry)

    def _confirm(self, entry: Confirmation) -> None:
        job = self.ledger.confirm(entry.proxy, entry.request_id, entry.tokens, self._clock.now())
        if job is None:
            log.warning("request %s was confirmed, but no such job waits for it", entry.request_id[:16])
            return
        if entry.tokens < job.adjusted_tokens:
            self._short_jobs += 1
            self._short_tokens += job.adjusted_tokens - entry.tokens
        self.on_change(job)
