"""Jobs, payments and an account to put into a ledger under test."""

from datetime import UTC, datetime, timedelta

from mulberry.agent.ledger import Finished
from mulberry.model.jobs import JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.payments import Counters, ProxyAccount, SignedPayment

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROXY = "5590" * 16
ACCOUNT = ProxyAccount(PROXY, "0:" + "ab" * 32, "0:" + "cd" * 32, Counters(), Nanoton(20))


def edges(start: datetime, seconds: int, steps: int) -> list[datetime]:
    """Where `steps` equally long buckets meet."""
    return [start + timedelta(seconds=seconds * number) for number in range(steps + 1)]


def finished(
    request_id: str = "00" * 32,
    *,
    fee: int = 20,
    adjusted: int = 134,
    finished_at: datetime = NOON + timedelta(microseconds=1),
) -> Finished:
    return Finished(
        request_id=request_id,
        proxy=PROXY,
        model="mulberry/tiny-lm",
        outcome=JobOutcome.DONE,
        error="",
        received_at=finished_at - timedelta(seconds=1),
        first_answer_at=finished_at - timedelta(milliseconds=900),
        finished_at=finished_at,
        prompt_tokens=34,
        completion_tokens=100,
        adjusted_tokens=adjusted,
        worker_fee_per_token=Nanoton(fee),
    )


def payment(tokens: int) -> SignedPayment:
    return SignedPayment(PROXY, ACCOUNT.worker_contract, tokens, tokens.to_bytes(8, "big"), NOON)
