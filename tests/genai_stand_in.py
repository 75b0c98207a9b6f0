"""The part of onnxruntime-genai 0.18.0 that the adapter uses, without a model: it says the prompt again and ends.

As the real one was seen to behave on the CPU: up to four rows at once, whoever comes later waits until all of those
have ended, no seeds, the end token is not told, a closed request is gone at once.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, IntFlag
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 4


class EngineEventFlags(IntFlag):
    NONE = 0
    TOKEN = 1
    TURN_FINISHED = 2
    CAPACITY_BLOCKED = 4
    FAILED = 8


class FinishReason(Enum):
    NONE = 0
    EOS = 1
    MAX_GENERATED_TOKENS = 3
    CANCELLED = 5


@dataclass(frozen=True, slots=True)
class EngineEvent:
    request: "Request"
    flags: EngineEventFlags
    token: int | None
    finish_reason: FinishReason
    error_code: str = "NONE"


class Config:
    def __init__(self, folder: str) -> None:
        self.settings: dict[str, Any] = json.loads((Path(folder) / "genai_config.json").read_text("utf-8"))
        self.provider = "a provider of the file"

    def clear_providers(self) -> None:
        self.provider = "CPU"

    def append_provider(self, name: str) -> None:
        self.provider = name.upper()

    def overlay(self, text: str) -> None:
        self.settings |= json.loads(text)


class Model:
    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def device_type(self) -> str:
        return self.config.provider


class TurnOptions:
    def __init__(self, request: "Request") -> None:
        self.said: dict[str, Any] = {}
        self._is_paged = request.engine.is_paged

    def set_max_generated_tokens(self, count: int) -> None:
        self.said["limit"] = count

    def set_do_sample(self, drawn: bool) -> None:
        self.said["drawn"] = drawn

    def set_temperature(self, temperature: float) -> None:
        self.said["temperature"] = temperature

    def set_top_p(self, top_p: float) -> None:
        self.said["top_p"] = top_p

    def set_top_k(self, top_k: int) -> None:
        self.said["top_k"] = top_k

    def set_seed(self, seed: int) -> None:
        if not 0 <= seed < 2**64:
            raise TypeError("set_seed(): incompatible function arguments")
        self.said["seed"] = seed


@dataclass(eq=False)
class Request:
    engine: "Engine"
    said: dict[str, Any] = field(default_factory=dict)
    left: deque[int] = field(default_factory=deque)
    count: int = 0

    def begin_turn(self, tokens: NDArray[np.int32], options: TurnOptions) -> int:
        if tokens.dtype != np.int32:
            raise TypeError("begin_turn(): incompatible function arguments")
        if "seed" in options.said and not self.engine.is_paged:
            raise RuntimeError("A per-turn seed requires an Engine configured for dynamic batching.")
        self.said = options.said
        self.left = deque(tokens.tolist())
        self.engine.waiting.append(self)
        return 1

    def close(self) -> None:
        for requests in (self.engine.waiting, self.engine.rows):
            if self in requests:
                requests.remove(self)


class Engine:
    def __init__(self, model: Model) -> None:
        self.settings = model.config.settings["engine"]
        self.is_paged = "dynamic_batching" in self.settings
        self.waiting: list[Request] = []
        self.rows: list[Request] = []
        self.is_broken = False

    def create_event_buffer(self, capacity: int) -> int:
        return capacity

    def create_request(self) -> Request:
        return Request(self)

    def run(self, capacity: int) -> list[EngineEvent]:
        if not self.rows:
            self.rows, self.waiting = self.waiting[:ROWS], self.waiting[ROWS:]
        events = [self._next(request) for request in list(self.rows)]
        self.rows = [event.request for event in events if not event.flags & EngineEventFlags.TURN_FINISHED]
        return events

    def _next(self, request: Request) -> EngineEvent:
        if self.is_broken:
            failure = "ENGINE_EXECUTION_FAILURE"
            return EngineEvent(request, EngineEventFlags.FAILED, None, FinishReason.NONE, failure)
        if not request.left:
            return EngineEvent(request, EngineEventFlags.TURN_FINISHED, None, FinishReason.EOS)
        request.count += 1
        is_last = request.count == request.said["limit"]
        flags = EngineEventFlags.TOKEN | (EngineEventFlags.TURN_FINISHED if is_last else EngineEventFlags.NONE)
        reason = FinishReason.MAX_GENERATED_TOKENS if is_last else FinishReason.NONE
        return EngineEvent(request, flags, request.left.popleft(), reason)
