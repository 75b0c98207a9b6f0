"""How much batching and the process border cost or gain: `python benchmarks/bench_engine.py`.

Three loads on the demo model, all in one run, so that the ratios hold on any computer. Writing: the prompts are read
already, each step adds a token to every answer. Short answers: customers ask it to count, each at once again after the
answer, 16 tokens in and 27 out, the reading included. Long answers: the same with the model's end token switched off,
128 tokens out. "Inside" is the job process's own code without a socket, "outside" is what the agent sees through
supervisor, socket pair and job process.

Before them, what is not the model: the share of a step of 16 answers that the batcher takes for itself. The demo model
is so small that its share is the worst there is; the last column sets the same work beside a step of 10 ms, which a
model of some hundred million parameters takes on a CPU.

All but "outside" is measured in processor time; that is by the clock, and says something on a quiet computer only.
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
from numpy.typing import NDArray

from mulberry.model.places import resource
from mulberry.runtime.child.batcher import Batcher
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import Cancel, GenerationRequest, Load, Sampling, Submit, Turn

SECONDS = 1.0
ROUNDS = 3
CONCURRENCIES = (1, 4, 16)
WARM_UP_STEPS = 5
WRITING_STEPS = 30
LONG_ANSWER_TOKENS = 128
CAPACITY = Capacity(slots=16, threads=1)


@dataclass(frozen=True, slots=True)
class Speed:
    tokens_per_second: float
    first_text_ms: float  # median, from the request on


def questions() -> Iterator[GenerationRequest]:
    dice = random.Random(1)
    while True:
        first = dice.randint(1, 12)
        turn = Turn("user", f"Count from {first} to {first + 8}")
        yield GenerationRequest(((turn,),), Sampling(seed=0), max_tokens=LONG_ANSWER_TOKENS)


def writing(engine: ChildEngine, concurrency: int) -> Speed:
    requests = questions()
    engine.take([Submit(number, next(requests)) for number in range(1, concurrency + 1)])
    for _ in range(WARM_UP_STEPS):
        engine.read_prompts()
        engine.step()
    begin = time.process_time()
    for _ in range(WRITING_STEPS):
        engine.step()
    elapsed = time.process_time() - begin
    engine.take([Cancel(number) for number in range(1, concurrency + 1)])
    return Speed(WRITING_STEPS * concurrency / elapsed, 0)


def inside(engine: ChildEngine, concurrency: int) -> Speed:
    requests = questions()
    silent_since: dict[int, float] = {}
    running: set[int] = set()
    waits = []
    tokens = number = 0
    begin = now = time.process_time()
    while now < begin + SECONDS:
        while len(running) < concurrency:
            number += 1
            running.add(number)
            silent_since[number] = now
            engine.take([Submit(number, next(requests))])
        engine.read_prompts()
        step = engine.step()
        now = time.process_time()
        for speaking, _, _ in step.pieces:
            if since := silent_since.pop(speaking, 0):
                waits.append(now - since)
        for ended, _, _, count in step.ends:
            tokens += count
            running.remove(ended)
    engine.take([Cancel(left) for left in running])
    return Speed(tokens / (now - begin), statistics.median(waits) * 1000)


async def outside(engine: Supervisor, concurrency: int) -> Speed:
    requests = questions()
    waits: list[float] = []
    tokens = 0
    begin = time.perf_counter()

    async def customer() -> None:
        nonlocal tokens
        while (sent := time.perf_counter()) < begin + SECONDS:
            silent = True
            async for piece in engine.generate(next(requests)):
                if silent:
                    waits.append(time.perf_counter() - sent)
                    silent = False
                if piece.usage:
                    tokens += piece.usage.completion_tokens

    async with asyncio.TaskGroup() as customers:
        for _ in range(concurrency):
            customers.create_task(customer())
    return Speed(tokens / (time.perf_counter() - begin), statistics.median(waits) * 1000)


def typical(speeds: list[Speed]) -> Speed:
    return Speed(
        statistics.median(speed.tokens_per_second for speed in speeds),
        statistics.median(speed.first_text_ms for speed in speeds),
    )


def child_engine(model: ModelFolder) -> ChildEngine:
    manifest = model.manifest
    load = Load(str(model.path), manifest.context_tokens, manifest.stop_tokens, CAPACITY.slots, 64, CAPACITY.threads)
    return ChildEngine(load, progress=lambda note: None)


def compare_writing(model: ModelFolder) -> None:
    engine = child_engine(model)
    rounds = [[writing(engine, concurrency) for concurrency in CONCURRENCIES] for _ in range(5 * ROUNDS)]
    speeds = [typical(list(column)).tokens_per_second for column in zip(*rounds, strict=True)]
    print("writing      | inside: tokens/s            | gain")
    for concurrency, speed in zip(CONCURRENCIES, speeds, strict=True):
        print(f"{concurrency:4} at once | {speed:16,.0f}            | x{speed / speeds[0]:.2f}")


def compare_overhead(model: ModelFolder) -> None:
    """The processor time in `OnnxModel.decode` against the whole step's, plain and with every option that costs."""
    print("a step       | whole ms | model ms | batcher alone: ms, share | beside a step of 10 ms")
    warm = Sampling(seed=0, temperature=1.0, top_p=0.9, frequency_penalty=0.1)
    for title, changes in (
        ("plain", {}),
        ("sampled", {"sampling": warm}),
        ("as JSON", {"schema": '{"type":"string"}'}),
    ):
        engine = child_engine(model)
        spent = count_decoding(engine)
        requests = questions()
        engine.take([Submit(number, replace(next(requests), **changes)) for number in range(1, CAPACITY.slots + 1)])
        for _ in range(WARM_UP_STEPS):
            engine.read_prompts()
            engine.step()
        steps = []
        for _ in range(WRITING_STEPS):
            spent.clear()
            begin = time.process_time()
            engine.step()
            whole = time.process_time() - begin
            steps.append((1000 * whole, 1000 * sum(spent)))
        whole, within = (statistics.median(column) for column in zip(*steps, strict=True))
        own = whole - within
        print(f"{title:12} | {whole:8.2f} | {within:8.2f} | {own:16.2f} {own / whole:6.1%} | {own / (own + 10):.1%}")


