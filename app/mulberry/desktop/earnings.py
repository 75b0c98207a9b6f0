"""The Earnings page: what was earned, what of it is signed for, what of that was paid, and whether all agree."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mulberry.desktop import wording
from mulberry.desktop.cards import Card, Page, Row, Text, choice_button, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.explanations import Figure
from mulberry.desktop.history import (
    BAR_SECONDS,
    BARS_ON_OFFER,
    BARS_TITLES,
    RANGE_TITLES,
    Bars,
    Range,
    Window,
    from_first_work,
)
from mulberry.desktop.net_card import NetCard
from mulberry.desktop.number import Number
from mulberry.desktop.reconcile_card import ReconcileCard
from mulberry.desktop.stages import EARNED, PAID, PAYABLE, STAGES, Legend, Stage, StagesChart, Swatch
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.language import tr

FIGURES = {
    EARNED.title: Figure.EARNED_EVER,
    PAYABLE.title: Figure.PAYABLE_EVER,
    PAID.title: Figure.PAID_EVER,
}


class StageBlock(QWidget):
    """One stage's number of all time, whose word it is, and when."""

    def __init__(self, theme: Theme, stage: Stage) -> None:
        super().__init__()
        self.setAccessibleName(tr("{title}, all told", title=stage.title))
        self._stage = stage
        self.number = Number(FIGURES[stage.title])
        self.source = Text(tr("not known yet"), "source", wraps=True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Swatch(theme, stage))
        head.addWidget(Text(stage.title, "label"))
        head.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.number)
        column.addWidget(self.source)

    def show_view(self, view: View) -> None:
        status = view.status
        self.number.mark("stale", view.is_stale)
        if status is None:
            return
        if self._stage is PAID and view.wallet is None:
            self.number.tell("–", "")
            self.source.say(tr("not read yet"))
            return
        amount = self._stage.total(status.earnings)
        self.number.tell(wording.money_or_unknown(amount), wording.clock_time(status.as_of))
        self.source.say(
            tr("{source}, as of {as_of}", source=self._stage.source, as_of=wording.clock_time(status.as_of))
        )


class ChartCard(Card):
    """The stages over time; the owner picks how much time and how long the bars are."""

    wanted = Signal()  # another range or other bars

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Earnings over time"))
        self.shown = Range.DAY
        self.bars = BARS_ON_OFFER[Range.DAY][0]
        self.chart = StagesChart(theme)
        self.ranges = {one: choice_button(RANGE_TITLES[one]) for one in Range}
        self.lengths = {one: choice_button(BARS_TITLES[one]) for one in Bars}
        self.numbers = plain_button(tr("Table"))
        self.numbers.setAccessibleName(tr("The numbers of the chart as a table"))
        self.numbers.clicked.connect(lambda: self.chart.table().open())
        ranges = self._choices(list(self.ranges.values()))
        lengths = self._choices(list(self.lengths.values()))
        lengths.addWidget(self.numbers)
        self.column.setContentsMargins(20, 10, 20, 14)
        self.column.addWidget(Row((_holding(ranges), 1), (_holding(lengths), 1)))
        self.column.addWidget(self.chart, 1)
        self.column.addWidget(Legend(theme))
        for shown, button in self.ranges.items():
            button.clicked.connect(lambda _, shown=shown: self._choose(shown, BARS_ON_OFFER[shown][0]))
        for bars, button in self.lengths.items():
            button.clicked.connect(lambda _, bars=bars: self._choose(self.shown, bars))
        self._mark()

    def _choices(self, buttons: list[QPushButton]) -> QHBoxLayout:
        """Side by side; one of them is chosen."""
        group, row = QButtonGroup(self), QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        for button in buttons:
            group.addButton(button)
            row.addWidget(button)
        row.addStretch()
        return row

    def show_earnings(self, window: Window, buckets: tuple[EarningsBucket, ...]) -> None:
        """Ignores what is not, or no more, what the owner chose."""
        if (window.span, window.step_seconds) != (self.shown, BAR_SECONDS[self.bars]):
            return
        if window.span is Range.ALL:
            window, buckets = from_first_work(window, buckets)
        self.chart.show_earnings(window, buckets)

    def _choose(self, shown: Range, bars: Bars) -> None:
        self.shown, self.bars = shown, bars
        self._mark()
        self.wanted.emit()

    def _mark(self) -> None:
        offered = BARS_ON_OFFER[self.shown]
        for bars, button in self.lengths.items():
            button.setVisible(bars in offered and len(offered) > 1)
        self.ranges[self.shown].setChecked(True)
        self.lengths[self.bars].setChecked(True)


class EstimateCard(Card):
    """What this computer could earn, apart from all that it has earned; only where it was measured."""

    def __init__(self) -> None:
        super().__init__(tr("What it could earn"))
        self.amount = Text("", "strong")
        self.source = Text("", "source", wraps=True)
        self.column.setContentsMargins(20, 10, 20, 14)
        self.column.addWidget(Text(tr("What it could earn"), "label"))
        self.column.addWidget(self.amount)
        self.column.addWidget(self.source)
        self.hide()

    def show_view(self, view: View) -> None:
        estimate = view.status.estimate if view.status else None
        self.setVisible(estimate is not None)
        if estimate is not None and view.status is not None:
            amount = estimate.amount[:1].upper() + estimate.amount[1:]
            self.amount.say(tr("{amount} (play money)", amount=amount) if view.status.network.is_demo else amount)
            self.source.say(estimate.source)


class EarningsPage(Page):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.stages = {stage.title: StageBlock(theme, stage) for stage in STAGES}
        self.over_time = ChartCard(theme)
        self.estimate = EstimateCard()
        self.net = NetCard(theme)
        self.reconcile = ReconcileCard()
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Earnings"), "page-title"))
        head.addStretch()
        self.column.addLayout(head)
        all_told = Card(tr("All told"))
        all_told.column.addWidget(Row(*((block, 1) for block in self.stages.values())))
        self.column.addWidget(all_told)
        self.column.addWidget(self.over_time)
        self.column.addWidget(self.estimate)
        self.column.addWidget(self.net)
        self.column.addWidget(self.reconcile)
        self.column.addStretch()

    def show_view(self, view: View) -> None:
        for block in self.stages.values():
            block.show_view(view)
        self.estimate.show_view(view)
        self.reconcile.show_view(view)


def _holding(row: QHBoxLayout) -> QWidget:
    widget = QWidget()
    widget.setLayout(row)
    return widget
