"""The Home page: the sentence first, the numbers second, their sources third."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop import wording
from mulberry.desktop.can_earn_card import CanEarnCard
from mulberry.desktop.cards import Card, Page, Row, Text, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.gpu_card import GpuCard
from mulberry.desktop.history import Span, Window
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.jobs_table import NewestJobs
from mulberry.desktop.money_cards import EarningsCard, PaymentsCard, WalletCard
from mulberry.desktop.progress_cards import ReasonsCard, StepsCard
from mulberry.desktop.sentence_card import SentenceCard
from mulberry.desktop.theme import Theme
from mulberry.model.clock import Clock
from mulberry.model.jobs import EarningsBucket
from mulberry.model.language import tr

NEWEST_JOBS = 3


class LastJobsCard(Card):
    """The newest jobs, and the way to all of them."""

    all_wanted = Signal()

    def __init__(self, theme: Theme, jobs: JobsModel) -> None:
        super().__init__(tr("Last jobs"))
        self.table = NewestJobs(theme, jobs, NEWEST_JOBS)
        self.empty = Text(wording.NO_JOBS, "source", wraps=True)
        every = plain_button(tr("All jobs"))
        every.clicked.connect(self.all_wanted)
        head = QHBoxLayout()
        head.addWidget(Text(tr("Last jobs"), "label"))
        head.addStretch()
        head.addWidget(every)
        self.column.setContentsMargins(20, 8, 20, 12)
        self.column.addLayout(head)
        self.column.addWidget(self.empty)
        self.column.addWidget(self.table)
        self._jobs = jobs
        for signal in (jobs.rowsInserted, jobs.modelReset):
            signal.connect(self._show_or_say)
        self._show_or_say()

    def _show_or_say(self) -> None:
        has_jobs = self._jobs.rowCount() > 0
        self.table.setVisible(has_jobs)
        self.empty.setVisible(not has_jobs)


class HomePage(Page):
    def __init__(self, theme: Theme, clock: Clock, jobs: JobsModel) -> None:
        super().__init__()
        self.state = SentenceCard(theme, clock)
        self.steps = StepsCard(theme)
        self.reasons = ReasonsCard()
        self.can_earn = CanEarnCard()
        self.earnings = {span: EarningsCard(theme, span) for span in Span}
        self.gpus = GpuCard(theme)
        self.payments = PaymentsCard(theme)
        self.wallet = WalletCard(theme)
        self.last_jobs = LastJobsCard(theme, jobs)
        column = self.column
        column.addWidget(self.state)
        column.addWidget(self.steps)
        column.addWidget(self.reasons)
        column.addWidget(self.can_earn)
        column.addWidget(Row(*((card, 1) for card in self.earnings.values())))
        column.addWidget(Row((self.gpus, 58), (self.payments, 42), (self.wallet, 42)))
        column.addWidget(self.last_jobs)
        column.addStretch()

    def show_view(self, view: View) -> None:
        self.state.show_view(view)
        self.steps.show_status(view.status)
        self.reasons.show_status(view.status)
        held_up = any(card.isVisibleTo(self) for card in (self.steps, self.reasons))
        self.last_jobs.setHidden(held_up)  # what holds things up comes first
        for card in self.earnings.values():
            card.show_view(view)
        self.gpus.show_view(view)
        self.payments.show_view(view)
        self.payments.setVisible(view.wallet is None)
        self.wallet.show_view(view)

    def show_earnings(self, window: Window, buckets: tuple[EarningsBucket, ...]) -> None:
        if isinstance(window.span, Span):
            self.earnings[window.span].chart.show_earnings(window, buckets)