def count_decoding(engine: ChildEngine) -> list[float]:
    """The processor seconds of each decode from now on."""
    spent: list[float] = []
    assert isinstance(engine._batcher, Batcher)
    runner = engine._batcher._model
    decode = runner.decode

    def measured(rows: int) -> NDArray[np.float32]:
        begin = time.process_time()
        logits = decode(rows)
        spent.append(time.process_time() - begin)
        return logits

    runner.decode = measured  # type: ignore[method-assign]
    return spent


async def compare_answers(title: str, model: ModelFolder) -> None:
    local = child_engine(model)
    within: dict[int, list[Speed]] = {concurrency: [] for concurrency in CONCURRENCIES}
    without: dict[int, list[Speed]] = {concurrency: [] for concurrency in CONCURRENCIES}
    engine = Supervisor(model, sandbox=NoSandbox(), jitter=random.Random(0), capacity=CAPACITY)
    await engine.start()
    for _ in range(ROUNDS):
        for concurrency in CONCURRENCIES:
            within[concurrency].append(inside(local, concurrency))
            without[concurrency].append(await outside(engine, concurrency))
    await engine.stop()
    print(f"{title:12} | inside: tokens/s, first text | gain  | outside: tokens/s, first text | gain  | outside/inside")
    for concurrency in CONCURRENCIES:
        own, seen = typical(within[concurrency]), typical(without[concurrency])
        own_gain = own.tokens_per_second / typical(within[1]).tokens_per_second
        seen_gain = seen.tokens_per_second / typical(without[1]).tokens_per_second
        print(
            f"{concurrency:4} at once | {own.tokens_per_second:16,.0f} {own.first_text_ms:8.1f} ms | x{own_gain:.2f} "
            f"| {seen.tokens_per_second:17,.0f} {seen.first_text_ms:8.1f} ms | x{seen_gain:.2f} "
            f"| {seen.tokens_per_second / own.tokens_per_second:.2f}"
        )


async def main() -> None:
    model = ModelFolder.read(resource("models/tiny-lm"))
    model.verify()
    endless = ModelFolder(model.path, model.manifest.model_copy(update={"stop_tokens": ("<|endoftext|>",)}))
    print(f"one thread, {CAPACITY.slots} slots, CPU; medians. Goal: 16 at once write 4 times the tokens/s of 1")
    compare_overhead(endless)
    compare_writing(endless)
    await compare_answers("short", model)
    await compare_answers("long", endless)


if __name__ == "__main__":
    asyncio.run(main())
