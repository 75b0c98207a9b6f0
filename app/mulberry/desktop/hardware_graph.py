"""One sensor of one GPU over time, painted by ourselves. All graphs of the page share one timeline and one crosshair.

The mouse or the arrow keys move the crosshair; Enter or a click opens the same numbers as a table.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop import hardware_wording
from mulberry.desktop.cards import Text, narrow
from mulberry.desktop.hardware_history import HOLDS, Quantity, Reading, Stretch, reading_at
from mulberry.desktop.number_table import OpensTable, number_table
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import clock_time
from mulberry.model.gpu import GpuInfo
from mulberry.model.language import tr

LINEAR_STEPS = 2.5  # readings no farther apart are joined by a straight line
KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}


class Timeline(QObject):
    """Which time all graphs show, and where the crosshair is; None: nowhere, and the newest values are told."""

    changed = Signal()

    def __init__(self, end: datetime, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.stretch = Stretch.FIVE_MINUTES
        self.end = end
        self.crosshair: datetime | None = None

    @property
    def start(self) -> datetime:
        return self.end - self.stretch.length

    def show(self, stretch: Stretch) -> None:
        self.stretch, self.crosshair = stretch, None
        self.changed.emit()

    def end_at(self, end: datetime) -> None:
        """The crosshair stays at its moment until that has gone out of sight."""
        self.end = end
        if self.crosshair is not None and not self.start <= self.crosshair <= end:
            self.point_at(None)

    def point_at(self, moment: datetime | None) -> None:
        if moment is not None:
            moment = min(max(moment, self.start), self.end)
        if moment != self.crosshair:
            self.crosshair = moment
            self.changed.emit()

    def step(self, steps: int) -> None:
        self.point_at((self.crosshair or self.end) + steps * self.stretch.step)


class Graph(QWidget):
    """The name and the value above, the plot below."""

    def __init__(self, theme: Theme, timeline: Timeline, quantity: Quantity) -> None:
        super().__init__()
        self._timeline = timeline
        self._quantity = quantity
        self._gpu: GpuInfo | None = None
        self.name = narrow(Text("", "source", wraps=True))
        self.value = Text("", "strong")
        self.plot = Plot(theme, timeline, quantity)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.plot)

    def show_readings(self, gpu: GpuInfo, readings: Sequence[Reading]) -> None:
        """`readings` of the timeline's stretch."""
        self._gpu = gpu
        self.plot.show_readings(gpu, readings)
        self.follow()

    def follow(self) -> None:
        """The timeline has changed, or the crosshair has moved."""
        if self._gpu is None:
            return
        is_stuck = self._quantity.value in self._gpu.stuck
        crosshair = self._timeline.crosshair
        words = self.plot.words_at(crosshair) if crosshair is not None else self.plot.words_now
        if is_stuck and crosshair is None:
            words = tr("stuck at {value}", value=words)
        moment = f"{clock_time(crosshair)}: " if crosshair is not None else ""
        self.name.say(self.plot.scale)
        self.value.say(words)
        self.value.mark("look", "bad" if is_stuck and crosshair is None else "strong")
        self.plot.setAccessibleDescription(
            tr("{value}. Arrow keys move the crosshair, Enter opens the numbers.", value=f"{moment}{words}")
        )
        self.plot.update()


