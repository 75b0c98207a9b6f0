"""The hours of a week as a grid: marked by dragging, by the keyboard, or as one line of text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from mulberry.desktop.theme import Theme
from mulberry.model.language import tr, tr_count
from mulberry.model.week import ALWAYS, DAYS, HOURS_A_DAY, NO, SHORT_DAYS, YES, Week

WEEKDAYS = (
    *(tr("Monday"), tr("Tuesday"), tr("Wednesday"), tr("Thursday"), tr("Friday")),
    *(tr("Saturday"), tr("Sunday")),
)
SHORT_WEEKDAYS = (tr("Mon"), tr("Tue"), tr("Wed"), tr("Thu"), tr("Fri"), tr("Sat"), tr("Sun"))

ROW, HEAD, LEFT = 22, 20, 44  # pixels
HEAD_EVERY = 3  # hours
Cell = tuple[int, int]  # day from Monday, hour
STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -HOURS_A_DAY),
    Qt.Key.Key_End: (0, HOURS_A_DAY),
}
TOGGLE_KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
HOW_TO = tr(
    "Drag over hours to mark or clear them. By keyboard: arrows go, Shift and arrows choose several, Space marks them."
)


def rectangle(one: Cell, other: Cell) -> tuple[Cell, ...]:
    """All cells between the two corners."""
    (top, bottom), (left, right) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return tuple((day, hour) for day in range(top, bottom + 1) for hour in range(left, right + 1))


def with_cells(week: Week, cells: Iterable[Cell], *, marked: bool) -> Week:
    days = [list(day) for day in week.days]
    for day, hour in cells:
        days[day][hour] = YES if marked else NO
    return Week(tuple("".join(day) for day in days))


def told_week(week: Week) -> str:
    """As `Week` writes itself, in the owner's language."""
    words = {"always": tr("always"), "never": tr("never"), **dict(zip(SHORT_DAYS, SHORT_WEEKDAYS, strict=True))}
    return re.sub(r"[A-Za-z]+", lambda word: words[word[0]], str(week))


def as_read(place: QRectF, widget: QWidget) -> QRectF:
    """Where it is drawn: on the other side where people read from right to left."""
    if widget.layoutDirection() is Qt.LayoutDirection.LeftToRight:
        return place
    return QRectF(widget.width() - place.right(), place.top(), place.width(), place.height())


@dataclass(frozen=True, slots=True)
class _Drag:
    """From `begin`, None where a whole day or hour was taken; `before` comes back where it is broken off."""

    begin: Cell | None
    marks: bool
    before: Week


