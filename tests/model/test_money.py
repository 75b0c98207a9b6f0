"""An amount that is shown must be the amount that there is: no digit lost, none invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.money import NANOTON_PER_TON, Nanoton, format_ton


@pytest.mark.parametrize(
    ("nanoton", "shown"),
    [
        (0, "0.0000 TON"),
        (1, "0.000000001 TON"),
        (4_200_000, "0.0042 TON"),
        (10**9, "1.0000 TON"),
        (1_234_567_890_123_456_789, "1,234,567,890.123456789 TON"),
        (-500_000_000, "-0.5000 TON"),
    ],
)
def test_amounts_as_people_read_them(nanoton: int, shown: str) -> None:
    assert format_ton(Nanoton(nanoton)) == shown


def test_whole_amounts_may_go_without_decimals() -> None:
    assert format_ton(Nanoton(2 * 10**9), at_least_decimals=0) == "2 TON"


@given(st.integers(-(10**30), 10**30))
def test_the_shown_amount_is_the_amount(nanoton: int) -> None:
    whole, _, decimals = format_ton(Nanoton(nanoton)).removesuffix(" TON").replace(",", "").partition(".")
    read = abs(int(whole)) * NANOTON_PER_TON + int(decimals.ljust(9, "0"))
    assert read == abs(nanoton)
    assert whole.startswith("-") == (nanoton < 0)
