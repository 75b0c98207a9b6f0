"""Everything that we believe of the chain hangs on these checks: each known way to forge a proof must fail here.

The first four are the faults found in pytoniq at its strictest trust level; the others are from TON's check-proof.cpp.
"""

from dataclasses import replace

import pytest
from bitarray import bitarray
from pytoniq_core.boc.cell import Cell

from chain_evidence import back_link, block, forward_link, named
from conftest import SettableClock
from mulberry.demo.chain import evidence
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.validators import Signing
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.headers import Validator
from mulberry.ton.chain.lite_api import SimplexVote, UntrustedLink, UntrustedSignatures
from mulberry.ton.chain.nouns import BlockId
from mulberry.ton.chain.proof_chain import ProofChain, check_link, check_signatures
from mulberry.ton.emulator.executor import Emulator


def signed_by(link: UntrustedLink, *numbers: int) -> UntrustedLink:
    """The link with the signatures of those validators, in that order."""
    assert link.signatures is not None
    by_node = tuple(link.signatures.by_node[number] for number in numbers)
    return replace(link, signatures=replace(link.signatures, by_node=by_node))


@pytest.fixture(params=[Signing.ORDINARY, Signing.SIMPLEX], ids=["ordinary", "simplex"])
def signed_chain(request: pytest.FixtureRequest, emulator: Emulator, clock: SettableClock) -> LocalChain:
    chain = LocalChain(b"proof chain", clock, emulator, validators=7, signing=request.param)
    for _ in range(7):
        chain.make_block()
    return chain


def test_links_forward_and_back_hold(signed_chain: LocalChain) -> None:
    forward = check_link(forward_link(signed_chain, 1, 8), named(block(signed_chain, 1).id))
    assert forward.target == named(signed_chain.head)
    assert len(forward.validators) == 7
    back = check_link(back_link(signed_chain, 8, 4), forward.target)
    assert back.target == named(block(signed_chain, 4).id)


def test_a_config_of_another_chain_is_refused(chain: LocalChain, emulator: Emulator, clock: SettableClock) -> None:
    # pytoniq never compares a config's proof with its block: a client of mainnet believed a chain made at home
    forged = LocalChain(b"made at home", clock, emulator, validators=7)
    for _ in range(3):
        forged.make_block()
    known = named(block(chain, 1).id)
    link = replace(forward_link(forged, 1, 4), source=known)
    with pytest.raises(ServerLied, match="a proof is of something else"):
        check_link(link, known)


@pytest.mark.parametrize("signers", [(0,) * 7, (0, 1, 2, 3, 0), (0, 1, 2, 3, 3, 3, 3)])
def test_a_validator_counts_once(signed_chain: LocalChain, signers: tuple[int, ...]) -> None:
    link = signed_by(forward_link(signed_chain, 1, 5), *signers)
    with pytest.raises(ServerLied, match="signed twice by one validator"):
        check_link(link, link.source)


def test_signatures_of_strangers_are_refused(chain: LocalChain, emulator: Emulator, clock: SettableClock) -> None:
    link = forward_link(chain, 1, 5)
    stranger = LocalChain(b"strangers", clock, emulator, validators=7)
    signatures = UntrustedSignatures(stranger.validators.sign(block(chain, 5).id), None)
    with pytest.raises(ServerLied, match="or by somebody else"):
        check_link(replace(link, signatures=signatures), link.source)


def test_more_than_two_thirds_must_sign(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 1, 5)
    check_link(signed_by(link, 6, 4, 2, 0, 1), link.source)  # 5 of 7
    with pytest.raises(ServerLied, match="no more than two thirds"):
        check_link(signed_by(link, 6, 4, 2, 0), link.source)
    with pytest.raises(ServerLied, match="no more than two thirds"):
        check_link(signed_by(link), link.source)


def test_exactly_two_thirds_are_too_few() -> None:
    signatures = UntrustedSignatures((), None)
    with pytest.raises(ServerLied):
        check_signatures(signatures, (Validator(b"k" * 32, 0),), BlockId(-1, 0, 1, bytes(32), bytes(32)))


