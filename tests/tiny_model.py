"""The demo model, for tests that run it: its folder, and an engine without a process around it."""

import random
import time
from collections.abc import Callable

from tokenizers import Tokenizer

from mulberry.demo.questions import Question, any_question
from mulberry.model.places import resource
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.wire import Finish, GenerationRequest, Load, Refused, Sampling, Submit, ToChild, Turn


def tiny_model() -> ModelFolder:
    return ModelFolder.read(resource("models/tiny-lm"))


def tiny_tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(resource("models/tiny-lm/tokenizer.json")))


def some_questions(count: int) -> list[Question]:
    dice = random.Random(5)
    return [any_question(dice) for _ in range(count)]


def ask(
    text: str,
    *,
    sampling: Sampling = Sampling(seed=0),  # noqa: B008 - frozen
    max_tokens: int | None = 60,
    choices: int = 1,
    stop: tuple[str, ...] = (),
    stream: bool = True,
) -> GenerationRequest:
    """A conversation of one question."""
    return GenerationRequest(((Turn("user", text),),), sampling, max_tokens, choices, stop, stream)


class LocalEngine:
    """What the job process runs, here: submits, steps, and keeps each answer's text and end."""

    def __init__(
        self,
        slots: int = 16,
        waiting_limit: int = 64,
        clock: Callable[[], float] = time.perf_counter,
        thinking: tuple[str, str] | None = None,
    ) -> None:
        manifest = tiny_model().manifest
        folder = str(resource("models/tiny-lm"))
        load = Load(folder, manifest.context_tokens, manifest.stop_tokens, slots, waiting_limit, 1, thinking)
        self._engine = ChildEngine(load, lambda note: None, clock)
        self.texts: dict[tuple[int, int], str] = {}
        self.pieces: dict[tuple[int, int], list[str]] = {}
        self.thoughts: dict[tuple[int, int], str] = {}
        self.details: dict[tuple[int, int], tuple[int, float]] = {}
        self.cached: dict[int, int] = {}
        self.ends: dict[tuple[int, int], tuple[Finish, int]] = {}
        self.accepted: dict[int, int] = {}
        self.refused: dict[int, Refused] = {}
        self.steps = 0

    @property
    def is_busy(self) -> bool:
        return self._engine.is_busy

    def take(self, *messages: ToChild) -> None:
        self._engine.take(list(messages))

    def step(self) -> None:
        for refusal in self._engine.read_prompts():
            self.refused[refusal.number] = refusal
        step = self._engine.step()
        self.steps += 1
        self.accepted |= dict(step.accepted)
        for number, choice, text in step.pieces:
            self.texts[number, choice] = self.texts.get((number, choice), "") + text
            self.pieces.setdefault((number, choice), []).append(text)
        for number, choice, thoughts in step.thoughts:
            self.thoughts[number, choice] = self.thoughts.get((number, choice), "") + thoughts
        for number, tokens in step.cached:
            self.cached[number] = self.cached.get(number, 0) + tokens
        for number, choice, tokens, log_probability in step.details:
            self.details[number, choice] = tokens, log_probability
        for number, choice, finish, tokens in step.ends:
            self.ends[number, choice] = finish, tokens

    def run(self) -> None:
        while self.is_busy:
            self.step()

    def answer(self, number: int, request: GenerationRequest) -> str:
        """The first answer's text, when nothing else runs."""
        self.take(Submit(number, request))
        self.run()
        return self.texts.get((number, 0), "")
