"""The history of real money: no row may be missing, doubled or mistaken for another while new ones arrive."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from mulberry.desktop.transactions_model import MOST_TRANSACTIONS, PAGE_TRANSACTIONS, Column, TransactionsModel
from mulberry.desktop.wallet_wording import known_accounts
from mulberry.model.wallet import AccountRole, ChainTransaction, TransactionKind
from samples import NOON, a_transaction, a_wallet

ROOT = QModelIndex()


class Chain:
    """Transactions newest first, and a model that pages through them; answers only when it is told to."""

    def __init__(self, how_many: int) -> None:
        self.all = [a_transaction(number) for number in range(how_many, 0, -1)]
        self.model = TransactionsModel()
        self.wanted: list[tuple[int, int]] = []
        self.model.wanted.connect(lambda offset, limit: self.wanted.append((offset, limit)))

    def answer(self) -> None:
        while self.wanted:
            offset, limit = self.wanted.pop(0)
            self.model.put(offset, limit, tuple(self.all[offset : offset + limit]))

    def grow(self, how_many: int) -> None:
        newest = self.all[0].lt - 1_000_000 if self.all else 0
        self.all[:0] = [a_transaction(number) for number in range(newest + how_many, newest, -1)]

    def read_to_the_end(self) -> None:
        for _ in range(2 + len(self.all) // (PAGE_TRANSACTIONS - 1)):
            if self.model.canFetchMore(ROOT):
                self.model.fetchMore(ROOT)
                self.answer()

    @property
    def shown(self) -> list[ChainTransaction]:
        return [self.model.transaction(row) for row in range(self.model.rowCount())]


def texts(model: TransactionsModel, row: int) -> dict[Column, str]:
    return {column: model.text(row, column) for column in Column}


def test_pages_come_as_far_as_somebody_scrolls(qtbot: QtBot) -> None:
    chain = Chain(250)
    chain.model.refresh()
    chain.answer()
    assert chain.shown == chain.all[:PAGE_TRANSACTIONS]
    chain.model.fetchMore(ROOT)
    chain.answer()
    assert chain.model.rowCount() == 2 * PAGE_TRANSACTIONS - 1
    chain.read_to_the_end()
    assert chain.shown == chain.all
    assert not chain.model.canFetchMore(ROOT)


def test_new_ones_come_on_top_and_nothing_else_moves(qtbot: QtBot) -> None:
    chain = Chain(150)
    chain.model.refresh()
    chain.answer()
    chain.read_to_the_end()
    resets: list[bool] = []
    inserted: list[tuple[int, int]] = []
    chain.model.modelReset.connect(lambda: resets.append(True))
    chain.model.rowsInserted.connect(lambda parent, first, last: inserted.append((first, last)))
    chain.grow(3)
    chain.model.refresh()
    chain.answer()
    assert chain.shown == chain.all
    assert (resets, inserted) == ([], [(0, 2)])
    chain.model.refresh()
    chain.answer()
    assert inserted == [(0, 2)]  # nothing new, nothing done


@given(st.lists(st.sampled_from(["refresh", "older", "one", "many", "answer"]), max_size=40), st.integers(0, 320))
def test_in_any_order_of_events_the_rows_are_the_newest_of_the_chain(events: Sequence[str], how_many: int) -> None:
    chain = Chain(how_many)
    for event in events:
        match event:
            case "refresh":
                chain.model.refresh()
            case "older" if chain.model.canFetchMore(ROOT):
                chain.model.fetchMore(ROOT)
            case "one":
                chain.grow(1)
            case "many":
                chain.grow(PAGE_TRANSACTIONS + 30)
            case "answer":
                chain.answer()
        shown = chain.shown
        begin = chain.all.index(shown[0]) if shown else 0
        assert shown == chain.all[begin : begin + len(shown)]  # no hole, no double
    chain.answer()
    chain.model.refresh()
    chain.answer()
    chain.read_to_the_end()
    assert chain.shown == chain.all


def test_older_ones_that_the_agent_finds_later_are_found_too(qtbot: QtBot) -> None:
    chain = Chain(300)
    whole, chain.all = chain.all, chain.all[:30]  # the agent is still reading backwards
    chain.model.refresh()
    chain.answer()
    assert not chain.model.canFetchMore(ROOT)
    chain.all = whole
    chain.model.refresh()
    chain.answer()
    chain.read_to_the_end()
    assert chain.shown == whole


def test_another_history_replaces_what_was_shown(qtbot: QtBot) -> None:
    chain = Chain(50)
    chain.model.refresh()
    chain.answer()
    chain.all = [replace(one, account="0:" + "77" * 32) for one in chain.all[:10]]
    chain.model.refresh()
    chain.answer()
    assert chain.shown == chain.all


def test_a_page_is_asked_for_once_until_it_is_answered_or_lost(qtbot: QtBot) -> None:
    chain = Chain(10)
    chain.model.refresh()
    chain.model.refresh()
    assert chain.wanted == [(0, PAGE_TRANSACTIONS)]
    chain.model.not_available(0, PAGE_TRANSACTIONS)
    chain.model.refresh()
    assert len(chain.wanted) == 2


def test_the_window_keeps_a_bounded_number_and_says_so(qtbot: QtBot) -> None:
    chain = Chain(MOST_TRANSACTIONS + 500)
    chain.model.refresh()
    chain.answer()
    chain.read_to_the_end()
    assert MOST_TRANSACTIONS <= chain.model.rowCount() < MOST_TRANSACTIONS + PAGE_TRANSACTIONS
    assert chain.model.is_cut
    assert not chain.model.canFetchMore(ROOT)


def test_a_row_says_all_that_happened(qtbot: QtBot) -> None:
    model = TransactionsModel()
    model.set_context(NOON, known_accounts(a_wallet()))
    own = next(raw for raw, name in known_accounts(a_wallet()).items() if name == "node wallet")
    sent = replace(
        a_transaction(1),
        role=AccountRole.WORKER_CONTRACT,
        kind=TransactionKind.CASH_OUT,
        counterparty=own,
        success=False,
    )
    model.put(0, PAGE_TRANSACTIONS, (sent, replace(a_transaction(0), counterparty="")))
    shown = texts(model, 0)
    assert shown[Column.ACCOUNT] == "worker contract"
    assert shown[Column.KIND] == "cash-out, failed"
    assert shown[Column.AMOUNT] == "+0.030000001 TON"
    assert shown[Column.FEE] == "0.000123456 TON"
    assert shown[Column.WITH] == "node wallet"
    assert texts(model, 1)[Column.WITH] == "–"
    assert model.copied(0, Column.WITH) == own
    assert model.copied(0, Column.TIME) == sent.at.isoformat()
    assert model.copied(0, Column.AMOUNT) == shown[Column.AMOUNT]


@pytest.mark.parametrize("column", [Column.COMMENT, Column.WITH])
def test_a_strangers_text_is_never_read_as_markup(qtbot: QtBot, column: Column) -> None:
    evil = "<a href='https://evil.example'>Claim 5000 TON</a><img src='file:///etc/passwd'>"
    model = TransactionsModel()
    model.put(0, 1, (replace(a_transaction(1), comment=evil, counterparty=evil),))
    tip = model.data(model.index(0, column), Qt.ItemDataRole.ToolTipRole)
    assert isinstance(tip, str)
    assert "<a" not in tip
    assert "<img" not in tip
    assert "&lt;a href" in tip
