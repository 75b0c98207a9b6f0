"""Watts that nobody measured must not turn into a number, and a kept result must be the one that was measured."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.agent.benchmark import LOOK_AT_POWER_SECONDS, TEXTS_AT_ONCE, _reading, keep, last, measure, watching_power
from mulberry.cli.benchmark import in_lines
from mulberry.hardware.gpu import Gpus
from mulberry.model.benchmark import Benchmark, Speed, TextSpeed, earnings_limit
from mulberry.model.encoding import from_json, to_json
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuReport
from mulberry.model.network import load_profile
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EncodedTexts
from mulberry.runtime.load import of_encoder
from mulberry.runtime.models import ModelFolder
from samples import RTX_4090
from tiny_encoder import tiny_encoder
from tiny_model import tiny_model

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


async def test_a_model_for_gpus_only_is_not_measured_without_one(clock: SettableClock) -> None:
    model = tiny_model()
    (cpu,) = model.manifest.variants
    for_gpus = model.manifest.model_copy(update={"variants": (cpu.model_copy(update={"provider": "cuda"}),)})
    with pytest.raises(UserFacingError, match="GPUs only"):
        await measure(ModelFolder(model.path, for_gpus), NoGpus(clock), clock, 0.5, lambda note: None)


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
async def test_an_encoder_is_measured_in_texts(clock: SettableClock, tmp_path: Path) -> None:
    told: list[str] = []
    measured = await measure(tiny_encoder(tmp_path / "m"), NoGpus(clock), clock, 0.1, told.append)
    assert [speed.at_once for speed in measured.texts] == list(TEXTS_AT_ONCE)
    assert "(mulberry/tiny-encoder, version 1, fp32) on the CPU" in next(in_lines(measured, load_profile("demo")))
    assert all(speed.texts_per_second > 0 and speed.request_seconds > 0 for speed in measured.texts)
    assert all(speed.watts is None and speed.joules_per_text is None for speed in measured.texts)
    assert (measured.speeds, measured.power, measured.no_power_because) == ((), None, "It ran on the CPU.")
    assert told == ["Loading Tiny encoder", "1 texts at once", "16 texts at once", "64 texts at once"]
    assert from_json(Benchmark, to_json(Benchmark, measured)) == measured
    profile = load_profile("demo")
    assert earnings_limit(measured, profile.root_parameters()) == 0
    assert "earns nothing on Cocoon" in list(in_lines(measured, profile))[-1]


class TenRequestsASecond:
    async def encode(self, texts: Sequence[str]) -> EncodedTexts:
        await asyncio.sleep(0.1)
        return EncodedTexts(((0.0,),) * len(texts), len(texts))


@pytest.mark.virtual_time
async def test_joules_are_the_cards_watts_for_each_text(clock: SettableClock) -> None:
    card = Card(RTX_4090, lambda: RTX_4090)
    found = [speed async for speed in _reading(TenRequestsASecond(), card, TheCard(clock), 2.0, lambda note: None)]
    assert [speed.at_once for speed in found] == list(TEXTS_AT_ONCE)
    for speed in found:
        assert speed.texts_per_second == pytest.approx(10 * speed.at_once, rel=0.3)  # the card is asked in real time
        assert speed.request_seconds == pytest.approx(0.1, rel=0.3) and speed.watts == 212
        assert speed.joules_per_text == pytest.approx(212 / speed.texts_per_second)


class Silent:
    async def encode(self, texts: Sequence[str]) -> EncodedTexts:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.virtual_time
async def test_an_encoder_that_never_answers_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        await of_encoder(Silent(), 1, 2.0)


def test_what_a_gpu_took_for_each_text_is_shown() -> None:
    speed = TextSpeed(64, 2_000.0, 0.032, 300.0, 0.15)
    measured = replace(MEASURED, speeds=(), texts=(speed,), runs_on="a GPU", no_power_because="")
    lines = list(in_lines(measured, load_profile("demo")))
    assert "           64     2,000           32.0 ms           0.150" in lines
    assert "Power: 300 W with 64 texts at once" in lines


class NoGpus(Gpus):
    def read(self) -> GpuReport:
        return GpuReport((), "No NVIDIA driver is installed.", NOON)


class TheCard(Gpus):
    def read(self) -> GpuReport:
        return GpuReport((RTX_4090,), None, NOON)


class OneGpu(Gpus):
    def read(self) -> GpuReport:
        return GpuReport((replace(RTX_4090, uuid="GPU-00000000-0000-0000-0000-000000000000"),), None, NOON)


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
async def test_a_gpu_that_does_not_compute_is_told_and_the_cpu_measured(clock: SettableClock) -> None:
    model = tiny_model()
    (cpu,) = model.manifest.variants
    both = model.manifest.model_copy(update={"variants": (cpu, cpu.model_copy(update={"provider": "cuda"}))})
    told: list[str] = []
    measured = await measure(ModelFolder(model.path, both), OneGpu(clock), clock, 0.5, told.append)
    assert measured.runs_on == "the CPU" and measured.power is None
    assert any("cannot be used" in note and "The CPU is measured instead." in note for note in told)