def test_exactly_two_thirds_of_six_are_too_few(emulator: Emulator, clock: SettableClock) -> None:
    chain = LocalChain(b"six", clock, emulator, validators=6)
    chain.make_block()
    link = forward_link(chain, 1, 2)
    with pytest.raises(ServerLied, match="no more than two thirds"):
        check_link(signed_by(link, 0, 1, 2, 3), link.source)
    check_link(signed_by(link, 0, 1, 2, 3, 4), link.source)


def test_the_signatures_of_another_block_are_refused(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 1, 5)
    other = forward_link(signed_chain, 1, 6)
    with pytest.raises(ServerLied):
        check_link(replace(link, signatures=other.signatures), link.source)


def test_a_spoilt_signature_is_refused(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 1, 5)
    assert link.signatures is not None
    (node, signature), *others = link.signatures.by_node
    for spoilt in (bytes([signature[0] ^ 1]) + signature[1:], signature[:63], b"", signature + b"\0"):
        signatures = replace(link.signatures, by_node=((node, spoilt), *others))
        with pytest.raises(ServerLied, match="signature of block"):
            check_link(replace(link, signatures=signatures), link.source)


def test_a_vote_for_another_block_is_refused(emulator: Emulator, clock: SettableClock) -> None:
    chain = LocalChain(b"votes", clock, emulator, validators=4, signing=Signing.SIMPLEX)
    for _ in range(4):
        chain.make_block()
    link, other = forward_link(chain, 1, 3), forward_link(chain, 1, 4)
    assert link.signatures is not None and other.signatures is not None
    with pytest.raises(ServerLied, match="voted for another block"):
        check_link(replace(link, signatures=other.signatures), link.source)
    vote = link.signatures.simplex
    assert vote is not None
    for changed in (
        replace(vote, slot=vote.slot + 1),
        replace(vote, session_id=bytes(32)),
        replace(vote, candidate=vote.candidate + b"\0\0\0\0"),
    ):
        with pytest.raises(ServerLied, match="signature of block"):
            check_link(replace(link, signatures=replace(link.signatures, simplex=changed)), link.source)
    # a vote to skip, or to notarise, is no vote to finalise
    with pytest.raises(ServerLied, match="voted for another block"):
        candidate = b"\0\0\0\0" + vote.candidate[4:]
        changed = SimplexVote(vote.session_id, vote.slot, candidate)
        check_link(replace(link, signatures=replace(link.signatures, simplex=changed)), link.source)
    # and Simplex's signatures are none on the hashes alone
    with pytest.raises(ServerLied, match="signature of block"):
        check_link(replace(link, signatures=replace(link.signatures, simplex=None)), link.source)


def test_only_the_last_key_block_vouches_for_a_block(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 2, 5)  # block 2 is no key block: who signs is not its to say
    with pytest.raises(ServerLied, match="not the last key block"):
        check_link(link, link.source)


def test_a_link_must_start_where_we_are_and_lead_the_way_it_says(signed_chain: LocalChain) -> None:
    forward, back = forward_link(signed_chain, 1, 5), back_link(signed_chain, 5, 3)
    with pytest.raises(ServerLied, match="a link starts at"):
        check_link(forward, named(block(signed_chain, 2).id))
    backwards = replace(forward_link(signed_chain, 1, 1))
    with pytest.raises(ServerLied):
        check_link(backwards, backwards.source)
    with pytest.raises(ServerLied, match="a back link from"):
        check_link(
            replace(back_link(signed_chain, 5, 4), target=back.source, target_proof=back.source_proof), back.source
        )


def test_a_key_block_is_not_called_otherwise(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 1, 5)
    with pytest.raises(ServerLied, match="called a key block wrongly"):
        check_link(replace(link, to_key_block=True), link.source)


