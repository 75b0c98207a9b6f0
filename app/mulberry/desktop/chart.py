"""A small chart of earnings over time, painted by ourselves, and the same numbers as a table.

It repaints only when its numbers change. Neighbouring steps are added up where there are more of them than the width
can show, so the area under the line stays the money earned.
"""

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QLinearGradient, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QDialog, QToolTip, QWidget

from mulberry.desktop.chart_reading import ReadsSteps
from mulberry.desktop.history import DAY_SECONDS, SPAN_TITLES, Span, Window
from mulberry.desktop.number_table import OpensTable, number_table
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import jobs_text
from mulberry.model.jobs import EarningsBucket
from mulberry.model.language import dated, number, tr, tr_count
from mulberry.model.money import Nanoton, format_ton

HOUR_SECONDS, MINUTE_SECONDS = 3600, 60
POINTS_APART = 3  # pixels; closer ones are added up


class Chart(QWidget):
    """One line with a soft area under it. Click or Enter opens the numbers as a table."""

    def __init__(self, theme: Theme, span: Span, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._span = span
        self._window: Window | None = None
        self._buckets: tuple[EarningsBucket, ...] = ()
        self._read: int | None = None  # the step that keyboard or mouse are at
        OpensTable(self, self.table)
        self._reading = ReadsSteps(self, lambda: len(self._buckets), self._number_at, self._read_step)
        self.setAccessibleName(tr("Chart of earnings: {span}", span=SPAN_TITLES[span]))
        self.setAccessibleDescription(tr("Nothing to show yet."))

    def show_earnings(self, window: Window, buckets: tuple[EarningsBucket, ...]) -> None:
        if (window, buckets) == (self._window, self._buckets):
            return
        if len(buckets) != len(self._buckets):
            self._read = None
            self._reading.forget()
        self._window, self._buckets = window, buckets
        self._say()

    def summary(self) -> str:
        """What a person sees at a glance, in words."""
        if self._window is None or not any(bucket.earned for bucket in self._buckets):
            return tr("Nothing earned in this time.")
        best = max(self._buckets, key=lambda bucket: bucket.earned)
        total = Nanoton(sum(bucket.earned for bucket in self._buckets))
        return tr(
            "{total} since {start}; most at {best}: {amount} in {step}. "
            "Press Enter for the numbers, Left and Right to read them.",
            total=format_ton(total),
            start=_moment(self._buckets[0], self._window),
            best=_moment(best, self._window),
            amount=format_ton(best.earned),
            step=step_text(self._window.step_seconds),
        )

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(44))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self._theme.px(40))

    def table(self) -> QDialog:
        """The numbers as a table, newest first; not shown yet."""
        steps = [bucket for bucket in reversed(self._buckets) if bucket.jobs or bucket.earned]
        rows = [(self._when(step), format_ton(step.earned), number(f"{step.jobs:,}")) for step in steps]
        title = tr("Earnings: {span}", span=SPAN_TITLES[self._span])
        dialog = number_table(self.window(), title, [tr("From"), tr("Earned"), tr("Jobs")], rows, self)
        dialog.resize(self._theme.px(420), self._theme.px(480))
        return dialog

    def _when(self, bucket: EarningsBucket) -> str:
        return _moment(bucket, self._window) if self._window is not None else ""

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._window and self._buckets:
            QToolTip.showText(event.globalPos(), self.step_words(self._number_at(event.pos().x())), self)
            return True
        return super().event(event)

    def step_words(self, number: int) -> str:
        """One step in words: its time, its amount, its jobs."""
        bucket = self._buckets[number]
        return f"{self._when(bucket)}: {format_ton(bucket.earned)}, {jobs_text(bucket.jobs)}"

    def _number_at(self, x: float) -> int:
        return min(len(self._buckets) - 1, int(x / max(1, self.width()) * len(self._buckets)))

    def _read_step(self, number: int | None) -> None:
        self._read = number
        self._say()

    def _say(self) -> None:
        self.setAccessibleDescription(self.summary() if self._read is None else self.step_words(self._read))
        self.update()

    def _shown(self) -> list[int]:
        """The amounts to draw. Today's last step has only begun, and would look as if the earning had stopped."""
        amounts: list[int] = [bucket.earned for bucket in self._buckets]
        return amounts[:-1] if self._span is Span.TODAY else amounts

    def paintEvent(self, event: QEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(2, 4, -2, -2)
        line = _line(binned(self._shown(), int(area.width()) // POINTS_APART), area)
        colours = self._theme.colours
        under = QPainterPath(line)
        under.lineTo(area.bottomRight())
        under.lineTo(area.bottomLeft())
        soft = QLinearGradient(area.topLeft(), area.bottomLeft())
        soft.setColorAt(0, _with_alpha(colours.earn, 80))
        soft.setColorAt(1, _with_alpha(colours.earn, 0))
        painter.fillPath(under, soft)
        painter.setPen(QPen(QColor(colours.earn), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPath(line)
        if self._read is not None:
            self._draw_crosshair(painter, area, self._read)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), colours.ring))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def _draw_crosshair(self, painter: QPainter, area: QRectF, read: int) -> None:
        """Where the step is that is read, and what it says where there is room."""
        colours = self._theme.colours
        x = area.left() + (read + 0.5) / len(self._buckets) * area.width()
        painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setFont(self._theme.font(12))
        text = self.step_words(read)
        ground = QRectF(painter.fontMetrics().boundingRect(text)).adjusted(-4, -1, 4, 1)
        ground.moveTopLeft(QPointF(min(max(x - ground.width() / 2, area.left()), area.right() - ground.width()), 0))
        painter.fillRect(ground, QColor(colours.raised))
        painter.setPen(QColor(colours.text))
        painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, text)


def binned(values: Sequence[int], most: int) -> list[int]:
    """The same total in at most `most` values (at least 1): neighbours added up, the last bin maybe fewer."""
    together = -(-len(values) // max(1, most)) if values else 1
    return [sum(values[start : start + together]) for start in range(0, len(values), together)]


def step_text(seconds: int) -> str:
    """The length of one step in words."""
    if seconds >= DAY_SECONDS:
        return tr_count("{count} day", "{count} days", seconds // DAY_SECONDS)
    if seconds >= HOUR_SECONDS:
        return tr_count("{count} hour", "{count} hours", seconds // HOUR_SECONDS)
    if seconds >= MINUTE_SECONDS:
        return tr_count("{count} minute", "{count} minutes", seconds // MINUTE_SECONDS)
    return tr_count("{count} second", "{count} seconds", seconds)


def _line(values: Sequence[int], area: QRectF) -> QPainterPath:
    """A line through `values`, from the left to the right edge of `area`, its highest value at the top edge."""
    line = QPainterPath(area.bottomLeft())
    if not any(values):
        line.lineTo(area.bottomRight())
        return line
    highest = max(values)
    step = area.width() / max(1, len(values) - 1)
    points = [
        QPointF(area.left() + i * step, area.bottom() - area.height() * v / highest) for i, v in enumerate(values)
    ]
    line.moveTo(points[0])
    for here, there in pairwise(points):
        middle = (here.x() + there.x()) / 2  # level at each point: no bulge above or below what was earned
        line.cubicTo(QPointF(middle, here.y()), QPointF(middle, there.y()), there)
    return line


def _moment(bucket: EarningsBucket, window: Window) -> str:
    start = bucket.start.astimezone()
    if window.step_seconds >= DAY_SECONDS:
        return dated(start, "%d %b")
    if window.span is not Span.TODAY:
        return dated(start, "%d %b %H:%M")
    return f"{start:%H:%M:%S}" if window.step_seconds < 60 else f"{start:%H:%M}"


def _with_alpha(colour: str, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made
