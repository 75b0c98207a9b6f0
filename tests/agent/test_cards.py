"""Which card is used decides what is earned; memory that does not come back is missed by the owner's next game."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from conftest import SettableClock
from mulberry.agent.cards import choose_card, end_and_compare
from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.runtime.card import Card
from mulberry.runtime.manifest import Manifest
from samples import RTX_4090
from tiny_model import tiny_model

GIB = 2**30
OLD = replace(RTX_4090, uuid="GPU-old", name="Old card", driver_version="470.42.01")
SMALL = replace(RTX_4090, uuid="GPU-small", name="Small card", memory_total_bytes=2 * GIB)


def made_for_cuda(minimum_vram_bytes: int) -> Manifest:
    manifest = tiny_model().manifest
    (variant,) = manifest.variants
    cuda = variant.model_copy(update={"provider": "cuda", "minimum_vram_bytes": minimum_vram_bytes})
    return manifest.model_copy(update={"variants": (variant, cuda)})


@pytest.mark.parametrize(
    ("gpus", "chosen", "why"),
    [
        ((), None, ""),
        ((OLD,), None, "Old card cannot be used. The NVIDIA driver is older"),
        ((SMALL,), None, "Small card has less memory than the 4.29 GB"),
        ((OLD, SMALL, RTX_4090), RTX_4090, ""),
    ],
)
def test_the_first_card_that_fits_is_taken(
    clock: SettableClock, gpus: tuple[GpuInfo, ...], chosen: GpuInfo | None, why: str
) -> None:
    report = GpuReport(gpus, None, datetime(2026, 11, 22, tzinfo=UTC))
    card, told = choose_card(made_for_cuda(4 * GIB), report, Gpus(clock))
    assert (card.gpu if card else None) == chosen
    assert told.startswith(why) and bool(told) == bool(why)


def test_a_model_for_the_cpu_alone_takes_no_card_and_makes_no_excuses(clock: SettableClock) -> None:
    report = GpuReport((RTX_4090,), None, clock.now())
    assert choose_card(tiny_model().manifest, report, Gpus(clock)) == (None, "")


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

    card = Card(RTX_4090, lambda: next(answers) if ended else 1 * GIB)
    assert await end_and_compare(card, 1 * GIB, end) is proven
    assert ended == [True]


async def test_without_a_beginning_nothing_is_claimed() -> None:
    async def end() -> None: ...

    assert await end_and_compare(Card(RTX_4090, lambda: 0), None, end) is None
