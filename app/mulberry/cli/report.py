"""What a headless demo has to show at its end."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import Status
from mulberry.model.wallet import Reconciliation


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a demo customer with its answer, as the network's door tells it."""

    number: int
    question: str
    answer: str
    expected: str
    is_right: bool
    latency_ms: float
    error: str

    @classmethod
    def from_json(cls, item: Any) -> "Asked":
        return cls(
            number=int(item["number"]),
            question=str(item["question"]),
            answer=str(item["answer"]),
            expected=str(item["expected"]),
            is_right=bool(item["right"]),
            latency_ms=float(item["latency_ms"]),
            error=str(item["error"]),
        )

    def line(self) -> str:
        if self.error:
            return f"{self.number:>4}  {self.question}  → failed: {self.error}"
        mark = "✓" if self.is_right else f"✗ (right: {self.expected})"
        return f"{self.number:>4}  {self.question}  → {self.answer}  {mark}  {self.latency_ms:.0f} ms"


@dataclass(frozen=True, slots=True)
class Report:
    """Latencies are the customers', from the question to the answer's end. Money is what this run added.

    `paid_nanoton` is what the chain shows; `compared`: it was read at all; `reconciled`: it was, and every nanoton
    between what was counted and what was paid has its reason.

    `tokens` are prompt and answer together; `tokens_per_second` are answer tokens from the first job's begin to the
    last one's end, pauses between the customers' questions included.
    """

    jobs_done: int
    jobs_failed: int
    jobs_confirmed: int
    tokens: int
    nanoton_earned: Nanoton
    nanoton_payable: Nanoton
    paid_nanoton: Nanoton
    compared: bool
    reconciled: bool
    tokens_per_second: float
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    seconds_to_first_job: float | None
    answers: int
    answers_right: int

    def is_complete(self, wanted: int | None) -> bool:
        """Whether all that was wanted was served, confirmed by the proxy, signed, booked, and all accounts agree."""
        if self.jobs_failed or self.jobs_confirmed < self.jobs_done:
            return wanted is None  # somebody pressed Ctrl-C in the middle of a job: no failure
        served = wanted is None or (self.jobs_done >= wanted and self.answers >= wanted)
        settled = self.reconciled and self.nanoton_payable >= self.nanoton_earned
        return served and (wanted is None or settled)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def lines(self) -> Iterator[str]:
        right = f"{self.answers_right} of {self.answers} answers right"
        yield f"{self.jobs_done} jobs done, {self.jobs_failed} failed, {right}"
        yield f"{self.tokens:,} tokens, {self.tokens_per_second:,.0f} answer tokens a second over the whole run"
        yield f"earned {format_ton(self.nanoton_earned)}, signed {format_ton(self.nanoton_payable)} (play money)"
        agree = "app, proxy and chain agree" if self.reconciled else "app, proxy and chain do not agree yet"
        if not self.compared:
            agree = "not compared with the chain yet"
        yield f"paid out on the chain {format_ton(self.paid_nanoton)}; {agree}"
        if self.latency_p50_ms is not None and self.latency_p99_ms is not None:
            yield f"latency of the customers: median {self.latency_p50_ms:.0f} ms, 99 % {self.latency_p99_ms:.0f} ms"
        if self.seconds_to_first_job is not None:
            yield f"first job after {self.seconds_to_first_job:.1f} s"


def make_report(
    jobs: Sequence[Job],
    asked: Sequence[Asked],
    before: Status,
    after: Status,
    accounts: Reconciliation,
    seconds_to_first_job: float | None,
) -> Report:
    """From the ledger's jobs, the customers' exchanges, the money before and after, and the accounts at the end."""
    done = [job for job in jobs if job.outcome is JobOutcome.DONE]
    latencies = sorted(each.latency_ms for each in asked if not each.error)
    span = 0.0
    if jobs:
        span = (max(job.finished_at for job in jobs) - min(job.received_at for job in jobs)).total_seconds()
    return Report(
        jobs_done=len(done),
        jobs_failed=len(jobs) - len(done),
        jobs_confirmed=sum(job.confirmed_tokens is not None for job in done),
        tokens=sum(job.prompt_tokens + job.completion_tokens for job in jobs),
        nanoton_earned=Nanoton(sum(job.earned for job in jobs)),
        nanoton_payable=Nanoton(after.earnings.payable - before.earnings.payable),
        paid_nanoton=Nanoton(after.earnings.paid - before.earnings.paid),
        compared=accounts.is_compared,
        reconciled=accounts.is_settled,
        tokens_per_second=round(sum(job.completion_tokens for job in jobs) / span, 1) if span > 0 else 0.0,
        latency_p50_ms=percentile(latencies, 50),
        latency_p99_ms=percentile(latencies, 99),
        seconds_to_first_job=None if seconds_to_first_job is None else round(seconds_to_first_job, 3),
        answers=len(asked),
        answers_right=sum(each.is_right for each in asked),
    )


def percentile(ascending: Sequence[float], percent: int) -> float | None:
    """The smallest value that `percent` of all do not exceed; None when there are none."""
    if not ascending:
        return None
    return ascending[max(0, -(-len(ascending) * percent // 100) - 1)]
