"""What an answer may go on with: a grammar over bytes, read in all its possible ways at once.

A grammar is a finite tree of nodes (`child.schema` makes one of a JSON schema). A reading is a stack: what is being
read and what follows it. A state is the set of all readings that agree with the bytes so far; it is made when it is
first reached and kept, so that most bytes cost one look into a table. A set that grows too large loses its last
readings: what is left still leads only to answers that the grammar allows.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # [vocabulary]: which tokens may come next
Reading = tuple[Any, ...]  # () when all is read, else (node, how far it is read, the reading of what follows it)

READINGS_LIMIT = 256
EXPANSIONS_LIMIT = 16 * READINGS_LIMIT
KEPT_READINGS_LIMIT = 100_000  # in all states of one grammar together
KEPT_MASKS_BYTES = 16 << 20  # of one grammar
SECONDS_LIMIT = 5.0
TEXT_BYTES = frozenset(range(0x20, 0x7F)) - {0x22, 0x5C}  # within a JSON string they stand for themselves
NEVER_IN_UTF8 = {0xC0, 0xC1, *range(0xF5, 0x100)}


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """These bytes, at least one."""

    text: bytes


@dataclass(frozen=True, slots=True, eq=False)
class OneOf:
    """One byte of these."""

    allowed: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One part after the other; without parts, nothing."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """`part` must not be able to match nothing. `most` None: without end."""

    part: "Node"
    least: int = 0
    most: int | None = None


Node = Literal | OneOf | Row | Choice | Repeat


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """`complete`: the answer may end here."""

    readings: tuple[Reading, ...]
    complete: bool


class Automaton:
    """The states of the grammar `root`, made as they are needed."""

    def __init__(self, root: Node) -> None:
        self._states: dict[tuple[tuple[Reading, ...], bool], State] = {}
        self._after: dict[tuple[State, int], State | None] = {}
        self._kept = 0
        self.start = self._state([(root, 0, ())])

    def after(self, state: State, byte: int) -> State | None:
        """The state when `byte` follows, None when it must not."""
        try:
            return self._after[state, byte]
        except KeyError:
            pass
        following = [rest for reading in state.readings if (rest := _read(reading, byte)) is not None]
        reached = self._state(following) if following else None
        self._after[state, byte] = reached
        return reached

    def after_all(self, state: State | None, text: bytes) -> State | None:
        for byte in text:
            if state is None:
                return None
            state = self.after(state, byte)
        return state

    def _state(self, readings: list[Reading]) -> State:
        key = _expanded(readings)
        state = self._states.get(key)
        if state is None:
            if self._kept > KEPT_READINGS_LIMIT:
                self._states.clear()
                self._after.clear()
                self._kept = 0
            state = self._states[key] = State(*key)
            self._kept += 1 + len(state.readings)
        return state


def _read(reading: Reading, byte: int) -> Reading | None:
    """What is left of `reading`, which begins with bytes, after `byte`."""
    node, done, following = reading
    if isinstance(node, OneOf):
        return following if byte in node.allowed else None
    if node.text[done] != byte:
        return None
    return following if done + 1 == len(node.text) else (node, done + 1, following)


def _expanded(readings: Iterable[Reading]) -> tuple[tuple[Reading, ...], bool]:
    """The readings that begin with bytes, and whether one is at its end."""
    waiting = list(readings)[::-1]
    seen: set[Reading] = set()
    found: list[Reading] = []
    complete = False
    while waiting and len(found) < READINGS_LIMIT and (len(seen) < EXPANSIONS_LIMIT or not (found or complete)):
        reading = waiting.pop()
        if reading in seen:
            continue
        seen.add(reading)
        if not reading:
            complete = True
        elif isinstance(reading[0], Literal | OneOf):
            found.append(reading)
        else:
            waiting += _opened(*reading)
    return tuple(found), complete


def _opened(node: Row | Choice | Repeat, done: int, following: Reading) -> list[Reading]:
    """The readings that a node with parts stands for, the last to be looked at first."""
    match node:
        case Row(parts):
            if done == len(parts):
                return [following]
            rest = following if done + 1 == len(parts) else (node, done + 1, following)
            return [(parts[done], 0, rest)]
        case Choice(options):
            return [(option, 0, following) for option in reversed(options)]
        case Repeat(part, least, most):
            readings = [following] if done >= least else []
            if most is None or done < most:
                count = min(done + 1, least) if most is None else done + 1
                readings.append((part, 0, (node, count, following)))
            return readings


class Vocabulary:
    """The model's tokens in the order of their bytes, for finding those that a grammar allows.

    `size` is the logits'. `writes_all`: whatever a grammar asks for can be written, if need be byte by byte.
    """

    def __init__(self, bytes_of: Sequence[bytes], stop_ids: frozenset[int], size: int) -> None:
        self.bytes_of = bytes_of
        self.stop_ids = stop_ids
        self.size = size
        self.writes_all = set(range(0x100)) - NEVER_IN_UTF8 - set(range(0x20)) <= {
            word[0] for word in bytes_of[:size] if len(word) == 1
        }
        plain = np.zeros(size, np.bool_)
        words = sorted((word, token) for token, word in enumerate(bytes_of[:size]) if word and token not in stop_ids)
        for word, token in words:
            plain[token] = _is_plain(word)
        self._plain = plain
        self._all = _columns(words)
        self._edged = _columns((word, token) for word, token in words if not plain[token])

    def allowed(self, automaton: Automaton, state: State) -> Mask:
        """Which tokens keep the answer in the grammar. A stop token does when the answer may end."""
        mask = np.zeros(self.size, np.bool_)
        if state.complete:
            mask[list(self.stop_ids)] = True
        if not state.readings:
            return mask
        words, tokens = self._all
        if _is_inside_text(automaton, state):
            mask |= self._plain
            words, tokens = self._edged
        mask[[tokens[place] for place in _fitting(words, automaton, state)]] = True
        return mask


def _columns(words: Iterable[tuple[bytes, int]]) -> tuple[list[bytes], list[int]]:
    pairs = list(words)
    return [word for word, _ in pairs], [token for _, token in pairs]


def _is_plain(word: bytes) -> bool:
    """Whole characters that mean themselves within a JSON string."""
    try:
        text = word.decode()
    except UnicodeDecodeError:
        return False
    return not any(letter < " " or letter in '"\\' for letter in text)


def _is_inside_text(automaton: Automaton, state: State) -> bool:
    """Whether every character that means itself leads back to `state`, as between a JSON string's quotes."""
    samples = [bytes([byte]) for byte in TEXT_BYTES] + ["é".encode(), "€".encode(), "🫐".encode()]
    return all(automaton.after_all(state, sample) is state for sample in samples)


