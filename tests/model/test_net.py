"""Whoever earns less than the electricity costs must see it, and a number that is not known must not look like none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.host import Finding
from mulberry.model.money import NANOTON_PER_TON, Nanoton
from mulberry.model.net import (
    JUDGED_HOURS,
    MILLIJOULES_PER_KWH,
    MILLISECONDS_PER_HOUR,
    QUARTER_SECONDS,
    RESTS,
    Worked,
    cost_of,
    energy_of,
    format_energy,
    format_money,
    is_at_loss,
    last_worked,
    period,
    quarter,
    worth_of,
)
from time_zones import local_zone

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
QUARTER = QUARTER_SECONDS * 1000
WATT_300 = 300 * QUARTER  # millijoules of a quarter of an hour
TONCOIN = Finding(2950, "As you typed it on 2026-11-22.")
ELECTRICITY = Finding(312, "As you typed it, for this hour of the day.")


def worked(start: datetime = NOON, price: int | None = 312) -> Worked:
    """A quarter of an hour at 300 W, by the GPU's meter."""
    return Worked(start, "EUR", price, milliseconds=QUARTER, by_counter=QUARTER, gpu_millijoules=WATT_300)


def quarters(count: int, start: datetime = NOON) -> list[Worked]:
    return [worked(start + timedelta(seconds=QUARTER_SECONDS * number)) for number in range(count)]


def no_price(moment: datetime) -> int | None:
    return None


def cost(*parts: Worked) -> Finding[int]:
    return cost_of(parts, "EUR", no_price)


def test_an_example_to_reckon_by_hand() -> None:
    """24 h at 300 W and 31.2 cents are 7.2 kWh and 2.246 EUR; 1.5 TON at 2.95 EUR are 4.425 EUR."""
    day = quarters(96)
    found = period(NOON, Nanoton(1_500_000_000), day, cost(*day), TONCOIN)
    assert found.energy.value == 7.2 * MILLIJOULES_PER_KWH
    assert (found.cost.value, found.worth.value, found.net.value) == (2246, 4425, 2179)
    assert found.per_hour.value == round(2179 / 24)
    assert found.worked_seconds == 86_400


def test_each_hour_has_the_price_that_held_in_it() -> None:
    """A later price does not reach back: two hours of 300 W, 0.60 kWh, at two prices."""
    cheap, dear = quarters(4), [replace(each, price=500) for each in quarters(4, NOON + timedelta(hours=1))]
    assert cost_of([*cheap, *dear], "EUR", lambda _: 9999).value == round(0.3 * 312 + 0.3 * 500)


def test_hours_without_a_price_are_reckoned_at_the_one_of_now_and_say_so() -> None:
    part = replace(quarters(1)[0], price=None)
    found = cost_of([part] * 4, "EUR", lambda _: 400)
    assert found.value == 120
    assert "named no price are reckoned at today's" in found.evidence


def test_what_cannot_be_known_is_never_zero() -> None:
    unpriced = worked(price=None)
    assert cost(unpriced) == Finding(
        None, "You have named no price of electricity; the Settings page has a place for it."
    )
    assert not cost(replace(worked(), by_counter=0, blind=QUARTER, gpu_millijoules=0)).is_known
    other = replace(worked(), currency="USD")
    assert cost(other) == Finding(None, "Some of this electricity was paid in another currency: USD.")
    found = period(NOON, Nanoton(5), [worked()], cost(worked()), Finding(None, "Play money has no price."))
    assert (found.worth, found.net, found.per_hour) == (Finding(None, "Play money has no price."),) * 3
    assert found.cost.value == 23
    unknown = period(NOON, Nanoton(5), [unpriced], cost(unpriced), TONCOIN)
    assert unknown.worth.is_known and not unknown.net.is_known and not unknown.per_hour.is_known


def test_no_work_draws_nothing_and_has_no_hour_to_divide_by() -> None:
    found = period(NOON, Nanoton(0), [], cost(), TONCOIN)
    assert (found.energy.value, found.cost.value, found.net.value, found.per_hour.value) == (0, 0, 0, None)


