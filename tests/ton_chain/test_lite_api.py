"""One wrong byte in a question and no server answers; one wrong bound in an answer and any server can knock us over.

The questions are compared with what pytoniq's own TL writes, whose schema is TON's published one.
"""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.tl.block import BlockIdExt
from pytoniq_core.tl.generator import TlGenerator

from mulberry.ton.address import Address
from mulberry.ton.chain import lite_api, proof_chain, pytoniq_client
from mulberry.ton.chain.errors import ServerFailed, ServerLied, ServerRefused
from mulberry.ton.chain.nouns import MASTERCHAIN, WHOLE_SHARD, BlockId, Position
from mulberry.ton.chain.tl import TlReader, put_bytes
from paper_servers import refusal

SCHEMA: Any = TlGenerator.with_default_schemas().generate()  # type: ignore[no-untyped-call]
BLOCK = BlockId(MASTERCHAIN, WHOLE_SHARD, 43_792_209, b"r" * 32, b"f" * 32)
OLDER = BlockId(MASTERCHAIN, WHOLE_SHARD, 12, b"R" * 32, b"F" * 32)
ADDRESS = Address(bytes(range(32)))
ACCOUNT = {"workchain": 0, "id": ADDRESS.account.hex()}


def theirs(name: str, **fields: Any) -> bytes:
    written: bytes = SCHEMA.serialize(name, fields)
    return written


def block(id_: BlockId) -> dict[str, Any]:
    name: Any = BlockIdExt(id_.workchain, id_.shard, id_.seqno, id_.root_hash, id_.file_hash)
    return dict(name.to_dict())


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lite_api.ask_head(), theirs("liteServer.getMasterchainInfoExt", mode=0)),
        (
            lite_api.ask_head_from(77, 8000),
            theirs("liteServer.waitMasterchainSeqno", seqno=77, timeout_ms=8000)
            + theirs("liteServer.getMasterchainInfoExt", mode=0),
        ),
        (
            lite_api.ask_account(BLOCK, ADDRESS),
            theirs("liteServer.getAccountState", id=block(BLOCK), account=ACCOUNT),
        ),
        (
            lite_api.ask_transactions(ADDRESS, Position(2**40, b"h" * 32), 16),
            theirs("liteServer.getTransactions", count=16, account=ACCOUNT, lt=2**40, hash=(b"h" * 32).hex()),
        ),
        (
            lite_api.ask_block_proof(OLDER, BLOCK),
            theirs("liteServer.getBlockProof", mode=1, known_block=block(OLDER), target_block=block(BLOCK)),
        ),
        (
            lite_api.ask_masterchain_block(99),
            theirs("liteServer.lookupBlock", mode=1, id={"workchain": -1, "shard": WHOLE_SHARD, "seqno": 99}),
        ),
        (lite_api.ask_to_send(b"m" * 300), theirs("liteServer.sendMessage", body=b"m" * 300)),
    ],
    ids=["head", "head from", "account", "transactions", "block proof", "block", "send"],
)
def test_questions_are_written_as_the_schema_says(ours: bytes, expected: bytes) -> None:
    assert ours == expected


