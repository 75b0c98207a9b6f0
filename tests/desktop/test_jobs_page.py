"""The owner finds a job, reads what it brought and takes all along: what the page shows must be what was asked."""

import asyncio
import csv
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from PySide6.QtCore import QDate, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop.connection import Connection
from mulberry.desktop.job_wording import NO_COVERING, covering_fact, facts_of
from mulberry.desktop.jobs import NOTHING_FOUND, JobsPage
from mulberry.desktop.jobs_columns import Column
from mulberry.desktop.jobs_export import JobsExport
from mulberry.desktop.jobs_feed import JobsFeed
from mulberry.desktop.jobs_filter import OUTCOMES, WORDS, JobsFilter, Period
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.theme import Theme
from mulberry.model.clock import local_moment
from mulberry.model.jobs import JobOutcome, ProxyWord
from mulberry.model.jobs_csv import COLUMNS
from mulberry.model.jobs_question import Covering, JobOrder, JobsChoices, JobsQuestion
from pretend_agent import PretendAgent
from samples import NOON, PROXY_KEY, a_job, a_status

JOBS = 450


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0)


class Page:
    """The page with its feed, and the agent in memory that it talks to."""

    def __init__(self, theme: Theme, clock: SettableClock) -> None:
        self.agent = PretendAgent(jobs=JOBS)
        self.agent.ledger[9] = a_job(10, outcome=JobOutcome.FAILED, confirmed=False)
        self.connection = Connection()
        self.model = JobsModel()
        self.shown = JobsPage(theme, clock, self.model)
        self.model.setParent(self.shown)
        self.feed = JobsFeed(self.connection, self.shown, self.model, theme, clock)
        self.connection.jobs_fetched.connect(self.model.put)
        self.model.wanted.connect(self.connection.fetch_jobs)
        self._task = asyncio.create_task(self.connection.run(self.agent, self.agent.start))

    async def hear(self, jobs: int = JOBS) -> None:
        self.agent.say(a_status(jobs=jobs))
        await until(lambda: self.connection.view.status is not None)
        self.model.set_total(jobs)
        self.shown.show_view(self.connection.view)

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def page(qtbot: QtBot, theme: Theme, clock: SettableClock) -> AsyncGenerator[Page, None]:
    made = Page(theme, clock)
    qtbot.addWidget(made.shown)
    made.shown.resize(1040, 700)
    made.shown.show()
    await asyncio.sleep(0)
    await made.hear()
    yield made
    await made.stop()


def choose(box: QComboBox, text: str) -> None:
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


async def test_a_heading_sorts_and_the_same_one_turns_the_order_round(page: Page) -> None:
    heads = page.shown.table.horizontalHeader()
    heads.sectionClicked.emit(Column.TOKENS)
    await until(lambda: page.shown.found_jobs.total == JOBS)
    assert page.shown.shown is page.shown.found
    assert page.shown.found_jobs.text(0, Column.TOKENS) == "23 + 99"
    heads.sectionClicked.emit(Column.TOKENS)
    await until(lambda: page.shown.found_jobs.total == JOBS)
    assert page.shown.found_jobs.text(0, Column.TOKENS) == "23 + 10"
    assert page.shown.found.horizontalHeader().sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
    heads.sectionClicked.emit(Column.TIME)
    assert page.shown.shown is page.shown.table  # the newest first again, and they keep coming


async def test_every_order_is_in_a_menu_for_the_keyboard(page: Page) -> None:
    asked = set()
    for action in page.shown.orders.values():
        action.trigger()
        question = page.shown.question
        asked.add((question.order, question.is_descending))
        assert action.isChecked()
    assert asked == {(order, way) for order in JobOrder for way in (True, False)}


