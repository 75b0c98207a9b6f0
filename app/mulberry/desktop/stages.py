"""The stages of money, told apart by pattern as much as by colour, and their chart over time.

A bar is what was earned in its time. Its parts say how far that very money has come by now, and sum to it exactly:
paid, then what signed payments cover besides, then the rest, for which there is only the proxy's word. Payments cover
the oldest earnings first. When a payout arrived is another question: a mark under the bar of that time answers it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QHelpEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QDialog, QHBoxLayout, QToolTip, QWidget

from mulberry.desktop.cards import Text
from mulberry.desktop.chart import step_text
from mulberry.desktop.chart_reading import ReadsSteps
from mulberry.desktop.colours import Colours
from mulberry.desktop.history import DAY_SECONDS, Range, Window
from mulberry.desktop.number_table import OpensTable, number_table
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.language import dated, number, tr
from mulberry.model.money import NANOTON_PER_TON, Nanoton, format_ton
from mulberry.model.node import Earnings

HEAD_HEIGHT, BARS_HEIGHT, MARKS_HEIGHT, AXIS_HEIGHT = 26, 132, 10, 22
WIDEST_BAR = 28
LEAST_HEIGHT = 3.0  # one nanoton beside a fortune is still seen
MOST_TICKS = 4
ROUND = 2.0
NARROW, PALE = 6.0, 0.4
PAYOUT_ARRIVED = tr("▲ a payout arrived")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its name, whose word it is, its colour's role, and its total of all time."""

    title: str
    source: str
    role: str
    total: Callable[[Earnings], Nanoton]


EARNED = Stage(tr("Earned"), tr("the proxy's word"), "earn", lambda all_time: all_time.earned)
PAYABLE = Stage(tr("Payable"), tr("signed payments held"), "promised", lambda all_time: all_time.payable)
PAID = Stage(tr("Paid"), tr("seen on TON"), "earn", lambda all_time: all_time.paid)
STAGES = (EARNED, PAYABLE, PAID)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar, drawn as the stage that the money has reached. All parts of a bar sum to what was earned.

    `heading` stands over its amounts, and `told` is a sentence's part with such an `{amount}`.
    """

    words: str
    heading: str
    told: str
    stage: Stage
    amount: Callable[[EarningsBucket], int]


PARTS = (  # from the ground up
    Part(tr("paid"), tr("of it paid"), tr("{amount} paid"), PAID, lambda step: step.paid),
    Part(
        *(tr("signed, not paid yet"), tr("of it signed, not paid yet"), tr("{amount} signed, not paid yet")),
        PAYABLE,
        lambda step: step.payable - step.paid,
    ),
    Part(
        *(tr("not signed yet"), tr("of it not signed yet"), tr("{amount} not signed yet")),
        EARNED,
        lambda step: step.earned - step.payable,
    ),
)


def fill(painter: QPainter, part: QRectF, stage: Stage, colours: Colours) -> None:
    """Hollow is earned, striped is payable, solid is paid. Where there is no room for patterns, earned is pale."""
    colour = QColor(getattr(colours, stage.role))
    if part.width() < NARROW:
        colour.setAlphaF(PALE if stage is EARNED else 1.0)
        painter.fillRect(part.toRect(), colour)  # whole pixels: a blurred line would be pale too
        return
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


class Legend(QWidget):
    """What the parts of a bar are."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for part in PARTS:
            row.addWidget(Swatch(theme, part.stage))
            row.addWidget(Text(part.words, "source"))
            row.addSpacing(8)
        row.addWidget(Text(PAYOUT_ARRIVED, "source", wraps=True), 1)


