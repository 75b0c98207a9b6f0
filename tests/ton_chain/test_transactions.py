"""The paid history is rebuilt from these alone: to the nanoton, without gaps, whatever strangers write into them."""

import contextlib
from dataclasses import replace

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell

from chain_evidence import newest_position, page_bag
from conftest import SettableClock
from contract_network import ContractNetwork
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.errors import ServerLied, Unreadable
from mulberry.ton.chain.nouns import Position, Transaction
from mulberry.ton.chain.transactions import COMMENT_LIMIT_BYTES, prove_page, read_message, read_transaction
from mulberry.ton.emulator.executor import Emulator

OURS = Address(b"\x77" * 32)
SENDER = Address(b"\x11" * 32)
TON = 10**9


def history(chain: LocalChain, address: Address = OURS) -> tuple[Transaction, ...]:
    return prove_page(page_bag(chain, address), address, newest_position(chain, address), 16).transactions


def comment(text: bytes) -> Cell:
    """As wallets write them: the rest of a long text in the next cell."""
    head, rest = text[:100], text[100:]
    cells = [rest[at : at + 127] for at in range(0, len(rest), 127)]
    below: Cell | None = None
    for part in reversed(cells):
        builder = Builder().store_bytes(part)
        below = (builder if below is None else builder.store_ref(below)).end_cell()
    builder = Builder().store_uint(0, 32).store_bytes(head)
    cell: Cell = (builder if below is None else builder.store_ref(below)).end_cell()
    return cell


def test_payments_come_back_newest_first_and_linked(chain: LocalChain, clock: SettableClock) -> None:
    page = prove_page(page_bag(chain, OURS), OURS, newest_position(chain, OURS), 16)
    assert [transaction.incoming.value for transaction in page.transactions if transaction.incoming] == [
        3 * TON,
        2 * TON,
        TON,
    ]
    assert page.older is None
    assert [transaction.older for transaction in page.transactions[:2]] == [
        transaction.position for transaction in page.transactions[1:]
    ]
    assert (clock.now() - page.transactions[0].made_at).total_seconds() == 5


def test_a_short_page_names_where_the_next_one_starts(chain: LocalChain) -> None:
    first = prove_page(page_bag(chain, OURS, 2), OURS, newest_position(chain, OURS), 2)
    assert first.older is not None
    second = prove_page(page_bag(chain, OURS, 2, first=2), OURS, first.older, 2)
    assert first.transactions + second.transactions == history(chain)


def test_a_missing_altered_or_added_transaction_is_noticed(chain: LocalChain) -> None:
    newest = newest_position(chain, OURS)
    cells = Cell.from_boc(page_bag(chain, OURS))
    without_the_middle = write_boc(cells[0], cells[2])
    other_order = write_boc(cells[1], cells[0], cells[2])
    altered = Cell(cells[0].bits ^ (Cell.from_boc(page_bag(chain, OURS, 1, 1))[0].bits), cells[0].refs)
    for bag in (without_the_middle, other_order, write_boc(altered), write_boc(*cells, cells[0]), b"", write_boc()):
        with pytest.raises(ServerLied):
            prove_page(bag, OURS, newest, 16)
    with pytest.raises(ServerLied, match="more transactions than were asked for"):
        prove_page(write_boc(*cells), OURS, newest, 2)
    with pytest.raises(ServerLied, match="under another's time"):
        prove_page(write_boc(*cells), OURS, replace(newest, lt=newest.lt + 1), 16)
    with pytest.raises(ServerLied, match="another account"):
        prove_page(write_boc(*cells), SENDER, newest, 16)


def test_a_proven_transaction_of_an_unknown_kind_is_no_servers_lie(chain: LocalChain) -> None:
    genuine = Cell.from_boc(page_bag(chain, OURS, 1))[0]
    merge = Cell(bitarray("0111"), [])  # a kind that happens to no account of ours
    cell = Cell(genuine.bits, [*genuine.refs[:-1], merge])
    start = Position(newest_position(chain, OURS).lt, cell.hash)
    with pytest.raises(Unreadable, match="a kind that does not occur"):
        prove_page(write_boc(cell), OURS, start, 16)


