"""What the sandbox costs, start and speed, each tier against none: `python benchmarks/bench_sandbox.py`.

All in one run, turn and turn about, so that the ratios hold on any computer. Goals: start at most 1.2 times the bare
one's, tokens/s at least 0.97 times.
"""

import asyncio
import os
import random
import statistics
import time
from dataclasses import dataclass, field

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

from mulberry.model.places import resource
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.choose import candidates
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import GenerationRequest, Sampling, Turn

STARTS = 9
ROUNDS = 40
SECONDS = 0.25
CONCURRENT = 8
CAPACITY = Capacity(slots=CONCURRENT, threads=1)


@dataclass(slots=True)
class Measured:
    start_seconds: list[float] = field(default_factory=list)
    tokens_per_second: list[float] = field(default_factory=list)
    first_text_ms: list[float] = field(default_factory=list)


async def speed(engine: Supervisor, measured: Measured) -> None:
    waits: list[float] = []
    tokens = 0
    began = time.perf_counter()

    async def customer(dice: random.Random) -> None:
        nonlocal tokens
        while (asked := time.perf_counter()) < began + SECONDS:
            first = dice.randint(1, 12)
            turn = Turn("user", f"Count from {first} to {first + 8}")
            silent = True
            async for piece in engine.generate(GenerationRequest(((turn,),), Sampling(seed=0), max_tokens=64)):
                if silent:
                    waits.append(1000 * (time.perf_counter() - asked))
                    silent = False
                tokens += piece.usage.completion_tokens if piece.usage else 0

    async with asyncio.TaskGroup() as customers:
        for number in range(CONCURRENT):
            customers.create_task(customer(random.Random(number)))
    measured.tokens_per_second.append(tokens / (time.perf_counter() - began))
    measured.first_text_ms.append(statistics.median(waits))


async def main() -> None:
    model = ModelFolder.read(resource("models/tiny-lm"))
    model.verify()
    sandboxes: list[Sandbox] = [NoSandbox(), *candidates()]
    engines = [Supervisor(model, sandbox=each, jitter=random.Random(0), capacity=CAPACITY) for each in sandboxes]
    measured = [Measured() for _ in sandboxes]
    for _ in range(STARTS):
        for engine, own in zip(engines, measured, strict=True):
            await engine.stop()
            began = time.perf_counter()
            await engine.start()
            own.start_seconds.append(time.perf_counter() - began)
    for _ in range(ROUNDS):
        for engine, own in zip(engines, measured, strict=True):
            await speed(engine, own)
    for engine in engines:
        await engine.stop()
    bare = measured[0]
    print(f"{'medians of ' + str(ROUNDS):34} | start until ready | tokens/s, {CONCURRENT} at once | first text")
    for sandbox, own in zip(sandboxes, measured, strict=True):
        start, starts = compared(own.start_seconds, bare.start_seconds)
        rate, rates = compared(own.tokens_per_second, bare.tokens_per_second)
        wait, waits = compared(own.first_text_ms, bare.first_text_ms)
        print(
            f"{sandbox.tier:34} | {start:6.2f} s   x{starts:.2f} | {rate:9,.0f}   x{rates:.2f}    "
            f"| {wait:5.1f} ms x{waits:.2f}"
        )


def compared(own: list[float], bare: list[float]) -> tuple[float, float]:
    """The median, and the median of the ratios to the bare one's of the same round: other programs slow both down."""
    return statistics.median(own), statistics.median(one / other for one, other in zip(own, bare, strict=True))


if __name__ == "__main__":
    asyncio.run(main())
