"""The last questions of the demo's own customers, and their answers. Of other customers nothing is kept."""

from collections import deque
from dataclasses import dataclass

KEPT = 200


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished question. `answer` is what came, `error` why it did not ("" when it did)."""

    number: int  # 1, 2, 3 … in the order of their ends
    question: str
    answer: str
    expected: str
    latency_ms: float
    error: str = ""

    @property
    def is_right(self) -> bool:
        return not self.error and self.answer.strip() == self.expected


class Exchanges:
    """The newest `KEPT`, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self._count = 0

    def add(self, *, question: str, answer: str, expected: str, latency_ms: float, error: str = "") -> None:
        self._count += 1
        self._kept.append(Exchange(self._count, question, answer, expected, latency_ms, error))

    def after(self, number: int) -> list[Exchange]:
        """Those with a greater number."""
        return [exchange for exchange in self._kept if exchange.number > number]
