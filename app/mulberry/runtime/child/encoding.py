"""The work of a job process with an encoder: one request after the other, a batch of its texts at a time."""

from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mulberry.runtime.child.encoder import BATCH_TOKENS, OnnxEncoder, Rows, TextReader, batches
from mulberry.runtime.child.prompt import PromptRefused
from mulberry.runtime.child.provider import prove
from mulberry.runtime.frames import WireError
from mulberry.runtime.wire import Cancel, Encode, Encoded, LoadEncoder, Refused, Step, ToChild, ToParent

SIGN_OF_LIFE = Step()


@dataclass(slots=True)
class _Reading:
    """A request whose texts are tokens. `left` are the batches that were not read yet."""

    number: int
    texts: list[list[int]]
    left: list[list[int]]
    rows: Rows


class ChildEncoder:
    """Everything but the socket. Raises whatever loading raises."""

    def __init__(self, load: LoadEncoder, progress: Callable[[str], None]) -> None:
        progress("Reading the tokenizer")
        self._reader = TextReader(Path(load.folder), load.context_tokens, load.padding)
        progress("Reading the model")
        prove(load.provider)
        self._encoder = OnnxEncoder(load, self._reader.padding)
        self._encoder.warm_up()
        self._width = load.width
        self._batch_tokens = BATCH_TOKENS[load.provider]
        self._waiting_limit = load.waiting_limit
        self._inbox: deque[Encode] = deque()
        self._reading: _Reading | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._inbox) or self._reading is not None

    def take(self, messages: list[ToChild]) -> list[ToParent]:
        """Returns the refusals."""
        refusals: list[ToParent] = []
        for message in messages:
            match message:
                case Encode(number) if len(self._inbox) >= self._waiting_limit:
                    refusals.append(Refused(number, 503, "overloaded", "too many requests are waiting already"))
                case Encode():
                    self._inbox.append(message)
                case Cancel(number):
                    self._inbox = deque(waiting for waiting in self._inbox if waiting.number != number)
                    if self._reading is not None and self._reading.number == number:
                        self._reading = None
                case _:
                    raise WireError("no message for an encoder")
        return refusals

    def step(self) -> ToParent:
        """Reads one batch, or the tokens of the next request. What came of it, if nothing else a sign of life."""
        if self._reading is None:
            order = self._inbox.popleft()
            texts: list[list[int]] = []
            try:
                texts.extend(map(self._reader.ids, order.texts))
            except PromptRefused as refused:
                told = f"text {len(texts) + 1} of {len(order.texts)}: {refused.text}"
                return Refused(order.number, refused.http_status, refused.code, told)
            rows = np.zeros((len(texts), self._width), np.float32)
            together = batches([len(tokens) for tokens in texts], self._batch_tokens)
            self._reading = _Reading(order.number, texts, together, rows)
            return SIGN_OF_LIFE
        reading = self._reading
        places = reading.left.pop()
        reading.rows[places] = self._encoder.rows([reading.texts[place] for place in places])
        if reading.left:
            return SIGN_OF_LIFE
        self._reading = None
        if not np.isfinite(reading.rows).all():
            return Refused(reading.number, 500, "no_number", "the model found no number for one of the texts")
        numbers = b64encode(reading.rows.astype("<f4").tobytes()).decode()
        return Encoded(reading.number, sum(map(len, reading.texts)), numbers)
