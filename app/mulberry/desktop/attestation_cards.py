"""The Attestation page's pieces: the level and what it leaves open, what could not be gathered, and what others see."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from mulberry.desktop import attestation_wording
from mulberry.desktop.attestation_tree import EvidenceTree
from mulberry.desktop.cards import Card, Row, Text, clear, narrow, plain_button
from mulberry.desktop.eligibility_cards import SignLabel
from mulberry.desktop.facts import Facts
from mulberry.desktop.theme import Theme
from mulberry.model.collateral import CollateralStatus
from mulberry.model.language import tr
from mulberry.model.proof import AttestationStatus, Fact, Hindrance, Level, Seen, Verdict

FACT_WIDTH = 240
LONGEST_NONCE = 128  # hexadecimal digits


class LevelCard(Card):
    """The level in big letters; under it what it takes and, as large, what it does not prove."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Level"))
        self.setMinimumWidth(theme.px(280))
        self.number = Text("", "number")
        self.title = narrow(Text(attestation_wording.NOT_LOOKED_YET, "state", wraps=True))
        self.shown = Text("", "label")
        self.evidence = narrow(Text("", "value", wraps=True))
        self.open = narrow(Text("", "value", wraps=True))
        self.readers = narrow(Text(attestation_wording.WHO_CAN_READ, "source", wraps=True))
        self.next_step = narrow(Text("", "strong", wraps=True))
        self.column.setSpacing(6)
        self.column.addWidget(self.number)
        self.column.addWidget(self.title)
        for heading, text in ((self.shown, self.evidence), (Text(tr("What it does not prove"), "label"), self.open)):
            self.column.addSpacing(4)
            self.column.addWidget(heading)
            self.column.addWidget(text)
        self.column.addSpacing(4)
        self.column.addWidget(self.next_step)
        self.column.addWidget(self.readers)
        self.column.addStretch()

    def show_status(self, status: AttestationStatus) -> None:
        verdict = status.verdict
        self.number.setVisible(verdict is not None)
        self.next_step.say(status.next_step)
        self.next_step.setVisible(bool(status.next_step))
        if verdict is None:
            return
        self.number.say(attestation_wording.number(verdict))
        self.title.say(attestation_wording.title(verdict))
        self.title.mark("tone", "bad" if verdict.is_test else "")
        heading, words = attestation_wording.shown(verdict)
        self.shown.say(heading)
        self.evidence.say(words)
        self.open.say(attestation_wording.open_line(verdict))
        self.readers.setVisible(verdict.level < Level.CONFIDENTIAL)
        self.setAccessibleName(f"{self.number.text()}: {self.title.text()}")


