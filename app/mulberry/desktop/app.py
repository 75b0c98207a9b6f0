"""Starts the window. It is painted first; what talks to the agent is imported after that."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication

from mulberry.client.first_run import FirstRunFile
from mulberry.desktop import qt_language
from mulberry.desktop.connection import Connection
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.single_instance import SingleInstance
from mulberry.desktop.theme import Scheme, Theme
from mulberry.desktop.tray import Tray
from mulberry.model.clock import SystemClock
from mulberry.model.log_file import log_to
from mulberry.model.places import DataFolder

if TYPE_CHECKING:
    import asyncio

    from mulberry.client.control import ControlClient

LOG_BYTES = 1_000_000
WINDOWS_APP_ID = "org.mulberry.Mulberry"  # as the Start menu's entry has it


def run(
    root: Path,
    network: str = "demo",
    *,
    scheme: Scheme = Scheme.FOLLOW,
    font_factor: float = 1.0,
    hidden: bool = False,
) -> int:
    """The window of `network` under the data folder `root`, until its owner quits it. The agent goes on.

    A second one for the same folder brings the first forward and returns at once, unless it is to be `hidden`. Where
    its owner chose another network, the window begins anew with that one.
    """
    with opened(root, network, scheme, font_factor, hidden=hidden) as desktop:
        if desktop is not None:
            import qasync

            with qasync.QEventLoop(QApplication.instance()) as loop:
                loop.run_until_complete(live(desktop, root, network))
    if desktop is not None and (other := desktop.first_run.moved_to):
        from mulberry.desktop.network_change import open_anew

        return open_anew(root, other)
    return 0


@contextmanager
def opened(
    root: Path, network: str, scheme: Scheme, font_factor: float, *, hidden: bool = False
) -> Iterator[Desktop | None]:
    """A window whose first frame is painted and which knows nothing yet; None where another process has it open.

    A `hidden` one is only an icon in the tray.
    """
    folder = DataFolder.of_network(root, network)
    folder.create()
    log_to(folder.window_log, logging.WARNING, LOG_BYTES, old_files=1)
    if sys.platform == "win32":  # or the taskbar takes the window for Python's, beside the pinned Mulberry
        import ctypes

        ctypes.windll.shell32.SetCurrentProcessExplicitAppUserModelID(WINDOWS_APP_ID)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Mulberry")
    # or Wayland shows a placeholder for our icon
    application.setDesktopFileName(os.environ.get("FLATPAK_ID", "mulberry"))
    application.setQuitOnLastWindowClosed(False)
    qt_language.speak(application)
    instance = SingleInstance(folder)
    if not instance.acquire(comes_forward=not hidden):
        yield None
        return
    memory = QSettings(str(folder.path / "window.ini"), QSettings.Format.IniFormat)
    theme, first_run = Theme(application, scheme, font_factor), FirstRunFile(root)
    desktop = Desktop(theme, SystemClock(), Connection(), Tray(), memory, first_run, network)
    desktop.window.show_folder(folder)
    instance.come_forward.connect(desktop.come_forward)
    instance.leave.connect(desktop.end)
    if hidden:
        desktop.wait_for_tray()
    else:
        desktop.window.show()
    application.processEvents()  # the first frame
    try:
        yield desktop
    finally:
        instance.release()
        desktop.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _offer_autostart(desktop: Desktop, root: Path, network: str, page: str) -> None:
    if page != "Settings":
        return
    from mulberry.client.autostart import autostart, start_at_login
    from mulberry.desktop.autostart_card import AutostartCard

    card = AutostartCard(autostart, lambda starts: start_at_login(starts, root, network))
    card.failed.connect(desktop.window.show_problem)
    desktop.window.settings.column.addWidget(card)


async def live(desktop: Desktop, root: Path, network: str) -> None:
    """Connects the window to its agent, started where it does not run, until `desktop.end`."""
    import asyncio

    from mulberry.client.control import ControlClient
    from mulberry.client.spawn import start_agent
    from mulberry.desktop.network_change import leave_when_asked

    client = ControlClient(DataFolder.of_network(root, network))
    ended = asyncio.Event()
    desktop.ended.connect(ended.set)
    if desktop.has_ended:  # asked to leave while it was opening
        ended.set()
    _end_with_signals(asyncio.get_running_loop(), desktop)
    hearing = asyncio.create_task(desktop.connection.run(client, lambda: start_agent(root, network)))
    desktop.window.page_made.connect(partial(_offer_autostart, desktop, root, network))
    stopping = _stop_and_quit_when_asked(desktop, client, DataFolder.of_network(root, network))
    leaving = leave_when_asked(desktop, client, DataFolder.of_network(root, network))
    waiting = asyncio.create_task(_wait(ended))
    done, _ = await asyncio.wait({hearing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    ending = [*stopping, *leaving]
    done |= {task for task in ending if task.done()}
    for task in (hearing, waiting, *ending):
        task.cancel()
    await asyncio.gather(hearing, waiting, *ending, return_exceptions=True)
    for task in done:
        task.result()  # a bug ended it: let it be seen


async def _wait(ended: "asyncio.Event") -> None:
    await ended.wait()


def _stop_and_quit_when_asked(
    desktop: Desktop, client: "ControlClient", folder: DataFolder
) -> "list[asyncio.Task[None]]":
    import asyncio

    from mulberry.client.farewell import Farewell
    from mulberry.desktop.farewell_dialog import FarewellDialog

    tasks: list[asyncio.Task[None]] = []

    def begin() -> None:
        if any(not task.done() for task in tasks):
            return
        dialog = FarewellDialog(desktop.window, desktop.theme)
        dialog.over.connect(desktop.end)
        dialog.finished.connect(dialog.deleteLater)
        farewell = Farewell(client, folder.lock, lambda: show())

        def show() -> None:
            dialog.show_steps(farewell.steps, all_ended=farewell.all_ended)

        show()
        desktop.window.come_forward()
        dialog.open()
        tasks.append(asyncio.create_task(see_it_end(farewell, dialog)))

    async def see_it_end(farewell: Farewell, dialog: FarewellDialog) -> None:
        try:
            await farewell.run()
        finally:
            dialog.let_go()

    desktop.stop_and_quit_asked.connect(begin)
    return tasks


def _end_with_signals(loop: "asyncio.AbstractEventLoop", desktop: Desktop) -> None:
    """Ctrl-C in a terminal, a session that ends: as if the window were quit."""
    import signal

    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, desktop.end)
