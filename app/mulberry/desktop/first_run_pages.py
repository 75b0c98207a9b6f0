"""The pages of the first steps: each one decision. They show and are asked; `first_run_feed` does what was decided."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from mulberry.desktop import first_run_wording, key_wording
from mulberry.desktop.cards import GAP, Text, clear, narrow, plain_button
from mulberry.desktop.choice_list import ChoiceList
from mulberry.desktop.connection import View
from mulberry.desktop.eligibility_section import EligibilitySection
from mulberry.desktop.first_run_wording import HEADINGS
from mulberry.desktop.key_card import BUTTONS
from mulberry.desktop.key_wording import KeyVerb
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import network_title
from mulberry.model.eligibility import EligibilityReport
from mulberry.model.first_run import FirstRun, FirstStep
from mulberry.model.key import UNREAD_KEY, KeyState
from mulberry.model.language import tr
from mulberry.model.node import NodeState

if TYPE_CHECKING:
    from mulberry.client.networks import KnownNetwork

LONGEST_ADDRESS = 80


class StepPage(QWidget):
    """A question as its title, what it means, and below that the answer, in `column`."""

    def __init__(self, step: FirstStep) -> None:
        super().__init__()
        heading = HEADINGS[step]
        self.setAccessibleName(heading.title)
        self.title = narrow(Text(heading.title, "state", wraps=True))
        self.lead = narrow(Text(heading.lead, "sentence", wraps=True))
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(2, 0, 2, 0)
        self.column.setSpacing(GAP)
        self.column.addWidget(self.title)
        self.column.addWidget(self.lead)

    def show_view(self, view: View, state: FirstRun) -> None:
        """What the agent says, and how far its owner is."""

    def first_focus(self) -> QWidget | None:
        """What takes the keyboard when the page opens; None: the button that goes on."""
        return None


class WelcomePage(StepPage):
    def __init__(self) -> None:
        super().__init__(FirstStep.WELCOME)
        for line in first_run_wording.WELCOME:
            row = QHBoxLayout()
            row.addWidget(Text("•", "sentence"), 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(narrow(Text(line, "sentence", wraps=True)), 1)
            self.column.addLayout(row)
        self.agreed = narrow(Text("", "strong", wraps=True))
        self.column.addWidget(self.agreed)

    def show_view(self, view: View, state: FirstRun) -> None:
        self.agreed.say(first_run_wording.agreed(state.agreed_at))


class CanEarnPage(StepPage):
    def __init__(self, theme: Theme) -> None:
        super().__init__(FirstStep.CAN_EARN)
        self.section = EligibilitySection(theme)
        self.section.home.hide()
        self.column.addWidget(self.section.controls)
        self.column.addWidget(self.section)


class NetworkPage(StepPage):
    file_chosen = Signal(Path)

    def __init__(self, theme: Theme) -> None:
        super().__init__(FirstStep.NETWORK)
        self.choices: ChoiceList[str] = ChoiceList(theme, HEADINGS[FirstStep.NETWORK].title)
        self.stops = narrow(Text(first_run_wording.CHANGING_STOPS, "warn", wraps=True))
        self.file = plain_button(first_run_wording.FILE)
        self.file.setAccessibleName(tr("Join a network by a file"))
        self.file.clicked.connect(self._ask_for_file)
        self.files: QFileDialog | None = None
        row = QHBoxLayout()
        row.addWidget(self.file)
        row.addWidget(narrow(Text(first_run_wording.ABOUT_FILE, "source", wraps=True)), 1)
        self.column.addWidget(self.choices)
        self.column.addLayout(row)
        self.column.addWidget(self.stops)
        self.stops.hide()
        self.choices.picked.connect(self._say_what_it_means)
        self._is_idle = True
        self._current = ""

    def show_networks(
        self, networks: "tuple[KnownNetwork, ...]", current: str, chosen: str, report: EligibilityReport | None
    ) -> None:
        """`report` adds what this computer can do there."""
        answers = {} if report is None else {each.name: each.line for each in report.networks}
        self._current = current
        self.choices.empty()
        for network in networks:
            about = first_run_wording.ABOUT_NETWORKS[network.kind]
            answer = answers.get(network.name, "")
            self.choices.add(
                network.name, network_title(network.name, network.title), "\n".join(filter(None, (about, answer)))
            )
        self.choices.choose(chosen)
        self._say_what_it_means()

    def show_view(self, view: View, state: FirstRun) -> None:
        self._is_idle = view.status is None or view.status.state is NodeState.STOPPED
        self._say_what_it_means()

    def first_focus(self) -> QWidget | None:
        return self.choices.buttons.get(self.choices.chosen or "")

    def _say_what_it_means(self) -> None:
        leaves = self.choices.chosen not in (None, self._current)
        self.stops.setVisible(leaves and not self._is_idle)

    def _ask_for_file(self) -> None:
        if self.files is not None:
            return
        files = QFileDialog(self.window(), tr("Join a network by a file"))
        files.setFileMode(QFileDialog.FileMode.ExistingFile)
        files.setNameFilters([tr("Networks (*.json)"), tr("All files (*)")])

        def chosen(path: str) -> None:
            self.file_chosen.emit(Path(path))

        def closed() -> None:
            self.files = None
            files.deleteLater()

        files.fileSelected.connect(chosen)
        files.finished.connect(closed)
        self.files = files
        files.open()


class OwnerPage(StepPage):
    def __init__(self) -> None:
        super().__init__(FirstStep.OWNER)
        self.now = narrow(Text("", "value", wraps=True))
        self.address = QLineEdit()
        self.address.setAccessibleName(first_run_wording.OWNER_FIELD)
        self.address.setAccessibleDescription(first_run_wording.OWNER_HINT)
        self.address.setPlaceholderText(first_run_wording.OWNER_FIELD)
        self.address.setMaxLength(LONGEST_ADDRESS)
        self.address.setClearButtonEnabled(True)
        self.hint = narrow(Text(first_run_wording.OWNER_HINT, "source", wraps=True))
        for widget in (self.now, self.address, self.hint):
            self.column.addWidget(widget)

    def show_view(self, view: View, state: FirstRun) -> None:
        is_demo = view.status is not None and view.status.network.is_demo
        owner = view.wallet.owner if view.wallet is not None else ""
        self.now.say(first_run_wording.owner_now(owner, is_demo=is_demo))
        for widget in (self.address, self.hint):
            widget.setVisible(not is_demo)

    def first_focus(self) -> QWidget | None:
        return None if self.address.isHidden() else self.address

    @property
    def typed(self) -> str:
        """Which address was named, "" if none."""
        return "" if self.address.isHidden() else self.address.text().strip()


class KeyPage(StepPage):
    asked = Signal(object)  # KeyVerb

    def __init__(self) -> None:
        super().__init__(FirstStep.KEY)
        self.guards = narrow(Text(key_wording.WHAT_IT_GUARDS, "value", wraps=True))
        self.state = narrow(Text("", "value", wraps=True))
        self.now = narrow(Text("", "source", wraps=True))
        self.buttons = {verb: plain_button(BUTTONS[verb]) for verb in (KeyVerb.UNLOCK, KeyVerb.BACK_UP, KeyVerb.CHECK)}
        row = QHBoxLayout()
        for verb, button in self.buttons.items():
            button.clicked.connect(lambda checked=False, verb=verb: self.asked.emit(verb))
            row.addWidget(button)
        row.addStretch()
        for widget in (self.guards, self.state, self.now):
            self.column.addWidget(widget)
        self.column.addLayout(row)

    def show_view(self, view: View, state: FirstRun) -> None:
        key = view.wallet.key if view.wallet is not None else UNREAD_KEY
        is_demo = view.status is not None and view.status.network.is_demo
        self.state.say(key_wording.state_line(key))
        self.state.setHidden(key.state is KeyState.UNREAD)  # the line below says so
        self.now.say(first_run_wording.key_now(key, is_demo=is_demo))
        offered = key_wording.offered(key)
        for verb, button in self.buttons.items():
            button.setVisible(verb in offered)
            button.setEnabled(not view.is_stale)

    def first_focus(self) -> QWidget | None:
        button = self.buttons[KeyVerb.BACK_UP]
        return button if button.isEnabled() and not button.isHidden() else None


class EndPage(StepPage):
    def __init__(self) -> None:
        super().__init__(FirstStep.END)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self._shown: tuple[str, ...] = ()
        self.column.addLayout(self._lines)

    @property
    def lines(self) -> tuple[str, ...]:
        return self._shown

    def show_view(self, view: View, state: FirstRun) -> None:
        owner = view.wallet.owner if view.wallet is not None else ""
        lines = first_run_wording.end_lines(state, view.status, owner)
        if lines != self._shown:
            self._shown = lines
            clear(self._lines)
            for line in lines:
                self._lines.addWidget(narrow(Text(line, "sentence", wraps=True)))