def test_a_block_under_another_number_or_hash_is_refused(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 1, 5)
    with pytest.raises(ServerLied, match="not of block"):
        check_link(replace(link, target=replace(link.target, seqno=6)), link.source)
    with pytest.raises(ServerLied, match="something else"):
        check_link(replace(link, target=replace(link.target, root_hash=bytes(32))), link.source)
    with pytest.raises(ServerLied):  # only the signatures cover the file's hash
        check_link(replace(link, target=replace(link.target, file_hash=bytes(32))), link.source)


def test_a_block_that_the_state_does_not_remember_is_no_ancestor(signed_chain: LocalChain) -> None:
    link = back_link(signed_chain, 8, 4)
    with pytest.raises(ServerLied, match="is no ancestor"):
        check_link(replace(link, target=replace(link.target, file_hash=bytes(32))), link.source)
    elsewhere = evidence.earlier_block(signed_chain.archive, block(signed_chain, 8), 3)
    with pytest.raises(ServerLied, match="leaves out"):  # the path to another block proves nothing of this one
        check_link(replace(back_link(signed_chain, 8, 6), state_proof=elsewhere), link.source)
    with pytest.raises(ServerLied, match="something else"):
        check_link(replace(link, state_proof=back_link(signed_chain, 7, 4).state_proof), link.source)


def test_a_config_with_its_validators_cut_out_is_refused(signed_chain: LocalChain) -> None:
    link = forward_link(signed_chain, 1, 5)
    without = evidence.header_bag(signed_chain.archive, block(signed_chain, 1))
    with pytest.raises(ServerLied, match="leaves out"):
        check_link(replace(link, source_proof=without), link.source)


@pytest.mark.parametrize(
    "junk", [b"", b"\0" * 50, write_boc(Cell(bitarray("1"), []))], ids=["empty", "zeros", "a cell"]
)
def test_what_is_no_proof_is_refused(signed_chain: LocalChain, junk: bytes) -> None:
    link, back = forward_link(signed_chain, 1, 5), back_link(signed_chain, 5, 3)
    for forged in (replace(link, target_proof=junk), replace(link, source_proof=junk)):
        with pytest.raises(ServerLied):
            check_link(forged, link.source)
    for forged in (replace(back, source_proof=junk), replace(back, state_proof=junk)):
        with pytest.raises(ServerLied):
            check_link(forged, back.source)


class Answering:
    """Answers each question for links with the next of its answers."""

    def __init__(self, *answers: tuple[UntrustedLink, ...]) -> None:
        self.asked: list[tuple[int, int]] = []
        self._answers = list(answers)

    async def __call__(self, known: BlockId, target: BlockId) -> tuple[UntrustedLink, ...]:
        self.asked.append((known.seqno, target.seqno))
        return self._answers.pop(0)


async def test_a_chain_of_proofs_starts_at_the_pinned_block_and_is_not_proven_twice(signed_chain: LocalChain) -> None:
    head = named(signed_chain.head)
    proofs = ProofChain(named(block(signed_chain, 1).id))
    ask = Answering((forward_link(signed_chain, 1, 8),))
    await proofs.prove(head, ask)
    await proofs.prove(head, ask)
    assert ask.asked == [(1, 8)]
    signed_chain.make_block()
    without_config = replace(forward_link(signed_chain, 1, 9), source_proof=b"")  # not read a second time
    await proofs.prove(named(signed_chain.head), Answering((without_config,)))


async def test_a_pinned_block_that_is_no_key_block_is_left_backwards(signed_chain: LocalChain) -> None:
    proofs = ProofChain(named(block(signed_chain, 4).id))
    await proofs.prove(
        named(signed_chain.head), Answering((back_link(signed_chain, 4, 1), forward_link(signed_chain, 1, 8)))
    )


@pytest.mark.parametrize("number_of_links", [0, 1])
async def test_a_proof_that_leads_nowhere_ends(signed_chain: LocalChain, number_of_links: int) -> None:
    proofs = ProofChain(named(block(signed_chain, 1).id))
    answer = (forward_link(signed_chain, 1, 5),)[:number_of_links]
    with pytest.raises(ServerLied, match="leads nowhere"):
        await proofs.prove(named(signed_chain.head), Answering(answer, answer, answer))
