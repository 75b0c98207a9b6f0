"""An owner decides by this picture when the computer is free: its hours must be those of the rules, on every day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.desktop.week_plan import NOT_AT_ALL, by_day
from mulberry.model.foretelling import DAYS, foretell, hours_at_most
from mulberry.model.rules import Rule, Rules
from mulberry.model.week import HOURS_A_DAY, DayTimes, Week, read_week
from time_zones import local_zone

SUNDAY_NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ONLY_WORKDAYS = Rules(schedule=read_week("Mon-Fri 8-18"), quiet=DayTimes.read("12:15-13:00"))
weeks = st.lists(st.text(".#", min_size=24, max_size=24), min_size=7, max_size=7).map(lambda days: Week(tuple(days)))


def test_a_day_says_when_it_may_work_and_why_not_else() -> None:
    with local_zone("UTC"):
        today, monday, *_ = by_day(foretell(ONLY_WORKDAYS, SUNDAY_NOON))
        assert today.name == "Sun 22 Nov"
        assert (today.may_work, today.hours) == (NOT_AT_ALL, 0)
        assert (monday.may_work, monday.hours) == ("08:00-12:15, 13:00-18:00", 9.25)
        assert monday.why_not_else == (
            "00:00-08:00 Kept free by your schedule, 12:15-13:00 Quiet hours, 18:00-24:00 Kept free by your schedule"
        )


def test_several_rules_at_once_are_all_named() -> None:
    never = Rules(schedule=read_week("never"), prices=(500,) * HOURS_A_DAY, dearest=100)
    with local_zone("UTC"):
        (today, *_) = by_day(foretell(never, SUNDAY_NOON))
    assert today.spans[0].rules == (Rule.SCHEDULE, Rule.TARIFF)
    assert today.why_not_else == "12:00-24:00 Kept free by your schedule + Electricity is too dear"


@pytest.mark.parametrize(("day", "hours"), [(28, 23.0), (24, 24.0)])
def test_the_hours_of_the_day_on_which_summer_time_begins_are_counted_truly(day: int, hours: float) -> None:
    with local_zone("Europe/Berlin"):
        plans = by_day(foretell(Rules(), datetime(2027, 3, 22, 23, 0, tzinfo=UTC)))
        (plan,) = [plan for plan in plans if plan.day.day == day]
        assert plan.hours == hours
        assert (plan.spans[0].begin, plan.spans[-1].end) == (0, HOURS_A_DAY)


@given(weeks, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]), st.integers(0, 365 * 96))
def test_days_hold_what_was_foretold(week: Week, zone: str, quarters: int) -> None:
    begin = datetime.fromtimestamp(1_780_000_000 // 900 * 900 + quarters * 900, UTC)
    rules = Rules(schedule=week)
    with local_zone(zone):
        plans = by_day(foretell(rules, begin), days=DAYS + 1)
        assert sum(plan.hours for plan in plans) == pytest.approx(hours_at_most(rules, begin))
        assert [plan.day for plan in plans] == sorted({plan.day for plan in plans})
        for plan in plans:
            assert all(0 <= span.begin <= HOURS_A_DAY and 0 <= span.end <= HOURS_A_DAY for span in plan.spans)
