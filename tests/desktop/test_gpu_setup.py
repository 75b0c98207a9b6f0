"""Gigabytes are fetched at the press of this button: what it takes stands above it, and the press is one order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from cut_texts import assert_nothing_is_cut
from gpu_setup_samples import BROKEN, METERED, NEWER, NO_GPU, NOTHING, REFUSED, RUNNING, THERE, WENT_BACK
from loopback import until
from mulberry.desktop.cards import Page
from mulberry.desktop.connection import Connection, Link
from mulberry.desktop.gpu_setup_card import GpuSetupCard
from mulberry.desktop.gpu_setup_feed import IDLE_MILLISECONDS, WORKING_MILLISECONDS, GpuSetupFeed
from mulberry.desktop.hardware_history import Histories
from mulberry.desktop.hardware_page import HardwarePage, Part
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder, SetupVerb
from pretend_agent import PretendAgent
from samples import a_status

SHOWN = (NOTHING, METERED, RUNNING, REFUSED, THERE, BROKEN, NEWER, WENT_BACK)


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> GpuSetupCard:
    made = GpuSetupCard(theme)
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    made.show_readiness(is_stale=False)
    return made


def texts(widget: QWidget) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def pressed(card: GpuSetupCard, name: str) -> list[SetupOrder]:
    heard: list[SetupOrder] = []
    card.asked.connect(heard.append)
    QTest.mouseClick(getattr(card, name), Qt.MouseButton.LeftButton)
    return heard


def test_what_it_takes_is_said_before_it_begins(card: GpuSetupCard) -> None:
    card.show_status(NOTHING)
    shown = texts(card)
    for fact in (
        "IP address",
        "1.60 GB",
        "2.64 GB",
        "4.25 GB",
        "120.00 GB",
        "RTX 4090",
        "580.95.05",
        "gpu_runtimes",
        "hash",
    ):
        assert fact in shown
    assert pressed(card, "install") == [SetupOrder(SetupVerb.INSTALL)]
    assert not card.back.isVisible() and not card.cancel.isVisible()


def test_over_a_metered_connection_the_button_says_what_its_press_means(card: GpuSetupCard) -> None:
    card.show_status(METERED)
    assert "metered" in texts(card) and card.install.text() == "Download all the same"
    assert pressed(card, "install") == [SetupOrder(SetupVerb.INSTALL, even_if_metered=True)]


def test_while_it_comes_it_can_only_be_cancelled(card: GpuSetupCard) -> None:
    card.show_status(RUNNING)
    assert "0.60 GB of 1.60 GB" in texts(card) and card.bar.isVisible()
    assert not card.install.isVisible() and not card.back.isVisible()
    assert pressed(card, "cancel") == [SetupOrder(SetupVerb.CANCEL)]


def test_what_went_wrong_is_said_with_the_way_on(card: GpuSetupCard) -> None:
    card.show_status(REFUSED)
    assert "There is no room" in texts(card) and "Make room" in texts(card)
    assert card.install.text() == "Try again"


@pytest.mark.parametrize(
    ("status", "words", "install", "back"),
    [
        (THERE, "Installed: onnxruntime 1.31.1 with CUDA 13.", "", "Do without it"),
        (BROKEN, "cannot be used", "Install", "Do without it"),
        (NEWER, "Another one fits better now", "Install", "Do without it"),
        (WENT_BACK, "the installed one is kept", "Use it again", ""),
    ],
)
def test_each_standing_has_its_words_and_buttons(
    card: GpuSetupCard, status: GpuSetupStatus, words: str, install: str, back: str
) -> None:
    card.show_status(status)
    assert words in texts(card)
    assert (card.install.text(), card.back.text()) == (install, back)
    assert card.install.isVisible() is bool(install) and card.back.isVisible() is bool(back)


def test_the_way_back_is_one_order(card: GpuSetupCard) -> None:
    card.show_status(THERE)
    assert pressed(card, "back") == [SetupOrder(SetupVerb.ROLL_BACK)]


def test_a_computer_without_a_gpu_is_not_bothered(card: GpuSetupCard) -> None:
    card.show_status(NO_GPU)
    assert not card.isVisible()


@pytest.mark.parametrize("width", [480, 900])
@pytest.mark.parametrize("status", SHOWN, ids=range(len(SHOWN)))
def test_nothing_is_cut(qtbot: QtBot, theme: Theme, status: GpuSetupStatus, width: int) -> None:
    page, card = Page(), GpuSetupCard(theme)
    qtbot.addWidget(page)
    page.column.addWidget(card)
    card.show_status(status)
    page.resize(width, 700)
    page.show()
    QApplication.processEvents()
    assert_nothing_is_cut(page)


@asynccontextmanager
async def looked_at(
    qtbot: QtBot, theme: Theme, clock: SettableClock, agent: PretendAgent
) -> AsyncGenerator[tuple[HardwarePage, GpuSetupFeed, Connection]]:
    """The Hardware page with its feed, connected to `agent`."""
    page = HardwarePage(theme, clock, Histories())
    qtbot.addWidget(page)
    connection = Connection()
    feed = GpuSetupFeed(connection, page)
    connection.viewed.connect(page.show_view)
    agent.say(a_status())
    running = asyncio.create_task(connection.run(agent, agent.start))
    await until(lambda: connection.view.link is Link.ANSWERS)
    page.show()
    page.show_part(Part.GPUS)
    try:
        yield page, feed, connection
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_it_is_asked_for_when_somebody_looks_and_often_while_it_runs(
    qtbot: QtBot, theme: Theme, clock: SettableClock
) -> None:
    agent = PretendAgent()
    async with looked_at(qtbot, theme, clock, agent) as (page, feed, _):
        await until(lambda: page.gpus.runtime.isVisible())
        assert feed.looking.interval() == IDLE_MILLISECONDS
        agent.gpu_setup_status = RUNNING
        page.gpus.runtime.install.click()
        await until(lambda: bool(agent.setup_orders))
        assert agent.setup_orders == [SetupOrder(SetupVerb.INSTALL)]
        await until(lambda: page.gpus.runtime.bar.isVisible())
        assert feed.looking.interval() == WORKING_MILLISECONDS
        asked = agent.setups_asked
        page.show_part(Part.ELIGIBILITY)
        feed.look()
        await asyncio.sleep(0)
        assert agent.setups_asked == asked, "nobody looks"


async def test_a_refusal_is_shown_as_every_other(qtbot: QtBot, theme: Theme, clock: SettableClock) -> None:
    agent = PretendAgent()
    agent.setup_refusal = UserFacingError("No.", "A test.", "None.")
    async with looked_at(qtbot, theme, clock, agent) as (page, _, connection):
        heard: list[UserFacingError] = []
        connection.failed.connect(heard.append)
        await until(lambda: page.gpus.runtime.isVisible())
        page.gpus.runtime.install.click()
        await until(lambda: bool(heard))
    assert heard == [agent.setup_refusal]


def test_with_a_silent_agent_nothing_can_be_pressed(card: GpuSetupCard) -> None:
    card.show_status(NOTHING)
    card.show_readiness(is_stale=True)
    assert not card.install.isEnabled()
