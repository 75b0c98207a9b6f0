"""The three stages of money, told apart by pattern as much as by colour, and their chart over time.

Each stage has its own strip and its own scale, which is written beside it: a payout brings in one moment what was
earned in many, and would make the earning flat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from PySide6.QtCore import QEvent, QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import QDialog, QToolTip, QWidget

from mulberry.desktop.chart import step_text
from mulberry.desktop.colours import Colours
from mulberry.desktop.history import DAY_SECONDS, Range, Window
from mulberry.desktop.number_table import OpensTable, number_table
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import Earnings

STRIP_HEIGHT, HEAD_HEIGHT, AXIS_HEIGHT = 48, 24, 22
WIDEST_BAR = 28
ROUND = 2.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its name, whose word it is, its colour's role, and where its numbers are found."""

    title: str
    source: str
    role: str
    total: Callable[[Earnings], Nanoton]
    part: Callable[[EarningsBucket], Nanoton]


EARNED = Stage("Earned", "the proxy's word", "earn", lambda all_time: all_time.earned, lambda step: step.earned)
PAYABLE = Stage(
    "Payable",
    "signed payments held",
    "promised",
    lambda all_time: all_time.payable,
    lambda step: step.payable,
)
PAID = Stage("Paid", "seen on TON", "earn", lambda all_time: all_time.paid, lambda step: step.paid)
STAGES = (EARNED, PAYABLE, PAID)


def fill(painter: QPainter, part: QRectF, stage: Stage, colours: Colours) -> None:
    """Hollow is earned, striped is payable, solid is paid."""
    colour = QColor(getattr(colours, stage.role))
    if stage is PAID:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(part, ROUND, ROUND)
        return
    painter.setPen(QPen(colour, 1.5))
    if stage is EARNED:
        painter.setBrush(Qt.BrushStyle.NoBrush)
    else:
        painter.setBrush(QBrush(colour, Qt.BrushStyle.BDiagPattern))
    painter.drawRoundedRect(part.adjusted(0.75, 0.75, -0.75, -0.75), ROUND, ROUND)


