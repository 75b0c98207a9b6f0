"""Net earnings on the Earnings page: what is left when the electricity is paid, today, in 7 and in 30 days."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from mulberry.desktop import net_wording
from mulberry.desktop.cards import Card, Row, Text
from mulberry.desktop.facts import Facts
from mulberry.desktop.history import SPAN_TITLES, Span
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.net import NetPeriod, NetStatus

FACT_WIDTH = 130


class NetCard(Card):
    """Each number answers on hover and focus; one stop of the Tab key a period."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Net earnings"))
        self.periods = {span: PeriodBlock(theme, span) for span in Span}
        self.notes = Text(net_wording.NOT_READ, "source", wraps=True)
        self.column.addWidget(Text(tr("What is left when the electricity is paid"), "label"))
        self.column.addSpacing(4)
        self.column.addWidget(Row(*((block, 1) for block in self.periods.values())))
        self.column.addWidget(self.notes)

    def show_net(self, net: NetStatus) -> None:
        for span, period in (
            (Span.TODAY, net.today),
            (Span.WEEK, net.last_7_days),
            (Span.MONTH, net.last_30_days),
        ):
            self.periods[span].show_period(period, net)
        self.notes.say(net_wording.notes_lines(net))


class PeriodBlock(QWidget):
    """The numbers of one period under its name."""

    def __init__(self, theme: Theme, span: Span) -> None:
        super().__init__()
        self.setAccessibleName(tr("Net earnings: {span}", span=SPAN_TITLES[span]))
        self.setMinimumWidth(theme.px(2 * FACT_WIDTH + 20))
        self.facts = Facts(theme, FACT_WIDTH)
        self.facts.show_facts(net_wording.NOT_READ_YET)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(Text(SPAN_TITLES[span], "strong"))
        column.addWidget(self.facts)

    def show_period(self, period: NetPeriod, net: NetStatus) -> None:
        self.facts.show_facts(net_wording.facts(period, net))
