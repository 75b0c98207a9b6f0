"""Can it earn? The first thing that a new owner sees, before anything is bought, downloaded or started."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop import eligibility_wording
from mulberry.desktop.cards import GAP, Text, narrow, plain_button
from mulberry.desktop.eligibility_cards import EligibilityCard, SummaryCard
from mulberry.desktop.theme import Theme
from mulberry.model.eligibility import EligibilityReport
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr


class EligibilitySection(QWidget):
    wanted = Signal(bool)  # the answers; True: also what the networks ask for, anew
    home_wanted = Signal()  # where earning is started

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._focus_owed = False  # a disabled button loses the keyboard; it gets it back
        self.report: EligibilityReport | None = None
        self.problem = narrow(Text("", "bad", wraps=True))
        self.again = plain_button(eligibility_wording.CHECK_AGAIN)
        self.again.setToolTip(tr("Also reads from the chain what each network accepts now."))
        self.again.clicked.connect(self._check_again)
        self.home = plain_button(tr("To the Home page"))
        self.home.clicked.connect(self.home_wanted)
        self.summary = SummaryCard()
        self.networks: list[EligibilityCard] = []
        self.controls = QWidget()
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch()
        row.addWidget(self.again)
        row.addWidget(self.home)
        self._cards = QVBoxLayout()
        self._cards.setSpacing(GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self.problem)
        column.addWidget(self.summary)
        column.addLayout(self._cards)
        self.problem.hide()

    def show_report(self, report: EligibilityReport) -> None:
        self.report = report
        self._answered()
        self.problem.hide()
        self.summary.show_report(report)
        while len(self.networks) > len(report.networks):
            gone = self.networks.pop()
            gone.hide()
            gone.deleteLater()
        while len(self.networks) < len(report.networks):
            card = EligibilityCard(self._theme)
            self.networks.append(card)
            self._cards.addWidget(card)
        for card, network in zip(self.networks, report.networks, strict=True):
            card.show_network(network)

    def show_problem(self, problem: UserFacingError) -> None:
        """It could not be checked; what was found before stays, with its time."""
        self._answered()
        self.problem.show()
        self.problem.say(str(problem))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.wanted.emit(False)

    def _check_again(self) -> None:
        self._focus_owed = self.again.hasFocus()
        self.again.setText(eligibility_wording.CHECKING)
        self.again.setEnabled(False)
        self.wanted.emit(True)

    def _answered(self) -> None:
        self.again.setText(eligibility_wording.CHECK_AGAIN)
        self.again.setEnabled(True)
        if self._focus_owed:
            self._focus_owed = False
            self.again.setFocus()
