"""The pages of money follow the money; asking for what nobody looks at would wear out the agent and the battery."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.history import Bars, Range, Window
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.money_feed import MoneyFeed
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import PAGE_TRANSACTIONS, Column, TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON, a_status, a_transaction, a_wallet, an_account


class Books(Connection):
    """Answers at once and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    def fetch_earnings(self, window: Window) -> None:
        self.asked.append(window.span)
        buckets = (EarningsBucket(start, Nanoton(1), 1) for start in window.edges[:-1])
        self.earnings_fetched.emit(window, tuple(buckets))

    def fetch_history(self, offset: int, limit: int) -> None:
        self.asked.append((offset, limit))
        self.history_fetched.emit(offset, limit, (a_transaction(2), a_transaction(1)))

    def reconcile(self) -> None:
        self.asked.append("account")
        self.reconciled.emit(an_account())

    def pay_out(self, proxy: str) -> None:
        self.asked.append(proxy)
        self.payout_answered.emit()

    def get_play_money(self) -> None:
        self.asked.append("play money")
        self.play_money_answered.emit()


class Fed:
    """A window, its books and what feeds it."""

    def __init__(self, theme: Theme, clock: SettableClock, rest_milliseconds: int = 0) -> None:
        self.books = Books()
        self.transactions = TransactionsModel()
        self.window = MainWindow(theme, clock, JobsModel(), self.transactions)
        self.transactions.setParent(self.window)
        self.feed = MoneyFeed(self.books, self.window, self.transactions, clock, rest_milliseconds)
        self.books.viewed.connect(self.window.show_view)
        self.window.closing.connect(self.window.hide)
        self.window.show()

    def hear(self, view: View) -> None:
        self.books.viewed.emit(view)


@pytest.fixture
def fed(qtbot: QtBot, theme: Theme, clock: SettableClock) -> Fed:
    made = Fed(theme, clock)
    qtbot.addWidget(made.window)
    return made


VIEW = View(Link.ANSWERS, a_status(), a_wallet())


def test_each_page_asks_for_its_own_when_it_is_looked_at(fed: Fed, settle: Callable[[], None]) -> None:
    fed.hear(VIEW)
    assert fed.books.asked == []
    fed.window.choose("Wallet")
    assert fed.books.asked == [(0, PAGE_TRANSACTIONS)]
    settle()
    fed.window.choose("Earnings")
    assert fed.books.asked[1:] == [Range.DAY, "account"]
    assert "0.000000024 TON earned" in fed.window.earnings.over_time.chart.accessibleDescription()
    assert "Settled" in fed.window.earnings.reconcile.verdict.text()


def test_nothing_is_asked_twice_until_the_money_changes(fed: Fed, settle: Callable[[], None]) -> None:
    fed.hear(VIEW)
    fed.window.choose("Wallet")
    settle()
    for page in ("Home", "Wallet"):
        fed.window.choose(page)
    fed.hear(VIEW)
    settle()
    assert len(fed.books.asked) == 1
    fed.hear(replace(VIEW, wallet=a_wallet(waiting=1)))
    assert len(fed.books.asked) == 2


async def test_changes_in_quick_succession_are_asked_for_together(
    qtbot: QtBot, theme: Theme, clock: SettableClock
) -> None:
    fed = Fed(theme, clock, rest_milliseconds=20)
    qtbot.addWidget(fed.window)
    fed.window.choose("Wallet")
    for waiting in range(1, 50):
        fed.hear(replace(VIEW, wallet=a_wallet(waiting=waiting)))
    assert len(fed.books.asked) == 1
    async with asyncio.timeout(30):
        while len(fed.books.asked) < 2:  # noqa: ASYNC110 - what is waited for is the effect of a Qt timer
            await asyncio.sleep(0)
    assert fed.books.asked == [(0, PAGE_TRANSACTIONS)] * 2


def test_nobody_looks_nobody_asks(fed: Fed, settle: Callable[[], None]) -> None:
    fed.window.choose("Wallet")
    fed.window.hide()
    fed.hear(VIEW)
    assert fed.books.asked == []
    fed.window.show()
    fed.feed.look_again()
    assert fed.books.asked == [(0, PAGE_TRANSACTIONS)]


def test_stale_news_are_no_news(fed: Fed) -> None:
    fed.window.choose("Earnings")
    fed.hear(View(Link.SILENT, a_status(), a_wallet()))
    fed.hear(View())
    assert fed.books.asked == []


def test_another_range_is_asked_for_at_once(fed: Fed) -> None:
    fed.hear(VIEW)
    fed.window.choose("Earnings")
    fed.books.asked.clear()
    fed.window.earnings.over_time.ranges[Range.WEEK].click()
    fed.window.earnings.over_time.lengths[Bars.HOUR].click()
    assert fed.books.asked == [Range.WEEK, Range.WEEK]
    assert "0.000000168 TON earned" in fed.window.earnings.over_time.chart.accessibleDescription()


def test_a_payout_is_asked_for_and_its_button_comes_back(fed: Fed) -> None:
    fed.hear(VIEW)
    fed.window.choose("Wallet")
    button = fed.window.wallet.payouts.blocks[0].pay_out
    button.click()
    assert fed.books.asked[-1] == a_wallet().payouts[0].proxy
    assert button.text() == "Pay out now"


def test_play_money_is_asked_for_and_its_button_comes_back(fed: Fed) -> None:
    fed.hear(VIEW)
    fed.window.choose("Wallet")
    button = fed.window.wallet.addresses.play_money
    button.click()
    assert fed.books.asked[-1] == "play money"
    assert (button.text(), button.isEnabled()) == ("Get play money", True)


def test_rows_have_the_present_and_our_names(fed: Fed) -> None:
    fed.hear(VIEW)
    fed.window.choose("Wallet")
    assert fed.transactions.rowCount() == 2
    assert fed.transactions.text(0, Column.TIME) == f"{(NOON - timedelta(days=1)).astimezone():%d %b %H:%M}"
