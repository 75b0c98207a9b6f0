"""Answers about blocks, the configuration and the way from one block to another."""

from hashlib import sha256

from mulberry.demo.chain import evidence, tl
from mulberry.demo.chain.archive import NotKeptError
from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN, Block
from mulberry.demo.chain.tl import Reader
from mulberry.demo.chain.validators import Signing
from mulberry.demo.chain.view import View
from mulberry.ton.boc import write_boc

PROTOCOL_VERSION, CAPABILITIES = 0x101, 7
BY_SEQNO, BY_LT, BY_TIME = 1, 2, 4
QUEUE_LIMIT = 8_192


def masterchain_info(view: View, _: Reader) -> bytes:
    return tl.constructor(tl.MASTERCHAIN_INFO) + view.newest.id.tl() + _state_hash(view) + _zero_state(view)


def masterchain_info_ext(view: View, question: Reader) -> bytes:
    newest = view.newest
    head = tl.constructor(tl.MASTERCHAIN_INFO_EXT) + tl.uint(question.uint32()) + _version() + newest.id.tl()
    times = tl.int32(newest.unixtime) + tl.int32(_now(view))
    return head + times + _state_hash(view) + _zero_state(view)


def time(view: View, _: Reader) -> bytes:
    return tl.constructor(tl.CURRENT_TIME) + tl.int32(_now(view))


def version(view: View, _: Reader) -> bytes:
    return tl.constructor(tl.VERSION) + tl.uint(0) + _version() + tl.int32(_now(view))


def block_data(view: View, question: Reader) -> bytes:
    block = view.block(question.block())
    return tl.constructor(tl.BLOCK_DATA) + block.id.tl() + tl.text(block.data)


def block_state(view: View, question: Reader) -> bytes:
    block = view.block(question.block())
    cell = view.archive.state(block).cell
    bag = write_boc(cell)
    return tl.constructor(tl.BLOCK_STATE) + block.id.tl() + cell.hash + sha256(bag).digest() + tl.text(bag)


def block_header(view: View, question: Reader) -> bytes:
    return _header(view, view.block(question.block()), question.uint32())


def lookup(view: View, question: Reader) -> bytes:
    mode, workchain, seqno = _place(question)
    return _header(view, _find(view, mode, workchain, seqno, question), mode)


def lookup_with_proof(view: View, question: Reader) -> bytes:
    mode, workchain, seqno = _place(question)
    known = view.block(question.block())
    archive, found = view.archive, _find(view, mode, workchain, seqno, question)
    master = evidence.master_of(archive, found)
    links = []
    if workchain == BASECHAIN:
        links.append(found.id.tl() + tl.text(evidence.shards_in_block(archive, master)))
    state_proof = proof = before = b""
    if master is not known:
        state_proof = evidence.header_bag(archive, known)
        proof = evidence.earlier_block(archive, known, master.id.seqno)
    if mode & (BY_LT | BY_TIME) and found.id.seqno > 1:
        before = evidence.header_bag(archive, archive.block_at(workchain, found.id.seqno - 1))
    head = tl.constructor(tl.LOOKUP_BLOCK_RESULT) + found.id.tl() + tl.uint(mode) + master.id.tl()
    proofs = tl.text(state_proof) + tl.text(proof) + tl.vector(links)
    return head + proofs + tl.text(evidence.header_bag(archive, found)) + tl.text(before)


def shard_info(view: View, question: Reader) -> bytes:
    master = view.block(question.block())
    shard = view.archive.sibling(master)
    description = evidence.shard_description(view.archive, master)
    proof = evidence.shard_of_masterchain(view.archive, master)
    head = tl.constructor(tl.SHARD_INFO) + master.id.tl() + shard.id.tl()
    return head + tl.text(proof) + tl.text(write_boc(description))


def all_shards_info(view: View, question: Reader) -> bytes:
    master = view.block(question.block())
    proof = evidence.shards_in_block(view.archive, master) if master.id.seqno else b""
    shards = write_boc(evidence.shards_dictionary(view.archive, master))
    return tl.constructor(tl.ALL_SHARDS_INFO) + master.id.tl() + tl.text(proof) + tl.text(shards)


def shard_block_proof(view: View, question: Reader) -> bytes:
    shard = view.block(question.block())
    master = view.archive.sibling(shard)
    links = tl.vector([shard.id.tl() + tl.text(evidence.shards_in_block(view.archive, master))])
    return tl.constructor(tl.SHARD_BLOCK_PROOF) + master.id.tl() + links


def block_proof(view: View, question: Reader) -> bytes:
    """The way from a block that the client believes to another: back to a key block, then forward by signatures."""
    mode, known = question.uint32(), view.block(question.block())
    target = view.block(question.block()) if mode & 1 else view.newest
    steps, here = [], known
    if target.id.seqno > known.id.seqno:
        key = view.archive.key_block_before(known)
        if not known.is_key and key is not None:
            steps.append(_link_back(view, known, key))
            here = key
        if here.id != target.id:
            steps.append(link_forward(view, here, target))
    elif target.id != known.id:
        steps.append(_link_back(view, known, target))
    return partial_proof(known, target, steps)


def partial_proof(known: Block, target: Block, steps: list[bytes]) -> bytes:
    head = tl.constructor(tl.PARTIAL_BLOCK_PROOF) + tl.TRUE + known.id.tl() + target.id.tl()
    return head + tl.vector(steps)


