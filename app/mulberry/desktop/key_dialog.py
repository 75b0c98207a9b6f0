"""Asks for a passphrase: once to open something, twice to choose one. Stays until the agent has said yes."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from mulberry.desktop import key_wording
from mulberry.desktop.cards import Text
from mulberry.desktop.key_wording import Question
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.passphrase import LONGEST, strength, why_unfit

NOT_THE_SAME = tr("The two are not the same.")


class PassphraseDialog(QDialog):
    """Not shown yet; gone when closed, and what was typed with it."""

    said = Signal(str, bool)  # the passphrase, and whether another key may be replaced

    def __init__(self, parent: QWidget, theme: Theme, question: Question, *, may_replace: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle(question.title)
        self.setMinimumWidth(theme.px(520))
        self.explanation = Text(question.explanation, "value", wraps=True)
        self.first = _secret_line(tr("Passphrase"))
        self.second = _secret_line(tr("The same once more"))
        self.second.setVisible(question.is_new)
        self.strength = Text("", "source", wraps=True)
        self.strength.setVisible(question.is_new)
        self.replace = QCheckBox(key_wording.REPLACE)
        self.replace.setVisible(may_replace)
        self.answer = Text("", "bad", wraps=True)
        self.answer.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(tr("Cancel"))
        self.do = self.buttons.addButton(question.button, QDialogButtonBox.ButtonRole.AcceptRole)
        self._is_new = question.is_new
        self._words = question.button
        self._is_asking = False
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(Text(question.title, "card-title"))
        for widget in (self.explanation, self.first, self.second, self.strength, self.replace, self.answer):
            column.addWidget(widget)
        column.addStretch()
        column.addWidget(self.buttons)
        self.first.textChanged.connect(self._judge)
        self.second.textChanged.connect(self._judge)
        self.buttons.accepted.connect(self._say)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self._forget)
        self._judge()
        self._fit()

    def refused(self, problem: UserFacingError) -> None:
        """The agent said no, with its reason; to be tried again."""
        self._is_asking = False
        self.answer.say(f"{problem.what} {problem.why} {problem.next_step}")
        self.answer.show()
        self._judge()
        self._fit()
        self.first.setFocus()
        self.first.selectAll()

    def told(self, words: str) -> None:
        """It is done: says so, and there is nothing left but to close."""
        for widget in (self.first, self.second, self.strength, self.replace, self.answer, self.do):
            widget.hide()
        self.first.clear()
        self.second.clear()
        self.explanation.say(words)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(tr("Close"))
        self._fit()

    def _fit(self) -> None:
        """As high as wrapped texts need at this width, which Qt's own hint does not know."""
        self._column.activate()
        width = max(self.minimumWidth(), self._column.minimumSize().width(), self.width() if self.isVisible() else 0)
        self.resize(width, self._column.totalHeightForWidth(width))

    def _judge(self) -> None:
        typed = self.first.text()
        is_fit = bool(typed)
        if self._is_new:
            mistyped = bool(self.second.text()) and self.second.text() != typed
            self.strength.say(NOT_THE_SAME if mistyped else strength(typed) if typed else "")
            is_fit = not why_unfit(typed) and self.second.text() == typed
        self.do.setEnabled(is_fit and not self._is_asking)
        self.do.setText(tr("One moment…") if self._is_asking else self._words)

    def _say(self) -> None:
        self._is_asking = True
        self.answer.hide()
        self._judge()
        self.said.emit(self.first.text(), self.replace.isChecked())

    def _forget(self) -> None:
        self.first.clear()
        self.second.clear()
        self.deleteLater()


def _secret_line(name: str) -> QLineEdit:
    line = QLineEdit()
    line.setEchoMode(QLineEdit.EchoMode.Password)
    line.setPlaceholderText(name)
    line.setAccessibleName(name)
    line.setMaxLength(LONGEST)
    return line
