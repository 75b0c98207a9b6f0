"""Who needs high contrast cannot look for the setting again at each start."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.agent.computer_settings import ComputerSettings
from mulberry.desktop.colours import DARK, LIGHT
from mulberry.desktop.connection import Connection
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.look_feed import LOOK, LookFeed
from mulberry.desktop.theme import Scheme, Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from pretend_agent import PretendAgent
from samples import a_status
from settings_samples import told


@dataclass
class Shown:
    agent: PretendAgent
    connection: Connection
    window: MainWindow
    memory: QSettings

    async def hear(self) -> None:
        """Until the agent's first word, and what is asked then, are heard."""
        task = asyncio.create_task(self.connection.run(self.agent, self.agent.start))
        self.agent.say(a_status())
        for _ in range(20):
            await asyncio.sleep(0)
        self.activated()
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def activated(self) -> None:
        QCoreApplication.sendEvent(self.window, QEvent(QEvent.Type.WindowActivate))


@pytest.fixture
def memory(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def own_theme(theme: Theme) -> Iterator[Theme]:
    yield theme
    theme.choose(Scheme.DARK)


def shown(qtbot: QtBot, theme: Theme, clock: SettableClock, memory: QSettings, agent: PretendAgent) -> Shown:
    window = MainWindow(theme, clock, JobsModel(), TransactionsModel())
    window.closing.connect(window.hide)
    qtbot.addWidget(window)
    connection = Connection(window)
    LookFeed(connection, window, theme, memory)
    return Shown(agent, connection, window, memory)


def an_agent(look: str) -> PretendAgent:
    agent = PretendAgent()
    agent.settings_status = told(ComputerSettings.model_validate({"look": look}))
    return agent


def test_the_first_frame_looks_as_the_last_one_did(
    qtbot: QtBot, own_theme: Theme, clock: SettableClock, memory: QSettings
) -> None:
    memory.setValue(LOOK, "light")
    shown(qtbot, own_theme, clock, memory, PretendAgent())
    assert own_theme.colours is LIGHT


async def test_the_setting_holds_as_soon_as_the_agent_answers_and_is_remembered(
    qtbot: QtBot, own_theme: Theme, clock: SettableClock, memory: QSettings
) -> None:
    await shown(qtbot, own_theme, clock, memory, an_agent("high contrast")).hear()
    assert own_theme.colours.hairline == 2
    assert memory.value(LOOK) == "high contrast"


async def test_a_change_in_a_terminal_is_seen_when_the_window_comes_to_the_front(
    qtbot: QtBot, own_theme: Theme, clock: SettableClock, memory: QSettings
) -> None:
    seen = shown(qtbot, own_theme, clock, memory, an_agent("light"))
    await seen.hear()
    assert own_theme.colours is LIGHT
    seen.agent.settings_status = an_agent("dark").settings_status
    await seen.hear()
    assert own_theme.colours is DARK


def test_a_look_of_a_newer_agent_is_the_systems(
    qtbot: QtBot, own_theme: Theme, clock: SettableClock, memory: QSettings
) -> None:
    memory.setValue(LOOK, "sepia")
    shown(qtbot, own_theme, clock, memory, PretendAgent())
    assert own_theme.colours in (LIGHT, DARK)
