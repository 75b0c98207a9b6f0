"""Reading old jobs must not be disturbed by new ones, and what is copied must be what is seen."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from mulberry.desktop.jobs_columns import USUAL, Column
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.jobs_table import JobsTable, NewestJobs
from mulberry.desktop.theme import Theme
from samples import a_job


@pytest.fixture
def model(theme: Theme) -> JobsModel:
    made = JobsModel()
    made.wanted.connect(lambda first, last: made.put(first, last, [a_job(n) for n in range(first, last + 1)]))
    made.set_total(100_000)
    return made


@pytest.fixture
def table(qtbot: QtBot, theme: Theme, model: JobsModel, settle: Callable[[], None]) -> JobsTable:
    made = JobsTable(theme, model)
    model.setParent(made)
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    settle()
    return made


def number_at_the_top(table: JobsTable, model: JobsModel) -> int:
    job = model.job(table.rowAt(1))
    assert job is not None
    return job.number


def test_a_reader_stays_where_they_are_while_jobs_arrive(
    table: JobsTable, model: JobsModel, settle: Callable[[], None]
) -> None:
    table.verticalScrollBar().setValue(5000 * table.row_height)
    settle()
    read = number_at_the_top(table, model)
    for new in (1, 7, 250):
        model.set_total(model.rowCount() + new)
        settle()
        assert number_at_the_top(table, model) == read


def test_a_reader_at_the_very_end_stays_there_too(
    table: JobsTable, model: JobsModel, settle: Callable[[], None]
) -> None:
    table.scrollToBottom()
    settle()
    read = number_at_the_top(table, model)
    model.set_total(model.rowCount() + 3)
    settle()
    assert number_at_the_top(table, model) == read


def test_at_the_top_the_newest_job_is_seen_at_once(
    table: JobsTable, model: JobsModel, settle: Callable[[], None]
) -> None:
    model.set_total(100_003)
    settle()
    assert number_at_the_top(table, model) == 100_003


def test_selected_rows_are_copied_as_a_spreadsheet_takes_them(table: JobsTable, model: JobsModel) -> None:
    table.selectRow(1)
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    heads, row, end = QGuiApplication.clipboard().text().split("\n")
    assert heads.split("\t") == ["Time", "Model", "Tokens", "Latency", "Earned", "Outcome", "Proxy"]
    assert row.split("\t") == [model.text(1, column) for column in USUAL]
    assert end == ""


def test_the_newest_jobs_neither_scroll_nor_take_the_focus(qtbot: QtBot, theme: Theme, model: JobsModel) -> None:
    newest = NewestJobs(theme, model, rows=4)
    model.setParent(newest)
    qtbot.addWidget(newest)
    newest.resize(900, newest.height())
    newest.show()
    assert newest.focusPolicy() is Qt.FocusPolicy.NoFocus
    assert newest.viewport().height() >= 4 * newest.row_height
    assert newest.isColumnHidden(Column.OUTCOME)


def test_the_words_over_the_columns_are_not_asked_for_each_time_something_is_laid_out(
    qtbot: QtBot, theme: Theme, model: JobsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def words(_: JobsModel, section: int, *__: object) -> str:
        asked.append(section)
        return "words"

    monkeypatch.setattr(JobsModel, "headerData", words)
    holder = QWidget()
    qtbot.addWidget(holder)
    table = JobsTable(theme, model)
    model.setParent(table)
    asked.clear()
    QVBoxLayout(holder).addWidget(table)
    assert asked == []


def test_columns_fill_the_width_and_no_more(table: JobsTable, settle: Callable[[], None]) -> None:
    for width in (600, 1400):
        table.resize(width, 500)
        settle()
        used = sum(table.columnWidth(column) for column in USUAL)
        assert 0 <= table.viewport().width() - used < len(Column)
