"""How rounds become blocks: the shard's with every transaction, then the masterchain's, which commits it."""

from hashlib import sha256

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain import layout
from mulberry.demo.chain.archive import Archive, KeptTransaction
from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN, Block, BlockId, TransactionKey
from mulberry.demo.chain.dictionary import PLAIN, Dictionary
from mulberry.demo.chain.execution import Round
from mulberry.demo.chain.layout import Links, State, Times
from mulberry.demo.chain.validators import Validators
from mulberry.model.places import resource
from mulberry.ton.boc import write_boc

KNOWN_BLOCKS = 2_048  # that the masterchain's state names, key blocks aside
KEY_BLOCK = 1  # the only one: the configuration never changes
GLOBAL_ID_PARAM, CATCHAIN_PARAM, VALIDATORS_PARAM = 19, 28, 34
SHUFFLED_BIT = 15  # of the catchain's parameters: `shuffle_mc_validators`, behind a tag and seven flags


def add_zero_states(archive: Archive, validators: Validators, unixtime: int) -> None:
    """The beginning: no accounts, and the configuration."""
    times = Times(unixtime, 0, 0)
    shard = _add_zero_state(archive, BASECHAIN, layout.state(BASECHAIN, 0, times, layout.NO_ACCOUNTS), unixtime)
    extra = layout.masterchain_extra(
        shards_root=layout.shards(shard, 0),
        configuration=_first_configuration(validators, unixtime),
        validator_set_hash=0,
        known_blocks=layout.NO_BLOCKS,
        after_key_block=False,
        last_key_block=None,
        total=0,
    )
    cell = layout.state(MASTERCHAIN, 0, times, layout.NO_ACCOUNTS, extra=extra)
    _add_zero_state(archive, MASTERCHAIN, cell, unixtime)
    archive.close_round(0)


def add_round(archive: Archive, validators: Validators, randomness: bytes, done: Round, end_lt: int) -> Block:
    """Both blocks of the round, the masterchain's signed. Returns that one."""
    shard_times = Times(done.unixtime, done.start_lt, end_lt - 2)
    shard = _add_shard_block(archive, validators, randomness, done, shard_times)
    master_times = Times(done.unixtime, done.start_lt + 1, end_lt - 1)
    master = _add_masterchain_block(archive, validators, randomness, done, shard, master_times)
    archive.close_round(master.id.seqno)
    return master


def _add_zero_state(archive: Archive, workchain: int, cell: Cell, unixtime: int) -> Block:
    name = BlockId(workchain, 0, cell.hash, sha256(write_boc(cell)).digest())
    block = Block(name, 0, 0, unixtime)
    archive.add(block, state=State.read(cell))
    return block


def _first_configuration(validators: Validators, unixtime: int) -> Cell:
    """Mainnet's, but for the network's number and the validators, who sign in the order in which they are listed."""
    root = Cell.one_from_boc(resource("emulator/config.boc").read_bytes())
    configuration: Dictionary[None] = Dictionary(layout.CONFIG_KEY_BITS, PLAIN, root)
    network = Builder()
    network.store_int(layout.GLOBAL_ID, 32)
    catchain = configuration.get(CATCHAIN_PARAM)
    if catchain is None:
        raise AssertionError("the vendored configuration says how validators take turns")
    for number, value in (
        (GLOBAL_ID_PARAM, network.end_cell()),
        (CATCHAIN_PARAM, _without_bit(catchain.refs[0], SHUFFLED_BIT)),
        (VALIDATORS_PARAM, validators.configuration(unixtime - 3_600)),
    ):
        configuration = configuration.set(number, layout.ended(Builder().store_ref(value)), None)
    if configuration.root is None:
        raise AssertionError("a configuration is never empty")
    return configuration.root


def _without_bit(cell: Cell, bit: int) -> Cell:
    bits = cell.bits.copy()
    bits[bit] = 0
    return Cell(bits, cell.refs)