def link_forward(view: View, key: Block, target: Block) -> bytes:
    """From a key block to a later one, by the signatures of the validators that the key block names."""
    link = tl.constructor(tl.BLOCK_LINK_FORWARD) + tl.boolean(target.is_key) + key.id.tl() + target.id.tl()
    proofs = tl.text(evidence.header_bag(view.archive, target))
    proofs += tl.text(evidence.configuration_in_key_block(view.archive, key))
    return link + proofs + _signature_set(view, target)


def _link_back(view: View, later: Block, earlier: Block) -> bytes:
    archive = view.archive
    link = tl.constructor(tl.BLOCK_LINK_BACK) + tl.boolean(earlier.is_key) + later.id.tl() + earlier.id.tl()
    headers = tl.text(evidence.header_bag(archive, earlier)) + tl.text(evidence.header_bag(archive, later))
    return link + headers + tl.text(evidence.earlier_block(archive, later, earlier.id.seqno))


def _signature_set(view: View, block: Block) -> bytes:
    validators = view.chain.validators
    signatures = tl.vector(node + tl.text(signature) for node, signature in view.signatures(block))
    set_hash, round_number = tl.int32(validators.set_hash), tl.int32(0)
    if validators.signing is Signing.ORDINARY:
        return tl.constructor(tl.SIGNATURES_ORDINARY) + set_hash + round_number + signatures
    vote = validators.session_id + tl.int32(block.id.seqno) + tl.text(validators.candidate(block.id))
    return tl.constructor(tl.SIGNATURES_SIMPLEX) + round_number + set_hash + signatures + vote


def configuration(view: View, question: Reader) -> bytes:
    mode, block = question.uint32(), view.block(question.block())
    head = tl.constructor(tl.CONFIG_INFO) + tl.uint(mode) + block.id.tl()
    proof = evidence.configuration_in_state(view.archive, block)
    return head + tl.text(evidence.header_bag(view.archive, block)) + tl.text(proof)


def libraries(_view: View, _: Reader) -> bytes:
    """There are none."""
    return tl.constructor(tl.LIBRARY_RESULT) + tl.vector([])


def libraries_with_proof(view: View, question: Reader) -> bytes:
    block, mode = view.block(question.block()), question.uint32()
    head = tl.constructor(tl.LIBRARY_RESULT_WITH_PROOF) + block.id.tl() + tl.uint(mode) + tl.vector([])
    proof = write_boc(evidence.shards_in_state(view.archive, block))
    return head + tl.text(evidence.header_bag(view.archive, block)) + tl.text(proof)


def queue_sizes(_view: View, _: Reader) -> bytes:
    return tl.constructor(tl.OUT_MSG_QUEUE_SIZES) + tl.vector([]) + tl.int32(QUEUE_LIMIT)


def _header(view: View, block: Block, mode: int) -> bytes:
    proof = evidence.header_bag(view.archive, block)
    return tl.constructor(tl.BLOCK_HEADER) + block.id.tl() + tl.uint(mode) + tl.text(proof)


def _place(question: Reader) -> tuple[int, int, int]:
    mode, workchain = question.uint32(), question.int32()
    question.int64()
    return mode, workchain, question.uint32()


def _find(view: View, mode: int, workchain: int, seqno: int, question: Reader) -> Block:
    """By number; or the block in which a logical time lies; or the first not before a Unix time."""
    if mode & BY_SEQNO:
        return view.block_at(workchain, seqno)
    if mode & BY_LT:
        lt = question.int64()
        fits = (block for block in view.blocks(workchain) if block.end_lt >= lt)
    else:
        unixtime = question.uint32()
        fits = (block for block in view.blocks(workchain) if block.unixtime >= unixtime)
    for block in fits:
        return block
    raise NotKeptError("block not found : not in db")


def _state_hash(view: View) -> bytes:
    root = view.archive.root(view.newest)
    digest: bytes = root.refs[2].refs[1].get_hash(0)
    return digest


def _zero_state(view: View) -> bytes:
    zero = view.zero_state
    return tl.int32(MASTERCHAIN) + zero.root_hash + zero.file_hash


def _version() -> bytes:
    return tl.int32(PROTOCOL_VERSION) + tl.int64(CAPABILITIES)


def _now(view: View) -> int:
    return int(view.chain.clock.now().timestamp())


ANSWERS = {
    tl.GET_MASTERCHAIN_INFO: masterchain_info,
    tl.GET_MASTERCHAIN_INFO_EXT: masterchain_info_ext,
    tl.GET_TIME: time,
    tl.GET_VERSION: version,
    tl.GET_BLOCK: block_data,
    tl.GET_STATE: block_state,
    tl.GET_BLOCK_HEADER: block_header,
    tl.LOOKUP_BLOCK: lookup,
    tl.LOOKUP_BLOCK_WITH_PROOF: lookup_with_proof,
    tl.GET_SHARD_INFO: shard_info,
    tl.GET_ALL_SHARDS_INFO: all_shards_info,
    tl.GET_SHARD_BLOCK_PROOF: shard_block_proof,
    tl.GET_BLOCK_PROOF: block_proof,
    tl.GET_CONFIG_ALL: configuration,
    tl.GET_CONFIG_PARAMS: configuration,
    tl.GET_LIBRARIES: libraries,
    tl.GET_LIBRARIES_WITH_PROOF: libraries_with_proof,
    tl.GET_OUT_MSG_QUEUE_SIZES: queue_sizes,
}
