"""What an engine is to the rest of the agent: requests in, pieces of text out, two ways to fail."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from mulberry.model.engine import EngineStats
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import tr
from mulberry.runtime.sandbox.provider import Confinement
from mulberry.runtime.wire import Finish, GenerationRequest

JsonObject = dict[str, Any]

THE_CPU = tr("the CPU")
OWN_SERVERS = tr("your own servers")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, all its answers together. A prompt counts once however many answers it gets.

    `completion_tokens` are all that the model generated: the end token and the tokens of a stop string too, as
    vLLM counts. `cached_tokens` are those of the prompt that were not read again, `reasoning_tokens` those of the
    completion that the model thought.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Further text of answer `choice`, and what the model thought before it. `finish` ends that answer.

    `usage` comes with the request's last piece; `log_probability` with the end of a `scored` request's answer: the
    mean of its tokens'.
    """

    choice: int
    text: str
    finish: Finish | None = None
    usage: Usage | None = None
    thoughts: str = ""
    log_probability: float | None = None


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """What an encoder made of some texts: a row of numbers each, a vector or a score for each label. `tokens` are those
    of all texts together."""

    rows: tuple[tuple[float, ...], ...]
    tokens: int


class EngineState(StrEnum):
    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"  # it broke and starts again by itself
    BROKEN = "broken"  # it broke too often, or the model cannot be used: somebody must look


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """`note` is a plain sentence or two: progress while loading, what broke otherwise; "" when all is well.

    `confinement` is what the job process showed of its sandbox, once it has. `runs_on` is what the model has computed
    on, for people: "the CPU", a GPU's name; "" while nothing has. `next_step` is what may help and `whose_turn` who has
    to act, where the engine knows.
    """

    state: EngineState
    note: str = ""
    confinement: Confinement | None = None
    runs_on: str = ""
    next_step: str = ""
    whose_turn: WhoseTurn = WhoseTurn.NOBODY


@dataclass(eq=False)
class EngineRefused(Exception):
    """The request is the customer's mistake, or too much at this moment (`http_status` 503). Nothing was run.

    `parameter` is the field at fault, where it is one.
    """

    http_status: int
    message: str
    code: str
    parameter: str | None = None

    def __str__(self) -> str:
        return self.message

    @property
    def body(self) -> JsonObject:
        """The error as OpenAI's API writes it."""
        kind = "invalid_request_error" if self.http_status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.parameter, "code": self.code}}


class EngineFailed(Exception):
    """Our side broke: the job process died, hung, lied, or is not there. The text is a plain sentence."""


class Engine(Protocol):
    @property
    def default_temperature(self) -> float:
        """The temperature of a request that names none."""
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """Runs `request`. Closing the generator ends the request and frees its place.

        Raises `EngineRefused` before the first piece, `EngineFailed` at any time.
        """
        ...


class RunningEngine(Engine, Protocol):
    """An engine that can be started and stopped: `runtime.supervisor.Supervisor`, what is made of some, or a test's."""

    @property
    def status(self) -> EngineStatus: ...

    @property
    def places(self) -> int:
        """How many answers the network may ask it for at once; what is more waits for its turn, or is refused."""
        ...

    def stats(self) -> tuple[EngineStats, ...]:
        """Of each job process, or each server, that it is made of."""
        ...

    async def start(self) -> None:
        """Returns when the model is loaded. Raises `EngineFailed`: it cannot be; nothing runs then."""
        ...

    async def stop(self) -> None:
        """Ends all requests."""
        ...


class TextEncoder(Protocol):
    """An engine for a model that writes nothing."""

    async def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Raises `EngineRefused`: these texts cannot be read; `EngineFailed`. Cancelled, it frees its place."""
        ...
