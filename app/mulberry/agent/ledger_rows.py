"""The ledger's questions in SQL, and the nouns that its rows are."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mulberry.agent.ledger_schema import MICROSECONDS
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.payments import Counters, ProxyAccount, SignedPayment

if TYPE_CHECKING:
    from mulberry.agent.ledger import Finished

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_FINISHED = [field.name for field in fields(Job) if field.name not in ("number", "confirmed_tokens")]
_values = attrgetter(*_FINISHED)

BOOK_JOB = (
    f"INSERT INTO jobs (number, {', '.join(_FINISHED)}) "  # noqa: S608 - names of ours
    f"VALUES ((SELECT coalesce(max(number), 0) + 1 FROM jobs), {', '.join('?' * len(_FINISHED))}) RETURNING number"
)
JOBS = """
SELECT jobs.*, confirmations.tokens FROM jobs LEFT JOIN confirmations ON confirmations.job = jobs.number
WHERE jobs.number BETWEEN ? AND ? ORDER BY jobs.number
"""
UNCONFIRMED_JOB = """
SELECT * FROM jobs WHERE request_id = ? AND proxy = ? AND number NOT IN (SELECT job FROM confirmations)
ORDER BY number DESC LIMIT 1
"""
ACCOUNTS = """
SELECT proxy, proxy_contract, worker_contract, committed_to_db, max_known, worker_fee_per_token,
  (SELECT max(tokens) FROM payments WHERE payments.worker_contract = accounts.worker_contract)
FROM accounts ORDER BY rowid
"""
GROW_COUNTERS = """
UPDATE accounts SET committed_to_db = max(committed_to_db, ?), max_known = max(max_known, ?) WHERE worker_contract = ?
"""
NEWEST_PAYMENT = """
SELECT accounts.proxy, worker_contract, tokens, boc, received_at FROM payments JOIN accounts USING (worker_contract)
WHERE worker_contract = ? ORDER BY tokens DESC LIMIT 1
"""
# ?1 to ?4: the local midnights of today, yesterday, 6 and 29 days before today, in unix seconds.
SUMS_BY_FEE = """
SELECT worker_fee_per_token,
  sum(tokens) FILTER (WHERE start >= ?1), sum(tokens) FILTER (WHERE start >= ?2 AND start < ?1),
  sum(tokens) FILTER (WHERE start >= ?3), sum(tokens), sum(jobs) FILTER (WHERE start >= ?1)
FROM slots WHERE start >= ?4 GROUP BY worker_fee_per_token
"""
# ?1: a JSON list of spans, each [first, end) in microseconds.
_SPANS = f"""
WITH edges AS (SELECT key, json_extract(value, '$[0]') AS first, json_extract(value, '$[1]') AS end FROM json_each(?1)),
spans AS MATERIALIZED (SELECT key AS span, first, end,
  first / {MICROSECONDS} AS first_second, end / {MICROSECONDS} AS end_second FROM edges)
"""  # noqa: S608 - a number of ours
SPANS_OF_SLOTS = f"""{_SPANS}
SELECT span, worker_fee_per_token, sum(tokens), sum(jobs) FROM spans CROSS JOIN slots
ON start >= first_second AND start < end_second GROUP BY span, worker_fee_per_token
"""  # noqa: S608 - words of ours
SPANS_OF_JOBS = f"""{_SPANS}
SELECT span, worker_fee_per_token, sum(coalesce(confirmations.tokens, 0)), count(*)
FROM spans CROSS JOIN jobs ON finished_at >= first AND finished_at < end
LEFT JOIN confirmations ON confirmations.job = jobs.number GROUP BY span, worker_fee_per_token
"""  # noqa: S608 - words of ours
SPANS_OF_PAYOUTS = f"""{_SPANS}
SELECT span, sum(amount) FROM spans CROSS JOIN transactions
ON kind = 'payout' AND at >= first AND at < end GROUP BY span
"""  # noqa: S608 - words of ours


def moment(when: datetime) -> int:
    """Whole microseconds since 1970; exact, unlike `timestamp()`."""
    return (when - EPOCH) // MICROSECOND


def when(moment: int) -> datetime:
    return EPOCH + timedelta(microseconds=moment)


def of_finished(finished: "Finished") -> tuple[Any, ...]:
    """The values of `BOOK_JOB`, in the order of the columns."""
    return tuple(moment(value) if type(value) is datetime else value for value in _values(finished))


def numbered(number: int, finished: "Finished") -> Job:
    """The job that `finished` became."""
    return Job(number=number, confirmed_tokens=None, **dict(zip(_FINISHED, _values(finished), strict=True)))


def job(row: tuple[Any, ...]) -> Job:
    (number, request_id, proxy, model, outcome, error, received, first_answer, finished, *counts, confirmed) = row
    prompt, completion, adjusted, fee, cached, reasoning, coefficient = counts
    return Job(
        number=number,
        request_id=request_id,
        proxy=proxy,
        model=model,
        outcome=JobOutcome(outcome),
        error=error,
        received_at=when(received),
        first_answer_at=None if first_answer is None else when(first_answer),
        finished_at=when(finished),
        prompt_tokens=prompt,
        completion_tokens=completion,
        adjusted_tokens=adjusted,
        worker_fee_per_token=Nanoton(fee),
        confirmed_tokens=confirmed,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        coefficient=coefficient,
    )


def account(row: tuple[Any, ...]) -> ProxyAccount:
    proxy, proxy_contract, worker_contract, committed_to_db, max_known, fee, signed = row
    counters = Counters(signed or 0, committed_to_db, max_known)
    return ProxyAccount(proxy, proxy_contract, worker_contract, counters, Nanoton(fee))


def payment(row: tuple[Any, ...]) -> SignedPayment:
    proxy, worker_contract, tokens, boc, received_at = row
    return SignedPayment(proxy, worker_contract, tokens, boc, when(received_at))
