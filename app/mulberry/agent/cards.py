"""Which GPU a model runs on, and that all of its memory comes back when the work is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import GpuReport
from mulberry.model.models import size_in_words
from mulberry.runtime.card import Card
from mulberry.runtime.gpu_truth import unfit
from mulberry.runtime.manifest import Manifest
from mulberry.runtime.wire import Provider

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 5.0  # the driver clears memory after the process is gone
SLACK_BYTES = 64 << 20  # other programs come and go meanwhile


def choose_card(manifest: Manifest, report: GpuReport, gpus: Gpus) -> tuple[Card | None, str]:
    """The first GPU on which the model may run, or why none, as a sentence ("": it is not made for GPUs, or there is
    none). Whether it does is shown by running it only."""
    variant = manifest.variant_for(Provider.CUDA)
    if variant is None:
        return None, ""
    why = ""
    for gpu in report.gpus:
        if problem := unfit(gpu.driver_version, None):
            why = f"{gpu.name} cannot be used. {problem}"
        elif gpu.memory_total_bytes < variant.minimum_vram_bytes:
            why = (
                f"{gpu.name} has less memory than the {size_in_words(variant.minimum_vram_bytes)} that the model needs."
            )
        else:
            return Card(gpu, lambda uuid=gpu.uuid: used_bytes(gpus, uuid)), ""  # type: ignore[misc]
    return None, why


def used_bytes(gpus: Gpus, uuid: str) -> int | None:
    """Of the card's memory, by all programs. Blocking."""
    return next((gpu.memory_used_bytes for gpu in gpus.read().gpus if gpu.uuid == uuid), None)


async def end_and_compare(card: Card, before_bytes: int | None, end: Callable[[], Awaitable[None]]) -> bool | None:
    """Ends what runs on `card` and logs whether as much of its memory is free as before. None: nobody can tell."""
    await end()
    if before_bytes is None:
        return None
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    while True:
        after = await asyncio.to_thread(card.used_bytes)
        if after is None:
            log.warning("%s: nobody can tell whether its memory was given back", card.gpu.name)
            return None
        if after <= before_bytes + SLACK_BYTES:
            log.info("%s: all memory is given back (%d bytes used before, %d now)", card.gpu.name, before_bytes, after)
            return True
        if loop.time() >= until:
            log.warning("%s: %d bytes more are used than before the work", card.gpu.name, after - before_bytes)
            return False
        await asyncio.sleep(LOOK_SECONDS)
