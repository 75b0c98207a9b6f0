"""People buy hardware by such estimates: the number must be the network's own arithmetic, and no more than possible."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.benchmark import Benchmark, Power, Speed, earnings_limit
from mulberry.model.encoding import from_json, to_json
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import RootParameters

MEASURED = Benchmark(
    model="maker/model",
    model_version="1",
    title="A model",
    runs_on="NVIDIA GeForce RTX 4090",
    ran_in="a sandbox",
    speeds=(Speed(1, 50.0, 100.0, 0.02), Speed(16, 400.0, 800.0, 0.1)),
    power=Power(300.0, 4 / 3),
    no_power_because="",
    as_of=datetime(2026, 11, 22, 12, tzinfo=UTC),
    version="0.1.0",
)
ROOT = RootParameters("", Nanoton(25), Nanoton(20), (), 1, 1)


def test_a_day_at_the_best_speed_by_hand() -> None:
    # 1,200 tokens a second, 86,400 seconds, 20 nanoton each
    assert earnings_limit(MEASURED, ROOT) == 1_200 * 86_400 * 20


def test_each_kind_of_token_is_weighed_as_the_network_does() -> None:
    weighed = replace(ROOT, prompt_multiplier=5_000, completion_multiplier=40_000)
    assert earnings_limit(MEASURED, weighed) == (800 // 2 + 400 * 4) * 86_400 * 20


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_slower_measurement_beside_it_never_changes_the_limit(written: float, read: float) -> None:
    best = Speed(16, written, read, 0.1)
    slower = Speed(1, written / 2, read / 2, 0.1)
    alone, beside = (replace(MEASURED, speeds=speeds) for speeds in ((best,), (slower, best)))
    assert earnings_limit(alone, ROOT) == earnings_limit(beside, ROOT)


def test_it_is_kept_and_read_without_loss() -> None:
    assert from_json(Benchmark, to_json(Benchmark, MEASURED)) == MEASURED
