"""A chart that shows another stretch of time than it says would be a lie about money."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.desktop.history import TODAY_STEPS, Span, coarse_today, first_work, window
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone given
BUCKETS_AT_MOST = 2000  # what the control API gives in one answer


@given(st.sampled_from(Span), MOMENTS, st.none() | st.integers(0, 86_400))
def test_every_window_ends_with_the_present_and_fits_one_answer(
    span: Span, now: datetime, worked_seconds: int | None
) -> None:
    began = None if worked_seconds is None else now - timedelta(seconds=worked_seconds)
    shown = window(span, now, began)
    last_step = shown.start + timedelta(seconds=shown.bucket_seconds * (shown.buckets - 1))
    assert shown.start <= last_step <= now < last_step + timedelta(seconds=shown.bucket_seconds)
    assert shown.buckets <= BUCKETS_AT_MOST


@given(MOMENTS, st.integers(0, 43_200))
def test_todays_window_reaches_back_to_the_first_work(now: datetime, worked_seconds: int) -> None:
    began = now - timedelta(seconds=worked_seconds)
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    shown = window(Span.TODAY, now, began)
    assert midnight <= shown.start <= max(began, midnight)


def test_the_first_minutes_already_fill_a_good_part_of_the_chart() -> None:
    shown = window(Span.TODAY, NOON, NOON - timedelta(minutes=3))
    assert (shown.bucket_seconds, shown.buckets) == TODAY_STEPS[0]


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