def _add_shard_block(archive: Archive, validators: Validators, randomness: bytes, done: Round, times: Times) -> Block:
    seen, previous = archive.newest(MASTERCHAIN), archive.newest(BASECHAIN)
    key_seqno = seen.id.seqno if seen.is_key else seen.key_seqno
    links = Links(previous, seen, False, key_seqno, validators.set_hash)
    state = layout.state(BASECHAIN, previous.id.seqno + 1, times, done.accounts[BASECHAIN], seen=seen)
    root = _block_root(archive, randomness, done, links, times, state, None)
    return _add_block(archive, done, links, times, root, state, None)


def _add_masterchain_block(
    archive: Archive, validators: Validators, randomness: bytes, done: Round, shard: Block, times: Times
) -> Block:
    previous = archive.newest(MASTERCHAIN)
    seqno = previous.id.seqno + 1
    key_seqno = previous.id.seqno if previous.is_key else previous.key_seqno
    links = Links(previous, None, seqno == KEY_BLOCK, key_seqno, validators.set_hash)
    before, accounts, shards_root = archive.state(previous), done.accounts[MASTERCHAIN], layout.shards(shard, seqno)
    configuration = layout.configuration_of(before.cell)
    extra = layout.masterchain_extra(
        shards_root=shards_root,
        configuration=configuration,
        validator_set_hash=validators.set_hash,
        known_blocks=_known_blocks(before.known_blocks, previous),
        after_key_block=previous.is_key,
        last_key_block=archive.block_at(MASTERCHAIN, key_seqno) if key_seqno else None,
        total=accounts.extra,
    )
    state = layout.state(MASTERCHAIN, seqno, times, accounts, extra=extra)
    part = layout.masterchain_block_part(shards_root, configuration if links.is_key else None)
    root = _block_root(archive, randomness, done, links, times, state, part)
    return _add_block(archive, done, links, times, root, state, validators)


def _known_blocks(known: Dictionary[tuple[int, int]], newest: Block) -> Dictionary[tuple[int, int]]:
    value = Builder()
    value.store_bit_int(int(newest.is_key)).store_cell(layout.reference(newest))
    known = known.set(newest.id.seqno, value.end_cell(), (int(newest.is_key), newest.end_lt))
    old = newest.id.seqno - KNOWN_BLOCKS
    return known if old < 0 or old == KEY_BLOCK else known.delete(old)


def _block_root(
    archive: Archive, randomness: bytes, done: Round, links: Links, times: Times, state: Cell, part: Cell | None
) -> Cell:
    workchain = links.previous.id.workchain
    random_seed = sha256(randomness + b"%d:%d" % (workchain, links.previous.id.seqno + 1)).digest()
    extra = layout.block_extra(done.account_blocks(workchain), random_seed, part)
    info = layout.block_info(workchain, times, links)
    return layout.block(info, archive.state(links.previous), state, extra)


def _add_block(
    archive: Archive, done: Round, links: Links, times: Times, root: Cell, state: Cell, signers: Validators | None
) -> Block:
    workchain, data = links.previous.id.workchain, write_boc(root)
    name = BlockId(workchain, links.previous.id.seqno + 1, root.hash, sha256(data).digest())
    transactions = done.transactions[workchain]
    block = Block(
        name,
        times.start_lt,
        times.end_lt,
        times.unixtime,
        is_key=links.is_key,
        key_seqno=links.key_seqno,
        data=data,
        transactions=tuple(sorted(TransactionKey(item.account, item.lt) for item in transactions)),
        signatures=() if signers is None else signers.sign(name),
    )
    archive.add(block, root, State.read(state))
    for item in transactions:
        digest, bag = item.cell.hash, write_boc(item.cell)
        kept = KeptTransaction(item.lt, digest, item.previous_lt, item.previous_hash, name, bag)
        archive.add_transaction(workchain, item.account, kept)
    return block
