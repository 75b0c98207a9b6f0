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

import numpy as np
from numpy.typing import NDArray

from mulberry.runtime.child.answers import Answer, News, Speaker
from mulberry.runtime.child.grammar import Formed
from mulberry.runtime.child.interruption import Watch, unwatched
from mulberry.runtime.child.model import OnnxModel, Stopped, StopSign
from mulberry.runtime.child.sampling import Logits, Sampler, log_probability
from mulberry.runtime.child.thinking import Stage, Thoughts
from mulberry.runtime.wire import GenerationRequest

READING_SECONDS = 0.02  # prompts read between two steps, so that those who stream do not stutter; at least a chunk is
CHUNK_TOKENS = 64
WATCHED_FROM_SECONDS = 0.05  # a part of a prompt that takes longer is ended when its request is cancelled


class Batcher:
    """Runs answers on `model`; `stop_ids` are the tokens that end one. `watch` ends a part of a prompt early."""

    def __init__(
        self,
        model: OnnxModel,
        slots: int,
        stop_ids: frozenset[int],
        clock: Callable[[], float] = time.perf_counter,
        watch: Watch = unwatched,
    ) -> None:
        self.vocabulary = model.vocabulary
        self._model = model
        self._slots = slots
        self._speaker = Speaker(stop_ids, clock)
        self._clock = clock
        self._watch = watch
        self._quick: set[int] = set()  # lengths of a prompt's parts that were read quickly the last time
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

    def check(self, request: GenerationRequest) -> None:
        """All that a request may ask for can be kept."""

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
            ended = [
                row for row, token in enumerate(tokens.tolist()) if self._speaker.advance(self._rows[row], token, news)
            ]
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
            if not self._read_chunk(self._reading, news) or self._clock() >= until:
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

    def _read_chunk(self, answer: Answer, news: News) -> bool:
        """False: it was stopped, for the request is being cancelled."""
        row = len(self._rows)
        chunk = answer.prompt[answer.read : answer.read + CHUNK_TOKENS]
        try:
            logits = self._computed(row, answer, chunk)
        except Stopped:
            return False
        answer.read += len(chunk)
        if answer.read == len(answer.prompt):
            self._begin(row, answer, logits, news)
        return True

    def _computed(self, row: int, answer: Answer, chunk: list[int]) -> Logits:
        """Raises `Stopped`."""
        began = self._clock()
        if len(chunk) in self._quick:
            logits = self._model.read(row, answer.read, chunk)
        else:
            sign = StopSign()
            with self._watch(answer.number, sign.show):
                logits = self._model.read(row, answer.read, chunk, sign)
        if self._clock() - began < WATCHED_FROM_SECONDS:
            self._quick.add(len(chunk))
        else:
            self._quick.discard(len(chunk))
        return logits

    def _begin(self, row: int, answer: Answer, logits: Logits, news: News) -> None:
        """The prompt is read: the first token."""
        self._reading = None
        self._rows.append(answer)
        self._sampler.join(row, answer.sampling, answer.choice)
        tokens = self._choose(logits, row)
        self._model.next_tokens[row] = tokens
        if self._speaker.advance(answer, int(tokens[0]), news):
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
    if not logits.max() > -np.inf:  # the model computed no number for any of the others
        logits[~forbidden] = 0


def _common(one: list[int], other: list[int]) -> int:
    """With how many tokens both begin."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
