"""What is paid for electricity hangs on these joules: none may be invented, and a crash may take a minute of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SettableClock
from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.energy_meter import (
    LONGEST_GAP_SECONDS,
    SAMPLE_SECONDS,
    AtWork,
    EnergyMeter,
    GpuSensors,
    Reading,
    worked_between,
)
from mulberry.agent.ledger import Ledger, LedgerFull, open_ledger
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.nvml import MOST_MILLIWATT
from mulberry.model.gpu import GpuReport
from mulberry.model.net import Worked
from samples import NOON, RTX_4090
from time_zones import local_zone

pytestmark = pytest.mark.virtual_time

CARD = "GPU-at-work"
ON_A_GPU, ON_THE_CPU = AtWork((CARD,)), AtWork(())
WATT = 200
PRICED = ComputerSettings(electricity_price=300)


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread's answer takes no time of the virtual clock, which would run ahead of it."""

    async def here(question: Callable[..., Any], *values: Any) -> Any:
        return question(*values)

    monkeypatch.setattr(asyncio, "to_thread", here)


@pytest.fixture
def ledger(tmp_path: Path, clock: SettableClock) -> Iterator[Ledger]:
    with closing(open_ledger(tmp_path / "ledger.sqlite3", clock)) as ledger:
        yield ledger


