"""How what runs the model does at this moment: one job process, or one server of the owner's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineStats:
    """`name` is what it runs on, for people; `gpu` that GPU's UUID, "" elsewhere. `places` answers are written at once.

    `running` answers are written now, `waiting` ones wait for a place. `tokens_per_second` are those written lately, of
    answers that have ended: the last minute counts most. `restarts` since its start. `ready_seconds` it has been ready
    without a break; None: it is not. `memory_bytes` its process holds; None: it is not ready, or elsewhere.
    """

    name: str
    places: int
    running: int = 0
    waiting: int = 0
    tokens_per_second: float = 0.0
    restarts: int = 0
    ready_seconds: float | None = None
    memory_bytes: int | None = None
    gpu: str = ""
