"""The proxy and we must agree on every token: these numbers are money."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon.answers import Bill
from mulberry.cocoon.usage import Adjusted, Counted, Prices, UsageError, adjust, earned, largest, read_usage
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import RootParameters

FLAT = Prices(10_000, 10_000, 10_000, 10_000, worker_fee_per_token=Nanoton(20), price_per_token=Nanoton(2))
RECORDED_USAGE = {
    "prompt_tokens": 34,
    "prompt_tokens_details": {"cached_tokens": 11},
    "completion_tokens": 100,
    "completion_tokens_details": {"reasoning_tokens": 10},
    "total_tokens": 134,
}


def test_a_recorded_request_of_the_public_worker() -> None:
    # recorded: prompt 34 of which 11 cached, completion 100 of which 10 reasoning, coefficient 1000
    assert adjust(Counted(34, 11, 100, 10), FLAT, 1000) == Adjusted(23, 11, 90, 10)
    assert earned(adjust(Counted(34, 11, 100, 10), FLAT, 1000), FLAT) == 134 * 20


def test_each_kind_of_token_has_its_own_multiplier() -> None:
    prices = Prices(10_000, 1_000, 40_000, 20_000, worker_fee_per_token=Nanoton(1), price_per_token=Nanoton(1))
    assert adjust(Counted(100, 50, 10, 5), prices, 1000) == Adjusted(50, 5, 20, 10)


def test_prices_are_the_root_contracts() -> None:
    root = RootParameters("", Nanoton(24), Nanoton(20), (), 1, 1, prompt_multiplier=1, reasoning_multiplier=4)
    assert Prices.of(root) == Prices(
        1, 10_000, 10_000, 4, worker_fee_per_token=Nanoton(20), price_per_token=Nanoton(24)
    )


def test_fractions_are_cut_not_rounded() -> None:
    assert adjust(Counted(prompt=3), FLAT, 999).prompt == 2


def test_doubles_are_multiplied_in_the_networks_order() -> None:
    # 3 * (1001 * 0.001) * 10000 * 0.0001 is 3.0029999999999997 in doubles; exact thirds show the order
    assert adjust(Counted(prompt=1000), FLAT, 1001).prompt == int(1000 * (1001 * 0.001) * 10_000 * 0.0001)


@given(st.integers(0, 10**7), st.integers(0, 10**6))
def test_a_higher_coefficient_never_earns_less(tokens: int, coefficient: int) -> None:
    request = Counted(completion=tokens)
    assert adjust(request, FLAT, coefficient).total <= adjust(request, FLAT, coefficient + 1).total


@pytest.mark.parametrize("counted", [(1, 2, 0, 0), (0, 0, 1, 2), (1, -1, 0, 0)])
def test_an_engine_that_cannot_count_is_caught(counted: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="larger than its whole"):
        Counted(*counted)


def test_usage_is_read_from_the_places_the_network_reads() -> None:
    assert read_usage({"usage": RECORDED_USAGE}) == Counted(34, 11, 100, 10)
    assert read_usage({"usage": {"completion_tokens": 5, "reasoning_tokens": 3}}) == Counted(0, 0, 5, 3)
    assert read_usage({"usage": {"prompt_tokens": 5, "prompt_tokens_details": None}}) == Counted(5)
    assert read_usage({"usage": None}) is None
    assert read_usage({"choices": []}) is None


@pytest.mark.parametrize(
    "usage",
    [
        [],
        "many",
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": True},
        {"prompt_tokens": "34"},
        {"prompt_tokens": 10**9 + 1},
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {"prompt_tokens": 1, "prompt_tokens_details": [1]},
        {"completion_tokens": 1, "reasoning_tokens": 2},
    ],
)
def test_counts_that_make_no_sense_are_refused(usage: Any) -> None:
    with pytest.raises(UsageError):
        read_usage({"usage": usage})


COUNTED = st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)).map(
    lambda n: Counted(n[0] + n[1], n[1], n[2] + n[3], n[3])
)


@given(COUNTED, COUNTED)
def test_the_largest_of_two_counts_is_a_count_too(one: Counted, other: Counted) -> None:
    both = largest(one, other)
    assert largest(both, one) == largest(both, other) == both


def test_the_recorded_costs_are_written_when_the_counts_grow() -> None:
    bill = Bill(FLAT, 1000)
    priced = bill.priced({"id": "x", "usage": RECORDED_USAGE})
    costs = {"prompt_total_cost": 68, "completion_total_cost": 200, "total_cost": 268}
    assert priced == {"id": "x", "usage": RECORDED_USAGE | costs}
    assert bill.adjusted == Adjusted(23, 11, 90, 10)
    assert bill.priced({"usage": RECORDED_USAGE}) == {"usage": RECORDED_USAGE}
    assert bill.priced({"usage": {"prompt_tokens": 1}}) == {"usage": {"prompt_tokens": 1}}
    assert bill.priced({"usage": {"prompt_tokens": 35}})["usage"]["total_cost"] == 270


def test_a_sum_beyond_the_wires_integers_is_refused() -> None:
    with pytest.raises(UsageError, match="can count"):
        Bill(Prices(2**32 - 1, 0, 0, 0, Nanoton(1), Nanoton(1)), 10**9 - 1).priced({"usage": {"prompt_tokens": 10**9}})
