"""Proofs about the chain, each in the shape that the official client demands. All are bags of Merkle proofs.

Source: ton-blockchain/ton, validator/impl/liteserver.cpp (what is sent) and crypto/block/check-proof.cpp (what is
checked). What a proof leaves out, a client cannot see: too little is an error there, too much is only longer.
"""

from collections.abc import Set as AbstractSet

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain import layout
from mulberry.demo.chain.archive import Archive
from mulberry.demo.chain.block import MASTERCHAIN, Block
from mulberry.demo.chain.layout import State
from mulberry.demo.chain.proofs import all_cells, merkle_proof
from mulberry.ton.boc import write_boc

NEAR_BLOCKS, FAR_BLOCKS, FAR_STEP = 16, 16, 100  # that contracts may ask for by PREVMCBLOCKS and PREVMCBLOCKS_100


def header(archive: Archive, block: Block, more: AbstractSet[bytes] = frozenset()) -> Cell:
    """Of the block's `info`, and of its state's hash."""
    root = archive.root(block)
    return merkle_proof(root, _header_cells(root) | more)


def header_bag(archive: Archive, block: Block) -> bytes:
    return write_boc(header(archive, block))


def account(archive: Archive, block: Block, address: bytes) -> tuple[bytes, Cell | None]:
    """Header and path to the account in the state after `block`, and the `ShardAccount`, if there is one."""
    state = archive.state(block)
    kept = _state_cells(state.cell)
    found = state.accounts.get(int.from_bytes(address, "big"), kept)
    return write_boc(header(archive, block), merkle_proof(state.cell, kept)), found


def shards_in_state(archive: Archive, block: Block) -> Cell:
    """The newest shard block, in the masterchain's state."""
    return merkle_proof(archive.state(block).cell, _masterchain_cells(archive.state(block).cell))


def shard_of_masterchain(archive: Archive, block: Block) -> bytes:
    """Header of the masterchain block and the shard's block in its state."""
    return write_boc(header(archive, block), shards_in_state(archive, block))


def shards_in_block(archive: Archive, block: Block) -> bytes:
    """The same in the masterchain block itself."""
    extra = archive.root(block).refs[3]
    part = extra.refs[3]
    return write_boc(header(archive, block, {extra.hash, part.hash, part.refs[1].hash} | all_cells([part.refs[0]])))


def shards_dictionary(archive: Archive, block: Block) -> Cell:
    """The masterchain's dictionary of shards, as `HashmapE`."""
    builder = Builder()
    builder.store_maybe_ref(_shards_root(archive, block))
    return builder.end_cell()


def shard_description(archive: Archive, block: Block) -> Cell:
    """What the masterchain says of its one shard."""
    leaf: Cell = _shards_root(archive, block).refs[0]  # the dictionary's one value is one reference
    return leaf


def _shards_root(archive: Archive, block: Block) -> Cell:
    root: Cell = archive.root(block).refs[3].refs[3].refs[0]
    return root


def configuration_in_state(archive: Archive, block: Block) -> bytes:
    """The whole configuration, and those earlier blocks that a get method may ask for."""
    state = archive.state(block)
    kept = _masterchain_cells(state.cell) | all_cells([layout.configuration_of(state.cell)])
    seqno = block.id.seqno
    far = [*range(seqno // FAR_STEP * FAR_STEP, -1, -FAR_STEP)][: FAR_BLOCKS + 1]
    for number in (*range(max(0, seqno - NEAR_BLOCKS - 1), seqno), *far):
        state.known_blocks.get(number, kept)
    return write_boc(merkle_proof(state.cell, kept))


def configuration_in_key_block(archive: Archive, block: Block) -> bytes:
    """The configuration that a key block carries."""
    extra = archive.root(block).refs[3]
    part = extra.refs[3]
    kept = {extra.hash, part.hash, part.refs[1].hash} | all_cells([part.refs[0], part.refs[-1]])
    return write_boc(header(archive, block, kept))


def earlier_block(archive: Archive, block: Block, seqno: int) -> bytes:
    """The block `seqno` among those that the state after `block` knows."""
    state = archive.state(block)
    kept = _masterchain_cells(state.cell)
    state.known_blocks.get(seqno, kept)
    return write_boc(merkle_proof(state.cell, kept))


def transactions(archive: Archive, block: Block) -> bytes:
    """All account blocks of `block` and the hashes of their transactions."""
    root = archive.root(block)
    extra = root.refs[3]
    bodies = frozenset(archive.transaction(block.id.workchain, key.account, key.lt).hash for key in block.transactions)
    kept = _header_cells(root) | {extra.hash} | all_cells([extra.refs[2]], bodies)
    return write_boc(merkle_proof(root, kept))


def forged_account(archive: Archive, block: Block, address: bytes, shard_account: Cell, balance: int) -> bytes:
    """What `account` would prove if the account were `shard_account`: all hashes fit but the block's own."""
    state = archive.state(block)
    accounts = state.accounts.set(int.from_bytes(address, "big"), shard_account, balance)
    holder = layout.dictionary_cell(accounts)
    cell = Cell(state.cell.bits, [state.cell.refs[0], holder, *state.cell.refs[2:]])
    kept = _state_cells(cell)
    accounts.get(int.from_bytes(address, "big"), kept)
    root = archive.root(block)
    info, flow, _, extra = root.refs
    forged = layout.block_of(info, flow, state.cell, cell, extra)
    return write_boc(merkle_proof(forged, _header_cells(forged)), merkle_proof(State.read(cell).cell, kept))


def _header_cells(root: Cell) -> set[bytes]:
    info, update = root.refs[0], root.refs[2]
    return {root.hash, info.hash, update.hash, *(child.hash for child in info.refs)}


def _state_cells(state: Cell) -> set[bytes]:
    return {state.hash, state.refs[1].hash, state.refs[2].hash}


def _masterchain_cells(state: Cell) -> set[bytes]:
    part = layout.masterchain_part(state)
    return _state_cells(state) | {part.hash, part.refs[2].hash} | all_cells([part.refs[0]])


def master_of(archive: Archive, block: Block) -> Block:
    """The masterchain block that commits `block`: itself or that of its round."""
    return block if block.id.workchain == MASTERCHAIN else archive.sibling(block)
