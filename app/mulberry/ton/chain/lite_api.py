"""The questions we ask lite servers, and their answers, split into fields but not believed. Source: TON's lite_api.tl.

Each question is a function that gives its bytes; each answer a function that reads them or raises `ServerLied`, or
`ServerRefused` if the server answered with an error.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mulberry.ton.address import Address
from mulberry.ton.chain.errors import ServerRefused
from mulberry.ton.chain.nouns import BASECHAIN, MASTERCHAIN, WHOLE_SHARD, BlockId, Position
from mulberry.ton.chain.tl import BadTl, TlReader, put_block, put_bytes

GET_HEAD, HEAD = 0x70A671DF, 0xA8CCE0F5
WAIT_FOR_SEQNO = 0xBAEAB892
GET_ACCOUNT, ACCOUNT = 0x6B890E25, 0x7079C751
GET_TRANSACTIONS, TRANSACTIONS = 0x1C40E7A1, 0x6F26C60B
GET_BLOCK_PROOF, BLOCK_PROOF = 0x8AEA9C44, 0x8ED0D2C1
LINK_BACK, LINK_FORWARD = 0xEF7E1BEF, 0x520FCE1C
ORDINARY_SIGNATURES, SIMPLEX_SIGNATURES = 0xF644A6E6, 0xAC249800
SEND_MESSAGE, MESSAGE_SENT = 0x690AD482, 0x3950E597
GET_CONFIG_PARAMETERS, CONFIG = 0x2A111C19, 0xAE7B272F
LOOK_UP_BLOCK, BLOCK_HEADER = 0xFAC8F71E, 0x752D8219
ERROR = 0xBBA9E148

TIMED_OUT_WAITING = 652  # the code of "no new block yet"
BY_SEQNO = 1  # mode of LOOK_UP_BLOCK
TO_TARGET = 1  # mode of GET_BLOCK_PROOF
MAX_TRANSACTIONS = 16  # a node gives no more at once
MAX_LINKS = 64  # a node gives 16 or so
MAX_SIGNATURES = 2000
ERROR_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class UntrustedHead:
    block: BlockId
    made_at: int  # unix seconds
    zero_state_root_hash: bytes


@dataclass(frozen=True, slots=True)
class UntrustedAccount:
    block: BlockId
    shard_block: BlockId
    shard_proof: bytes
    proof: bytes
    state: bytes  # b"": there is no such account


@dataclass(frozen=True, slots=True)
class UntrustedConfig:
    block: BlockId
    block_proof: bytes
    state_proof: bytes


@dataclass(frozen=True, slots=True)
class UntrustedSignatures:
    """`session_id`, `slot` and `candidate` are Simplex's; None in ordinary sets."""

    by_node: tuple[tuple[bytes, bytes], ...]  # short id of the validator (32 bytes), signature
    simplex: "SimplexVote | None"


@dataclass(frozen=True, slots=True)
class SimplexVote:
    session_id: bytes
    slot: int
    candidate: bytes


@dataclass(frozen=True, slots=True)
class UntrustedLink:
    """One step of a proof chain. Back: `state_proof` is set; forward: `signatures`."""

    to_key_block: bool
    source: BlockId
    target: BlockId
    target_proof: bytes
    source_proof: bytes
    state_proof: bytes | None
    signatures: UntrustedSignatures | None


def ask_head() -> bytes:
    return struct.pack("<II", GET_HEAD, 0)


def ask_head_from(seqno: int, wait_milliseconds: int) -> bytes:
    """The head, as soon as there is one of `seqno` or later."""
    return struct.pack("<IIi", WAIT_FOR_SEQNO, seqno, wait_milliseconds) + ask_head()


def ask_account(block: BlockId, address: Address) -> bytes:
    return struct.pack("<I", GET_ACCOUNT) + put_block(block) + _account(address)


def ask_transactions(address: Address, start: Position, count: int) -> bytes:
    lt_and_hash = struct.pack("<Q", start.lt) + start.hash
    return struct.pack("<II", GET_TRANSACTIONS, count) + _account(address) + lt_and_hash


def ask_block_proof(known: BlockId, target: BlockId) -> bytes:
    return struct.pack("<II", GET_BLOCK_PROOF, TO_TARGET) + put_block(known) + put_block(target)


def ask_masterchain_block(seqno: int) -> bytes:
    return struct.pack("<IIiqI", LOOK_UP_BLOCK, BY_SEQNO, MASTERCHAIN, WHOLE_SHARD, seqno)


