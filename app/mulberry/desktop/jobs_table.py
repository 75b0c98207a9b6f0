"""The table of jobs, as the Jobs page and the Home page show it."""

from typing import Protocol

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPalette, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from mulberry.desktop.found_jobs import FoundJobs
from mulberry.desktop.jobs_columns import LONGEST_USUAL, USUAL, Column
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.table import Table
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.language import tr


class JobRows(Protocol):
    """A model whose rows are jobs; one is None until it is here."""

    def job(self, row: int) -> Job | None: ...


class _Cell(QStyledItemDelegate):
    """Times are quiet, failures are not."""

    def __init__(self, theme: Theme, model: JobRows, parent: QWidget) -> None:
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

    def __init__(self, theme: Theme, model: JobsModel | FoundJobs, hidden: tuple[Column, ...] = ()) -> None:
        super().__init__(theme, model, LONGEST_USUAL, model.text)
        self.show_columns([column for column in USUAL if column not in hidden])
        self.setItemDelegate(_Cell(theme, model, self))
        self.setAccessibleName(tr("Jobs, newest first"))


class NewestJobs(JobsTable):
    """The first few rows, standing still: no focus, no scrolling, no selection."""

    def __init__(self, theme: Theme, model: JobsModel, rows: int) -> None:
        super().__init__(theme, model, hidden=(Column.OUTCOME,))
        self.setAccessibleName(tr("The newest jobs"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(self.horizontalHeader().height() + rows * self.row_height)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the page scrolls, not the table in it
