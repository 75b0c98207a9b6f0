"""The job process's work: load one model, then answer requests until the agent closes the socket."""

import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tokenizers import Tokenizer

from mulberry.runtime.child.answers import Answer
from mulberry.runtime.child.batcher import Batcher
from mulberry.runtime.child.connection import Connection
from mulberry.runtime.child.encoding import ChildEncoder
from mulberry.runtime.child.genai import GenaiBatcher
from mulberry.runtime.child.grammar import Form, Formed, Vocabulary
from mulberry.runtime.child.inspection import inspect
from mulberry.runtime.child.interruption import Watch, unwatched, watching
from mulberry.runtime.child.model import OnnxModel
from mulberry.runtime.child.prompt import PromptReader, PromptRefused
from mulberry.runtime.child.provider import prove
from mulberry.runtime.child.schema import SchemaRefused, grammar_of
from mulberry.runtime.child.text import AnswerText, token_bytes
from mulberry.runtime.child.thinking import Markers, Thoughts, stage_after
from mulberry.runtime.frames import WireError
from mulberry.runtime.wire import (
    Cancel,
    Encode,
    Enter,
    GenerationRequest,
    Inspect,
    Library,
    Load,
    LoadEncoder,
    LoadFailed,
    Note,
    Ready,
    Refused,
    Step,
    Submit,
    ToChild,
)

DEFAULT_MAX_TOKENS = 1000  # what the network reserves for a request that names no limit
READING_SECONDS = 0.02  # prompts tokenised between two steps
LIFE_SIGN_SECONDS = 0.1  # while there is work; the agent kills what is silent for long
NO_NEWS = Step()


def serve(connection: Connection) -> None:
    """Returns never; ends with `AgentGone`."""
    load, *early = connection.receive(wait=True)
    if isinstance(load, Inspect) and not early:
        connection.send(inspect(load))
        connection.receive(wait=True)
    if not isinstance(load, Load | LoadEncoder) or early:
        raise WireError("this message is to load a model")
    started = time.monotonic()
    try:
        engine = _loaded(load, connection)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the agent must hear it; no prompt is in play yet
        sys.stderr.write(f"{problem}\n")  # whole: the frame's text is shown, and cut for that
        connection.send(LoadFailed(f"The model could not be loaded ({type(problem).__name__}: {problem})."))
        connection.receive(wait=True)
        return
    connection.send(Ready(time.monotonic() - started, load.provider))
    if isinstance(engine, ChildEncoder):
        _encode(connection, engine)
    else:
        _generate(connection, engine)


def _loaded(load: Load | LoadEncoder, connection: Connection) -> "ChildEngine | ChildEncoder":
    def progress(note: str) -> None:
        connection.send(Note(note))

    if isinstance(load, LoadEncoder):
        return ChildEncoder(load, progress)
    return ChildEngine(load, progress, watch=watching(connection))


def _generate(connection: Connection, engine: "ChildEngine") -> NoReturn:
    spoke_at = 0.0
    while True:
        engine.take(connection.receive(wait=not engine.is_busy))
        for refusal in engine.read_prompts():
            connection.send(refusal)
        if engine.is_busy:
            step = engine.step()
            now = time.monotonic()
            if step != NO_NEWS or now - spoke_at >= LIFE_SIGN_SECONDS:
                connection.send(step)
                spoke_at = now


def _encode(connection: Connection, encoder: ChildEncoder) -> NoReturn:
    while True:
        for refusal in encoder.take(connection.receive(wait=not encoder.is_busy)):
            connection.send(refusal)
        if encoder.is_busy:
            connection.send(encoder.step())


