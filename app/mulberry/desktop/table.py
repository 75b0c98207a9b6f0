"""A table of rows that only come when they are looked at: how it looks, fills its width and is copied."""

from collections.abc import Callable, Collection, Mapping

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QSize, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from mulberry.desktop.theme import Theme

HEADINGS_HEIGHT = 28
CELL_PADDING = 12
CELL_SQUEEZED = 4  # at most, where what does not fit can be scrolled to
ROWS_COPIED_AT_MOST = 1000


class Table(QTableView):
    """`longest` names the columns that are shown, each with a text that must fit; the rest of the width is shared out.

    `copied` gives the text of a row and column as a spreadsheet should get it.
    """

    def __init__(
        self,
        theme: Theme,
        model: QAbstractTableModel,
        longest: Mapping[int, str],
        copied: Callable[[int, int], str],
    ) -> None:
        super().__init__()
        self._theme = theme
        self._longest = longest
        self._copied = copied
        self.setHorizontalHeader(_Headings(theme.px(HEADINGS_HEIGHT)))
        self.setModel(model)
        for column in range(model.columnCount()):
            self.setColumnHidden(column, column not in longest)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.row_height)
        columns = self.horizontalHeader()
        columns.setSectionsClickable(True)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setHighlightSections(False)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setFixedHeight(theme.px(HEADINGS_HEIGHT))
        model.rowsInserted.connect(self._stay)

    @property
    def row_height(self) -> int:
        return self._theme.px(25)

    def _stay(self, parent: QModelIndex, first: int, last: int) -> None:
        del parent
        bar = self.verticalScrollBar()
        if first == 0 and bar.value() > 0:
            self.updateGeometries()  # the bar's new range first, or it would cut the new value
            bar.setValue(bar.value() + (last + 1) * self.row_height)

    def copied_text(self) -> str:
        """The selected rows with their headings, tab-separated, as a spreadsheet takes them."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})[:ROWS_COPIED_AT_MOST]
        columns = [column for column in self._longest if not self.isColumnHidden(column)]
        lines = ["\t".join(self._heading(column) for column in columns)]
        lines += ["\t".join(self._copied(row, column) for column in columns) for row in rows]
        return "\n".join(lines) + "\n"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.copied_text())
        elif event.key() == Qt.Key.Key_Escape:
            self.selectionModel().select(QModelIndex(), QItemSelectionModel.SelectionFlag.Clear)
        else:
            super().keyPressEvent(event)

    def show_columns(self, columns: Collection[int]) -> None:
        """Of those that have a place here."""
        for column in self._longest:
            self.setColumnHidden(column, column not in columns)
        self._share_width()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        metrics = QFontMetrics(self._theme.font(13))
        wanted = {
            column: max(metrics.horizontalAdvance(part) for part in (text, self._heading(column)))
            for column, text in self._longest.items()
            if not self.isColumnHidden(column)
        }
        room, used = self.viewport().width(), sum(wanted.values()) + CELL_PADDING * len(wanted)
        share = (room - used) // max(1, len(wanted))
        if self.horizontalScrollBarPolicy() is not Qt.ScrollBarPolicy.ScrollBarAlwaysOff:
            share = max(share, -CELL_SQUEEZED)
        for column, width in wanted.items():
            self.setColumnWidth(column, max(1, width + CELL_PADDING + share))

    def _heading(self, column: int) -> str:
        return str(self.model().headerData(column, Qt.Orientation.Horizontal))


class _Headings(QHeaderView):
    """Of a known height. Else Qt asks for all words of all columns each time that anything around them is laid out:
    thousands of calls before the first frame."""

    def __init__(self, height: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._height = height

    def sizeHint(self) -> QSize:
        return QSize(0, self._height)
