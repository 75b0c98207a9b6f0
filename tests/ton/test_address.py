"""A payment to a misread address is gone for good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.ton.address import Address, AddressError, parse_address

# the Cocoon root contract on mainnet, as written in the protocol page and as its tools print it
ROOT = "EQCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnU73k"
ROOT_RAW = "0:a7b3b6d84a9d22805bd2d70a5be70b198c2282575f4c0f9015cc8e04cb1b2753"
ZERO = "EQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM9c"


def test_every_way_of_writing_it_is_the_same_account() -> None:
    address = parse_address(ROOT)
    assert address.raw == ROOT_RAW
    for bounceable in (True, False):
        for test_only in (True, False):
            assert parse_address(address.friendly(bounceable=bounceable, test_only=test_only)) == address
    assert parse_address(ROOT_RAW.upper()) == address
    assert parse_address(ROOT.replace("-", "+").replace("_", "/")) == address


def test_the_texts_are_the_usual_ones() -> None:
    address = parse_address(ROOT)
    assert address.friendly(bounceable=True) == ROOT
    assert address.friendly().startswith("UQ")
    assert address.friendly(test_only=True).startswith("0Q")
    assert address.friendly(test_only=True, bounceable=True).startswith("kQ")
    assert parse_address(ZERO) == Address(bytes(32))


@given(st.binary(min_size=32, max_size=32), st.booleans(), st.booleans())
def test_written_and_read_again(account: bytes, bounceable: bool, test_only: bool) -> None:
    address = Address(account)
    assert parse_address(address.friendly(bounceable=bounceable, test_only=test_only)) == address
    assert parse_address(address.raw) == address


@given(st.integers(0, 47), st.sampled_from("ABCXYZabcxyz0189-_"))
def test_one_wrong_character_is_a_typing_mistake(position: int, character: str) -> None:
    wrong = ROOT[:position] + character + ROOT[position + 1 :]
    if wrong != ROOT:
        with pytest.raises(AddressError):
            parse_address(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0:",
        "0:" + "g" * 64,
        "0:" + "0" * 63,
        "0:" + "٣" * 64,  # digits, but not of this alphabet
        "-1:" + "0" * 64,
        "1:" + "0" * 64,
        "0:" + "0" * 64 + "\n",
        ROOT + "\n",
        ROOT[:-1],
        ROOT + "A",
        "Ef8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADAU",  # the masterchain's zero account
        "EQCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnU73=",
        "E" * 10_000_000,
    ],
)
def test_what_is_no_address_of_workchain_0_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)


def test_an_account_has_32_bytes() -> None:
    with pytest.raises(AddressError, match="32 bytes"):
        Address(bytes(31))


@pytest.mark.parametrize("bounceable", [True, False])
def test_an_address_of_a_test_network_gets_no_real_money(bounceable: bool) -> None:
    address = parse_address(ROOT)
    assert parse_address(address.friendly(bounceable=bounceable), real_money=True) == address
    with pytest.raises(AddressError, match="marked for test networks only"):
        parse_address(address.friendly(bounceable=bounceable, test_only=True), real_money=True)
