"""The table of jobs, as the Jobs page and the Home page show it."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPalette, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from mulberry.desktop.jobs_model import Column, JobsModel
from mulberry.desktop.table import Table
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import JobOutcome

LONGEST_USUAL = {
    Column.TIME: "22 Nov 22:22",
    Column.MODEL: "tiny-lm",
    Column.TOKENS: "1,000 + 1,000",
    Column.LATENCY: "2,000 ms",
    Column.EARNED: "0.00000888 TON",
    Column.OUTCOME: "cancelled",
    Column.PROXY: "demo proxy 1 · TEST",
}


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


class JobsTable(Table):
    """Newest first. Stays where the reader is while new jobs arrive above; follows them at the very top."""

    def __init__(self, theme: Theme, model: JobsModel, hidden: tuple[Column, ...] = ()) -> None:
        longest: dict[int, str] = {column: text for column, text in LONGEST_USUAL.items() if column not in hidden}
        super().__init__(theme, model, longest, model.text)
        self.setItemDelegate(_Cell(theme, model, self))
        self.setAccessibleName("Jobs, newest first")


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
