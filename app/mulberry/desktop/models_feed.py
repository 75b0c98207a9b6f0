"""What happens on the Models page when: folders are chosen, questions asked, the agent told. One dialog at a time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop import models_wording
from mulberry.desktop.cards import Text
from mulberry.desktop.connection import Connection
from mulberry.desktop.models_page import ModelsPage
from mulberry.desktop.models_wording import GIGABYTE
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.models import ModelOrder, ModelVerb, StoredModel, StoreStatus

NEW_FOLDER = "mulberry-models"  # within a folder that has other things in it
LARGEST_GIGABYTES = 100_000.0


class ModelsFeed(QObject):
    def __init__(self, connection: Connection, page: ModelsPage, theme: Theme) -> None:
        super().__init__(page)
        self._connection = connection
        self._page = page
        self._theme = theme
        self.dialog: QDialog | None = None
        connection.models_read.connect(page.show_models)
        page.wanted.connect(connection.fetch_models)
        page.asked.connect(connection.order_models)
        page.removal_asked.connect(self._ask_to_remove)
        page.import_card.folder_wanted.connect(
            partial(self._choose_folder, tr("Import a model's folder"), self.import_from)
        )
        page.room.move_wanted.connect(partial(self._choose_folder, tr("Move all models to"), self.ask_to_move))
        page.room.limit_wanted.connect(self._ask_for_limit)

    def import_from(self, folder: str) -> None:
        self._connection.order_models(ModelOrder(ModelVerb.IMPORT, folder))

    def ask_to_move(self, chosen: str) -> None:
        """To the chosen folder, or to a new one in it where other things lie there."""
        store = self._store
        if store is None:
            return
        folder = Path(chosen)
        target = folder if _is_empty(folder) else folder / NEW_FOLDER
        text, more = models_wording.move_question(store, str(target))
        self._ask(text, more, tr("Move"), ModelOrder(ModelVerb.MOVE, str(target)))

    @property
    def _store(self) -> StoreStatus | None:
        return self._page.status.store if self._page.status is not None else None

    def _ask_to_remove(self, model: StoredModel) -> None:
        text, more = models_wording.remove_question(model)
        self._ask(text, more, tr("Remove"), ModelOrder(ModelVerb.REMOVE, model.entry))

    def _ask(self, text: str, more: str, button: str, order: ModelOrder) -> None:
        question = QMessageBox(self._page.window())
        question.setWindowTitle("Mulberry")
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setText(text)
        question.setInformativeText(more)
        do = question.addButton(button, QMessageBox.ButtonRole.AcceptRole)
        cancel = question.addButton(QMessageBox.StandardButton.Cancel)
        cancel.setText(tr("Cancel"))
        question.setDefaultButton(cancel)

        def answered() -> None:
            if question.clickedButton() is do:
                self._connection.order_models(order)

        question.finished.connect(answered)
        self._open(question)

    def _choose_folder(self, title: str, use: Callable[[str], None]) -> None:
        files = QFileDialog(self._page.window(), title)
        files.setFileMode(QFileDialog.FileMode.Directory)
        files.setOption(QFileDialog.Option.ShowDirsOnly)
        files.fileSelected.connect(use, Qt.ConnectionType.QueuedConnection)  # when this dialog has gone
        self._open(files)

    def _ask_for_limit(self) -> None:
        if self._store is None:
            return
        dialog = LimitDialog(self._page.window(), self._theme, self._store.quota_bytes)
        dialog.said.connect(lambda limit: self._connection.order_models(ModelOrder(ModelVerb.LIMIT, limit_bytes=limit)))
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        """Unless another one is open."""
        if self.dialog is not None:
            dialog.deleteLater()
            return

        def closed() -> None:
            self.dialog = None
            dialog.deleteLater()

        dialog.finished.connect(closed)
        self.dialog = dialog
        dialog.open()


class LimitDialog(QDialog):
    """How much room models may take, or as much as the disk has."""

    said = Signal(object)  # bytes, or None

    def __init__(self, parent: QWidget, theme: Theme, limit_bytes: int | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Room for models"))
        self.setMinimumWidth(theme.px(420))
        self.is_limited = QCheckBox(tr("Limit the room that models may take"))
        self.is_limited.setChecked(limit_bytes is not None)
        self.gigabytes = QDoubleSpinBox()
        self.gigabytes.setRange(0.0, LARGEST_GIGABYTES)
        self.gigabytes.setDecimals(1)
        self.gigabytes.setSuffix(" GB")
        self.gigabytes.setAccessibleName(tr("Limit in gigabytes"))
        self.gigabytes.setValue(50.0 if limit_bytes is None else limit_bytes / GIGABYTE)
        self.gigabytes.setEnabled(self.is_limited.isChecked())
        self.is_limited.toggled.connect(self.gigabytes.setEnabled)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Save).setText(tr("Save"))
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(tr("Cancel"))
        buttons.accepted.connect(self._say)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(Text(tr("Room for models"), "card-title"))
        column.addWidget(Text(tr("It holds for imports. Nothing that is here is removed."), "value", wraps=True))
        for widget in (self.is_limited, self.gigabytes, buttons):
            column.addWidget(widget)

    def _say(self) -> None:
        self.said.emit(round(self.gigabytes.value() * GIGABYTE) if self.is_limited.isChecked() else None)
        self.accept()


def _is_empty(folder: Path) -> bool:
    try:
        return next(folder.iterdir(), None) is None
    except OSError:  # not there yet, or not readable: the agent says which
        return True
