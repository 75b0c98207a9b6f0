"""What the way costs: customer, HTTP door, proxy, worker, job process and back, against the engine alone.

    python benchmarks/bench_whole_path.py

Real processes on the demo network without customers of its own; here are the customers. The engine alone is the same
supervisor and job process in this one. Both answer the same questions, `ROUNDS` times in turn; printed are medians.
Everything shares this computer's cores: agent, demo network, job process and the customers in here.
"""

import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import aiohttp
import psutil

from mulberry.client.control import AgentLost, ControlClient
from mulberry.client.spawn import start_agent
from mulberry.model.control import Command
from mulberry.model.network import Traffic
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder, resource
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import GenerationRequest, Sampling, Turn

MODEL = "mulberry/tiny-lm"
ROUNDS = 5
SECONDS = 3.0
CONCURRENT = 16
FIRST_TOKENS = 60
SHARE_GOAL = 0.8
ADDED_GOAL_MS = 5.0
QUESTIONS = [f"Count from {first} to {first + 8}" for first in range(1, 13)]

Ask = Callable[[str], Awaitable[tuple[int, float]]]  # a question's answer tokens, and the seconds to its first text


@asynccontextmanager
async def whole_path(*, stream: bool, url: str) -> AsyncIterator[Ask]:
    connector = aiohttp.TCPConnector(limit=CONCURRENT)
    async with aiohttp.ClientSession(url, connector=connector) as door:

        async def ask(question: str) -> tuple[int, float]:
            body = {"model": MODEL, "messages": [{"role": "user", "content": question}], "stream": stream}
            began, first, last = time.perf_counter(), 0.0, b""
            async with door.post("/v1/chat/completions", json=body) as answer:
                assert answer.status == 200, await answer.text()
                if not stream:
                    tokens: int = (await answer.json())["usage"]["completion_tokens"]
                    return tokens, 0.0
                async for line in answer.content:
                    if b'"content":' in line and not first and b'"content":""' not in line:
                        first = time.perf_counter() - began
                    if line.strip() and line != b"data: [DONE]\n":
                        last = line
            assert b'"usage":' in last, last
            return int(json.loads(last.removeprefix(b"data: "))["usage"]["completion_tokens"]), first

        yield ask


def engine_alone(engine: Supervisor, *, stream: bool) -> Ask:
    async def ask(question: str) -> tuple[int, float]:
        request = GenerationRequest(((Turn("user", question),),), Sampling(seed=0), max_tokens=200, stream=stream)
        began, first, tokens = time.perf_counter(), 0.0, 0
        async for piece in engine.generate(request):
            first = first or time.perf_counter() - began
            if piece.usage:
                tokens = piece.usage.completion_tokens
        return tokens, first

    return ask


async def tokens_per_second(ask: Ask) -> float:
    """With `CONCURRENT` customers, each asking again at once, for `SECONDS`."""
    questions = cycle(QUESTIONS)
    began = time.perf_counter()
    total = 0

    async def customer() -> None:
        nonlocal total
        while time.perf_counter() - began < SECONDS:
            tokens, _ = await ask(next(questions))
            total += tokens

    await asyncio.gather(*(customer() for _ in range(CONCURRENT)))
    return total / (time.perf_counter() - began)


async def first_text_ms(ask: Ask) -> float:
    """One request at a time: the median time to the first text."""
    return statistics.median([(await ask(question))[1] * 1000 for question in (QUESTIONS * 5)[:FIRST_TOKENS]])


@dataclass(frozen=True)
class Comparison:
    alone: list[float]
    whole: list[float]

    @classmethod
    async def of(cls, measure: Callable[[Ask], Awaitable[float]], alone: Ask, whole: Ask) -> "Comparison":
        await measure(alone), await measure(whole)  # warm-up
        pairs = [(await measure(alone), await measure(whole)) for _ in range(ROUNDS)]
        return cls(*(list(column) for column in zip(*pairs, strict=True)))

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.alone), statistics.median(self.whole)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: what else runs on the computer weighs on both sides of a round alike."""
        return statistics.median(whole / alone for alone, whole in zip(self.alone, self.whole, strict=True))


async def ready(client: ControlClient) -> str:
    """Starts earning; the door's address once it is ready."""
    await client.command(Command(Want.START))
    async for event in client.events():
        if not isinstance(event, AgentLost) and event.status.state is NodeState.READY:
            assert event.status.network.front_url is not None
            return event.status.network.front_url
    raise AssertionError("the events ended")


async def main(root: Path) -> None:
    folder = DataFolder.of_network(root, "demo")
    folder.create()
    folder.demo_network.mkdir()
    (folder.demo_network / "traffic.json").write_text(Traffic(requests_per_minute=0).model_dump_json())
    hello = await start_agent(root)
    client = ControlClient(folder)
    url = await ready(client)

    model = ModelFolder.read(resource("models/tiny-lm"))
    engine = Supervisor(
        model, sandbox=NoSandbox(), jitter=random.Random(0), capacity=Capacity(slots=CONCURRENT, threads=1)
    )
    await engine.start()
    try:
        for stream in (False, True):
            kind = "streamed" if stream else "in one piece"
            async with whole_path(stream=stream, url=url) as whole:
                compared = await Comparison.of(tokens_per_second, engine_alone(engine, stream=stream), whole)
                alone_speed, whole_speed = compared.medians
                print(
                    f"{CONCURRENT} at once, {kind}: engine alone {alone_speed:,.0f} tokens/s, "
                    f"whole path {whole_speed:,.0f} tokens/s, ratio {compared.ratio:.2f} (goal {SHARE_GOAL})"
                )
        async with whole_path(stream=True, url=url) as whole:
            compared = await Comparison.of(first_text_ms, engine_alone(engine, stream=True), whole)
            alone_ms, whole_ms = compared.medians
            print(
                f"1 at a time: first text after {alone_ms:.1f} ms from the engine alone, {whole_ms:.1f} ms over the "
                f"whole path, {whole_ms - alone_ms:.1f} ms added (goal {ADDED_GOAL_MS:g})"
            )
        jobs = (await client.status()).earnings.jobs_total
        print(f"{jobs:,} jobs were booked meanwhile")
    finally:
        await engine.stop()
        agent = psutil.Process(hello.pid)
        await client.quit()
        agent.wait(timeout=20)


with tempfile.TemporaryDirectory(prefix="mulberry-bench-") as temporary:
    asyncio.run(main(Path(temporary)))
