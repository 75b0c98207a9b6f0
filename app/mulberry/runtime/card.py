"""The GPU that a job process is given. Its memory has no limit of the kernel's, so somebody has to look."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mulberry.model.gpu import GpuInfo
from mulberry.runtime.job_link import JobLink

LOOK_SECONDS = 1.0
FLOOR_BYTES = 256 << 20  # below that a desktop stutters and other programs fail


@dataclass(frozen=True, slots=True)
class Card:
    """`used_bytes` tells how much of its memory all programs use together, None: unknown. It may block."""

    gpu: GpuInfo
    used_bytes: Callable[[], int | None]


async def watch_card(card: Card, link: JobLink) -> None:
    """Ends the job when the card is almost full, until it is cancelled. What each program has is not told on every
    system, and the job is the one that must give way."""
    while True:
        used = await asyncio.to_thread(card.used_bytes)
        if used is not None and used > card.gpu.memory_total_bytes - FLOOR_BYTES:
            link.end("The GPU's memory was almost full, so the engine was ended.")
        await asyncio.sleep(LOOK_SECONDS)
