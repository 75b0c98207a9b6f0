"""Measures an engine under load: so many requests at once, each followed by the next, for a while."""

import asyncio
import itertools
import statistics
from collections.abc import Iterator

from mulberry.model.benchmark import Speed, TextSpeed
from mulberry.runtime.engine import Engine, TextEncoder
from mulberry.runtime.wire import GenerationRequest, Sampling, Turn

ANSWER_TOKENS = 64
PATIENCE_SECONDS = 30.0  # for the first request of a slow encoder
QUESTION = "{number}. A farmer has {number} mulberry trees. Tell a short story about what happens to them in a year."


async def under_load(engine: Engine, at_once: int, seconds: float, *, context_tokens: int) -> Speed:
    """After `seconds` what still runs is cancelled, and does not count.

    Raises `EngineFailed` or `EngineRefused`: the engine cannot run this; `TimeoutError`: nothing was finished.
    """
    loop = asyncio.get_running_loop()
    requests = _requests(min(ANSWER_TOKENS, context_tokens // 2))
    waits: list[float] = []
    written = read = 0
    began = loop.time()

    async def customer() -> None:
        nonlocal written, read
        while True:
            sent = loop.time()
            silent = True
            async for piece in engine.generate(next(requests)):
                if silent and (piece.text or piece.thoughts):
                    waits.append(loop.time() - sent)
                    silent = False
                if piece.usage is not None:
                    written += piece.usage.completion_tokens
                    read += piece.usage.prompt_tokens

    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as customers:
            for _ in range(at_once):
                customers.create_task(customer())
    except TimeoutError:
        if not waits or not written:
            raise
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    elapsed = loop.time() - began
    return Speed(at_once, written / elapsed, read / elapsed, statistics.median(waits))


async def of_encoder(encoder: TextEncoder, at_once: int, seconds: float) -> TextSpeed:
    """One request of `at_once` texts after the other; the last one may take longer. Watts are for others to measure.

    Raises `EngineFailed` or `EngineRefused`: the encoder cannot read this; `TimeoutError`: nothing was finished.
    """
    loop = asyncio.get_running_loop()
    numbers = itertools.count(2)
    times: list[float] = []
    began = loop.time()
    while not times or loop.time() < began + seconds:
        sent = loop.time()
        texts = [QUESTION.format(number=next(numbers)) for _ in range(at_once)]
        async with asyncio.timeout(max(seconds, PATIENCE_SECONDS)):
            await encoder.encode(texts)
        times.append(loop.time() - sent)
    elapsed = loop.time() - began
    return TextSpeed(at_once, len(times) * at_once / elapsed, statistics.median(times), None, None)


def _requests(answer_tokens: int) -> Iterator[GenerationRequest]:
    """No two begin alike, so that none profits of what was read before."""
    for number in itertools.count(2):
        turns = (Turn("user", QUESTION.format(number=number)),)
        yield GenerationRequest((turns,), Sampling(seed=number), max_tokens=answer_tokens)
