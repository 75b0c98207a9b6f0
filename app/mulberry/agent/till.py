"""Where all proxies' books write to. While the disk is full, what came in waits here and is written first.

What comes in one turn of the event loop is written in one transaction at its end. Measured with sixteen requests at
once: 70 µs a request instead of 225, because a commit writes each page that it touched once. A proxy's words on jobs
and counters, which nobody waits for, may go with the next job: 50 µs less with one request at a time. Who kills the
agent in between loses some jobs' confirmations and no money, for the counters come again and only grow.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from mulberry.agent import reasons
from mulberry.agent.ledger import Finished, Ledger, LedgerFull
from mulberry.model.clock import Clock
from mulberry.model.jobs import Job
from mulberry.model.node import Reason
from mulberry.model.payments import SignedPayment

GROUP_LIMIT = 256  # entries of one transaction: some 20 ms
WORD_SECONDS = 0.02  # a proxy's word may wait so long for a job to go with

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A proxy's word on one job."""

    proxy: str
    request_id: str
    tokens: int


Entry = Finished | Confirmation | SignedPayment
Written = Callable[[Exception | None], None]


def _nobody(job: Job | None) -> None:
    """Nobody wants to be told yet."""


class Till:
    """`on_change` is called with a job that is new or newly confirmed, and with None when something else changed."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger = ledger
        self.on_change: Callable[[Job | None], None] = _nobody
        self._clock = clock
        self._waiting: deque[Entry] = deque()
        self._counters: dict[str, tuple[int, int]] = {}  # that wait, by worker contract: the newest are enough
        self._to_tell: list[Written] = []
        self._due: asyncio.Handle | None = None
        self._is_urgent = False
        self._why_full: str | None = None
        self._unknown_words = 0
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
        """Writes `entry` now, after all that wait. Raises `LedgerFull`: it waits too, and is not lost while we live."""
        self._waiting.append(entry)
        self._write_waiting()

    def put_soon(self, job: Finished, written: Written) -> None:
        """Writes `job` at the end of this turn of the event loop.

        `written` is called then, with the exception that kept it off the disk: after `LedgerFull` it waits as in `put`.
        """
        self._waiting.append(job)
        self._to_tell.append(written)
        if not self._is_urgent:
            if self._due is not None:
                self._due.cancel()
            self._due = asyncio.get_running_loop().call_soon(self._write_due)
            self._is_urgent = True

    def hear(self, word: Confirmation) -> None:
        """Writes `word` within `WORD_SECONDS`."""
        self._waiting.append(word)
        self._write_later()

    def hear_counters(self, worker_contract: str, *, committed_to_db: int, max_known: int) -> None:
        """The proxy's counters, within `WORD_SECONDS`; of several the newest."""
        self._counters[worker_contract] = committed_to_db, max_known
        self._write_later()

    def flush(self) -> None:
        """Writes what waits, if there is room for it."""
        with suppress(LedgerFull):
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

    def is_full(self, problem: LedgerFull) -> None:
        """Somebody who wrote past the till found the disk full."""
        if self._why_full is None:
            log.warning("the ledger is full: %s", problem)
            self._why_full = str(problem)
            self.on_change(None)

    def _write_later(self) -> None:
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(WORD_SECONDS, self._write_due)

    def _write_due(self) -> None:
        self._due = None
        self._is_urgent = False
        try:
            self._write_waiting()
        except LedgerFull as problem:
            log.info("%d entries wait for room on the disk (%s)", len(self._waiting), problem)

    def _write_waiting(self) -> None:
        to_tell, self._to_tell = self._to_tell, []
        kept_off: Exception | None = None
        try:
            while self._waiting or self._counters:
                self._write_group()
        except LedgerFull as problem:
            kept_off = problem
            self.is_full(problem)
            raise
        except Exception as bug:
            kept_off = bug
            raise
        finally:
            for tell in to_tell:
                tell(kept_off)
        if self._why_full is not None:
            log.info("the ledger can be written again")
            self._why_full = None
            self.on_change(None)

    def _write_group(self) -> None:
        group = list(islice(self._waiting, GROUP_LIMIT))
        with self.ledger.together(durably=any(isinstance(entry, SignedPayment) for entry in group)):
            jobs = [self._write(entry) for entry in group]
            for worker_contract, (committed_to_db, max_known) in self._counters.items():
                self.ledger.grow_counters(worker_contract, committed_to_db=committed_to_db, max_known=max_known)
        for _ in group:
            self._waiting.popleft()
        for entry, job in zip(group, jobs, strict=True):
            if isinstance(entry, Confirmation):
                self._compare(entry, job)
            if job is not None:
                self.on_change(job)
        if self._counters or any(job is None for job in jobs):
            self._counters.clear()
            self.on_change(None)

    def _write(self, entry: Entry) -> Job | None:
        match entry:
            case Finished():
                return self.ledger.book_job(entry)
            case Confirmation():
                return self.ledger.confirm(entry.proxy, entry.request_id, entry.tokens, self._clock.now())
            case SignedPayment():
                self.ledger.add_payment(entry)
                return None

    def _compare(self, entry: Confirmation, job: Job | None) -> None:
        if job is None:
            if entry.tokens:  # a request that was not taken is no job, and worth nothing
                self._unknown_words += 1
                if self._unknown_words.bit_count() == 1:  # a proxy does not decide how long our log is
                    log.warning("%d times a request was confirmed, but no such job waits for it", self._unknown_words)
        elif entry.tokens < job.adjusted_tokens:
            self._short_jobs += 1
            self._short_tokens += job.adjusted_tokens - entry.tokens
