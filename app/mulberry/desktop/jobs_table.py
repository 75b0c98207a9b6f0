"""The table of jobs, as the Jobs page and the Home page show it."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPalette,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from mulberry.desktop.jobs_model import HEADINGS, Column, JobsModel
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import JobOutcome

LONGEST_USUAL = {  # what must fit; the rest of the width is shared out
    Column.TIME: "22 Nov 22:22",
    Column.MODEL: "tiny-lm",
    Column.TOKENS: "1,000 + 1,000",
    Column.LATENCY: "2,000 ms",
    Column.EARNED: "0.00000888 TON",
    Column.OUTCOME: "cancelled",
    Column.PROXY: "demo proxy 1 · TEST",
}
CELL_PADDING = 12
ROWS_COPIED_AT_MOST = 1000


class _Cell(QStyledItemDelegate):
    """Times are quiet, failures are not."""

    def __init__(self, theme: Theme, model: JobsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        colours = self._theme.colours
        colour = colours.muted if index.column() == Column.TIME else colours.text
        if index.column() == Column.OUTCOME:
            job = self._model.job(index.row())
            if job is not None and job.outcome is JobOutcome.FAILED:
                colour = colours.bad
        palette: QPalette = option.palette
        palette.setColor(QPalette.ColorRole.Text, QColor(colour))
        palette.setColor(QPalette.ColorRole.HighlightedText, QColor(colour))


class JobsTable(QTableView):
    """Newest first. Stays where the reader is while new jobs arrive above; follows them at the very top."""

    def __init__(self, theme: Theme, model: JobsModel, hidden: tuple[Column, ...] = ()) -> None:
        super().__init__()
        self._theme = theme
        self._jobs = model
        self._shown = [column for column in Column if column not in hidden]
        self.setModel(model)
        self.setItemDelegate(_Cell(theme, model, self))
        self.setAccessibleName("Jobs, newest first")
        for column in hidden:
            self.setColumnHidden(column, True)
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
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setHighlightSections(False)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setFixedHeight(theme.px(28))
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
        lines = ["\t".join(HEADINGS[column] for column in self._shown)]
        lines += ["\t".join(self._jobs.text(row, column) for column in self._shown) for row in rows]
        return "\n".join(lines) + "\n"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.copied_text())
        elif event.key() == Qt.Key.Key_Escape:
            self.selectionModel().select(QModelIndex(), QItemSelectionModel.SelectionFlag.Clear)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        metrics = QFontMetrics(self._theme.font(13))
        wanted = {
            column: max(metrics.horizontalAdvance(text) for text in (LONGEST_USUAL[column], HEADINGS[column]))
            for column in self._shown
        }
        room, used = self.viewport().width(), sum(wanted.values()) + CELL_PADDING * len(wanted)
        for column, width in wanted.items():
            self.setColumnWidth(column, max(1, width + CELL_PADDING + (room - used) // len(wanted)))


class NewestJobs(JobsTable):
    """The first few rows, standing still: no focus, no scrolling, no selection."""

    def __init__(self, theme: Theme, model: JobsModel, rows: int) -> None:
        super().__init__(theme, model, hidden=(Column.OUTCOME,))
        self.setAccessibleName("The newest jobs")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(self.horizontalHeader().height() + rows * self.row_height)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the page scrolls, not the table in it
