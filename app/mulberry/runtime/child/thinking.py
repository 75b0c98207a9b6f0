"""The part of an answer that the model thinks before it speaks, told apart by two tokens of its own.

A template may have opened the thoughts at the end of the prompt already, or opened and closed them at once so that
there are none. Otherwise the answer's first token decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mulberry.runtime.child.text import AnswerText


@dataclass(frozen=True, slots=True)
class Markers:
    """The ids of the tokens that open and close the thoughts."""

    opening: int
    closing: int


class Stage(Enum):
    UNDECIDED = auto()
    THINKING = auto()
    SPEAKING = auto()


class Thoughts:
    """One answer's. `count` is the number of tokens in them, without the two that mark them."""

    __slots__ = ("_markers", "_text", "count", "stage")

    def __init__(self, markers: Markers, stage: Stage, bytes_of: Sequence[bytes]) -> None:
        self._markers = markers
        self._text = AnswerText(bytes_of)
        self.stage = stage
        self.count = 0

    def take(self, token: int) -> str | None:
        """What the answer's next token adds to its thoughts; None when it is no part of them."""
        if self.stage is Stage.THINKING:
            if token == self._markers.closing:
                self.stage = Stage.SPEAKING
                return self._text.rest()
            self.count += 1
            return self._text.add(token)
        if self.stage is Stage.UNDECIDED:
            if token == self._markers.opening:
                self.stage = Stage.THINKING
                return ""
            self.stage = Stage.SPEAKING
        return None

    def rest(self) -> str:
        """What was held back, when the answer ends within its thoughts."""
        return self._text.rest() if self.stage is Stage.THINKING else ""

    @property
    def may_open(self) -> int | None:
        """The token that may still open them, whatever form the answer has."""
        return self._markers.opening if self.stage is Stage.UNDECIDED else None


def stage_after(opening: Sequence[int], markers: Markers) -> Stage:
    """Where an answer begins when the template wrote `opening` before it."""
    for token in reversed(opening):
        if token == markers.opening:
            return Stage.THINKING
        if token == markers.closing:
            return Stage.SPEAKING
    return Stage.UNDECIDED
