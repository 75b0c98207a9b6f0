"""Saves the jobs that are shown as comma-separated lines: page by page, with a bar and a way to stop.

The file gets its name when all of it is written; stopped or failed, nothing is left behind.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TextIO

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from mulberry.desktop.cards import Text
from mulberry.desktop.export import say_not_saved
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job
from mulberry.model.jobs_csv import COLUMNS, csv_of_job
from mulberry.model.jobs_question import JobsFound, JobsQuestion, JobsWish
from mulberry.model.language import number, tr, tr_count

PAGE_JOBS = 500  # some milliseconds of formatting, between which the window stays alive
BAR_STEPS = 1000


class Jobs(Protocol):
    """Of the agent, what saving needs."""

    async def jobs(self, first: int, last: int) -> tuple[Job, ...]: ...

    async def find_jobs(self, wish: JobsWish) -> JobsFound: ...


class JobsExport(QObject):
    """Writes one file. `wrote`: so many of so many jobs; `ended`: the file is there, or nothing is."""

    wrote = Signal(object, object)  # int, int: more than Qt's integers hold
    ended = Signal()

    def __init__(self, question: JobsQuestion, newest: int, path: Path, parent: QObject | None = None) -> None:
        """`newest` is the number of the newest job, where `question` names none."""
        super().__init__(parent)
        upto = newest if question.upto is None else question.upto
        self._question = replace(question, upto=upto)
        self._every = self._question == JobsQuestion(upto=upto, is_descending=question.is_descending)
        self._path = path
        self._is_stopped = False
        self.problem = ""

    def stop(self) -> None:
        """Nothing more is written, and what was written is removed."""
        self._is_stopped = True

    async def run(self, agent: Jobs) -> None:
        """Never raises what the disk or the agent did wrong; `problem` says it."""
        beside = self._path.with_name(f".{self._path.name}.part")
        try:
            with beside.open("w", encoding="utf-8", newline="") as file:
                await self._write(agent, file)
            if not self._is_stopped:
                beside.replace(self._path)
        except OSError as problem:
            self.problem = f"{problem.strerror}."
        except UserFacingError as problem:
            self.problem = f"{problem.what} {problem.why}"
        finally:
            beside.unlink(missing_ok=True)
            self.ended.emit()

    async def _write(self, agent: Jobs, file: TextIO) -> None:
        file.write(",".join(COLUMNS) + "\n")
        if self._every:
            await self._write_every(agent, file)
        else:
            await self._write_found(agent, file)

    async def _write_every(self, agent: Jobs, file: TextIO) -> None:
        newest = self._question.upto or 0
        done = 0
        for first, last in self._stretches(newest):
            jobs = await agent.jobs(first, last)
            self._add(file, reversed(jobs) if self._question.is_descending else iter(jobs))
            done += last - first + 1
            self.wrote.emit(done, newest)
            if self._is_stopped:
                return

    def _stretches(self, newest: int) -> Iterator[tuple[int, int]]:
        """All numbers, in the order of the rows."""
        if self._question.is_descending:
            return ((max(1, last - PAGE_JOBS + 1), last) for last in range(newest, 0, -PAGE_JOBS))
        return ((first, min(first + PAGE_JOBS - 1, newest)) for first in range(1, newest + 1, PAGE_JOBS))

    async def _write_found(self, agent: Jobs, file: TextIO) -> None:
        done, total = 0, 1
        while done < total and not self._is_stopped:
            found = await agent.find_jobs(JobsWish(self._question, done, PAGE_JOBS))
            total = found.total or 0
            self._add(file, iter(found.jobs))
            done += PAGE_JOBS
            self.wrote.emit(min(done, total), total)

    def _add(self, file: TextIO, jobs: Iterator[Job]) -> None:
        file.writelines(f"{csv_of_job(job)}\n" for job in jobs)


class ExportDialog(QDialog):
    """How far it is, and Stop. Gone when it has ended."""

    def __init__(self, parent: QWidget, theme: Theme, export: JobsExport, path: Path) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Save jobs"))
        self.setMinimumWidth(theme.px(420))
        self._page = parent
        self._export = export
        self._path = path
        self.line = Text(tr("Saving {name}", name=path.name), "value", wraps=True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(tr("How much is saved"))
        self.buttons = QDialogButtonBox()
        stop = self.buttons.addButton(tr("Stop"), QDialogButtonBox.ButtonRole.RejectRole)
        stop.clicked.connect(export.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        for widget in (self.line, self.bar, self.buttons):
            column.addWidget(widget)
        export.setParent(self)
        export.wrote.connect(self._wrote)
        export.ended.connect(self._ended)
        self.rejected.connect(export.stop)

    def _wrote(self, done: int, total: int) -> None:
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setValue(done * BAR_STEPS // max(1, total))
        self.line.say(
            tr_count(
                "Saving {name}: {done} of {count} job",
                "Saving {name}: {done} of {count} jobs",
                total,
                name=self._path.name,
                done=number(f"{done:,}"),
            )
        )

    def _ended(self) -> None:
        if self._export.problem:
            say_not_saved(self._page, self._path, self._export.problem)
        self.accept()
        self.deleteLater()
