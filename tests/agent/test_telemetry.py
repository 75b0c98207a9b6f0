"""Asking the driver wakes the GPU and the agent: it is done while somebody looks, and never otherwise."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mulberry.agent.telemetry import Telemetry
from mulberry.agent.watching import Watches
from mulberry.model.gpu import GpuReport
from samples import NO_GPU, RTX_4090

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Driver:
    """Stands where `hardware.gpu.Gpus` stands; each answer has another load, unless it is `steady`."""

    def __init__(self, report: GpuReport, *, steady: bool = False) -> None:
        self.report = report
        self.steady = steady
        self.reads = 0
        self.closed = 0

    def read(self) -> GpuReport:
        self.reads += 1
        load = 50 if self.steady else self.reads
        return replace(self.report, gpus=tuple(replace(gpu, load_percent=load) for gpu in self.report.gpus))

    def close(self) -> None:
        self.closed += 1


async def looked_at(driver: Driver, asked_for: int) -> list[int]:
    """Lets somebody look until the driver was asked `asked_for` times more; the changes told, counted by reads."""
    watches = Watches()
    telemetry = Telemetry(driver, watches)  # type: ignore[arg-type]
    told: list[int] = []
    work = asyncio.create_task(telemetry.run(lambda: told.append(driver.reads)))
    await asyncio.sleep(0)
    assert driver.reads == 1 and driver.closed == 1, "the driver is held although nobody looks"
    with watches.watching():
        async with asyncio.timeout(10):
            while driver.reads < 1 + asked_for:  # noqa: ASYNC110 - a thread asks
                await asyncio.sleep(0.001)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return told


async def test_changes_are_told_while_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.agent.telemetry.ASK_SECONDS", 0.001)
    assert await looked_at(Driver(GpuReport((RTX_4090,), None, NOON)), 5)


async def test_what_stays_the_same_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.agent.telemetry.ASK_SECONDS", 0.001)
    assert await looked_at(Driver(GpuReport((RTX_4090,), None, NOON), steady=True), 5) == []


async def test_without_a_gpu_nothing_is_asked_again_soon() -> None:
    driver = Driver(NO_GPU)
    assert await looked_at(driver, 1) == []
    assert driver.reads == 2
