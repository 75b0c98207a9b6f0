"""The chart follows the money, asks no more often than needed, and finds the stretch of time in which work was done."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop.chart_feed import ChartFeed
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.history import TODAY_STEPS, Span, Window
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import a_status


class Books(Connection):
    """Answers earnings from a list of moments at which a job earned one nanoton."""

    def __init__(self, *moments: datetime) -> None:
        super().__init__()
        self.moments = list(moments)
        self.asked: list[Window] = []

    def fetch_earnings(self, window: Window) -> None:
        self.asked.append(window)
        counts = [sum(start <= moment < end for moment in self.moments) for start, end in pairwise(window.edges)]
        buckets = (
            EarningsBucket(start, Nanoton(jobs), jobs) for start, jobs in zip(window.edges, counts, strict=False)
        )
        self.earnings_fetched.emit(window, tuple(buckets))


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, clock: SettableClock) -> MainWindow:
    clock.moment = datetime(2026, 11, 22, 12, 7, 3, tzinfo=UTC)
    made = MainWindow(theme, clock, JobsModel(), TransactionsModel())
    made.closing.connect(made.hide)
    qtbot.addWidget(made)
    made.show()
    return made


def test_three_minutes_of_work_fill_most_of_todays_chart(
    window: MainWindow, clock: SettableClock, settle: Callable[[], None]
) -> None:
    began = clock.now() - timedelta(minutes=3)
    books = Books(*(began + timedelta(seconds=number) for number in range(180)))
    feed = ChartFeed(books, window, clock, rest_milliseconds=0)
    books.viewed.emit(View(Link.ANSWERS, a_status()))
    today = [asked for asked in books.asked if asked.span is Span.TODAY]
    assert (today[-1].step_seconds, today[-1].steps) == TODAY_STEPS[0]
    assert len(today) <= 4  # from the whole day to five minutes
    assert "0.00000018 TON since" in window.home.earnings[Span.TODAY].chart.accessibleDescription()
    books.asked.clear()
    settle()
    assert books.asked == []  # nothing has changed
    feed.look_again()
    assert [asked.step_seconds for asked in books.asked] == [TODAY_STEPS[0][0]]  # known by now


def test_nothing_is_asked_while_nobody_looks(window: MainWindow, clock: SettableClock) -> None:
    books = Books()
    feed = ChartFeed(books, window, clock, rest_milliseconds=0)
    window.hide()
    books.viewed.emit(View(Link.ANSWERS, a_status()))
    assert books.asked == []
    window.show()
    feed.look_again()
    assert books.asked


def test_stale_news_are_no_news(window: MainWindow, clock: SettableClock) -> None:
    books = Books()
    feed = ChartFeed(books, window, clock, rest_milliseconds=0)
    books.viewed.emit(View(Link.SILENT, a_status()))
    books.viewed.emit(View(Link.STARTING, None))
    assert books.asked == []
    feed.deleteLater()


def test_after_midnight_a_new_day_begins(window: MainWindow, clock: SettableClock, settle: Callable[[], None]) -> None:
    books = Books(clock.now() - timedelta(minutes=3))
    feed = ChartFeed(books, window, clock, rest_milliseconds=0)
    feed.look_again()
    clock.pass_time(days=1)
    settle()
    books.asked.clear()
    feed.look_again()
    assert books.asked[0].start.astimezone().date() == clock.now().astimezone().date()
    assert window.home.earnings[Span.TODAY].chart.accessibleDescription() == "Nothing earned in this time."
