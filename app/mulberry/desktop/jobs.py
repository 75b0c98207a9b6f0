"""The Jobs page: every job this computer ever did, newest first."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop import wording
from mulberry.desktop.cards import Card, Text, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.jobs_table import JobsTable
from mulberry.desktop.theme import Theme


class JobsPage(QWidget):
    def __init__(self, theme: Theme, jobs: JobsModel) -> None:
        super().__init__()
        self._jobs = jobs
        self.count = Text("", "source")
        self.empty = Text(wording.NO_JOBS, "source", wraps=True)
        self.table = JobsTable(theme, jobs)
        self.table.setProperty("look", "jobs")
        self.newest = plain_button("Go to the newest")
        self.newest.clicked.connect(self.table.scrollToTop)
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text("Jobs", "page-title"))
        head.addSpacing(12)
        head.addWidget(self.count)
        head.addStretch()
        head.addWidget(self.newest)
        card = Card("Jobs")
        card.column.setContentsMargins(14, 12, 8, 12)
        card.column.addWidget(self.empty)
        card.column.addWidget(self.table, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 32, 32)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(card, 1)
        self.newest.hide()
        self.table.verticalScrollBar().valueChanged.connect(lambda place: self.newest.setVisible(place > 0))
        for signal in (jobs.rowsInserted, jobs.modelReset):
            signal.connect(self._count)
        self._count()

    def show_view(self, view: View) -> None:
        if view.status is not None and view.is_stale:
            self.count.say(f"{self._counted()}, as of {wording.clock_time(view.status.as_of)}")
        else:
            self.count.say(self._counted())

    def _counted(self) -> str:
        return wording.count(self._jobs.rowCount(), "job")

    def _count(self) -> None:
        has_jobs = self._jobs.rowCount() > 0
        self.count.say(self._counted())
        self.table.setVisible(has_jobs)
        self.empty.setVisible(not has_jobs)
