"""Which jobs somebody wants to see, in which order, and what can be told about one of them beside its row."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.jobs import Job, JobOutcome, ProxyWord

JOBS_A_PAGE = 1000  # at most
LONGEST_SEARCHED_TEXT = 64  # an id has so many hexadecimal digits


class JobOrder(StrEnum):
    """By what jobs are sorted; among equals by their numbers."""

    NUMBER = "number"  # the order in which they were booked
    MODEL = "model"
    TOKENS = "tokens"
    LATENCY = "latency"
    EARNED = "earned"  # the proxy's word; our estimate where there is none
    OUTCOME = "outcome"
    WORD = "word"  # how far the proxy's word is from our count; without one first
    PROXY = "proxy"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class JobsQuestion:
    """All conditions hold at once; an empty one holds for every job. `until` is excluded.

    Whoever reads page by page names the newest job that counts, `upto`, so that new ones move nothing.
    """

    text: str = ""  # part of the request's id
    model: str = ""
    proxy: str = ""
    outcome: JobOutcome | None = None
    word: ProxyWord | None = None
    since: datetime | None = None  # by the end of the job
    until: datetime | None = None
    upto: int | None = None
    order: JobOrder = JobOrder.NUMBER
    is_descending: bool = True


@dataclass(frozen=True, slots=True)
class JobsWish:
    """`limit` of the jobs that a question finds, without the first `offset`. Unless `is_whole`, the first ones are
    told as soon as they are found, and not how many there are."""

    question: JobsQuestion
    offset: int = 0
    limit: int = JOBS_A_PAGE
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class JobsFound:
    """`total` jobs answer the question; None: they were not counted yet."""

    jobs: tuple[Job, ...]
    total: int | None


@dataclass(frozen=True, slots=True)
class JobsChoices:
    """What jobs can be chosen by: the models and the proxies' keys that occur."""

    models: tuple[str, ...]
    proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Covering:
    """The signed payment that first covers a job: payments cover the oldest earnings first."""

    tokens: int  # paid for by it since the contract's birth
    signed_at: datetime  # when it came to this computer
    is_on_chain: bool  # the contract has been paid for as many tokens, as the chain showed it last


@dataclass(frozen=True, slots=True)
class JobDetails:
    """`covering` is None while no payment covers the job, or where that cannot be told."""

    job: Job
    covering: Covering | None
