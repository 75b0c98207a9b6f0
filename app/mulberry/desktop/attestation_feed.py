"""What happens on the Attestation page when: the agent is asked, a file is chosen and written, a summary copied."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from mulberry.desktop import attestation_wording
from mulberry.desktop.attestation_page import AttestationPage
from mulberry.desktop.connection import Connection
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.proof import Envelope

FILE_NAME = "mulberry-attestation.json"


class AttestationFeed(QObject):
    def __init__(self, connection: Connection, page: AttestationPage) -> None:
        super().__init__(page)
        self._connection = connection
        self._page = page
        self.files: QFileDialog | None = None
        connection.attestation_read.connect(page.show_status)
        connection.attestation_not_begun.connect(page.ask_failed)
        page.wanted.connect(connection.fetch_attestation)
        page.again_wanted.connect(connection.attest_again)
        page.statement.export_wanted.connect(self._choose_file)
        page.statement.share_wanted.connect(self._copy)

    def _choose_file(self, nonce: str) -> None:
        """The dialog asks before a file is replaced."""
        if self.files is not None:
            return
        files = QFileDialog(self._page.window(), tr("Export the statement"))
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.setNameFilter(tr("Attestation (*.json)"))
        files.setDefaultSuffix("json")
        files.selectFile(FILE_NAME)

        def closed() -> None:
            self.files = None
            files.deleteLater()

        files.fileSelected.connect(lambda path: self.export_to(Path(path), nonce))
        files.finished.connect(closed)
        self.files = files
        files.open()

    def export_to(self, path: Path, nonce: str) -> None:
        """Has a statement made now and writes it into `path`."""
        self._connection.make_envelope(nonce, self._writing(path))

    def _writing(self, path: Path) -> Callable[[Envelope], None]:
        def write(envelope: Envelope) -> None:
            try:
                path.write_text(envelope.content, encoding="utf-8")
            except OSError as problem:
                self._connection.failed.emit(
                    UserFacingError(
                        tr("The statement was not written."),
                        tr("{path} cannot be written: {reason}.", path=path, reason=problem.strerror or problem),
                        tr("Choose another place."),
                    )
                )

        return write

    def _copy(self) -> None:
        if self._page.status is not None:
            QGuiApplication.clipboard().setText(attestation_wording.share_text(self._page.status))
