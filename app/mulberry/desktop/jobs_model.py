"""The jobs as a table of any length that holds only a few pages of them.

Row 0 is the newest job, so row r is job number `total - r`. Pages are aligned to job numbers, which never change, so a
page stays right while new jobs arrive above it. A cell of a job that is not here yet shows "…" and asks for its page.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

from PySide6.QtCore import QModelIndex, QObject, Signal

from mulberry.desktop.jobs_columns import HEADINGS, NOT_HERE_YET, cell_text, cell_tip
from mulberry.desktop.page_wishes import PageWishes
from mulberry.desktop.text_table import AnyIndex, TextTable
from mulberry.model.jobs import Job

PAGE_JOBS = 200
PAGES_KEPT = 8


class JobsModel(TextTable):
    """Newest job first. Emits `wanted` for what it lacks; `put` or `not_available` answers it."""

    wanted = Signal(int, int)  # first and last job number, both included

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(HEADINGS, parent)
        self._total = 0
        self._pages: OrderedDict[int, dict[int, Job | None]] = OrderedDict()  # least recently read first
        self._wishes = PageWishes(self)
        self._wishes.due.connect(self._ask)
        self._proxy_names: Mapping[str, str] = {}
        self._now: datetime | None = None

    # What the table shows

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else self._total

    def tool_tip(self, row: int, column: int) -> str:
        job = self.job(row)
        return cell_tip(job, column) if job is not None else ""

    def text(self, row: int, column: int) -> str:
        job = self.job(row)
        return NOT_HERE_YET if job is None else cell_text(job, column, self._now, self._proxy_names)

    def job(self, row: int) -> Job | None:
        """The job in `row`; None, and its page is asked for, when it is not here."""
        number = self._total - row
        page = self._pages.get(_page_of(number))
        if page is None or number not in page:
            self._wishes.want(_page_of(number))
            return None
        self._pages.move_to_end(_page_of(number))
        return page[number]

    @property
    def names(self) -> Mapping[str, str]:
        """The proxies' names by their keys."""
        return self._proxy_names

    @property
    def jobs_kept(self) -> int:
        return sum(map(len, self._pages.values()))

    # What is learnt from the agent

    def set_total(self, total: int) -> None:
        """The number of the newest job. A smaller one than before means another ledger: everything is forgotten."""
        if total < self._total:
            self.beginResetModel()
            self._pages.clear()
            self._total = total
            self.endResetModel()
        elif total > self._total:
            self.beginInsertRows(QModelIndex(), 0, total - self._total - 1)
            self._total = total
            self.endInsertRows()

    def set_context(self, now: datetime, proxy_names: Mapping[str, str]) -> None:
        """What rows need beside the job: the present moment, and the names of the proxies by their keys."""
        named_anew = proxy_names != self._proxy_names
        self._now, self._proxy_names = now, proxy_names
        if named_anew:
            self.all_changed()

    def put(self, first: int, last: int, jobs: Iterable[Job]) -> None:
        """The agent's answer for `first` to `last`. Numbers that it left out are not asked for again."""
        page = self._pages.setdefault(_page_of(first), {})
        page.update((number, None) for number in range(first, last + 1) if number not in page)
        page.update((job.number, job) for job in jobs if first <= job.number <= last)
        self._answered(first)
        self._changed(first, last)

    def add(self, jobs: Iterable[Job]) -> None:
        """New jobs and newly confirmed ones, as events bring them."""
        for job in jobs:
            self._pages.setdefault(_page_of(job.number), {})[job.number] = job
            self._changed(job.number, job.number)
        self._drop_oldest()

    def not_available(self, first: int, last: int) -> None:
        """The agent did not answer for `first` to `last`; they are asked for when they are next looked at."""
        del last
        self._wishes.not_answered(_page_of(first))

    def forget(self) -> None:
        """Drops what is here, because it may have changed unheard; the rows in view are asked for again."""
        self._pages.clear()
        self._wishes.forget()
        self.all_changed()

    def _ask(self, page: int) -> None:
        first = page * PAGE_JOBS + 1
        self.wanted.emit(first, min(first + PAGE_JOBS - 1, self._total))

    def _answered(self, first: int) -> None:
        self._pages.move_to_end(_page_of(first))
        self._drop_oldest()
        self._wishes.answered(_page_of(first))

    def _drop_oldest(self) -> None:
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)

    def _changed(self, first: int, last: int) -> None:
        top, bottom = max(0, self._total - last), min(self._total, self._total - first + 1) - 1
        if top <= bottom:
            self.dataChanged.emit(self.index(top, 0), self.index(bottom, self.columnCount() - 1))


def _page_of(number: int) -> int:
    return (number - 1) // PAGE_JOBS
