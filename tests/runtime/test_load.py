"""A speed that counts what was never finished, or hides who waited, would promise what the computer cannot do."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from mulberry.runtime.engine import EngineFailed, Piece, Usage
from mulberry.runtime.load import under_load
from mulberry.runtime.wire import Finish, GenerationRequest

pytestmark = pytest.mark.virtual_time


class Metronome:
    """An engine whose first text comes after `wait` seconds and whose answer of ten tokens ends after `whole`."""

    default_temperature = 0.0

    def __init__(self, wait: float, whole: float, fails: bool = False) -> None:
        self._wait, self._whole, self._fails = wait, whole, fails
        self.running = self.most = 0
        self.asked: list[GenerationRequest] = []

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        self.asked.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self._wait)
            if self._fails:
                raise EngineFailed("It broke.")
            yield Piece(0, "text")
            await asyncio.sleep(self._whole - self._wait)
            yield Piece(0, "", Finish.LENGTH, Usage(prompt_tokens=30, completion_tokens=10))
        finally:
            self.running -= 1


async def test_the_numbers_are_those_of_the_clock() -> None:
    engine = Metronome(wait=0.25, whole=1.0)
    speed = await under_load(engine, 4, 10.5, context_tokens=256)
    assert engine.most == 4 and engine.running == 0
    assert speed.tokens_per_second == pytest.approx(4 * 10 * 10 / 10.5, rel=0.01)  # the half answers do not count
    assert speed.prompt_tokens_per_second == pytest.approx(4 * 10 * 30 / 10.5, rel=0.01)
    assert speed.first_text_seconds == pytest.approx(0.25, rel=0.01)


async def test_no_two_prompts_begin_alike_and_answers_fit_the_context() -> None:
    engine = Metronome(wait=0.1, whole=0.2)
    await under_load(engine, 2, 2.1, context_tokens=16)
    begins = {str(request.prompts[0])[:40] for request in engine.asked}
    assert len(begins) == len(engine.asked) > 10
    assert {request.max_tokens for request in engine.asked} == {8}


async def test_an_engine_that_finishes_nothing_has_no_speed() -> None:
    with pytest.raises(TimeoutError):
        await under_load(Metronome(wait=1, whole=100), 1, 5, context_tokens=256)


async def test_an_engine_that_breaks_says_so() -> None:
    with pytest.raises(EngineFailed, match="It broke"):
        await under_load(Metronome(wait=0.1, whole=1, fails=True), 4, 5, context_tokens=256)