class Bench:
    """A computer whose card draws `WATT`, with a meter and a power sensor that the test may take away."""

    def __init__(self, ledger: Ledger, clock: SettableClock, settings: ComputerSettings = PRICED) -> None:
        self.ledger = ledger
        self.clock = clock
        self.work: AtWork | None = None
        self.has_meter = self.has_power = True
        self.asked = 0
        self.full: list[LedgerFull] = []
        self._began = asyncio.get_running_loop().time()
        self.meter = EnergyMeter(ledger.energy, clock, self, lambda: self.work, settings, self.full.append)

    def energy(self, uuid: str) -> int | None:
        self.asked += 1
        seconds = asyncio.get_running_loop().time() - self._began
        return 5_000_000 + round(seconds * WATT * 1000) if self.has_meter else None

    def power(self, uuid: str) -> int | None:
        return WATT * 1000 if self.has_power else None

    def works(self, work: AtWork | None) -> None:
        self.work = work
        self.meter.look()

    async def passes(self, *, minutes: float = 0, seconds: float = 0, step: float = 5) -> None:
        """In small steps, as the wall clock goes on with the loop's."""
        for _ in range(round((minutes * 60 + seconds) / step)):
            self.clock.pass_time(seconds=step)
            await asyncio.sleep(step)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Bench"]:
        task = asyncio.create_task(self.meter.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def kept(self) -> list[Worked]:
        return self.ledger.energy.since(NOON - timedelta(days=1))

    def together(self) -> Worked:
        first, *rest = self.kept
        for each in rest:
            first = first.plus(each)
        return first


def roughly(millijoules: int, watt: float, minutes: float) -> bool:
    """The loop's clock also counts what the test itself takes."""
    expected = watt * minutes * 60_000
    return expected * 0.99 <= millijoules <= expected * 1.01 + 20_000


async def test_an_hour_of_work_is_kept_by_quarters_as_the_cards_meter_counts_it(
    ledger: Ledger, clock: SettableClock
) -> None:
    async with Bench(ledger, clock).open() as bench:
        bench.works(ON_A_GPU)
        await bench.passes(minutes=60)
        bench.works(None)
        await bench.passes(seconds=5)
        assert [each.start for each in bench.kept][:4] == [NOON + timedelta(minutes=15 * number) for number in range(4)]
        whole = bench.together()
        assert whole.by_counter == whole.milliseconds and whole.blind == whole.by_samples == 0
        assert roughly(whole.gpu_millijoules, WATT, 60)
        assert (whole.currency, whole.price, whole.base_millijoules) == ("EUR", 300, 0)


async def test_who_is_killed_loses_a_minute_at_most(ledger: Ledger, clock: SettableClock) -> None:
    async with Bench(ledger, clock).open() as bench:
        bench.works(ON_A_GPU)
        await bench.passes(minutes=7, seconds=30)
    assert roughly(bench.together().gpu_millijoules, WATT, 7)


async def test_nobody_is_asked_and_nothing_is_written_while_nothing_works(ledger: Ledger, clock: SettableClock) -> None:
    async with Bench(ledger, clock).open() as bench:
        await bench.passes(minutes=30)
        assert (bench.asked, bench.kept) == (0, [])
        bench.works(ON_A_GPU)
        await bench.passes(minutes=1)
        bench.works(None)
        await bench.passes(seconds=5)
        asked = bench.asked
        await bench.passes(minutes=30)
        assert bench.asked == asked


async def test_without_a_meter_the_power_is_added_up(ledger: Ledger, clock: SettableClock) -> None:
    async with Bench(ledger, clock).open() as bench:
        bench.has_meter = False
        bench.works(ON_A_GPU)
        await bench.passes(minutes=10)
        whole = bench.together()
        assert whole.by_samples == whole.milliseconds and whole.by_counter == 0
        assert roughly(whole.gpu_millijoules, WATT, 10)


async def test_a_card_that_tells_nothing_leaves_the_time_blind(ledger: Ledger, clock: SettableClock) -> None:
    async with Bench(ledger, clock).open() as bench:
        bench.has_meter = bench.has_power = False
        bench.works(ON_A_GPU)
        await bench.passes(minutes=5)
        whole = bench.together()
        assert whole.blind == whole.milliseconds and whole.gpu_millijoules == 0


@pytest.mark.parametrize(("watt", "work", "is_blind"), [(0, ON_THE_CPU, True), (80, ON_THE_CPU, False)])
async def test_a_cpus_work_is_known_by_the_owners_word_alone(
    ledger: Ledger, clock: SettableClock, watt: int, work: AtWork, is_blind: bool
) -> None:
    async with Bench(ledger, clock, ComputerSettings(base_watt=watt)).open() as bench:
        bench.works(work)
        await bench.passes(minutes=5)
        whole = bench.together()
        assert bool(whole.blind) is is_blind
        assert roughly(whole.base_millijoules, watt, 5)
        assert bench.asked == 0


async def test_a_new_price_does_not_reach_back(ledger: Ledger, clock: SettableClock) -> None:
    async with Bench(ledger, clock).open() as bench:
        bench.works(ON_A_GPU)
        await bench.passes(minutes=5)
        bench.meter.use(ComputerSettings(electricity_price=900, currency="USD"))
        await bench.passes(minutes=5)
        found = {(each.currency, each.price): each.milliseconds // 60_000 for each in bench.kept}
        assert found == {("EUR", 300): 5, ("USD", 900): 5}


async def test_the_price_is_that_of_the_local_hour_also_when_summer_time_ends(
    ledger: Ledger, clock: SettableClock
) -> None:
    """In Berlin the hour from 2 to 3 comes twice on 25 October 2026, from 0 to 2 UTC."""
    clock.moment = datetime.fromisoformat("2026-10-24T23:30:00+00:00")
    by_hour = ComputerSettings(electricity_prices=tuple(range(24)))
    with local_zone("Europe/Berlin"):
        async with Bench(ledger, clock, by_hour).open() as bench:
            bench.works(ON_THE_CPU)
            await bench.passes(minutes=180, step=30)
        minutes: dict[int | None, int] = {}
        for each in ledger.energy.since(clock.now() - timedelta(days=1)):
            minutes[each.price] = minutes.get(each.price, 0) + round(each.milliseconds / 60_000)
        assert minutes == {1: 30, 2: 120, 3: 30}


async def test_a_clock_that_is_set_back_only_adds(ledger: Ledger, clock: SettableClock) -> None:
    async with Bench(ledger, clock).open() as bench:
        bench.works(ON_A_GPU)
        await bench.passes(minutes=10)
        clock.pass_time(hours=-2)
        await bench.passes(minutes=10)
        assert roughly(bench.together().gpu_millijoules, WATT, 20)
        clock.pass_time(hours=2, minutes=-10)
        await bench.passes(minutes=10)
        assert roughly(bench.together().gpu_millijoules, WATT, 30)


async def test_while_the_disk_is_full_nothing_is_lost(
    ledger: Ledger, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(worked: object) -> None:
        raise LedgerFull("the test")

    async with Bench(ledger, clock).open() as bench:
        with monkeypatch.context() as patched:
            patched.setattr(ledger.energy, "add", refuse)
            bench.works(ON_A_GPU)
            await bench.passes(minutes=20)
        assert bench.kept == [] and bench.full
        await bench.passes(minutes=1)
        assert roughly(bench.together().gpu_millijoules, WATT, 21)


def reading(seconds: float, millijoules: int | None, milliwatt: int | None) -> Reading:
    return Reading(ON_A_GPU, NOON + timedelta(seconds=seconds), seconds, millijoules, milliwatt, PRICED)


@pytest.mark.parametrize("end", [4_000_000, 5_000_000, 2**63, -1])
def test_a_meter_that_makes_no_sense_is_not_believed(end: int) -> None:
    """It began anew with the driver, stands still, or shows more than any card can draw: then the power counts."""
    found = worked_between(reading(0, 5_000_000, 200_000), reading(10, end, 300_000))
    assert (found.by_counter, found.by_samples, found.gpu_millijoules) == (0, 10_000, 2_500_000)


def test_two_readings_far_apart_say_nothing_of_the_time_between() -> None:
    found = worked_between(reading(0, None, 200_000), reading(LONGEST_GAP_SECONDS + 1, None, 200_000))
    assert (found.blind, found.gpu_millijoules) == (found.milliseconds, 0)


def test_the_owners_own_servers_draw_elsewhere() -> None:
    settings = ComputerSettings(base_watt=50)
    before = Reading(AtWork((), elsewhere=True), NOON, 0, None, None, settings)
    found = worked_between(before, replace(before, seconds=60))
    assert (found.blind, found.base_millijoules) == (60_000, 3_000_000)


@given(
    st.floats(0, 120),
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.integers(0, MOST_MILLIWATT),
    st.none() | st.integers(0, MOST_MILLIWATT),
)
def test_whatever_a_driver_says_a_part_is_never_more_than_the_whole(
    seconds: float, first: int | None, last: int | None, power: int | None, later_power: int | None
) -> None:
    found = worked_between(reading(0, first, power), reading(seconds, last, later_power))
    assert found.by_counter + found.by_samples + found.blind == found.milliseconds
    assert 0 <= found.gpu_millijoules * 1000 <= MOST_MILLIWATT * found.milliseconds


def test_power_that_is_old_or_stuck_or_another_cards_is_none(clock: SettableClock) -> None:
    card = replace(RTX_4090, power_milliwatt=212_000)
    report = GpuReport((card,), None, clock.now())
    sensors = GpuSensors(Gpus(clock), lambda: report, clock)
    assert sensors.power(card.uuid) == 212_000
    assert sensors.power("GPU-other") is None
    clock.pass_time(seconds=LONGEST_GAP_SECONDS + SAMPLE_SECONDS)
    assert sensors.power(card.uuid) is None
    report = GpuReport((replace(card, stuck=("power_milliwatt",)),), None, clock.now())
    assert sensors.power(card.uuid) is None
