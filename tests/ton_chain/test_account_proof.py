"""A balance is believed when it is proven, and so is the lack of one: each way to lie about an account must fail."""

from dataclasses import replace

import pytest
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell

from chain_evidence import account_answer, named
from conftest import SettableClock
from mulberry.demo.chain import evidence
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.account_proof import prove_account
from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.lite_api import UntrustedAccount
from mulberry.ton.chain.nouns import AccountStatus, Position
from mulberry.ton.emulator.executor import Emulator

OURS = Address(b"\x77" * 32)
NOBODY = Address(b"\x78" * 32)
NEIGHBOUR = Address(b"\x76" * 32)
EMPTY_CELL = bytes.fromhex("b5ee9c7201010101000200000000")


def prove(chain: LocalChain, answer: UntrustedAccount, address: Address = OURS) -> object:
    return prove_account(answer, named(chain.head), address)


def test_an_account_is_what_the_chain_says(chain: LocalChain, clock: SettableClock) -> None:
    state = prove_account(account_answer(chain, OURS), named(chain.head), OURS)
    truth = chain.account(OURS)
    assert (state.status, state.balance) == (AccountStatus.UNINITIALISED, truth.balance)
    assert state.last_transaction == Position(truth.last_transaction_lt, truth.last_transaction_hash)
    assert (state.as_of, state.proven_by) == (clock.now(), named(chain.head))


def test_code_and_data_of_a_contract_are_read(chain: LocalChain) -> None:
    code = Builder().store_uint(0xFF00, 16).end_cell()  # takes anything, does nothing
    data = Builder().store_uint(42, 32).end_cell()
    init = Builder().store_uint(0b00110, 5).store_ref(code).store_ref(data).end_cell()
    contract = Address(init.hash)
    chain.send_internal(contract, Nanoton(10**9), state_init=init)
    chain.make_block()
    state = prove_account(account_answer(chain, contract), named(chain.head), contract)
    assert state.status is AccountStatus.ACTIVE
    assert state.code is not None and state.code.hash == code.hash
    assert state.data is not None and state.data.hash == data.hash


def test_absence_is_proven(chain: LocalChain) -> None:
    state = prove_account(account_answer(chain, NOBODY), named(chain.head), NOBODY)
    assert (state.status, state.balance, state.last_transaction) == (AccountStatus.ABSENT, 0, None)


def test_no_such_account_is_not_believed_without_proof(chain: LocalChain) -> None:
    with pytest.raises(ServerLied, match="its proof shows one"):
        prove(chain, replace(account_answer(chain, OURS), state=b""))
    with pytest.raises(ServerLied):
        prove(chain, replace(account_answer(chain, OURS), state=b"", proof=b""))
    with pytest.raises(ServerLied):
        prove(chain, replace(account_answer(chain, OURS), state=b"", proof=account_answer(chain, NOBODY).proof))


def test_an_absent_account_is_not_believed_to_exist(chain: LocalChain) -> None:
    with pytest.raises(ServerLied, match="its proof says is absent"):
        prove(chain, replace(account_answer(chain, NOBODY), state=account_answer(chain, OURS).state), NOBODY)


def test_another_account_is_not_taken_for_ours(chain: LocalChain) -> None:
    chain.faucet(NEIGHBOUR, Nanoton(10**15))
    chain.make_block()
    with pytest.raises(ServerLied):
        prove(chain, account_answer(chain, NEIGHBOUR))
    with pytest.raises(ServerLied, match="not the one that the proof names"):
        prove(chain, replace(account_answer(chain, OURS), state=account_answer(chain, NEIGHBOUR).state))


def test_a_forged_balance_is_refused_with_and_without_a_proof_made_for_it(
    chain: LocalChain, emulator: Emulator, clock: SettableClock
) -> None:
    rich = LocalChain(b"rich", clock, emulator, validators=7)
    rich.faucet(OURS, Nanoton(10**15))
    rich.make_block()
    honest, forged = account_answer(chain, OURS), account_answer(rich, OURS)
    for answer in (
        replace(honest, state=forged.state),
        replace(honest, state=forged.state, proof=forged.proof),
        replace(honest, state=forged.state, proof=forged.proof, shard_block=forged.shard_block),
        replace(forged, block=honest.block),
        forged,
    ):
        with pytest.raises(ServerLied):
            prove(chain, answer)


def test_an_old_state_is_not_taken_for_the_present_one(chain: LocalChain) -> None:
    old = account_answer(chain, OURS)
    chain.faucet(OURS, Nanoton(5))
    chain.make_block()
    for answer in (old, replace(old, block=named(chain.head)), replace(account_answer(chain, OURS), proof=old.proof)):
        with pytest.raises(ServerLied):
            prove(chain, answer)


def test_a_proof_with_the_account_cut_out_proves_nothing(chain: LocalChain) -> None:
    # the path to a far neighbour leaves ours out: neither there nor absent
    chain.faucet(Address(b"\xf0" * 32), Nanoton(1))
    chain.make_block()
    shard = chain.archive.sibling(chain.newest)
    elsewhere, _ = evidence.account(chain.archive, shard, b"\xf0" * 32)
    with pytest.raises(ServerLied, match="leaves out"):
        prove(chain, replace(account_answer(chain, OURS), proof=elsewhere, state=b""))


def test_proofs_with_a_root_too_few_or_too_many_are_refused(chain: LocalChain) -> None:
    honest = account_answer(chain, OURS)
    header, state = Cell.from_boc(honest.proof)
    for proof in (write_boc(header), write_boc(header, state, state), write_boc(state, header), b""):
        with pytest.raises(ServerLied):
            prove(chain, replace(honest, proof=proof))
        with pytest.raises(ServerLied):
            prove(chain, replace(honest, shard_proof=proof))


@pytest.mark.parametrize("times", [1, 2], ids=["deep", "shared"])
def test_data_full_of_deep_or_shared_cells_is_refused_in_no_time(chain: LocalChain, times: int) -> None:
    # 2^1000 ways down, 1001 cells: the library's own writer and printer do not come to an end on it
    cell = Builder().store_uint(1, 8).end_cell()
    for _ in range(1000):
        cell = Cell(cell.bits, [cell] * times)
    honest = account_answer(chain, OURS)
    with pytest.raises(ServerLied, match="not the one that the proof names"):
        prove(chain, replace(honest, state=write_boc(cell)))
    with pytest.raises(ServerLied):
        prove(chain, replace(honest, proof=write_boc(cell, cell)))


@pytest.mark.parametrize("junk", [EMPTY_CELL, b"\0" * 100, b"te6cc"], ids=["empty cell", "zeros", "text"])
def test_junk_is_refused(chain: LocalChain, junk: bytes) -> None:
    honest = account_answer(chain, OURS)
    for answer in (replace(honest, proof=junk), replace(honest, shard_proof=junk), replace(honest, state=junk)):
        with pytest.raises(ServerLied):
            prove(chain, answer)
