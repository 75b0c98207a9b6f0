"""What the agent and the job process say to each other: JSON in length-prefixed frames over one socket pair.

The only module that both sides share, so it is made of the standard library alone. A frame is a little-endian
uint32 with the number of bytes that follow, then one JSON object: the fields of one of the dataclasses below and
`kind`, the class's name. The annotations of the dataclasses *are* the format: what does not fit them is refused
with `WireError`, whoever sent it, for the job process runs strangers' prompts and may lie.
"""

import json
import struct
import types
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntFlag, StrEnum, auto
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

TO_CHILD_LIMIT_BYTES = 64 << 20  # a prompt may fill the network's largest frame (16 MiB), JSON may triple it
TO_PARENT_LIMIT_BYTES = 4 << 20

_LENGTH = struct.Struct("<I")


class WireError(ValueError):
    """The other side did not keep the format. Says where, never quotes what it sent."""


class Finish(StrEnum):
    """Why an answer ended, in OpenAI's words."""

    STOP = "stop"  # the model's end token, or one of the request's stop strings
    LENGTH = "length"  # max_tokens, or the model's context is full


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation. The role is one of ours, the content is the customer's."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Temperature 0 takes the likeliest one and looks at nothing else but penalties.

    Penalties are OpenAI's: subtracted from a token's logit, once and per earlier occurrence in the answer.
    """

    seed: int
    temperature: float = 0.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One request of a customer. Each prompt is a conversation (goes through the chat template) or plain text.

    It gets `choices` answers per prompt, numbered prompt by prompt. `max_tokens` None: as many as the engine gives.
    Without `stream` all text of an answer comes in one piece. `template_options` go to the chat template. `schema` is
    a JSON schema in JSON text to which every answer keeps. `scored`: how likely each answer was is told with its end.
    """

    prompts: tuple[tuple[Turn, ...] | str, ...]
    sampling: Sampling
    max_tokens: int | None = None
    choices: int = 1
    stop: tuple[str, ...] = ()
    stream: bool = True
    template_options: tuple[tuple[str, bool | str], ...] = ()
    schema: str | None = None
    shows_control_tokens: bool = False
    scored: bool = False


class ProfileName(StrEnum):
    """What a job may still do: `runtime.child.confinement.profiles`. NONE leaves the process as it is."""

    NONE = "none"
    CPU = "cpu"
    CUDA = "cuda"


class Provider(StrEnum):
    """What a model computes on, as manifests name it."""

    CPU = "cpu"
    CUDA = "cuda"


class Canary(IntFlag):
    """What the job process tried by itself before any job: a bit is set where the outcome was as it must be."""

    NOT_ROOT = auto()
    NO_CAPABILITIES = auto()
    NO_NEW_PRIVILEGES = auto()
    CALLS_FILTERED = auto()
    HOME_CLOSED = auto()
    USERS_CLOSED = auto()
    NOTHING_WRITABLE = auto()
    NETWORK_CLOSED = auto()
    NO_FORK = auto()
    NO_EXEC = auto()
    DEVICES_CLOSED = auto()
    AGENT_UNSEEN = auto()
    MODEL_RUNS = auto()


ALL_CANARIES = ~Canary(0)


# From the agent to the job process. A closed socket says: end now.


@dataclass(frozen=True, slots=True)
class Enter:
    """The first message: what to give up. Paths and ids are the job process's own view of the computer.

    `readable` are folders it may read and run code from, `model` one that it may read. `user` is who it becomes after
    its imports when it was started as root. Limits are rlimits, None: as they are. `home` and `agent` (a process id)
    are what it must not see. `devices` are the GPU's.
    """

    profile: ProfileName
    readable: tuple[str, ...]
    devices: tuple[str, ...]
    model: str
    user: int | None
    address_space_bytes: int | None
    processes: int | None
    open_files: int | None
    home: str
    agent: int