@pytest.mark.parametrize(
    ("constructor", "name"),
    [
        (lite_api.HEAD, "liteServer.masterchainInfoExt"),
        (lite_api.ACCOUNT, "liteServer.accountState"),
        (lite_api.TRANSACTIONS, "liteServer.transactionList"),
        (lite_api.BLOCK_PROOF, "liteServer.partialBlockProof"),
        (lite_api.LINK_BACK, "liteServer.blockLinkBack"),
        (lite_api.LINK_FORWARD, "liteServer.blockLinkForward"),
        (lite_api.ORDINARY_SIGNATURES, "liteServer.signatureSet.ordinary"),
        (lite_api.SIMPLEX_SIGNATURES, "liteServer.signatureSet.simplex"),
        (lite_api.MESSAGE_SENT, "liteServer.sendMsgStatus"),
        (lite_api.BLOCK_HEADER, "liteServer.blockHeader"),
        (lite_api.ERROR, "liteServer.error"),
        (pytoniq_client.LITE_QUERY, "liteServer.query"),
        (pytoniq_client.QUERY, "adnl.message.query"),
        (pytoniq_client.ANSWER, "adnl.message.answer"),
        (int.from_bytes(proof_chain.CANDIDATE_ORDINARY, "little"), "consensus.candidateHashDataOrdinary"),
        (int.from_bytes(proof_chain.CANDIDATE_EMPTY, "little"), "consensus.candidateHashDataEmpty"),
        (int.from_bytes(proof_chain.FINALIZE_VOTE, "little"), "consensus.simplex.finalizeVote"),
        (int.from_bytes(proof_chain.CANDIDATE_ID, "little"), "consensus.candidateId"),
        (int.from_bytes(proof_chain.DATA_TO_SIGN, "little"), "consensus.dataToSign"),
    ],
)
def test_constructors_are_those_of_the_schema(constructor: int, name: str) -> None:
    schema = SCHEMA.get_by_name(name)
    assert schema is not None and constructor.to_bytes(4, "big") == schema.id


def test_answers_are_split_into_their_fields() -> None:
    account = theirs(
        "liteServer.accountState", id=block(BLOCK), shardblk=block(OLDER), shard_proof=b"s" * 300, proof=b"p", state=b""
    )
    assert lite_api.read_account(account) == lite_api.UntrustedAccount(BLOCK, OLDER, b"s" * 300, b"p", b"")
    header = theirs("liteServer.blockHeader", id=block(BLOCK), mode=1, header_proof=b"proof")
    assert lite_api.read_masterchain_block(header) == BLOCK
    lite_api.read_sent(theirs("liteServer.sendMsgStatus", status=1))
    listed = theirs("liteServer.transactionList", ids=[block(BLOCK)] * 2, transactions=b"bag")
    assert lite_api.read_transactions(listed) == b"bag"


def test_a_servers_own_error_is_told_and_cut_short() -> None:
    with pytest.raises(ServerRefused, match="lt not in db") as caught:
        lite_api.read_account(refusal(651, "lt not in db" + "!" * 5000))
    assert (caught.value.code, caught.value.lacks_it, len(caught.value.text)) == (651, True, 200)


def test_an_answer_to_another_question_is_a_lie() -> None:
    with pytest.raises(ServerLied):
        lite_api.read_sent(theirs("liteServer.currentTime", now=1))


READERS = [
    (lite_api.read_head, lite_api.HEAD),
    (lite_api.read_account, lite_api.ACCOUNT),
    (lite_api.read_transactions, lite_api.TRANSACTIONS),
    (lite_api.read_block_proof, lite_api.BLOCK_PROOF),
    (lite_api.read_masterchain_block, lite_api.BLOCK_HEADER),
    (lite_api.read_sent, lite_api.MESSAGE_SENT),
]


@given(st.sampled_from(READERS), st.binary(max_size=400), st.booleans())
def test_noise_is_refused_or_harmless(reader: tuple[Any, int], noise: bytes, with_head: bool) -> None:
    read, constructor = reader
    with contextlib.suppress(ServerFailed):
        read((constructor.to_bytes(4, "little") if with_head else b"") + noise)


def test_a_vector_longer_than_anything_honest_is_refused_before_it_is_read() -> None:
    head = lite_api.TRANSACTIONS.to_bytes(4, "little")
    with pytest.raises(ServerLied, match="4,294,967,295 transactions"):
        lite_api.read_transactions(head + b"\xff" * 4)


@given(st.binary(max_size=1000))
def test_bytes_are_read_as_they_were_written(value: bytes) -> None:
    reader = TlReader(put_bytes(value))
    assert reader.bytes() == value
    reader.finish()
