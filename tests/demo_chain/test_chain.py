"""The demo's money lives here: what is sent must arrive once, cost what TON takes, and be there after a restart."""

import gzip
import itertools
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from bitarray import bitarray
from hypothesis import given, settings
from hypothesis import strategies as st
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice
from pytoniq_core.tlb.block import Block as LibraryBlock
from pytoniq_core.tlb.block import ShardStateUnsplit
from pytoniq_core.tlb.transaction import Transaction as LibraryTransaction

from conftest import SettableClock
from mulberry.demo.chain import archive as archive_module
from mulberry.demo.chain import building, execution
from mulberry.demo.chain.account import AccountStatus
from mulberry.demo.chain.archive import NotKeptError
from mulberry.demo.chain.block import BASECHAIN, MASTERCHAIN, BlockId
from mulberry.demo.chain.chain import LocalChain, MessageRefusedError
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.emulator.executor import Emulator
from public_wallet import PublicWallet

TON = Nanoton(10**9)
SHOP = Address(b"\x77" * 32)
CARRY_ALL_AND_VANISH = 128 + 32


def whole(cell: Cell) -> Slice:
    return Slice(cell.bits.copy(), list(cell.refs))


@pytest.fixture
def wallet(chain: LocalChain) -> PublicWallet:
    """A wallet with nearly 10 toncoin, its next message being number 1."""
    wallet = PublicWallet()
    chain.faucet(wallet.address, Nanoton(10 * TON))
    chain.make_block()
    chain.send_external(wallet.deploy())
    chain.make_block()
    return wallet


def test_the_faucet_gives_with_the_next_block(chain: LocalChain) -> None:
    chain.faucet(SHOP, TON)
    assert chain.has_work
    assert chain.account(SHOP).status is AccountStatus.NONE
    before = chain.head
    assert chain.make_block() == chain.head
    assert chain.head.seqno == before.seqno + 1
    assert not chain.has_work
    assert (chain.account(SHOP).status, chain.account(SHOP).balance) == (AccountStatus.UNINITIALISED, TON)


def test_a_transfer_arrives_and_its_fees_are_all_that_is_lost(chain: LocalChain, wallet: PublicWallet) -> None:
    before = chain.account(wallet.address).balance
    chain.send_external(wallet.transfer(1, SHOP, 3 * TON))
    chain.make_block()
    assert chain.account(SHOP).balance == 3 * TON
    lost = before - chain.account(wallet.address).balance - 3 * TON
    assert 0 < lost < 0.01 * TON
    assert chain.run_method(wallet.address, "seqno").stack == (2,)


def test_transactions_hang_together_by_hash(chain: LocalChain, wallet: PublicWallet) -> None:
    for number in (1, 2, 3):
        chain.send_external(wallet.transfer(number, SHOP, TON))
        chain.make_block()
    history = chain.transactions(wallet.address)
    assert len(history) == 5
    state = chain.account(wallet.address)
    assert (history[0].lt, history[0].hash) == (state.last_transaction_lt, state.last_transaction_hash)
    for newer, older in itertools.pairwise(history):
        assert (newer.previous_lt, newer.previous_hash) == (older.lt, older.hash)
    for kept in history:
        cell = Cell.one_from_boc(kept.bag)
        assert cell.hash == kept.hash
        assert LibraryTransaction.deserialize(whole(cell)).lt == kept.lt


def test_the_same_seed_clock_and_messages_make_the_same_blocks(emulator: Emulator, clock: SettableClock) -> None:
    def live(seed: bytes) -> LocalChain:
        chain, wallet = LocalChain(seed, clock, emulator), PublicWallet()
        chain.faucet(wallet.address, TON)
        chain.make_block()
        chain.send_external(wallet.deploy())
        chain.make_block()
        return chain

    assert live(b"one").head == live(b"one").head
    assert live(b"one").head != live(b"two").head


def test_the_blocks_are_the_same_on_every_computer(chain: LocalChain) -> None:
    """Recorded. Another hash means another chain: another emulator, configuration or layout, or mere chance."""
    chain.faucet(SHOP, TON)
    assert chain.make_block().root_hash.hex() == ("a3fe11744eb617df29ea0822ba8142c1b5f63cf6b062c9792a80ae326a4e439e")


def test_a_message_the_contract_does_not_accept_is_refused_with_its_exit_code(
    chain: LocalChain, wallet: PublicWallet
) -> None:
    with pytest.raises(MessageRefusedError, match=r"cannot apply external message to current state.*exitcode=33"):
        chain.send_external(wallet.transfer(7, SHOP, TON))
    assert not chain.has_work