async def test_conditions_find_what_they_say(page: Page) -> None:
    choose(page.shown.filter.outcome, "Failed")
    await until(lambda: page.shown.found_jobs.total == 1)
    assert page.shown.count.text() == "1 of 450 jobs"
    choose(page.shown.filter.word, WORDS[ProxyWord.MORE])
    await until(lambda: page.shown.found_jobs.total == 0)
    assert page.shown.empty.isVisible() and page.shown.empty.text() == NOTHING_FOUND
    page.shown.filter.clear.click()
    await until(lambda: page.shown.shown is page.shown.table)
    assert page.shown.count.text() == "450 jobs"


async def test_typing_searches_when_it_pauses_and_enter_searches_at_once(page: Page) -> None:
    QTest.keyClicks(page.shown.filter.text, "1c2")
    assert page.agent.job_wishes == []
    QTest.keyClick(page.shown.filter.text, Qt.Key.Key_Return)
    await until(lambda: page.shown.found_jobs.total == 1)  # 450 is 1c2 in hexadecimal


async def test_new_jobs_move_nothing_that_is_read_and_are_offered(page: Page) -> None:
    page.shown.sort_by(Column.LATENCY, is_descending=True)
    await until(lambda: page.shown.found_jobs.total == JOBS)
    page.agent.ledger += [a_job(JOBS + 1), a_job(JOBS + 2)]
    page.model.set_total(JOBS + 2)
    assert page.shown.found.model().rowCount() == JOBS
    assert page.shown.newer.isVisible() and page.shown.newer.text() == "Show 2 newer jobs"
    page.shown.newer.click()
    await until(lambda: page.shown.found_jobs.total == JOBS + 2)
    assert not page.shown.newer.isVisible()


async def test_columns_come_and_go_in_both_tables(page: Page) -> None:
    page.shown.shown_columns[Column.WORD].setChecked(True)
    page.shown.shown_columns[Column.PROXY].setChecked(False)
    for table in (page.shown.table, page.shown.found):
        assert not table.isColumnHidden(Column.WORD) and table.isColumnHidden(Column.PROXY)
    for action in page.shown.shown_columns.values():
        action.setChecked(False)
    assert not page.shown.table.isColumnHidden(Column.TIME)  # never none at all


async def test_enter_opens_a_job_in_full(page: Page) -> None:
    await until(lambda: page.model.job(0) is not None)
    page.shown.table.setFocus()
    page.shown.table.activated.emit(page.model.index(0, 0))
    dialog = page.feed.details
    assert dialog is not None
    await until(lambda: any(fact.text() == "no payment yet" for fact in dialog.facts.values))
    named = {fact.accessibleName() for fact in dialog.facts.values}
    assert "Answer: 10 tokens" in named and "Price: 0.00000002 TON a token" in named
    dialog.reject()


async def test_a_silent_agent_leaves_the_rows_and_says_so(page: Page) -> None:
    page.agent.runs = False
    page.shown.sort_by(Column.MODEL, is_descending=True)
    await until(lambda: page.shown.found_jobs.problem)
    assert "not running" in page.shown.empty.text()
    page.agent.runs = True
    page.shown.found_jobs.again()
    await until(lambda: page.shown.found_jobs.total == JOBS)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def saved(page: Page, path: Path) -> list[list[str]]:
    export = JobsExport(page.shown.question, JOBS, path)
    await export.run(page.agent)
    assert export.problem == ""
    with path.open(newline="") as file:
        return list(csv.reader(file))


async def test_what_is_saved_is_what_is_shown(page: Page, tmp_path: Path) -> None:
    head, *rows = await saved(page, tmp_path / "every.csv")
    assert tuple(head) == COLUMNS
    assert [int(row[0]) for row in rows] == list(range(JOBS, 0, -1))
    page.shown.sort_by(Column.TOKENS, is_descending=True)
    choose(page.shown.filter.word, WORDS[ProxyWord.AS_COUNTED])
    await until(lambda: page.shown.found_jobs.total == JOBS - 1)
    _, *rows = await saved(page, tmp_path / "found.csv")
    assert len(rows) == JOBS - 1
    assert [int(row[4]) for row in rows] == sorted((int(row[4]) for row in rows), reverse=True)


