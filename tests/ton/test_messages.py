"""A message with one wrong bit is money at the wrong place: ours must read as everyone else reads them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.cell import Cell
from pytoniq_core.tlb.transaction import MessageAny

from hostile_cells import any_cells, bits_of
from mulberry.model.money import Nanoton
from mulberry.model.payments import SignedPayment
from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import read_boc
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter
from mulberry.ton.contract_data import ContractState
from mulberry.ton.contracts import Birth
from mulberry.ton.messages import (
    Operation,
    PayoutRequest,
    WorkerRequest,
    cash_out,
    comment,
    deploy_worker_contract,
    external_message,
    internal_message,
    notice,
    operation_of,
    read_notice,
    read_worker_request,
    register_worker,
)

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "payments" / "recorded.json").read_bytes()
)
THERE = Address(bytes([3]) * 32)
BODY = CellWriter().uint(7, 32).cell()
BIRTH = Birth(Cell(bitarray("1"), []), Cell(bitarray("0"), []))

addresses = st.binary(min_size=32, max_size=32).map(Address)
uint64 = st.integers(0, 2**64 - 1)
coins = st.integers(0, 2**120 - 1).map(Nanoton)


def as_the_library_reads(message: Cell) -> Any:
    return MessageAny.deserialize(message.begin_parse())  # type: ignore[no-untyped-call]


def test_the_operations_are_the_protocol_pages() -> None:
    assert {operation.name: f"{operation:08x}" for operation in Operation} == {
        "COMMENT": "00000000",
        "PAYMENT": "a040ad28",
        "LAST_PAYMENT": "f5f26a36",
        "EXCESSES": "2565934c",
        "PAYOUT": "c59a7cd3",
        "WORKER_REQUEST": "4d725d2c",
        "PAYOUT_REQUEST": "08e7d036",
        "REGISTER_WORKER": "26ed7f65",
        "WALLET_COMMAND": "9c69f376",
    }


def test_an_envelope_bit_by_bit() -> None:
    """By hand from TON's block.tlb: int_msg_info, then no state, then the body by reference."""
    message = internal_message(THERE, Nanoton(258), body=BODY)
    assert (
        bitarray(message.bits)
        == bits_of(
            "0 1 1 0 00"  # internal, fast routing off, bounce, not bounced, no sender
            "100 00000000" + "00000011" * 32 + f"0010 {258:016b} 0"  # no other currencies
            f"0000 0000 {0:064b} {0:032b} 0 1"
        )
    )
    assert [child.hash for child in message.refs] == [BODY.hash]


@given(addresses, coins, st.booleans(), st.none() | st.just(BODY), st.none() | st.just(BIRTH))
def test_the_library_reads_the_same_message(
    destination: Address, amount: Nanoton, bounce: bool, body: Cell | None, birth: Birth | None
) -> None:
    read = as_the_library_reads(internal_message(destination, amount, body=body, birth=birth, bounce=bounce))
    assert read.is_internal
    assert (read.info.dest.hash_part, read.info.value.grams, read.info.bounce) == (destination.account, amount, bounce)
    assert (read.init is not None) == (birth is not None)
    assert read.body.hash == (body or Cell(bitarray(), [])).hash


def test_an_external_message_brings_its_destination_to_life() -> None:
    read = as_the_library_reads(external_message(BIRTH.address, BODY, birth=BIRTH))
    assert read.is_external
    assert read.info.dest.hash_part == BIRTH.address.account
    assert (read.init.code.hash, read.init.data.hash) == (BIRTH.code.hash, BIRTH.data.hash)
    assert read.init.serialize().hash == BIRTH.address.account  # an address is the hash of code and data


def test_deploying_a_workers_contract_takes_the_pages_amount() -> None:
    read = as_the_library_reads(deploy_worker_contract(BIRTH))
    assert (read.info.value.grams, read.info.bounce) == (300_000_000, False)
    assert read.info.dest.hash_part == BIRTH.address.account


@pytest.mark.parametrize("payment", RECORDED["payments"], ids=lambda payment: f"{payment['tokens']} tokens")
def test_cashing_a_recorded_payment_changes_nothing_but_where_the_gas_goes(payment: dict[str, Any]) -> None:
    boc = bytes.fromhex(payment["boc"])
    contract = parse_address(RECORDED["worker_contract"])
    held = SignedPayment(RECORDED["proxy_key"], contract.raw, payment["tokens"], boc, datetime(2026, 1, 1, tzinfo=UTC))
    read = as_the_library_reads(cash_out(held, contract, excess_address=THERE))
    assert (read.info.dest.hash_part, read.info.value.grams) == (contract.account, 500_000_000)
    assert read.info.bounce
    sent, given_to_us = read.body, read_boc(boc, max_bytes=180, max_cells=2)
    assert sent.refs[0].hash == given_to_us.refs[0].hash
    address = slice(32 + 64, 32 + 64 + 267)
    before, after = bitarray(given_to_us.bits), bitarray(sent.bits)
    assert CellReader(Cell(after[address], [])).address() == THERE
    del before[address], after[address]
    assert before == after


@given(uint64, addresses, st.sampled_from(ContractState), uint64, st.none() | st.tuples(coins, coins, addresses))
def test_a_workers_request_survives_the_trip(
    query_id: int, owner: Address, state: ContractState, tokens: int, payout: tuple[Nanoton, Nanoton, Address] | None
) -> None:
    request = WorkerRequest(query_id, owner, state, tokens, PayoutRequest(*payout) if payout else None)
    assert read_worker_request(request.cell()) == request
    assert operation_of(request.cell()) == Operation.WORKER_REQUEST


@given(uint64, st.sampled_from([Operation.EXCESSES, Operation.PAYOUT]))
def test_a_notice_survives_the_trip(query_id: int, operation: Operation) -> None:
    assert read_notice(notice(operation, query_id), operation) == query_id
    with pytest.raises(CellShapeError):
        read_notice(notice(Operation.REGISTER_WORKER, query_id), operation)


def test_short_bodies_bit_by_bit() -> None:
    address = "100 00000000" + "00000011" * 32
    assert bitarray(register_worker(5, THERE).bits) == bits_of(f"{0x26ED7F65:032b} {5:064b} {address}")
    assert bitarray(notice(Operation.EXCESSES, 6).bits) == bits_of(f"{0x2565934C:032b} {6:064b}")
    assert comment("w").data == b"\0\0\0\0w"


@given(any_cells())
def test_any_bodies_are_told_apart_without_harm(untrusted: Cell) -> None:
    found = operation_of(untrusted)
    assert found is None or 0 <= found < 2**32
    for read in (read_worker_request, lambda body: read_notice(body, Operation.PAYOUT)):
        try:
            read(untrusted)
        except CellShapeError:
            continue
        assert found in (Operation.WORKER_REQUEST, Operation.PAYOUT)
