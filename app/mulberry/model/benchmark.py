"""How fast a model is on this computer, measured, and what that could earn at most."""

import math
from dataclasses import dataclass
from datetime import datetime

from mulberry.model.language import number, tr, tr_count
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.root_contract import RootParameters

SECONDS_A_DAY = 86_400
SECONDS_AN_HOUR = 3_600
MULTIPLIER_UNIT = 10_000  # multipliers are in ten-thousandths
COEFFICIENT_UNIT = 1_000  # a worker's price factor is in thousandths


@dataclass(frozen=True, slots=True)
class Speed:
    """`at_once` requests ran all the time. Tokens a second are of all of them together, `prompt_…` those read."""

    at_once: int
    tokens_per_second: float
    prompt_tokens_per_second: float
    first_text_seconds: float  # the median of all requests

    def __post_init__(self) -> None:
        told = (self.tokens_per_second, self.prompt_tokens_per_second, self.first_text_seconds)
        if self.at_once < 1 or not all(0 <= value < math.inf for value in told):
            raise ValueError(f"no speed that a model can have: {self}")


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an hour could earn at most, as `earnings_limit` says. Never money that was earned.

    `measured_on` names one of the `count` alike that work now; `model` is what was measured there at `measured_at`.
    `coefficient` in thousandths.
    """

    an_hour: Nanoton
    model: str
    measured_on: str
    count: int
    measured_at: datetime
    coefficient: int

    @property
    def amount(self) -> str:
        """For people. An estimate has no nanoton: three digits at most."""
        step = 10 ** max(0, len(str(self.an_hour)) - 3)
        return tr(
            "up to {amount} an hour",
            amount=format_ton(Nanoton(self.an_hour // step * step), at_least_decimals=2),
        )

    @property
    def source(self) -> str:
        """Where it comes from, for people."""
        when = f"{self.measured_at.astimezone():%Y-%m-%d %H:%M}"
        factor = number(f"{self.coefficient / COEFFICIENT_UNIT:.3f}")
        said = tr(
            "An estimate, at full load: measured on {gpu} with {model}, as of {when}, by the root contract's price and "
            "your price factor of {factor}. How much work comes is another matter.",
            gpu=self.measured_on,
            model=self.model,
            when=when,
            factor=factor,
        )
        if self.count == 1:
            return said
        return f"{said} {tr_count('It is for {count} GPU.', 'It is for {count} GPUs together.', self.count)}"


def earnings_limit(
    benchmark: Benchmark, root: RootParameters, seconds: int = SECONDS_A_DAY, coefficient: int = COEFFICIENT_UNIT
) -> Nanoton:
    """What `seconds` could earn at most, by the network's own prices and our `coefficient` (in thousandths): full load
    all the time, with requests like those measured, none of whose prompts were read before. What comes in depends on
    how many customers there are. Nothing with an encoder."""
    worth = (
        speed.prompt_tokens_per_second * root.prompt_multiplier + speed.tokens_per_second * root.completion_multiplier
        for speed in benchmark.speeds
    )
    tokens = max(worth, default=0.0) * seconds / MULTIPLIER_UNIT * (coefficient / COEFFICIENT_UNIT)
    return Nanoton(int(tokens * root.worker_fee_per_token))
