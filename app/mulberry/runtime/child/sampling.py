"""The next token of every row, all rows at once. No row's choice depends on its neighbours."""

import numpy as np
from numpy.typing import NDArray

from mulberry.runtime.wire import Sampling

Logits = NDArray[np.float32]  # [rows, vocabulary]
Weights = NDArray[np.float32]  # the same, as shares of an unknown whole
SORTED_COLUMNS = (512, 8192)  # tried one after the other: sorting a whole vocabulary takes longer than some models
GREEDY_BELOW = 1e-5  # a smaller temperature is none: dividing by it would only overflow


class Sampler:
    """The sampling state of `slots` rows. Greedy rows cost one argmax and nothing else."""

    def __init__(self, slots: int, vocabulary: int) -> None:
        self._temperature = np.zeros(slots)
        self._top_p = np.ones(slots)
        self._penalties = np.zeros((slots, 2), np.float32)  # per occurrence, once
        self._counts = np.zeros((slots, vocabulary), np.float32)  # of each token in the answer; only where penalised
        self._streams: list[np.random.Generator | None] = [None] * slots
        self._sampled = 0
        self._penalised = 0

    def join(self, row: int, sampling: Sampling, choice: int) -> None:
        """`choice` gives the answers of one request different streams of the same seed."""
        if sampling.temperature >= GREEDY_BELOW:
            self._temperature[row] = sampling.temperature
            self._top_p[row] = sampling.top_p
            self._streams[row] = np.random.Generator(np.random.PCG64([sampling.seed % 2**64, choice]))
            self._sampled += 1
        penalties = (sampling.frequency_penalty, sampling.presence_penalty)
        if any(penalties):
            self._penalties[row] = penalties
            self._counts[row] = 0
            self._penalised += 1

    def leave(self, row: int) -> None:
        self._sampled -= self._streams[row] is not None
        self._penalised -= bool(self._penalties[row].any())
        self._temperature[row] = 0
        self._top_p[row] = 1
        self._penalties[row] = 0
        self._streams[row] = None

    def move(self, source: int, target: int) -> None:
        """`target` is free; afterwards `source` is."""
        for array in (self._temperature, self._top_p, self._penalties):
            array[target] = array[source]
            array[source] = 0
        if self._penalties[target].any():
            self._counts[target] = self._counts[source]
        self._streams[target], self._streams[source] = self._streams[source], None

    def choose(self, logits: Logits, first_row: int = 0) -> NDArray[np.int64]:
        """One token for each row of `logits`, which belong to the rows from `first_row`; may change `logits`."""
        rows = slice(first_row, first_row + len(logits))
        if self._penalised:
            counts = self._counts[rows]
            per_occurrence, once = self._penalties[rows, :1], self._penalties[rows, 1:]
            logits -= per_occurrence * counts + once * (counts > 0)
        tokens: NDArray[np.int64] = logits.argmax(axis=1)
        if self._sampled:
            self._draw(logits, tokens, first_row)
        if self._penalised:
            self._counts[np.arange(rows.start, rows.stop), tokens] += 1
        return tokens

    def _draw(self, logits: Logits, tokens: NDArray[np.int64], first_row: int) -> None:
        temperature = self._temperature[first_row : first_row + len(logits)]
        top_p = self._top_p[first_row : first_row + len(logits)]
        for picked, cut in ((temperature > 0) & (top_p >= 1), False), ((temperature > 0) & (top_p < 1), True):
            chosen = np.flatnonzero(picked)
            if not len(chosen):
                continue
            weights = logits[chosen]
            weights -= weights.max(axis=1, keepdims=True)
            weights /= temperature[chosen, None].astype(np.float32)
            np.exp(weights, out=weights)
            streams = [self._streams[first_row + row] for row in chosen]
            luck = np.array([stream.random() for stream in streams if stream is not None])[:, None]
            tokens[chosen] = _nucleus(weights, luck, top_p[chosen, None]) if cut else _pick(weights, luck)


def log_probability(logits: NDArray[np.float32], token: int) -> float:
    """Of `token` by one row of logits [vocabulary], in natural logarithms; at most 0."""
    scores = logits.astype(np.float64)
    highest = scores.max()
    return min(0.0, float(scores[token] - highest - np.log(np.exp(scores - highest).sum())))


def _pick(weights: Weights, luck: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column where the running sum of `weights` passes `luck` (0 to 1) of the whole, row by row."""
    sums = weights.cumsum(axis=1, dtype=np.float64)
    rows = zip(sums, luck[:, 0] * sums[:, -1], strict=True)
    return np.array([row[:-1].searchsorted(reached, side="right") for row, reached in rows])


def _nucleus(weights: Weights, luck: NDArray[np.float64], top_p: NDArray[np.float64]) -> NDArray[np.int64]:
    """As `_pick`, among the fewest likeliest columns that hold `top_p` of the whole; at least one."""
    held = top_p * weights.sum(axis=1, keepdims=True, dtype=np.float64)
    order = _likeliest(weights, held)
    falling = np.take_along_axis(weights, order, axis=1)
    before = falling.cumsum(axis=1, dtype=np.float64) - falling
    falling[:, 1:][before[:, 1:] >= held] = 0
    picked = _pick(falling, luck)
    tokens: NDArray[np.int64] = np.take_along_axis(order, picked[:, None], axis=1)[:, 0]
    return tokens


def _likeliest(weights: Weights, held: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns in falling order, row by row: as many as hold `held`, or all."""
    for count in SORTED_COLUMNS:
        if count < weights.shape[1]:
            some = np.sort(np.argpartition(weights, -count, axis=1)[:, -count:], axis=1)
            chosen = np.take_along_axis(weights, some, axis=1)
            if (chosen.sum(axis=1, keepdims=True, dtype=np.float64) >= held).all():
                order: NDArray[np.int64] = np.take_along_axis(some, np.argsort(-chosen, axis=1, kind="stable"), axis=1)
                return order
    return np.argsort(-weights, axis=1, kind="stable")
