"""How fast a model is on this computer, measured, and what that could earn at most."""

from dataclasses import dataclass
from datetime import datetime

from mulberry.model.money import Nanoton
from mulberry.model.root_contract import RootParameters

SECONDS_A_DAY = 86_400
MULTIPLIER_UNIT = 10_000  # multipliers are in ten-thousandths


@dataclass(frozen=True, slots=True)
class Speed:
    """`at_once` requests ran all the time. Tokens a second are of all of them together, `prompt_…` those read."""

    at_once: int
    tokens_per_second: float
    prompt_tokens_per_second: float
    first_text_seconds: float  # the median of all requests


@dataclass(frozen=True, slots=True)
class TextSpeed:
    """How an encoder read: `at_once` texts a request, one request after the other.

    `watts` and `joules_per_text` are the GPU's; None: nobody measured them.
    """

    at_once: int
    texts_per_second: float
    request_seconds: float  # the median of all requests
    watts: float | None
    joules_per_text: float | None


@dataclass(frozen=True, slots=True)
class Power:
    """What the GPU took on average while most requests ran at once, and the tokens written for it."""

    watts: float
    tokens_per_joule: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One measurement. `power` None: nobody measured it, and `no_power_because` is a sentence.

    `ran_in` is what stood around the model's process, `version` Mulberry's, `precision` that of the model's
    variant. An encoder has `texts` instead of `speeds` and `power`.
    """

    model: str
    model_version: str
    title: str
    runs_on: str
    ran_in: str
    speeds: tuple[Speed, ...]
    power: Power | None
    no_power_because: str
    as_of: datetime
    version: str
    texts: tuple[TextSpeed, ...] = ()
    precision: str = ""


def earnings_limit(benchmark: Benchmark, root: RootParameters) -> Nanoton:
    """What a day could earn at most, by the network's own prices: full load for 24 hours, with requests like those
    measured, none of whose prompts were read before. What comes in depends on how many customers there are.
    Nothing with an encoder."""
    worth = (
        speed.prompt_tokens_per_second * root.prompt_multiplier + speed.tokens_per_second * root.completion_multiplier
        for speed in benchmark.speeds
    )
    best = max(worth, default=0.0)
    return Nanoton(int(best * SECONDS_A_DAY / MULTIPLIER_UNIT * root.worker_fee_per_token))
