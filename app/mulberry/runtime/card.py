"""The GPU that a job process is given: its device file, and no other card's where the driver tells which it is.

Its memory has no limit of the kernel's, so somebody has to look.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mulberry.model.gpu import GpuCondition, GpuInfo
from mulberry.model.language import tr
from mulberry.runtime.job_link import JobLink

LOOK_SECONDS = 1.0
NO_LONGER_COMPUTE = (GpuCondition.LOST, GpuCondition.RESET_NEEDED)
FLOOR_BYTES = 256 << 20  # below that a desktop stutters and other programs fail


@dataclass(frozen=True, slots=True)
class Card:
    """`gpu` is as it was when the card was chosen. `look` tells how it is now, None: nobody can; it may block. What
    computes on it lies in the folder `libraries`; None: it came with Mulberry."""

    gpu: GpuInfo
    look: Callable[[], GpuInfo | None]
    libraries: Path | None = None

    @property
    def place(self) -> str:
        """Its name and where it sits, which tells it from others of its kind."""
        return f"{self.gpu.name} at {self.gpu.pci_address}"

    @property
    def free_bytes(self) -> int:
        """What a model could have when the card was chosen; where the driver did not tell it, all."""
        return self.gpu.memory_total_bytes - (self.gpu.memory_used_bytes or 0) - FLOOR_BYTES

    def used_bytes(self) -> int | None:
        """Of its memory now, by all programs. It may block."""
        gpu = self.look()
        return None if gpu is None else gpu.memory_used_bytes

    def device_files(
        self, driver: Path = Path("/proc/driver/nvidia/gpus"), devices: Path = Path("/dev")
    ) -> tuple[str, ...]:
        """Of this card on Linux, by the driver's word. Where it has none, as in some containers, of all cards; CUDA is
        told which one to use in any case."""
        domain, _, rest = self.gpu.pci_address.lower().partition(":")
        try:
            told = (driver / f"{domain[-4:]}:{rest}" / "information").read_text("utf-8", errors="replace")
        except OSError:
            told = ""
        minor = re.search(r"^Device Minor:\s*([0-9]{1,3})\s*$", told, re.MULTILINE)
        if minor is not None:
            return (str(devices / f"nvidia{minor[1]}"),)
        return tuple(sorted(str(path) for path in devices.glob("nvidia[0-9]*")))


async def watch_card(card: Card, link: JobLink) -> None:
    """Ends the job when the card is almost full or lost, until it is cancelled. What each program has is not told on
    every system, and the job is the one that must give way."""
    while True:
        gpu = await asyncio.to_thread(card.look)
        if gpu is not None and gpu.condition in NO_LONGER_COMPUTE:
            link.end(tr("{gpu} cannot be used any more. {why}", gpu=gpu.name, why=gpu.condition.told))
        used = None if gpu is None else gpu.memory_used_bytes
        if used is not None and used > card.gpu.memory_total_bytes - FLOOR_BYTES:
            link.end(tr("The GPU's memory was almost full, so the engine was ended."))
        await asyncio.sleep(LOOK_SECONDS)
