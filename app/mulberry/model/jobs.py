"""One request of the network, from its arrival to the proxy's word on what it is worth."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.money import Nanoton

NOTHING = Nanoton(0)


class JobOutcome(StrEnum):
    DONE = "done"
    FAILED = "failed"  # our side: engine died, timed out
    REFUSED = "refused"  # their side: the request was not valid
    CANCELLED = "cancelled"  # the owner stopped, or the proxy went away


class ProxyWord(StrEnum):
    """The proxy's number of tokens for a job, beside ours."""

    NONE_YET = "none yet"
    AS_COUNTED = "as counted"
    FEWER = "fewer"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Job:
    """A booked job. It never changes; what the proxy confirms later is another row (`confirmed_tokens`).

    Token counts are the engine's. `adjusted_tokens` is the same request in the tokens that are paid for
    (protocol page, section 5), as we counted it; `confirmed_tokens` is the proxy's number, None until it came.
    Cached tokens are part of the prompt, reasoning tokens of the completion; None in ledgers older than these fields.
    """

    number: int  # 1, 2, 3 … without gaps within one ledger
    request_id: str  # 64 hexadecimal digits
    proxy: str  # the proxy's public key, 64 hexadecimal digits
    model: str
    outcome: JobOutcome
    error: str  # "" when done
    received_at: datetime
    first_answer_at: datetime | None
    finished_at: datetime
    prompt_tokens: int
    completion_tokens: int
    adjusted_tokens: int
    worker_fee_per_token: Nanoton
    confirmed_tokens: int | None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    coefficient: int | None = None  # the price factor that was ours then, in thousandths

    @property
    def estimated(self) -> Nanoton:
        """What we counted, at the contract's price. A promise of nobody."""
        return Nanoton(self.adjusted_tokens * self.worker_fee_per_token)

    @property
    def earned(self) -> Nanoton:
        """What the proxy said this job earned; 0 until it said so."""
        return Nanoton((self.confirmed_tokens or 0) * self.worker_fee_per_token)

    @property
    def underpaid(self) -> Nanoton:
        """What the proxy's word falls short of ours; 0 until it gave its word."""
        short = 0 if self.confirmed_tokens is None else max(self.adjusted_tokens - self.confirmed_tokens, 0)
        return Nanoton(short * self.worker_fee_per_token)

    @property
    def word(self) -> ProxyWord:
        if self.confirmed_tokens is None:
            return ProxyWord.NONE_YET
        if self.confirmed_tokens == self.adjusted_tokens:
            return ProxyWord.AS_COUNTED
        return ProxyWord.FEWER if self.confirmed_tokens < self.adjusted_tokens else ProxyWord.MORE

    @property
    def latency_seconds(self) -> float:
        return (self.finished_at - self.received_at).total_seconds()


@dataclass(frozen=True, slots=True)
class EarningsBucket:
    """What was earned from `start` to the next bucket's start, and how far that very money has come by now.

    A payment covers the oldest earnings first, so `paid` <= `payable` <= `earned`.
    """

    start: datetime
    earned: Nanoton
    jobs: int
    payable: Nanoton = NOTHING  # of `earned`, covered by signed payments that we hold
    paid: Nanoton = NOTHING  # of `payable`, paid on the chain
    payouts: Nanoton = NOTHING  # what arrived on the chain in this time, for earnings of any time
