"""What a table of texts under headings needs besides its rows."""

from collections.abc import Mapping
from html import escape

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

AnyIndex = QModelIndex | QPersistentModelIndex


class TextTable(QAbstractTableModel):
    """A child says how many rows there are, and the text and the tool tip of each cell; "" where there is none."""

    def __init__(self, headings: Mapping[int, str], parent: QObject | None) -> None:
        super().__init__(parent)
        self._headings = headings

    def text(self, row: int, column: int) -> str:
        raise NotImplementedError

    def tool_tip(self, row: int, column: int) -> str:
        raise NotImplementedError

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section]
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            text = self.tool_tip(index.row(), index.column())
            return f"<p>{escape(text)}</p>" if text else None  # without the mark-up a long one would be one line
        return None

    def all_changed(self) -> None:
        """Every cell may say something else now."""
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))
