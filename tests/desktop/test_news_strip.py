"""What was told may cover nothing for ever, and must not go before it was read."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from mulberry.desktop.jobs_columns import USUAL, Column, remembered, written
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.news_strip import READ_SECONDS
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.clock import Clock


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, clock: Clock) -> MainWindow:
    jobs, transactions = JobsModel(), TransactionsModel()
    made = MainWindow(theme, clock, jobs, transactions)
    for model in (jobs, transactions):
        model.setParent(made)
    made.closing.connect(made.hide)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    return made


def passes(window: MainWindow, seconds: int) -> None:
    for _ in range(seconds):
        window.news.look()


def test_a_message_goes_when_there_was_time_to_read_it(window: MainWindow) -> None:
    window.news.add("1 TON arrived.")
    passes(window, READ_SECONDS - 1)
    window.news.add("It needs you.")
    passes(window, READ_SECONDS - 1)
    assert window.news.words.text() == "1 TON arrived.\nIt needs you."
    assert window.news.isVisible(), "the newest was not there long enough"
    passes(window, 1)
    assert not window.news.isVisible()
    window.news.add("Another one.")
    assert window.news.words.text() == "Another one."


def test_what_nobody_can_see_stays(window: MainWindow, qtbot: QtBot) -> None:
    window.news.add("1 TON arrived.")
    window.hide()
    passes(window, 10 * READ_SECONDS)
    window.show()
    assert window.news.isVisible()


def test_what_has_the_keyboard_stays(window: MainWindow) -> None:
    window.news.add("1 TON arrived.")
    window.news.close_button.setFocus(Qt.FocusReason.TabFocusReason)
    passes(window, 10 * READ_SECONDS)
    assert window.news.isVisible()


@pytest.mark.parametrize("width", [1280, 480])
@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_it_moves_nothing_and_stays_within_the_window(
    window: MainWindow, width: int, direction: Qt.LayoutDirection, settle: Callable[[], None]
) -> None:
    window.setLayoutDirection(direction)
    window.resize(width, 800)
    settle()
    before = window.pages.geometry()
    for _ in range(3):
        window.news.add("A message as long as any that a proxy's refusal makes, which is cut after a while. " * 2)
    settle()
    assert window.pages.geometry() == before
    whole = window.news.parentWidget()
    assert whole is not None and whole.rect().contains(window.news.geometry())
    assert window.news.height() >= window.news.words.heightForWidth(window.news.words.width())


@pytest.mark.parametrize("untrusted", [None, "", "NOTHING", 7, ["TIME"]])
def test_columns_that_nobody_can_remember_are_the_usual_ones(untrusted: object) -> None:
    assert remembered(untrusted) == USUAL


def test_columns_are_remembered_by_their_names() -> None:
    assert remembered(written([Column.REQUEST, Column.TIME])) == (Column.TIME, Column.REQUEST)
