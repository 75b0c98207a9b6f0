"""Which stretch of time each earnings chart shows, and in which steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mulberry.model.jobs import EarningsBucket

DAY_SECONDS = 86_400


class Span(Enum):
    """What the small charts of the Home page show."""

    TODAY = "Today"
    WEEK = "7 days"
    MONTH = "30 days"


class Range(Enum):
    """What the chart of the Earnings page shows."""

    DAY = "24 h"
    WEEK = "7 days"
    MONTH = "30 days"
    ALL = "All"


class Bars(Enum):
    """How long each bar of that chart is."""

    HOUR = "Hours"
    DAY = "Days"
    WEEK = "Weeks"


@dataclass(frozen=True, slots=True)
class Window:
    """`buckets` steps of `bucket_seconds` from `start` (aware)."""

    span: Span | Range
    start: datetime
    bucket_seconds: int
    buckets: int


# Today's chart shows no more than it needs, so that the first minutes of work already make a picture.
TODAY_STEPS = ((5, 60), (15, 60), (60, 90), (300, 96))  # seconds, how many
TODAY_COARSE_SECONDS = 900
WEEK_SECONDS = DAY_SECONDS // 4

BAR_SECONDS = {Bars.HOUR: 3600, Bars.DAY: DAY_SECONDS, Bars.WEEK: 7 * DAY_SECONDS}
BARS_ON_OFFER = {  # the usual ones first; no more bars than can be told apart
    Range.DAY: (Bars.HOUR,),
    Range.WEEK: (Bars.DAY, Bars.HOUR),
    Range.MONTH: (Bars.DAY, Bars.WEEK),
    Range.ALL: (Bars.WEEK,),
}
RANGE_DAYS = {Range.DAY: 1, Range.WEEK: 7, Range.MONTH: 30, Range.ALL: 1820}
FEWEST_BARS = 12  # of all time, so that the first week is not one wide bar


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


def range_window(shown: Range, bars: Bars, now: datetime) -> Window:
    """The steps of the Earnings page's chart. Hours begin with the hour, days at midnight, weeks on Mondays."""
    seconds = BAR_SECONDS[bars]
    last = {
        Bars.HOUR: now.astimezone().replace(minute=0, second=0, microsecond=0),
        Bars.DAY: _midnight(now),
        Bars.WEEK: _midnight(now) - timedelta(days=now.astimezone().weekday()),
    }[bars]
    buckets = -(-RANGE_DAYS[shown] * DAY_SECONDS // seconds)
    return Window(shown, last - timedelta(seconds=seconds * (buckets - 1)), seconds, buckets)


def from_first_work(window: Window, buckets: Sequence[EarningsBucket]) -> tuple[Window, tuple[EarningsBucket, ...]]:
    """Without the empty time before anything happened, but at least `FEWEST_BARS` steps where there are as many."""
    first = next((i for i, bucket in enumerate(buckets) if bucket.jobs or bucket.payable or bucket.paid), len(buckets))
    kept = tuple(buckets[max(0, min(first, len(buckets) - FEWEST_BARS)) :])
    start = kept[0].start if kept else window.start
    return Window(window.span, start, window.bucket_seconds, len(kept)), kept


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
