"""The log is where an owner looks when all else fails: it must open whatever lies there and stay small."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mulberry.desktop.log_page import EMPTY, NOTHING_MATCHES, LogPage
from mulberry.desktop.log_tail import (
    FIRST_BYTES,
    KEPT_LINES,
    LONGEST_LINE,
    READ_BYTES,
    Level,
    LogLine,
    LogTail,
    matching,
)
from mulberry.desktop.theme import Theme
from mulberry.model.places import DataFolder

INFO = "2026-11-22 12:00:00,000 INFO mulberry.agent.node: state: earning"
WARNING = "2026-11-22 12:00:01,000 WARNING mulberry.agent.chain: a server lies"
ERROR = "2026-11-22 12:00:02,000 ERROR mulberry.agent.work: a bug ended the shift"
TRACE = "Traceback (most recent call last):"


def read_all(tail: LogTail) -> list[str]:
    """Until nothing new comes."""
    while tail.read()[1]:
        pass
    return [line.text for line in tail.lines]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.log"


def add(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_lines_come_as_they_are_written_and_only_whole(path: Path) -> None:
    tail = LogTail(path)
    assert tail.read() == (False, ())
    add(path, INFO)
    assert tail.read() == (True, (LogLine(Level.INFO, INFO),))
    with path.open("a") as file:
        file.write(WARNING[:20])
    assert tail.read() == (False, ())
    with path.open("a") as file:
        file.write(f"{WARNING[20:]}\n")
    assert tail.read() == (False, (LogLine(Level.WARNING, WARNING),))


def test_a_trace_belongs_to_the_line_before_it(path: Path) -> None:
    tail = LogTail(path)
    add(path, INFO, ERROR, TRACE, "  File x", INFO)
    tail.read()
    assert matching(tail.lines, Level.ERROR, "") == [ERROR, TRACE, "  File x"]
    assert matching(tail.lines, Level.DEBUG, "STATE: Earning") == [INFO, INFO]


@pytest.mark.parametrize("rotates", [True, False])
def test_a_log_that_is_rotated_or_cut_off_is_begun_anew(path: Path, rotates: bool) -> None:
    tail = LogTail(path)
    add(path, INFO, INFO)
    tail.read()
    if rotates:
        path.rename(path.with_suffix(".log.1"))
    else:
        path.write_text("")
        tail.read()
    add(path, ERROR)
    begins, new = tail.read()
    assert begins is rotates or tail.lines
    assert [line.text for line in new] == [ERROR]
    assert [line.text for line in tail.lines] == [ERROR]


def test_of_a_large_log_the_end_is_read_in_bounded_memory(path: Path) -> None:
    line = f"{INFO} {'x' * 400}"
    with path.open("w") as file:
        for number in range(10 * 2**20 // len(line)):
            file.write(f"{line} {number}\n")
    tracemalloc.start()
    tail = LogTail(path)
    shown = read_all(tail)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown[-1].endswith(f" {number}")
    assert all(each.startswith(INFO) for each in shown), "the first line shown is a whole one"
    assert FIRST_BYTES * 0.9 < sum(map(len, shown)) < FIRST_BYTES
    assert peak < 8 * FIRST_BYTES


def test_a_line_without_an_end_is_cut_and_takes_no_memory(path: Path) -> None:
    path.write_bytes(b"x" * (5 * READ_BYTES))
    shown = read_all(LogTail(path))
    assert all(len(line) <= LONGEST_LINE + 1 for line in shown)


def test_only_so_many_lines_are_kept(path: Path) -> None:
    add(path, *(["x"] * (KEPT_LINES + 100)))
    assert len(read_all(LogTail(path))) == KEPT_LINES


@given(st.binary(max_size=3000))
def test_whatever_lies_there_is_shown_as_text(tmp_path_factory: pytest.TempPathFactory, untrusted: bytes) -> None:
    path = tmp_path_factory.mktemp("log") / "agent.log"
    path.write_bytes(untrusted + b"\n")
    shown = read_all(LogTail(path))
    assert len(shown) == untrusted.count(b"\n") + 1
    assert all(line.isprintable() for line in shown)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme, tmp_path: Path, settle: Callable[[], None]) -> LogPage:
    made = LogPage(theme, DataFolder(tmp_path))
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    settle()
    return made


def test_without_a_log_it_says_so(page: LogPage) -> None:
    assert page.text.toPlainText() == ""
    assert page.text.placeholderText() == EMPTY


def test_levels_and_search_leave_what_is_wanted(page: LogPage, path: Path) -> None:
    add(path, INFO, WARNING, ERROR, TRACE)
    page.look()
    assert page.text.toPlainText().split("\n") == [INFO, WARNING, ERROR, TRACE]
    page.level.setCurrentIndex(2)
    assert page.text.toPlainText().split("\n") == [ERROR, TRACE]
    assert page.count.text() == "Lines shown: 2 of 4"
    page.search.setText("nothing like it")
    page.search.returnPressed.emit()
    page._draw()  # without waiting for the pause after typing
    assert page.text.toPlainText() == ""
    assert page.text.placeholderText() == NOTHING_MATCHES
    add(path, ERROR.replace("a bug", "nothing like it"))
    page.look()
    assert page.count.text() == "Lines shown: 1 of 5"


def test_what_comes_is_followed_unless_its_owner_reads_further_up(page: LogPage, path: Path) -> None:
    add(path, *(f"{INFO} {number}" for number in range(300)))
    page.look()
    bar = page.text.verticalScrollBar()
    assert bar.value() == bar.maximum()
    bar.setValue(10)
    assert page.newest.isVisible()
    add(path, WARNING)
    page.look()
    assert bar.value() == 10
    page.newest.click()
    assert bar.value() == bar.maximum()
    assert not page.newest.isVisible()


def test_the_windows_own_log_is_one_button_away(page: LogPage, path: Path) -> None:
    add(path, INFO)
    add(path.with_name("window.log"), WARNING)
    page.look()
    page.sources[1].click()
    assert page.text.toPlainText() == WARNING
    page.sources[0].click()
    assert page.text.toPlainText() == INFO


def test_what_is_shown_is_copied(page: LogPage, path: Path) -> None:
    add(path, INFO, ERROR)
    page.look()
    page.level.setCurrentIndex(2)
    page.copy.click()
    assert QApplication.clipboard().text() == ERROR


def test_hidden_it_reads_nothing(page: LogPage, path: Path, settle: Callable[[], None]) -> None:
    assert page._looking.isActive()
    page.hide()
    settle()
    assert not page._looking.isActive()


def test_markup_is_text(page: LogPage, path: Path) -> None:
    add(path, "<b>bold</b><img src='file:///etc/passwd'> \u202eevil")
    page.look()
    assert page.text.toPlainText() == "<b>bold</b><img src='file:///etc/passwd'>  evil"
