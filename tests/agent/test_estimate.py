"""A number beside earned money must belong to this GPU and this model, or not be there at all."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent_workshop import EchoEngine, a_workshop
from mulberry.agent.benchmark import keep
from mulberry.agent.estimate import LastBenchmark, estimate_of
from mulberry.agent.shift import Shift
from mulberry.model.benchmark import Benchmark, Speed
from mulberry.model.clock import SystemClock
from mulberry.model.engine import EngineStats
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import RootParameters
from tiny_model import tiny_model

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODEL = tiny_model().manifest
SPEEDS = (Speed(1, 50.0, 100.0, 0.02), Speed(16, 400.0, 800.0, 0.1))
MEASURED = Benchmark(
    MODEL.name, MODEL.version, MODEL.title, "NVIDIA H200", "a sandbox", SPEEDS, None, "Not told.", NOON, "0.1.0"
)
ROOT = RootParameters("", Nanoton(25), Nanoton(20), (), 1, 1)
H200 = EngineStats("NVIDIA H200", 16, ready_seconds=5.0)
L4 = replace(H200, name="NVIDIA L4")


@pytest.mark.parametrize(
    ("engines", "an_hour", "count"),
    [
        ((H200,), 1_200 * 3_600 * 20, 1),
        ((H200, H200), 2 * 1_200 * 3_600 * 20, 2),
        ((H200, replace(H200, ready_seconds=None)), 1_200 * 3_600 * 20, 1),  # the other one does not work now
        ((replace(H200, places=15),), 150 * 3_600 * 20, 1),  # 16 at once are never there
    ],
)
def test_what_was_measured_times_what_works(engines: tuple[EngineStats, ...], an_hour: int, count: int) -> None:
    estimate = estimate_of(MEASURED, MODEL, engines, ROOT, 1000)
    assert estimate is not None
    assert (estimate.an_hour, estimate.count, estimate.measured_on) == (an_hour, count, "NVIDIA H200")
    dearer = estimate_of(MEASURED, MODEL, engines, ROOT, 2000)
    assert dearer is not None and dearer.an_hour == 2 * an_hour


@pytest.mark.parametrize("engines", [(), (L4,), (H200, L4), (replace(H200, ready_seconds=None),)])
def test_on_another_gpu_nothing_is_estimated(engines: tuple[EngineStats, ...]) -> None:
    assert estimate_of(MEASURED, MODEL, engines, ROOT, 1000) is None


@pytest.mark.parametrize("other", [{"model": "maker/other"}, {"model_version": "2"}, {"speeds": ()}])
def test_of_another_model_or_of_an_encoder_nothing_is_estimated(other: dict[str, object]) -> None:
    assert estimate_of(replace(MEASURED, **other), MODEL, (H200,), ROOT, 1000) is None  # type: ignore[arg-type]


def test_a_new_measurement_counts_at_once_and_an_unreadable_one_never(tmp_path: Path) -> None:
    place = tmp_path / "benchmark.json"
    newest = LastBenchmark(place)
    assert newest.now() is None
    keep(MEASURED, place)
    assert newest.now() == MEASURED
    assert newest.now() is newest.now()
    slower = replace(MEASURED, speeds=SPEEDS[:1])
    keep(slower, place)
    assert newest.now() == slower
    place.unlink()
    assert newest.now() is None
    place.write_text('{"speeds": [{"tokens_per_second": 1e999}]}')
    assert newest.now() is None


async def test_who_does_not_work_is_promised_nothing(tmp_path: Path) -> None:
    with a_workshop(tmp_path, SystemClock(), make_engine=EchoEngine().make) as workshop:
        keep(MEASURED, workshop.folder.path.parent / "benchmark.json")
        shift = Shift(workshop, lambda: None)
        assert shift.estimate is None and shift.engines == ()