def ask_config(block: BlockId, parameters: Sequence[int]) -> bytes:
    """The configuration in the state after `block`."""
    numbers = struct.pack(f"<I{len(parameters)}i", len(parameters), *parameters)
    return struct.pack("<II", GET_CONFIG_PARAMETERS, 0) + put_block(block) + numbers


def ask_to_send(message: bytes) -> bytes:
    return struct.pack("<I", SEND_MESSAGE) + put_bytes(message)


def read_head(untrusted: bytes) -> UntrustedHead:
    answer = _answer(untrusted, HEAD)
    answer.raw(4 + 4 + 8)  # mode, version, capabilities
    block, made_at = answer.block(), answer.uint32()
    answer.raw(4 + 32)  # the server's clock, the state's hash
    if answer.int32() != MASTERCHAIN or block.workchain != MASTERCHAIN or block.shard != WHOLE_SHARD:
        raise BadTl("a head that is no masterchain block")
    zero_state_root_hash = answer.hash()
    answer.hash()
    answer.finish()
    return UntrustedHead(block, made_at, zero_state_root_hash)


def read_account(untrusted: bytes) -> UntrustedAccount:
    answer = _answer(untrusted, ACCOUNT)
    fields = UntrustedAccount(answer.block(), answer.block(), answer.bytes(), answer.bytes(), answer.bytes())
    answer.finish()
    return fields


def read_config(untrusted: bytes) -> UntrustedConfig:
    answer = _answer(untrusted, CONFIG)
    answer.raw(4)  # mode
    fields = UntrustedConfig(answer.block(), answer.bytes(), answer.bytes())
    answer.finish()
    return fields


def read_transactions(untrusted: bytes) -> bytes:
    """The bag of transactions, newest first; b"" if there are none."""
    answer = _answer(untrusted, TRANSACTIONS)
    for _ in range(answer.count(MAX_TRANSACTIONS, "transactions")):
        answer.block()
    bag = answer.bytes()
    answer.finish()
    return bag


def read_block_proof(untrusted: bytes) -> tuple[UntrustedLink, ...]:
    answer = _answer(untrusted, BLOCK_PROOF)
    answer.bool()  # whether it is complete: its last link tells
    answer.block(), answer.block()
    links = tuple(_read_link(answer) for _ in range(answer.count(MAX_LINKS, "links")))
    answer.finish()
    return links


def read_masterchain_block(untrusted: bytes) -> BlockId:
    answer = _answer(untrusted, BLOCK_HEADER)
    block = answer.block()
    answer.raw(4)
    answer.bytes()
    answer.finish()
    return block


def read_sent(untrusted: bytes) -> None:
    answer = _answer(untrusted, MESSAGE_SENT)
    answer.raw(4)
    answer.finish()


def _answer(untrusted: bytes, constructor: int) -> TlReader:
    answer = TlReader(untrusted)
    found = answer.uint32()
    if found == ERROR:
        code, text = answer.int32(), answer.bytes()
        raise ServerRefused(code, text[:ERROR_TEXT_LIMIT].decode("utf-8", "replace"))
    if found != constructor:
        raise BadTl("an answer of another kind than was asked for")
    return answer


def _read_link(answer: TlReader) -> UntrustedLink:
    kind = answer.uint32()
    if kind not in (LINK_BACK, LINK_FORWARD):
        raise BadTl("a link of an unknown kind")
    to_key_block = answer.bool()
    source, target = answer.block(), answer.block()
    target_proof, source_proof = answer.bytes(), answer.bytes()
    back = kind == LINK_BACK
    return UntrustedLink(
        to_key_block,
        source,
        target,
        target_proof,
        source_proof,
        state_proof=answer.bytes() if back else None,
        signatures=None if back else _read_signatures(answer),
    )


def _read_signatures(answer: TlReader) -> UntrustedSignatures:
    kind = answer.uint32()
    if kind not in (ORDINARY_SIGNATURES, SIMPLEX_SIGNATURES):
        raise BadTl("signatures of an unknown kind")
    answer.raw(4 + 4)  # the validator set's short hash and number: the key block tells the set
    by_node = tuple((answer.hash(), answer.bytes()) for _ in range(answer.count(MAX_SIGNATURES, "signatures")))
    simplex = SimplexVote(answer.hash(), answer.int32(), answer.bytes()) if kind == SIMPLEX_SIGNATURES else None
    return UntrustedSignatures(by_node, simplex)


def _account(address: Address) -> bytes:
    return struct.pack("<i", BASECHAIN) + address.account
