"""The next 7 days as the rules of the clock leave them: a row a day, drawn with patterns, told, and listed."""

from collections.abc import Iterator
from html import escape
from itertools import groupby

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFocusEvent, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from mulberry.desktop.cards import Card, Row, Text, clear, plain_button
from mulberry.desktop.colours import Colours
from mulberry.desktop.number_table import OpensTable, number_table
from mulberry.desktop.theme import Theme
from mulberry.desktop.week_grid import as_read
from mulberry.desktop.week_plan import MAY_WORK, DayPlan, by_day, rule_words
from mulberry.model.language import number, tr
from mulberry.model.rules import Rule
from mulberry.model.settings import SettingsStatus
from mulberry.model.week import HOURS_A_DAY

TITLE = tr("The next 7 days")
TABLE_HEADINGS = (tr("Day"), MAY_WORK, tr("Hours"), tr("Why not else"))
LEFT_OUT = tr("What nobody can foretell is left out: your games, your battery, who sits at the keyboard.")
HOURS_SHOWN = (0, 6, 12, 18, 24)
ROW, BAR = 24, 14  # pixels
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


def paint_span(painter: QPainter, place: QRectF, rules: tuple[Rule, ...], colours: Colours) -> None:
    """Solid where it may work; else the first rule's own pattern on an outline."""
    if not rules:
        painter.fillRect(place, QColor(colours.earn))
        return
    colour, pattern = {
        Rule.QUIET_HOURS: (colours.promised, Qt.BrushStyle.BDiagPattern),
        Rule.TARIFF: (colours.warn, Qt.BrushStyle.Dense5Pattern),
    }.get(rules[0], (colours.muted, Qt.BrushStyle.NoBrush))
    painter.setPen(QPen(QColor(colour), 1))
    painter.setBrush(QBrush(QColor(colour), pattern))
    painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))


def told(plan: DayPlan) -> str:
    """One day in a sentence or two."""
    hours = hours_text(plan)
    may_work = tr("{day}: it may work {times} ({hours}).", day=plan.name, times=plan.may_work, hours=hours)
    if not plan.why_not_else:
        return may_work
    return f"{may_work} {tr('Else: {reasons}.', reasons=plan.why_not_else)}"


def hours_text(plan: DayPlan) -> str:
    hours = f"{plan.hours:g}" if plan.hours == round(plan.hours, 1) else f"{plan.hours:.1f}"
    return tr("{hours} h", hours=number(hours))


