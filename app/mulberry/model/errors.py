"""Errors that are for the owner's eyes. Everything else that is raised is a bug and ends in the log."""

from dataclasses import dataclass
from enum import StrEnum

from mulberry.model.language import english


class WhoseTurn(StrEnum):
    """Who has to act before things go on."""

    YOU = "you"
    NETWORK = "the network"
    NVIDIA = "NVIDIA"
    INTEL = "Intel"
    NOBODY = "nobody"  # it goes on by itself, or nothing can be done: the next step says which


@dataclass(eq=False)
class UserFacingError(Exception):
    """What happened, why, what to do next and whose turn it is: four plain sentences, shown alike by window, CLI, log.

    `detail` is the technical evidence, one click or one log line away; never a secret, never a stack trace.
    """

    what: str
    why: str
    next_step: str
    whose_turn: WhoseTurn = WhoseTurn.YOU
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.why} {self.next_step}"

    @property
    def in_english(self) -> str:
        """For the log, and for whoever is not its owner."""
        return " ".join(map(english, (self.what, self.why, self.next_step)))
