"""Asking the driver wakes the GPU and the agent: often while somebody looks, rarely at night, never without a GPU."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mulberry.agent.telemetry import Telemetry
from mulberry.agent.watching import Watches
from mulberry.model.gpu import DriverState, GpuReport
from samples import NO_GPU, RTX_4090

pytestmark = pytest.mark.virtual_time

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ONE_GPU = GpuReport((RTX_4090,), None, NOON)
AWAITED = GpuReport((), "It comes.", NOON, DriverState.NOT_RUNNING, waiting_until=NOON + timedelta(minutes=5))


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread's answer takes no time of the virtual clock, which would run ahead of it."""

    async def here(question: Callable[[], Any]) -> Any:
        return question()

    monkeypatch.setattr(asyncio, "to_thread", here)


class Driver:
    """Stands where `hardware.gpu.Gpus` stands; each answer has another load, unless it is `steady`."""

    def __init__(self, report: GpuReport, *, steady: bool = False) -> None:
        self.report = report
        self.steady = steady
        self.sleeps = False
        self.reads = 0
        self.closed = 0

    def read(self) -> GpuReport:
        self.reads += 1
        load = 50 if self.steady else self.reads
        return replace(self.report, gpus=tuple(replace(gpu, load_percent=load) for gpu in self.report.gpus))

    def asleep(self) -> bool:
        return self.sleeps

    def close(self) -> None:
        self.closed += 1


async def minutes(driver: Driver, watched: int, unwatched: int = 0, *, is_urgent: bool = False) -> int:
    """Runs the telemetry so long, first with nobody looking; how often a change was told."""
    watches = Watches()
    told: list[int] = []
    telemetry = Telemetry(driver, watches, lambda: is_urgent)  # type: ignore[arg-type]
    work = asyncio.create_task(telemetry.run(lambda: told.append(driver.reads)))
    await asyncio.sleep(60 * unwatched + 0.5)
    if watched:
        with watches.watching():
            await asyncio.sleep(60 * watched)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return len(told)


async def test_a_gpu_is_asked_each_second_while_somebody_looks() -> None:
    driver = Driver(ONE_GPU)
    told = await minutes(driver, watched=1)
    assert 60 <= driver.reads <= 62 and told == driver.reads - 1


async def test_a_gpu_is_asked_each_ten_seconds_while_nobody_looks() -> None:
    driver = Driver(ONE_GPU)
    await minutes(driver, watched=0, unwatched=10)
    assert (driver.reads, driver.closed) == (1 + 60, 0)


async def test_a_rule_about_load_makes_it_look_each_second_although_nobody_does() -> None:
    driver = Driver(ONE_GPU)
    await minutes(driver, watched=0, unwatched=1, is_urgent=True)
    assert 60 <= driver.reads <= 62
    nothing = Driver(NO_GPU)
    await minutes(nothing, watched=0, unwatched=60, is_urgent=True)
    assert nothing.reads == 1


async def test_a_sleeping_gpu_is_woken_only_for_a_face() -> None:
    driver = Driver(ONE_GPU)
    driver.sleeps = True
    await minutes(driver, watched=0, unwatched=10)
    assert driver.reads == 1
    await minutes(driver, watched=1)
    assert driver.reads > 50


async def test_what_stays_the_same_is_told_once_a_minute() -> None:
    assert await minutes(Driver(ONE_GPU, steady=True), watched=10) in (9, 10)


async def test_without_a_gpu_and_a_face_the_driver_is_let_go() -> None:
    driver = Driver(NO_GPU)
    await minutes(driver, watched=0, unwatched=600)
    assert (driver.reads, driver.closed) == (1, 1)


async def test_without_a_gpu_a_face_makes_it_look_once_a_minute() -> None:
    driver = Driver(NO_GPU)
    await minutes(driver, watched=5, unwatched=1)
    assert driver.reads == 1 + 5


async def test_a_gpu_that_may_still_come_is_looked_for_whoever_looks() -> None:
    driver = Driver(AWAITED)
    await minutes(driver, watched=1, unwatched=1)
    assert 24 <= driver.reads <= 26
