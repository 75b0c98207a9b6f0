"""The Attestation page: the level this computer reaches, why, and what nobody should conclude from it."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop import attestation_wording
from mulberry.desktop.attestation_cards import (
    EvidenceCard,
    HindrancesCard,
    LadderCard,
    LevelCard,
    SeenCard,
    StatementCard,
)
from mulberry.desktop.cards import Page, Row, Text, narrow, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.proof import AttestationStatus

CHECKING_MILLISECONDS = 500  # between two looks while the agent gathers evidence
IDLE_MILLISECONDS = 30_000


class AttestationPage(Page):
    wanted = Signal()  # what was found last
    again_wanted = Signal(bool)  # a new look at everything; whether missing collateral may be fetched

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._is_stale = True
        self._has_asked = False
        self._focus_owed = False  # a disabled button loses the keyboard; it gets it back
        self.status: AttestationStatus | None = None
        self.line = narrow(Text(attestation_wording.NOT_HEARD_YET, "source", wraps=True))
        self.again = plain_button(attestation_wording.LOOK_AGAIN)
        self.again.setToolTip(attestation_wording.MAY_FETCH)
        self.again.clicked.connect(lambda: self._ask_again(fetch=True))
        self.level = LevelCard(theme)
        self.ladder = LadderCard(theme)
        self.hindrances = HindrancesCard()
        self.evidence = EvidenceCard(theme)
        self.seen = SeenCard()
        self.statement = StatementCard(theme)
        self._above = Row((self.level, 58), (self.ladder, 42))
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Attestation"), "page-title"))
        head.addSpacing(12)
        head.addWidget(self.line, 1)
        head.addWidget(self.again)
        self.column.addLayout(head)
        for widget in (self._above, self.hindrances, self.evidence, self.seen, self.statement):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.looking = QTimer(self, interval=IDLE_MILLISECONDS)
        self.looking.timeout.connect(self.wanted)
        self._show()

    def show_view(self, view: View) -> None:
        if view.is_stale != self._is_stale:
            self._is_stale = view.is_stale
            self._show()
            if self.isVisible():
                self.wanted.emit()

    def show_status(self, status: AttestationStatus) -> None:
        self.status = status
        self.looking.setInterval(CHECKING_MILLISECONDS if status.is_checking else IDLE_MILLISECONDS)
        self._show()
        if status.verdict is None and not status.is_checking and self.isVisible() and not self._has_asked:
            self._has_asked = True  # once: where it fails, its owner asks again
            self._ask_again(fetch=False)  # nobody agreed to anything by opening a page

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._has_asked = False
        self.looking.start()
        self.wanted.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.looking.stop()

    def ask_failed(self) -> None:
        """It was not begun; why is told elsewhere."""
        self._show()

    def _ask_again(self, *, fetch: bool) -> None:
        self._focus_owed = self._focus_owed or self.again.hasFocus()
        self.again.setText(attestation_wording.LOOKING)
        self.again.setEnabled(False)
        self.again_wanted.emit(fetch)

    def _show(self) -> None:
        status = self.status
        verdict = status.verdict if status is not None else None
        for widget in (self._above, self.evidence, self.statement):
            widget.setVisible(verdict is not None)
        is_checking = status is not None and status.is_checking
        self.again.setText(attestation_wording.LOOKING if is_checking else attestation_wording.LOOK_AGAIN)
        self.again.setEnabled(not self._is_stale and not is_checking)
        if self._focus_owed and self.again.isEnabled():
            self._focus_owed = False
            self.again.setFocus()
        self.statement.export.setEnabled(not self._is_stale)
        if status is None:
            return
        self.line.say(attestation_wording.times(verdict) if verdict is not None else attestation_wording.NOT_LOOKED_YET)
        self.level.show_status(status)
        self.ladder.show_verdict(verdict)
        self.hindrances.show_hindrances(status.hindrances)
        self.evidence.tree.show_checks(verdict.checks if verdict is not None else ())
        self.evidence.show_collateral(status.collateral)
        self.seen.show_seen(status.seen)
        self.statement.show_facts(status.facts)