def test_a_payment_with_a_comment_and_one_with_an_operation(chain: LocalChain) -> None:
    chain.send_internal(OURS, Nanoton(5), source=SENDER, body=comment("für deine Arbeit".encode()))
    chain.send_internal(OURS, Nanoton(6), source=SENDER, body=Builder().store_uint(0xC59A7CD3, 32).end_cell())
    chain.make_block()
    with_operation, with_comment, *_ = history(chain)
    assert with_comment.incoming is not None and with_operation.incoming is not None
    assert (with_comment.incoming.operation, with_comment.incoming.comment) == (0, "für deine Arbeit")
    assert with_comment.incoming.source == SENDER
    assert (with_operation.incoming.operation, with_operation.incoming.comment) == (0xC59A7CD3, None)


def test_money_that_asks_to_bounce_goes_back_from_an_account_without_code(chain: LocalChain) -> None:
    before = chain.account(OURS).balance
    chain.send_internal(OURS, Nanoton(TON), source=SENDER, bounce=True)
    chain.make_block()
    transaction = history(chain)[0]
    assert transaction.incoming is not None and transaction.incoming.bounce
    assert transaction.returned and not transaction.success and transaction.exit_code is None
    (back,) = transaction.outgoing
    assert back.bounced and back.destination == SENDER
    assert chain.account(OURS).balance == before + transaction.incoming.value - back.value - transaction.fee
    arrived = history(chain, SENDER)[0]
    assert arrived.incoming is not None and arrived.incoming.bounced
    assert arrived.incoming.hash == back.hash


def test_every_balance_of_a_payout_is_the_sum_of_its_history_to_the_nanoton(
    emulator: Emulator, clock: SettableClock
) -> None:
    network = ContractNetwork(emulator, clock)
    network.start()
    network.cash(network.payment(1_000_000_000))
    for address in (network.wallet.address, network.worker.address, network.proxy.address, network.client.address):
        account = network.chain.account(address)
        came_in = sum(t.incoming.value for t in history(network.chain, address) if t.incoming)
        went_out = sum(message.value for t in history(network.chain, address) for message in t.outgoing)
        fees = sum(transaction.fee for transaction in history(network.chain, address))
        assert account.balance == came_in - went_out - fees
    assert all(transaction.success for transaction in history(network.chain, network.worker.address))


def message_with(body: Cell) -> Cell:
    """From outside the chain to an account of no bits but zeros."""
    builder = (
        Builder().store_uint(0b10, 2).store_uint(0, 2).store_uint(0b100, 3).store_uint(0, 8).store_bytes(bytes(32))
    )
    return Cell(builder.store_coins(0).store_bit_int(0).store_bit_int(1).bits, [body])


@given(st.binary(max_size=3000))
def test_any_comment_is_shown_short_and_printable(text: bytes) -> None:
    shown = read_message(message_with(comment(text))).comment
    assert shown is not None and shown.isprintable()
    assert len(shown) <= COMMENT_LIMIT_BYTES


@pytest.mark.parametrize("times", [1, 2], ids=["deep", "shared"])
def test_a_body_of_deep_or_shared_cells_is_not_walked(times: int) -> None:
    body = Builder().store_uint(0, 32).end_cell()
    for _ in range(1000):
        body = Cell(body.bits, [body] * times)
    shown = read_message(message_with(body)).comment
    assert shown is not None and len(shown) <= COMMENT_LIMIT_BYTES


@given(st.text("01", max_size=1023), st.integers(0, 4))
def test_any_cell_is_read_as_a_message_or_a_transaction_or_refused(bits: str, references: int) -> None:
    cell = Cell(bitarray(bits), [Cell(bitarray(bits[::-1]), [])] * references)
    with contextlib.suppress(ServerLied):
        read_message(cell)
    with contextlib.suppress(ServerLied):
        read_transaction(cell, OURS)
