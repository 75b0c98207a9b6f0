"""Blocks and states as cells. Source: TON's block.tlb; checked against the official C++ client and pytoniq.

What this chain never has is left out or empty: split shards, extra currencies, queues between blocks, libraries.
"""

from dataclasses import dataclass

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice

from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN, Block
from mulberry.demo.chain.dictionary import Augmentation, Dictionary, dictionary_of
from mulberry.demo.chain.proofs import merkle_update

GLOBAL_ID = -217  # of no public network
CONFIG_ADDRESS = bytes([0x55]) * 32
NO_MASTERCHAIN_BLOCK = 0xFFFFFFFF
SOFTWARE_VERSION, CAPABILITIES = 9, 0x1FE
ACCOUNT_KEY_BITS, LT_KEY_BITS, SEQNO_KEY_BITS, SHARD_KEY_BITS, CONFIG_KEY_BITS = 256, 64, 32, 96, 32


def _coins(builder: Builder, nanoton: int) -> None:
    """`CurrencyCollection` without extra currencies."""
    builder.store_coins(nanoton).store_bit_int(0)


def _read_coins(rest: Slice) -> int:
    nanoton = rest.load_coins()
    rest.skip_bits(1)
    return nanoton


def _read_balance(rest: Slice) -> int:
    rest.skip_bits(5)  # `split_depth`
    return _read_coins(rest)


def _write_balance(builder: Builder, nanoton: int) -> None:
    builder.store_uint(0, 5)
    _coins(builder, nanoton)


def _sum(one: int, other: int) -> int:
    return one + other


MONEY = Augmentation(_read_coins, _coins, _sum, 0)
BALANCES = Augmentation(_read_balance, _write_balance, _sum, 0)
KEY_AND_LT = Augmentation(  # whether there is a key block, and the newest end
    lambda rest: (rest.load_bit(), rest.load_uint(64)),
    lambda builder, extra: builder.store_bit_int(extra[0]).store_uint(extra[1], 64),
    lambda one, other: (one[0] | other[0], max(one[1], other[1])),
    (0, 0),
)
NO_ACCOUNTS = Dictionary(ACCOUNT_KEY_BITS, BALANCES)
NO_BLOCKS = Dictionary(SEQNO_KEY_BITS, KEY_AND_LT)


@dataclass(frozen=True, slots=True)
class State:
    """The state after a block: its cell, and the two dictionaries in it that go on to the next."""

    cell: Cell
    accounts: Dictionary[int]
    known_blocks: Dictionary[tuple[int, int]]  # of the masterchain: the blocks before; else empty

    @classmethod
    def read(cls, cell: Cell) -> "State":
        """From the cell of a state that this package wrote."""
        accounts = Dictionary(ACCOUNT_KEY_BITS, BALANCES, _maybe_first(cell.refs[1], 0))
        known = NO_BLOCKS
        if len(cell.refs) > 3:
            known = Dictionary(SEQNO_KEY_BITS, KEY_AND_LT, _maybe_first(masterchain_part(cell).refs[2], 16 + 65))
        return cls(cell, accounts, known)


def masterchain_part(state: Cell) -> Cell:
    """`McStateExtra`: shards, configuration, and in its third cell the blocks before."""
    part: Cell = state.refs[3]
    return part


def configuration_of(state: Cell) -> Cell:
    """The configuration's dictionary in a masterchain state."""
    configuration: Cell = masterchain_part(state).refs[1]
    return configuration


def ended(builder: Builder) -> Cell:
    """What was built. Keeps the type, which the library's chained calls lose."""
    return builder.end_cell()


def _maybe_first(cell: Cell, bit: int) -> Cell | None:
    return cell.refs[0] if cell.bits[bit] else None


def reference(block: Block) -> Cell:
    """`ExtBlkRef`."""
    return ended(_refer(Builder(), block))


def _refer(builder: Builder, block: Block) -> Builder:
    builder.store_uint(block.end_lt, 64).store_uint(block.id.seqno, 32)
    builder.store_bytes(block.id.root_hash).store_bytes(block.id.file_hash)
    return builder


