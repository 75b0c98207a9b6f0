"""The agent's end of the socket to one job process: sends requests, hands out what comes back, notices when it hangs.

The process runs strangers' prompts, so nothing it says is believed unchecked: a frame that does not fit ends it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

from mulberry.runtime.engine import EngineFailed, EngineRefused, Piece, Usage
from mulberry.runtime.frames import FrameReader, WireError
from mulberry.runtime.wire import (
    TO_CHILD_LIMIT_BYTES,
    TO_PARENT_LIMIT_BYTES,
    Cancel,
    Entered,
    Finish,
    GenerationRequest,
    Inspected,
    LoadFailed,
    Note,
    Ready,
    Refused,
    Step,
    Submit,
    ToChild,
    message_to_parent,
    pack,
)

SHOWN_TEXT_LIMIT = 500
CHARACTERS_PER_TOKEN_LIMIT = 1024  # no tokenizer's longest token comes near


class Run:
    """One request under way: the pieces that came and were not taken yet. Times are the event loop's."""

    def __init__(self, number: int, answers: int, context_tokens: int, started_at: float) -> None:
        self.number = number
        self.started_at = started_at
        self._open = dict.fromkeys(range(answers), 0)  # choice → characters so far
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
        length = len(text) + len(thoughts)
        if so_far is None or so_far + length > self._context_tokens * CHARACTERS_PER_TOKEN_LIMIT:
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


class JobLink(asyncio.Protocol):
    """`entered` is done when the process has told what it gave up, `inspected` when it has judged a model, `ready`
    when it has loaded one, and `over` when this life of the process must end, with the reason.

    `on_note` gets the progress of loading. Silence counts only while requests run: an idle process says nothing.
    """

    def __init__(
        self, context_tokens: int, silence_seconds: float, run_seconds: float, on_note: Callable[[str], None]
    ) -> None:
        self._context_tokens = context_tokens
        self._silence_seconds = silence_seconds
        self._run_seconds = run_seconds
        self._on_note = on_note
        self._loop = asyncio.get_running_loop()
        self.entered: asyncio.Future[Entered] = self._loop.create_future()
        self.inspected: asyncio.Future[Inspected] = self._loop.create_future()
        self.ready: asyncio.Future[Ready] = self._loop.create_future()
        self.over: asyncio.Future[str] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader(TO_PARENT_LIMIT_BYTES)
        self._unsent: list[bytes] = []  # frames of this turn of the event loop
        self._runs: dict[int, Run] = {}
        self._next_number = 1
        self._last_sign = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def submit(self, request: GenerationRequest) -> Run:
        """Raises `EngineRefused` when the request is larger than a frame, `EngineFailed` when the life is over."""
        if self.over.done():
            raise EngineFailed(self.over.result())
        now = self._loop.time()
        run = Run(self._next_number, len(request.prompts) * request.choices, self._context_tokens, now)
        try:
            self.send(Submit(run.number, request))
        except WireError:
            raise EngineRefused(413, "the request is too large", "request_too_large") from None
        if not self._runs:
            self._last_sign = now  # until now there was nothing to say
        self._next_number += 1
        self._runs[run.number] = run
        if self._watch is None:
            self._watch = self._loop.call_later(min(self._silence_seconds, self._run_seconds), self._check_times)
        return run

    def forget(self, run: Run) -> None:
        """Nobody waits for `run` any more; what is left of it is cancelled."""
        if self._runs.pop(run.number, None) is not None and not self.over.done():
            self.send(Cancel(run.number))

    def send(self, message: ToChild) -> None:
        """Raises `WireError` when `message` is larger than a frame."""
        self._unsent.append(pack(message, TO_CHILD_LIMIT_BYTES))
        if len(self._unsent) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """What one turn of the event loop sends leaves in one piece: each write wakes the process and costs 20 µs."""
        frames, self._unsent = self._unsent, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(frames))

    def end(self, why: str) -> None:
        """This life is over: all its requests fail with `why`, a plain sentence. Only the first reason counts."""
        if self.over.done():
            return
        self.over.set_result(why)
        for run in self._runs.values():
            run.fail(EngineFailed(why))
        self._runs.clear()
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def data_received(self, untrusted_bytes: bytes) -> None:
        self._last_sign = self._loop.time()
        try:
            for frame in self._reader.feed(untrusted_bytes):
                self._take(frame)
        except WireError as problem:
            self.end(f"The engine sent nonsense ({problem}) and was ended.")

    def connection_lost(self, problem: Exception | None) -> None:
        self.end("The engine's process ended unexpectedly.")

    # What the process says

    def _take(self, untrusted_frame: bytes) -> None:
        match message_to_parent(untrusted_frame):
            case Step() as step if self.ready.done():
                self._take_step(step)
            case Refused() as refused if self.ready.done():
                self._take_refusal(refused)
            case Entered() as entered if not self.entered.done():
                self.entered.set_result(entered)
            case Inspected() as verdict if self.entered.done() and not self.inspected.done():
                self.inspected.set_result(verdict)
            case Note(text) if not self.ready.done():
                self._on_note(text[:SHOWN_TEXT_LIMIT])
            case Ready() as ready if self.entered.done() and not self.ready.done():
                self.ready.set_result(ready)
            case LoadFailed(text) if not self.ready.done():
                self.end(text[:SHOWN_TEXT_LIMIT])
            case _:
                raise WireError("a message out of turn")

    def _take_step(self, step: Step) -> None:
        for number, tokens in step.accepted:
            if run := self._run(number):
                run.accepted(tokens)
        for number, tokens in step.cached:
            if run := self._run(number):
                run.cached(tokens)
        self._take_texts(step)
        for number, choice, finish, tokens in step.ends:
            if run := self._run(number):
                run.end(choice, finish, tokens)
                if run.is_over:
                    del self._runs[number]

    def _take_texts(self, step: Step) -> None:
        for number, choice, thoughts in step.thoughts:
            if run := self._run(number):
                run.text(choice, "", thoughts)
        for number, choice, text in step.pieces:
            if run := self._run(number):
                run.text(choice, text)
        for number, choice, tokens, log_probability in step.details:
            if run := self._run(number):
                run.details(choice, tokens, log_probability)

    def _take_refusal(self, refused: Refused) -> None:
        if not 400 <= refused.http_status <= 599:
            raise WireError("a refusal with a strange status")
        if run := self._run(refused.number):
            parameter = refused.parameter[:64] or None
            run.fail(EngineRefused(refused.http_status, refused.text[:SHOWN_TEXT_LIMIT], refused.code[:64], parameter))
            del self._runs[refused.number]

    def _run(self, number: int) -> Run | None:
        """None: it was forgotten while this was under way."""
        if not 0 < number < self._next_number:
            raise WireError("a request that never was")
        return self._runs.get(number)

    # What takes too long

    def _check_times(self) -> None:
        self._watch = None
        now = self._loop.time()
        for run in list(self._runs.values()):  # oldest first
            if run.started_at + self._run_seconds > now:
                break
            run.fail(EngineFailed(f"The answer took longer than {self._run_seconds:g} seconds."))
            self.forget(run)
        if not self._runs:
            return
        if self._last_sign + self._silence_seconds <= now:
            self.end(f"The engine gave no sign of life for {self._silence_seconds:g} seconds and was ended.")
            return
        oldest = next(iter(self._runs.values()))
        next_moment = min(self._last_sign + self._silence_seconds, oldest.started_at + self._run_seconds)
        self._watch = self._loop.call_at(next_moment, self._check_times)
