"""From a proven masterchain block to one account: the shard that holds it, its state there, or its absence.

Source: TON's check-proof.cpp (AccountState::validate). Stricter in one thing: the shard is found by walking to the
account's own place, so that absence from another shard proves nothing.
"""

from datetime import UTC, datetime

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.ton.address import ACCOUNT_BYTES, Address
from mulberry.ton.chain.bags import merkle_body, read_bag
from mulberry.ton.chain.dictionary import find
from mulberry.ton.chain.errors import ServerLied, Unreadable
from mulberry.ton.chain.fields import BadShape, Fields
from mulberry.ton.chain.headers import (
    MAX_PROOF_CELLS,
    accounts_root,
    block_state_hash,
    masterchain_extra,
    read_header,
)
from mulberry.ton.chain.lite_api import UntrustedAccount
from mulberry.ton.chain.nouns import BASECHAIN, NO_ACCOUNT, AccountState, AccountStatus, BlockId, Position

MAX_STATE_CELLS = 20_000  # an account of ours has some hundred
ADDRESS_BITS = 8 * ACCOUNT_BYTES
MAX_SHARD_SPLITS = 60
TWO_ROOTS = range(2, 3)


class BadAccount(ServerLied):
    """What the server says of the account is not what its own proof shows."""


def prove_account(untrusted: UntrustedAccount, block: BlockId, address: Address) -> AccountState:
    """The account at the proven masterchain block `block`. Raises `ServerLied` with the reason, `Unreadable`."""
    if untrusted.block != block:
        raise BadAccount(f"asked for block {block}, answered for {untrusted.block}")
    header_cell, state_cell = _block_and_state(untrusted.shard_proof, block.root_hash)
    made_at = datetime.fromtimestamp(read_header(header_cell, block).made_at, UTC)
    if _shard_block(state_cell, address) != (untrusted.shard_block.root_hash, untrusted.shard_block.file_hash):
        raise BadAccount("the account is in another shard than the server says")
    _, shard_state = _block_and_state(untrusted.proof, untrusted.shard_block.root_hash)
    root = accounts_root(shard_state)
    leaf = find(root, int.from_bytes(address.account, "big"), ADDRESS_BITS) if root is not None else None
    if leaf is None:
        if untrusted.state:
            raise BadAccount("the server shows an account that its proof says is absent")
        return AccountState(address, AccountStatus.ABSENT, Nanoton(0), None, None, None, made_at, block, None)
    leaf.skip(5)  # augmentation: depth, then the balance that counts in the sums
    leaf.currencies()
    account = _account_cell(untrusted.state, proven_hash=leaf.reference().get_hash(0))
    hash_, lt = leaf.bytes(32), leaf.uint(64)
    last = Position(lt, hash_) if lt else None
    try:
        status, balance, code, data = read_account_cell(account, address)
    except BadShape as problem:  # its hash is right, so the server is
        raise Unreadable(f"An account has a form that is not known: {problem}.") from problem
    kept = None if status is AccountStatus.ABSENT else account
    return AccountState(address, status, balance, code, data, last, made_at, block, kept)


def read_account_cell(cell: Cell | None, address: Address) -> tuple[AccountStatus, Nanoton, Cell | None, Cell | None]:
    """What an account holds, its code and its data. Raises `BadShape`, or `BadAccount` if it is another account's."""
    fields = Fields(cell) if cell is not None else None
    if fields is None or not fields.bit():
        return AccountStatus.ABSENT, Nanoton(0), None, None
    fields.expect(0b100, 3, "an account's address")
    if fields.signed(8) != BASECHAIN or fields.bytes(ACCOUNT_BYTES) != address.account:
        raise BadAccount("the state is another account's")
    _skip_storage_info(fields)
    fields.skip(64)
    balance = Nanoton(fields.currencies())
    return _read_state(fields, balance)


def _block_and_state(untrusted_proof: bytes, root_hash: bytes) -> tuple[Cell, Cell]:
    """A block and the state after it, both as far as the proof shows them."""
    block_proof, state_proof = read_bag(untrusted_proof, roots=TWO_ROOTS, max_cells=MAX_PROOF_CELLS)
    block = merkle_body(block_proof, root_hash)
    return block, merkle_body(state_proof, block_state_hash(block))


def _shard_block(masterchain_state: Cell, address: Address) -> tuple[bytes, bytes]:
    """Root and file hash of the newest block of the shard in which `address` lies."""
    shards = masterchain_extra(masterchain_state).maybe_reference()
    leaf = find(shards, BASECHAIN, 32) if shards is not None else None
    if leaf is None:
        raise BadShape("a masterchain state without a basechain")
    place = int.from_bytes(address.account, "big")
    node = Fields(leaf.reference())
    for depth in range(1, MAX_SHARD_SPLITS + 1):
        if not node.bit():
            break
        halves = node.reference(), node.reference()
        node = Fields(halves[place >> (ADDRESS_BITS - depth) & 1])
    if node.uint(4) not in (0xA, 0xB):
        raise BadShape("not a shard's description")
    node.skip(32 + 32 + 64 + 64)
    return node.bytes(32), node.bytes(32)


def _account_cell(untrusted_state: bytes, proven_hash: bytes) -> Cell | None:
    """The account's own cell; None for the record of an account without money, code or debt."""
    if not untrusted_state:
        if proven_hash != NO_ACCOUNT.hash:
            raise BadAccount("the server says that there is no such account, and its proof shows one")
        return None
    cell = read_bag(untrusted_state, roots=range(1, 2), max_cells=MAX_STATE_CELLS)[0]
    if cell.hash != proven_hash:
        raise BadAccount("an account's state is not the one that the proof names")
    return cell


def _skip_storage_info(fields: Fields) -> None:
    fields.variable(3)  # cells
    fields.variable(3)  # bits
    if fields.uint(3):  # 1: the hash of the storage's dictionary follows
        fields.skip(256)
    fields.skip(32)
    if fields.bit():  # a debt
        fields.coins()


def _read_state(fields: Fields, balance: Nanoton) -> tuple[AccountStatus, Nanoton, Cell | None, Cell | None]:
    if not fields.bit():
        return (AccountStatus.FROZEN if fields.bit() else AccountStatus.UNINITIALISED), balance, None, None
    if fields.bit():
        fields.skip(5)  # fixed prefix length
    if fields.bit():
        fields.skip(2)  # tick-tock
    return AccountStatus.ACTIVE, balance, fields.maybe_reference(), fields.maybe_reference()
