"""An owner marks hours by the clock on the wall; an hour off means a fan that wakes the baby."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from mulberry.model.week import ALWAYS, DayTimes, Week, read_week

BERLIN = ZoneInfo("Europe/Berlin")
NEVER = "." * 24
OFFICE = "." * 8 + "#" * 10 + "." * 6


def test_a_marked_hour_lasts_until_the_next_begins() -> None:
    week = Week((OFFICE, *(NEVER,) * 6))
    assert not week.marks(datetime(2026, 11, 23, 7, 59, 59, tzinfo=BERLIN))  # a Monday
    assert week.marks(datetime(2026, 11, 23, 8, 0, tzinfo=BERLIN))
    assert week.marks(datetime(2026, 11, 23, 17, 59, tzinfo=BERLIN))
    assert not week.marks(datetime(2026, 11, 23, 18, 0, tzinfo=BERLIN))
    assert not week.marks(datetime(2026, 11, 24, 12, 0, tzinfo=BERLIN))
    assert (week.hours, ALWAYS.hours) == (10, 168)


@pytest.mark.parametrize(
    "days", [(), (OFFICE,) * 6, (OFFICE,) * 8, (OFFICE[1:],) * 7, ("x" * 24,) * 7, ("# " * 12,) * 7]
)
def test_what_is_no_week_is_refused(days: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a week is 7 days of 24"):
        Week(days)


def test_times_may_go_over_midnight() -> None:
    night = DayTimes.read("22:00-07:30")
    shown = [
        night.holds(datetime(2026, 1, 1, hour, minute, tzinfo=BERLIN))
        for hour, minute in ((21, 59), (22, 0), (3, 0), (7, 30))
    ]
    assert shown == [False, True, True, False]
    assert str(night) == "22:00-07:30"


def test_times_within_a_day() -> None:
    noon = DayTimes(time(12), time(13))
    assert [noon.holds(datetime(2026, 1, 1, hour, tzinfo=BERLIN)) for hour in (11, 12, 13)] == [False, True, False]


@pytest.mark.parametrize(
    "text", ["", "22-7", "24:00-01:00", "22:00-22:00", "22:60-23:00", "22:00-07:00 ", "٢٢:00-07:00"]
)
def test_what_are_no_times_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        DayTimes.read(text)


@pytest.mark.parametrize("text", ["always", "never", "Mon-Fri 08-18, Sat 00-24", "Mon 00-07, Mon 09-24, Sun 23-24"])
def test_a_week_in_words_comes_back(text: str) -> None:
    assert str(read_week(text)) == text
    assert read_week(str(read_week(text.upper()))) == read_week(text)


@pytest.mark.parametrize(
    "text", ["", "Mon", "Mon 8", "Mon 9-8", "Mon 8-25", "Fri-Mon 8-9", "Mox 1-2", "Mon 1-2;Tue 3-4"]
)
def test_what_is_no_week_in_words_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a week looks like|ends before it begins"):
        read_week(text)
