"""Honest answers about a local chain, as chain access takes them apart: what forgeries are made from."""

from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain import evidence
from mulberry.demo.chain.block import MASTERCHAIN, WHOLE_SHARD, Block
from mulberry.demo.chain.block import BlockId as ChainBlockId
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.validators import Signing
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.lite_api import (
    SimplexVote,
    UntrustedAccount,
    UntrustedConfig,
    UntrustedLink,
    UntrustedSignatures,
)
from mulberry.ton.chain.nouns import BlockId, Position


def named(id_: ChainBlockId) -> BlockId:
    return BlockId(id_.workchain, WHOLE_SHARD, id_.seqno, id_.root_hash, id_.file_hash)


def block(chain: LocalChain, seqno: int) -> Block:
    return chain.archive.block_at(MASTERCHAIN, seqno)


def forward_link(chain: LocalChain, source: int, target: int) -> UntrustedLink:
    """From one block to a later one. Holds only if the first is the last key block before the second."""
    first, second = block(chain, source), block(chain, target)
    vote = None
    if chain.validators.signing is Signing.SIMPLEX:
        vote = SimplexVote(chain.validators.session_id, target, chain.validators.candidate(second.id))
    shown = evidence.configuration_in_key_block if first.is_key else evidence.header_bag
    return UntrustedLink(
        second.is_key,
        named(first.id),
        named(second.id),
        target_proof=evidence.header_bag(chain.archive, second),
        source_proof=shown(chain.archive, first),
        state_proof=None,
        signatures=UntrustedSignatures(second.signatures, vote),
    )


def back_link(chain: LocalChain, source: int, target: int) -> UntrustedLink:
    first, second = block(chain, source), block(chain, target)
    return UntrustedLink(
        second.is_key,
        named(first.id),
        named(second.id),
        target_proof=evidence.header_bag(chain.archive, second),
        source_proof=evidence.header_bag(chain.archive, first),
        state_proof=evidence.earlier_block(chain.archive, first, target),
        signatures=None,
    )


def config_answer(chain: LocalChain) -> UntrustedConfig:
    """At the newest block."""
    newest = chain.newest
    state_proof = evidence.configuration_in_state(chain.archive, newest)
    return UntrustedConfig(named(newest.id), evidence.header_bag(chain.archive, newest), state_proof)


def account_answer(chain: LocalChain, address: Address) -> UntrustedAccount:
    """At the newest block."""
    shard = chain.archive.sibling(chain.newest)
    proof, found = evidence.account(chain.archive, shard, address.account)
    state = b"" if found is None or not found.refs[0].bits[0] else write_boc(found.refs[0])
    shard_proof = evidence.shard_of_masterchain(chain.archive, chain.newest)
    return UntrustedAccount(named(chain.head), named(shard.id), shard_proof, proof, state)


def newest_position(chain: LocalChain, address: Address) -> Position:
    newest = chain.transactions(address)[0]
    return Position(newest.lt, newest.hash)


def page_bag(chain: LocalChain, address: Address, count: int = 16, first: int = 0) -> bytes:
    """Transactions in one bag, newest first."""
    kept = chain.transactions(address)[first : first + count]
    return write_boc(*(Cell.one_from_boc(transaction.bag) for transaction in kept))
