"""Newer versions, on the About page: what there is, what the maintainers say of it, and what its owner decides."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QHBoxLayout, QMessageBox, QPushButton

from mulberry import __version__
from mulberry.desktop import update_wording as wording
from mulberry.desktop.cards import Bar, Card, Text, narrow, plain_button
from mulberry.desktop.theme import Theme
from mulberry.model.update import UpdateOrder, UpdateStatus, UpdateVerb, UpdateWork


class UpdateCard(Card):
    """Nothing is fetched before its owner has said yes to a question that says what it takes."""

    wanted = Signal()  # how things stand
    asked = Signal(object)  # UpdateOrder
    consent_changed = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__(wording.TITLE)
        self.status: UpdateStatus | None = None
        self.question: QMessageBox | None = None
        self.state = narrow(Text(wording.NOT_HEARD_YET, "value", wraps=True))
        self.other_window = narrow(Text("", "warn", wraps=True))
        self.once_a_day = QCheckBox(wording.ONCE_A_DAY)
        self.once_a_day.clicked.connect(self.consent_changed)
        self.learns = narrow(Text(wording.LEARNS, "source", wraps=True))
        self.offer = narrow(Text("", "strong", wraps=True))
        self.notes = _copied(narrow(Text("", "value", wraps=True)))
        self.quiet = narrow(Text("", "source", wraps=True))
        self.bar = Bar(theme, wording.TITLE)
        self.progress = narrow(Text("", "source", wraps=True))
        self.ready = narrow(Text("", "value", wraps=True))
        self.command = _copied(narrow(Text("", "fact", wraps=True)))
        self.problem = narrow(Text("", "bad", wraps=True))
        self.check = self._button(wording.CHECK, lambda: self._order(UpdateVerb.CHECK))
        self.install = self._button("", self._ask)
        self.later = self._button(wording.LATER, lambda: self._order(UpdateVerb.LATER))
        self.skip = self._button(wording.SKIP, lambda: self._order(UpdateVerb.SKIP))
        self.cancel = self._button(wording.CANCEL, lambda: self._order(UpdateVerb.CANCEL))
        self.copy = self._button(wording.COPY, lambda: QApplication.clipboard().setText(self.command.text()))
        self._lay_out()
        self.show_readiness(is_stale=True)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(Text(wording.TITLE, "card-title"), 1)
        head.addWidget(self.check)
        decisions = QHBoxLayout()
        decisions.addStretch()
        for button in (self.copy, self.cancel, self.skip, self.later, self.install):
            decisions.addWidget(button)
        self.column.setSpacing(8)
        self.column.addLayout(head)
        said = (self.problem, self.other_window, self.once_a_day, self.learns, self.offer, self.notes, self.quiet)
        done = (self.bar, self.progress, self.ready, self.command)
        self.column.addWidget(self.state)
        for widget in (*said, *done):
            self.column.addWidget(widget)
            widget.hide()
        self.column.addLayout(decisions)

    def show_status(self, status: UpdateStatus) -> None:
        self.status = status
        self.state.say(wording.state(status))
        self.once_a_day.setChecked(status.checks)
        can_check = not status.cannot_check
        for widget in (self.once_a_day, self.learns, self.check):
            widget.setVisible(can_check)
        for text, words in (
            (self.problem, wording.problem(status)),
            (self.other_window, wording.other_window(status, __version__)),
            (self.offer, wording.offer(status)),
            (self.notes, wording.notes(status)),
            (self.quiet, wording.quiet(status)),
            (self.progress, wording.progress(status)),
            (self.ready, wording.ready(status)),
            (self.command, status.command),
        ):
            text.say(words)
            text.setVisible(bool(words))
        share = wording.share_fetched(status)
        self.bar.setVisible(share is not None)
        self.bar.show_share(share, wording.progress(status))
        self.install.setText(wording.install_button(status))
        self.install.setVisible(bool(self.install.text()))
        is_idle = status.work in (UpdateWork.NOTHING, UpdateWork.CHECKING)
        for button in (self.later, self.skip):
            button.setVisible(status.offered is not None and is_idle)
        self.cancel.setVisible(status.work in (UpdateWork.FETCHING, UpdateWork.DRAINING))
        self.copy.setVisible(bool(status.command))

    def show_readiness(self, *, is_stale: bool) -> None:
        """Not while the agent is silent: it does all of this."""
        for widget in (self.check, self.once_a_day, self.install, self.later, self.skip, self.cancel):
            widget.setEnabled(not is_stale)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.wanted.emit()

    def _button(self, text: str, do: Callable[[], object]) -> QPushButton:
        button = plain_button(text)
        button.clicked.connect(lambda: do())
        button.hide()
        return button

    def _order(self, verb: UpdateVerb) -> None:
        """About the version that is shown."""
        if self.status is not None:
            version = self.status.offered.version if self.status.offered else ""
            self.asked.emit(UpdateOrder(verb, version))

    def _ask(self) -> None:
        if self.status is None or self.question is not None:
            return
        words, more = wording.question_of(self.status)
        question = self.question = QMessageBox(self.window())
        question.setWindowTitle("Mulberry")
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setText(words)
        question.setInformativeText(more)
        go_on = question.addButton(wording.GO_ON, QMessageBox.ButtonRole.AcceptRole)
        question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))

        def answered() -> None:
            self.question = None
            question.deleteLater()
            if question.clickedButton() is go_on:
                self._order(UpdateVerb.APPLY)

        question.finished.connect(answered)
        question.open()


def _copied(text: Text) -> Text:
    """It can be marked and copied."""
    flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    text.setTextInteractionFlags(flags)
    return text
