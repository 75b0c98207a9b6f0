"""Which card is used decides what is earned; memory that does not come back is missed by the owner's next game."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conftest import SettableClock
from fake_driver import build_library, loaded
from mulberry.agent.cards import choose_cards, descendants, end_and_compare
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import GpuCondition, GpuInfo, GpuProcess, GpuReport
from mulberry.runtime.card import FLOOR_BYTES, Card
from mulberry.runtime.manifest import Manifest
from samples import RTX_4090
from tiny_model import tiny_model

GIB = 2**30
FREE = replace(RTX_4090, memory_used_bytes=0)
OLD = replace(RTX_4090, uuid="GPU-old", name="Old card", driver_version="470.42.01")
PASCAL = replace(RTX_4090, uuid="GPU-1080", name="GTX 1080", compute_capability=(6, 1), architecture="Pascal")
LOST = replace(RTX_4090, uuid="GPU-lost", name="Lost card", condition=GpuCondition.LOST)
SMALL = replace(RTX_4090, uuid="GPU-small", name="Small card", memory_total_bytes=2 * GIB, memory_used_bytes=GIB)
BUSY = replace(RTX_4090, uuid="GPU-busy", name="Busy card", memory_used_bytes=21 * GIB)


def made_for_cuda(*minimum_vram_bytes: int) -> Manifest:
    manifest = tiny_model().manifest
    (variant,) = manifest.variants
    cuda = (
        variant.model_copy(update={"provider": "cuda", "minimum_vram_bytes": least}) for least in minimum_vram_bytes
    )
    return manifest.model_copy(update={"variants": (variant, *cuda)})


@pytest.mark.parametrize(
    ("gpus", "chosen", "why"),
    [
        ((), (), ""),
        ((OLD,), (), "Old card cannot be used. The NVIDIA driver is 470.42.01, and CUDA 13 needs 580"),
        ((PASCAL,), (), "GTX 1080 cannot be used. By its driver, this GPU has compute capability 6.1 (Pascal)"),
        ((LOST,), (), "Lost card cannot be used. This GPU has stopped answering"),
        ((SMALL,), (), "Small card has 0.81 GB of its 2.15 GB of memory left for a model, and Tiny"),
        ((RTX_4090,), (RTX_4090,), ""),
        ((RTX_4090, FREE), (RTX_4090, FREE), ""),
        ((LOST, RTX_4090), (RTX_4090,), "Lost card cannot be used. This GPU has stopped answering"),
    ],
)
def test_every_card_that_fits_is_taken_and_the_others_are_explained(
    clock: SettableClock, gpus: tuple[GpuInfo, ...], chosen: tuple[GpuInfo, ...], why: str
) -> None:
    report = GpuReport(gpus, None, datetime(2026, 11, 22, tzinfo=UTC))
    cards, told = choose_cards(made_for_cuda(4 * GIB), report, Gpus(clock))
    assert tuple(card.gpu for card in cards) == chosen
    assert told.startswith(why) and bool(told) == bool(why)


@pytest.mark.parametrize(
    ("gpus", "chosen"),
    [
        ((FREE,), {FREE: 20 * GIB}),
        ((BUSY, FREE), {FREE: 20 * GIB, BUSY: 2 * GIB}),  # each its own, the makers' first choice first
        ((BUSY,), {BUSY: 2 * GIB}),
        ((SMALL, BUSY), {BUSY: 2 * GIB}),
    ],
)
def test_the_best_variant_for_the_memory_that_is_free(
    clock: SettableClock, gpus: tuple[GpuInfo, ...], chosen: dict[GpuInfo, int]
) -> None:
    manifest = made_for_cuda(20 * GIB, 2 * GIB)
    cards, _ = choose_cards(manifest, GpuReport(gpus, None, clock.now()), Gpus(clock))
    found = [(card.gpu, manifest.variant_for("cuda", card.free_bytes)) for card in cards]
    assert [(gpu, variant and variant.minimum_vram_bytes) for gpu, variant in found] == list(chosen.items())


def test_whoever_could_make_room_is_told_so(clock: SettableClock) -> None:
    manifest = made_for_cuda(20 * GIB, 6 * GIB)
    _, told = choose_cards(manifest, GpuReport((SMALL, BUSY), None, clock.now()), Gpus(clock))
    assert told == (
        "Busy card has 2.95 GB of its 25.77 GB of memory left for a model, and Tiny test model needs 6.44 GB at least. "
        "End other programs that use the GPU."
    )


def test_the_last_of_the_memory_is_not_given_away(clock: SettableClock) -> None:
    """The watchdog would end whoever took it."""
    whole = FREE.memory_total_bytes
    report = GpuReport((FREE,), None, clock.now())
    assert len(choose_cards(made_for_cuda(whole - FLOOR_BYTES), report, Gpus(clock))[0]) == 1
    cards, told = choose_cards(made_for_cuda(whole - FLOOR_BYTES + 1), report, Gpus(clock))
    assert not cards and not told.endswith("use the GPU.")


def test_a_model_for_the_cpu_alone_takes_no_card_and_makes_no_excuses(clock: SettableClock) -> None:
    report = GpuReport((RTX_4090,), None, clock.now())
    assert choose_cards(tiny_model().manifest, report, Gpus(clock)) == ((), "")


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("afterwards", "proven"),
    [
        ([1 * GIB], True),
        ([3 * GIB, 3 * GIB, 1 * GIB + 2**20], True),
        ([3 * GIB] * 100, False),
        ([None], None),
    ],
)
async def test_the_end_is_compared_with_the_beginning(afterwards: list[int | None], proven: bool | None) -> None:
    ended = []
    answers: Iterator[int | None] = iter(afterwards)

    async def end() -> None:
        ended.append(True)

    def look() -> GpuInfo:
        return replace(RTX_4090, memory_used_bytes=next(answers) if ended else 1 * GIB)

    card = Card(RTX_4090, look)
    assert await end_and_compare(card, 1 * GIB, end) is proven
    assert ended == [True]


async def test_without_a_beginning_nothing_is_claimed() -> None:
    async def end() -> None: ...

    assert await end_and_compare(Card(RTX_4090, lambda: RTX_4090), None, end) is None


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of ours, and one of its own, whose number it tells."""
    grandchild = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0)"
    command = [sys.executable, "-c", f"{grandchild}; print(p.pid, flush=True); p.wait()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def stop(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    child.stdin.close()
    child.wait()


linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


@linux
def test_a_childs_children_are_ours_too(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    assert {child.pid, grandchild} <= descendants(os.getpid())
    assert descendants(child.pid) == {grandchild}
    assert descendants(grandchild) == set()
    stop(child)
    assert descendants(child.pid) == set()


def test_a_system_without_proc_names_nobody(tmp_path: Path) -> None:
    assert descendants(os.getpid(), tmp_path) == set()


@linux
@pytest.mark.parametrize(
    ("afterwards", "proven"),
    [("", True), ("proc c 1 999\n", True), ("proc c OURS 4294967296\n", False), ("err.LIST 999\n", None)],
    ids=["gone", "others stay", "still listed", "driver fails"],
)
async def test_the_driver_says_of_our_own_process_that_it_is_gone(
    tmp_path: Path,
    clock: SettableClock,
    child: "subprocess.Popen[bytes]",
    monkeypatch: pytest.MonkeyPatch,
    afterwards: str,
    proven: bool | None,
) -> None:
    """Whatever others do with the card's memory meanwhile: its sum is another one before and after."""
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr("mulberry.agent.cards.PATIENCE_SECONDS", 0.3)
    card = "uuid GPU-6c1f8d0e\nmem_total 25769803776\n"
    with loaded(library, tmp_path / "state") as driver:
        driver.says(f"{card}mem_used 9663676416\nproc c {child.pid} 4294967296\nproc g 1 1000\n")
        gpus = Gpus(clock, SystemFiles(tmp_path / "root"))
        report = await asyncio.to_thread(gpus.read)
        (chosen,), _ = choose_cards(made_for_cuda(0), report, gpus)

        async def end() -> None:
            told = afterwards.replace("OURS", str(child.pid)).replace("LIST", "nvmlDeviceGetComputeRunningProcesses_v3")
            driver.says(f"{card}mem_used 20000000000\n{told}")
            await asyncio.to_thread(stop, child)

        assert await end_and_compare(chosen, 1 * GIB, end) is proven
        gpus.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("arch 4\ncc_major 6\ncc_minor 1\n", "has compute capability 6.1 (Pascal), and CUDA 13 begins with 7.5."),
        ("arch 6\ncc_major 7\ncc_minor 5\n", ""),
        ("mem_used 25000000000\n", "has 0.50 GB of its 25.77 GB of memory left for a model"),
        ("driver 570.10\n", "The NVIDIA driver is 570.10"),
    ],
)
def test_what_the_driver_says_of_a_card_decides(tmp_path: Path, clock: SettableClock, said: str, why: str) -> None:
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("no C compiler")
    with loaded(library, tmp_path / "state") as driver:
        driver.says(f"uuid GPU-6c1f8d0e\nmem_total 25769803776\n{said}")
        gpus = Gpus(clock, SystemFiles(tmp_path / "root"))
        cards, told = choose_cards(made_for_cuda(4 * GIB), gpus.read(), gpus)
        gpus.close()
    assert why in told and bool(cards) is not bool(why)


@pytest.mark.virtual_time
async def test_in_a_container_where_the_driver_counts_other_numbers_the_sum_must_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    strangers = replace(RTX_4090, processes=(GpuProcess(1, None, draws=False),), memory_used_bytes=GIB)

    async def end() -> None: ...

    assert await end_and_compare(Card(RTX_4090, lambda: strangers), GIB, end) is True
    assert "of all programs together" in caplog.text
