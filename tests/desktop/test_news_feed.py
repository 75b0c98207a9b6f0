"""A message must reach its owner by whichever way there is, and never by two."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop.connection import Connection
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.news_feed import NewsFeed
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.tray import Tray
from mulberry.desktop.window import MainWindow
from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState, Status
from mulberry.model.rules import Decision, Hold, Rule
from pretend_agent import PretendAgent
from samples import a_status

FULL_SCREEN = Decision((Hold(Rule.FULL_SCREEN, "A program fills the screen."),))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0)


def paid(amount: int, jobs: int = 12) -> Status:
    status = a_status(jobs=jobs)
    return replace(status, earnings=replace(status.earnings, paid=Nanoton(amount)))


class Desk:
    """A window with news, and where they went."""

    def __init__(self, theme: Theme, clock: SettableClock, memory: Path) -> None:
        self.clock = clock
        self.is_seen = True
        self.has_tray = True
        self.bus_works = True
        self.by_tray: list[str] = []
        self.by_bus: list[str] = []
        self.agent = PretendAgent()
        self.connection = Connection()
        self.window = MainWindow(theme, clock, JobsModel(), TransactionsModel())
        self.tray = Tray(lambda: self.has_tray, clock)
        self.tray.say = lambda text, title="": self.by_tray.append(text)  # type: ignore[method-assign]
        settings = QSettings(str(memory), QSettings.Format.IniFormat)
        self.feed = NewsFeed(self.connection, self.window, self.tray, clock, settings, lambda: self.is_seen, self._send)
        self._task = asyncio.create_task(self.connection.run(self.agent, self.agent.start))

    def _send(self, title: str, text: str) -> None:
        if not self.bus_works:
            raise OSError("no bus")
        self.by_bus.append(text)

    def lose_the_tray(self) -> None:
        self.has_tray = False
        self.tray.look_for_tray()

    @property
    def in_window(self) -> str:
        return "" if self.window.news.isHidden() else self.window.news.words.text()

    async def hear(self, status: Status) -> None:
        self.agent.say(status)
        await until(lambda: self.connection.view.status is status)
        for _ in range(20):  # question and answer about the owner's switches
            await asyncio.sleep(0)

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.tray.close()
        self.window.deleteLater()
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def desk(qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path) -> AsyncGenerator[Desk, None]:
    made = Desk(theme, clock, tmp_path / "window.ini")
    yield made
    await made.stop()


async def test_who_looks_at_the_window_reads_it_there(desk: Desk) -> None:
    await desk.hear(paid(0))
    await desk.hear(paid(10**9))
    assert desk.in_window == "1.0000 TON of play money arrived."
    assert desk.by_tray == desk.by_bus == []
    desk.window.news.close_button.click()
    assert desk.in_window == ""


async def test_who_does_not_look_is_told_by_the_tray(desk: Desk) -> None:
    await desk.hear(paid(0))
    desk.is_seen = False
    await desk.hear(paid(10**9))
    assert desk.by_tray == ["1.0000 TON of play money arrived."]
    assert (desk.in_window, desk.by_bus) == ("", [])


@pytest.mark.parametrize("bus_works", [True, False])
async def test_without_a_tray_the_bus_tells_or_the_window_keeps_it(
    desk: Desk, bus_works: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    desk.bus_works = bus_works
    desk.lose_the_tray()
    await desk.hear(paid(0))
    desk.is_seen = False
    await desk.hear(paid(10**9))
    await until(lambda: desk.by_bus or desk.in_window)
    text = "1.0000 TON of play money arrived."
    assert (desk.by_bus, desk.in_window) == (([text], "") if bus_works else ([], text))


async def test_a_program_that_fills_the_screen_is_not_disturbed_and_nothing_is_lost(desk: Desk) -> None:
    await desk.hear(paid(0))
    desk.is_seen = False
    desk.agent.decision = FULL_SCREEN
    await desk.hear(paid(10**9))
    await desk.hear(paid(2 * 10**9))
    assert desk.by_tray == []
    desk.agent.decision = Decision()
    desk.clock.pass_time(minutes=1)
    await desk.hear(paid(3 * 10**9))
    assert desk.by_tray == ["3.0000 TON of play money arrived."]


async def test_who_comes_back_reads_what_happened_once(desk: Desk) -> None:
    await desk.hear(paid(0))
    desk.is_seen = False
    desk.clock.pass_time(hours=2)
    await desk.hear(a_status(NodeState.NEEDS_YOU))
    desk.clock.pass_time(hours=2)
    await desk.hear(paid(0, jobs=100))
    assert desk.in_window == ""
    desk.is_seen = True
    await desk.hear(paid(0, jobs=101))
    assert desk.in_window.startswith("While you were away (4 h 0 min):")
    assert "Jobs: 89." in desk.in_window
    assert "Needed you: No proxy answers" in desk.in_window
    desk.window.news.close_button.click()
    await desk.hear(paid(0, jobs=102))
    assert desk.in_window == ""


async def test_a_window_that_was_closed_meanwhile_knows_when_it_was_last_seen(
    desk: Desk, theme: Theme, clock: SettableClock, tmp_path: Path
) -> None:
    await desk.hear(paid(0))
    clock.pass_time(hours=8)
    again = Desk(theme, clock, tmp_path / "window.ini")
    await again.hear(paid(0, jobs=50))
    assert again.in_window.startswith("While you were away (8 h 0 min):")
    await again.stop()


async def test_a_memory_that_is_damaged_is_no_hindrance(
    qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path
) -> None:
    memory = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    memory.setValue("last_seen", '{"at": 5}')
    memory.sync()
    desk = Desk(theme, clock, tmp_path / "other.ini")
    await desk.hear(paid(0))
    assert desk.in_window == ""
    await desk.stop()