class LadderCard(Card):
    """All levels there are, and how far this computer is."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Levels"))
        self.setMinimumWidth(theme.px(240))
        self._theme = theme
        self._shown: Verdict | None = None
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self.column.setSpacing(8)
        self.column.addWidget(Text(tr("All levels"), "label"))
        self.column.addLayout(self._lines)
        self.column.addStretch()
        self._show(None)

    def show_verdict(self, verdict: Verdict | None) -> None:
        if verdict != self._shown:
            self._shown = verdict
            self._show(verdict)

    def _show(self, verdict: Verdict | None) -> None:
        clear(self._lines)
        for look, title, evidence in attestation_wording.rungs(verdict):
            line = QWidget()
            line.setAccessibleName(f"{title}: {look.words}")
            grid = QGridLayout(line)
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setHorizontalSpacing(6)
            grid.setVerticalSpacing(0)
            grid.setColumnStretch(1, 1)
            grid.addWidget(SignLabel(self._theme, look), 0, 0)
            is_its = look is attestation_wording.ITS_LEVEL
            grid.addWidget(narrow(Text(title, "strong" if is_its else "label", wraps=True)), 0, 1)
            grid.addWidget(narrow(Text(evidence, "source", wraps=True)), 1, 1)
            self._lines.addWidget(line)


class HindrancesCard(Card):
    """Evidence that could not be gathered here, each with why, the next step and whose turn it is."""

    def __init__(self) -> None:
        super().__init__(tr("What could not be gathered"))
        self._shown: tuple[Hindrance, ...] = ()
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        self.column.addWidget(Text(tr("What could not be gathered"), "label"))
        self.column.addLayout(self._lines)
        self.hide()

    def show_hindrances(self, hindrances: tuple[Hindrance, ...]) -> None:
        self.setVisible(bool(hindrances))
        if hindrances == self._shown:
            return
        self._shown = hindrances
        clear(self._lines)
        for what, rest in map(attestation_wording.hindrance_lines, hindrances):
            self._lines.addWidget(narrow(Text(what, "strong", wraps=True)))
            self._lines.addWidget(narrow(Text(rest, "source", wraps=True)))
            self._lines.addSpacing(4)


class EvidenceCard(Card):
    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Evidence"))
        self.tree = EvidenceTree(theme)
        self.column.addWidget(Text(tr("Evidence"), "label"))
        self.column.addWidget(narrow(Text(attestation_wording.JUDGED_HERE, "source", wraps=True)))
        self.column.addSpacing(4)
        self.column.addWidget(self.tree)
        self.collateral = Text("", "source", wraps=True)  # what Intel's word on quotes rests on
        self.column.addWidget(self.collateral)

    def show_collateral(self, status: CollateralStatus | None) -> None:
        self.collateral.say(attestation_wording.collateral(status))
        self.collateral.setVisible(bool(self.collateral.text()))


class SeenCard(Card):
    """Side by side: what the network sees of this computer, and what its owner sees."""

    def __init__(self) -> None:
        super().__init__(tr("What the network sees, and what you see"))
        self._shown: tuple[Seen, ...] = ()
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(20)
        self.grid.setVerticalSpacing(6)
        for column, share in enumerate((2, 4, 4)):
            self.grid.setColumnStretch(column, share)
        self.column.addLayout(self.grid)
        self.hide()

    def show_seen(self, seen: tuple[Seen, ...]) -> None:
        self.setVisible(bool(seen))
        if seen == self._shown:
            return
        self._shown = seen
        clear(self.grid)
        for column, heading in enumerate(("", tr("The network sees"), tr("You see"))):
            self.grid.addWidget(Text(heading, "label"), 0, column)
        for row, one in enumerate(seen, start=1):
            for column, (words, look) in enumerate(
                ((one.subject, "source"), (one.by_network, "value"), (one.by_you, "value"))
            ):
                self.grid.addWidget(narrow(Text(words, look, wraps=True)), row, column)


class StatementCard(Card):
    """The signed statement, line by line, and the ways to hand it on."""

    export_wanted = Signal(str)  # the verifier's nonce, "" if none was given
    share_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("The statement"))
        self._theme = theme
        self.facts: Facts | None = None
        self.nonce = QLineEdit()
        self.nonce.setPlaceholderText(tr("Verifier's nonce, if you were given one"))
        self.nonce.setAccessibleName(tr("Verifier's nonce, hexadecimal, if you were given one"))
        self.nonce.setMaxLength(LONGEST_NONCE)
        self.nonce.setMinimumWidth(theme.px(120))
        self.export = plain_button(tr("Export…"))
        self.export.setAccessibleName(tr("Export the statement with its evidence into a file"))
        self.export.clicked.connect(lambda: self.export_wanted.emit(self.nonce.text().strip()))
        self.nonce.returnPressed.connect(self.export.click)
        self.share = plain_button(tr("Copy summary"))
        self.share.setToolTip(tr("A few lines of text, without anything that says who or where this computer is."))
        self.share.clicked.connect(self.share_wanted)
        self.column.setSpacing(8)
        self.column.addWidget(Row((Text(tr("The statement"), "label"), 1), (self._ways(), 2)))

    def _ways(self) -> QWidget:
        ways = QWidget()
        row = QHBoxLayout(ways)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.nonce, 1)
        row.addWidget(self.export)
        row.addWidget(self.share)
        return ways

    def show_facts(self, facts: tuple[Fact, ...]) -> None:
        if self.facts is not None and len(self.facts.values) != len(facts):
            self.facts.hide()
            self.facts.deleteLater()
            self.facts = None
        if not facts:
            return
        if self.facts is None:
            self.facts = Facts(self._theme, FACT_WIDTH)
            self.column.addWidget(self.facts)
        self.facts.show_facts(tuple(map(attestation_wording.statement_fact, facts)))
