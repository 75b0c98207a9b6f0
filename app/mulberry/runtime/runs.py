"""Requests under way in a job process, and what it may say of them: each is bounded by what was asked for."""

import asyncio
import math
import struct
from base64 import b64decode
from collections.abc import AsyncIterator

from mulberry.runtime.engine import EncodedTexts, Piece, Usage
from mulberry.runtime.frames import WireError
from mulberry.runtime.wire import Finish

CHARACTERS_PER_TOKEN_LIMIT = 1024  # no tokenizer's longest token comes near
HELD_BACK = 2  # pieces that may come after the last token: of thoughts, and of text


class Run:
    """One request under way: the pieces that came and were not taken yet. Times are the event loop's."""

    def __init__(self, number: int, answers: int, context_tokens: int, started_at: float) -> None:
        self.number = number
        self.started_at = started_at
        self._open = dict.fromkeys(range(answers), 0)  # choice → characters so far, at most
        self._context_tokens = context_tokens
        self._prompt_tokens: int | None = None
        self._completion_tokens = 0
        self._cached_tokens = 0
        self._reasoning_tokens = 0
        self._details: dict[int, tuple[int, float]] = {}  # choice → tokens of its thoughts, log-probability
        self._waiting: list[Piece] = []
        self._failure: Exception | None = None
        self._news = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return not self._open or self._failure is not None

    def accepted(self, prompt_tokens: int) -> None:
        """Raises `WireError` at an impossible word of the process, as the next two do."""
        if self._prompt_tokens is not None or not 0 < prompt_tokens <= self._context_tokens * len(self._open):
            raise WireError("a number of prompt tokens that the request cannot have")
        self._prompt_tokens = prompt_tokens

    def cached(self, tokens: int) -> None:
        self._cached_tokens += tokens
        if tokens < 0 or self._prompt_tokens is None or self._cached_tokens > self._prompt_tokens:
            raise WireError("a number of cached tokens that the prompts cannot have")

    def text(self, choice: int, text: str, thoughts: str = "") -> None:
        so_far = self._open.get(choice)
        length = max(len(text) + len(thoughts), CHARACTERS_PER_TOKEN_LIMIT)  # a piece is of one token at least
        if so_far is None or so_far + length > (self._context_tokens + HELD_BACK) * CHARACTERS_PER_TOKEN_LIMIT:
            raise WireError("text that no answer can have")
        self._open[choice] = so_far + length
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.choice == choice and last.finish is None and not (last.text and thoughts):
            last = self._waiting.pop()  # whoever reads slowly gets larger pieces
            text, thoughts = last.text + text, last.thoughts + thoughts
        self._waiting.append(Piece(choice, text, thoughts=thoughts))
        self._news.set()

    def details(self, choice: int, reasoning_tokens: int, log_probability: float) -> None:
        if choice not in self._open or reasoning_tokens < 0 or not log_probability <= 0:
            raise WireError("details that no answer can have")
        self._details[choice] = reasoning_tokens, log_probability

    def end(self, choice: int, finish: Finish, completion_tokens: int) -> None:
        if choice not in self._open or self._prompt_tokens is None:
            raise WireError("the end of an answer that is not open")
        if not 0 < completion_tokens <= self._context_tokens:
            raise WireError("a number of tokens that no answer can have")
        reasoning_tokens, log_probability = self._details.pop(choice, (0, None))
        if reasoning_tokens > completion_tokens:
            raise WireError("more tokens of thought than tokens")
        self._completion_tokens += completion_tokens
        self._reasoning_tokens += reasoning_tokens
        del self._open[choice]
        last = self._waiting[-1] if self._waiting else None
        text = thoughts = ""
        if last is not None and last.choice == choice:
            last = self._waiting.pop()
            text, thoughts = last.text, last.thoughts
        usage = None if self._open else self._usage(self._prompt_tokens)
        self._waiting.append(Piece(choice, text, finish, usage, thoughts, log_probability))
        self._news.set()

    def _usage(self, prompt_tokens: int) -> Usage:
        return Usage(prompt_tokens, self._completion_tokens, self._cached_tokens, self._reasoning_tokens)

    def fail(self, failure: Exception) -> None:
        if not self.is_over:
            self._failure = failure
            self._news.set()

    async def pieces(self) -> AsyncIterator[Piece]:
        """Ends after the piece with the usage, or raises what the run failed of."""
        while True:
            await self._news.wait()
            self._news.clear()
            taken, self._waiting = self._waiting, []
            for piece in taken:
                yield piece
                if piece.usage is not None:
                    return
            if self._failure is not None:
                raise self._failure


class EncodingRun:
    """One request of `texts` texts to an encoder of `width` numbers a text. `started_at` is the event loop's time."""

    def __init__(self, number: int, texts: int, width: int, context_tokens: int, started_at: float) -> None:
        self.number = number
        self.started_at = started_at
        self._texts = texts
        self._width = width
        self._context_tokens = context_tokens
        self._done: asyncio.Future[EncodedTexts] = asyncio.get_running_loop().create_future()

    def encoded(self, tokens: int, untrusted_numbers: str) -> None:
        """Raises `WireError` at anything but as many finite numbers as were asked for."""
        if not 0 < tokens <= self._context_tokens * self._texts:
            raise WireError("a number of tokens that these texts cannot have")
        count = self._texts * self._width
        try:
            numbers = struct.unpack(f"<{count}f", b64decode(untrusted_numbers, validate=True))
        except (ValueError, struct.error):
            raise WireError("not the numbers that were asked for") from None
        if not all(map(math.isfinite, numbers)):
            raise WireError("numbers that are not finite")
        rows = (numbers[start : start + self._width] for start in range(0, count, self._width))
        if not self._done.done():
            self._done.set_result(EncodedTexts(tuple(rows), tokens))

    def fail(self, failure: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(failure)

    async def result(self) -> EncodedTexts:
        """Raises what the run failed of."""
        return await self._done