async def test_a_stopped_or_failed_save_leaves_nothing_behind(page: Page, tmp_path: Path) -> None:
    stopped = JobsExport(JobsQuestion(), JOBS, tmp_path / "stopped.csv")
    stopped.wrote.connect(lambda *_: stopped.stop())
    await stopped.run(page.agent)
    page.agent.runs = False
    failed = JobsExport(JobsQuestion(), JOBS, tmp_path / "failed.csv")
    await failed.run(page.agent)
    assert "not running" in failed.problem
    nowhere = JobsExport(JobsQuestion(), JOBS, tmp_path / "nowhere" / "jobs.csv")
    await nowhere.run(page.agent)
    assert nowhere.problem == "No such file or directory."
    assert left_in(tmp_path) == []


async def test_a_dialog_asks_where_to_save_and_shows_how_far_it_is(page: Page, tmp_path: Path) -> None:
    page.shown.export.click()
    assert page.feed.files is not None
    page.feed.files.fileSelected.emit(str(tmp_path / "jobs.csv"))
    page.feed.files.reject()
    assert page.feed.saving is not None and page.feed.saving.isVisible()
    await until(lambda: (tmp_path / "jobs.csv").exists())


def test_days_are_the_owners_days(qtbot: QtBot) -> None:
    chosen = JobsFilter()
    qtbot.addWidget(chosen)
    today = NOON.astimezone().date()
    choose(chosen.period, Period.TODAY.value)
    assert chosen.asked(NOON).since == local_moment(today)
    choose(chosen.period, Period.MONTH.value)
    assert chosen.asked(NOON).since == local_moment(today - timedelta(days=29))
    choose(chosen.period, Period.CHOSEN.value)
    chosen.first.setDate(QDate(2026, 11, 9))
    chosen.last.setDate(QDate(2026, 11, 3))  # the wrong way round is understood
    question = chosen.asked(NOON)
    assert (question.since, question.until) == (
        local_moment(today.replace(day=3)),
        local_moment(today.replace(day=10)),
    )


def test_what_is_chosen_stays_when_more_is_offered(qtbot: QtBot) -> None:
    chosen = JobsFilter()
    qtbot.addWidget(chosen)
    chosen.offer(JobsChoices(("b",), (PROXY_KEY,)), {PROXY_KEY: "demo-proxy"})
    choose(chosen.model, "b")
    choose(chosen.proxy, "demo-proxy")
    chosen.offer(JobsChoices(("a", "b"), ("00" * 32, PROXY_KEY)), {})
    assert (chosen.asked(NOON).model, chosen.asked(NOON).proxy) == ("b", PROXY_KEY)
    assert [chosen.outcome.itemText(row) for row in range(5)] == list(OUTCOMES.values())


def test_a_hostile_name_in_a_list_is_cut(qtbot: QtBot) -> None:
    chosen = JobsFilter()
    qtbot.addWidget(chosen)
    chosen.offer(JobsChoices(("\u202e<b>" + "x" * 900,), ()), {})
    assert len(chosen.model.itemText(1)) <= 41 and chosen.model.itemText(1).isprintable()


def test_a_job_in_full_says_what_is_known_and_what_is_not() -> None:
    job = replace(a_job(1), cached_tokens=3, reasoning_tokens=None, coefficient=1500, confirmed_tokens=5)
    facts = {fact.name: fact for fact in facts_of(job, {PROXY_KEY: "demo-proxy"})}
    assert facts["Cached, of the prompt"].value == "3 tokens"
    assert facts["Reasoning, of the answer"].value == "not noted"
    assert facts["Price factor"].value == "1.500"
    assert facts["Proxy's count"].value == "5 (fewer)" and facts["Proxy's count"].tone == "bad"
    assert facts["Proxy"].value == "demo-proxy"
    assert all(fact.source.endswith(".") for fact in facts.values())
    assert covering_fact(None).source == NO_COVERING
    assert "seen on TON" in covering_fact(Covering(7, NOON, is_on_chain=False)).source