class WeekGrid(QWidget):
    """`dragged` while the mouse is still down, `changed` when the owner has decided; both carry a `Week`."""

    dragged = Signal(object)
    changed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._drag: _Drag | None = None
        self._cursor: Cell = (0, 0)
        self._anchor: Cell = (0, 0)
        self.week = ALWAYS
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(theme.px(300))
        self.setToolTip(f"<p>{HOW_TO}</p>")
        self._describe()
        theme.changed.connect(self.update)

    @property
    def is_dragging(self) -> bool:
        return self._drag is not None

    def show_week(self, week: Week) -> None:
        self.week = week
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(640), self._theme.px(HEAD + ROW * len(DAYS)) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.minimumWidth(), self.sizeHint().height())

    def place(self, cell: Cell) -> QRectF:
        """Where the cell is drawn."""
        left, top, high = self._theme.px(LEFT), self._theme.px(HEAD), self._theme.px(ROW)
        wide = (self.width() - left - 2) / HOURS_A_DAY
        return as_read(QRectF(left + cell[1] * wide, top + cell[0] * high, wide, high), self)

    def _cells_at(self, point: QPointF) -> tuple[Cell, ...]:
        """The cell there; a whole day at its name, an hour of all days at its number. Nearest within a drag."""
        first = self.place((0, 0))
        is_mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        inward = first.right() - point.x() if is_mirrored else point.x() - first.left()
        day = min(len(DAYS) - 1, max(0, int((point.y() - first.top()) // first.height())))
        hour = min(HOURS_A_DAY - 1, max(0, int(inward // first.width())))
        if self._drag is None and inward < 0:
            return () if point.y() < first.top() else rectangle((day, 0), (day, HOURS_A_DAY - 1))
        if self._drag is None and point.y() < first.top():
            return rectangle((0, hour), (len(DAYS) - 1, hour))
        return ((day, hour),)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cells = self._cells_at(event.position())
        if event.button() is not Qt.MouseButton.LeftButton or not cells:
            return
        marks = not self._are_marked(cells)
        self._drag = _Drag(cells[0] if len(cells) == 1 else None, marks, self.week)
        self._cursor = self._anchor = cells[0]
        self._drag_over(cells)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and self._drag.begin is not None:
            (self._cursor,) = self._cells_at(event.position())
            self._drag_over(rectangle(self._drag.begin, self._cursor))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and event.button() is Qt.MouseButton.LeftButton:
            self._drag = None
            self._anchor = self._cursor
            self.changed.emit(self.week)

    def _drag_over(self, cells: Iterable[Cell]) -> None:
        if self._drag is None:
            return
        week = with_cells(self._drag.before, cells, marked=self._drag.marks)
        if week != self.week:
            self.show_week(week)
            self.dragged.emit(week)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in STEPS:
            days, hours = STEPS[key]
            is_arrow_mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft and abs(hours) == 1
            self._go(
                (days, -hours if is_arrow_mirrored else hours),
                extends=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier),
            )
        elif key in TOGGLE_KEYS:
            cells = rectangle(self._anchor, self._cursor)
            self.show_week(with_cells(self.week, cells, marked=not self._are_marked(cells)))
            self.changed.emit(self.week)
        elif key == Qt.Key.Key_Escape and self._drag is not None:
            self.show_week(self._drag.before)
            self._drag = None
            self.dragged.emit(self.week)
        else:
            super().keyPressEvent(event)

    def _go(self, step: Cell, *, extends: bool) -> None:
        day = min(len(DAYS) - 1, max(0, self._cursor[0] + step[0]))
        hour = min(HOURS_A_DAY - 1, max(0, self._cursor[1] + step[1]))
        self._cursor = day, hour
        if not extends:
            self._anchor = self._cursor
        self._describe()
        self.update()

    def _are_marked(self, cells: Iterable[Cell]) -> bool:
        return all(self.week.days[day][hour] == YES for day, hour in cells)

    def _describe(self) -> None:
        """For a screen reader: where the keyboard is, and the whole week."""
        day, hour = self._cursor
        is_marked = self._are_marked((self._cursor,))
        times = {"day": WEEKDAYS[day], "begin": f"{hour:02}:00", "end": f"{hour + 1:02}:00"}
        told = [
            tr("{day} {begin} to {end}: it may work.", **times)
            if is_marked
            else tr("{day} {begin} to {end}: it does not work.", **times)
        ]
        chosen = len(rectangle(self._anchor, self._cursor))
        if chosen > 1:
            told.append(tr_count("{count} hour chosen.", "{count} hours chosen.", chosen))
        told += [tr("All in all: {week}.", week=told_week(self.week)), HOW_TO]
        self.setAccessibleDescription(" ".join(told))
        if self.hasFocus():
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.EnabledChange:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        self._paint_names(painter)
        colours = self._theme.colours
        painter.setPen(QPen(QColor(colours.line), 1))
        marked = QColor(colours.earn if self.isEnabled() else colours.muted)
        for day, hours in enumerate(self.week.days):
            for hour, mark in enumerate(hours):
                painter.setBrush(marked if mark == YES else Qt.BrushStyle.NoBrush)
                painter.drawRect(self.place((day, hour)))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            chosen = self.place(self._anchor).united(self.place(self._cursor))
            painter.setPen(QPen(QColor(colours.surface), 5))  # seen on marked hours too
            painter.drawRect(chosen)
            painter.setPen(QPen(QColor(colours.accent), colours.ring))
            painter.drawRect(chosen)
        painter.end()

    def _paint_names(self, painter: QPainter) -> None:
        painter.setFont(self._theme.font(12))
        painter.setPen(QColor(self._theme.colours.muted))
        for day, name in enumerate(SHORT_WEEKDAYS):
            first = self.place((day, 0))
            beside = as_read(QRectF(0, first.top(), self._theme.px(LEFT), first.height()), self)
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, name)
        for hour in range(0, HOURS_A_DAY, HEAD_EVERY):
            first, last = self.place((0, hour)), self.place((0, hour + HEAD_EVERY - 1))
            whole = QRectF(min(first.left(), last.left()), 0, first.width() * HEAD_EVERY, first.top())
            painter.drawText(whole, Qt.AlignmentFlag.AlignVCenter, f"{hour:02}")
