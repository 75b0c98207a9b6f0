"""What happens when an owner does something with the key: the file is chosen, the passphrase asked for, the agent told.

One thing at a time. A dialog stays open until the agent has done what was asked, so that a mistyped passphrase costs
nothing but typing it again.
"""

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from mulberry.desktop import key_wording
from mulberry.desktop.connection import Connection
from mulberry.desktop.key_card import KeyCard
from mulberry.desktop.key_dialog import PassphraseDialog
from mulberry.desktop.key_jobs import KeyJob
from mulberry.desktop.key_wording import KeyVerb
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.key import KeyState

FILE_NAME = "mulberry-node-key.json"


class KeyFeed(QObject):
    def __init__(self, connection: Connection, card: KeyCard, theme: Theme) -> None:
        super().__init__(card)
        self._connection = connection
        self._card = card
        self._theme = theme
        self.files: QFileDialog | None = None
        self.dialog: PassphraseDialog | None = None
        card.asked.connect(self._begin)
        connection.key_answered.connect(self._answered)
        connection.key_refused.connect(self._refused)

    def _begin(self, verb: KeyVerb) -> None:
        if self.files is not None or self.dialog is not None:
            return
        if verb in (KeyVerb.UNLOCK, KeyVerb.PROTECT):
            self.ask(verb)
        else:
            self._choose_file(verb)

    def _choose_file(self, verb: KeyVerb) -> None:
        files = QFileDialog(self._card.window(), key_wording.question_about(verb, None).title)
        if verb is KeyVerb.BACK_UP:
            files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            files.setOption(QFileDialog.Option.DontConfirmOverwrite)  # no backup is ever overwritten
            files.selectFile(FILE_NAME)
        else:
            files.setFileMode(QFileDialog.FileMode.ExistingFile)

        def chosen(path: str) -> None:
            self.ask(verb, Path(path))

        def closed() -> None:
            self.files = None
            files.deleteLater()

        files.fileSelected.connect(chosen)
        files.finished.connect(closed)
        self.files = files
        files.open()

    def ask(self, verb: KeyVerb, path: Path = Path()) -> None:
        """For the passphrase; then the agent does it."""
        may_replace = verb is KeyVerb.RESTORE and self._card.key.state is not KeyState.UNREAD
        question = key_wording.question_about(verb, path)
        dialog = PassphraseDialog(self._card.window(), self._theme, question, may_replace=may_replace)

        def said(passphrase: str, replace: bool) -> None:
            self._connection.do_with_key(KeyJob(verb, passphrase, path, replace))

        def closed() -> None:
            self.dialog = None

        dialog.said.connect(said)
        dialog.finished.connect(closed)
        self.dialog = dialog
        dialog.open()

    def _answered(self, words: str) -> None:
        if self.dialog is None:  # closed meanwhile; the page shows the rest
            return
        if words:
            self.dialog.told(words)
        else:
            self.dialog.accept()

    def _refused(self, problem: UserFacingError) -> None:
        if self.dialog is not None:
            self.dialog.refused(problem)
        else:
            self._connection.failed.emit(problem)
