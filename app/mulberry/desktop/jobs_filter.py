"""What the Jobs page asks for: which jobs, of which days. An order and columns are chosen at the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from PySide6.QtCore import QDate, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QDateEdit, QHBoxLayout, QLineEdit, QWidget

from mulberry.desktop.cards import Row, Text, plain_button
from mulberry.model.clock import local_moment
from mulberry.model.jobs import JobOutcome, ProxyWord
from mulberry.model.jobs_question import LONGEST_SEARCHED_TEXT, JobsChoices, JobsQuestion
from mulberry.model.language import tr
from mulberry.model.text import plain

TYPING_MILLISECONDS = 300
LONGEST_CHOICE = 40  # characters shown
CHOICE_LETTERS = 10  # for which there is room while the list is closed
EVERY_MODEL, EVERY_PROXY = tr("Every model"), tr("Every proxy")
EARLIEST = QDate(2020, 1, 1)


class Period(Enum):
    """Of which days jobs are shown."""

    EVER = "Any day"
    TODAY = "Today"
    WEEK = "7 days"
    MONTH = "30 days"
    CHOSEN = "Chosen days"


PERIODS = {
    Period.EVER: tr("Any day"),
    Period.TODAY: tr("Today"),
    Period.WEEK: tr("7 days"),
    Period.MONTH: tr("30 days"),
    Period.CHOSEN: tr("Chosen days"),
}
DAYS_BACK = {Period.TODAY: 0, Period.WEEK: 6, Period.MONTH: 29}
OUTCOMES: Mapping[JobOutcome | None, str] = {
    None: tr("Every outcome"),
    JobOutcome.DONE: tr("Done"),
    JobOutcome.FAILED: tr("Failed"),
    JobOutcome.REFUSED: tr("Refused"),
    JobOutcome.CANCELLED: tr("Cancelled"),
}
WORDS: Mapping[ProxyWord | None, str] = {
    None: tr("Every count"),
    ProxyWord.AS_COUNTED: tr("Counted as here"),
    ProxyWord.FEWER: tr("Counted fewer"),
    ProxyWord.MORE: tr("Counted more"),
    ProxyWord.NONE_YET: tr("Not counted yet"),
}


@dataclass(frozen=True, slots=True)
class Days:
    """From the beginning of one local day to the end of another; None: no limit."""

    first: date | None = None
    last: date | None = None


class JobsFilter(QWidget):
    """Says `changed` when something else is wanted, and waits while somebody types."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.text = QLineEdit()
        self.text.setPlaceholderText(tr("Part of a request's id"))
        self.text.setAccessibleName(tr("Part of a request's id"))
        self.text.setMinimumWidth(self.text.fontMetrics().averageCharWidth() * 20)
        self.text.setMaxLength(LONGEST_SEARCHED_TEXT)
        self.text.setClearButtonEnabled(True)
        self.period = _choice(tr("Days"), list(PERIODS.values()))
        self.first, self.last = _day(tr("First day")), _day(tr("Last day"))
        self.outcome = _choice(tr("Outcome"), list(OUTCOMES.values()))
        self.word = _choice(tr("The proxy's count"), list(WORDS.values()))
        self.model = _choice(tr("Model"), [EVERY_MODEL])
        self.proxy = _choice(tr("Proxy"), [EVERY_PROXY])
        self.clear = plain_button(tr("Show all"))
        self.clear.setAccessibleName(tr("Show all jobs"))
        self.clear.clicked.connect(self.show_all)
        self._models: tuple[str, ...] = ()
        self._proxies: tuple[str, ...] = ()
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MILLISECONDS)
        self._typing.timeout.connect(self.changed)
        self.text.textEdited.connect(lambda: self._typing.start())
        self.text.textChanged.connect(lambda text: None if text else self._typing.start(0))
        self.text.returnPressed.connect(lambda: self._typing.start(0))
        for box in (self.period, self.outcome, self.word, self.model, self.proxy):
            box.activated.connect(self._chosen)
        for day in (self.first, self.last):
            day.dateChanged.connect(lambda: self._typing.start())
        self._lay_out()
        self._chosen_days()

    def _lay_out(self) -> None:
        self.days = _side_by_side([self.first, Text(tr("to"), "source"), self.last])
        when = _side_by_side([self.text, self.period, self.days])
        which = _side_by_side([self.outcome, self.word, self.model, self.proxy, self.clear])
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Row((when, 1), (which, 2)))

    def asked(self, now: datetime) -> JobsQuestion:
        """What is asked for at `now`, which decides what today is."""
        days = self._days(now.astimezone().date())
        model, proxy = self.model.currentIndex(), self.proxy.currentIndex()
        return JobsQuestion(
            text=self.text.text().strip(),
            model=self._models[model - 1] if model > 0 else "",
            proxy=self._proxies[proxy - 1] if proxy > 0 else "",
            outcome=list(OUTCOMES)[self.outcome.currentIndex()],
            word=list(WORDS)[self.word.currentIndex()],
            since=None if days.first is None else local_moment(days.first),
            until=None if days.last is None else local_moment(days.last + timedelta(days=1)),
        )

    def offer(self, choices: JobsChoices, proxy_names: Mapping[str, str]) -> None:
        """What is chosen stays chosen, as far as it still occurs."""
        model, proxy = self.model.currentIndex(), self.proxy.currentIndex()
        chosen_model = self._models[model - 1] if model > 0 else ""
        chosen_proxy = self._proxies[proxy - 1] if proxy > 0 else ""
        self._models, self._proxies = choices.models, choices.proxies
        proxies = [proxy_names.get(key) or f"{key[:8]}…" for key in self._proxies]
        _fill(self.model, EVERY_MODEL, self._models, _place(self._models, chosen_model))
        _fill(self.proxy, EVERY_PROXY, proxies, _place(self._proxies, chosen_proxy))

    def show_all(self) -> None:
        for box in (self.period, self.outcome, self.word, self.model, self.proxy):
            box.setCurrentIndex(0)
        self.text.clear()
        self._chosen()

    def _chosen(self) -> None:
        self._chosen_days()
        self._typing.start(0)

    def _chosen_days(self) -> None:
        self.days.setVisible(list(Period)[self.period.currentIndex()] is Period.CHOSEN)

    def _days(self, today: date) -> Days:
        period = list(Period)[self.period.currentIndex()]
        if period is Period.CHOSEN:
            first, last = (date(*day.date().getDate()) for day in (self.first, self.last))
            return Days(min(first, last), max(first, last))
        if period in DAYS_BACK:
            return Days(today - timedelta(days=DAYS_BACK[period]), None)
        return Days()


def _choice(name: str, texts: Sequence[str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(CHOICE_LETTERS)  # a stranger's name makes nothing wider
    box.addItems(list(texts))
    return box


def _fill(box: QComboBox, every: str, names: Sequence[str], chosen: int) -> None:
    box.clear()
    box.addItems([every, *(plain(name, LONGEST_CHOICE) for name in names)])
    box.setCurrentIndex(chosen)


def _place(known: Sequence[str], chosen: str) -> int:
    return known.index(chosen) + 1 if chosen in known else 0


def _day(name: str) -> QDateEdit:
    edit = QDateEdit(QDate.currentDate())
    edit.setAccessibleName(name)
    edit.setCalendarPopup(True)
    edit.setDisplayFormat("d MMM yyyy")
    edit.setDateRange(EARLIEST, QDate(2099, 12, 31))
    return edit


def _side_by_side(widgets: Sequence[QWidget]) -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 2 if isinstance(widget, QLineEdit) else 1 if isinstance(widget, QComboBox) else 0)
    return whole