def test_a_reading_that_fails_now_and_then_does_not_hide_the_day() -> None:
    day = [*quarters(95), replace(worked(), blind=QUARTER * 9 // 10, by_counter=QUARTER // 10)]
    assert energy_of(day).is_known
    assert not energy_of([*day[:50], day[-1]]).is_known


BASE = 80 * QUARTER  # 80 W


@pytest.mark.parametrize(
    ("part", "evidence"),
    [
        (worked(), "Measured by the GPU's own energy meter."),
        (replace(worked(), by_counter=0, by_samples=QUARTER), "Added up from readings of the GPU's power."),
        (
            replace(worked(), base_millijoules=BASE),
            "Measured by the GPU's own energy meter. 0.020 kWh of it are the computer's own, as you typed them.",
        ),
        (
            replace(worked(), by_counter=0, gpu_millijoules=0, base_millijoules=BASE),
            "The computer's own power, as you typed it; no GPU worked.",
        ),
    ],
)
def test_it_is_said_how_the_energy_was_measured(part: Worked, evidence: str) -> None:
    assert energy_of([part]).evidence == evidence


def test_absurd_numbers_stay_numbers() -> None:
    huge = [replace(worked(), gpu_millijoules=2**62, price=10_000)] * 1000
    assert cost(*huge).value == round(Fraction(2**62 * 10_000 * 1000, MILLIJOULES_PER_KWH))
    assert worth_of(Nanoton(10**30), Finding(10**9, "absurd")).value == 10**30
    assert format_money(-(10**15) - 7, "EUR") == "-1,000,000,000,000.007 EUR"
    assert format_energy(10**18) == "277,777,777.778 kWh"


@given(
    st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 10_000)), max_size=20),
    st.integers(0, 10**18),
    st.integers(1, 10**9),
)
def test_what_is_shown_adds_up(parts: list[tuple[int, int]], gross: int, price: int) -> None:
    """Net is what is shown as worth less what is shown as cost, and each is off by half a thousandth at most."""
    drawn = [replace(worked(), gpu_millijoules=energy, price=each) for energy, each in parts]
    found = period(NOON, Nanoton(gross), drawn, cost(*drawn), Finding(price, "typed"))
    assert found.net.value is not None and found.worth.value is not None and found.cost.value is not None
    assert found.net.value == found.worth.value - found.cost.value
    exact = sum(energy * each for energy, each in parts)
    assert 2 * abs(found.cost.value * MILLIJOULES_PER_KWH - exact) <= MILLIJOULES_PER_KWH
    assert 2 * abs(found.worth.value * NANOTON_PER_TON - gross * price) <= NANOTON_PER_TON


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=9), st.integers(0, 10_000))
def test_parts_of_a_quarter_cost_as_much_as_the_whole(energies: list[int], price: int) -> None:
    parts = [replace(worked(), gpu_millijoules=energy, price=price) for energy in energies]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.plus(part)
    assert cost(*parts).value == cost(whole).value


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_every_local_hour_begins_with_a_quarter_also_when_summer_time_ends(zone: str) -> None:
    """In Kathmandu hours begin at :15 UTC; Lord Howe's clock is moved by half an hour."""
    with local_zone(zone):
        begin = datetime(2026, 10, 3 if zone == "Australia/Lord_Howe" else 24, tzinfo=UTC)  # a day before the change
        for minute in range(0, 60 * 48, 15):
            moment = begin + timedelta(minutes=minute)
            first, last = moment.astimezone(), (moment + timedelta(minutes=15, microseconds=-1)).astimezone()
            assert first.hour == last.hour
            assert quarter(moment + timedelta(minutes=14)) == moment


def at_loss(parts: list[Worked], gross: int, base_watt: int = 0, price: int = 312, toncoin: int = 2950) -> bool | None:
    return is_at_loss(parts, Nanoton(gross), base_watt, Finding(price, ""), Finding(toncoin, "")).value


def test_a_loss_is_judged_at_the_prices_of_now_with_the_whole_computer() -> None:
    """4 h of 300 W are 1.2 kWh: 0.374 EUR, or 0.127 TON."""
    four_hours = quarters(16)
    assert at_loss(four_hours, 128_000_000) is False
    assert at_loss(four_hours, 126_000_000) is True
    assert at_loss(four_hours, 128_000_000, base_watt=80) is True
    assert at_loss(four_hours, 126_000_000, price=100) is False
    assert at_loss(four_hours, 128_000_000, toncoin=1000) is True


def test_a_loss_is_not_called_one_before_it_is_known() -> None:
    assert at_loss(quarters(3), 0) is None
    assert at_loss([replace(worked(), by_counter=0, blind=QUARTER)] * 8, 0) is None
    unknown: Finding[int] = Finding(None, "nobody named it")
    assert is_at_loss(quarters(8), Nanoton(0), 0, unknown, TONCOIN) == Finding(None, "nobody named it")
    assert is_at_loss(quarters(8), Nanoton(0), 0, ELECTRICITY, unknown) == Finding(None, "nobody named it")


def test_after_a_long_rest_it_may_try_what_it_earns_now() -> None:
    """Else it would rest for ever: no work, no news of what work brings."""
    night = quarters(12, NOON - timedelta(hours=3))
    assert last_worked(night, NOON) == tuple(night)
    assert last_worked(night, NOON + RESTS) == ()
    tried = quarters(2, NOON + RESTS)
    assert last_worked([*night, *tried], NOON + RESTS + timedelta(minutes=30)) == tuple(tried)


def test_only_the_newest_hours_are_judged_and_none_of_the_future() -> None:
    """After the clock was set back, what is to come by it is not looked at."""
    long = quarters(40, NOON - timedelta(hours=10))
    judged = last_worked([*long, *quarters(8, NOON + timedelta(days=3))], NOON)
    assert judged == tuple(long[-4 * JUDGED_HOURS :])
    assert sum(each.milliseconds for each in judged) == JUDGED_HOURS * MILLISECONDS_PER_HOUR
