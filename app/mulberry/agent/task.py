"""What a start-up task is, and how it may end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mulberry.agent.bench import Bench
from mulberry.model.node import Reason


@dataclass(frozen=True, slots=True)
class Done:
    note: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    why: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The start-up ends here. It is tried again by itself unless it is the owner's turn."""

    reason: Reason


Outcome = Done | Skipped | Blocked
Progress = Callable[[str], None]


class Task(Protocol):
    name: str  # what the owner reads

    async def run(self, bench: Bench, progress: Progress) -> Outcome: ...
