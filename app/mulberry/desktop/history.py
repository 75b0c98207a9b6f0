"""Which stretch of time each earnings chart shows, and in which steps. Days and weeks are the computer's local ones.

A local day may have 23 or 25 hours, so a chart is told where its steps meet, not how long they all are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from mulberry.model.clock import local_moment
from mulberry.model.jobs import EarningsBucket
from mulberry.model.language import tr

DAY_SECONDS = 86_400


class Span(Enum):
    """What the small charts of the Home page show."""

    TODAY = "Today"
    WEEK = "7 days"
    MONTH = "30 days"


SPAN_TITLES = {Span.TODAY: tr("Today"), Span.WEEK: tr("7 days"), Span.MONTH: tr("30 days")}


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


RANGE_TITLES = {
    Range.DAY: tr("24 h"),
    Range.WEEK: tr("7 days"),
    Range.MONTH: tr("30 days"),
    Range.ALL: tr("All"),
}
BARS_TITLES = {Bars.HOUR: tr("Hours"), Bars.DAY: tr("Days"), Bars.WEEK: tr("Weeks")}


@dataclass(frozen=True, slots=True)
class Window:
    """Steps from each of `edges` (aware, ascending, at least two) to the next. `step_seconds`: an ordinary step's."""

    span: Span | Range
    step_seconds: int
    edges: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        return self.edges[0]

    @property
    def steps(self) -> int:
        return len(self.edges) - 1


# Today's chart shows no more than it needs, so that the first minutes of work already make a picture.
TODAY_STEPS = ((5, 60), (15, 60), (60, 90), (300, 96))  # seconds, how many
TODAY_COARSE_SECONDS = 900
TODAY_COARSE_STEPS = 100  # the longest day has 25 hours
QUARTER_OF_A_DAY = (0, 6, 12, 18)  # o'clock

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
    today = now.astimezone().date()
    if span is Span.TODAY:
        worked_seconds = (now - first_work).total_seconds() if first_work is not None else 0.0
        for seconds, how_many in TODAY_STEPS:
            if worked_seconds <= seconds * (how_many - 1):
                return _today(now, seconds, how_many)
        return coarse_today(now)
    if span is Span.WEEK:
        days = [today - timedelta(days=back) for back in range(6, -2, -1)]
        moments = [local_moment(day, hour) for day in days for hour in QUARTER_OF_A_DAY]
        begun = sum(moment <= now for moment in moments)
        return Window(span, DAY_SECONDS // 4, tuple(moments[: begun + 1]))
    return Window(span, DAY_SECONDS, _days(today, 30))


def range_window(shown: Range, bars: Bars, now: datetime) -> Window:
    """The steps of the Earnings page's chart. Hours begin with the hour, days at midnight, weeks on Mondays."""
    seconds, today = BAR_SECONDS[bars], now.astimezone().date()
    steps = -(-RANGE_DAYS[shown] * DAY_SECONDS // seconds)
    if bars is Bars.HOUR:
        last = now.astimezone().replace(minute=0, second=0, microsecond=0)
        return Window(shown, seconds, _evenly(last - timedelta(hours=steps - 1), seconds, steps))
    if bars is Bars.DAY:
        return Window(shown, seconds, _days(today, steps))
    return Window(shown, seconds, _days(today - timedelta(days=today.weekday()), steps, each=7))


def from_first_work(window: Window, buckets: Sequence[EarningsBucket]) -> tuple[Window, tuple[EarningsBucket, ...]]:
    """Without the empty time before anything happened, but at least `FEWEST_BARS` steps where there are as many."""
    first = next((i for i, bucket in enumerate(buckets) if bucket.jobs or bucket.payouts), len(buckets))
    first = max(0, min(first, len(buckets) - FEWEST_BARS))
    return replace(window, edges=window.edges[first:]), tuple(buckets[first:])


def coarse_today(now: datetime) -> Window:
    """The whole of today so far, to find out when work began."""
    return _today(now, TODAY_COARSE_SECONDS, TODAY_COARSE_STEPS)


def first_work(buckets: Sequence[EarningsBucket]) -> datetime | None:
    """When the first bucket with a job in it begins."""
    return next((bucket.start for bucket in buckets if bucket.jobs), None)


def _today(now: datetime, seconds: int, most: int) -> Window:
    """The last `most` steps of today, counted from midnight, that have begun by `now`."""
    midnight = local_moment(now.astimezone().date())
    begun = int((now - midnight).total_seconds()) // seconds + 1
    steps = min(begun, most)
    start = midnight + timedelta(seconds=(begun - steps) * seconds)
    return Window(Span.TODAY, seconds, _evenly(start, seconds, steps))


def _evenly(start: datetime, seconds: int, steps: int) -> tuple[datetime, ...]:
    return tuple(start + timedelta(seconds=seconds * number) for number in range(steps + 1))


def _days(last: date, steps: int, *, each: int = 1) -> tuple[datetime, ...]:
    """The local midnights around `steps` times `each` days, the last of which begin with the day `last`."""
    return tuple(local_moment(last + timedelta(days=each * number)) for number in range(1 - steps, 2))
