"""The pieces of "Can it earn?": a line a beginner understands, and a card for each network with what it asks for."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from mulberry.desktop import eligibility_wording
from mulberry.desktop.cards import Card, CommandLine, Text, clear, narrow, plain_button
from mulberry.desktop.eligibility_wording import Group, Look
from mulberry.desktop.icons import sign_pixmap
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import network_title
from mulberry.model.eligibility import Answer, EligibilityReport, NetworkEligibility, Requirement, Standing
from mulberry.model.language import tr

SIGN_PIXELS = 16


class SignLabel(QLabel):
    """The shape alone; its words are its name for screen readers and stand beside it for all others."""

    def __init__(self, theme: Theme, look: Look) -> None:
        super().__init__()
        self._theme = theme
        self._look = look
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._draw()
        theme.changed.connect(self._draw)

    def show_look(self, look: Look) -> None:
        if look != self._look:
            self._look = look
            self._draw()

    def _draw(self) -> None:
        colour = getattr(self._theme.colours, self._look.role)
        size = self._theme.px(SIGN_PIXELS)
        self.setPixmap(sign_pixmap(self._look.sign, colour, size, self.devicePixelRatioF()))
        self.setAccessibleName(self._look.words)
        self.setFixedWidth(size + 4)


class SummaryCard(Card):
    """The answer in a sentence or two, over all networks."""

    def __init__(self) -> None:
        super().__init__(tr("In short"))
        self.computer = narrow(Text(eligibility_wording.NOT_CHECKED_YET, "source", wraps=True))
        self._lines = QVBoxLayout()
        self._lines.setSpacing(6)
        self._shown: tuple[str, ...] = ()
        self.column.setSpacing(8)
        self.column.addWidget(self.computer)
        self.column.addLayout(self._lines)

    def show_report(self, report: EligibilityReport) -> None:
        self.computer.say(eligibility_wording.computer(report))
        if report.summary != self._shown:
            self._shown = report.summary
            clear(self._lines)
            for line in report.summary:
                self._lines.addWidget(narrow(Text(line, "sentence", wraps=True)))


class RequirementRow(QWidget):
    """One thing that is asked for: how it stands and why, what to do next, and what could be typed for it."""

    def __init__(self, theme: Theme, requirement: Requirement, answer: Answer) -> None:
        """`answer` is the network's, to the whole computer."""
        super().__init__()
        self.decides = eligibility_wording.decides(requirement, answer)
        look = eligibility_wording.STANDINGS[requirement.standing]
        self.setAccessibleName(f"{requirement.name}: {look.words}")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(narrow(Text(f"{requirement.name}: {look.words}", "strong", wraps=True)))
        words.addWidget(narrow(Text(eligibility_wording.evidence(requirement), "source", wraps=True)))
        if next_line := eligibility_wording.next_line(requirement):
            words.addWidget(narrow(Text(next_line, "value", wraps=True)))
        if requirement.command and requirement.standing is not Standing.MET:
            words.addWidget(CommandLine(requirement.command))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 3, 0, 3)
        row.setSpacing(6)
        row.addWidget(SignLabel(theme, look), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)


class RequirementGroup(QWidget):
    """The requirements of one thing, under its heading where it has one."""

    def __init__(self, theme: Theme, group: Group, answer: Answer) -> None:
        super().__init__()
        self.rows = [RequirementRow(theme, requirement, answer) for requirement in group.requirements]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        if group.heading:
            column.addWidget(narrow(Text(group.heading, "label", wraps=True)))
        for row in self.rows:
            column.addWidget(row)

    def show_all(self, is_all: bool) -> None:
        for row in self.rows:
            row.setVisible(is_all or row.decides)
        self.setVisible(any(is_all or row.decides for row in self.rows))


class EligibilityCard(Card):
    """One network: may this computer work there? What decides is shown; everything, when asked for."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Network"))
        self._theme = theme
        self._shown: NetworkEligibility | None = None
        self.title = narrow(Text("", "card-title", wraps=True))
        self.sign = SignLabel(theme, eligibility_wording.ANSWERS[Answer.UNKNOWN])
        self.answer = Text("", "strong")
        self.line = narrow(Text("", "value", wraps=True))
        self.about = narrow(Text("", "source", wraps=True))
        self.all = plain_button("")
        self.all.setCheckable(True)
        self.all.toggled.connect(self._show_all)
        self.groups: list[RequirementGroup] = []
        self.models = QWidget()
        self._gpus, self._needs, self._models = QVBoxLayout(), QVBoxLayout(), QVBoxLayout(self.models)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        head.addWidget(self.sign)
        head.addWidget(self.answer)
        self.column.setSpacing(6)
        self.column.addLayout(head)
        self.column.addWidget(self.line)
        for lines in (self._gpus, self._needs, self._models):
            lines.setContentsMargins(0, 0, 0, 0)
            lines.setSpacing(4)
        self.column.addLayout(self._gpus)
        self.column.addLayout(self._needs)
        self.column.addWidget(self.models)
        foot = QHBoxLayout()
        foot.addWidget(self.about, 1)
        foot.addWidget(self.all)
        self.column.addLayout(foot)

    def show_network(self, network: NetworkEligibility) -> None:
        if network == self._shown:
            return
        self._shown = network
        look = eligibility_wording.ANSWERS[network.answer]
        title = network_title(network.name, network.title)
        self.setAccessibleName(f"{title}: {look.words}")
        self.title.say(title)
        self.sign.show_look(look)
        self.answer.say(look.words)
        self.line.say(network.line)
        self.about.say(eligibility_wording.about(network))
        for layout, lines in (
            (self._gpus, eligibility_wording.gpu_lines(network)),
            (self._models, eligibility_wording.model_lines(network)),
        ):
            clear(layout)
            for line_look, line in lines:
                layout.addWidget(_signed(self._theme, line_look, line))
        clear(self._needs)
        groups = eligibility_wording.groups(network)
        self.groups = [RequirementGroup(self._theme, group, network.answer) for group in groups]
        for group in self.groups:
            self._needs.addWidget(group)
        self._show_all(self.all.isChecked())

    def _show_all(self, is_all: bool) -> None:
        number = sum(len(group.rows) for group in self.groups)
        self.all.setVisible(number > 0)
        self.all.setText(eligibility_wording.all_button(number, is_open=is_all))
        self.all.setAccessibleName(f"{self.all.text()}: {self.title.text()}")
        for group in self.groups:
            group.show_all(is_all)
        self.models.setVisible(is_all)


def _signed(theme: Theme, look: Look, line: str) -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    row.addWidget(SignLabel(theme, look), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(narrow(Text(line, "value", wraps=True)), 1)
    return whole
