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
TODAY_STEPS = ((5, 60), (15, 60), (60, 90), (300, 96))  # seconds, how many
TODAY_COARSE_SECONDS = 900
WEEK_SECONDS = DAY_SECONDS // 4


def window(span: Span, now: datetime, first_work: datetime | None = None) -> Window:
    """The window that ends with the step in which `now` lies.

    `first_work` is when today's work began (None: unknown, or there was none), for `TODAY` alone.
    """
    midnight = _midnight(now)
    if span is Span.TODAY:
        worked_seconds = (now - first_work).total_seconds() if first_work is not None else 0.0
        for seconds, how_many in TODAY_STEPS:
            if worked_seconds <= seconds * (how_many - 1):
                return _up_to(now, Window(span, midnight, seconds, how_many))
        return coarse_today(now)
    if span is Span.WEEK:
        return _up_to(now, Window(span, midnight - timedelta(days=6), WEEK_SECONDS, 28))
    return _up_to(now, Window(span, midnight - timedelta(days=29), DAY_SECONDS, 30))


def coarse_today(now: datetime) -> Window:
    """The whole of today so far, to find out when work began."""
    most = DAY_SECONDS // TODAY_COARSE_SECONDS
    return _up_to(now, Window(Span.TODAY, _midnight(now), TODAY_COARSE_SECONDS, most))


def first_work(buckets: Sequence[EarningsBucket]) -> datetime | None:
    """When the first bucket with a job in it begins."""
    return next((bucket.start for bucket in buckets if bucket.jobs), None)


def _up_to(now: datetime, whole: Window) -> Window:
    """The last `whole.buckets` steps, counted from `whole.start`, that have begun by `now`."""
    begun = int((now - whole.start).total_seconds()) // whole.bucket_seconds + 1
    shown = min(begun, whole.buckets)
    start = whole.start + timedelta(seconds=(begun - shown) * whole.bucket_seconds)
    return Window(whole.span, start, whole.bucket_seconds, shown)


def _midnight(now: datetime) -> datetime:
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
