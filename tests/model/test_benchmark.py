"""People buy hardware by such estimates: the number must be the network's own arithmetic, and no more than possible."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.benchmark import Benchmark, Estimate, Power, Speed, earnings_limit
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


def test_an_hour_with_a_price_factor_by_hand() -> None:
    assert earnings_limit(MEASURED, ROOT, 3_600, 1_500) == 1_200 * 3_600 * 20 * 3 // 2
    assert earnings_limit(MEASURED, ROOT, 3_600, 0) == 0


@pytest.mark.parametrize("wrong", [(0, 1.0, 1.0, 1.0), (1, -1.0, 1.0, 1.0), (1, float("inf"), 1.0, 1.0)])
def test_a_speed_that_no_model_has_is_not_read(wrong: tuple[int, float, float, float]) -> None:
    with pytest.raises(ValueError, match="no speed"):
        Speed(*wrong)


@pytest.mark.parametrize(
    ("nanoton", "told"),
    [
        (129_654_321, "up to 0.129 TON an hour"),
        (12_965_432_100, "up to 12.90 TON an hour"),
        (7, "up to 0.000000007 TON an hour"),
        (0, "up to 0.00 TON an hour"),
    ],
)
def test_an_estimate_pretends_no_precision_and_says_what_it_is(nanoton: int, told: str) -> None:
    estimate = Estimate(Nanoton(nanoton), "A model", "NVIDIA H200", 2, MEASURED.as_of, 1500)
    assert estimate.amount == told
    measured = "NVIDIA H200 with A model, as of 2026-11-2"
    for words in ("An estimate, at full load", measured, "for 2 GPUs together", "1.500"):
        assert words in estimate.source
    assert "times" not in replace(estimate, count=1).source
