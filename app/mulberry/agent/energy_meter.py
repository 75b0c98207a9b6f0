"""Measures what work draws, while there is work, and writes it down at least once a minute.

A GPU's own energy meter is best, for it misses nothing between two looks. Where there is none, or it makes no sense,
the power that telemetry reads anyway is added up. While nothing works, nobody is woken.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.energy_rows import EnergyRows
from mulberry.agent.ledger import LedgerFull
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.nvml import MOST_MILLIWATT
from mulberry.model.clock import Clock
from mulberry.model.gpu import GpuReport
from mulberry.model.net import QUARTER_SECONDS, Worked, quarter

LOOK_SECONDS = 60.0
SAMPLE_SECONDS = 10.0  # as often as telemetry reads the power while nobody watches
LONGEST_GAP_SECONDS = 30.0  # between two readings of power that are still taken for what was drawn in between
LEAST_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class AtWork:
    """What does the work: GPUs by their UUIDs; none: the CPU. `elsewhere`: the owner's own servers do it."""

    gpus: tuple[str, ...]
    elsewhere: bool = False


class Sensors(Protocol):
    """What can be asked of a GPU. None: nothing tells."""

    def energy(self, uuid: str) -> int | None:
        """Millijoules, since some time. May block."""
        ...

    def power(self, uuid: str) -> int | None:
        """Milliwatts, as read last."""
        ...


class GpuSensors:
    """A GPU's own meter is asked; its power is what telemetry has read."""

    def __init__(self, gpus: Gpus, newest: Callable[[], GpuReport], clock: Clock) -> None:
        self._gpus = gpus
        self._newest = newest
        self._clock = clock

    def energy(self, uuid: str) -> int | None:
        return self._gpus.energy(uuid)

    def power(self, uuid: str) -> int | None:
        report = self._newest()
        if not timedelta() <= self._clock.now() - report.as_of <= timedelta(seconds=LONGEST_GAP_SECONDS):
            return None
        gpu = next((gpu for gpu in report.gpus if gpu.uuid == uuid), None)
        return None if gpu is None or "power_milliwatt" in gpu.stuck else gpu.power_milliwatt


@dataclass(frozen=True, slots=True)
class Reading:
    """`seconds` are of the event loop's clock, which stands still while the computer sleeps. `settings` held then."""

    work: AtWork
    at: datetime
    seconds: float
    millijoules: int | None
    milliwatt: int | None
    settings: ComputerSettings


class EnergyMeter:
    """`works` says what works now. `settings` are the owner's: prices, currency and the computer's own power."""

    def __init__(
        self,
        rows: EnergyRows,
        clock: Clock,
        sensors: Sensors,
        works: Callable[[], AtWork | None],
        settings: ComputerSettings,
        on_full: Callable[[LedgerFull], None],
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._sensors = sensors
        self._works = works
        self._settings = settings
        self._on_full = on_full
        self._seen: AtWork | None = None
        self._turn = asyncio.Event()
        self._unwritten: dict[tuple[datetime, str, int | None], Worked] = {}

    def use(self, settings: ComputerSettings) -> None:
        """What was drawn until now has the old price, what comes has the new one."""
        self._settings = settings
        self._turn.set()

    def look(self) -> None:
        """Work may have begun or ended."""
        if self._works() != self._seen:
            self._turn.set()

    async def run(self) -> None:
        """Until cancelled; what was drawn since the last look is then lost."""
        before: Reading | None = None
        while True:
            self._turn.clear()
            work = self._seen = self._works()
            if before is not None:
                after = await self._read(before.work)
                self._count(before, after)
                before = after if work == before.work else None
            if before is None and work is not None:
                before = await self._read(work)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if before is None else self._seconds_to_wait(before)):
                    await self._turn.wait()

    async def _read(self, work: AtWork) -> Reading:
        energies = [await asyncio.to_thread(self._sensors.energy, gpu) for gpu in work.gpus]
        return Reading(
            work=work,
            at=self._clock.now(),
            seconds=asyncio.get_running_loop().time(),
            millijoules=_sum(energies),
            milliwatt=_sum([self._sensors.power(gpu) for gpu in work.gpus]),
            settings=self._settings,
        )

    def _seconds_to_wait(self, before: Reading) -> float:
        """No look reaches over the end of a quarter, where the price may change."""
        is_sampled = bool(before.work.gpus) and before.millijoules is None
        left = QUARTER_SECONDS - (before.at - quarter(before.at)).total_seconds()
        return max(LEAST_WAIT_SECONDS, min(SAMPLE_SECONDS if is_sampled else LOOK_SECONDS, left))

    def _count(self, before: Reading, after: Reading) -> None:
        drawn = worked_between(before, after)
        key = drawn.start, drawn.currency, drawn.price
        held = self._unwritten.get(key)
        self._unwritten[key] = drawn if held is None else held.plus(drawn)
        try:
            self._rows.add(self._unwritten.values())
        except LedgerFull as problem:
            self._on_full(problem)  # it waits here until there is room
        else:
            self._unwritten.clear()


def _sum(values: Sequence[int | None]) -> int | None:
    """None: there are none, or one of them is not told."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def worked_between(before: Reading, after: Reading) -> Worked:
    """What was drawn from one reading to the next, at the price that held at the first."""
    settings, milliseconds = before.settings, max(0, round((after.seconds - before.seconds) * 1000))
    prices = settings.rules.prices
    worked = Worked(
        start=quarter(before.at),
        currency=settings.currency,
        price=prices[before.at.astimezone().hour] if prices else None,
        milliseconds=milliseconds,
        base_millijoules=settings.base_watt * milliseconds,
    )
    if not before.work.gpus:
        is_told = settings.base_watt > 0 and not before.work.elsewhere
        return worked if is_told else replace(worked, blind=milliseconds)
    by_meter = _by_meter(before, after, milliseconds)
    if by_meter is not None:
        return replace(worked, by_counter=milliseconds, gpu_millijoules=by_meter)
    by_power = _by_power(before, after, milliseconds)
    if by_power is not None:
        return replace(worked, by_samples=milliseconds, gpu_millijoules=by_power)
    return replace(worked, blind=milliseconds)


def _by_meter(before: Reading, after: Reading, milliseconds: int) -> int | None:
    """None where there is no meter, it began anew with the driver, stands still, or ran faster than any GPU draws."""
    if before.millijoules is None or after.millijoules is None:
        return None
    drawn = after.millijoules - before.millijoules
    return drawn if 0 < drawn * 1000 <= MOST_MILLIWATT * len(before.work.gpus) * milliseconds else None


def _by_power(before: Reading, after: Reading, milliseconds: int) -> int | None:
    if before.milliwatt is None or after.milliwatt is None or milliseconds > LONGEST_GAP_SECONDS * 1000:
        return None
    return (before.milliwatt + after.milliwatt) * milliseconds // 2000
