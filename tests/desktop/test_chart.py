"""A chart of money: nothing may be lost in the drawing, and whoever cannot see it gets the same numbers in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QTableWidget
from pytestqt.qtbot import QtBot

from mulberry.desktop.chart import Chart, binned, step_text
from mulberry.desktop.history import Span, window
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON

WEEK = window(Span.WEEK, NOON)


def buckets(*amounts: int) -> tuple[EarningsBucket, ...]:
    return tuple(
        EarningsBucket(start, Nanoton(amount), amount) for start, amount in zip(WEEK.edges, amounts, strict=False)
    )


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme) -> Chart:
    made = Chart(theme, Span.WEEK)
    qtbot.addWidget(made)
    made.resize(300, 50)
    made.show()
    return made


@given(st.lists(st.integers(0, 10**15), max_size=500), st.integers(-3, 400))
def test_no_nanoton_is_lost_by_binning(values: list[int], most: int) -> None:
    bins = binned(values, most)
    assert sum(bins) == sum(values)
    assert len(bins) <= max(1, most)


def test_what_is_seen_is_also_said(chart: Chart) -> None:
    assert chart.accessibleName() == "Chart of earnings: 7 days"
    assert chart.accessibleDescription() == "Nothing to show yet."
    chart.show_earnings(WEEK, buckets(0, 0, 0))
    assert chart.accessibleDescription() == "Nothing earned in this time."
    chart.show_earnings(WEEK, buckets(1, 40, 2))
    assert "0.000000043 TON since" in chart.accessibleDescription()
    assert "0.00000004 TON in 6 hours" in chart.accessibleDescription()


def test_it_draws_money_in_the_colour_of_earning_and_nothing_as_a_flat_line(chart: Chart, theme: Theme) -> None:
    def highest_painted_row() -> int:
        image = chart.grab().toImage()
        painted = [
            y
            for y in range(image.height())
            if any(image.pixelColor(x, y).name().upper() == theme.colours.earn for x in range(image.width()))
        ]
        return min(painted)

    chart.show_earnings(WEEK, buckets(0, 0, 0, 0))
    assert highest_painted_row() > chart.height() * 0.8
    chart.show_earnings(WEEK, buckets(0, 5, 5, 0))
    assert highest_painted_row() < chart.height() * 0.2


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_the_numbers_open_as_a_table_from_the_keyboard(chart: Chart, key: Qt.Key) -> None:
    chart.show_earnings(WEEK, buckets(0, 5, 7))
    QTest.keyClick(chart, key)
    dialog = chart.findChild(QDialog)
    assert dialog is not None
    assert dialog.isVisible()
    table = dialog.findChild(QTableWidget)
    assert table is not None
    shown = [[table.model().index(row, column).data() for column in (1, 2)] for row in range(table.rowCount())]
    assert shown == [["0.000000007 TON", "7"], ["0.000000005 TON", "5"]]  # newest first, empty steps left out
    dialog.close()


def test_the_same_numbers_paint_nothing_anew(chart: Chart, qtbot: QtBot) -> None:
    chart.show_earnings(WEEK, buckets(1, 2))
    chart.grab()
    painted: list[bool] = []
    chart.update = lambda *area: painted.append(True)  # type: ignore[method-assign]
    chart.show_earnings(WEEK, buckets(1, 2))
    assert painted == []
    chart.show_earnings(WEEK, buckets(1, 3))
    assert painted == [True]


@pytest.mark.parametrize(
    ("seconds", "words"), [(10, "10 seconds"), (60, "1 minute"), (900, "15 minutes"), (21_600, "6 hours")]
)
def test_the_step_is_told_in_words(seconds: int, words: str) -> None:
    assert step_text(seconds) == words