def _maybe_refer(builder: Builder, block: Block | None) -> None:
    builder.store_bit_int(int(block is not None))
    if block is not None:
        _refer(builder, block)


def shards(shard: Block, masterchain_seqno: int) -> Cell:
    """The dictionary of workchains with their newest block, `shard` being the only one."""
    leaf = Builder().store_bit_int(0).store_uint(0xA, 4).store_uint(shard.id.seqno, 32)
    leaf.store_uint(masterchain_seqno, 32).store_uint(shard.start_lt, 64).store_uint(shard.end_lt, 64)
    leaf.store_bytes(shard.id.root_hash).store_bytes(shard.id.file_hash)
    leaf.store_uint(0, 5 + 3).store_uint(0, 32).store_uint(1 << 63, 64)  # flags; the next validators
    leaf.store_uint(max(0, masterchain_seqno - 1), 32).store_uint(shard.unixtime, 32).store_bit_int(0)
    leaf.store_ref(_money_cell(0, 0))
    root = dictionary_of(32, {BASECHAIN: Builder().store_ref(leaf.end_cell()).end_cell()})
    if root is None:
        raise AssertionError("a dictionary with one entry has a root")
    return root


def masterchain_extra(
    *,
    shards_root: Cell,
    configuration: Cell,
    validator_set_hash: int,
    known_blocks: Dictionary[tuple[int, int]],
    after_key_block: bool,
    last_key_block: Block | None,
    total: int,
) -> Cell:
    """`McStateExtra`."""
    inner = Builder().store_uint(0, 16).store_uint(validator_set_hash, 32).store_uint(0, 32).store_bit_int(0)
    known_blocks.store(inner)
    inner.store_bit_int(int(after_key_block))
    _maybe_refer(inner, last_key_block)
    extra = Builder().store_uint(0xCC26, 16).store_bit_int(1).store_ref(shards_root)
    extra.store_bytes(CONFIG_ADDRESS).store_ref(configuration).store_ref(inner.end_cell())
    _coins(extra, total)
    return ended(extra)


@dataclass(frozen=True, slots=True)
class Times:
    """When a block was made, and the logical times between which its transactions lie."""

    unixtime: int
    start_lt: int
    end_lt: int


def state(
    workchain: int,
    seqno: int,
    times: Times,
    accounts: Dictionary[int],
    *,
    seen: Block | None = None,
    extra: Cell | None = None,
) -> Cell:
    """`ShardStateUnsplit`. `seen`: of a shard, the newest masterchain block it knows; `extra`: of the masterchain."""
    inner = Builder().store_uint(0, 128)
    _coins(inner, accounts.extra)
    _coins(inner, 0)
    inner.store_bit_int(0)
    _maybe_refer(inner, seen)
    builder = Builder().store_uint(0x9023AFE2, 32).store_int(GLOBAL_ID, 32)
    _shard(builder, workchain)
    builder.store_uint(seqno, 32).store_uint(0, 32).store_uint(times.unixtime, 32).store_uint(times.end_lt, 64)
    builder.store_uint(_oldest_needed(seqno, seen) if seqno else NO_MASTERCHAIN_BLOCK, 32)
    queues = Builder().store_bit_int(0).store_uint(0, 64).store_bit_int(0).store_bit_int(0).end_cell()
    builder.store_ref(queues).store_bit_int(0).store_ref(dictionary_cell(accounts)).store_ref(inner.end_cell())
    return ended(builder.store_maybe_ref(extra))


@dataclass(frozen=True, slots=True)
class Links:
    """How a new block hangs together with others."""

    previous: Block
    seen: Block | None  # of a shard: the newest masterchain block it knows
    is_key: bool
    key_seqno: int
    validator_set_hash: int


