"""What the agent and the job process say to each other: JSON in length-prefixed frames over one socket pair.

With `frames` the only module that both sides share, so both are made of the standard library alone. Each message is
a dataclass, whose annotations `frames` holds both sides to.
"""

from dataclasses import dataclass
from enum import IntFlag, StrEnum, auto

from mulberry.runtime.frames import kinds_of, pack_frame, unpack_frame

TO_CHILD_LIMIT_BYTES = 64 << 20  # a prompt may fill the network's largest frame (16 MiB), JSON may triple it
TO_PARENT_LIMIT_BYTES = 4 << 20


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

    @property
    def answers(self) -> int:
        """To all prompts together."""
        return len(self.prompts) * self.choices


class ProfileName(StrEnum):
    """What a job may still do: `runtime.child.confinement.profiles`. NONE leaves the process as it is."""

    NONE = "none"
    CPU = "cpu"
    CUDA = "cuda"


class Provider(StrEnum):
    """What a model computes on, as manifests name it."""

    CPU = "cpu"
    CUDA = "cuda"


class Pooling(StrEnum):
    """How the numbers of a text's tokens become the text's."""

    NONE = "none"  # the graph does it: [texts, width]
    MEAN = "mean"  # of [texts, tokens, width], over the text's own tokens


class Scaling(StrEnum):
    """What is done to a text's numbers in the end."""

    NONE = "none"
    UNIT_LENGTH = "unit-length"  # of vectors
    SOFTMAX = "softmax"  # scores that sum up to 1


class Library(StrEnum):
    """What runs a model, as manifests name it: our own batcher on onnxruntime, or onnxruntime-genai's engine."""

    ORT = "ort"
    GENAI = "genai"


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

    `readable` are folders it may read and run code from, `model` one that it may read; `libraries`, if any, is one of
    `readable` whose packages come before all others. `user` is who it becomes after
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
    libraries: str = ""


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
    library: Library = Library.ORT


@dataclass(frozen=True, slots=True)
class LoadEncoder:
    """A model that makes `width` numbers of each text. Instead of `Load`.

    `output` is the graph's that has them. `padding` is the token that fills short texts up to the longest one.
    """

    folder: str
    graph: str
    context_tokens: int  # of one text
    waiting_limit: int  # requests that may wait
    threads: int
    provider: Provider
    output: str
    width: int
    pooling: Pooling
    scaling: Scaling
    padding: str


@dataclass(frozen=True, slots=True)
class Submit:
    number: int
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Encode:
    """Texts of a customer for an encoder."""

    number: int
    texts: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Encoded:
    """All of an `Encode`'s texts: how many tokens they have, and their numbers, text by text, as little-endian float32
    in base64. How many there must be follows from what was asked."""

    number: int
    tokens: int
    numbers: str


ToChild = Enter | Inspect | Load | LoadEncoder | Submit | Encode | Cancel
ToParent = Entered | Inspected | Note | Ready | LoadFailed | Refused | Step | Encoded

_TO_CHILD = kinds_of(ToChild)
_TO_PARENT = kinds_of(ToParent)


def pack(message: ToChild | ToParent, limit_bytes: int) -> bytes:
    """One whole frame. Raises `WireError` when it would be larger than the other side reads."""
    return pack_frame(message, limit_bytes)


def message_to_child(untrusted_frame: bytes) -> ToChild:
    """Raises `WireError`."""
    message: ToChild = unpack_frame(untrusted_frame, _TO_CHILD)
    return message


def message_to_parent(untrusted_frame: bytes) -> ToParent:
    """Raises `WireError`."""
    message: ToParent = unpack_frame(untrusted_frame, _TO_PARENT)
    return message
