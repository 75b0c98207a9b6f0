"""Continuous batching: all answers under way advance by one token a step, and come and go between any two steps.

Rows 0 to n - 1 of the model are in use, always without a gap: when an answer ends, the last row moves into its
place. A prompt is read straight into row n of the cache, chunk by chunk between the steps of the others. The chunks
of a prompt are always the same, for the same numbers come out of a model only when the same shapes go in.

Prompts of one request share what they begin with. Those of different requests do not: how fast the first token comes,
and the count of cached tokens, would tell one customer what another one asks.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mulberry.runtime.child.grammar import Formed
from mulberry.runtime.child.model import OnnxModel
from mulberry.runtime.child.sampling import Logits, Sampler, log_probability
from mulberry.runtime.child.text import AnswerText
from mulberry.runtime.child.thinking import Stage, Thoughts
from mulberry.runtime.wire import Finish, Sampling

SPEAKING_SECONDS = 0.01  # a streamed answer speaks no more often: nobody reads faster, and each piece costs everybody
READING_SECONDS = 0.02  # prompts read between two steps, so that those who stream do not stutter; at least a chunk is
CHUNK_TOKENS = 64


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
    form: Formed | None = None
    thoughts: Thoughts | None = None
    scored: bool = False
    pays_prompt: bool = True  # the first of its prompt's answers
    read: int = 0  # tokens of the prompt that are in the cache
    count: int = 0  # tokens generated
    likelihood: float = 0.0  # the sum of their logarithms, when scored
    unsent_thoughts: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    silent_until: float = 0.0  # on the batcher's clock


@dataclass(slots=True)
class News:
    """What one step brought, in the shape of `wire.Step`."""

    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    ends: list[tuple[int, int, Finish, int]] = field(default_factory=list)
    thoughts: list[tuple[int, int, str]] = field(default_factory=list)
    details: list[tuple[int, int, int, float]] = field(default_factory=list)
    cached: list[tuple[int, int]] = field(default_factory=list)


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
        self._reading: Answer | None = None  # in the row behind the others'

    @property
    def is_busy(self) -> bool:
        return bool(self._rows or self._waiting or self._reading)

    @property
    def running(self) -> int:
        return len(self._rows) + (self._reading is not None)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, answer: Answer) -> None:
        self._waiting.append(answer)

    def cancel(self, number: int) -> None:
        """Drops all answers of a request; unknown ones too: it may just have ended."""
        self._waiting = deque(answer for answer in self._waiting if answer.number != number)
        if self._reading is not None and self._reading.number == number:
            self._reading = None
        for row in reversed(range(len(self._rows))):
            if self._rows[row].number == number:
                self._free(row)

    def step(self) -> News:
        """One token for every answer under way, then room for those who wait."""
        news = News()
        if self._rows:
            tokens = self._choose(self._model.decode(len(self._rows)), 0)
            self._model.next_tokens[: len(tokens), 0] = tokens
            ended = [row for row, token in enumerate(tokens.tolist()) if self._advance(self._rows[row], token, news)]
            for row in reversed(ended):
                self._free(row)
        self._read(news)
        return news

    def _read(self, news: News) -> None:
        """Prompts, for as long as nobody has to wait for it."""
        until = self._clock() + READING_SECONDS
        while self._reading is not None or (self._waiting and len(self._rows) < self._slots):
            if self._reading is None:
                self._reading = self._waiting.popleft()
                self._share(self._reading, news)
            self._read_chunk(self._reading, news)
            if self._clock() >= until:
                return

    def _share(self, answer: Answer, news: News) -> None:
        """Takes whole chunks that another row of the same request has read already; never the last one, whose logits
        are needed.
        """
        most = (len(answer.prompt) - 1) // CHUNK_TOKENS
        for row, other in enumerate(self._rows):
            if other.number == answer.number and most:
                chunks = min(most, _common(answer.prompt, other.prompt) // CHUNK_TOKENS)
                if chunks * CHUNK_TOKENS > answer.read:
                    answer.read = chunks * CHUNK_TOKENS
                    self._model.share(row, len(self._rows), answer.read)
        if answer.read and answer.pays_prompt:
            news.cached.append((answer.number, answer.read))

    def _read_chunk(self, answer: Answer, news: News) -> None:
        row = len(self._rows)
        chunk = answer.prompt[answer.read : answer.read + CHUNK_TOKENS]
        logits = self._model.read(row, answer.read, chunk)
        answer.read += len(chunk)
        if answer.read < len(answer.prompt):
            return
        self._reading = None
        self._rows.append(answer)
        self._sampler.join(row, answer.sampling, answer.choice)
        tokens = self._choose(logits, row)
        self._model.next_tokens[row] = tokens
        if self._advance(answer, int(tokens[0]), news):
            self._free(row)

    def _choose(self, logits: Logits, first_row: int) -> NDArray[np.int64]:
        """The next token of each row from `first_row` on, within the forms that some of them have."""
        answers = self._rows[first_row : first_row + len(logits)]
        for row, answer in enumerate(answers):
            if answer.form is not None:
                _keep_to_form(logits[row], answer.form, answer.thoughts)
        scored = [(row, logits[row].copy()) for row, answer in enumerate(answers) if answer.scored]
        tokens = self._sampler.choose(logits, first_row)
        for row, before in scored:
            answers[row].likelihood += log_probability(before, int(tokens[row]))
        return tokens

    def _advance(self, answer: Answer, token: int, news: News) -> bool:
        """Takes the answer's next token. True when it was the last."""
        answer.count += 1
        finish: Finish | None = None
        thought = None
        if token in self._stop_ids:
            finish = Finish.STOP
        else:
            thought = None if answer.thoughts is None else answer.thoughts.take(token)
            if thought is not None:
                answer.unsent_thoughts.append(thought)
            else:
                answer.unsent.append(answer.text.add(token))
                if answer.form is not None:
                    answer.form.take(token)
            if answer.text.stopped:
                finish = Finish.STOP
            elif answer.count >= answer.limit or (answer.form is not None and answer.form.is_exhausted):
                finish = Finish.LENGTH
        if finish is not None or (answer.stream and self._clock() >= answer.silent_until):
            self._speak(answer, finish, news)
        return finish is not None

    def _speak(self, answer: Answer, finish: Finish | None, news: News) -> None:
        who = answer.number, answer.choice
        if finish is not None:
            answer.unsent.append(answer.text.rest())
            if answer.thoughts is not None:
                answer.unsent_thoughts.append(answer.thoughts.rest())
        thoughts, text = "".join(answer.unsent_thoughts), "".join(answer.unsent)
        answer.unsent_thoughts.clear()
        answer.unsent.clear()
        if thoughts:
            news.thoughts.append((*who, thoughts))
        if text:
            news.pieces.append((*who, text))
        if text or thoughts:
            answer.silent_until = self._clock() + SPEAKING_SECONDS
        if finish is not None:
            if answer.scored or answer.thoughts is not None:
                reasoning = 0 if answer.thoughts is None else answer.thoughts.count
                news.details.append((*who, reasoning, answer.likelihood / answer.count))
            news.ends.append((*who, finish, answer.count))

    def _free(self, row: int) -> None:
        last = len(self._rows) - 1
        self._sampler.leave(row)
        if row != last:
            self._model.move(last, row)
            self._sampler.move(last, row)
            self._rows[row] = self._rows[last]
        self._rows.pop()
        if self._reading is not None:
            self._model.move(last + 1, last)


def _keep_to_form(logits: NDArray[np.float32], form: Formed, thoughts: Thoughts | None) -> None:
    """Takes from one row of logits [vocabulary] the tokens that its answer's form does not allow."""
    if thoughts is not None and thoughts.stage is Stage.THINKING:
        return
    forbidden = ~form.allowed
    if thoughts is not None and thoughts.may_open is not None:
        forbidden[thoughts.may_open] = False
    logits[forbidden] = -np.inf


def _common(one: list[int], other: list[int]) -> int:
    """With how many tokens both begin."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
