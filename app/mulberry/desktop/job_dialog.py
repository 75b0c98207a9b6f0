"""One job in full, in a window of its own."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from mulberry.desktop.cards import Text
from mulberry.desktop.facts import Facts
from mulberry.desktop.job_wording import covering_fact, facts_of
from mulberry.desktop.jobs_columns import LONGEST_NAME
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job
from mulberry.model.jobs_question import JobDetails
from mulberry.model.language import number, tr
from mulberry.model.text import plain

LOOKING = Fact(tr("Covered by"), tr("looking…"), tr("The agent looks for the payment that covers this job."))


class JobDialog(QDialog):
    """Shows what is in the row at once, and which payment covers it when the agent has found that out."""

    def __init__(self, parent: QWidget, theme: Theme, job: Job, proxy_names: Mapping[str, str]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Job {number}", number=number(f"{job.number:,}")))
        self._names = proxy_names
        self.facts = Facts(theme, 180)
        self.request = Text(tr("Request {id}", id=plain(job.request_id, LONGEST_NAME)), "source", wraps=True)
        self.request.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.error = Text(job.error, "bad", wraps=True)
        self.error.setVisible(bool(job.error))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(Text(tr("Job {number}", number=number(f"{job.number:,}")), "card-title"))
        column.addWidget(self.request)
        column.addWidget(self.error)
        column.addWidget(self.facts)
        column.addStretch()
        column.addWidget(buttons)
        self.resize(theme.px(900), theme.px(380))
        self._show(job, LOOKING)

    def show_details(self, details: JobDetails) -> None:
        self._show(details.job, covering_fact(details.covering))

    def not_read(self, job: Job, problem: UserFacingError) -> None:
        self._show(job, Fact(tr("Covered by"), tr("not known"), f"{problem.what} {problem.why}"))

    def _show(self, job: Job, covering: Fact) -> None:
        self.facts.show_facts([*facts_of(job, self._names), covering])
