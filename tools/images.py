"""Makes the pictures under docs/images/: the real app on the real demo network, drawn without a screen.

    python tools/images.py [FOLDER]

It presses "Start earning", waits until there is something to see, and draws each page in both colour schemes. It takes
some minutes, because the jobs are really done.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = "2"

import qasync
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from mulberry.client.control import ControlClient
from mulberry.client.first_run import FirstRunFile
from mulberry.desktop.app import live, opened
from mulberry.desktop.connection import View
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.icons import tray_icon
from mulberry.desktop.sidebar import PAGES
from mulberry.desktop.theme import Scheme, Theme
from mulberry.desktop.window import USUAL_SIZE
from mulberry.model.first_run import FirstRun, FirstStep
from mulberry.model.network import Traffic
from mulberry.model.node import NodeState, Status
from mulberry.model.places import DataFolder
from mulberry.model.sentence import TITLES, sentence

NETWORK = "demo"
JOBS_WANTED = 240
REQUESTS_PER_MINUTE = 90
LONGEST_WAIT_SECONDS = 480
FETCH_SECONDS = 3  # for a page to fetch and paint what it shows: more than it waits between two questions
MARGIN, STATE_WIDTH, STATE_HEIGHT = 24, 180, 68  # in the picture of the tray


async def seen(desktop: Desktop, condition: Callable[[Status], bool]) -> None:
    """Returns when the agent says something for which `condition` holds."""
    arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def look(view: View) -> None:
        if view.status is None or view.is_stale or arrived.done():
            return
        if view.status.state is NodeState.NEEDS_YOU:
            arrived.set_exception(RuntimeError(sentence(view.status)))
        elif condition(view.status):
            arrived.set_result(None)

    desktop.connection.viewed.connect(look)
    try:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            await arrived
    finally:
        desktop.connection.viewed.disconnect(look)


async def earn(desktop: Desktop) -> None:
    """Presses the large button once it can be pressed; returns many jobs and a payout later, in the middle of a job."""
    await seen(desktop, lambda status: status.state is NodeState.STOPPED)
    desktop.window.home.state.main.click()
    await seen(desktop, lambda status: status.earnings.jobs_total >= JOBS_WANTED and status.earnings.paid > 0)
    for page in PAGES:
        desktop.window.choose(page)
        await asyncio.sleep(FETCH_SECONDS)
    await seen(desktop, lambda status: status.running_requests > 0)


def draw_tray(theme: Theme, desktop: Desktop) -> QPixmap:
    """A panel's corner with the icon as it is now, its text and its menu; below, the icon of each state."""
    desktop.tray.menu.adjustSize()
    menu = desktop.tray.menu.grab()
    beside = MARGIN + menu.deviceIndependentSize().toSize().width() + MARGIN
    width, height = beside + 2 * STATE_WIDTH, 56 + (len(NodeState) + 1) // 2 * STATE_HEIGHT
    picture = QPixmap(width * 2, height * 2)
    picture.setDevicePixelRatio(2)
    colours = theme.colours
    picture.fill(QColor(colours.canvas))
    painter = QPainter(picture)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    painter.fillRect(0, 0, width, 32, QColor(colours.surface))
    status = desktop.connection.view.status
    painter.drawPixmap(MARGIN, 5, tray_icon(status.state if status is not None else None).pixmap(22, 22))
    painter.setFont(theme.font(13))
    painter.setPen(QColor(colours.text))
    painter.drawText(QRect(60, 0, width - 72, 32), Qt.AlignmentFlag.AlignVCenter, desktop.tray.tooltip)
    painter.drawPixmap(QPoint(MARGIN, 44), menu)
    for number, state in enumerate(NodeState):
        left, top = beside + number % 2 * STATE_WIDTH, 56 + number // 2 * STATE_HEIGHT
        painter.drawPixmap(left, top + 8, tray_icon(state).pixmap(16, 16))
        painter.drawPixmap(left + 26, top, tray_icon(state).pixmap(32, 32))
        painter.drawText(QRect(left + 66, top, 90, 32), Qt.AlignmentFlag.AlignVCenter, TITLES[state])
    painter.end()
    return picture


async def draw_all(theme: Theme, desktop: Desktop, folder: Path) -> None:
    focused = QApplication.focusWidget()
    if isinstance(focused, QWidget):
        focused.clearFocus()  # a picture has no keyboard
    for scheme in (Scheme.DARK, Scheme.LIGHT):
        theme.choose(scheme)
        for page in PAGES:
            desktop.window.choose(page)
            await asyncio.sleep(FETCH_SECONDS)
            desktop.window.grab().save(str(folder / f"{page.lower()}-{scheme}.png"))
        draw_tray(theme, desktop).save(str(folder / f"tray-{scheme}.png"))
        desktop.window.choose(PAGES[0])


async def make(desktop: Desktop, root: Path, folder: Path) -> None:
    living = asyncio.create_task(live(desktop, root, NETWORK))
    working = asyncio.create_task(earn_and_draw(desktop, folder))
    await asyncio.wait({living, working}, return_when=asyncio.FIRST_COMPLETED)  # Ctrl-C ends the first alone
    if not living.done():
        desktop.end()
    working.cancel()
    await asyncio.wait({living, working})
    await ControlClient(DataFolder.of_network(root, NETWORK)).quit()
    await living
    await working


async def earn_and_draw(desktop: Desktop, folder: Path) -> None:
    await earn(desktop)
    await draw_all(desktop.theme, desktop, folder)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mulberry-") as temporary:
        root = Path(temporary)
        demo = DataFolder.of_network(root, NETWORK).demo_network
        demo.mkdir(parents=True)
        (demo / "traffic.json").write_text(Traffic(requests_per_minute=REQUESTS_PER_MINUTE).model_dump_json())
        first_steps = FirstRun(FirstStep.END, is_done=True, network=NETWORK)
        FirstRunFile(root).save(first_steps)  # or they stand before the pages
        with opened(root, NETWORK, Scheme.DARK, 1.0) as desktop:
            assert desktop is not None
            desktop.window.resize(USUAL_SIZE)  # there is no screen that it has to fit on
            with qasync.QEventLoop(QApplication.instance()) as loop:
                loop.run_until_complete(make(desktop, root, folder))
    for picture in sorted(folder.glob("*.png")):
        print(picture)


if __name__ == "__main__":
    main()
