"""The node wallet's requests move money on a signature alone: what is signed must be exactly what is sent."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from bitarray import bitarray
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell
from pytoniq_core.tlb.transaction import MessageAny

from hostile_cells import bits_of
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.boc import read_boc
from mulberry.ton.cells import CellReader
from mulberry.ton.messages import internal_message
from mulberry.ton.wallet import (
    ALL_OF_THE_BALANCE,
    BLOCKED,
    NodeWallet,
    Outgoing,
    external_boc,
    node_wallet,
    owner_command,
    signed_request,
)

KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)
OWNER = Address(bytes([7]) * 32)
CODE = Cell(bitarray("1"), [])
UNTIL = datetime(2026, 11, 22, 12, 1, tzinfo=UTC)
MESSAGE = internal_message(OWNER, Nanoton(1))


def test_a_request_bit_by_bit() -> None:
    """By hand from the protocol page: signature:512, subwallet:32, valid_until:32, seqno:32, then mode:8 and a ref."""
    body = signed_request(KEY, [Outgoing(MESSAGE), Outgoing(MESSAGE, 128)], seqno=5, valid_until=UNTIL)
    seconds = int(UNTIL.timestamp())
    rest = bits_of(f"{0:032b} {seconds:032b} {5:032b} {3:08b} {128:08b}")
    assert bitarray(body.bits)[512:] == rest
    assert [child.hash for child in body.refs] == [MESSAGE.hash] * 2


def test_another_implementation_believes_the_signature() -> None:
    body = signed_request(KEY, [Outgoing(MESSAGE)], seqno=5, valid_until=UNTIL)
    signature = CellReader(body).bytes(64)
    signed = Cell(bitarray(body.bits)[512:], list(body.refs))
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature, signed.hash)


def test_the_first_message_carries_the_wallet_itself() -> None:
    wallet = node_wallet(CODE, PUBLIC, OWNER)
    request = signed_request(KEY, [], seqno=0, valid_until=UNTIL)
    for deploy in (True, False):
        boc = read_boc(external_boc(wallet, request, deploy=deploy), max_bytes=2_000, max_cells=20)
        read = MessageAny.deserialize(boc.begin_parse())  # type: ignore[no-untyped-call]
        assert read.info.dest.hash_part == wallet.address.account
        assert (read.init is not None) == deploy
        assert read.body.hash == request.hash


def test_the_time_is_the_same_in_every_zone() -> None:
    elsewhere = UNTIL.astimezone(timezone(timedelta(hours=9)))
    here, there = (signed_request(KEY, [], seqno=0, valid_until=moment) for moment in (UNTIL, elsewhere))
    assert here.hash == there.hash


def test_five_messages_do_not_fit() -> None:
    with pytest.raises(ValueError, match="4 messages, not 5"):
        signed_request(KEY, [Outgoing(MESSAGE)] * 5, seqno=0, valid_until=UNTIL)
    signed_request(KEY, [Outgoing(MESSAGE)] * 4, seqno=0, valid_until=UNTIL)


def test_key_owner_and_code_move_the_address() -> None:
    here = node_wallet(CODE, PUBLIC, OWNER).address
    others = {
        node_wallet(CODE, bytes(32), OWNER).address,
        node_wallet(CODE, PUBLIC, Address(bytes(32))).address,
        node_wallet(Cell(bitarray("0"), []), PUBLIC, OWNER).address,
    }
    assert len(others | {here}) == 4
    with pytest.raises(ValueError, match="32 bytes"):
        node_wallet(CODE, PUBLIC[:31], OWNER)


def test_the_owners_command_bit_by_bit() -> None:
    body = owner_command(9, Outgoing(MESSAGE, ALL_OF_THE_BALANCE))
    assert bitarray(body.bits) == bits_of(f"{0x9C69F376:032b} {9:064b} {128:08b}")
    assert body.refs[0].hash == MESSAGE.hash


def test_one_bit_of_the_status_blocks() -> None:
    assert NodeWallet(PUBLIC, OWNER, status=BLOCKED).blocked
    assert not NodeWallet(PUBLIC, OWNER, status=2).blocked
