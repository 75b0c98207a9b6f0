"""Answers about accounts and their transactions."""

from pytoniq_core.boc.cell import Cell
from pytoniq_core.tlb.vm_stack import VmStack

from mulberry.demo.chain import evidence, tl
from mulberry.demo.chain.account import exists
from mulberry.demo.chain.archive import KeptTransaction, NotKeptError
from mulberry.demo.chain.bags import join_bags
from mulberry.demo.chain.block import Block, TransactionKey
from mulberry.demo.chain.chain import MessageRefusedError
from mulberry.demo.chain.proofs import merkle_proof
from mulberry.demo.chain.tl import Reader, ServerError
from mulberry.demo.chain.view import View
from mulberry.ton.boc import BocError, read_boc, write_boc

MAX_TRANSACTIONS = 16  # a node's own limit for one answer
MAX_LISTED = 256
MAX_STACK_BYTES, MAX_STACK_CELLS = 65_536, 8_192
WITH_SHARD_PROOF, WITH_STATE_PROOF, WITH_RESULT = 1, 2, 4
REVERSED, AFTER, WITH_PROOF = 64, 128, 32
WITH_ACCOUNT, WITH_LT, WITH_HASH = 1, 2, 4


def send_message(view: View, question: Reader) -> bytes:
    try:
        view.chain.send_external(question.text())
    except MessageRefusedError as problem:
        raise ServerError(0, str(problem)) from problem
    return tl.constructor(tl.SEND_MESSAGE_STATUS) + tl.int32(1)


def account_state(view: View, question: Reader) -> bytes:
    block_id = question.block()
    workchain, address = question.account()
    master, holder = view.masterchain_and_holder(block_id, workchain)
    proof, found = evidence.account(view.archive, holder, address)
    bag = b"" if found is None or not exists(found) else write_boc(found.refs[0])
    return state_answer(view, master, holder, proof, bag)


def state_answer(view: View, master: Block, holder: Block, proof: bytes, bag: bytes) -> bytes:
    shard_proof = b"" if master is holder else evidence.shard_of_masterchain(view.archive, master)
    head = tl.constructor(tl.ACCOUNT_STATE) + master.id.tl() + holder.id.tl()
    return head + tl.text(shard_proof) + tl.text(proof) + tl.text(bag)


def run_method(view: View, question: Reader) -> bytes:
    mode, block_id = question.uint32(), question.block()
    workchain, address = question.account()
    method, stack = question.int64(), _stack(question.text())
    master, holder = view.masterchain_and_holder(block_id, workchain)
    proof, found = evidence.account(view.archive, holder, address)
    returned = view.chain.call_method(holder, address, method, stack)
    answer = tl.constructor(tl.RUN_METHOD_RESULT) + tl.uint(mode) + master.id.tl() + holder.id.tl()
    if mode & WITH_SHARD_PROOF:
        shard_proof = b"" if master is holder else evidence.shard_of_masterchain(view.archive, master)
        answer += tl.text(shard_proof) + tl.text(proof)
    if mode & WITH_STATE_PROOF:
        answer += tl.text(b"" if found is None else write_boc(_root_only(found.refs[0])))
    answer += tl.int32(returned.exit_code)
    return answer + tl.text(returned.stack) if mode & WITH_RESULT else answer


def one_transaction(view: View, question: Reader) -> bytes:
    block = view.block(question.block())
    workchain, account = question.account()
    proof = bag = b""
    if TransactionKey(account, lt := question.int64()) in block.transactions:
        proof = evidence.transactions(view.archive, block)
        bag = view.transaction(workchain, account, lt).bag
    return tl.constructor(tl.TRANSACTION_INFO) + block.id.tl() + tl.text(proof) + tl.text(bag)


def transactions(view: View, question: Reader) -> bytes:
    return transaction_list(page(view, question))


def page(view: View, question: Reader) -> list[KeptTransaction]:
    """From the newest wanted backwards, as far as the server has them; an error only if it lacks the first."""
    count = min(question.uint32(), MAX_TRANSACTIONS)
    workchain, account = question.account()
    lt, digest = question.int64(), question.hash()
    found: list[KeptTransaction] = []
    while lt and len(found) < count:
        try:
            transaction = view.transaction(workchain, account, lt)
        except NotKeptError:
            if not found:
                raise
            break
        if transaction.hash != digest:
            raise ServerError(-400, "transaction hash mismatch")
        found.append(transaction)
        lt, digest = transaction.previous_lt, transaction.previous_hash
    return found


def transaction_list(found: list[KeptTransaction]) -> bytes:
    bags = join_bags([item.bag for item in found]) if found else b""
    return tl.constructor(tl.TRANSACTION_LIST) + tl.vector(item.block.tl() for item in found) + tl.text(bags)


def list_transactions(view: View, question: Reader) -> bytes:
    block, mode, count, listed, incomplete = _listed(view, question)
    entries = []
    for item in listed:
        entry = tl.uint(mode & (WITH_ACCOUNT | WITH_LT | WITH_HASH))
        entry += item.account if mode & WITH_ACCOUNT else b""
        entry += tl.int64(item.lt) if mode & WITH_LT else b""
        entry += view.transaction(block.id.workchain, item.account, item.lt).hash if mode & WITH_HASH else b""
        entries.append(entry)
    head = tl.constructor(tl.BLOCK_TRANSACTIONS) + block.id.tl() + tl.uint(count) + tl.boolean(incomplete)
    return head + tl.vector(entries) + tl.text(_list_proof(view, block, mode))


def list_transactions_ext(view: View, question: Reader) -> bytes:
    block, mode, count, listed, incomplete = _listed(view, question)
    bags = [view.transaction(block.id.workchain, item.account, item.lt).bag for item in listed]
    head = tl.constructor(tl.BLOCK_TRANSACTIONS_EXT) + block.id.tl() + tl.uint(count) + tl.boolean(incomplete)
    return head + tl.text(join_bags(bags) if bags else b"") + tl.text(_list_proof(view, block, mode))


def _listed(view: View, question: Reader) -> tuple[Block, int, int, list[TransactionKey], bool]:
    block, mode, count = view.block(question.block()), question.uint32(), question.uint32()
    listed = sorted(block.transactions, reverse=bool(mode & REVERSED))
    if mode & AFTER:
        after = TransactionKey(question.hash(), question.int64())
        listed = [key for key in listed if (key < after if mode & REVERSED else key > after)]
    count = min(count, MAX_LISTED)
    return block, mode, count, listed[:count], len(listed) > count


def _list_proof(view: View, block: Block, mode: int) -> bytes:
    return evidence.transactions(view.archive, block) if mode & WITH_PROOF else b""


def _stack(untrusted: bytes) -> Cell:
    if not untrusted:
        return VmStack.serialize([])
    try:
        return read_boc(untrusted, max_bytes=MAX_STACK_BYTES, max_cells=MAX_STACK_CELLS)
    except BocError as problem:
        raise ServerError(-400, f"the arguments are no cells: {problem}") from problem


def _root_only(cell: Cell) -> Cell:
    return merkle_proof(cell, {cell.hash})


ANSWERS = {
    tl.SEND_MESSAGE: send_message,
    tl.GET_ACCOUNT_STATE: account_state,
    tl.RUN_SMC_METHOD: run_method,
    tl.GET_ONE_TRANSACTION: one_transaction,
    tl.GET_TRANSACTIONS: transactions,
    tl.LIST_BLOCK_TRANSACTIONS: list_transactions,
    tl.LIST_BLOCK_TRANSACTIONS_EXT: list_transactions_ext,
}
