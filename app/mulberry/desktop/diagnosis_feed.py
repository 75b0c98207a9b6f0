"""What happens around the diagnosis when: the dialog is opened, the agent asked, a file written, the text copied."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from mulberry.desktop.connection import Connection
from mulberry.desktop.theme import Theme
from mulberry.desktop.window import MainWindow
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr

if TYPE_CHECKING:  # it is rarely looked at, and the window is to be there soon
    from mulberry.desktop.diagnosis_dialog import DiagnosisDialog
    from mulberry.model.diagnosis import Diagnosis, DiagnosisWish

COPIED = tr("Copied.")
WITHOUT_AGENT = tr("In a terminal, `mulberry diagnose` makes one without the agent.")


class DiagnosisFeed(QObject):
    def __init__(self, connection: Connection, screen: MainWindow, theme: Theme) -> None:
        super().__init__(screen)
        self._connection = connection
        self._screen = screen
        self._theme = theme
        self.dialog: DiagnosisDialog | None = None
        self.files: QFileDialog | None = None
        screen.help_asked.connect(self.open)
        connection.diagnosed.connect(self._diagnosed)
        connection.not_diagnosed.connect(self._not_diagnosed)

    def open(self) -> None:
        """Once; then it comes forward."""
        from mulberry.desktop.diagnosis_dialog import DiagnosisDialog

        if self.dialog is None:
            dialog = DiagnosisDialog(self._screen, self._theme)
            dialog.wanted.connect(self._connection.diagnose)
            dialog.save_wanted.connect(self._choose_file)
            dialog.copy_wanted.connect(self._copy)
            dialog.finished.connect(self._closed)
            self.dialog = dialog
            dialog.ask()
        self.dialog.open()
        self.dialog.raise_()

    def _closed(self) -> None:
        self.dialog = None

    def _diagnosed(self, wish: "DiagnosisWish", diagnosis: "Diagnosis") -> None:
        if self.dialog is not None:
            self.dialog.show_diagnosis(wish, diagnosis)

    def _not_diagnosed(self, problem: UserFacingError) -> None:
        if self.dialog is not None:
            self.dialog.show_problem(UserFacingError(problem.what, problem.why, WITHOUT_AGENT))

    def _choose_file(self, diagnosis: "Diagnosis") -> None:
        if self.files is not None or self.dialog is None:
            return
        files = QFileDialog(self.dialog, tr("Save the diagnosis"))
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.setNameFilter(tr("ZIP file (*.zip)"))
        files.setDefaultSuffix("zip")
        files.setOption(QFileDialog.Option.DontConfirmOverwrite)  # nothing is ever overwritten
        files.selectFile(diagnosis.file_name)
        files.fileSelected.connect(partial(self._save_text, diagnosis))
        files.finished.connect(self._chosen)
        self.files = files
        files.open()

    def _chosen(self) -> None:
        if self.files is not None:
            self.files.deleteLater()
            self.files = None

    def _save_text(self, diagnosis: "Diagnosis", path: str) -> None:
        self.save_to(diagnosis, Path(path))

    def save_to(self, diagnosis: "Diagnosis", path: Path) -> None:
        """Into a new file; the dialog says how that went."""
        from mulberry.client.diagnosis_file import save  # importing it takes longer than painting the window

        if self.dialog is None:
            return
        try:
            save(diagnosis, path)
        except UserFacingError as problem:
            self.dialog.show_problem(problem)
        else:
            self.dialog.say(tr("Saved: {path}. Hand it to whoever helps you.", path=path))

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        if self.dialog is not None:
            self.dialog.say(COPIED)
