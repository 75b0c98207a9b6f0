"""What happens on the Jobs page when: rows, choices and details are asked for, and jobs are saved."""

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.export import CSV, ask_where
from mulberry.desktop.job_dialog import JobDialog
from mulberry.desktop.jobs import JobsPage
from mulberry.desktop.jobs_export import ExportDialog, JobsExport
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.theme import Theme
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job
from mulberry.model.jobs_question import JobDetails, JobsChoices, JobsFound, JobsWish
from mulberry.model.language import tr


class JobsFeed(QObject):
    def __init__(self, connection: Connection, page: JobsPage, jobs: JobsModel, theme: Theme, clock: Clock) -> None:
        super().__init__(page)
        self._connection = connection
        self._page = page
        self._jobs = jobs
        self._theme = theme
        self._clock = clock
        self._link = Link.STARTING
        self.details: JobDialog | None = None
        self.files: QFileDialog | None = None
        self.saving: ExportDialog | None = None
        page.choices_wanted.connect(self._ask_for_choices)
        page.details_wanted.connect(self._open)
        page.export_wanted.connect(self._ask_where)
        page.found_jobs.wanted.connect(self._find)
        connection.jobs_booked.connect(page.found_jobs.add)
        connection.viewed.connect(self._viewed)
        self._viewed(connection.view)

    def _viewed(self, view: View) -> None:
        if view.status is not None and not view.is_stale:
            self._page.found_jobs.set_context(view.status.as_of, self._jobs.names)
        if self._link is Link.SILENT and view.link is Link.ANSWERS:
            self._page.found_jobs.again()
        self._link = view.link

    def _find(self, wish: JobsWish) -> None:
        found = self._page.found_jobs

        def use(answer: JobsFound) -> None:
            found.put(wish, answer)

        def refused(problem: UserFacingError) -> None:
            found.not_found(wish, f"{problem.what} {problem.next_step}")

        if not self._connection.ask(lambda agent: agent.find_jobs(wish), use, refused):
            found.not_found(wish, tr("The agent does not answer."))

    def _ask_for_choices(self) -> None:
        def use(choices: JobsChoices) -> None:
            self._page.filter.offer(choices, self._jobs.names)

        self._connection.ask(lambda agent: agent.job_choices(), use, _keep_what_is_offered)

    def _open(self, job: Job) -> None:
        self.details = dialog = JobDialog(self._page.window(), self._theme, job, self._jobs.names)
        dialog.destroyed.connect(self._closed)
        dialog.open()

        def use(details: JobDetails) -> None:
            if self.details is dialog:
                dialog.show_details(details)

        def refused(problem: UserFacingError) -> None:
            if self.details is dialog:
                dialog.not_read(job, problem)

        self._connection.ask(lambda agent: agent.job_details(job.number), use, refused)

    def _closed(self) -> None:
        self.details = None

    def _ask_where(self) -> None:
        name = f"mulberry-jobs-{self._clock.now().astimezone():%Y-%m-%d}.csv"
        self.files = ask_where(self._page.window(), tr("Save jobs"), name, CSV, self._save)

    def _save(self, path: Path) -> None:
        export = JobsExport(self._page.question, self._jobs.rowCount(), path)
        self.saving = ExportDialog(self._page.window(), self._theme, export, path)
        self.saving.open()
        self._connection.ask(export.run, lambda _: None, lambda _: None)


def _keep_what_is_offered(problem: UserFacingError) -> None:
    """The lists stay as they are; that the agent does not answer is said elsewhere."""
    del problem