class Swatch(QWidget):
    """The pattern of a stage beside its name."""

    def __init__(self, theme: Theme, stage: Stage) -> None:
        super().__init__()
        self._theme = theme
        self._stage = stage
        self.setFixedSize(theme.px(14), theme.px(14))

    def paintEvent(self, event: QEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill(painter, QRectF(self.rect()).adjusted(1, 1, -1, -1), self._stage, self._theme.colours)
        painter.end()


class StagesChart(QWidget):
    """Three strips of bars over one axis of time. Click or Enter opens the numbers as a table."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._window: Window | None = None
        self._buckets: tuple[EarningsBucket, ...] = ()
        OpensTable(self, self.table)
        self.setAccessibleName("Chart of what was earned, payable and paid")
        self.setAccessibleDescription("Nothing to show yet.")

    def show_earnings(self, window: Window, buckets: tuple[EarningsBucket, ...]) -> None:
        if (window, buckets) == (self._window, self._buckets):
            return
        self._window, self._buckets = window, buckets
        self.setAccessibleDescription(self.summary())
        self.update()

    def summary(self) -> str:
        """What a person sees at a glance, in words."""
        if self._window is None or not self._buckets:
            return "Nothing to show yet."
        sums = ", ".join(f"{format_ton(_sum(stage, self._buckets))} {stage.title.lower()}" for stage in STAGES)
        return f"Since {moment(self._buckets[0].start, self._window)}: {sums}. Press Enter for the numbers."

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(320), self._theme.px(len(STAGES) * (HEAD_HEIGHT + STRIP_HEIGHT) + AXIS_HEIGHT))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self.sizeHint().height())

    def table(self) -> QDialog:
        """The numbers as a table, newest first; not shown yet."""
        steps = [step for step in reversed(self._buckets) if step.jobs or any(stage.part(step) for stage in STAGES)]
        rows = [
            (self._when(step), *(format_ton(stage.part(step)) for stage in STAGES), f"{step.jobs:,}") for step in steps
        ]
        headings = ["From", *(stage.title for stage in STAGES), "Jobs"]
        dialog = number_table(self.window(), "Earned, payable and paid", headings, rows)
        dialog.resize(self._theme.px(640), self._theme.px(480))
        return dialog

    def _when(self, step: EarningsBucket) -> str:
        return moment(step.start, self._window) if self._window is not None else ""

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._window and self._buckets:
            share = event.pos().x() / max(1, self.width())
            step = self._buckets[min(len(self._buckets) - 1, int(share * len(self._buckets)))]
            amounts = (f"{stage.title.lower()} {format_ton(stage.part(step))}" for stage in STAGES)
            QToolTip.showText(event.globalPos(), f"{moment(step.start, self._window)}: {', '.join(amounts)}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        px = self._theme.px
        inside = QRectF(self.rect()).adjusted(2, 0, -2, -px(AXIS_HEIGHT))
        height = inside.height() / len(STAGES)
        for number, stage in enumerate(STAGES):
            strip = QRectF(inside.left(), inside.top() + number * height, inside.width(), height)
            self._draw_head(painter, strip, stage)
            self._draw_bars(painter, strip.adjusted(0, px(HEAD_HEIGHT), 0, -px(4)), stage)
        self._draw_axis(painter, QRectF(inside.left(), inside.bottom(), inside.width(), px(AXIS_HEIGHT)))
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._theme.colours.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def _draw_head(self, painter: QPainter, strip: QRectF, stage: Stage) -> None:
        place = QRectF(strip.left(), strip.top(), strip.width(), self._theme.px(HEAD_HEIGHT))
        painter.setFont(self._theme.font(13, 600))
        painter.setPen(QColor(self._theme.colours.muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, stage.title)
        painter.setFont(self._theme.font(13))
        room = place.width() - self._theme.px(80)
        fits = (text for text in self._scale_texts(stage) if painter.fontMetrics().horizontalAdvance(text) <= room)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, next(fits, ""))

    def _scale_texts(self, stage: Stage) -> tuple[str, ...]:
        """The sum, and what the highest bar stands for; shorter where there is no room."""
        if self._window is None or not self._buckets:
            return ()
        total = format_ton(_sum(stage, self._buckets))
        most = Nanoton(max(stage.part(step) for step in self._buckets))
        if most <= 0:
            return (total,)
        return f"{total} · most {format_ton(most)} in {step_text(self._window.bucket_seconds)}", total

    def _draw_bars(self, painter: QPainter, area: QRectF, stage: Stage) -> None:
        amounts = [stage.part(step) for step in self._buckets]
        most = max(amounts, default=0)
        if most > 0:
            each = area.width() / len(amounts)
            wide = min(self._theme.px(WIDEST_BAR), max(1.0, each - max(1.0, each * 0.25)))
            for number, amount in enumerate(amounts):
                if amount > 0:
                    tall = max(3.0, area.height() * amount / most)
                    left = area.left() + (number + 0.5) * each - wide / 2
                    fill(painter, QRectF(left, area.bottom() - tall, wide, tall), stage, self._theme.colours)
        painter.setPen(QPen(QColor(self._theme.colours.line), 1))
        painter.drawLine(QLineF(area.bottomLeft(), area.bottomRight()))

    def _draw_axis(self, painter: QPainter, place: QRectF) -> None:
        """The beginnings of the first, the middle and the last step."""
        if self._window is None or not self._buckets:
            return
        painter.setFont(self._theme.font(12))
        painter.setPen(QColor(self._theme.colours.muted))
        metrics = QFontMetrics(painter.font())
        count = len(self._buckets)
        for number in sorted({0, count // 2, count - 1}):
            text = moment(self._buckets[number].start, self._window)
            middle = place.left() + (number + 0.5) * place.width() / count
            width = metrics.horizontalAdvance(text) + 2
            left = max(place.left(), min(middle - width / 2, place.right() - width))
            painter.drawText(QRectF(left, place.top(), width, place.height()), Qt.AlignmentFlag.AlignCenter, text)


def moment(start: datetime, window: Window) -> str:
    """When a step begins, as exactly as its length asks for; with the year where the chart is longer than one."""
    local = start.astimezone()
    length = timedelta(seconds=window.bucket_seconds * window.buckets)
    if window.bucket_seconds < DAY_SECONDS:
        return f"{local:%H:%M}" if window.span is Range.DAY else f"{local:%d %b %H:%M}"
    return f"{local:%d %b %Y}" if length > timedelta(days=365) else f"{local:%d %b}"


def _sum(stage: Stage, buckets: Sequence[EarningsBucket]) -> Nanoton:
    return Nanoton(sum(stage.part(step) for step in buckets))
