"""A card that is gone must not take the owner's understanding with it: the real agent reads a driver that loses it."""

import os
import sys
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from fake_driver import FakeDriver
from mulberry.model.gpu import GpuCondition
from story import Story

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fake driver is found as Linux's loader does it")
scenarios("gpu_lost.feature")

IS_LOST = "err.nvmlDeviceGetName 15\nerr.nvmlDeviceGetMemoryInfo 15\n"  # NVML_ERROR_GPU_IS_LOST


@pytest.fixture
def driver(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """What every process of this story takes for NVIDIA's own."""
    monkeypatch.setenv(
        "LD_LIBRARY_PATH", os.pathsep.join((str(nvml_library.parent), os.environ.get("LD_LIBRARY_PATH", "")))
    )
    monkeypatch.setenv("FAKE_NVML_STATE", str(tmp_path / "driver-state"))
    return FakeDriver(tmp_path / "driver-state")


@given(parsers.parse('a computer with an "{name}"'), target_fixture="card")
def a_computer_with(driver: FakeDriver, name: str) -> str:
    card = f"count 1\nname {name}\n"
    driver.says(card)
    return card


@when("the GPU falls off the bus")
def it_falls_off(story: Story, driver: FakeDriver, card: str) -> None:
    story.wait_for(lambda event: [gpu.condition for gpu in event.status.gpus.gpus] == [GpuCondition.WORKS])
    driver.says(card + IS_LOST)


@then(parsers.parse('the owner is told "{words}"'))
def the_owner_is_told(story: Story, words: str) -> None:
    story.wait_for(lambda event: [gpu.condition for gpu in event.status.gpus.gpus] == [GpuCondition.LOST])
    story.types("mulberry status")
    assert words in story.said


@then(parsers.parse('they read "{words}"'))
def they_read(story: Story, words: str) -> None:
    assert words in story.said


@when("the GPU answers again")
def it_answers(driver: FakeDriver, card: str) -> None:
    driver.says(card)


@then("the owner is told of no trouble with it")
def no_trouble(story: Story) -> None:
    status = story.wait_for(lambda event: [g.condition for g in event.status.gpus.gpus] == [GpuCondition.WORKS]).status
    assert status.reasons == ()