@dataclass(frozen=True, slots=True)
class Inspect:
    """Read this model without running it, and say what is wrong with it. Instead of `Load`.

    `files` are all of the folder's names with their sizes, `graphs` and `configurations` those to read.
    """

    folder: str
    graphs: tuple[str, ...]
    configurations: tuple[str, ...]
    files: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Which model, and how much of this computer it may use. Comes when the job process has shown its confinement."""

    folder: str
    context_tokens: int
    stop_tokens: tuple[str, ...]
    slots: int  # answers generated at the same time
    waiting_limit: int  # answers that may wait for a slot
    threads: int
    thinking: tuple[str, str] | None = None  # the tokens between which the model thinks aloud
    provider: Provider = Provider.CPU
    configuration: str = "genai_config.json"  # the file that describes this variant's graph


@dataclass(frozen=True, slots=True)
class Submit:
    number: int
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


# From the job process to the agent


@dataclass(frozen=True, slots=True)
class Entered:
    """What it gave up, by its own trial: `Canary` bits, the version of Landlock (0: none) and its user's number."""

    passed: int
    landlock: int
    user: int


@dataclass(frozen=True, slots=True)
class Inspected:
    """The verdict on a model: the sentences against it, none if it may run. `operators` with how often each stands
    in it, `weights` are stored numbers."""

    reasons: tuple[str, ...]
    operators: tuple[tuple[str, int], ...]
    weights: int


@dataclass(frozen=True, slots=True)
class Note:
    """Progress while loading, for the owner's eyes."""

    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and has computed, on `provider`."""

    load_seconds: float
    provider: Provider


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The model cannot be used at all; trying again would not help."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """This request cannot be run as it is. `code` and `text` are for the customer, so is the `parameter` at fault."""

    number: int
    http_status: int
    code: str
    text: str
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Everything that one turn of the decode loop brought, for all requests. An empty one is a sign of life.

    `accepted`: (number, tokens of all its prompts), once. `cached`: (number, prompt tokens that were not read again).
    `thoughts`, `pieces`: (number, choice, text); an answer's thoughts come before its text.
    `details`: (number, choice, tokens of its thoughts, mean log-probability of a token), for some, before their end.
    `ends`: (number, choice, why, completion tokens: all that the model generated, its end token too, as vLLM counts).
    """

    accepted: tuple[tuple[int, int], ...] = ()
    pieces: tuple[tuple[int, int, str], ...] = ()
    ends: tuple[tuple[int, int, Finish, int], ...] = ()
    thoughts: tuple[tuple[int, int, str], ...] = ()
    details: tuple[tuple[int, int, int, float], ...] = ()
    cached: tuple[tuple[int, int], ...] = ()


ToChild = Enter | Inspect | Load | Submit | Cancel
ToParent = Entered | Inspected | Note | Ready | LoadFailed | Refused | Step

_M = TypeVar("_M")
_Check = Callable[[Any], Any]


