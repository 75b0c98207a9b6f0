"""An owner sees every character that a helper will get, and can look for their own name in it, before it is saved."""

import asyncio
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.client.first_run import FirstRunFile
from mulberry.desktop.connection import Connection
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.diagnosis_dialog import MAKING, NOT_FOUND, DiagnosisDialog
from mulberry.desktop.theme import Theme
from mulberry.desktop.tray import Tray
from mulberry.model.diagnosis import DiagnosisWish
from pretend_agent import PretendAgent


class Screen:
    """The whole window, with an agent that answers."""

    def __init__(self, qtbot: QtBot, theme: Theme, clock: SettableClock, folder: Path) -> None:
        self.agent = PretendAgent()
        self.connection = Connection()
        memory = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        self.desktop = Desktop(theme, clock, self.connection, Tray(), memory, FirstRunFile(folder), "demo")
        qtbot.addWidget(self.desktop.window)
        self.desktop.window.show()

    @property
    def dialog(self) -> DiagnosisDialog:
        assert self.desktop.diagnosis.dialog is not None
        return self.desktop.diagnosis.dialog

    def press_help(self) -> None:
        QTest.mouseClick(self.desktop.window.sidebar.help, Qt.MouseButton.LeftButton)


@pytest.fixture
def screen(qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path) -> Screen:
    return Screen(qtbot, theme, clock, tmp_path)


@asynccontextmanager
async def connected(screen: Screen) -> AsyncGenerator[None, None]:
    running = asyncio.create_task(screen.connection.run(screen.agent, screen.agent.start))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0.01)


async def test_all_that_is_saved_is_shown_first(screen: Screen, tmp_path: Path) -> None:
    async with connected(screen):
        screen.press_help()
        dialog = screen.dialog
        assert dialog.state.text() == MAKING and not dialog.save.isEnabled()
        await until(dialog.save.isEnabled)
        assert "All of it." in dialog.text.toPlainText() and dialog.text.isReadOnly()
        QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
        files = screen.desktop.diagnosis.files
        assert files is not None and files.selectedFiles()[0].endswith("mulberry-diagnosis-20261122T120000Z.zip")
        files.fileSelected.emit(str(tmp_path / "d.zip"))
        files.close()
        with zipfile.ZipFile(tmp_path / "d.zip") as archive:
            assert archive.read("README.txt").decode() in dialog.text.toPlainText()
        assert "Saved" in dialog.state.text()
        QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
        assert screen.desktop.diagnosis.files is not None
        screen.desktop.diagnosis.files.fileSelected.emit(str(tmp_path / "d.zip"))
        assert "is there already" in dialog.state.text()
        screen.desktop.diagnosis.files.close()
        dialog.close()
        assert screen.desktop.diagnosis.dialog is None


async def test_what_is_wished_is_asked_for_anew_and_nothing_older_can_be_saved(screen: Screen) -> None:
    async with connected(screen):
        screen.press_help()
        await until(screen.dialog.save.isEnabled)
        screen.dialog.addresses.click()
        assert not screen.dialog.save.isEnabled() and not screen.dialog.text.toPlainText()
        await until(screen.dialog.save.isEnabled)
        assert "addresses: True" in screen.dialog.text.toPlainText()
        assert screen.agent.wishes == [DiagnosisWish(), DiagnosisWish(addresses=True)]
        QTest.mouseClick(screen.dialog.copy, Qt.MouseButton.LeftButton)
        assert QGuiApplication.clipboard().text() == screen.dialog.text.toPlainText()
        screen.dialog.close()


async def test_an_answer_to_an_older_wish_is_dropped(screen: Screen) -> None:
    async with connected(screen):
        screen.press_help()
        screen.dialog.addresses.click()
        screen.dialog.addresses.click()
        screen.dialog.earnings.click()
        await until(screen.dialog.save.isEnabled)
        await asyncio.sleep(0)
        assert "addresses: False" in screen.dialog.text.toPlainText()
        assert screen.dialog.wish == DiagnosisWish(earnings=True)
        screen.dialog.close()


async def test_an_owner_looks_for_their_name(screen: Screen) -> None:
    async with connected(screen):
        screen.press_help()
        await until(screen.dialog.save.isEnabled)
        screen.dialog.search.setText("Anneliese")
        assert screen.dialog.state.text() == NOT_FOUND
        screen.dialog.search.setText("all")
        assert screen.dialog.text.textCursor().selectedText() == "All"
        QTest.keyClick(screen.dialog.search, Qt.Key.Key_Return)
        assert screen.dialog.text.textCursor().selectedText() == "All", "from the top again"
        assert screen.dialog.isVisible()
        screen.dialog.close()


async def test_without_an_agent_the_other_way_is_said(screen: Screen) -> None:
    async with connected(screen):
        screen.agent.runs = False
        screen.press_help()
        await until(lambda: "mulberry diagnose" in screen.dialog.state.text())
        assert not screen.dialog.save.isEnabled()
        screen.dialog.close()


async def test_help_is_one_key_away_and_opens_once(screen: Screen) -> None:
    async with connected(screen):
        screen.desktop.window.help_asked.emit()
        first = screen.dialog
        screen.press_help()
        assert screen.dialog is first
        first.close()
