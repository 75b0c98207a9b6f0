"""The owner outranks the network: each rule stops the work when it should, and none stops it for a guess."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from mulberry.model.foretelling import contradictions, foretell, free_again, hours_at_most
from mulberry.model.host import Finding
from mulberry.model.power_cap import NOT_TOLD, PowerLimit
from mulberry.model.rules import (
    NOTHING_DECIDED,
    QUIET_AFTER,
    Decision,
    GpuRules,
    GpuSignals,
    Rule,
    Rules,
    Signals,
    clock_rules,
    decide,
)
from mulberry.model.week import DayTimes, Week
from time_zones import local_zone

NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # a Monday, 12:00 in Berlin
CARD = GpuSignals("GPU-1", "RTX 4090", celsius=60, other_load_percent=0)
QUIET_DESK = Signals(
    at=NOON,
    idle_seconds=Finding(3600.0, "X11"),
    on_battery=Finding(False, "/sys"),
    metered=Finding(False, "NetworkManager"),
    full_screen=Finding(False, "X11"),
    programs=Finding(frozenset({"bash", "firefox"}), "/proc"),
    at_loss=Finding(False, "prices"),
    gpus=(CARD,),
)
EVERY_RULE = Rules(idle_minutes=5, apps=("Doom.exe",), other_load_percent=20, ceiling_celsius=80, stop_at_loss=True)


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with local_zone("Europe/Berlin"):
        yield


def stopped_by(decision: Decision) -> list[Rule]:
    return [hold.rule for hold in decision.holds]


def test_with_every_rule_on_and_nobody_there_it_works() -> None:
    decision = decide(EVERY_RULE, QUIET_DESK)
    assert decision == NOTHING_DECIDED
    assert decision.may_use("GPU-1")


@pytest.mark.parametrize(
    ("seen", "rule", "why"),
    [
        ({"idle_seconds": Finding(299.9, "X11")}, Rule.IDLE, "You are using the computer."),
        ({"on_battery": Finding(True, "/sys")}, Rule.BATTERY, "battery"),
        ({"metered": Finding(True, "NetworkManager")}, Rule.METERED, "metered"),
        ({"full_screen": Finding(True, "X11")}, Rule.FULL_SCREEN, "fills the screen"),
        ({"programs": Finding(frozenset({"bash", "doom.exe"}), "/proc")}, Rule.APPS, "doom.exe is running."),
        ({"at_loss": Finding(True, "prices")}, Rule.NET_LOSS, "costs more"),
    ],
)
def test_each_signal_stops_the_work_by_its_own_rule_only(
    seen: dict[str, Finding[object]], rule: Rule, why: str
) -> None:
    signals = replace(QUIET_DESK, **seen)  # type: ignore[arg-type]  # one field by name, each of its own type
    decision = decide(EVERY_RULE, signals)
    assert stopped_by(decision) == [rule]
    assert why in decision.holds[0].why
    assert not decision.may_use("GPU-1")
    off = Rules(pause_on_battery=False, pause_on_metered=False, pause_in_full_screen=False)
    assert decide(off, signals).may_work


def test_a_signal_that_this_computer_does_not_give_is_named_and_holds_nothing_up() -> None:
    decision = decide(EVERY_RULE, Signals(at=NOON, on_battery=Finding(None, "there is no /sys")))
    assert decision.may_work
    assert (Rule.BATTERY, "there is no /sys") in decision.blind
    assert {rule for rule, _ in decision.blind} == {
        Rule.IDLE, Rule.BATTERY, Rule.METERED, Rule.FULL_SCREEN, Rule.APPS, Rule.NET_LOSS
    }  # fmt: skip


def test_a_card_without_sensors_makes_its_rules_blind_and_holds_nothing_up() -> None:
    rules = Rules(ceiling_celsius=80, gpus=(GpuRules("GPU-1", other_load_percent=20),))
    bare = replace(CARD, celsius=None, other_load_percent=None)
    decision = decide(rules, replace(QUIET_DESK, gpus=(bare,)))
    assert decision.may_use("GPU-1")
    assert decision.blind == (
        (Rule.TEMPERATURE, "the temperature of RTX 4090 is not known"),
        (Rule.OTHER_LOAD, "the load of other programs on RTX 4090 is not known now"),
    )
    assert decide(rules, QUIET_DESK).blind == ()


def test_a_game_that_loads_its_next_level_does_not_start_the_work() -> None:
    playing = decide(Rules(apps=("doom",)), replace(QUIET_DESK, programs=Finding(frozenset({"doom"}), "/proc")))
    just_after = decide(Rules(apps=("doom",)), replace(QUIET_DESK, at=NOON + timedelta(seconds=5)), playing)
    assert stopped_by(just_after) == [Rule.APPS]
    assert just_after.holds[0].until == NOON + QUIET_AFTER
    assert decide(Rules(apps=("doom",)), replace(QUIET_DESK, at=NOON + QUIET_AFTER), just_after).may_work


def test_a_clock_that_was_set_back_holds_nothing_up_for_longer() -> None:
    playing = decide(Rules(), replace(QUIET_DESK, full_screen=Finding(True, "X11")))
    assert decide(Rules(), replace(QUIET_DESK, at=NOON - timedelta(days=365)), playing).may_work


def test_a_hot_card_rests_until_it_has_cooled_and_leaves_the_other_alone() -> None:
    rules = Rules(gpus=(GpuRules("GPU-1", ceiling_celsius=70),), ceiling_celsius=85)
    other = replace(CARD, uuid="GPU-2", celsius=84)

    def at(celsius: int, before: Decision) -> Decision:
        return decide(rules, replace(QUIET_DESK, gpus=(replace(CARD, celsius=celsius), other)), before)

    hot = at(70, NOTHING_DECIDED)
    assert (hot.may_work, hot.may_use("GPU-1"), hot.may_use("GPU-2")) == (True, False, True)
    assert "70 °C, your ceiling is 70 °C" in hot.gpu_holds[0].why
    assert not at(69, hot).may_use("GPU-1")
    assert at(61, at(62, hot)).may_use("GPU-1")
    assert at(69, NOTHING_DECIDED).may_use("GPU-1")


def test_a_card_that_may_draw_more_than_its_cap_rests_until_its_limit_is_set() -> None:
    rules = Rules(power_cap_watt=400, gpus=(GpuRules("GPU-1", power_cap_watt=300),))
    room = (150_000, 600_000)
    other = replace(CARD, uuid="GPU-2", power_limit=PowerLimit(400_000, room))

    def limited_to(milliwatt: int) -> Decision:
        card = replace(CARD, power_limit=PowerLimit(milliwatt, room))
        return decide(rules, replace(QUIET_DESK, gpus=(card, other)))

    (hold,) = limited_to(450_000).gpu_holds
    assert (hold.rule, hold.gpu) == (Rule.POWER_CAP, "GPU-1")
    assert hold.why == "The driver lets RTX 4090 draw 450 W; you want at most 300 W."
    assert hold.next_step, "only its owner can go on"
    assert limited_to(300_000) == NOTHING_DECIDED


def test_a_cap_on_a_card_that_is_kept_or_says_nothing_of_its_limit_holds_nothing_up() -> None:
    silent = replace(QUIET_DESK, gpus=(replace(CARD, power_limit=NOT_TOLD),))
    decision = decide(Rules(power_cap_watt=300), silent)
    assert decision.may_use("GPU-1")
    assert decision.blind == ((Rule.POWER_CAP, "the driver does not say what RTX 4090 may draw"),)
    kept = Rules(power_cap_watt=300, gpus=(GpuRules("GPU-1", use=False),))
    assert decide(kept, silent).blind == ()
    over = replace(QUIET_DESK, gpus=(replace(CARD, power_limit=PowerLimit(450_000)),))
    assert [hold.rule for hold in decide(kept, over).gpu_holds] == [Rule.KEPT]


def test_a_cap_takes_no_hour_of_the_next_days() -> None:
    assert foretell(Rules(power_cap_watt=10), NOON) == foretell(Rules(), NOON)
    assert contradictions(Rules(power_cap_watt=10), NOON) == ()


def test_other_programs_load_is_a_matter_of_one_card() -> None:
    busy = replace(QUIET_DESK, gpus=(replace(CARD, other_load_percent=21), replace(CARD, uuid="GPU-2")))
    decision = decide(EVERY_RULE, busy)
    assert [(hold.rule, hold.gpu) for hold in decision.gpu_holds] == [(Rule.OTHER_LOAD, "GPU-1")]
    assert decision.may_use("GPU-2")


def test_a_dear_hour_is_left_out() -> None:
    prices = tuple(400 if 17 <= hour < 20 else 250 for hour in range(24))
    rules = Rules(prices=prices, dearest=300)
    assert clock_rules(rules, datetime(2026, 1, 1, 17, tzinfo=UTC)) == (Rule.TARIFF,)
    assert clock_rules(rules, datetime(2026, 1, 1, 20, tzinfo=UTC)) == ()
    assert hours_at_most(rules, NOON) == 7 * 21


def test_what_is_foretold_is_what_is_decided_in_every_hour_of_a_year() -> None:
    """A year of one rule set a week, over both changes of the clock, at moments that nobody chose."""
    random = Random(7)
    for week in range(52):
        begin = NOON + timedelta(weeks=week)
        times = DayTimes.read(f"{random.randrange(12):02}:{random.randrange(60):02}-23:{random.randrange(60):02}")
        days = tuple("".join(random.choice("#.") for _ in range(24)) for _ in range(7))
        prices = tuple(random.randrange(100, 500) for _ in range(24))
        rules = Rules(schedule=Week(days), quiet=times, prices=prices, dearest=random.randrange(100, 500))
        stretches = foretell(rules, begin)
        assert (stretches[0].begin, stretches[-1].end) == (begin, begin + timedelta(days=7))
        assert all(one.end == two.begin and one.rules != two.rules for one, two in pairwise(stretches))
        for stretch in stretches:
            for moment in (stretch.begin, stretch.end - timedelta(seconds=1)):
                decided = decide(rules, replace(QUIET_DESK, at=moment))
                assert tuple(hold.rule for hold in decided.holds) == stretch.rules


def test_the_longest_and_the_shortest_sunday_of_the_year() -> None:
    nights = Rules(schedule=Week(("#" * 6 + "." * 18,) * 7))
    spring = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Berlin
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert hours_at_most(nights, spring, days=1) == 5 + 1  # and the first hour of Monday: a day is 24 hours
    assert hours_at_most(nights, autumn, days=1) == 7


def test_it_says_when_it_may_work_again() -> None:
    rules = Rules(quiet=DayTimes.read("22:00-07:00"))
    assert free_again(rules, NOON) is None
    assert free_again(rules, NOON + timedelta(hours=12)) == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert free_again(Rules(schedule=Week(("." * 24,) * 7)), NOON) is None


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(), ""),
        (Rules(schedule=Week(("." * 24,) * 7)), "no hour in which it may work"),
        (Rules(schedule=Week(("#" * 24, *("." * 24,) * 6))), "0 h tomorrow"),
        (
            Rules(schedule=Week(("#" * 7 + "." * 17,) * 7), quiet=DayTimes.read("22:00-07:00")),
            "no hour of the next 7 days",
        ),
        (Rules(dearest=100), "no prices by the hour"),
        (Rules(gpus=(GpuRules("GPU-1", use=False),)), "kept for you"),
    ],
)
def test_rules_that_contradict_one_another_are_told(rules: Rules, said: str) -> None:
    found = contradictions(rules, NOON)
    assert len(found) == bool(said)
    assert said in " ".join(found)
