"""What we read of masterchain blocks and states, each from a cell whose hash is already proven.

Source: TON's block.tlb, and its check-proof.cpp for what a header proof must show.
"""

from dataclasses import dataclass
from hashlib import sha256

from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.exotic import CellTypes

from mulberry.ton.chain.bags import merkle_body, read_bag
from mulberry.ton.chain.dictionary import entries, find
from mulberry.ton.chain.fields import BadShape, Fields
from mulberry.ton.chain.nouns import MASTERCHAIN, BlockId

MAX_PROOF_CELLS = 20_000  # a key block's proof may show the whole config: 4,000 on mainnet
CURRENT_VALIDATORS, TEMPORARY_VALIDATORS = 34, 35  # the config's parameters; the second replaces the first
MAX_VALIDATORS = 2000
KEY_MAGIC = bytes.fromhex("c6b41348")  # TL's pub.ed25519


@dataclass(frozen=True, slots=True)
class Header:
    """A masterchain block's header. `state_hash` is the state's after the block (32 bytes)."""

    is_key_block: bool
    made_at: int  # unix seconds
    previous_key_block_seqno: int
    state_hash: bytes


@dataclass(frozen=True, slots=True)
class Validator:
    key: bytes  # Ed25519, 32 bytes
    weight: int

    @property
    def short_id(self) -> bytes:
        return sha256(KEY_MAGIC + self.key).digest()


def proven_block(untrusted_proof: bytes, block: BlockId) -> Cell:
    """The block's cell, as far as the proof shows it. Raises `ServerLied`: the proof is of another block."""
    return merkle_body(read_bag(untrusted_proof, roots=range(1, 2), max_cells=MAX_PROOF_CELLS)[0], block.root_hash)


def read_header(block_cell: Cell, block: BlockId) -> Header:
    """The header of the masterchain block `block`. Raises `BadShape` where it does not fit its name."""
    parts = _block_parts(block_cell)
    info = Fields(parts[0])
    info.expect(0x9BC7A987, 32, "a block's header")
    info.skip(32)  # version
    not_master = info.bit()
    info.skip(5)
    is_key_block = info.bit()
    info.skip(1 + 8)
    seqno = info.uint(32)
    info.skip(32)
    info.skip(2 + 6)
    workchain = info.signed(32)
    info.skip(64)
    made_at = info.uint(32)
    info.skip(64 + 64 + 32 + 32 + 32)  # logical times, validator set's hash and number, oldest reference
    if not_master or workchain != MASTERCHAIN or seqno != block.seqno:
        raise BadShape(f"a header that is not of block {block}")
    return Header(is_key_block, made_at, info.uint(32), state_hash_after(parts[2]))


def state_hash_after(update: Cell) -> bytes:
    """The state's hash, from a block's Merkle update."""
    if update.type_ != CellTypes.merkle_update:
        raise BadShape("a block's state update is none")
    state_hash: bytes = update.refs[1].get_hash(0)
    return state_hash


def block_state_hash(block_cell: Cell) -> bytes:
    """The same for a block of any workchain."""
    return state_hash_after(_block_parts(block_cell)[2])


def validators_of(key_block_cell: Cell) -> tuple[Validator, ...]:
    """Who signs the masterchain from this key block on, from its config. Raises `BadShape`, `Pruned`."""
    config = _config(key_block_cell)
    found = find(config, TEMPORARY_VALIDATORS, 32) or find(config, CURRENT_VALIDATORS, 32)
    if found is None:
        raise BadShape("a config without validators")
    fields = Fields(found.reference())
    fields.expect(0x12, 8, "a set of validators")
    fields.skip(32 + 32)
    total, main = fields.uint(16), fields.uint(16)
    fields.skip(64)
    root = fields.maybe_reference()
    if root is None or not 1 <= main <= total <= MAX_VALIDATORS:
        raise BadShape("a set of no validators")
    listed = [_read_validator(entry) for _, entry in entries(root, 16, max_entries=total)]
    if len(listed) != total:
        raise BadShape("a set that lacks validators")
    return tuple(listed[:main])


def masterchain_extra(state_cell: Cell) -> Fields:
    """What a masterchain state has beyond any state, after its tag: shard hashes first."""
    state = Fields(state_cell)
    state.expect(0x9023AFE2, 32, "a state")
    state.skip(32 + 104 + 32 + 32 + 32 + 64 + 32)
    for _ in range(2):
        state.reference()  # outgoing queues, accounts
    state.skip(1)
    state.reference()  # totals
    custom = state.maybe_reference()
    if custom is None:
        raise BadShape("a state that is not the masterchain's")
    extra = Fields(custom)
    extra.expect(0xCC26, 16, "a masterchain state's extra")
    return extra


def config_root(masterchain_state: Cell) -> Cell:
    """The dictionary of the configuration's parameters, as far as the proof shows it."""
    extra = masterchain_extra(masterchain_state)
    extra.maybe_reference()  # shard hashes
    extra.skip(256)
    return extra.reference()


def accounts_root(state_cell: Cell) -> Cell | None:
    """The root of the dictionary of accounts; None if there are none at all."""
    state = Fields(state_cell)
    state.expect(0x9023AFE2, 32, "a state")
    state.reference()
    return Fields(state.reference()).maybe_reference()


def earlier_block(state_cell: Cell, seqno: int) -> tuple[bytes, bytes] | None:
    """Root and file hash of the earlier masterchain block `seqno`, as a later state remembers it."""
    extra = masterchain_extra(state_cell)
    extra.maybe_reference()  # shard hashes
    extra.skip(256)
    extra.reference()  # config
    rest = Fields(extra.reference())
    rest.skip(16 + 32 + 32 + 1)
    blocks = rest.maybe_reference()
    leaf = find(blocks, seqno, 32) if blocks is not None else None
    if leaf is None:
        return None
    leaf.skip(1 + 64)  # augmentation
    leaf.skip(1 + 64)  # key block, logical time
    if leaf.uint(32) != seqno:
        raise BadShape("a state remembers a block under another's number")
    return leaf.bytes(32), leaf.bytes(32)


def _block_parts(block_cell: Cell) -> tuple[Cell, Cell, Cell, Cell]:
    """Header, value flow, state update, extra."""
    block = Fields(block_cell)
    block.expect(0x11EF55AA, 32, "a block")
    return block.reference(), block.reference(), block.reference(), block.reference()


def _config(key_block_cell: Cell) -> Cell:
    extra = Fields(_block_parts(key_block_cell)[3])
    extra.expect(0x4A33F6FD, 32, "a block's extra")
    for _ in range(3):
        extra.reference()  # messages in, messages out, accounts
    extra.skip(256 + 256)
    custom = extra.maybe_reference()
    if custom is None:
        raise BadShape("not a masterchain block")
    master = Fields(custom)
    master.expect(0xCCA5, 16, "a masterchain block's extra")
    if not master.bit():
        raise BadShape("not a key block")
    master.maybe_reference()  # shard hashes
    master.maybe_reference()  # shard fees, and their sum
    master.currencies()
    master.currencies()
    master.reference()
    master.skip(256)
    return master.reference()


def _read_validator(entry: Fields) -> Validator:
    tag = entry.uint(8)
    if tag not in (0x53, 0x73):
        raise BadShape("not a validator")
    entry.expect(0x8E81278A, 32, "a validator's key")
    return Validator(entry.bytes(32), entry.uint(64))
