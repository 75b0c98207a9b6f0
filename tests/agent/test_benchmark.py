"""Watts that nobody measured must not turn into a number, and a kept result must be the one that was measured."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mulberry.agent.benchmark import LOOK_AT_POWER_SECONDS, keep, last, watching_power
from mulberry.model.benchmark import Benchmark, Speed
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuReport
from mulberry.runtime.card import Card
from samples import RTX_4090

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MEASURED = Benchmark(
    "m", "1", "M", "the CPU", "", (Speed(1, 2.5, 3.5, 0.5),), None, "It ran on the CPU.", NOON, "0.1.0"
)
OTHER = replace(RTX_4090, uuid="GPU-other", power_milliwatt=99_000)
SILENT = replace(RTX_4090, power_milliwatt=None)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("mine", "told"), [(RTX_4090, {212.0}), (SILENT, set()), (None, set())])
async def test_only_the_cards_own_watts_count(mine: object, told: set[float]) -> None:
    seen = RTX_4090 if mine is None else mine
    report = GpuReport((OTHER, seen), None, NOON)  # type: ignore[arg-type]
    card = None if mine is None else Card(RTX_4090, lambda: None)
    async with watching_power(card, lambda: report) as watts:
        await asyncio.sleep(LOOK_AT_POWER_SECONDS * 3)
    assert set(watts) == told


def test_what_was_kept_is_shown_again(tmp_path: Path) -> None:
    place = tmp_path / "new" / "benchmark.json"
    keep(MEASURED, place)
    assert last(place) == MEASURED


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"x" * 100_000])
def test_a_broken_file_is_said_so(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "benchmark.json"
    place.write_bytes(content)
    with pytest.raises(UserFacingError, match="cannot be read"):
        last(place)


def test_a_result_that_cannot_be_stored_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserFacingError, match="could not be stored"):
        keep(MEASURED, tmp_path / "file" / "benchmark.json")
