"""100,000 jobs in a table that holds a few pages: each row must still show its own job, also while new ones arrive."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from mulberry.desktop.jobs_columns import LONGEST_NAME, NOT_HERE_YET, USUAL, Column
from mulberry.desktop.jobs_model import PAGE_JOBS, PAGES_KEPT, JobsModel
from mulberry.desktop.page_wishes import REQUESTS_AT_ONCE
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.text import LONGEST_TEXT
from samples import NOON, PROXY_KEY, a_job


@pytest.fixture
def model(qapp: QApplication) -> Iterator[JobsModel]:
    made = JobsModel()
    yield made
    made.deleteLater()


def answer(model: JobsModel) -> list[tuple[int, int]]:
    """Answers everything the model asks for from now on; returns the growing list of what it asked."""
    asked: list[tuple[int, int]] = []

    def give(first: int, last: int) -> None:
        asked.append((first, last))
        model.put(first, last, [a_job(number) for number in range(first, last + 1)])

    model.wanted.connect(give)
    return asked


def test_a_job_that_is_not_here_yet_is_a_sign_and_then_itself(model: JobsModel, qapp: QApplication) -> None:
    asked = answer(model)
    model.set_total(100_000)
    assert model.text(0, Column.TOKENS) == NOT_HERE_YET
    qapp.processEvents()
    assert asked == [(99_801, 100_000)]
    assert model.text(0, Column.TOKENS) == "23 + 20"  # job 100,000 of the samples: 10 + 100,000 % 90
    assert model.text(1, Column.EARNED) == "0.00000084 TON"


def test_columns_say_what_they_hold(model: JobsModel) -> None:
    heads = [model.headerData(column, Qt.Orientation.Horizontal) for column in USUAL]
    assert heads == ["Time", "Model", "Tokens", "Latency", "Earned", "Outcome", "Proxy"]
    model.set_total(1)
    model.add([a_job(1)])
    model.set_context(NOON, {PROXY_KEY: "demo-proxy · TEST"})
    row = [model.data(model.index(0, column)) for column in USUAL]
    assert row[1:] == ["tiny-lm", "23 + 11", "212 ms", "0.00000068 TON", "done", "demo-proxy · TEST"]


def test_the_error_of_a_job_is_shown_as_it_is_and_never_as_markup(model: JobsModel) -> None:
    model.set_total(1)
    model.add([replace(a_job(1, outcome=JobOutcome.FAILED), error="<img src='file:///etc/passwd'> & more")])
    tip = model.data(model.index(0, Column.OUTCOME), Qt.ItemDataRole.ToolTipRole)
    assert tip == "<p>&lt;img src=&#x27;file:///etc/passwd&#x27;&gt; &amp; more</p>"


def test_scrolling_fast_asks_only_for_where_it_ends(model: JobsModel, qapp: QApplication) -> None:
    asked = answer(model)
    model.set_total(100_000)
    for row in range(0, 100_000, 500):
        model.text(row, Column.TIME)
    qapp.processEvents()
    assert 1 <= len(asked) <= 2 * REQUESTS_AT_ONCE
    assert asked[0] == (401, 600)  # the page of row 99,500, which is job 500


def test_a_confirmed_job_replaces_its_estimate(model: JobsModel) -> None:
    model.set_total(1)
    model.add([a_job(1, confirmed=False)])
    assert model.text(0, Column.EARNED) == "about 0.00000068 TON"
    model.add([a_job(1)])
    assert model.text(0, Column.EARNED) == "0.00000068 TON"


def test_what_the_agent_leaves_out_is_not_asked_for_for_ever(model: JobsModel, qapp: QApplication) -> None:
    asked: list[int] = []
    model.wanted.connect(lambda first, last: asked.append(first))
    model.wanted.connect(lambda first, last: model.put(first, last, []))
    model.set_total(5)
    for _ in range(5):
        assert model.text(0, Column.TIME) == NOT_HERE_YET
        qapp.processEvents()
    assert asked == [1]


def test_after_a_silence_everything_is_asked_for_again(model: JobsModel, qapp: QApplication) -> None:
    asked = answer(model)
    model.set_total(10)
    model.text(0, Column.TIME)
    qapp.processEvents()
    model.forget()
    assert model.jobs_kept == 0
    model.text(0, Column.TIME)
    qapp.processEvents()
    assert len(asked) == 2


def test_an_unanswered_page_is_asked_for_when_it_is_looked_at_again(model: JobsModel, qapp: QApplication) -> None:
    asked: list[int] = []
    model.wanted.connect(lambda first, last: asked.append(first))
    model.wanted.connect(model.not_available)
    model.set_total(10)
    for _ in range(2):
        model.text(0, Column.TIME)
        qapp.processEvents()
    assert asked == [1, 1]


def test_a_new_ledger_starts_an_empty_table(model: JobsModel) -> None:
    model.set_total(10)
    model.add([a_job(10)])
    model.set_total(2)
    assert (model.rowCount(), model.jobs_kept) == (2, 0)


class Paging(RuleBasedStateMachine):
    """Jobs arrive, rows are looked at, answers come late, in any order, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.model = JobsModel()
        self.open: list[tuple[int, int]] = []
        self.model.wanted.connect(lambda first, last: self.open.append((first, last)))

    @rule(new=st.integers(1, 5000), told=st.booleans())
    def jobs_arrive(self, new: int, told: bool) -> None:
        before = self.model.rowCount()
        self.model.set_total(before + new)
        if told:
            self.model.add(a_job(number) for number in range(before + 1, before + min(new, 300) + 1))

    @precondition(lambda self: self.model.rowCount())
    @rule(data=st.data())
    def a_screen_is_looked_at(self, data: st.DataObject) -> None:
        top = data.draw(st.integers(0, self.model.rowCount() - 1))
        for row in range(top, min(top + 30, self.model.rowCount())):
            job = self.model.job(row)
            assert job is None or job == self.job_of(row)
        QApplication.processEvents()

    @precondition(lambda self: self.open)
    @rule(data=st.data(), answered=st.booleans())
    def an_answer_comes(self, data: st.DataObject, answered: bool) -> None:
        first, last = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        if answered:
            self.model.put(first, last, [a_job(number) for number in range(first, last + 1)])
        else:
            self.model.not_available(first, last)
        QApplication.processEvents()

    @rule()
    def the_agent_was_silent(self) -> None:
        self.model.forget()
        self.open.clear()

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.model.jobs_kept <= PAGES_KEPT * PAGE_JOBS

    @invariant()
    def only_jobs_that_exist_are_asked_for(self) -> None:
        assert len(self.open) <= REQUESTS_AT_ONCE
        assert all(1 <= first <= last <= self.model.rowCount() for first, last in self.open)
        assert len(set(self.open)) == len(self.open)

    def teardown(self) -> None:
        """However it went: who looks and waits sees the right job."""
        if self.model.rowCount():
            for _ in range(10):
                if self.model.job(0) is not None:
                    break
                QApplication.processEvents()
                while self.open:
                    first, last = self.open.pop()
                    self.model.put(first, last, [a_job(number) for number in range(first, last + 1)])
            assert self.model.job(0) == self.job_of(0)
        self.model.deleteLater()

    def job_of(self, row: int) -> Job:
        return a_job(self.model.rowCount() - row)


@pytest.mark.usefixtures("qapp")
def test_every_row_shows_its_own_job_whatever_happens() -> None:
    run_state_machine_as_test(Paging, settings=settings(max_examples=30, stateful_step_count=30))


def test_hostile_names_and_errors_are_shown_as_text_and_cut(model: JobsModel) -> None:
    hostile = "\u202e<b>gift</b>\x1b\0" + "9" * 2**20
    job = replace(a_job(1, outcome=JobOutcome.FAILED), model=hostile, error=hostile, proxy=hostile)
    model.set_total(1)
    model.put(1, 1, [job])
    model.set_context(NOON, {hostile: hostile})
    for column in Column:
        text = model.text(0, column)
        assert text.isprintable() and len(text) <= LONGEST_NAME + 1
    tip = model.index(0, Column.OUTCOME).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("<p> &lt;b&gt;gift&lt;/b&gt;") and len(tip) < LONGEST_TEXT + 100
