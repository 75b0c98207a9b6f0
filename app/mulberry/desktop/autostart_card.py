"""Whether Mulberry starts at login: not a setting of ours, but the system's state, read anew when it is looked at."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox

from mulberry.client.autostart import WORDS, Autostart, Starts
from mulberry.desktop.cards import Card, Text, narrow
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr


class AutostartCard(Card):
    """`read` says how it is, `choose` changes it and says how it is then; both raise `UserFacingError`."""

    failed = Signal(object)  # UserFacingError

    def __init__(self, read: Callable[[], Autostart], choose: Callable[[Starts], Autostart]) -> None:
        super().__init__(tr("When you log in"))
        self._read = read
        self._choose = choose
        self.starts = QCheckBox(tr("Start Mulberry when I log in"))
        self.with_window = QCheckBox(tr("With the window, hidden in the tray"))
        self.words = Text("", "source", wraps=True)
        self.where = narrow(Text("", "source", wraps=True))
        self.problem = narrow(Text("", "warn", wraps=True))
        self.column.setSpacing(8)
        self.column.addWidget(Text(tr("When you log in"), "card-title"))
        for widget in (self.starts, self.with_window, self.words, self.where, self.problem):
            self.column.addWidget(widget)
        self.starts.clicked.connect(self._change)
        self.with_window.clicked.connect(self._change)
        self.problem.hide()

    def look(self) -> None:
        """As the system has it now."""
        try:
            self._show(self._read())
        except UserFacingError as problem:
            self._refuse(problem)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    def _change(self) -> None:
        wanted = Starts.WINDOW if self.with_window.isChecked() else Starts.AGENT
        try:
            self._show(self._choose(wanted if self.starts.isChecked() else Starts.NOTHING))
        except UserFacingError as problem:
            self.look()
            self.failed.emit(problem)

    def _show(self, found: Autostart) -> None:
        is_on = found.starts is not Starts.NOTHING
        self.starts.setEnabled(True)
        self.starts.setChecked(is_on)
        self.with_window.setEnabled(is_on)
        self.with_window.setChecked(found.starts is Starts.WINDOW)
        self.words.say(WORDS[found.starts])
        self.where.say(tr("Your system keeps this at {where}.", where=found.where) if is_on else "")
        self.where.setVisible(is_on)
        self.problem.say(found.problem)
        self.problem.setVisible(bool(found.problem))

    def _refuse(self, problem: UserFacingError) -> None:
        for box in (self.starts, self.with_window):
            box.setEnabled(False)
        self.words.say(str(problem))