class ChildEngine:
    """Everything but the socket. Raises whatever loading raises."""

    def __init__(
        self,
        load: Load,
        progress: Callable[[str], None],
        clock: Callable[[], float] = time.perf_counter,
        watch: Watch = unwatched,
    ) -> None:
        folder = Path(load.folder)
        progress("Reading the tokenizer")
        self._context_tokens = load.context_tokens
        self._waiting_limit = load.waiting_limit
        self._slots = load.slots
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._bytes_of = token_bytes(tokenizer)
        self._bytes_with_control = token_bytes(tokenizer, shows_control_tokens=True)
        self._markers = None if load.thinking is None else Markers(*_ids(tokenizer, load.thinking))
        self._reader = PromptReader(
            folder, tokenizer, load.context_tokens, max(map(len, self._bytes_of)), thinks=load.thinking is not None
        )
        progress("Reading the model")
        prove(load.provider)
        stop_ids = frozenset(_ids(tokenizer, load.stop_tokens))
        self._batcher = _batcher(load, stop_ids, clock, watch)
        self._vocabulary = Vocabulary(self._bytes_of, stop_ids, self._batcher.vocabulary)
        self._inbox: deque[Submit] = deque()
        self._accepted: list[tuple[int, int]] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._inbox or self._batcher.is_busy)

    def take(self, messages: list[ToChild]) -> None:
        for message in messages:
            match message:
                case Submit():
                    self._inbox.append(message)
                case Cancel(number):
                    self._inbox = deque(submit for submit in self._inbox if submit.number != number)
                    self._batcher.cancel(number)
                case Load() | LoadEncoder() | Encode() | Enter() | Inspect():
                    raise WireError("a second model, or a second sandbox")

    def read_prompts(self) -> list[Refused]:
        """Tokenises what came, for as long as nobody else has to wait for it; the rest is for the next turn."""
        refusals = []
        until = time.perf_counter() + READING_SECONDS
        while self._inbox:
            submit = self._inbox.popleft()
            try:
                self._accept(submit.number, submit.request)
            except PromptRefused as refused:
                refusals.append(
                    Refused(submit.number, refused.http_status, refused.code, refused.text, refused.parameter)
                )
            if time.perf_counter() >= until:
                break
        return refusals

    def step(self) -> Step:
        news = self._batcher.step()
        accepted, self._accepted = tuple(self._accepted), []
        return Step(
            accepted,
            tuple(news.pieces),
            tuple(news.ends),
            tuple(news.thoughts),
            tuple(news.details),
            tuple(news.cached),
        )

    def _accept(self, number: int, request: GenerationRequest) -> None:
        wanted = len(request.prompts) * request.choices
        if self._batcher.running + self._batcher.waiting + wanted > self._slots + self._waiting_limit:
            raise PromptRefused("overloaded", "too many requests are waiting already", http_status=503)
        self._batcher.check(request)
        form = self._form(request.schema)
        options = dict(request.template_options)
        prompts = [
            self._reader.text(prompt) if isinstance(prompt, str) else self._reader.conversation(prompt, options)
            for prompt in request.prompts
        ]
        self._accepted.append((number, sum(map(len, prompts))))
        shown = self._bytes_with_control if request.shows_control_tokens else self._bytes_of
        for choice in range(wanted):
            prompt = prompts[choice // request.choices]
            is_conversation = not isinstance(request.prompts[choice // request.choices], str)
            self._batcher.add(
                Answer(
                    number=number,
                    choice=choice,
                    prompt=prompt,
                    limit=min(request.max_tokens or DEFAULT_MAX_TOKENS, self._context_tokens - len(prompt)),
                    sampling=request.sampling,
                    text=AnswerText(shown, request.stop),
                    stream=request.stream,
                    form=None if form is None else Formed(form),
                    thoughts=self._thoughts(prompt) if is_conversation else None,
                    scored=request.scored,
                    pays_prompt=choice % request.choices == 0,
                )
            )

    def _form(self, schema: str | None) -> Form | None:
        if schema is None:
            return None
        if not self._vocabulary.writes_all:
            text = "this model's tokens cannot write every JSON text"
            raise PromptRefused("unsupported_option", text, parameter="response_format")
        try:
            return Form(grammar_of(schema), self._vocabulary)
        except SchemaRefused as refused:
            raise PromptRefused("unsupported_schema", str(refused), parameter="response_format") from None

    def _thoughts(self, prompt: list[int]) -> Thoughts | None:
        if self._markers is None:
            return None
        stage = stage_after(self._reader.opening(prompt), self._markers)
        return Thoughts(self._markers, stage, self._bytes_of)


def _batcher(load: Load, stop_ids: frozenset[int], clock: Callable[[], float], watch: Watch) -> Batcher | GenaiBatcher:
    if load.library is Library.GENAI:
        return GenaiBatcher(load, stop_ids, clock)
    model = OnnxModel(load)
    model.warm_up()
    return Batcher(model, load.slots, stop_ids, clock, watch)


def _ids(tokenizer: Tokenizer, texts: tuple[str, ...]) -> list[int]:
    ids = []
    for text in texts:
        number = tokenizer.token_to_id(text)
        if number is None:
            raise ValueError(f"the tokenizer does not know the token {text}")
        ids.append(number)
    return ids
