"""`mulberry benchmark`: measured now or last time, in words."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from mulberry.agent.benchmark import keep, last, measure
from mulberry.hardware.gpu import Gpus
from mulberry.model.benchmark import Benchmark, earnings_limit
from mulberry.model.clock import SystemClock
from mulberry.model.money import NANOTON_PER_TON, Nanoton, format_ton
from mulberry.model.network import NetworkProfile
from mulberry.model.places import benchmark_file, gpu_runtimes, model_store, resource
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.store.store import ModelStore

ESTIMATE_STEP = NANOTON_PER_TON // 100


async def measure_and_keep(root: Path, profile: NetworkProfile, name: str | None, seconds: float) -> Benchmark:
    """The imported model `name`, or the network's own. Raises `UserFacingError`."""
    clock = SystemClock()
    with ExitStack() as held, closing(Gpus(clock)) as gpus:
        store = ModelStore(model_store(root))
        try:
            model = ModelFolder.read(resource(f"models/{profile.model_folder}")) if name is None else None
        except FileNotFoundError:
            model = None
        if model is None:
            model = held.enter_context(store.held(name or profile.model_base_name))
        computing = held.enter_context(GpuRuntimes(gpu_runtimes(root)).held())
        benchmark = await measure(model, gpus, clock, seconds, _progress, computing)
    keep(benchmark, benchmark_file(root))
    return benchmark


def last_one(root: Path) -> Benchmark:
    """Raises `UserFacingError`."""
    return last(benchmark_file(root))


def in_lines(benchmark: Benchmark, profile: NetworkProfile) -> Iterator[str]:
    told = ", ".join(filter(None, (benchmark.model, f"version {benchmark.model_version}", benchmark.precision)))
    yield f"{benchmark.title} ({told}) on {benchmark.runs_on}"
    yield f"measured {benchmark.as_of.astimezone():%Y-%m-%d %H:%M} in: {benchmark.ran_in}"
    yield ""
    if benchmark.texts:
        yield from _of_encoder(benchmark)
        return
    yield "requests at once   tokens/s written   tokens/s read   first text after"
    for speed in benchmark.speeds:
        yield (
            f"{speed.at_once:16}   {speed.tokens_per_second:16,.1f}   {speed.prompt_tokens_per_second:13,.1f}   "
            f"{speed.first_text_seconds * 1000:13,.1f} ms"
        )
    yield ""
    if benchmark.power is None:
        yield f"Power: not measured. {benchmark.no_power_because}"
    else:
        yield f"Power: {benchmark.power.watts:,.0f} W, {benchmark.power.tokens_per_joule:,.2f} tokens a joule"
    limit = format_ton(_shortened(earnings_limit(benchmark, profile.root_parameters())), at_least_decimals=2)
    play = ", which is play money" if profile.kind == "demo" else ""
    yield f"On {profile.title} a day could earn {limit} at most{play}."
    yield "That is full load for 24 hours at the network's price; how much work comes is another matter."


def _of_encoder(benchmark: Benchmark) -> Iterator[str]:
    yield "texts at once   texts/s   a request takes   joules a text"
    for speed in benchmark.texts:
        joules = "not measured" if speed.joules_per_text is None else f"{speed.joules_per_text:,.3f}"
        milliseconds = f"{speed.request_seconds * 1000:,.1f} ms"
        yield f"{speed.at_once:13}   {speed.texts_per_second:7,.0f}   {milliseconds:>15}   {joules:>13}"
    yield ""
    told = [speed.watts for speed in benchmark.texts if speed.watts is not None]
    if told:
        yield f"Power: {told[-1]:,.0f} W with {benchmark.texts[-1].at_once} texts at once"
    else:
        yield f"Power: not measured. {benchmark.no_power_because}"
    yield "An encoder earns nothing on Cocoon: only models that write text are sold there today."


def _shortened(amount: Nanoton) -> Nanoton:
    """An estimate has no nanoton."""
    return Nanoton(amount // ESTIMATE_STEP * ESTIMATE_STEP)


def _progress(note: str) -> None:
    sys.stderr.write(f"{note} …\n")
