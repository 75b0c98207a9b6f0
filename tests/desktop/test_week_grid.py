"""A schedule is drawn once and then trusted for years: what is drawn is what is meant, by mouse and by keyboard."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from mulberry.desktop.theme import Theme
from mulberry.desktop.week_grid import Cell, WeekGrid
from mulberry.model.week import Week, read_week

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def grid(qtbot: QtBot, theme: Theme) -> WeekGrid:
    made = WeekGrid(theme)
    qtbot.addWidget(made)
    made.resize(640, 200)
    made.show_week(read_week("never"))
    made.show()
    return made


def heard(signal: object) -> list[Week]:
    weeks: list[Week] = []
    signal.connect(weeks.append)  # type: ignore[attr-defined]
    return weeks


def middle(grid: WeekGrid, cell: Cell) -> QPoint:
    return grid.place(cell).center().toPoint()


def drag(grid: WeekGrid, begin: Cell, *over: Cell) -> None:
    QTest.mousePress(grid, LEFT, pos=middle(grid, begin))
    for cell in over:
        QTest.mouseMove(grid, middle(grid, cell))


def press(grid: WeekGrid, *keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    for key in keys:
        QTest.keyClick(grid, key, modifier)


def test_a_drag_marks_a_rectangle_and_tells_once_when_it_ends(grid: WeekGrid) -> None:
    dragged, changed = heard(grid.dragged), heard(grid.changed)
    drag(grid, (0, 8), (2, 20), (4, 17))
    assert [str(week) for week in dragged] == ["Mon 08-09", "Mon-Wed 08-21", "Mon-Fri 08-18"]
    assert changed == []
    QTest.mouseRelease(grid, LEFT, pos=middle(grid, (4, 17)))
    assert [str(week) for week in changed] == ["Mon-Fri 08-18"]


def test_a_drag_that_begins_on_a_marked_hour_clears(grid: WeekGrid) -> None:
    grid.show_week(read_week("always"))
    drag(grid, (5, 0), (6, 23))
    QTest.mouseRelease(grid, LEFT, pos=middle(grid, (6, 23)))
    assert str(grid.week) == "Mon-Fri 00-24"


def test_a_drag_that_leaves_the_grid_stays_within_it(grid: WeekGrid) -> None:
    drag(grid, (5, 20))
    QTest.mouseMove(grid, QPoint(5000, 5000))
    assert str(grid.week) == "Sat-Sun 20-24"
    QTest.mouseMove(grid, QPoint(-5000, -5000))
    QTest.mouseRelease(grid, LEFT, pos=QPoint(-5000, -5000))
    assert str(grid.week) == "Mon-Sat 00-21"


def test_escape_breaks_a_drag_off(grid: WeekGrid) -> None:
    changed = heard(grid.changed)
    drag(grid, (0, 8), (4, 17))
    press(grid, Qt.Key.Key_Escape)
    QTest.mouseRelease(grid, LEFT, pos=middle(grid, (4, 17)))
    assert str(grid.week) == "never"
    assert changed == []


def test_the_name_of_a_day_and_the_number_of_an_hour_take_all_of_it(grid: WeekGrid) -> None:
    monday = middle(grid, (0, 0))
    QTest.mouseClick(grid, LEFT, pos=QPoint(5, monday.y()))
    assert str(grid.week) == "Mon 00-24"
    QTest.mouseClick(grid, LEFT, pos=QPoint(middle(grid, (0, 3)).x(), 3))
    assert str(grid.week) == "Mon 00-24, Tue-Sun 03-04"
    QTest.mouseClick(grid, LEFT, pos=QPoint(5, monday.y()))
    assert str(grid.week) == "Tue-Sun 03-04"
    QTest.mouseClick(grid, LEFT, pos=QPoint(3, 3))
    assert str(grid.week) == "Tue-Sun 03-04", "the corner is nobody's"


def test_the_keyboard_marks_what_shift_and_arrows_choose(grid: WeekGrid) -> None:
    changed = heard(grid.changed)
    press(grid, Qt.Key.Key_Down, Qt.Key.Key_Right)
    press(grid, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, modifier=SHIFT)
    press(grid, Qt.Key.Key_Space)
    assert [str(week) for week in changed] == ["Tue-Wed 01-04"]
    press(grid, Qt.Key.Key_Space)
    assert str(grid.week) == "never", "and again clears it"
    press(grid, Qt.Key.Key_End, *[Qt.Key.Key_Down] * 9)
    press(grid, Qt.Key.Key_Home, modifier=SHIFT)
    press(grid, Qt.Key.Key_Return)
    assert str(grid.week) == "Sun 00-24"


def test_from_right_to_left_midnight_is_on_the_right_and_arrows_go_where_they_point(grid: WeekGrid) -> None:
    grid.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert grid.place((0, 0)).left() > grid.place((0, 23)).left()
    drag(grid, (0, 8), (4, 17))
    QTest.mouseRelease(grid, LEFT, pos=middle(grid, (4, 17)))
    assert str(grid.week) == "Mon-Fri 08-18"
    QTest.mouseClick(grid, LEFT, pos=QPoint(grid.width() - 5, middle(grid, (6, 0)).y()))
    assert str(grid.week) == "Mon-Fri 08-18, Sun 00-24"
    press(grid, Qt.Key.Key_Home, Qt.Key.Key_Left, Qt.Key.Key_Space)
    assert grid.week.days[6] == "#.######################"


def test_a_screen_reader_hears_where_it_is_and_the_whole_week(grid: WeekGrid) -> None:
    grid.show_week(read_week("Mon-Fri 8-18"))
    press(grid, *[Qt.Key.Key_Right] * 8)
    assert grid.accessibleDescription().startswith("Monday 08:00 to 09:00: it may work. All in all: Mon-Fri 08-18.")
    press(grid, Qt.Key.Key_Down, modifier=SHIFT)
    assert "Tuesday 08:00 to 09:00: it may work. 2 hours chosen." in grid.accessibleDescription()


def test_a_grid_that_is_switched_off_changes_nothing(grid: WeekGrid) -> None:
    changed = heard(grid.changed)
    grid.setEnabled(False)
    drag(grid, (0, 8), (4, 17))
    QTest.mouseRelease(grid, LEFT, pos=middle(grid, (4, 17)))
    press(grid, Qt.Key.Key_Space)
    assert changed == []
    assert str(grid.week) == "never"