class WeekRows(QWidget):
    """The drawing. The arrow keys and the mouse tell day by day, Enter and a click open the table."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._row: int | None = None
        self.plans: tuple[DayPlan, ...] = ()
        self.setAccessibleName(TITLE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(theme.px(300))
        OpensTable(self, self.table)
        theme.changed.connect(self.update)

    def show_plans(self, plans: tuple[DayPlan, ...]) -> None:
        if plans != self.plans:
            self.plans = plans
            self.setAccessibleDescription(" ".join(told(plan) for plan in plans))
            self.updateGeometry()
            self.update()

    def table(self) -> QDialog:
        rows = [(plan.name, plan.may_work, hours_text(plan), plan.why_not_else) for plan in self.plans]
        dialog = number_table(self, TITLE, TABLE_HEADINGS, rows)
        dialog.resize(self._theme.px(760), self._theme.px(360))
        return dialog

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(600), self._theme.px(ROW) * (len(self.plans) + 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.minimumWidth(), self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = event.pos().y() // self._theme.px(ROW)
            if 0 <= row < len(self.plans):
                QToolTip.showText(event.globalPos(), f"<p>{escape(told(self.plans[row]))}</p>", self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in STEPS and self.plans:
            self._tell(max(0, min(len(self.plans) - 1, (self._row or 0) + STEPS[Qt.Key(event.key())])))
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.plans:
            self._tell(0)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._row = None
        self.update()

    def _tell(self, row: int) -> None:
        self._row = row
        below = self.mapToGlobal(QPoint(0, (row + 1) * self._theme.px(ROW)))
        QToolTip.showText(below, f"<p>{escape(told(self.plans[row]))}</p>", self)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        colours, high = self._theme.colours, self._theme.px(ROW)
        left, right = self._theme.px(92), self._theme.px(60)
        wide = self.width() - left - right
        painter = QPainter(self)
        painter.setFont(self._theme.font(13))
        for row, plan in enumerate(self.plans):
            top = row * high
            painter.setPen(QColor(colours.text))
            painter.drawText(as_read(QRectF(0, top, left, high), self), Qt.AlignmentFlag.AlignVCenter, plan.name)
            beside = as_read(QRectF(left + wide, top, right, high), self)
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, hours_text(plan))
            bar = self._theme.px(BAR)
            for rules, spans in groupby(plan.spans, lambda span: span.rules[:1]):
                together = list(spans)
                begin, end = (left + wide * hours / HOURS_A_DAY for hours in (together[0].begin, together[-1].end))
                place = as_read(QRectF(begin, top + (high - bar) / 2, end - begin, bar), self)
                paint_span(painter, place, rules, colours)
            if row == self._row:
                painter.setPen(QPen(QColor(colours.accent), colours.ring))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(1, top + 1, self.width() - 2, high - 2)
        painter.setPen(QColor(colours.muted))
        painter.setFont(self._theme.font(12))
        for hour in HOURS_SHOWN:
            place = QRectF(left + wide * hour / HOURS_A_DAY - high, len(self.plans) * high, 2 * high, high)
            painter.drawText(as_read(place, self), Qt.AlignmentFlag.AlignCenter, f"{hour:02}:00")
        painter.end()


class _Swatch(QWidget):
    """A pattern of the legend."""

    def __init__(self, theme: Theme, rules: tuple[Rule, ...]) -> None:
        super().__init__()
        self._theme = theme
        self._rules = rules
        self.setFixedSize(theme.px(22), theme.px(BAR))
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        paint_span(painter, QRectF(self.rect()), self._rules, self._theme.colours)
        painter.end()


class WeekPreview(Card):
    """The drawing with its legend, and what in these rules contradicts itself."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(TITLE)
        self._theme = theme
        self._legend_of: tuple[Rule, ...] | None = None
        self.rows = WeekRows(theme)
        self.warning = Text("", "warn", wraps=True)
        self.as_table = plain_button(tr("As a table"))
        self.as_table.clicked.connect(lambda: self.rows.table().open())
        head = QHBoxLayout()
        head.addWidget(Text(TITLE, "card-title"), 1)
        head.addWidget(self.as_table)
        self._legend = QVBoxLayout()
        self.column.addLayout(head)
        self.column.addWidget(self.warning)
        self.column.addWidget(self.rows)
        self.column.addLayout(self._legend)
        self.column.addWidget(Text(LEFT_OUT, "source", wraps=True))
        self.warning.hide()

    def show_status(self, status: SettingsStatus) -> None:
        self.rows.show_plans(by_day(status.foretold))
        self.warning.say("\n".join(status.contradictions))
        self.warning.setVisible(bool(status.contradictions))
        first_rules = tuple(dict.fromkeys(_first_rules(self.rows.plans)))
        if first_rules != self._legend_of:
            self._legend_of = first_rules
            self._fill_legend(first_rules)

    def _fill_legend(self, first_rules: tuple[Rule, ...]) -> None:
        clear(self._legend)
        entries = [((), MAY_WORK), *(((rule,), rule_words(rule)) for rule in first_rules)]
        shown = ((self._entry(rules, words), 0) for rules, words in entries)
        self._legend.addWidget(Row(*shown, (QWidget(), 1)))

    def _entry(self, rules: tuple[Rule, ...], words: str) -> QWidget:
        entry = QWidget()
        row = QHBoxLayout(entry)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(self._theme.px(6))
        row.addWidget(_Swatch(self._theme, rules))
        row.addWidget(Text(words, "source"), 1)
        return entry


def _first_rules(plans: tuple[DayPlan, ...]) -> Iterator[Rule]:
    for plan in plans:
        yield from (span.rules[0] for span in plan.spans if span.rules)
