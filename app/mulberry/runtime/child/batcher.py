"""Continuous batching: all answers under way advance by one token a step, and come and go between any two steps.

Rows 0 to n - 1 of the model are in use, always without a gap: when an answer ends, the last row moves into its
place. A prompt is read straight into its row of the cache.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mulberry.runtime.child.model import OnnxModel
from mulberry.runtime.child.sampling import Sampler
from mulberry.runtime.child.text import AnswerText
from mulberry.runtime.wire import Finish, Sampling

SPEAKING_SECONDS = 0.01  # a streamed answer speaks no more often: nobody reads faster, and each piece costs everybody
ADMISSION_SECONDS = 0.02  # prompts read between two steps, so that those who stream do not stutter


@dataclass(slots=True, eq=False)
class Answer:
    """One answer that is asked for. `limit` tokens at most; `number` is its request's, `choice` its place therein."""

    number: int
    choice: int
    prompt: list[int]
    limit: int
    sampling: Sampling
    text: AnswerText
    stream: bool
    count: int = 0  # tokens generated
    unsent: list[str] = field(default_factory=list)
    silent_until: float = 0.0  # on the batcher's clock


@dataclass(slots=True)
class News:
    """What one step brought, in the shape of `wire.Step`."""

    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    ends: list[tuple[int, int, Finish, int]] = field(default_factory=list)


class Batcher:
    """Runs answers on `model`; `stop_ids` are the tokens that end one."""

    def __init__(
        self, model: OnnxModel, slots: int, stop_ids: frozenset[int], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._model = model
        self._slots = slots
        self._stop_ids = stop_ids
        self._clock = clock
        self._sampler = Sampler(slots, model.vocabulary)
        self._waiting: deque[Answer] = deque()
        self._rows: list[Answer] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._rows or self._waiting)

    @property
    def running(self) -> int:
        return len(self._rows)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, answer: Answer) -> None:
        self._waiting.append(answer)

    def cancel(self, number: int) -> None:
        """Drops all answers of a request; unknown ones too: it may just have ended."""
        self._waiting = deque(answer for answer in self._waiting if answer.number != number)
        for row in reversed(range(len(self._rows))):
            if self._rows[row].number == number:
                self._free(row)

    def step(self) -> News:
        """One token for every answer under way, then room for those who wait."""
        news = News()
        if self._rows:
            tokens = self._sampler.choose(self._model.decode(len(self._rows)))
            self._model.next_tokens[: len(tokens), 0] = tokens
            ended = [row for row, token in enumerate(tokens.tolist()) if self._advance(self._rows[row], token, news)]
            for row in reversed(ended):
                self._free(row)
        self._admit(news)
        return news

    def _admit(self, news: News) -> None:
        until = self._clock() + ADMISSION_SECONDS
        while self._waiting and len(self._rows) < self._slots:
            answer = self._waiting.popleft()
            row = len(self._rows)
            self._rows.append(answer)
            self._sampler.join(row, answer.sampling, answer.choice)
            tokens = self._sampler.choose(self._model.prefill(row, answer.prompt), row)
            self._model.next_tokens[row] = tokens
            if self._advance(answer, int(tokens[0]), news):
                self._free(row)
            if self._clock() >= until:
                return

    def _advance(self, answer: Answer, token: int, news: News) -> bool:
        """Takes the answer's next token. True when it was the last."""
        answer.count += 1
        finish: Finish | None = None
        text = ""
        if token in self._stop_ids:
            finish = Finish.STOP
        else:
            text = answer.text.add(token)
            if answer.text.stopped:
                finish = Finish.STOP
            elif answer.count >= answer.limit:
                finish = Finish.LENGTH
        if finish is not None:
            text += answer.text.rest()
        answer.unsent.append(text)
        text = ""
        if finish is not None or (answer.stream and self._clock() >= answer.silent_until):
            text = "".join(answer.unsent)
            answer.unsent.clear()
        if text:
            answer.silent_until = self._clock() + SPEAKING_SECONDS
            news.pieces.append((answer.number, answer.choice, text))
        if finish is not None:
            news.ends.append((answer.number, answer.choice, finish, answer.count))
        return finish is not None

    def _free(self, row: int) -> None:
        last = len(self._rows) - 1
        self._sampler.leave(row)
        if row != last:
            self._model.move(last, row)
            self._sampler.move(last, row)
            self._rows[row] = self._rows[last]
        self._rows.pop()