def block_info(workchain: int, times: Times, links: Links) -> Cell:
    """`BlockInfo` of the block after `links.previous`."""
    seqno = links.previous.id.seqno + 1
    builder = Builder().store_uint(0x9BC7A987, 32).store_uint(0, 32)
    builder.store_bit_int(int(workchain != MASTERCHAIN)).store_uint(0, 5).store_bit_int(int(links.is_key))
    builder.store_bit_int(0).store_uint(1, 8).store_uint(seqno, 32).store_uint(0, 32)
    _shard(builder, workchain)
    builder.store_uint(times.unixtime, 32).store_uint(times.start_lt, 64).store_uint(times.end_lt, 64)
    builder.store_uint(links.validator_set_hash, 32).store_uint(0, 32)
    builder.store_uint(_oldest_needed(seqno, links.seen), 32).store_uint(links.key_seqno, 32)
    builder.store_uint(0xC4, 8).store_uint(SOFTWARE_VERSION, 32).store_uint(CAPABILITIES, 64)
    if links.seen is not None:
        builder.store_ref(reference(links.seen))
    return ended(builder.store_ref(reference(links.previous)))


def block_extra(account_blocks: Dictionary[int], random_seed: bytes, masterchain: Cell | None) -> Cell:
    """`BlockExtra`. The descriptions of messages are empty: no lite client asks for them."""
    incoming, outgoing = Builder(), Builder()
    incoming.store_bit_int(0).store_coins(0)
    _coins(incoming, 0)
    outgoing.store_bit_int(0)
    _coins(outgoing, 0)
    builder = Builder().store_uint(0x4A33F6FD, 32).store_ref(incoming.end_cell()).store_ref(outgoing.end_cell())
    builder.store_ref(dictionary_cell(account_blocks)).store_bytes(random_seed).store_bytes(bytes(32))
    return ended(builder.store_maybe_ref(masterchain))


def masterchain_block_part(shards_root: Cell, configuration: Cell | None) -> Cell:
    """`McBlockExtra`. A key block carries the `configuration`."""
    builder = Builder().store_uint(0xCCA5, 16).store_bit_int(int(configuration is not None))
    builder.store_bit_int(1).store_ref(shards_root)
    builder.store_bit_int(0)  # no fees from shards: an empty dictionary and its sum
    _coins(builder, 0)
    _coins(builder, 0)
    builder.store_ref(Builder().store_uint(0, 3).end_cell())
    if configuration is not None:
        builder.store_bytes(CONFIG_ADDRESS).store_ref(configuration)
    return ended(builder)


def block(info: Cell, before: State, after: Cell, extra: Cell) -> Cell:
    """`Block`, leading from the state `before` to the state `after`."""
    total = State.read(after).accounts.extra
    flow = Builder().store_uint(0x3EBF98B7, 32)
    _coins(flow, 0)
    _coins(flow, 0)
    flow.store_ref(_money_cell(before.accounts.extra, total, 0, 0)).store_ref(_money_cell(0, 0, 0, 0))
    return block_of(info, ended(flow), before.cell, after, extra)


def block_of(info: Cell, flow: Cell, before: Cell, after: Cell, extra: Cell) -> Cell:
    """`Block` of its four parts. `before` and `after`: states."""
    builder = Builder().store_uint(0x11EF55AA, 32).store_int(GLOBAL_ID, 32).store_ref(info)
    return ended(builder.store_ref(flow).store_ref(merkle_update(before, after)).store_ref(extra))


def dictionary_cell(accounts: Dictionary[int]) -> Cell:
    """The cell that holds nothing but this dictionary: of a state's accounts, of a block's account blocks."""
    builder = Builder()
    accounts.store(builder)
    return builder.end_cell()


def account_block(account: bytes, transactions: Dictionary[int], before: bytes, after: bytes) -> Cell:
    """`AccountBlock`: what happened to one account. `before`, `after`: hashes of the account's cell."""
    if transactions.root is None:
        raise AssertionError("an account without transactions has no place in a block")
    change = Builder().store_uint(0x72, 8).store_bytes(before).store_bytes(after).end_cell()
    builder = Builder().store_uint(5, 4).store_bytes(account).store_cell(transactions.root)
    return ended(builder.store_ref(change))


def _shard(builder: Builder, workchain: int) -> None:
    builder.store_uint(0, 2 + 6).store_int(workchain, 32).store_uint(0, 64)


def _oldest_needed(seqno: int, seen: Block | None) -> int:
    return seen.id.seqno if seen is not None else max(0, seqno - 1)


def _money_cell(*amounts: int) -> Cell:
    builder = Builder()
    for amount in amounts:
        _coins(builder, amount)
    return ended(builder)
