"""Closing a window must never stop the earning, and must never leave the owner without a way back."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.client.first_run import FirstRunFile
from mulberry.desktop.connection import Connection
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.jobs_columns import USUAL, Column
from mulberry.desktop.theme import Theme
from mulberry.desktop.tray import Tray
from mulberry.model.control import Command
from mulberry.model.node import NodeState, Want
from pretend_agent import PretendAgent
from samples import a_job, a_status


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0)


class Running:
    """A whole desktop, and the agent in memory that it talks to."""

    def __init__(self, theme: Theme, clock: SettableClock, memory: Path, *, has_tray: bool, jobs: int = 0) -> None:
        self.agent = PretendAgent(jobs=jobs)
        connection = Connection()
        settings = QSettings(str(memory), QSettings.Format.IniFormat)
        tray, first_run = Tray(lambda: has_tray), FirstRunFile(memory.parent)
        self.desktop = Desktop(theme, clock, connection, tray, settings, first_run, "demo")
        self.ended = False
        self.desktop.ended.connect(self._end)
        self.desktop.window.show()
        self._task = asyncio.create_task(connection.run(self.agent, self.agent.start))

    def _end(self) -> None:
        self.ended = True

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if not self.ended:
            self.desktop.end()
        self.desktop.window.deleteLater()
        self.desktop.deleteLater()
        await asyncio.sleep(0)

    async def hear(self, state: NodeState, jobs: int = 12) -> None:
        self.agent.say(a_status(state, jobs=jobs))
        shown = self.desktop.connection
        await until(lambda: shown.view.status is not None and shown.view.status.state is state)


Start = Callable[..., Running]


@pytest_asyncio.fixture
async def start(qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path) -> AsyncGenerator[Start, None]:
    made: list[Running] = []

    def start_one(*, has_tray: bool, jobs: int = 0) -> Running:
        made.append(Running(theme, clock, tmp_path / "window.ini", has_tray=has_tray, jobs=jobs))
        return made[-1]

    yield start_one
    for running in made:
        await running.stop()


async def test_with_a_tray_closing_hides_the_window_and_says_so_once(
    qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Tray, "say", lambda self, text: said.append(text))
    running = start(has_tray=True)
    await running.hear(NodeState.EARNING)
    for _ in range(2):
        running.desktop.window.close()
        assert not running.desktop.window.isVisible()
        running.desktop.come_forward()
        assert running.desktop.window.isVisible()
    assert len(said) == 1
    assert not running.ended
    assert running.agent.commands == []


async def test_without_a_tray_closing_is_explained_once_and_then_ends_the_window(qtbot: QtBot, start: Start) -> None:
    first = start(has_tray=False)
    await first.hear(NodeState.EARNING)
    first.desktop.window.close()
    question = first.desktop.window.findChild(QMessageBox)
    assert question is not None
    assert "goes on earning" in question.text()
    answers = {button.text(): button for button in question.buttons()}
    assert not first.ended
    answers["Cancel"].click()
    assert not first.ended
    await asyncio.sleep(0)
    first.desktop.window.close()
    again = first.desktop.window.findChildren(QMessageBox)[-1]
    {button.text(): button for button in again.buttons()}["Close the window"].click()
    await until(lambda: first.ended)
    assert first.agent.commands == []
    second = start(has_tray=False)
    await second.hear(NodeState.EARNING)
    second.desktop.window.close()
    assert second.ended  # told once is enough


@pytest.mark.parametrize("has_tray", [True, False])
async def test_a_window_that_starts_hidden_ends_where_no_tray_shows_it(
    qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch, has_tray: bool
) -> None:
    monkeypatch.setattr("mulberry.desktop.desktop.TRAY_WAIT_MILLISECONDS", 0)
    running = start(has_tray=has_tray)
    running.desktop.window.hide()
    running.desktop.wait_for_tray()
    await running.hear(NodeState.READY)  # the timer is due before that
    assert running.ended is not has_tray
    assert running.agent.commands == []


async def test_the_columns_of_the_jobs_are_as_they_were_left(qtbot: QtBot, start: Start) -> None:
    jobs = start(has_tray=False).desktop.window.jobs
    jobs.shown_columns[Column.REQUEST].setChecked(True)
    jobs.shown_columns[Column.MODEL].setChecked(False)
    again = start(has_tray=False).desktop.window.jobs
    assert {column for column, action in again.shown_columns.items() if action.isChecked()} == {
        *(set(USUAL) - {Column.MODEL}),
        Column.REQUEST,
    }
    assert again.table.isColumnHidden(Column.MODEL) and not again.found.isColumnHidden(Column.REQUEST)


async def test_who_reads_the_log_can_ask_for_help_there(qtbot: QtBot, start: Start) -> None:
    window = start(has_tray=False).desktop.window
    with qtbot.waitSignal(window.help_asked):
        window.log.help.click()


async def test_a_stopped_node_needs_no_explanation(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=False)
    await running.hear(NodeState.STOPPED)
    running.desktop.window.close()
    assert running.ended


async def test_stop_and_quit_can_be_chosen_when_closing(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=False)
    asked: list[bool] = []
    running.desktop.stop_and_quit_asked.connect(lambda: asked.append(True))
    await running.hear(NodeState.READY)
    running.desktop.window.close()
    question = running.desktop.window.findChild(QMessageBox)
    assert question is not None
    {button.text(): button for button in question.buttons()}["Stop earning and quit"].click()
    assert asked == [True]
    assert not running.ended  # that comes when the agent has stopped


async def test_quitting_the_window_leaves_the_agent_alone(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    await running.hear(NodeState.EARNING)
    running.desktop.window.quit_action.trigger()
    assert running.ended
    assert (running.agent.commands, running.agent.quits) == ([], 0)


async def test_the_large_button_reaches_the_agent(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    await running.hear(NodeState.STOPPED)
    running.desktop.window.home.state.main.click()
    await until(lambda: running.agent.commands)
    assert running.agent.commands == [Command(Want.START)]


async def test_jobs_are_fetched_where_they_are_looked_at(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True, jobs=1000)
    await running.hear(NodeState.EARNING, jobs=1000)
    model = running.desktop.jobs
    assert model.rowCount() == 1000
    running.desktop.window.choose("Jobs")
    await until(lambda: model.text(0, Column.TOKENS) == "23 + 20")


async def test_a_job_of_an_event_is_there_at_once(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    running.agent.say(a_status(jobs=1), a_job(1))
    await until(lambda: running.desktop.jobs.rowCount() == 1)
    await until(lambda: running.desktop.jobs.text(0, Column.TOKENS) == "23 + 11")
    assert running.desktop.jobs.text(0, Column.PROXY) == "demo-proxy · TEST"


async def test_after_a_silence_jobs_are_fetched_anew(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    running.agent.say(a_status(jobs=1), a_job(1, confirmed=False))
    await until(lambda: running.desktop.jobs.text(0, Column.EARNED).startswith("about"))
    running.agent.fall_silent()
    await until(lambda: running.desktop.connection.view.is_stale)
    running.agent.runs = True
    running.agent.ledger = [a_job(1)]  # confirmed meanwhile
    running.agent.say(a_status(jobs=1))
    await until(lambda: running.desktop.jobs.text(0, Column.EARNED) == "0.00000068 TON")


async def test_charts_are_filled_when_money_comes(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    await running.hear(NodeState.EARNING)
    charts = [card.chart for card in running.desktop.window.home.earnings.values()]
    await until(lambda: all("TON" in chart.accessibleDescription() for chart in charts))


async def test_what_the_agent_says_after_the_end_is_not_drawn_any_more(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=False)
    running.desktop.end()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    await running.hear(NodeState.EARNING)  # the tray's menu is gone
    assert running.ended


async def test_a_second_signal_to_end_finds_nothing_to_do(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    running.desktop.end()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    running.ended = False
    running.desktop.end()
    assert not running.ended, "it is told once"
    running.ended = True


async def test_a_hidden_window_comes_back_minimised_when_its_tray_has_gone(qtbot: QtBot, start: Start) -> None:
    running = start(has_tray=True)
    running.desktop.window.close()
    assert not running.desktop.window.isVisible()
    running.desktop.tray.gone.emit()
    assert running.desktop.window.isMinimized()
