"""How much batching and the process border cost or gain: `python benchmarks/bench_engine.py`.

Customers ask the demo model to count, each at once again after the answer. Short answers: 16 tokens in, 27 out, the
reading of the prompts included. Long answers: the model's end token is switched off, 128 tokens out. Measured in one
run, so that the ratios hold on any computer: inside the engine (same code as in the job process, no socket), and
through supervisor, socket pair and job process as the agent sees it.
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

from mulberry.model.places import resource
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import GenerationRequest, Load, Sampling, Submit, Turn

SECONDS = 1.0
ROUNDS = 3
LONGEST = 128
CONCURRENCIES = (1, 4, 16)
CAPACITY = Capacity(slots=16, threads=1)


@dataclass(frozen=True, slots=True)
class Speed:
    tokens_per_second: float
    first_token_ms: float  # median; from the request to its first text


def questions() -> Iterator[GenerationRequest]:
    dice = random.Random(1)
    while True:
        first = dice.randint(1, 12)
        turn = Turn("user", f"Count from {first} to {first + 8}")
        yield GenerationRequest(((turn,),), Sampling(seed=0), max_tokens=LONGEST)


def inside(engine: ChildEngine, concurrency: int) -> Speed:
    requests = questions()
    started: dict[int, float] = {}
    waits = []
    tokens = number = 0
    begin = time.perf_counter()
    while (now := time.perf_counter()) < begin + SECONDS:
        while len(started) < concurrency:
            number += 1
            started[number] = now
            engine.take([Submit(number, next(requests))])
        engine.read_prompts()
        step = engine.step()
        now = time.perf_counter()
        for piece_number, _, _ in step.pieces:
            if started[piece_number] > 0:
                waits.append(now - started[piece_number])
                started[piece_number] = 0
        for ended, _, _, count in step.ends:
            tokens += count
            del started[ended]
    elapsed = time.perf_counter() - begin
    while engine.is_busy:
        engine.step()
    return Speed(tokens / elapsed, statistics.median(waits) * 1000)


async def outside(engine: Supervisor, concurrency: int) -> Speed:
    requests = questions()
    waits: list[float] = []
    tokens = 0
    begin = time.perf_counter()

    async def customer() -> None:
        nonlocal tokens
        while time.perf_counter() < begin + SECONDS:
            sent = time.perf_counter()
            first = True
            async for piece in engine.generate(next(requests)):
                if first:
                    waits.append(time.perf_counter() - sent)
                    first = False
                if piece.usage:
                    tokens += piece.usage.completion_tokens

    async with asyncio.TaskGroup() as customers:
        for _ in range(concurrency):
            customers.create_task(customer())
    return Speed(tokens / (time.perf_counter() - begin), statistics.median(waits) * 1000)


def median(speeds: list[Speed]) -> Speed:
    return Speed(
        statistics.median(speed.tokens_per_second for speed in speeds),
        statistics.median(speed.first_token_ms for speed in speeds),
    )


async def compare(title: str, model: ModelFolder) -> None:
    manifest = model.manifest
    alone = ChildEngine(
        Load(str(model.path), manifest.context_tokens, manifest.stop_tokens, CAPACITY.slots, 64, CAPACITY.threads),
        progress=lambda note: None,
    )
    within: dict[int, list[Speed]] = {concurrency: [] for concurrency in CONCURRENCIES}
    without: dict[int, list[Speed]] = {concurrency: [] for concurrency in CONCURRENCIES}
    engine = Supervisor(model, jitter=random.Random(0), capacity=CAPACITY)
    await engine.start()
    for _ in range(ROUNDS):
        for concurrency in CONCURRENCIES:
            within[concurrency].append(inside(alone, concurrency))
            without[concurrency].append(await outside(engine, concurrency))
    await engine.stop()
    print(
        f"{title}\nat once | inside: tokens/s  first ms | as the agent sees it: tokens/s  first ms | of inside | gain"
    )
    one = median(without[1]).tokens_per_second
    for concurrency in CONCURRENCIES:
        own, seen = median(within[concurrency]), median(without[concurrency])
        print(
            f"{concurrency:7} | {own.tokens_per_second:16,.0f} {own.first_token_ms:9.1f} "
            f"| {seen.tokens_per_second:30,.0f} {seen.first_token_ms:9.1f} "
            f"| {seen.tokens_per_second / own.tokens_per_second:9.2f} | x{seen.tokens_per_second / one:.2f}"
        )


async def main() -> None:
    model = ModelFolder.read(resource("models/tiny-lm"))
    model.verify()
    endless = model.manifest.model_copy(update={"stop_tokens": ("<|endoftext|>",)})
    await compare("short answers", model)
    await compare("long answers (goal: 16 at once have 4 times the tokens/s of 1)", ModelFolder(model.path, endless))


if __name__ == "__main__":
    asyncio.run(main())
