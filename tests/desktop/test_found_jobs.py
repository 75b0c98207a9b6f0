"""Who looks for jobs reads what was found in peace: rows stay where they are, and memory does not grow with them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from jobs_by_hand import found_by_hand
from mulberry.desktop.found_jobs import PAGE_JOBS, PAGES_KEPT, FoundJobs
from mulberry.desktop.jobs_columns import LONGEST_NAME, NOT_HERE_YET, Column
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.jobs_question import JobOrder, JobsFound, JobsQuestion, JobsWish
from mulberry.model.money import Nanoton
from mulberry.model.text import LONGEST_TEXT
from samples import a_job

LEDGER = [a_job(number) for number in range(1, 3001)]
LONGEST_FIRST = JobsQuestion(order=JobOrder.TOKENS, upto=3000)


@pytest.fixture
def found(qapp: QApplication) -> Iterator[FoundJobs]:
    made = FoundJobs()
    yield made
    made.deleteLater()


def answer(found: FoundJobs) -> list[JobsWish]:
    """Answers everything that is asked for from now on; returns the growing list of what was."""
    asked: list[JobsWish] = []

    def give(wish: JobsWish) -> None:
        asked.append(wish)
        found.put(wish, found_by_hand(LEDGER, wish))

    found.wanted.connect(give)
    return asked


def test_the_first_page_is_shown_before_the_rest_is_counted(found: FoundJobs) -> None:
    asked: list[JobsWish] = []
    found.wanted.connect(asked.append)
    found.search(LONGEST_FIRST)
    assert found.is_searching and found.rowCount() == 0
    found.put(asked[0], found_by_hand(LEDGER, asked[0]))
    assert found.is_searching and found.rowCount() == PAGE_JOBS
    assert found.text(0, Column.TOKENS) == "23 + 99"
    found.put(asked[1], found_by_hand(LEDGER, asked[1]))
    assert found.total == found.rowCount() == 3000
    assert [wish.is_whole for wish in asked] == [False, True]


def test_every_row_is_the_one_that_python_would_sort_there(found: FoundJobs, qapp: QApplication) -> None:
    answer(found)
    found.search(LONGEST_FIRST)
    right = found_by_hand(LEDGER, JobsWish(LONGEST_FIRST, 0, 3000)).jobs
    for row in (0, 199, 200, 1234, 2999, 600, 0):
        found.text(row, Column.TIME)
        qapp.processEvents()
        assert found.job(row) == right[row]


def test_a_few_jobs_are_not_counted_twice(found: FoundJobs) -> None:
    asked = answer(found)
    found.search(replace(LONGEST_FIRST, text=f"{77:064x}"))
    assert (found.total, found.rowCount(), len(asked)) == (1, 1, 1)


def test_the_answer_to_an_older_question_is_nobodys(found: FoundJobs) -> None:
    asked: list[JobsWish] = []
    found.wanted.connect(asked.append)
    found.search(LONGEST_FIRST)
    found.search(replace(LONGEST_FIRST, is_descending=False))
    found.put(asked[0], found_by_hand(LEDGER, asked[0]))
    found.not_found(asked[0], "too late")
    assert found.rowCount() == 0 and found.is_searching


def test_a_silent_agent_is_told_and_asked_again(found: FoundJobs) -> None:
    found.wanted.connect(lambda wish: found.not_found(wish, "It does not answer."))
    found.search(LONGEST_FIRST)
    assert found.problem == "It does not answer." and not found.is_searching
    found.wanted.disconnect()
    answer(found)
    found.again()
    assert found.problem == "" and found.total == 3000


def test_a_confirmed_job_changes_in_its_row(found: FoundJobs) -> None:
    answer(found)
    found.search(LONGEST_FIRST)
    job = found.job(5)
    assert job is not None
    found.add([replace(job, confirmed_tokens=1), a_job(4000)])
    assert found.text(5, Column.WORD) == "fewer"
    assert found.rowCount() == 3000


def test_memory_is_bounded_however_far_somebody_scrolls(found: FoundJobs, qapp: QApplication) -> None:
    answer(found)
    found.search(LONGEST_FIRST)
    for row in range(0, 3000, 150):
        found.text(row, Column.TIME)
        qapp.processEvents()
    assert found.jobs_kept <= PAGES_KEPT * PAGE_JOBS


def test_what_is_not_here_yet_is_a_sign(found: FoundJobs) -> None:
    answer(found)
    found.search(LONGEST_FIRST)
    assert found.text(2500, Column.MODEL) == NOT_HERE_YET
    assert found.tool_tip(2500, Column.OUTCOME) == ""


def test_hostile_texts_and_absurd_numbers_are_shown_as_text_and_cut(found: FoundJobs) -> None:
    hostile = "\u202e<b>gift</b>\x1b\0" + "9" * 2**20
    job: Job = replace(
        a_job(1, outcome=JobOutcome.FAILED),
        model=hostile,
        error=hostile,
        proxy=hostile,
        request_id=hostile,
        prompt_tokens=2**63 - 1,
        adjusted_tokens=2**63 - 1,
        worker_fee_per_token=Nanoton(2**63 - 1),
        confirmed_tokens=2**40,
    )
    found.search(LONGEST_FIRST)
    found.put(JobsWish(LONGEST_FIRST, 0, PAGE_JOBS, is_whole=False), JobsFound((job,), None))
    for column in Column:
        text = found.text(0, column)
        assert text.isprintable() and len(text) <= LONGEST_NAME + 1
    tip = found.index(0, Column.OUTCOME).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("<p> &lt;b&gt;gift&lt;/b&gt;") and len(tip) < LONGEST_TEXT + 100
