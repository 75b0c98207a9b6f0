"""Measures a model on this computer: in the sandbox, on the GPU where one computes, as it would serve."""

import asyncio
import contextlib
import random
import statistics
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from mulberry import __version__
from mulberry.agent.cards import choose_cards, end_and_compare
from mulberry.hardware.gpu import Gpus
from mulberry.model.benchmark import Benchmark, Power, Speed, TextSpeed
from mulberry.model.clock import Clock
from mulberry.model.encoding import from_json, to_json
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.gpu import GpuReport
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineFailed, EngineRefused, TextEncoder
from mulberry.runtime.gpu_runtimes.folder import WITH_MULBERRY, Held
from mulberry.runtime.load import of_encoder, under_load
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.choose import choose
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import Provider

AT_ONCE = (1, 4, 16)
TEXTS_AT_ONCE = (1, 16, 64)
LOOK_AT_POWER_SECONDS = 0.5

Tell = Callable[[str], None]


async def measure(
    model: ModelFolder, gpus: Gpus, clock: Clock, seconds: float, tell: Tell, computing: Held = WITH_MULBERRY
) -> Benchmark:
    """`seconds` for each of `AT_ONCE`, with an encoder `TEXTS_AT_ONCE`; `tell` gets progress in words. `computing` is
    the GPU runtime.

    Raises `UserFacingError`: that does not work.
    """
    await asyncio.to_thread(model.verify)
    sandbox = (await choose()).sandbox
    report = await asyncio.to_thread(gpus.read)
    cards, no_card = choose_cards(model.manifest, report, gpus, computing)
    card = cards[0] if cards else None
    if no_card:
        tell(no_card)
    if card is None and model.manifest.variant_for(Provider.CPU) is None:
        raise _not_measured(model, no_card or "It runs on GPUs only, and there is none.")
    try:
        try:
            return await _measure_on(card, model, sandbox, gpus, clock, seconds, tell)
        except EngineFailed as failure:
            if card is None or model.manifest.variant_for(Provider.CPU) is None:
                raise
            tell(f"{failure} The CPU is measured instead.")
            return await _measure_on(None, model, sandbox, gpus, clock, seconds, tell)
    except (EngineFailed, EngineRefused, TimeoutError) as problem:
        raise _not_measured(model, str(problem) or "It finished no answer in time.") from problem


async def _measure_on(
    card: Card | None, model: ModelFolder, sandbox: Sandbox, gpus: Gpus, clock: Clock, seconds: float, tell: Tell
) -> Benchmark:
    manifest = model.manifest
    capacity = Capacity(slots=max(AT_ONCE))
    engine = Supervisor(model, sandbox=sandbox, jitter=random.Random(), card=card, capacity=capacity)  # noqa: S311
    before = None if card is None else await asyncio.to_thread(card.used_bytes)
    tell(f"Loading {manifest.title}")
    await engine.start()
    speeds: tuple[Speed, ...] = ()
    power: Power | None = None
    texts: tuple[TextSpeed, ...] = ()
    try:
        runs_on, ran_in = engine.status.runs_on, str(engine.status.confinement)
        if manifest.encoder is not None:
            texts = tuple([speed async for speed in _reading(engine, card, gpus, seconds, tell)])
        else:
            speeds, power = await _writing(engine, manifest.context_tokens, card, gpus, seconds, tell)
    finally:
        if card is None:
            await engine.stop()
        else:
            await end_and_compare(card, before, engine.stop)
    told = power is not None or any(speed.watts is not None for speed in texts)
    because = "" if told else "It ran on the CPU." if card is None else "The driver does not tell it for this GPU."
    return Benchmark(
        model=manifest.name,
        model_version=manifest.version,
        title=manifest.title,
        runs_on=runs_on,
        ran_in=ran_in,
        speeds=speeds,
        power=power,
        no_power_because=because,
        as_of=clock.now(),
        version=__version__,
        texts=texts,
        precision=engine.precision,
    )


async def _writing(
    engine: Supervisor, context_tokens: int, card: Card | None, gpus: Gpus, seconds: float, tell: Tell
) -> tuple[tuple[Speed, ...], Power | None]:
    speeds: list[Speed] = []
    power: Power | None = None
    for at_once in AT_ONCE:
        tell(f"{at_once} at once")
        async with watching_power(card, gpus.read) as watts:
            speed = await under_load(engine, at_once, seconds, context_tokens=context_tokens)
        speeds.append(speed)
        power = Power(mean := statistics.fmean(watts), speed.tokens_per_second / mean) if watts else None
    return tuple(speeds), power


async def _reading(
    encoder: TextEncoder, card: Card | None, gpus: Gpus, seconds: float, tell: Tell
) -> AsyncIterator[TextSpeed]:
    for at_once in TEXTS_AT_ONCE:
        tell(f"{at_once} texts at once")
        async with watching_power(card, gpus.read) as watts:
            speed = await of_encoder(encoder, at_once, seconds)
        mean = statistics.fmean(watts) if watts else None
        yield replace(speed, watts=mean, joules_per_text=mean and mean / speed.texts_per_second)


@contextlib.asynccontextmanager
async def watching_power(card: Card | None, read: Callable[[], GpuReport]) -> AsyncIterator[list[float]]:
    """Gives a list that fills with the card's watts meanwhile; it stays empty where nobody tells them."""
    watts: list[float] = []

    async def look() -> None:
        while card is not None:
            report = await asyncio.to_thread(read)
            milliwatts = (gpu.power_milliwatt for gpu in report.gpus if gpu.uuid == card.gpu.uuid)
            watts.extend(value / 1000 for value in milliwatts if value)
            await asyncio.sleep(LOOK_AT_POWER_SECONDS)

    looking = asyncio.create_task(look(), name="power")
    try:
        yield watts
    finally:
        looking.cancel()
        await asyncio.wait((looking,))


def _not_measured(model: ModelFolder, why: str) -> UserFacingError:
    return UserFacingError(
        what=f"{model.manifest.title} could not be measured.",
        why=why,
        next_step="`--seconds 30` gives a slow model more time; `mulberry models inspect` compares its files.",
    )


def keep(benchmark: Benchmark, place: Path) -> None:
    """As the last one. Raises `UserFacingError`: it could not be written."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place, to_json(Benchmark, benchmark))
    except OSError as problem:
        raise UserFacingError(
            what="It was measured, but the result could not be stored.",
            why=f"{place}: {problem.strerror or problem}.",
            next_step="Make room on its disk and measure again, or use --json and store it yourself.",
        ) from problem


def last(place: Path) -> Benchmark:
    """The one that was kept. Raises `UserFacingError`: there is none, or it cannot be read."""
    try:
        untrusted = read_bounded(place)
        if untrusted is not None:
            return from_json(Benchmark, untrusted)
        why = "Nothing was measured yet."
    except (OSError, ValueError):
        why = f"{place} cannot be read."
    raise UserFacingError(what="There is no benchmark to show.", why=why, next_step="Measure: `mulberry benchmark`.")
