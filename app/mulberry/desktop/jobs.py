"""The Jobs page: every job this computer ever did, newest first; or those that are looked for, in any order.

Without conditions, in the order of time, the table grows at its top as jobs come. What was looked for stands still.
"""

from collections.abc import Collection
from dataclasses import replace

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from mulberry.desktop import wording
from mulberry.desktop.cards import Card, Text, in_reading_order, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.found_jobs import FoundJobs
from mulberry.desktop.jobs_columns import HEADINGS, OF_WORDS, ORDERS, USUAL, Column
from mulberry.desktop.jobs_filter import JobsFilter
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.jobs_table import JobsTable
from mulberry.desktop.theme import Theme
from mulberry.model.clock import Clock
from mulberry.model.jobs import Job
from mulberry.model.jobs_question import JobsQuestion
from mulberry.model.language import number, tr, tr_count

NOTHING_FOUND = tr("No job is like that. Choose less, or show all.")
SEARCHING = tr("Searching…")


class JobsPage(QWidget):
    choices_wanted = Signal()
    details_wanted = Signal(object)  # Job
    export_wanted = Signal()
    columns_chosen = Signal(list)  # of Column

    def __init__(self, theme: Theme, clock: Clock, jobs: JobsModel) -> None:
        super().__init__()
        self._clock = clock
        self._jobs = jobs
        self._order, self._is_descending = Column.TIME, True
        self._stale_since = ""
        self.found_jobs = FoundJobs(self)
        self.count = Text("", "source")
        self.empty = Text(wording.NO_JOBS, "source", wraps=True)
        self.filter = JobsFilter()
        self.table = _table(theme, jobs)
        self.found = _table(theme, self.found_jobs)
        self.tables = QStackedWidget()
        self.tables.addWidget(self.table)
        self.tables.addWidget(self.found)
        self.newer = plain_button("")
        self.newer.clicked.connect(self._search)
        self.newest = plain_button(tr("Go to the top"))
        self.newest.clicked.connect(lambda: self.shown.scrollToTop())
        self.sort = _menu_button(tr("Sort by"))
        self.columns = _menu_button(tr("Columns"))
        self.export = plain_button(tr("Save as CSV…"))
        self.export.setAccessibleName(tr("Save the jobs that are shown as CSV"))
        self.export.clicked.connect(self.export_wanted)
        self._fill_menus()
        self._lay_out()
        self.filter.changed.connect(self._search)
        self.found_jobs.told.connect(self._count)
        for table in (self.table, self.found):
            table.activated.connect(self._open)
            table.verticalScrollBar().valueChanged.connect(lambda: self._show_way_up())
            table.horizontalHeader().sectionClicked.connect(self._sort_by_heading)
        for signal in (jobs.rowsInserted, jobs.modelReset):
            signal.connect(self._count)
        self._count()
        self._mark_order()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Jobs"), "page-title"))
        head.addSpacing(12)
        head.addWidget(self.count)
        head.addStretch()
        for button in (self.newer, self.newest, self.sort, self.columns, self.export):
            head.addWidget(button)
        self.newest.hide()
        card = Card(tr("Jobs"))
        card.column.setContentsMargins(14, 12, 8, 12)
        card.column.addWidget(self.empty)
        card.column.addWidget(self.tables, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(in_reading_order(self, 0, 0, 32, 32))
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.filter)
        column.addWidget(card, 1)

    def _fill_menus(self) -> None:
        group = QActionGroup(self)
        self.orders: dict[tuple[Column, bool], QAction] = {}
        for column in ORDERS:
            if column is Column.NUMBER:  # as by time
                continue
            for is_descending, words in ((True, tr("largest first")), (False, tr("smallest first"))):
                if column is Column.TIME:
                    words = tr("newest first") if is_descending else tr("oldest first")
                elif column in OF_WORDS:
                    words = tr("descending") if is_descending else tr("ascending")
                action = QAction(f"{HEADINGS[column]}: {words}", self.sort.menu(), checkable=True)
                action.triggered.connect(lambda _, by=column, down=is_descending: self.sort_by(by, is_descending=down))
                group.addAction(action)
                self.sort.menu().addAction(action)
                self.orders[column, is_descending] = action
        self.shown_columns: dict[Column, QAction] = {}
        for column in Column:
            action = QAction(HEADINGS[column], self.columns.menu(), checkable=True, checked=column in USUAL)
            action.toggled.connect(self._show_columns)
            self.columns.menu().addAction(action)
            self.shown_columns[column] = action

    # What is shown

    @property
    def shown(self) -> JobsTable:
        """The table in sight."""
        return self.found if self.tables.currentWidget() is self.found else self.table

    @property
    def question(self) -> JobsQuestion:
        """What the rows in sight answer, in their order."""
        if self.shown is self.found and self.found_jobs.question is not None:
            return self.found_jobs.question
        return JobsQuestion(upto=self._jobs.rowCount())

    def show_view(self, view: View) -> None:
        is_stale = view.status is not None and view.is_stale
        self._stale_since = wording.clock_time(view.status.as_of) if is_stale and view.status is not None else ""
        self._say_count()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.choices_wanted.emit()

    def sort_by(self, column: Column, *, is_descending: bool) -> None:
        self._order, self._is_descending = column, is_descending
        self._mark_order()
        self._search()

    def _sort_by_heading(self, column: int) -> None:
        """The same heading once more turns the order round."""
        by = Column(column)
        self.sort_by(by, is_descending=not self._is_descending if by is self._order else True)

    def _mark_order(self) -> None:
        way = Qt.SortOrder.DescendingOrder if self._is_descending else Qt.SortOrder.AscendingOrder
        for table in (self.table, self.found):
            table.horizontalHeader().setSortIndicator(self._order, way)
        by = Column.TIME if self._order is Column.NUMBER else self._order
        self.orders[by, self._is_descending].setChecked(True)

    def _search(self) -> None:
        question = self.filter.asked(self._clock.now())
        question = replace(question, order=ORDERS[self._order], is_descending=self._is_descending)
        if question == JobsQuestion():
            self.found_jobs.search(None)
            self.tables.setCurrentWidget(self.table)
        else:
            self.found_jobs.search(replace(question, upto=self._jobs.rowCount()))
            self.tables.setCurrentWidget(self.found)
        self._count()

    def choose_columns(self, columns: Collection[Column]) -> None:
        """As their owner left them."""
        for column, action in self.shown_columns.items():
            action.setChecked(column in columns)

    def _show_columns(self) -> None:
        chosen = [column for column, action in self.shown_columns.items() if action.isChecked()] or [Column.TIME]
        for table in (self.table, self.found):
            table.show_columns(chosen)
        self.columns_chosen.emit(chosen)

    def _open(self, index: QModelIndex) -> None:
        model = self.found_jobs if self.shown is self.found else self._jobs
        job: Job | None = model.job(index.row())
        if job is not None:
            self.details_wanted.emit(job)

    def _show_way_up(self) -> None:
        self.newest.setVisible(self.shown.verticalScrollBar().value() > 0)

    # What is said about it

    def _count(self) -> None:
        nothing = self._nothing()
        self.empty.say(nothing)
        self.empty.setVisible(bool(nothing))
        self.tables.setVisible(not nothing)
        self.export.setEnabled(not nothing)
        newer = self._newer()
        self.newer.setVisible(newer > 0)
        self.newer.setText(tr_count("Show {count} newer job", "Show {count} newer jobs", newer))
        self._show_way_up()
        self._say_count()

    def _nothing(self) -> str:
        if self.shown is self.table:
            return "" if self._jobs.rowCount() else wording.NO_JOBS
        if self.found_jobs.rowCount():
            return ""
        if self.found_jobs.is_searching:
            return SEARCHING
        return self.found_jobs.problem or NOTHING_FOUND

    def _newer(self) -> int:
        question = self.found_jobs.question
        return 0 if question is None or question.upto is None else self._jobs.rowCount() - question.upto

    def _say_count(self) -> None:
        words = self._count_text(self._jobs.rowCount())
        if self._stale_since:
            words = tr("{jobs}, as of {time}", jobs=words, time=self._stale_since)
        self.count.say(words)

    def _count_text(self, jobs: int) -> str:
        if self.shown is not self.found:
            return wording.jobs_text(jobs)
        if self.found_jobs.problem:
            return self.found_jobs.problem
        found = self.found_jobs.total
        if found is None:
            return tr_count("Searching {count} job…", "Searching {count} jobs…", jobs)
        return tr_count("{found} of {count} job", "{found} of {count} jobs", jobs, found=number(f"{found:,}"))


def _table(theme: Theme, model: JobsModel | FoundJobs) -> JobsTable:
    table = JobsTable(theme, model)
    table.setProperty("look", "jobs")
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)  # all columns are many
    heads = table.horizontalHeader()
    heads.setSectionsClickable(True)
    heads.setSortIndicatorShown(True)
    return table


def _menu_button(text: str) -> QPushButton:
    button = plain_button(text)
    button.setMenu(QMenu(button))
    return button
