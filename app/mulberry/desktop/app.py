"""Starts the window. It is painted first; what talks to the agent is imported after that."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication

from mulberry.desktop.connection import Connection
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.single_instance import SingleInstance
from mulberry.desktop.theme import Scheme, Theme
from mulberry.desktop.tray import Tray
from mulberry.model.clock import SystemClock
from mulberry.model.places import DataFolder

if TYPE_CHECKING:
    import asyncio

LOG_BYTES = 1_000_000


def run(root: Path, network: str = "demo", *, scheme: Scheme = Scheme.FOLLOW, font_factor: float = 1.0) -> int:
    """The window of `network` under the data folder `root`, until its owner quits it. The agent goes on.

    A second one for the same folder brings the first forward and returns at once.
    """
    with opened(root, network, scheme, font_factor) as desktop:
        if desktop is not None:
            import qasync

            with qasync.QEventLoop(QApplication.instance()) as loop:
                loop.run_until_complete(live(desktop, root, network))
    return 0


@contextmanager
def opened(root: Path, network: str, scheme: Scheme, font_factor: float) -> Iterator[Desktop | None]:
    """A window whose first frame is painted and which knows nothing yet; None where another process has it open."""
    folder = DataFolder.of_network(root, network)
    folder.create()
    _log_to(folder.window_log)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Mulberry")
    application.setDesktopFileName("mulberry")  # or Wayland shows a placeholder for our icon
    application.setQuitOnLastWindowClosed(False)
    instance = SingleInstance(folder)
    if not instance.acquire():
        yield None
        return
    memory = QSettings(str(folder.path / "window.ini"), QSettings.Format.IniFormat)
    desktop = Desktop(Theme(application, scheme, font_factor), SystemClock(), Connection(), Tray(), memory)
    instance.come_forward.connect(desktop.come_forward)
    desktop.window.show()
    application.processEvents()  # the first frame
    try:
        yield desktop
    finally:
        instance.release()
        desktop.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def live(desktop: Desktop, root: Path, network: str) -> None:
    """Connects the window to its agent, started where it does not run, until `desktop.end`."""
    import asyncio

    from mulberry.client.control import ControlClient
    from mulberry.client.spawn import start_agent

    client = ControlClient(DataFolder.of_network(root, network))
    ended = asyncio.Event()
    desktop.ended.connect(ended.set)
    _end_with_signals(asyncio.get_running_loop(), desktop)
    hearing = asyncio.create_task(desktop.connection.run(client, lambda: start_agent(root, network)))
    stopping = _stop_and_quit_when_asked(desktop)
    waiting = asyncio.create_task(ended.wait())
    done, _ = await asyncio.wait({hearing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*stopping)
    for task in (hearing, waiting):
        task.cancel()
    await asyncio.gather(hearing, waiting, return_exceptions=True)
    if hearing in done:
        hearing.result()  # a bug ended it: let it be seen


def _stop_and_quit_when_asked(desktop: Desktop) -> "list[asyncio.Task[None]]":
    import asyncio

    tasks: list[asyncio.Task[None]] = []

    async def stop_and_quit() -> None:
        if await desktop.connection.stop_and_quit():
            desktop.end()

    desktop.stop_and_quit_asked.connect(lambda: tasks.append(asyncio.create_task(stop_and_quit())))
    return tasks


def _end_with_signals(loop: "asyncio.AbstractEventLoop", desktop: Desktop) -> None:
    """Ctrl-C in a terminal, a session that ends: as if the window were quit."""
    import signal

    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, desktop.end)


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