class Plot(QWidget):
    """The line alone. Where nothing was read there is none."""

    def __init__(self, theme: Theme, timeline: Timeline, quantity: Quantity) -> None:
        super().__init__()
        self._theme = theme
        self._timeline = timeline
        self._quantity = quantity
        self._gpu: GpuInfo | None = None
        self._readings: Sequence[Reading] = ()
        self._highest = 1.0
        self.setMouseTracking(True)
        self.setFixedHeight(theme.px(72))
        OpensTable(self, self.table)

    def show_readings(self, gpu: GpuInfo, readings: Sequence[Reading]) -> None:
        self._gpu, self._readings = gpu, readings
        known = [value for reading in readings if (value := reading.value(self._quantity)) is not None]
        self._highest = hardware_wording.highest(gpu, self._quantity, max(known, default=0.0))
        name = hardware_wording.NAMES[self._quantity]
        self.setAccessibleName(
            tr("{quantity} of {gpu}, {stretch}", quantity=name, gpu=gpu.name, stretch=self._timeline.stretch.lately)
        )

    @property
    def scale(self) -> str:
        """The name and what the lower and the upper edge stand for."""
        most = hardware_wording.scale_words(self._quantity, self._highest)
        return tr("{quantity}, 0 to {most}", quantity=hardware_wording.NAMES[self._quantity], most=most)

    @property
    def words_now(self) -> str:
        return "" if self._gpu is None else self._words(self._quantity, getattr(self._gpu, self._quantity.value))

    def words_at(self, moment: datetime) -> str:
        reading = reading_at(self._readings, moment)
        return tr("not read") if reading is None else self._words(self._quantity, reading.value(self._quantity))

    def _words(self, quantity: Quantity, value: float | None) -> str:
        return "" if self._gpu is None else hardware_wording.value_words(self._gpu, quantity, value)

    def table(self) -> QDialog:
        """All four quantities, newest first; not shown yet."""
        rows = [
            (clock_time(reading.at), *map(self._words, Quantity, reading.values)) for reading in self._readings[::-1]
        ]
        lately = self._timeline.stretch.lately
        title = lately if self._gpu is None else f"{hardware_wording.name(self._gpu)}, {lately}"
        dialog = number_table(self.window(), title, [tr("Time"), *hardware_wording.NAMES.values()], rows, self)
        dialog.resize(self._theme.px(620), self._theme.px(480))
        return dialog

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(120), self._theme.px(72))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._timeline.point_at(self._moment(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._timeline.point_at(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._timeline.point_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in KEYS:
            self._timeline.step(KEYS[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Home:
            self._timeline.point_at(self._timeline.start)
        elif event.key() in (Qt.Key.Key_End, Qt.Key.Key_Escape):
            self._timeline.point_at(None)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QEvent) -> None:
        del event
        colours = self._theme.colours
        area = self._area()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(area, QColor(colours.raised))
        self._paint_grid(painter, area)
        is_stuck = self._gpu is not None and self._quantity.value in self._gpu.stuck
        colour = QColor(colours.bad if is_stuck else colours.accent)
        runs = self._runs()
        for run in runs:
            self._paint_run(painter, area, run, colour)
        if not runs:
            self._paint_why(painter, area)
        if self._timeline.crosshair is not None:
            self._paint_crosshair(painter, area, self._timeline.crosshair)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), colours.ring))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(2, 2, -2, -2)

    def _moment(self, x: float) -> datetime:
        area = self._area()
        return self._timeline.start + (x - area.left()) / max(1.0, area.width()) * self._timeline.stretch.length

    def _x(self, area: QRectF, moment: datetime) -> float:
        share = (moment - self._timeline.start) / self._timeline.stretch.length
        return area.left() + area.width() * min(1.0, max(0.0, share))

    def _y(self, area: QRectF, value: float) -> float:
        share = min(1.0, max(0.0, value / self._highest))
        return area.bottom() - 1 - (area.height() - 3) * share

    def _runs(self) -> list[list[tuple[datetime, float]]]:
        """Stretches of readings without a gap; each ends where its last reading holds no longer."""
        runs: list[list[tuple[datetime, float]]] = []
        joined = self._timeline.stretch.step * LINEAR_STEPS
        until: datetime | None = None  # the running run's end, if nothing comes after
        for reading in self._readings:
            value = reading.value(self._quantity)
            if value is None:
                if until is not None:
                    _hold(runs[-1], min(until, reading.at))
                until = None
                continue
            if until is None or reading.at > until:
                if until is not None:
                    _hold(runs[-1], until)
                runs.append([])
            elif reading.at - runs[-1][-1][0] > joined:  # it stayed as it was, and then changed
                _hold(runs[-1], reading.at - self._timeline.stretch.step)
            runs[-1].append((reading.at, value))
            until = reading.at + HOLDS
        if until is not None:
            _hold(runs[-1], min(until, self._timeline.end))
        return runs

    def _paint_grid(self, painter: QPainter, area: QRectF) -> None:
        colours = self._theme.colours
        painter.setPen(QPen(QColor(colours.line), 1))
        for share in (0.25, 0.5, 0.75):
            y = round(area.top() + area.height() * share) + 0.5
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))

    def _paint_why(self, painter: QPainter, area: QRectF) -> None:
        """Instead of a line."""
        words = "" if self._gpu is None else hardware_wording.why_nothing(self._gpu, self._quantity)
        painter.setFont(self._theme.font(12))
        painter.setPen(QColor(self._theme.colours.muted))
        place = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area.adjusted(8, 4, -8, -4), place, words)

    def _paint_run(self, painter: QPainter, area: QRectF, run: list[tuple[datetime, float]], colour: QColor) -> None:
        points = [QPointF(self._x(area, at), self._y(area, value)) for at, value in run]
        line = QPainterPath(points[0])
        for point in points[1:]:
            line.lineTo(point)
        under = QPainterPath(line)
        under.lineTo(points[-1].x(), area.bottom())
        under.lineTo(points[0].x(), area.bottom())
        soft = QColor(colour)
        soft.setAlpha(40)
        painter.fillPath(under, soft)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.75))
        painter.drawPath(line)

    def _paint_crosshair(self, painter: QPainter, area: QRectF, moment: datetime) -> None:
        colours = self._theme.colours
        x = self._x(area, moment)
        painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        reading = reading_at(self._readings, moment)
        value = reading.value(self._quantity) if reading is not None else None
        if value is not None:
            painter.setPen(QPen(QColor(colours.surface), 2))
            painter.setBrush(QColor(colours.text))
            painter.drawEllipse(QPointF(x, self._y(area, value)), 4, 4)


def _hold(run: list[tuple[datetime, float]], until: datetime) -> None:
    """The last value stays the same until then."""
    at, value = run[-1]
    if until - at > timedelta(0):
        run.append((until, value))
