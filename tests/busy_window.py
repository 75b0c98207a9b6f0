"""A program for `open_window`: the whole window with every page full, its agent in memory, and a hand on it."""

import asyncio
import sys
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication

from mulberry.desktop.theme import Scheme, Theme
from mulberry.model.clock import SystemClock
from pressed_window import Hand
from shown_window import shown_window


async def show(root: Path) -> None:
    """Until somebody ends the process."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    async with shown_window(Theme(application, Scheme.DARK), SystemClock(), root) as desktop:
        desktop.window.activateWindow()
        hand = Hand(desktop.window)
        await asyncio.Event().wait()
        del hand


if __name__ == "__main__":
    with qasync.QEventLoop(QApplication(sys.argv[:1])) as loop:
        loop.run_until_complete(show(Path(sys.argv[1])))