class FrameReader:
    """Cuts a byte stream into frames. Takes no memory for a frame that announces more than `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()

    def feed(self, untrusted_bytes: bytes) -> list[bytes]:
        """The frames that are complete now, without their length. Raises `WireError` at an oversize length."""
        buffer = self._buffer
        buffer += untrusted_bytes
        frames = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > self._limit_bytes:
                raise WireError(f"a frame of {length:,} bytes, allowed are {self._limit_bytes:,}")
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[start + _LENGTH.size : end]))
            start = end
        if start:
            del buffer[:start]
        return frames


def pack(message: ToChild | ToParent, limit_bytes: int) -> bytes:
    """One whole frame. Raises `WireError` when it would be larger than the other side reads."""
    body = _ENCODER.encode({"kind": type(message).__name__, **_as_object(message)}).encode()
    if len(body) > limit_bytes:
        raise WireError(f"a frame of {len(body):,} bytes, allowed are {limit_bytes:,}")
    return _LENGTH.pack(len(body)) + body


def message_to_child(untrusted_frame: bytes) -> ToChild:
    """Raises `WireError`."""
    return _message(untrusted_frame, _TO_CHILD)


def message_to_parent(untrusted_frame: bytes) -> ToParent:
    """Raises `WireError`."""
    return _message(untrusted_frame, _TO_PARENT)


def _message(untrusted_frame: bytes, kinds: dict[str, Callable[[Any], _M]]) -> _M:
    try:
        untrusted = _DECODER.decode(untrusted_frame.decode())
    except WireError:
        raise
    except (ValueError, RecursionError):
        raise WireError("a frame that is not JSON") from None
    kind = untrusted.pop("kind", None) if isinstance(untrusted, dict) else None
    check = kinds.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise WireError("a frame of unknown kind")
    return check(untrusted)


def _refuse_constant(name: str) -> None:
    raise WireError(f"{name} is not JSON")


def _as_object(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_as_object)


# The annotations, compiled once into functions that check and build


def _checker(annotation: Any, place: str) -> _Check:
    origin = get_origin(annotation)
    if origin is tuple:
        return _tuple_checker(get_args(annotation), place)
    if origin in (Union, types.UnionType):
        return _union_checker(get_args(annotation), place)
    if hasattr(annotation, "__dataclass_fields__"):
        return _object_checker(annotation, place)
    if issubclass(annotation, StrEnum):
        return _enum_checker(annotation, place)
    return _plain_checker(annotation, place)


def _plain_checker(expected: type, place: str) -> _Check:
    def check(untrusted: Any) -> Any:
        if type(untrusted) is expected:  # exactly: to Python, True is an int
            return untrusted
        if expected is float and type(untrusted) is int and abs(untrusted) < 2**53:
            return float(untrusted)
        raise WireError(f"{place} is not {expected.__name__}")

    return check


def _enum_checker(enum: type[StrEnum], place: str) -> _Check:
    members = {member.value: member for member in enum}

    def check(untrusted: Any) -> Any:
        if isinstance(untrusted, str) and untrusted in members:
            return members[untrusted]
        raise WireError(f"{place} is not one of {', '.join(members)}")

    return check


def _tuple_checker(parts: tuple[Any, ...], place: str) -> _Check:
    if parts[-1] is Ellipsis:
        each = _checker(parts[0], place)

        def check_many(untrusted: Any) -> Any:
            if not isinstance(untrusted, list):
                raise WireError(f"{place} is not a list")
            return tuple([each(item) for item in untrusted])

        return check_many

    checks = [_checker(part, place) for part in parts]

    def check_fixed(untrusted: Any) -> Any:
        if not isinstance(untrusted, list) or len(untrusted) != len(checks):
            raise WireError(f"{place} is not a list of {len(checks)}")
        return tuple([check(item) for check, item in zip(checks, untrusted, strict=True)])

    return check_fixed


def _union_checker(parts: tuple[Any, ...], place: str) -> _Check:
    checks = [_checker(part, place) for part in parts]

    def check(untrusted: Any) -> Any:
        for attempt in checks:
            try:
                return attempt(untrusted)
            except WireError:
                continue
        raise WireError(f"{place} fits none of its forms")

    return check


def _object_checker(cls: Any, place: str) -> _Check:
    hints = get_type_hints(cls)
    checks = [(field.name, _checker(hints[field.name], f"{place}.{field.name}")) for field in fields(cls)]

    def check(untrusted: Any) -> Any:
        if not isinstance(untrusted, dict) or len(untrusted) != len(checks):
            raise WireError(f"{place} has missing or unknown fields")
        try:
            return cls(*[attempt(untrusted[name]) for name, attempt in checks])
        except KeyError as missing:
            raise WireError(f"{place} lacks {missing}") from None

    return check


_TO_CHILD: dict[str, Callable[[Any], ToChild]] = {
    cls.__name__: _object_checker(cls, cls.__name__) for cls in get_args(ToChild)
}
_TO_PARENT: dict[str, Callable[[Any], ToParent]] = {
    cls.__name__: _object_checker(cls, cls.__name__) for cls in get_args(ToParent)
}
