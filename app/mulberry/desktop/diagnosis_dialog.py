"""What whoever helps would get, in full, before anything is saved: read it, search it, copy it or save it."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase, QTextCursor
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop.cards import Text, plain_button
from mulberry.desktop.theme import Theme
from mulberry.model.diagnosis import Diagnosis, DiagnosisWish, preview
from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr, tr_count

TITLE = tr("For whoever helps you")
EXPLANATION = tr(
    "This is all that would be saved, and nothing is sent anywhere. Keys, names and paths are taken out. "
    "No program recognises everything: look through it before you hand it on."
)
MAKING = tr("One moment: Mulberry looks at this computer…")
NOT_FOUND = tr("It is not in it.")
FOUND = tr("It is in it; press Enter for the next place.")


class DiagnosisDialog(QDialog):
    """Not shown yet; gone when closed. Whoever hears `wanted` answers with `show_diagnosis` or `show_problem`."""

    wanted = Signal(object)  # DiagnosisWish
    save_wanted = Signal(object)  # Diagnosis
    copy_wanted = Signal(str)

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self.setWindowTitle(TITLE)
        self.resize(theme.px(860), theme.px(640))
        self._diagnosis: Diagnosis | None = None
        self.state = Text(MAKING, "source", wraps=True)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search: your name, your street, an address…"))
        self.search.setAccessibleName(tr("Search in the text that would be saved"))
        self.search.textChanged.connect(self._search_anew)
        self.search.returnPressed.connect(self._search_on)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))  # its columns are of spaces
        self.text.setAccessibleName(tr("All that would be saved"))
        self.addresses = QCheckBox(tr("Leave addresses on TON in it"))
        self.earnings = QCheckBox(tr("Leave amounts of money in it"))
        for box in (self.addresses, self.earnings):
            box.toggled.connect(self.ask)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = self.buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self.save = self.buttons.addButton(tr("Save as…"), QDialogButtonBox.ButtonRole.ActionRole)
        self.again = plain_button(tr("Look again"))
        self.copy.clicked.connect(lambda: self.copy_wanted.emit(self.text.toPlainText()))
        self.save.clicked.connect(self._save)
        self.again.clicked.connect(self.ask)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self.deleteLater)
        close = self.buttons.button(QDialogButtonBox.StandardButton.Close)
        for button in (self.copy, self.save, self.again, close):
            button.setAutoDefault(False)  # Enter goes on searching
        self._lay_out()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(Text(TITLE, "card-title"))
        column.addWidget(Text(EXPLANATION, "value", wraps=True))
        column.addWidget(self.search)
        column.addWidget(self.text, 1)
        column.addWidget(self.state)
        wishes = QHBoxLayout()
        wishes.setSpacing(20)
        for widget in (self.addresses, self.earnings):
            wishes.addWidget(widget)
        wishes.addStretch()
        wishes.addWidget(self.again)
        column.addLayout(wishes)
        column.addWidget(self.buttons)

    @property
    def wish(self) -> DiagnosisWish:
        return DiagnosisWish(self.addresses.isChecked(), self.earnings.isChecked())

    def ask(self) -> None:
        """For one as it is wished now. Until it is there nothing can be saved."""
        self._diagnosis = None
        self.text.clear()
        self.say(MAKING)
        self._let_go_on(False)
        self.wanted.emit(self.wish)

    def show_diagnosis(self, wish: DiagnosisWish, diagnosis: Diagnosis) -> None:
        """One that was made for another wish than the present one is dropped."""
        if wish != self.wish:
            return
        self._diagnosis = diagnosis
        self.text.setPlainText(preview(diagnosis))
        size = sum(len(file.text.encode()) for file in diagnosis.files)
        self.say(
            tr_count(
                "{count} text file, {size} kB, in one ZIP file.",
                "{count} text files, {size} kB, in one ZIP file.",
                len(diagnosis.files),
                size=number(f"{size / 1000:,.0f}"),
            )
        )
        self._let_go_on(True)
        if self.search.text():
            self._search_anew(self.search.text())

    def show_problem(self, problem: UserFacingError) -> None:
        """It could not be made, or not be saved."""
        self.say(f"{problem.what} {problem.why} {problem.next_step}", "bad")

    def say(self, words: str, look: str = "source") -> None:
        self.state.say(words)
        self.state.mark("look", look)

    def _let_go_on(self, is_there: bool) -> None:
        self.save.setEnabled(is_there)
        self.copy.setEnabled(is_there)

    def _save(self) -> None:
        if self._diagnosis is not None:
            self.save_wanted.emit(self._diagnosis)

    def _search_anew(self, words: str) -> None:
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        if words:
            self.say(FOUND if self.text.find(words) else NOT_FOUND)

    def _search_on(self) -> None:
        words = self.search.text()
        if words and not self.text.find(words):
            self._search_anew(words)
