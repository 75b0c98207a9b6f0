"""What one request costs and earns, exactly as the network counts it.

Source: the protocol page, section 5. The network computes in IEEE doubles and truncates, so we do too:
an exact fraction would disagree with the proxy by one token now and then.
"""

from dataclasses import dataclass
from typing import Any

from mulberry.cocoon.strict_json import JsonObject
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import RootParameters

THOUSANDTH = 0.001  # the coefficient's unit: 1000 means 1.0
TEN_THOUSANDTH = 0.0001  # the multipliers' unit: 10000 means 1.0
TOKENS_LIMIT = 10**9  # no request is larger; an engine that says so cannot count


@dataclass(frozen=True, slots=True)
class Prices:
    """The root contract's part of the price. Multipliers in ten-thousandths, the rest in nanoton per adjusted token."""

    prompt_multiplier: int
    cached_multiplier: int
    completion_multiplier: int
    reasoning_multiplier: int
    worker_fee_per_token: Nanoton
    price_per_token: Nanoton  # what the customer pays

    @classmethod
    def of(cls, root: RootParameters) -> "Prices":
        return cls(
            prompt_multiplier=root.prompt_multiplier,
            cached_multiplier=root.cached_multiplier,
            completion_multiplier=root.completion_multiplier,
            reasoning_multiplier=root.reasoning_multiplier,
            worker_fee_per_token=root.worker_fee_per_token,
            price_per_token=root.price_per_token,
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens the engine reported. Cached tokens are part of the prompt, reasoning tokens part of the completion."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.cached <= self.prompt and 0 <= self.reasoning <= self.completion):
            raise ValueError(f"a part is larger than its whole: {self}")


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The same request in the tokens that are paid for."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.cached + self.completion + self.reasoning


def adjust(counted: Counted, prices: Prices, coefficient: int) -> Adjusted:
    """Weighs `counted` with the contract's multipliers and the request's `coefficient` (thousandths, not negative)."""

    def weigh(tokens: int, multiplier: int) -> int:
        return int(tokens * (coefficient * THOUSANDTH) * multiplier * TEN_THOUSANDTH)

    return Adjusted(
        prompt=weigh(counted.prompt - counted.cached, prices.prompt_multiplier),
        cached=weigh(counted.cached, prices.cached_multiplier),
        completion=weigh(counted.completion - counted.reasoning, prices.completion_multiplier),
        reasoning=weigh(counted.reasoning, prices.reasoning_multiplier),
    )


def earned(adjusted: Adjusted, prices: Prices) -> Nanoton:
    """What the worker is owed for `adjusted`. A promise until a signed payment covers it."""
    return Nanoton(adjusted.total * prices.worker_fee_per_token)


class UsageError(ValueError):
    """The engine's token counts make no sense, so the request cannot be priced."""


def read_usage(untrusted: JsonObject) -> Counted | None:
    """The usage in one JSON object of an engine, None when there is none. Raises `UsageError` for nonsense."""
    untrusted_usage = untrusted.get("usage")
    if untrusted_usage is None:
        return None
    if not isinstance(untrusted_usage, dict):
        raise UsageError("usage is not an object")
    try:
        return Counted(
            prompt=_tokens(untrusted_usage, "prompt_tokens"),
            cached=_tokens(_details(untrusted_usage, "prompt_tokens_details"), "cached_tokens"),
            completion=_tokens(untrusted_usage, "completion_tokens"),
            reasoning=max(
                _tokens(_details(untrusted_usage, "completion_tokens_details"), "reasoning_tokens"),
                _tokens(untrusted_usage, "reasoning_tokens"),
            ),
        )
    except UsageError:
        raise
    except ValueError as problem:
        raise UsageError(str(problem)) from None


def largest(one: Counted, other: Counted) -> Counted:
    """Of each count the larger one: the network pays for the largest value seen."""
    return Counted(
        prompt=max(one.prompt, other.prompt),
        cached=max(one.cached, other.cached),
        completion=max(one.completion, other.completion),
        reasoning=max(one.reasoning, other.reasoning),
    )


def _details(untrusted_usage: JsonObject, name: str) -> JsonObject:
    details = untrusted_usage.get(name)
    if details is None:
        return {}
    if not isinstance(details, dict):
        raise UsageError(f"{name} is not an object")
    return details


def _tokens(untrusted: JsonObject, name: str) -> int:
    value: Any = untrusted.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= TOKENS_LIMIT:  # a bool is an int, too
        raise UsageError(f"{name} is not a number of tokens")
    return value
