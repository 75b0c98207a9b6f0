"""Whoever saves a chart gets the numbers that it shows, and no file that is half of it."""

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from mulberry.desktop.chart import Chart
from mulberry.desktop.history import Span, window
from mulberry.desktop.number_table import number_table
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON

WEEK = window(Span.WEEK, NOON)


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme) -> Chart:
    made = Chart(theme, Span.WEEK)
    qtbot.addWidget(made)
    made.resize(300, 60)
    made.show()
    made.show_earnings(WEEK, tuple(EarningsBucket(start, Nanoton(20 * n), n) for n, start in enumerate(WEEK.edges[:4])))
    return made


def press(dialog: QDialog, text: str) -> QFileDialog:
    next(button for button in dialog.findChildren(QPushButton) if button.text() == text).click()
    return dialog.findChildren(QFileDialog)[-1]


def test_the_numbers_are_saved_as_they_stand_there(chart: Chart, tmp_path: Path) -> None:
    table = chart.table()
    press(table, "Save as CSV…").fileSelected.emit(str(tmp_path / "week.csv"))
    with (tmp_path / "week.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["From", "Earned", "Jobs"]
    assert [row[2] for row in rows] == ["3", "2", "1"]
    assert [path.name for path in tmp_path.iterdir()] == ["week.csv"]
    table.close()


def test_the_picture_is_the_charts(chart: Chart, tmp_path: Path) -> None:
    table = chart.table()
    press(table, "Save the picture…").fileSelected.emit(str(tmp_path / "week.png"))
    picture = QImage(str(tmp_path / "week.png"))
    assert picture.width() >= 300 and [path.name for path in tmp_path.iterdir()] == ["week.png"]
    table.close()


@pytest.mark.parametrize("button", ["Save as CSV…", "Save the picture…"])
def test_a_folder_that_takes_nothing_is_told(chart: Chart, tmp_path: Path, button: str) -> None:
    table = chart.table()
    press(table, button).fileSelected.emit(str(tmp_path / "nowhere" / "week.out"))
    told = table.findChild(QMessageBox)
    assert told is not None and told.text() == "week.out was not saved."
    told.reject()
    table.close()


def test_arrow_keys_and_the_mouse_read_a_chart_step_by_step(chart: Chart) -> None:
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert chart.accessibleDescription().endswith("0.00000006 TON, 3 jobs")
    QTest.keyClick(chart, Qt.Key.Key_Home)
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.accessibleDescription().endswith("0.00000002 TON, 1 job")
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.accessibleDescription() == chart.summary()
    QTest.mouseMove(chart, QPoint(chart.width() - 2, 20))
    assert chart.accessibleDescription().endswith("3 jobs")


def test_no_amount_and_no_heading_is_cut_off(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    headings = ["From", "of it signed, and not paid out yet by anybody", "Jobs"]
    dialog = number_table(parent, "Earnings", headings, [("12:00", "1,234,567,890.123456789 TON", "1")])
    dialog.resize(240, 200)
    dialog.show()
    table = dialog.findChild(QTableWidget)
    assert table is not None
    for column in range(len(headings)):
        needed = max(table.sizeHintForColumn(column), table.horizontalHeader().sectionSizeHint(column))
        assert table.columnWidth(column) >= needed, headings[column]
    dialog.close()
