"""A number of money that does not say what it counts is a promise: every one must answer, also to the keyboard."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolTip
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop.connection import Link, View
from mulberry.desktop.explanations import EXPLANATIONS, NOT_KNOWN, Figure
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.number import Number
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.money import Nanoton
from samples import a_status, a_wallet

PAGES = ("home", "earnings", "wallet")


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, clock: SettableClock) -> Iterator[MainWindow]:
    jobs, transactions = JobsModel(), TransactionsModel()
    made = MainWindow(theme, clock, jobs, transactions)
    jobs.setParent(made)
    transactions.setParent(made)
    made.closing.connect(made.hide)
    qtbot.addWidget(made)
    made.show()
    yield made
    QToolTip.hideText()


def large_numbers(window: MainWindow, page: str) -> list[QLabel]:
    labels: list[QLabel] = getattr(window, page).findChildren(QLabel)
    return [label for label in labels if label.property("look") == "number"]


@pytest.mark.parametrize("page", PAGES)
def test_no_number_stands_without_its_explanation(window: MainWindow, page: str) -> None:
    numbers = large_numbers(window, page)
    assert numbers
    assert all(isinstance(number, Number) for number in numbers)
    for number in numbers:
        assert NOT_KNOWN in number.toolTip()
    window.show_view(View(Link.ANSWERS, a_status(), a_wallet()))
    for number in numbers:
        assert "As of 1" in number.toolTip(), number.accessibleName()
        assert number.accessibleDescription() in number.toolTip().replace("&#x27;", "'")
        assert number.accessibleName().endswith(number.text())


def test_the_keyboard_gets_the_same_answer(window: MainWindow, settle: Callable[[], None]) -> None:
    window.show_view(View(Link.ANSWERS, a_status(), a_wallet()))
    window.activateWindow()
    settle()
    number = large_numbers(window, "home")[0]
    number.setFocus(Qt.FocusReason.TabFocusReason)
    assert number.hasFocus()
    assert QToolTip.text() == number.toolTip()
    assert number.grab().toImage() != _unfocused(window, number, settle)


def _unfocused(window: MainWindow, number: QLabel, settle: Callable[[], None]) -> object:
    window.sidebar.list.setFocus()
    settle()
    return number.grab().toImage()


@pytest.mark.parametrize("figure", Figure)
def test_an_explanation_is_whole_sentences(figure: Figure) -> None:
    explanation = EXPLANATIONS[figure]
    for sentence in (explanation.counts, explanation.source):
        assert sentence[0].isupper() and sentence.endswith(".")
    assert explanation.words("12:00").endswith("As of 12:00.")


def test_an_absurd_amount_fits_and_says_itself(window: MainWindow) -> None:
    status = a_status()
    absurd = replace(status.earnings, today=Nanoton(2**63 - 1), last_30_days=Nanoton(10**30))
    window.show_view(View(Link.ANSWERS, replace(status, earnings=absurd), a_wallet()))
    assert "9223372036.854775807 TON" in large_numbers(window, "home")[0].accessibleName().replace(",", "")