def test_two_messages_may_wait_one_after_the_other(chain: LocalChain, wallet: PublicWallet) -> None:
    """Nodes allow it since February 2026."""
    chain.send_external(wallet.transfer(1, SHOP, TON))
    chain.send_external(wallet.transfer(2, SHOP, TON))
    chain.make_block()
    assert chain.account(SHOP).balance == 2 * TON


def test_the_same_message_twice_is_paid_once(chain: LocalChain, wallet: PublicWallet) -> None:
    message = wallet.transfer(1, SHOP, TON)
    assert chain.send_external(message) == chain.send_external(message)
    chain.make_block()
    assert chain.account(SHOP).balance == TON
    with pytest.raises(MessageRefusedError):
        chain.send_external(message)


def test_a_message_whose_time_passes_while_it_waits_is_dropped(
    chain: LocalChain, wallet: PublicWallet, clock: SettableClock
) -> None:
    until = int(clock.now().timestamp()) + 60
    chain.send_external(wallet.transfer(1, SHOP, TON, valid_until=until))
    clock.pass_time(seconds=61)
    chain.make_block()
    assert chain.account(SHOP).status is AccountStatus.NONE
    with pytest.raises(MessageRefusedError, match="exitcode=35"):
        chain.send_external(wallet.transfer(1, SHOP, TON, valid_until=until))


def test_money_to_nobody_comes_back_if_it_may_bounce(chain: LocalChain) -> None:
    sender = PublicWallet().address
    chain.send_internal(SHOP, TON, source=sender, bounce=True)
    chain.make_block()
    assert chain.account(SHOP).balance == 0
    assert 0.99 * TON < chain.account(sender).balance < TON


def test_an_account_that_gives_all_away_and_leaves_is_gone(chain: LocalChain, wallet: PublicWallet) -> None:
    chain.send_external(wallet.transfer(1, SHOP, 0, mode=CARRY_ALL_AND_VANISH))
    chain.make_block()
    assert chain.account(wallet.address).status is AccountStatus.NONE
    assert chain.account(SHOP).balance > 9.9 * TON
    state = ShardStateUnsplit.deserialize(whole(chain.archive.state(chain.archive.newest(BASECHAIN)).cell))
    assert set(state.accounts[0]) == {int.from_bytes(SHOP.account, "big")}


@settings(max_examples=30)
@given(untrusted=st.binary(max_size=200))
def test_bytes_that_are_no_message_are_refused(untrusted: bytes, emulator: Emulator) -> None:
    chain = LocalChain(b"seed", SettableClock(), emulator)
    with pytest.raises(MessageRefusedError):
        chain.send_external(untrusted)


def test_messages_of_other_kinds_are_refused(chain: LocalChain) -> None:
    shapes = {
        "internal": "01" + "0" * 300,
        "outgoing": "11" + "0" * 300,
        "cut short": "10" + "00" + "100" + "0" * 8,
        "another workchain": "10" + "00" + "100" + "00000111" + "0" * 256 + "0000" + "00",
        "anycast": "10" + "00" + "101" + "0" * 300,
        "empty": "",
    }
    for name, bits in shapes.items():
        with pytest.raises(MessageRefusedError, match="cannot parse external message"):
            chain.send_external(write_boc(Cell(bitarray(bits), [])))
            pytest.fail(name)


def test_a_message_that_breaks_the_emulator_is_refused(chain: LocalChain, wallet: PublicWallet) -> None:
    body = Cell(bitarray(), [])
    for _ in range(900):
        body = Cell(body.bits, [body])
    header = Builder()
    header.store_bits("1000100").store_uint(0, 8).store_bytes(wallet.address.account).store_uint(0, 4)
    header.store_bits("01").store_ref(body)
    with pytest.raises(MessageRefusedError):
        chain.send_external(write_boc(header.end_cell()))
    assert chain.run_method(wallet.address, "seqno").stack == (1,)


def test_a_storm_of_messages_is_spread_over_blocks(chain: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "MAX_TRANSACTIONS", 10)
    for number in range(25):
        chain.faucet(Address(bytes([number]) * 32), TON)
    sizes = []
    while chain.has_work:
        chain.make_block()
        sizes.append(len(chain.archive.newest(BASECHAIN).transactions))
    assert sizes == [10, 10, 5]


