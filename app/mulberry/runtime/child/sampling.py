"""The next token of every row, all rows at once. No row's choice depends on its neighbours.

Vocabularies are large, and sorting one takes longer than some models: a token is drawn from the whole distribution, and
drawn again when it is not among the fewest likeliest that hold `top_p` of it. To know that, only what is likelier has
to be added up.
"""

import numpy as np
from numpy.typing import NDArray

from mulberry.runtime.wire import Sampling

Logits = NDArray[np.float32]  # [rows, vocabulary]
Weights = NDArray[np.float32]  # [rows, vocabulary] or one row: tokens' shares of an unknown whole
GREEDY_BELOW = 1e-5  # a smaller temperature is none: dividing by it would only overflow
BLOCK = 256  # columns that are added up together
DRAWS = 16  # after these `top_p` is small, and sorting what is left is cheaper


class Sampler:
    """The sampling state of `slots` rows. Greedy rows cost one argmax and nothing else."""

    def __init__(self, slots: int, vocabulary: int) -> None:
        self._temperature = np.zeros(slots, np.float32)
        self._top_p = np.ones(slots)
        self._streams: list[np.random.Generator | None] = [None] * slots
        self._penalties: list[Penalties | None] = [None] * slots
        self._blocks = np.arange(0, vocabulary, BLOCK)

    def join(self, row: int, sampling: Sampling, choice: int) -> None:
        """`choice` gives the answers of one request different streams of the same seed."""
        if sampling.temperature >= GREEDY_BELOW and sampling.top_p > 0:
            self._temperature[row] = sampling.temperature
            self._top_p[row] = sampling.top_p
            self._streams[row] = np.random.Generator(np.random.PCG64([sampling.seed % 2**64, choice]))
        if sampling.frequency_penalty or sampling.presence_penalty:
            self._penalties[row] = Penalties(sampling.frequency_penalty, sampling.presence_penalty)

    def leave(self, row: int) -> None:
        self._temperature[row] = 0
        self._streams[row] = None
        self._penalties[row] = None

    def move(self, source: int, target: int) -> None:
        """`target` is free; afterwards `source` is."""
        self._temperature[target], self._top_p[target] = self._temperature[source], self._top_p[source]
        self._streams[target], self._penalties[target] = self._streams[source], self._penalties[source]
        self.leave(source)

    def choose(self, logits: Logits, first_row: int = 0) -> NDArray[np.int64]:
        """One token for each row of `logits`, which belong to the rows from `first_row`; may change `logits`."""
        rows = slice(first_row, first_row + len(logits))
        penalised = [(row, due) for row, due in enumerate(self._penalties[rows]) if due is not None]
        for row, due in penalised:
            due.take_from(logits[row])
        tokens: NDArray[np.int64] = logits.argmax(axis=1)
        drawn = np.flatnonzero(self._temperature[rows])
        if len(drawn):
            self._draw(logits, tokens, drawn, first_row)
        for row, due in penalised:
            due.count(int(tokens[row]))
        return tokens

    def _draw(self, logits: Logits, tokens: NDArray[np.int64], drawn: NDArray[np.int64], first_row: int) -> None:
        weights = logits if len(drawn) == len(logits) else logits[drawn]
        weights -= weights[np.arange(len(drawn)), tokens[drawn], None]
        weights /= self._temperature[first_row + drawn, None]
        np.exp(weights, out=weights)
        sums = np.add.reduceat(weights, self._blocks, axis=1, dtype=np.float64).cumsum(axis=1)
        for row, own, running in zip(drawn.tolist(), weights, sums, strict=True):
            if not np.isfinite(running[-1]):  # the model computed no numbers; the likeliest one is as good as any
                continue
            stream = self._streams[first_row + row]
            assert stream is not None  # noqa: S101 - it has a temperature
            tokens[row] = _drawn(own, running, float(self._top_p[first_row + row]), stream)


class Penalties:
    """OpenAI's, for the tokens of one answer: each costs `once`, and `per_occurrence` each time that it comes."""

    __slots__ = ("_due", "_once", "_per_occurrence", "_places", "_tokens")

    def __init__(self, per_occurrence: float, once: float) -> None:
        self._per_occurrence = per_occurrence
        self._once = once
        self._places: dict[int, int] = {}
        self._tokens = np.zeros(64, np.int64)
        self._due = np.zeros(64, np.float32)

    def take_from(self, row: NDArray[np.float32]) -> None:
        """`row` is the answer's logits, [vocabulary]."""
        count = len(self._places)
        row[self._tokens[:count]] -= self._due[:count]

    def count(self, token: int) -> None:
        place = self._places.get(token)
        if place is None:
            place = self._places[token] = len(self._places)
            if place == len(self._tokens):
                self._tokens = np.resize(self._tokens, 2 * place)
                self._due = np.resize(self._due, 2 * place)
            self._tokens[place] = token
            self._due[place] = self._once
        self._due[place] += self._per_occurrence


def log_probability(logits: NDArray[np.float32], token: int) -> float:
    """Of `token` by one row of logits [vocabulary], in natural logarithms; at most 0."""
    scores = logits.astype(np.float64)
    highest = scores.max()
    return min(0.0, float(scores[token] - highest - np.log(np.exp(scores - highest).sum())))


def _drawn(weights: Weights, sums: NDArray[np.float64], top_p: float, stream: np.random.Generator) -> int:
    """A column of one row of `weights`, drawn by its weight among the fewest likeliest that hold `top_p` of the whole.

    `sums` are running ones, of its blocks.
    """
    if top_p >= 1:
        return _pick(weights, sums, stream.random())
    held = top_p * sums[-1]
    for _ in range(DRAWS):
        token = _pick(weights, sums, stream.random())
        if _before(weights, token) < held:
            return token
    order = np.argsort(-weights, kind="stable")
    falling = weights[order].cumsum(dtype=np.float64)
    kept = order[: int(falling.searchsorted(held)) + 1]
    return int(kept[falling[: len(kept)].searchsorted(stream.random() * falling[len(kept) - 1], side="right")])


def _pick(weights: Weights, sums: NDArray[np.float64], luck: float) -> int:
    """The column where the running sum of `weights` passes `luck` (0 to 1) of the whole; never one without weight."""
    reached = min(luck * sums[-1], np.nextafter(sums[-1], 0))
    block = int(sums.searchsorted(reached, side="right"))
    begin = block * BLOCK
    within = weights[begin : begin + BLOCK]
    running = within.cumsum(dtype=np.float64)
    column = int(running.searchsorted(reached - (sums[block - 1] if block else 0.0), side="right"))
    if column == len(within):  # the two ways of adding up differ in the last digit
        column = int(np.flatnonzero(within)[-1])
    return begin + column


def _before(weights: Weights, token: int) -> float:
    """How much is likelier than `token`; of equally likely ones, those that stand before it."""
    own = weights[token]
    likelier = float(weights.dot(weights > own))
    return likelier + float(own) * int(np.count_nonzero(weights[:token] == own))
