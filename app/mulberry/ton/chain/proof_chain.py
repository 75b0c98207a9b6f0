"""From a block that we believe to one that we are told of, link by link, every signature checked.

Source: TON's check-proof.cpp (BlockProofLink::validate), and its consensus.* types for Simplex, which mainnet's
masterchain signs with since April 2026. A forward link shows the config of a key block and the signatures of more than
two thirds of its validators; a back link shows that a state remembers an older block.
"""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from mulberry.ton.chain.bags import merkle_body, read_bag
from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.headers import (
    MAX_PROOF_CELLS,
    Header,
    Validator,
    earlier_block,
    proven_block,
    read_header,
    validators_of,
)
from mulberry.ton.chain.lite_api import UntrustedLink, UntrustedSignatures
from mulberry.ton.chain.nouns import BlockId
from mulberry.ton.chain.off_loop import checked
from mulberry.ton.chain.tl import put_block, put_bytes

BLOCK_SIGNED = bytes.fromhex("706e0bc5")  # TL's ton.blockId, before the two hashes
CANDIDATE_ORDINARY, CANDIDATE_EMPTY = bytes.fromhex("dcbcf9e8"), bytes.fromhex("33d9b472")
FINALIZE_VOTE, CANDIDATE_ID = bytes.fromhex("05e1a740"), bytes.fromhex("3fcd91b6")
DATA_TO_SIGN = bytes.fromhex("f83de3a8")

AskLinks = Callable[[BlockId, BlockId], Awaitable[tuple[UntrustedLink, ...]]]


class BadProof(ServerLied):
    """A link does not hold."""


@dataclass(frozen=True, slots=True)
class ProvenLink:
    """`target` is proven. `validators` are those of the key block that a forward link started from."""

    target: BlockId
    header: Header
    validators: tuple[Validator, ...]


def check_link(link: UntrustedLink, known: BlockId, validators: tuple[Validator, ...] = ()) -> ProvenLink:
    """Proves `link.target` from `known`. Raises `ServerLied` with the reason.

    `validators`: of `known`, if an earlier link showed them, so that its config is not read again.
    """
    if link.source != known:
        raise BadProof(f"a link starts at {link.source}, not at {known}")
    header = read_header(proven_block(link.target_proof, link.target), link.target)
    if header.is_key_block != link.to_key_block:
        raise BadProof(f"block {link.target} is called a key block wrongly, or wrongly not")
    if link.signatures is None:
        _check_back(link)
        return ProvenLink(link.target, header, ())
    if link.target.seqno <= known.seqno or header.previous_key_block_seqno != known.seqno:
        raise BadProof(f"{known} is not the last key block before {link.target}")
    if not validators:
        source = proven_block(link.source_proof, known)
        if not read_header(source, known).is_key_block:
            raise BadProof(f"a forward link starts at {known}, which is no key block")
        validators = validators_of(source)
    check_signatures(link.signatures, validators, link.target)
    return ProvenLink(link.target, header, validators)


def check_signatures(signatures: UntrustedSignatures, validators: tuple[Validator, ...], block: BlockId) -> None:
    """More than two thirds of the weight must have signed `block`, each validator counted once. Raises `BadProof`."""
    signed_text = what_is_signed(signatures, block)
    by_id = {validator.short_id: validator for validator in validators}
    needed = sum(validator.weight for validator in by_id.values()) * 2 // 3 + 1
    weight = 0
    for node, signature in signatures.by_node:
        validator = by_id.pop(node, None)
        if validator is None:
            raise BadProof(f"block {block} is signed twice by one validator, or by somebody else")
        try:
            VerifyKey(validator.key).verify(signed_text, signature)
        except (CryptoError, ValueError) as problem:
            raise BadProof(f"a validator's signature of block {block} is wrong") from problem
        weight += validator.weight
        if weight >= needed:
            return
    raise BadProof(f"block {block} is signed by no more than two thirds of the validators")


def what_is_signed(signatures: UntrustedSignatures, block: BlockId) -> bytes:
    """The bytes under every signature. Raises `BadProof` if a Simplex vote is for another block."""
    vote = signatures.simplex
    if vote is None:
        return BLOCK_SIGNED + block.root_hash + block.file_hash
    name = put_block(block)
    if vote.candidate[:4] not in (CANDIDATE_ORDINARY, CANDIDATE_EMPTY) or vote.candidate[4 : 4 + len(name)] != name:
        raise BadProof(f"validators voted for another block than {block}")
    candidate = CANDIDATE_ID + struct.pack("<i", vote.slot) + sha256(vote.candidate).digest()
    return DATA_TO_SIGN + vote.session_id + put_bytes(FINALIZE_VOTE + candidate)


class ProofChain:
    """What is proven so far: a key block, its validators, and the newest headers."""

    def __init__(self, trusted: BlockId) -> None:
        self.trusted_block = trusted
        self._validators: tuple[Validator, ...] = ()
        self._proven: BlockId = trusted

    async def prove(self, target: BlockId, ask: AskLinks) -> None:
        """Proves `target`, asking with `ask(known, target)` for links. Raises `ServerLied`, and what `ask` raises."""
        while target != self._proven:
            start = known = self.trusted_block
            for link in await ask(known, target):
                known = await self._advance(link, known)
            if known == target:
                self._proven = target
            elif self.trusted_block == start:
                raise BadProof(f"a proof of block {target} that leads nowhere")

    async def _advance(self, link: UntrustedLink, known: BlockId) -> BlockId:
        validators = self._validators if known == self.trusted_block else ()
        size = len(link.target_proof) + (0 if validators else len(link.source_proof)) + len(link.state_proof or b"")
        proven = await checked(lambda: check_link(link, known, validators), size)
        if known == self.trusted_block and proven.validators:
            self._validators = proven.validators
        if proven.header.is_key_block and proven.target.seqno > self.trusted_block.seqno:
            self.trusted_block, self._validators = proven.target, ()
        return proven.target


def _check_back(link: UntrustedLink) -> None:
    if link.target.seqno >= link.source.seqno or link.state_proof is None:
        raise BadProof(f"a back link from {link.source} to {link.target}")
    state_hash = read_header(proven_block(link.source_proof, link.source), link.source).state_hash
    proof = read_bag(link.state_proof, roots=range(1, 2), max_cells=MAX_PROOF_CELLS)[0]
    remembered = earlier_block(merkle_body(proof, state_hash), link.target.seqno)
    if remembered != (link.target.root_hash, link.target.file_hash):
        raise BadProof(f"block {link.target} is no ancestor of {link.source}")
