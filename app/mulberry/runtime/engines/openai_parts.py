"""Several answers to one request, each asked for by itself.

Servers differ in what they make of `n` and of a list of prompts: Hugging Face's passes over `n`, llama.cpp's tells the
usage of one answer for all. One answer at a time they all mean the same, and the network pays by these numbers.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from mulberry.model.language import tr
from mulberry.runtime.engine import EngineFailed, EngineRefused, Piece, Usage
from mulberry.runtime.wire import GenerationRequest

SEEDS = 2**63

Ask = Callable[[GenerationRequest], AsyncGenerator[Piece, None]]


def parts_of(request: GenerationRequest) -> list[GenerationRequest]:
    """One for each answer, in the order of their numbers; each answer is drawn with a seed of its own."""
    parts = []
    for prompt in request.prompts:
        for number in range(request.choices):
            sampling = replace(request.sampling, seed=(request.sampling.seed + number) % SEEDS)
            parts.append(replace(request, prompts=(prompt,), choices=1, sampling=sampling))
    return parts


async def ask_each(request: GenerationRequest, ask: Ask) -> AsyncGenerator[Piece, None]:
    """All answers as they come. Raises what `ask` raises for one of them; the others are ended then."""
    together = _Together(request)
    tasks = [asyncio.create_task(together.run(number, ask(part))) for number, part in enumerate(parts_of(request))]
    for task in tasks:
        task.add_done_callback(together.ended)
    has_begun = False
    try:
        while together.left:
            piece = await together.heard.get()
            if isinstance(piece, EngineRefused) and has_begun:
                raise EngineFailed(tr("The engine's servers refused one of the answers."))
            if isinstance(piece, BaseException):
                raise piece
            has_begun = True
            yield together.known(piece)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@dataclass
class _Together:
    request: GenerationRequest
    heard: "asyncio.Queue[Piece | BaseException]" = field(default_factory=asyncio.Queue)
    usages: dict[int, Usage] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return len(self.request.prompts) * self.request.choices - len(self.usages)

    async def run(self, number: int, pieces: AsyncGenerator[Piece, None]) -> None:
        async with aclosing(pieces):
            async for piece in pieces:
                self.heard.put_nowait(replace(piece, choice=number))

    def ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.heard.put_nowait(problem)

    def known(self, piece: Piece) -> Piece:
        """The end that is the last of all carries the usage of all."""
        if piece.usage is None:
            return piece
        self.usages[piece.choice] = piece.usage
        return replace(piece, usage=None if self.left else self._usage())

    def _usage(self) -> Usage:
        """A prompt counts once however many answers it gets."""
        firsts = [self.usages[number] for number in range(0, len(self.usages), self.request.choices)]
        return Usage(
            prompt_tokens=sum(usage.prompt_tokens for usage in firsts),
            completion_tokens=sum(usage.completion_tokens for usage in self.usages.values()),
            cached_tokens=sum(usage.cached_tokens for usage in firsts),
            reasoning_tokens=sum(usage.reasoning_tokens for usage in self.usages.values()),
        )
