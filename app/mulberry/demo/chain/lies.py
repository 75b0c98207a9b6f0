"""How a server lies: for each `Lie` about data, the answers that it gives instead of the true ones.

Lies about signatures and about which block is the newest are told by `View`.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice

from mulberry.demo.chain import answers_accounts, answers_blocks, evidence, tl
from mulberry.demo.chain.account import NO_ACCOUNT, exists, read_account
from mulberry.demo.chain.archive import KeptTransaction, NotKeptError
from mulberry.demo.chain.block import MASTERCHAIN, Block, BlockId
from mulberry.demo.chain.faults import Lie
from mulberry.demo.chain.tl import Reader
from mulberry.demo.chain.view import View
from mulberry.ton.boc import write_boc

Answer = Callable[[View, Reader], bytes]

MILLION_TONCOIN = 10**15
KEY_BLOCK = 1
DEPTH_OF_SHARED_CELLS = 60  # a walk that does not remember takes 2 to the 60th steps
DEPTH_OF_DEEP_CELLS = 1_000  # under an account that adds a few: 1023 is the most a cell may have
RANDOM_BYTES = 48


def _false_head(view: View, question: Reader) -> bytes:
    true = answers_blocks.masterchain_info(view, question)
    return true[:4] + _no_block(view) + true[84:]


def _false_head_ext(view: View, question: Reader) -> bytes:
    true = answers_blocks.masterchain_info_ext(view, question)
    return true[:20] + _no_block(view) + true[100:]


def _no_block(view: View) -> bytes:
    seqno = view.newest.id.seqno + 1_000
    root, file = (sha256(part + bytes([seqno % 256])).digest() for part in (b"root", b"file"))
    return BlockId(MASTERCHAIN, seqno, root, file).tl()


def _other_network(view: View, question: Reader) -> bytes:
    return answers_blocks.masterchain_info(view, question)[:-64] + bytes(64)


def _other_network_ext(view: View, question: Reader) -> bytes:
    return answers_blocks.masterchain_info_ext(view, question)[:-64] + bytes(64)


def _rich(view: View, question: Reader) -> bytes:
    master, holder, address = _asked(view, question)
    proof, found = evidence.account(view.archive, holder, address)
    return answers_accounts.state_answer(view, master, holder, proof, write_boc(_richer(found, address).refs[0]))


def _rich_with_proof(view: View, question: Reader) -> bytes:
    master, holder, address = _asked(view, question)
    _, found = evidence.account(view.archive, holder, address)
    richer = _richer(found, address)
    balance = read_account(richer).balance
    proof = evidence.forged_account(view.archive, holder, address, richer, balance)
    return answers_accounts.state_answer(view, master, holder, proof, write_boc(richer.refs[0]))


def _absent(view: View, question: Reader) -> bytes:
    master, holder, _ = _asked(view, question)
    return answers_accounts.state_answer(view, master, holder, b"", b"")


def _other_account(view: View, question: Reader) -> bytes:
    master, holder, address = _asked(view, question)
    others = (key for key, _ in view.archive.state(holder).accounts.items() if key.to_bytes(32, "big") != address)
    other = next(others, int.from_bytes(address, "big"))
    proof, found = evidence.account(view.archive, holder, other.to_bytes(32, "big"))
    bag = b"" if found is None else write_boc(found.refs[0])
    return answers_accounts.state_answer(view, master, holder, proof, bag)


def _hostile(data: Callable[[], Cell]) -> Answer:
    def answer(view: View, question: Reader) -> bytes:
        master, holder, address = _asked(view, question)
        proof, _ = evidence.account(view.archive, holder, address)
        bag = write_boc(_account(address, MILLION_TONCOIN, data()))
        return answers_accounts.state_answer(view, master, holder, proof, bag)

    return answer


def _altered_transactions(view: View, question: Reader) -> bytes:
    first, *others = answers_accounts.page(view, question)
    altered = write_boc(_with_more_value(Cell.one_from_boc(first.bag)))
    return answers_accounts.transaction_list([replace(first, bag=altered), *others])


def _one_left_out(view: View, question: Reader) -> bytes:
    found: list[KeptTransaction] = answers_accounts.page(view, question)
    return answers_accounts.transaction_list([*found[:1], *found[2:]])


def _foreign_chain(view: View, question: Reader) -> bytes:
    """Forward from whatever the client believes, with the validators of our own key block."""
    mode, known = question.uint32(), question.block()
    target = view.newest
    if mode & 1:
        try:
            target = view.block(question.block())
        except NotKeptError:
            target = view.newest
    key = view.archive.block_at(MASTERCHAIN, KEY_BLOCK)
    link = answers_blocks.link_forward(view, key, target).replace(key.id.tl(), known.tl(), 1)
    return answers_blocks.partial_proof(Block(known, 0, 0, 0), target, [link])


def garbage(question: bytes) -> bytes:
    """Bytes that mean nothing, the same for the same question."""
    return sha256(question).digest() + bytes(RANDOM_BYTES - 32)


_INFO, _INFO_EXT, _ACCOUNT = tl.GET_MASTERCHAIN_INFO, tl.GET_MASTERCHAIN_INFO_EXT, tl.GET_ACCOUNT_STATE


def _shared_cells() -> Cell:
    cell = Builder().end_cell()
    for _ in range(DEPTH_OF_SHARED_CELLS):
        cell = Cell(cell.bits, [cell, cell])
    return cell


def _deep_cells() -> Cell:
    cell = Builder().end_cell()
    for _ in range(DEPTH_OF_DEEP_CELLS):
        cell = Cell(cell.bits, [cell])
    return cell


LIES: dict[Lie, dict[int, Answer]] = {
    Lie.HEAD: {_INFO: _false_head, _INFO_EXT: _false_head_ext},
    Lie.OTHER_NETWORK: {_INFO: _other_network, _INFO_EXT: _other_network_ext},
    Lie.BALANCE: {_ACCOUNT: _rich},
    Lie.ACCOUNT_PROOF: {_ACCOUNT: _rich_with_proof},
    Lie.ABSENT_ACCOUNT: {_ACCOUNT: _absent},
    Lie.OTHER_ACCOUNT: {_ACCOUNT: _other_account},
    Lie.TRANSACTION: {tl.GET_TRANSACTIONS: _altered_transactions},
    Lie.TRANSACTION_ORDER: {tl.GET_TRANSACTIONS: _one_left_out},
    Lie.CONFIG_OF_OTHER_BLOCK: {tl.GET_BLOCK_PROOF: _foreign_chain},
    Lie.SHARED_CELLS: {_ACCOUNT: _hostile(_shared_cells)},
    Lie.DEEP_CELLS: {_ACCOUNT: _hostile(_deep_cells)},
}


def _asked(view: View, question: Reader) -> tuple[Block, Block, bytes]:
    block_id = question.block()
    workchain, address = question.account()
    master, holder = view.masterchain_and_holder(block_id, workchain)
    return master, holder, address


def _richer(found: Cell | None, address: bytes) -> Cell:
    """The `ShardAccount` with a million toncoin more; a new one, if there is none."""
    present = found if found is not None and exists(found) else NO_ACCOUNT
    state = read_account(present)
    account = _account(address, state.balance + MILLION_TONCOIN, state.data, state.code)
    return Cell(present.bits, [account])


def _account(address: bytes, balance: int, data: Cell | None, code: Cell | None = None) -> Cell:
    """`Account` in workchain 0, active if there is code or data. Its storage counts are nobody's business here."""
    builder = Builder()
    builder.store_bit_int(1).store_bits("100").store_int(0, 8).store_bytes(address)
    builder.store_uint(0, 3).store_uint(0, 3).store_uint(0, 3).store_uint(0, 32).store_bit_int(0)
    builder.store_uint(0, 64).store_coins(balance).store_bit_int(0)
    if code is None and data is None:
        builder.store_uint(0b00, 2)
        return builder.end_cell()
    builder.store_bit_int(1).store_bits("00").store_maybe_ref(code).store_maybe_ref(data).store_bit_int(0)
    return builder.end_cell()


def _with_more_value(transaction: Cell) -> Cell:
    """The transaction whose incoming message, if it carries money, carries a million toncoin more."""
    messages = transaction.refs[0]
    incoming = messages.refs[0]
    rest = Slice(incoming.bits.copy(), [])
    if rest.load_bit():  # external: then it happened at another time
        bits = transaction.bits.copy()
        bits.invert(4 + 256 + 64 + 256 + 64)
        return Cell(bits, transaction.refs)
    front = incoming.bits[: 4 + 2 * 267]
    rest.skip_bits(3 + 2 * 267)
    builder = Builder()
    builder.store_bits(front).store_coins(rest.load_coins() + MILLION_TONCOIN).store_bits(rest.bits)
    altered = Cell(builder.bits, incoming.refs)
    return Cell(transaction.bits, [Cell(messages.bits, [altered, *messages.refs[1:]]), *transaction.refs[1:]])