def test_a_get_method_where_there_is_no_contract_says_so(chain: LocalChain) -> None:
    assert chain.run_method(SHOP, "seqno").exit_code == -256


def test_time_never_runs_backwards(chain: LocalChain, clock: SettableClock) -> None:
    chain.make_block()
    newest = chain.newest.unixtime
    clock.pass_time(hours=-1)
    chain.make_block()
    assert chain.newest.unixtime == newest


def test_the_library_reads_our_blocks_and_states(chain: LocalChain, wallet: PublicWallet) -> None:
    for workchain in (BASECHAIN, MASTERCHAIN):
        block = chain.archive.newest(workchain)
        read = LibraryBlock.deserialize(whole(Cell.one_from_boc(block.data)))
        assert read.info.seqno == block.id.seqno
        state = ShardStateUnsplit.deserialize(whole(chain.archive.state(block).cell))
        assert state.seq_no == block.id.seqno
    accounts = ShardStateUnsplit.deserialize(whole(chain.archive.state(chain.archive.newest(BASECHAIN)).cell)).accounts
    account = accounts[0][int.from_bytes(wallet.address.account, "big")].account
    assert account.storage.balance.grams == chain.account(wallet.address).balance


def test_listeners_hear_of_every_block_until_they_leave(chain: LocalChain) -> None:
    heard: list[BlockId] = []
    leave = chain.subscribe(heard.append)
    first = chain.make_block()
    leave()
    chain.make_block()
    assert heard == [first]


def test_a_snapshot_brings_everything_back(
    chain: LocalChain, wallet: PublicWallet, clock: SettableClock, emulator: Emulator
) -> None:
    chain.send_external(wallet.transfer(1, SHOP, TON))
    restored = LocalChain.restore(chain.snapshot(), clock, emulator)
    assert restored.head == chain.head
    assert restored.transactions(wallet.address) == chain.transactions(wallet.address)
    assert restored.archive.blocks(MASTERCHAIN) == chain.archive.blocks(MASTERCHAIN)
    assert restored.make_block() == chain.make_block()
    assert restored.account(SHOP).balance == TON


def without_states(snapshot: bytes) -> bytes:
    return gzip.compress(json.dumps(json.loads(gzip.decompress(snapshot)) | {"states": []}).encode())


DAMAGES = (lambda _: b"", lambda good: good[:-20], lambda _: b"not gzip", lambda good: good[::-1], without_states)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_snapshot_is_told_from_a_good_one(
    chain: LocalChain, clock: SettableClock, emulator: Emulator, damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        LocalChain.restore(damage(chain.snapshot()), clock, emulator)


def test_a_fork_has_the_same_past_and_another_future(chain: LocalChain, wallet: PublicWallet) -> None:
    fork = chain.fork()
    assert fork.head == chain.head
    assert fork.make_block() != chain.make_block()
    assert fork.head.seqno == chain.head.seqno
    assert fork.account(wallet.address) == chain.account(wallet.address)


def test_what_is_old_and_empty_is_forgotten_but_no_transaction_is(
    chain: LocalChain, monkeypatch: pytest.MonkeyPatch, clock: SettableClock, emulator: Emulator
) -> None:
    monkeypatch.setattr(archive_module, "RECENT_ROUNDS", 3)
    monkeypatch.setattr(archive_module, "KEPT_EMPTY_ROUNDS", 5)
    monkeypatch.setattr(building, "KNOWN_BLOCKS", 4)
    chain.faucet(SHOP, TON)
    chain.make_block()
    paid = chain.newest
    for _ in range(12):
        chain.make_block()
    kept = [block.id.seqno for block in chain.archive.blocks(MASTERCHAIN)]
    head = chain.head.seqno
    assert kept == [0, 1, paid.id.seqno, *range(head - 4, head + 1)]
    with pytest.raises(NotKeptError, match="not in db"):
        chain.archive.block_at(MASTERCHAIN, paid.id.seqno + 1)
    with pytest.raises(NotKeptError, match="gc'd"):
        chain.archive.state(paid)
    assert chain.archive.root(paid).hash == paid.id.root_hash
    assert [key for key, _ in chain.archive.state(chain.newest).known_blocks.items()] == [1, *range(head - 4, head)]
    again = LocalChain.restore(chain.snapshot(), clock, emulator)
    assert [block.id.seqno for block in again.archive.blocks(MASTERCHAIN)] == kept
    assert len(again.transactions(SHOP)) == 1
    with pytest.raises(NotKeptError):
        chain.archive.block(replace(paid.id, file_hash=bytes(32)))
