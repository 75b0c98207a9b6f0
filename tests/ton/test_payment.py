"""A payment that we wrongly believe is work for nothing; one that we wrongly refuse is money thrown away."""

import json
from pathlib import Path
from typing import Any

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import read_boc, write_boc
from mulberry.ton.cells import CellWriter
from mulberry.ton.payment import (
    LAST_PAYMENT,
    PAYMENT,
    PaymentRefused,
    VerifiedPayment,
    build_payment,
    verify_payment,
)

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "payments" / "recorded.json").read_bytes()
)
PROXY_KEY = bytes.fromhex(RECORDED["proxy_key"])
CONTRACT = parse_address(RECORDED["worker_contract"])
EXCESS = parse_address(RECORDED["excess_address"])
PAYMENTS: list[dict[str, Any]] = RECORDED["payments"]

OUR_KEY = SigningKey(bytes(range(32)))


def verify_recorded(untrusted: bytes) -> VerifiedPayment:
    return verify_payment(untrusted, proxy_key=PROXY_KEY, worker_contract=CONTRACT)


def verify_ours(untrusted: bytes) -> VerifiedPayment:
    return verify_payment(untrusted, proxy_key=bytes(OUR_KEY.verify_key), worker_contract=CONTRACT)


def signed(inner: Cell, operation: int = PAYMENT, query_id: int = 7, *extra: Cell) -> bytes:
    outer = (
        CellWriter().uint(operation, 32).uint(query_id, 64).address(EXCESS).bytes(OUR_KEY.sign(inner.hash).signature)
    )
    outer.reference(inner)
    for cell in extra:
        outer.reference(cell)
    return write_boc(outer.cell())


def inner_cell(operation: int = PAYMENT, query_id: int = 7, contract: Address = CONTRACT) -> CellWriter:
    return CellWriter().uint(operation, 32).uint(query_id, 64).uint(1000, 64).address(contract)


@pytest.mark.parametrize("payment", PAYMENTS, ids=lambda payment: f"{payment['tokens']} tokens")
def test_the_public_proxys_payments_are_believed(payment: dict[str, Any]) -> None:
    expected = VerifiedPayment(payment["tokens"], int(payment["query_id"], 16), closing=False, excess_address=EXCESS)
    assert verify_recorded(bytes.fromhex(payment["boc"])) == expected


@pytest.mark.parametrize("payment", PAYMENTS, ids=lambda payment: f"{payment['tokens']} tokens")
def test_our_writer_gives_the_public_proxys_bytes(payment: dict[str, Any]) -> None:
    boc = bytes.fromhex(payment["boc"])
    assert len(boc) == 180
    assert write_boc(read_boc(boc, max_bytes=180, max_cells=2)) == boc


def test_built_and_verified_with_all_fields() -> None:
    boc = build_payment(
        OUR_KEY, query_id=2**64 - 1, excess_address=EXCESS, worker_contract=CONTRACT, tokens=2**64 - 1, closing=True
    )
    assert len(boc) == 180
    assert verify_ours(boc) == VerifiedPayment(2**64 - 1, 2**64 - 1, closing=True, excess_address=EXCESS)


@pytest.mark.parametrize("payment", PAYMENTS, ids=lambda payment: f"{payment['tokens']} tokens")
def test_every_flipped_bit_is_refused_or_changes_only_where_spare_gas_goes(payment: dict[str, Any]) -> None:
    """The signature does not cover the excess address: 256 bits of it may change, the money owed may not."""
    good = bytes.fromhex(payment["boc"])
    believed = verify_recorded(good)
    harmless = 0
    for bit in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        try:
            result = verify_recorded(bytes(flipped))
        except PaymentRefused:
            continue
        harmless += 1
        assert result.excess_address != believed.excess_address
        assert (result.tokens, result.query_id, result.closing) == (believed.tokens, believed.query_id, False)
    assert harmless == 256


def test_every_cut_is_refused() -> None:
    good = bytes.fromhex(PAYMENTS[1]["boc"])
    for length in range(len(good)):
        with pytest.raises(PaymentRefused):
            verify_recorded(good[:length])


@pytest.mark.parametrize(
    ("untrusted", "why"),
    [
        (signed(inner_cell(query_id=8).cell()), "belongs to another"),
        (signed(inner_cell(operation=LAST_PAYMENT).cell()), "belongs to another"),
        (signed(inner_cell().cell(), LAST_PAYMENT), "belongs to another"),
        (signed(inner_cell(operation=0x2565934C).cell(), 0x2565934C), "not a payment"),
        (signed(inner_cell(contract=EXCESS).cell()), "somebody else's contract"),
        (signed(inner_cell().uint(0, 1).cell()), "more in the cell"),
        (signed(inner_cell().reference(Cell(bitarray(), [])).cell()), "at most|to 2"),
        (signed(inner_cell().cell(), PAYMENT, 7, inner_cell().cell()), "more in the cell"),
        (signed(Cell(bitarray(), [])), "too short"),
        (write_boc(inner_cell().cell()), "not well formed"),
        (bytes(1025), "1,024 bytes"),
        (b"", "cut short"),
    ],
)
def test_each_wrong_thing_has_its_words(untrusted: bytes, why: str) -> None:
    with pytest.raises(PaymentRefused, match=why):
        verify_ours(untrusted)


def test_a_payment_signed_by_another_key_is_refused() -> None:
    boc = build_payment(SigningKey.generate(), query_id=1, excess_address=EXCESS, worker_contract=CONTRACT, tokens=5)
    with pytest.raises(PaymentRefused, match="wrong signature"):
        verify_ours(boc)


def test_an_address_of_another_workchain_is_refused() -> None:
    masterchain = CellWriter().uint(PAYMENT, 32).uint(7, 64).uint(1, 64).uint(0b100, 3).uint(0xFF, 8).bytes(bytes(32))
    with pytest.raises(PaymentRefused, match="workchain 0"):
        verify_ours(signed(masterchain.cell()))


@given(st.binary(max_size=400))
def test_any_bytes_are_refused(untrusted: bytes) -> None:
    with pytest.raises(PaymentRefused):
        verify_ours(untrusted)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.booleans(), st.binary(min_size=32, max_size=32))
def test_what_we_sign_we_believe(tokens: int, query_id: int, closing: bool, excess: bytes) -> None:
    boc = build_payment(
        OUR_KEY,
        query_id=query_id,
        excess_address=Address(excess),
        worker_contract=CONTRACT,
        tokens=tokens,
        closing=closing,
    )
    assert verify_ours(boc) == VerifiedPayment(tokens, query_id, closing, Address(excess))
