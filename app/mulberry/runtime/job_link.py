"""The agent's end of the socket to one job process: sends requests, hands out what comes back, notices when it hangs.

The process runs strangers' prompts, so nothing it says is believed unchecked: a frame that does not fit ends it.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from mulberry.model.language import tr
from mulberry.model.text import plain
from mulberry.runtime.engine import EngineFailed, EngineRefused
from mulberry.runtime.frames import FrameReader, WireError
from mulberry.runtime.runs import EncodingRun, Run
from mulberry.runtime.wire import (
    TO_CHILD_LIMIT_BYTES,
    TO_PARENT_LIMIT_BYTES,
    Cancel,
    Encode,
    Encoded,
    Entered,
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
NOTES = {  # what a job process says of its progress, which knows no languages
    "Reading the tokenizer": tr("Reading the tokenizer"),
    "Reading the model": tr("Reading the model"),
}
NEWS_A_SECOND_LIMIT = 30_000  # the demo model, alone on a fast core, takes some thousand steps


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
        self._runs: dict[int, Run | EncodingRun] = {}
        self._next_number = 1
        self._last_sign = 0.0
        self._second_began = 0.0
        self._news = 0  # since then
        self._watch: asyncio.TimerHandle | None = None

    def submit(self, request: GenerationRequest) -> Run:
        """Raises `EngineRefused` when the request is larger than a frame, `EngineFailed` when the life is over."""
        run = Run(self._next_number, request.answers, self._context_tokens, self._loop.time())
        self._begin(run, Submit(run.number, request))
        return run

    def encode(self, texts: tuple[str, ...], width: int) -> EncodingRun:
        """Raises as `submit` does. `width` is the model's, by its manifest."""
        run = EncodingRun(self._next_number, len(texts), width, self._context_tokens, self._loop.time())
        self._begin(run, Encode(run.number, texts))
        return run

    def _begin(self, run: Run | EncodingRun, message: Submit | Encode) -> None:
        if self.over.done():
            raise EngineFailed(self.over.result())
        try:
            self.send(message)
        except WireError:
            raise EngineRefused(413, "the request is too large", "request_too_large") from None
        if not self._runs:
            self._last_sign = run.started_at  # until now there was nothing to say
        self._next_number += 1
        self._runs[run.number] = run
        if self._watch is None:
            self._watch = self._loop.call_later(min(self._silence_seconds, self._run_seconds), self._check_times)

    def forget(self, run: Run | EncodingRun) -> None:
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
            frames = self._reader.feed(untrusted_bytes)
            self._count(len(frames))
            for frame in frames:
                self._take(frame)
        except WireError as problem:
            self.end(tr("The engine sent nonsense ({problem}) and was ended.", problem=problem))

    def _count(self, news: int) -> None:
        """Even empty messages cost the agent time, which belongs to its proxies; so does each entry of a step."""
        if self._last_sign - self._second_began >= 1:
            self._second_began, self._news = self._last_sign, 0
        self._news += news
        if self._news > NEWS_A_SECOND_LIMIT:
            raise WireError("more messages than a model can have steps")

    def connection_lost(self, problem: Exception | None) -> None:
        self.end(tr("The engine's process ended unexpectedly."))

    # What the process says

    def _take(self, untrusted_frame: bytes) -> None:
        match message_to_parent(untrusted_frame):
            case Step() as step if self.ready.done():
                self._take_step(step)
            case Encoded(number, tokens, numbers) if self.ready.done():
                self._take_encoded(number, tokens, numbers)
            case Refused() as refused if self.ready.done():
                self._take_refusal(refused)
            case Entered() as entered if not self.entered.done():
                self.entered.set_result(entered)
            case Inspected() as verdict if self.entered.done() and not self.inspected.done():
                self.inspected.set_result(verdict)
            case Note(text) if not self.ready.done():
                self._on_note(NOTES.get(text) or plain(text, SHOWN_TEXT_LIMIT))
            case Ready() as ready if self.entered.done() and not self.ready.done():
                self.ready.set_result(ready)
            case LoadFailed(text) if not self.ready.done():
                self.end(plain(text, SHOWN_TEXT_LIMIT))
            case _:
                raise WireError("a message out of turn")

    def _take_step(self, step: Step) -> None:
        self._count(sum(map(len, (step.accepted, step.cached, step.thoughts, step.pieces, step.details, step.ends))))
        for number, tokens in step.accepted:
            if run := self._answer(number):
                run.accepted(tokens)
        for number, tokens in step.cached:
            if run := self._answer(number):
                run.cached(tokens)
        self._take_texts(step)
        for number, choice, finish, tokens in step.ends:
            if run := self._answer(number):
                run.end(choice, finish, tokens)
                if run.is_over:
                    del self._runs[number]

    def _take_texts(self, step: Step) -> None:
        for number, choice, thoughts in step.thoughts:
            if run := self._answer(number):
                run.text(choice, "", thoughts)
        for number, choice, text in step.pieces:
            if run := self._answer(number):
                run.text(choice, text)
        for number, choice, tokens, log_probability in step.details:
            if run := self._answer(number):
                run.details(choice, tokens, log_probability)

    def _take_encoded(self, number: int, tokens: int, numbers: str) -> None:
        run = self._run(number)
        if isinstance(run, Run):
            raise WireError("numbers for a request of text")
        if run is not None:
            run.encoded(tokens, numbers)
            del self._runs[number]

    def _take_refusal(self, refused: Refused) -> None:
        if not 400 <= refused.http_status <= 599:
            raise WireError("a refusal with a strange status")
        if run := self._run(refused.number):
            parameter = refused.parameter[:64] or None
            run.fail(EngineRefused(refused.http_status, refused.text[:SHOWN_TEXT_LIMIT], refused.code[:64], parameter))
            del self._runs[refused.number]

    def _answer(self, number: int) -> Run | None:
        run = self._run(number)
        if isinstance(run, EncodingRun):
            raise WireError("text for a request of numbers")
        return run

    def _run(self, number: int) -> Run | EncodingRun | None:
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
            run.fail(
                EngineFailed(tr("The answer took longer than {seconds} seconds.", seconds=f"{self._run_seconds:g}"))
            )
            self.forget(run)
        if not self._runs:
            return
        if self._last_sign + self._silence_seconds <= now:
            self.end(
                tr(
                    "The engine gave no sign of life for {seconds} seconds and was ended.",
                    seconds=f"{self._silence_seconds:g}",
                )
            )
            return
        oldest = next(iter(self._runs.values()))
        next_moment = min(self._last_sign + self._silence_seconds, oldest.started_at + self._run_seconds)
        self._watch = self._loop.call_at(next_moment, self._check_times)
