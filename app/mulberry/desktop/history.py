"""Which stretch of time each earnings chart shows, and in which steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mulberry.model.jobs import EarningsBucket

DAY_SECONDS = 86_400


class Span(Enum):
    TODAY = "Today"
    WEEK = "7 days"
    MONTH = "30 days"


@dataclass(frozen=True, slots=True)
class Window:
    """`buckets` steps of `bucket_seconds` from `start` (aware)."""

    span: Span
    start: datetime
    bucket_seconds: int
    buckets: int


# Today's chart shows no more than it needs, so that the first minutes of work already make a picture.
TODAY_STEPS = ((10, 60), (30, 60), (60, 90), (300, 96), (900, 96))  # seconds, how many
TODAY_COARSE = TODAY_STEPS[-1]


def window(span: Span, now: datetime, first_work: datetime | None = None) -> Window:
    """The window that ends with the step in which `now` lies.

    `first_work` is when today's work began (None: unknown, or there was none), for `TODAY` alone.
    """
    local = now.astimezone()
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if span is Span.TODAY:
        return _today(local, midnight, first_work)
    days, seconds = (7, DAY_SECONDS // 4) if span is Span.WEEK else (30, DAY_SECONDS)
    return Window(span, midnight - timedelta(days=days - 1), seconds, days * DAY_SECONDS // seconds)


def coarse_today(now: datetime) -> Window:
    """The whole of today, to find out when work began."""
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    seconds, how_many = TODAY_COARSE
    return Window(Span.TODAY, midnight, seconds, how_many)


def first_work(buckets: Sequence[EarningsBucket]) -> datetime | None:
    """When the first bucket with a job in it begins."""
    return next((bucket.start for bucket in buckets if bucket.jobs), None)


def _today(local: datetime, midnight: datetime, began: datetime | None) -> Window:
    worked_seconds = (local - began).total_seconds() if began is not None else 0.0
    for seconds, how_many in TODAY_STEPS:
        if worked_seconds <= seconds * (how_many - 1):
            break
    else:
        seconds, how_many = TODAY_COARSE
    if (seconds, how_many) == TODAY_COARSE:
        return Window(Span.TODAY, midnight, seconds, how_many)
    end = int(local.timestamp()) // seconds * seconds + seconds
    return Window(Span.TODAY, datetime.fromtimestamp(end - seconds * how_many, local.tzinfo), seconds, how_many)