class StagesChart(QWidget):
    """Bars on one scale. Mouse or arrow keys read them one by one; a click or Enter opens the numbers as a table."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._window: Window | None = None
        self._buckets: tuple[EarningsBucket, ...] = ()
        self._read: int | None = None  # the bar that keyboard or mouse are at
        OpensTable(self, self.table)
        self._reading = ReadsSteps(self, lambda: len(self._buckets), self._number_at, self._read_step)
        self.setAccessibleName(tr("Chart of what was earned, and how much of it is payable and paid"))
        self.setAccessibleDescription(tr("Nothing to show yet."))

    def show_earnings(self, window: Window, buckets: tuple[EarningsBucket, ...]) -> None:
        if (window, buckets) == (self._window, self._buckets):
            return
        if self._window is not None and len(buckets) != len(self._buckets):
            self._read = None
            self._reading.forget()
        self._window, self._buckets = window, buckets
        self._say()

    def summary(self) -> str:
        """What a person sees at a glance, in words."""
        if self._window is None or not self._buckets:
            return tr("Nothing to show yet.")
        total = _together(self._buckets)
        since = moment(self._buckets[0].start, self._window)
        return tr(
            "Since {since}: {amounts}. Press Enter for the numbers, Left and Right to read the bars.",
            since=since,
            amounts=words_of(total),
        )

    def sizeHint(self) -> QSize:
        height = HEAD_HEIGHT + BARS_HEIGHT + MARKS_HEIGHT + AXIS_HEIGHT
        return QSize(self._theme.px(320), self._theme.px(height))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self.sizeHint().height())

    def table(self) -> QDialog:
        """The numbers as a table, newest first; not shown yet."""
        steps = [step for step in reversed(self._buckets) if step.jobs or step.earned or step.payouts]
        rows = [
            (
                self._when(step),
                format_ton(step.earned),
                *(format_ton(Nanoton(part.amount(step))) for part in PARTS),
                format_ton(step.payouts),
                number(f"{step.jobs:,}"),
            )
            for step in steps
        ]
        headings = [
            tr("From"),
            tr("Earned"),
            *(part.heading for part in PARTS),
            tr("Payouts arrived"),
            tr("Jobs"),
        ]
        dialog = number_table(self.window(), tr("Earned, and how far the money has come"), headings, rows, self)
        dialog.resize(self._theme.px(900), self._theme.px(480))
        return dialog

    def _when(self, step: EarningsBucket) -> str:
        return moment(step.start, self._window) if self._window is not None else ""

    def step_words(self, place: int) -> str:
        """One bar in words: its time, its amount and parts, and the payouts that arrived then."""
        step = self._buckets[place]
        told = f"{self._when(step)}: {words_of(step)}"
        return f"{told}; {tr('payouts of {amount} arrived', amount=format_ton(step.payouts))}" if step.payouts else told

    def _say(self) -> None:
        self.setAccessibleDescription(self.summary() if self._read is None else self.step_words(self._read))
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._buckets:
            QToolTip.showText(event.globalPos(), self.step_words(self._number_at(event.pos().x())), self)
            return True
        return super().event(event)

    def _read_step(self, number: int | None) -> None:
        self._read = number
        self._say()

    def _number_at(self, x: float) -> int:
        area = self._bars()
        share = (x - area.left()) / max(1.0, area.width())
        return max(0, min(len(self._buckets) - 1, int(share * len(self._buckets))))

    # Drawing

    def _bars(self) -> QRectF:
        """Where the bars stand; left of it the scale, above it words, below it marks and times."""
        px = self._theme.px
        widest = max((self._advance(text) for _, text in self._ticks()), default=0)
        below = px(MARKS_HEIGHT + AXIS_HEIGHT)
        return QRectF(self.rect()).adjusted(widest + px(8), px(HEAD_HEIGHT) + px(8), -2, -below)

    def _advance(self, text: str) -> int:
        return QFontMetrics(self._theme.font(12)).horizontalAdvance(text)

    def _ticks(self) -> list[tuple[int, str]]:
        """Nanoton and their words, all as exact as the first."""
        found = ticks(self._most())
        decimals = len(f"{found[0] % NANOTON_PER_TON:09d}".rstrip("0")) if found else 0
        return [(tick, ton_text(tick, decimals)) for tick in found]

    def _most(self) -> int:
        return max((step.earned for step in self._buckets), default=0)

    def paintEvent(self, event: QEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._window is not None and self._buckets:
            area = self._bars()
            self._draw_head(painter)
            self._draw_scale(painter, area)
            self._draw_bars(painter, area)
            self._draw_times(painter, area, self._window)
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._theme.colours.accent), self._theme.colours.ring))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def _draw_head(self, painter: QPainter) -> None:
        """The bar that is read; else what the bars are, as much as there is room for."""
        painter.setFont(self._theme.font(13))
        painter.setPen(QColor(self._theme.colours.text if self._read is not None else self._theme.colours.muted))
        place = QRectF(self.rect()).adjusted(self._theme.px(4), 0, -self._theme.px(4), 0)
        place.setHeight(self._theme.px(HEAD_HEIGHT))
        texts = self._head_texts() if self._read is None else (self.step_words(self._read),)
        width = painter.fontMetrics().horizontalAdvance
        text = next((text for text in texts if width(text) <= place.width()), texts[-1])
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _head_texts(self) -> tuple[str, ...]:
        each = step_text(self._window.step_seconds) if self._window is not None else ""
        total = format_ton(_together(self._buckets).earned)
        return (
            tr(
                "{total} earned. Each bar: TON earned in {each}, and how far that money has come by now",
                total=total,
                each=each,
            ),
            tr("{total} earned. Bars: TON in {each}", total=total, each=each),
            tr("TON in {each}", each=each),
        )

    def _draw_scale(self, painter: QPainter, area: QRectF) -> None:
        colours = self._theme.colours
        painter.setFont(self._theme.font(12))
        top = max((tick for tick, _ in self._ticks()), default=1)
        for tick, text in self._ticks():
            height = area.bottom() - area.height() * tick / top
            painter.setPen(QPen(QColor(colours.line), 1))
            painter.drawLine(QLineF(area.left(), height, area.right(), height))
            painter.setPen(QColor(colours.muted))
            place = QRectF(0, height - 10, area.left() - self._theme.px(8), 20)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.drawLine(QLineF(area.bottomLeft(), area.bottomRight()))

    def _draw_bars(self, painter: QPainter, area: QRectF) -> None:
        colours = self._theme.colours
        top = max((tick for tick, _ in self._ticks()), default=1)
        each = area.width() / len(self._buckets)
        wide = min(self._theme.px(WIDEST_BAR), max(1.0, each - max(1.0, each * 0.25)))
        for place, step in enumerate(self._buckets):
            middle = area.left() + (place + 0.5) * each
            if place == self._read:
                column = QRectF(middle - each / 2, area.top(), each, area.height())
                painter.fillRect(column, QColor(colours.raised))
            ground = area.bottom()
            for part in PARTS:
                if (amount := part.amount(step)) > 0:
                    tall = max(LEAST_HEIGHT, area.height() * amount / top)
                    fill(painter, QRectF(middle - wide / 2, ground - tall, wide, tall), part.stage, colours)
                    ground -= tall
            if step.payouts:
                self._draw_mark(painter, QPointF(middle, area.bottom() + self._theme.px(2)), max(5.0, min(wide, 8.0)))

    def _draw_mark(self, painter: QPainter, tip: QPointF, wide: float) -> None:
        """A small arrow: in this time a payout arrived."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colours.text))
        low = tip.y() + self._theme.px(MARKS_HEIGHT) - 4
        painter.drawPolygon(QPolygonF([tip, QPointF(tip.x() - wide / 2, low), QPointF(tip.x() + wide / 2, low)]))

    def _draw_times(self, painter: QPainter, area: QRectF, window: Window) -> None:
        """The beginnings of the first, the middle and the last step."""
        painter.setFont(self._theme.font(12))
        painter.setPen(QColor(self._theme.colours.muted))
        count = len(self._buckets)
        top = area.bottom() + self._theme.px(MARKS_HEIGHT)
        for step in sorted({0, count // 2, count - 1}):
            text = moment(self._buckets[step].start, window)
            middle = area.left() + (step + 0.5) * area.width() / count
            width = self._advance(text) + 2
            left = max(area.left(), min(middle - width / 2, area.right() - width))
            place = QRectF(left, top, width, self._theme.px(AXIS_HEIGHT))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def ticks(most: int) -> list[int]:
    """Round amounts in nanoton, at most `MOST_TICKS` and evenly apart, up to the first that reaches `most`."""
    if most <= 0:
        return []
    apart = 1
    while apart * MOST_TICKS < most:
        leading = int(str(apart)[0])
        apart = apart * 5 // 2 if leading == 2 else apart * 2
    return [apart * number for number in range(1, -(-most // apart) + 1)]


def ton_text(amount: int, decimals: int) -> str:
    """Toncoin without the word, with at least so many decimals."""
    return format_ton(Nanoton(amount), at_least_decimals=decimals).removesuffix(" TON")


def words_of(step: EarningsBucket) -> str:
    """`0.5 TON earned: 0.3 TON paid; 0.2 TON signed, not paid yet`."""
    parts = [
        part.told.format(amount=format_ton(Nanoton(amount))) for part in PARTS if (amount := part.amount(step)) > 0
    ]
    earned = tr("{amount} earned", amount=format_ton(step.earned))
    return f"{earned}: {'; '.join(parts)}" if parts else earned


def moment(start: datetime, window: Window) -> str:
    """When a step begins, as exactly as its length asks for; with the year where the chart is longer than one."""
    local = start.astimezone()
    if window.step_seconds < DAY_SECONDS:
        return dated(local, "%H:%M" if window.span is Range.DAY else "%d %b %H:%M")
    is_long = window.edges[-1] - window.start > timedelta(days=365)
    return dated(local, "%d %b %Y" if is_long else "%d %b")


def _together(steps: Sequence[EarningsBucket]) -> EarningsBucket:
    return EarningsBucket(
        start=steps[0].start,
        earned=Nanoton(sum(step.earned for step in steps)),
        jobs=sum(step.jobs for step in steps),
        payable=Nanoton(sum(step.payable for step in steps)),
        paid=Nanoton(sum(step.paid for step in steps)),
        payouts=Nanoton(sum(step.payouts for step in steps)),
    )