def _fitting(words: list[bytes], automaton: Automaton, start: State) -> Iterable[int]:
    """The places of the words that can follow. `words` are sorted, so that a beginning is looked at once."""
    path = b""
    states = [start]  # after each byte of `path`
    place = 0
    while place < len(words):
        word = words[place]
        shared = _shared(path, word)
        del states[shared + 1 :]
        path = word[:shared]
        while len(path) < len(word):
            state = automaton.after(states[-1], word[len(path)])
            if state is None:
                place = bisect_left(words, _past(word[: len(path) + 1]), place + 1)
                break
            states.append(state)
            path = word[: len(path) + 1]
        else:
            yield place
            place += 1


def _shared(one: bytes, other: bytes) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _past(beginning: bytes) -> bytes:
    """The first bytes, in order, that stand behind all that have this beginning."""
    cut = beginning.rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else beginning + b"\xff" * 1024


class Form:
    """The form of all answers to one request: its grammar, and the masks found so far.

    Everybody waits while a mask is made, so a request may take `SECONDS_LIMIT` of the processor for its masks and no
    more. Not by the clock: how busy the computer is must not end an answer.
    """

    def __init__(self, root: Node, vocabulary: Vocabulary, clock: Callable[[], float] = time.thread_time) -> None:
        self.automaton = Automaton(root)
        self.vocabulary = vocabulary
        self._masks: dict[State, Mask] = {}
        self._clock = clock
        self._spent_seconds = 0.0

    @property
    def is_exhausted(self) -> bool:
        return self._spent_seconds > SECONDS_LIMIT

    def allowed(self, state: State) -> Mask:
        mask = self._masks.get(state)
        if mask is None:
            if len(self._masks) * self.vocabulary.size > KEPT_MASKS_BYTES:
                self._masks.clear()
            begin = self._clock()
            mask = self._masks[state] = self.vocabulary.allowed(self.automaton, state)
            self._spent_seconds += self._clock() - begin
        return mask


class Formed:
    """How far one answer has come in its form."""

    __slots__ = ("_form", "_state")

    def __init__(self, form: Form) -> None:
        self._form = form
        self._state = form.automaton.start

    @property
    def allowed(self) -> Mask:
        return self._form.allowed(self._state)

    @property
    def is_exhausted(self) -> bool:
        return self._form.is_exhausted

    def take(self, token: int) -> None:
        """The answer goes on with an allowed `token` that does not end it."""
        state = self._form.automaton.after_all(self._state, self._form.vocabulary.bytes_of[token])
        if state is None:
            raise ValueError("a token that the form does not allow")
        self._state = state
