"""The jobs that answer a question, as a table that holds a few pages of them. What it found stays where it is: jobs
that come later are not in it, and a new question begins from the top.

The first page is shown as soon as the agent has it; how many rows there are is known when it has searched everything.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QModelIndex, QObject, Signal

from mulberry.desktop.jobs_columns import HEADINGS, NOT_HERE_YET, cell_text, cell_tip
from mulberry.desktop.page_wishes import PageWishes
from mulberry.desktop.text_table import AnyIndex, TextTable
from mulberry.model.jobs import Job
from mulberry.model.jobs_question import JobsFound, JobsQuestion, JobsWish

PAGE_JOBS = 200
PAGES_KEPT = 8


class FoundJobs(TextTable):
    """Emits `wanted` for what it lacks; `put` or `not_found` answers it. `told`: more is known of it now."""

    wanted = Signal(object)  # JobsWish
    told = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(HEADINGS, parent)
        self.question: JobsQuestion | None = None
        self.total: int | None = None  # None: not known yet
        self.problem = ""  # why nothing was found
        self._rows = 0
        self._pages: OrderedDict[int, tuple[Job, ...]] = OrderedDict()  # least recently read first
        self._wishes = PageWishes(self)
        self._wishes.due.connect(lambda page: self._ask(page, is_whole=True))
        self._proxy_names: Mapping[str, str] = {}
        self._now: datetime | None = None

    # What the table shows

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else self._rows

    def text(self, row: int, column: int) -> str:
        job = self.job(row)
        return NOT_HERE_YET if job is None else cell_text(job, column, self._now, self._proxy_names)

    def tool_tip(self, row: int, column: int) -> str:
        job = self.job(row)
        return cell_tip(job, column) if job is not None else ""

    def job(self, row: int) -> Job | None:
        """The job in `row`; None, and its page is asked for, when it is not here."""
        number, place = divmod(row, PAGE_JOBS)
        page = self._pages.get(number)
        if page is None:
            self._wishes.want(number)
            return None
        self._pages.move_to_end(number)
        return page[place] if place < len(page) else None

    @property
    def is_searching(self) -> bool:
        return self.question is not None and self.total is None and not self.problem

    @property
    def jobs_kept(self) -> int:
        return sum(map(len, self._pages.values()))

    # What is learnt

    def search(self, question: JobsQuestion | None) -> None:
        """Forgets what it found and looks for something else; None: for nothing."""
        self.beginResetModel()
        self.question, self.total, self.problem, self._rows = question, None, "", 0
        self._pages.clear()
        self._wishes.forget()
        self.endResetModel()
        if question is not None:
            self._ask(0, is_whole=False)
        self.told.emit()

    def set_context(self, now: datetime, proxy_names: Mapping[str, str]) -> None:
        """The present moment, and the names of the proxies by their keys."""
        self._now, self._proxy_names = now, proxy_names

    def put(self, wish: JobsWish, found: JobsFound) -> None:
        """The agent's answer to `wish`; one to an older question is nobody's any more."""
        if wish.question != self.question:
            return
        number = wish.offset // PAGE_JOBS
        self._wishes.answered(number)
        total = found.total
        if total is None and len(found.jobs) < wish.limit:
            total = len(found.jobs)  # that was all
        elif total is None:
            self._ask(0, is_whole=True)
        self.total = self.total if total is None else total
        self._grow(len(found.jobs) if self.total is None else self.total)
        self._pages[number] = found.jobs
        self._pages.move_to_end(number)
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        last = min(wish.offset + PAGE_JOBS, self._rows) - 1
        if wish.offset <= last:
            self.dataChanged.emit(self.index(wish.offset, 0), self.index(last, self.columnCount() - 1))
        self.told.emit()

    def not_found(self, wish: JobsWish, why: str) -> None:
        """The agent did not answer; where nothing is shown yet, `why` is."""
        if wish.question != self.question:
            return
        self._wishes.not_answered(wish.offset // PAGE_JOBS)
        if self.total is None:
            self.problem = why
            self.told.emit()

    def add(self, jobs: Iterable[Job]) -> None:
        """Newly confirmed jobs take the place of what was known of them; they stay in their rows."""
        by_number = {job.number: job for job in jobs}
        for number, page in self._pages.items():
            places = [place for place, job in enumerate(page) if job.number in by_number]
            if places:
                self._pages[number] = tuple(by_number.get(job.number, job) for job in page)
            for place in places:
                row = number * PAGE_JOBS + place
                self.dataChanged.emit(self.index(row, 0), self.index(row, self.columnCount() - 1))

    def again(self) -> None:
        """Asks the same once more, after it was not answered or may have changed unheard."""
        if self.question is not None:
            self.search(replace(self.question))

    def _grow(self, rows: int) -> None:
        if rows > self._rows:
            self.beginInsertRows(QModelIndex(), self._rows, rows - 1)
            self._rows = rows
            self.endInsertRows()

    def _ask(self, page: int, *, is_whole: bool) -> None:
        if self.question is not None:
            self.wanted.emit(JobsWish(self.question, page * PAGE_JOBS, PAGE_JOBS, is_whole))
