"""Draws every page, and every component in every state, to be looked at: no agent, no screen, a few seconds.

    PYTHONPATH=app:tests python tools/style_page.py FOLDER [SCALE] [WIDTHxHEIGHT]

SCALE is in per cent (100). What is shown is what the tests show. Each picture is made in every scheme, and once
mirrored for languages that are read from right to left. It speaks the language that LANGUAGE names (en, de, id, ru).
"""

import os
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = str(int(sys.argv[2]) / 100) if len(sys.argv) > 2 else "1"

from mulberry.model import language

language.use(language.SYSTEM)

import qasync
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from mulberry.desktop.cards import Bar, Card, Page, Text, choice_button, plain_button
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.home import HomePage
from mulberry.desktop.sidebar import PAGES
from mulberry.desktop.theme import Scheme, Theme
from mulberry.model.node import NodeState
from samples import NOON, a_wallet
from shown_window import a_busy_status, settled, shown_window

SCALE = round(float(os.environ["QT_SCALE_FACTOR"]) * 100)
DIRECTIONS = {"": Qt.LayoutDirection.LeftToRight, "-mirrored": Qt.LayoutDirection.RightToLeft}
TEXT_LOOKS = (
    *("page-title", "state", "number", "card-title", "sentence", "label", "source", "value", "strong", "warn", "bad"),
    *("command", "fact"),
)
TONES = {"state": ("", "bad"), "fact": ("", "warn", "bad", "muted")}


@dataclass(frozen=True)
class Clock:
    """Stands at noon."""

    def now(self) -> datetime:
        return NOON


def texts() -> Card:
    card = Card("Texts")
    for look in TEXT_LOOKS:
        for tone in TONES.get(look, ("",)):
            text = Text(f"{look} {tone} 1,234.5678 TON", look)
            text.mark("tone", tone)
            card.column.addWidget(text)
    return card


def controls(theme: Theme) -> Card:
    """Each once as it is, once with the focus's look where a picture can have it, once disabled."""
    card = Card("Controls")
    grid = QGridLayout()
    for row, is_enabled in enumerate((True, False)):
        main = QPushButton("Start earning")
        main.setProperty("look", "main")
        chosen = choice_button("Chosen")
        chosen.setChecked(True)
        line, number, choice, tick = QLineEdit("typed"), QSpinBox(), QComboBox(), QCheckBox("Ticked")
        choice.addItem("One of a few")
        tick.setChecked(True)
        parts = (main, plain_button("Plain"), chosen, line, number, choice, tick, QCheckBox("Not ticked"))
        for place, part in enumerate(parts):
            part.setEnabled(is_enabled)
            grid.addWidget(part, 2 * row + place // 4, place % 4)
    card.column.addLayout(grid)
    for role in ("accent", "earn", "promised"):
        for share in (None, 0.0, 0.03, 0.6, 1.0):
            bar = Bar(theme, role, role, striped=role == "promised")
            bar.show_share(share, "")
            card.column.addWidget(bar)
    return card


def components(theme: Theme) -> QWidget:
    page = Page()
    page.setWindowTitle("Components")
    page.column.addWidget(controls(theme))
    page.column.addWidget(texts())
    page.column.addStretch()
    return page


async def draw_pages(desktop: Desktop, picture: str) -> None:
    """`picture` has a {} for what it shows. Pages longer than the window are drawn again from their end."""
    for page in PAGES:
        desktop.window.choose(page)
        await settled()
        desktop.window.grab().save(picture.format(page.lower()))
        shown = desktop.window.pages.currentWidget()
        if isinstance(shown, Page) and shown.verticalScrollBar().maximum() > 0:
            shown.verticalScrollBar().setValue(shown.verticalScrollBar().maximum())
            await settled(5)
            desktop.window.grab().save(picture.format(f"{page.lower()}-end"))


async def draw_states(desktop: Desktop, picture: str) -> None:
    """The Home page in each of the node's states."""
    desktop.window.choose("Home")
    home: HomePage = desktop.window.home
    for state in NodeState:
        home.show_view(replace(desktop.connection.view, status=a_busy_status(state), wallet=a_wallet()))
        await settled(5)
        desktop.window.grab().save(picture.format(f"home-{state.replace(' ', '-')}"))


async def draw_all(theme: Theme, folder: Path, width: int, height: int) -> None:
    for scheme in (Scheme.LIGHT, Scheme.DARK, Scheme.HIGH_CONTRAST):
        for name, direction in DIRECTIONS.items():
            if name and scheme is not Scheme.LIGHT:
                continue
            theme.choose(scheme)
            QApplication.setLayoutDirection(direction)
            picture = str(folder / f"{{}}-{scheme.replace(' ', '-')}{name}-{SCALE}.png")
            shown = components(theme)
            shown.resize(width, height)
            shown.show()
            await settled(5)
            shown.grab().save(picture.format("components"))
            shown.deleteLater()
            with tempfile.TemporaryDirectory(prefix="mulberry-") as temporary:
                async with shown_window(theme, Clock(), Path(temporary)) as desktop:
                    desktop.window.resize(width, height)
                    await draw_pages(desktop, picture)
                    if SCALE == 100 and not name:
                        await draw_states(desktop, picture)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    width, height = map(int, (sys.argv[3] if len(sys.argv) > 3 else "1280x800").split("x"))
    application = QApplication([])
    application.setQuitOnLastWindowClosed(False)
    with qasync.QEventLoop(application) as loop:
        loop.run_until_complete(draw_all(Theme(application, Scheme.LIGHT), folder, width, height))
    for picture in sorted(folder.glob("*.png")):
        print(picture)


if __name__ == "__main__":
    main()
