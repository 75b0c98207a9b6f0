"""Which GPUs a model runs on, and that all of their memory comes back when the work is over."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import GpuCondition, GpuInfo, GpuReport
from mulberry.model.gpu_runtime import OF_MULBERRY, GpuNeeds
from mulberry.model.language import tr
from mulberry.model.models import size_in_words
from mulberry.runtime.card import FLOOR_BYTES, Card
from mulberry.runtime.gpu_runtimes.folder import WITH_MULBERRY, Held
from mulberry.runtime.gpu_truth import unfit
from mulberry.runtime.manifest import Manifest
from mulberry.runtime.wire import Provider

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 5.0  # the driver clears memory after the process is gone
SLACK_BYTES = 64 << 20  # other programs come and go meanwhile
MAY_COMPUTE = (GpuCondition.WORKS, GpuCondition.SENSOR_STUCK)


def choose_cards(
    manifest: Manifest, report: GpuReport, gpus: Gpus, computing: Held = WITH_MULBERRY
) -> tuple[tuple[Card, ...], str]:
    """The GPUs that have room for a variant of the model, those for its best one first, and why the others are none, in
    sentences ("": the model is not made for GPUs, or none is left out). Whether the model runs on them is shown by
    running it only. `computing` is the GPU runtime that does it."""
    variants = manifest.variants_for(Provider.CUDA)
    if not variants:
        return (), ""
    if computing.trouble:
        return (), tr("{trouble} Install it again: `mulberry gpu-setup`.", trouble=computing.trouble)
    needs = computing.needs or OF_MULBERRY
    left_out: list[str] = []
    usable: list[Card] = []
    for gpu in report.gpus:
        if problem := _problem(gpu, needs):
            left_out.append(tr("{name} cannot be used. {problem}", name=gpu.name, problem=problem))
        else:
            look = partial(_now, gpus, gpu.uuid)
            usable.append(Card(gpu, look, computing.libraries))
    best = {card.gpu.uuid: manifest.variant_for(Provider.CUDA, card.free_bytes) for card in usable}
    full = [card for card in usable if best[card.gpu.uuid] is None]
    if full:
        left_out.append(_no_room(max(full, key=lambda card: card.free_bytes), manifest))
    chosen = [card for variant in variants for card in usable if best[card.gpu.uuid] is variant]
    return tuple(chosen), " ".join(left_out)


def _problem(gpu: GpuInfo, needs: GpuNeeds) -> str:
    if gpu.condition not in MAY_COMPUTE:
        return gpu.condition.told
    return str(unfit(gpu, needs) or "")


def _no_room(card: Card, manifest: Manifest) -> str:
    needed = min(variant.minimum_vram_bytes for variant in manifest.variants_for(Provider.CUDA))
    free, total = max(card.free_bytes, 0), card.gpu.memory_total_bytes
    told = tr(
        "{name} has {free} of its {total} of memory left for a model, and {title} needs {needed} at least.",
        name=card.gpu.name,
        free=size_in_words(free),
        total=size_in_words(total),
        title=manifest.title,
        needed=size_in_words(needed),
    )
    return f"{told} {tr('End other programs that use the GPU.')}" if needed <= total - FLOOR_BYTES else told


def _now(gpus: Gpus, uuid: str) -> GpuInfo | None:
    """Blocking."""
    return next((gpu for gpu in gpus.read().gpus if gpu.uuid == uuid), None)


async def end_and_compare(card: Card, before_bytes: int | None, end: Callable[[], Awaitable[None]]) -> bool | None:
    """Ends what runs on `card` and logs whether its memory was given back. None: nobody can tell.

    The driver's list of processes proves it, where ours stand in it. Elsewhere (in containers, on Windows) as much
    must be in use as before, by all programs together.
    """
    ours = await asyncio.to_thread(_ours_on, card)
    await end()
    if ours:
        return await _wait_until_gone(card, ours)
    return await _wait_until_as_before(card, before_bytes)


def _ours_on(card: Card) -> dict[int, int | None]:
    """This agent's descendants on the card with the memory that each has, by the driver's word. Blocking."""
    gpu = card.look()
    listed = () if gpu is None else gpu.processes or ()
    family = descendants(os.getpid()) if listed else set()
    return {process.pid: process.memory_bytes for process in listed if process.pid in family}


async def _wait_until_gone(card: Card, ours: dict[int, int | None]) -> bool | None:
    held = [value for value in ours.values() if value is not None]
    had = f"it had {sum(held):,} bytes" if held else "how much it had is not told"
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        gpu = await asyncio.to_thread(card.look)
        if gpu is None or gpu.processes is None:
            log.warning("%s: nobody can tell whether its memory was given back", card.place)
            return None
        left = [process for process in gpu.processes if process.pid in ours]
        if not left:
            log.info("%s: all memory is given back: the job process is off the driver's list; %s", card.place, had)
            return True
        if asyncio.get_running_loop().time() >= until:
            log.warning("%s: the driver still lists process %d of ours", card.place, left[0].pid)
            return False
        await asyncio.sleep(LOOK_SECONDS)


async def _wait_until_as_before(card: Card, before_bytes: int | None) -> bool | None:
    if before_bytes is None:
        return None
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        after = await asyncio.to_thread(card.used_bytes)
        if after is None:
            log.warning("%s: nobody can tell whether its memory was given back", card.place)
            return None
        if after <= before_bytes + SLACK_BYTES:
            log.info(
                "%s: as much memory is free as before, of all programs together (%d bytes used then, %d now); the "
                "driver does not tell what each has",
                *(card.place, before_bytes, after),
            )
            return True
        if asyncio.get_running_loop().time() >= until:
            log.warning("%s: all programs use %d bytes more than before", card.place, after - before_bytes)
            return False
        await asyncio.sleep(LOOK_SECONDS)


def descendants(pid: int, processes: Path = Path("/proc")) -> set[int]:
    """The processes that `pid` has started, and theirs. Empty where the system does not tell it as Linux does."""
    found: set[int] = set()
    unseen = [pid]
    while unseen:
        new = _children(processes / str(unseen.pop())) - found
        found |= new
        unseen += new
    return found


def _children(process: Path) -> set[int]:
    """Each thread has its own. What ends meanwhile has none."""
    found: set[int] = set()
    with suppress(OSError):
        for thread in (process / "task").iterdir():
            with suppress(OSError):
                found.update(map(int, (thread / "children").read_bytes().split()))
    return found
