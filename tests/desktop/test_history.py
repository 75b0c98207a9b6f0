"""A chart that shows another stretch of time than it says would be a lie about money."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.desktop.history import (
    BARS_ON_OFFER,
    TODAY_STEPS,
    Bars,
    Range,
    Span,
    Window,
    coarse_today,
    first_work,
    range_window,
    window,
)
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON
from time_zones import local_zone

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone given
BUCKETS_AT_MOST = 500  # what the control API gives in one answer


@given(st.sampled_from(Span), MOMENTS, st.none() | st.integers(0, 86_400))
def test_every_window_ends_with_the_present_and_fits_one_answer(
    span: Span, now: datetime, worked_seconds: int | None
) -> None:
    began = None if worked_seconds is None else now - timedelta(seconds=worked_seconds)
    shown = window(span, now, began)
    assert shown.edges[-2] <= now < shown.edges[-1]
    assert 1 <= shown.steps <= BUCKETS_AT_MOST


@given(MOMENTS, st.integers(0, 43_200))
def test_todays_window_reaches_back_to_the_first_work(now: datetime, worked_seconds: int) -> None:
    began = now - timedelta(seconds=worked_seconds)
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    shown = window(Span.TODAY, now, began)
    assert midnight <= shown.start <= max(began, midnight)


def test_the_first_minutes_already_fill_a_good_part_of_the_chart() -> None:
    shown = window(Span.TODAY, NOON, NOON - timedelta(minutes=3))
    assert (shown.step_seconds, shown.steps) == TODAY_STEPS[0]


@pytest.mark.parametrize(("span", "days"), [(Span.WEEK, 7), (Span.MONTH, 30)])
def test_long_windows_begin_at_midnight_with_today_as_their_last_day(span: Span, days: int) -> None:
    shown = window(span, NOON)
    begin = shown.start.astimezone()
    assert begin.time().isoformat() == "00:00:00"
    assert (NOON.astimezone().date() - begin.date()).days == days - 1


def test_the_first_work_is_the_first_bucket_with_a_job() -> None:
    buckets = [EarningsBucket(NOON + timedelta(hours=i), Nanoton(0), jobs) for i, jobs in enumerate([0, 0, 2, 1])]
    assert first_work(buckets) == NOON + timedelta(hours=2)
    assert first_work(buckets[:2]) is None
    assert coarse_today(NOON).start <= NOON


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"]
WINDOWS: list[Callable[[datetime], Window]] = [
    partial(window, Span.WEEK),
    partial(window, Span.MONTH),
    *(partial(range_window, shown, bars) for shown, offered in BARS_ON_OFFER.items() for bars in offered),
]


@pytest.mark.parametrize("zone", ZONES)
@given(st.sampled_from(WINDOWS), MOMENTS)
def test_steps_meet_on_full_slots_of_the_ledger_wherever_the_computer_is(
    zone: str, make: Callable[[datetime], Window], now: datetime
) -> None:
    with local_zone(zone):
        shown = make(now)
        assert all(begin < end for begin, end in pairwise(shown.edges))
        assert shown.edges[-2] <= now < shown.edges[-1]
        assert all(edge.timestamp() % 300 == 0 for edge in shown.edges)


@pytest.mark.parametrize(("change", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])  # noqa: DTZ001 - a day
def test_the_day_of_the_clock_change_is_one_bar_from_midnight_to_midnight(change: datetime, hours: int) -> None:
    with local_zone("Europe/Berlin"):
        now = change.replace(hour=12).astimezone() + timedelta(days=2)
        shown = range_window(Range.WEEK, Bars.DAY, now)
        assert {edge.astimezone().hour for edge in shown.edges} == {0}
        lengths = [end - begin for begin, end in pairwise(shown.edges)]
        assert lengths[4] == timedelta(hours=hours)
        assert [length for length in lengths if length != timedelta(days=1)] == [lengths[4]]
        weeks = range_window(Range.MONTH, Bars.WEEK, now)
        assert {edge.astimezone().strftime("%a %H") for edge in weeks.edges} == {"Mon 00"}
