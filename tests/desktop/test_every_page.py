"""Who cannot see, cannot use a mouse, or has a small screen can use every page; strangers' words break none of them."""

import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PySide6.QtCore import QAbstractTableModel, QPoint, QRect, Qt
from PySide6.QtGui import QAction, QShortcut
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QLabel, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from accessible_walk import Role, Told, interactive
from conftest import SettableClock
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.jobs_table import NewestJobs
from mulberry.desktop.sidebar import PAGES
from mulberry.desktop.theme import Scheme, Theme
from mulberry.model.node import NodeState
from pretend_agent import PretendAgent
from samples import a_job, a_wallet
from shown_window import a_busy_agent, a_busy_status, settled, shown_window

ROLES_THAT_SAY_NOTHING = {Role.NoRole, Role.Client, Role.Pane, Role.Window}
SMALLEST_SCREEN = (640, 480)
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
HOSTILE = "<b>EVIL</b><img src='file:///etc/passwd'>\u202e\u2066\x1b[31m\n" + "A" * 100_000
LONGEST_SHOWN = 30_000  # characters of one text; some are joined of several


@pytest_asyncio.fixture
async def desktop(qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path) -> AsyncGenerator[Desktop, None]:
    async with shown_window(theme, clock, tmp_path) as shown:
        yield shown


async def turn_to(desktop: Desktop, page: str) -> QWidget:
    desktop.window.choose(page)
    await settled(20)
    shown = desktop.window.pages.currentWidget()
    assert shown is not None
    return shown


def describe(told: Told) -> str:
    kind = told.widget.metaObject().className() if told.widget is not None else "?"
    return f"{kind} “{told.name}” {told.role}"


async def test_everything_that_can_be_used_has_a_name_and_a_role(desktop: Desktop) -> None:
    for page in PAGES:
        shown = await turn_to(desktop, page)
        found = interactive(shown)
        assert len(found) >= 2, page
        nameless = [describe(told) for told in found if not told.name.strip() or told.role in ROLES_THAT_SAY_NOTHING]
        assert nameless == [], page


async def test_everything_that_can_be_used_is_reached_by_the_tab_key(desktop: Desktop) -> None:
    for page in PAGES:
        shown = await turn_to(desktop, page)
        for told in interactive(shown):
            assert told.widget is not None
            if told.role in (Role.StaticText, Role.TreeItem) or isinstance(told.widget, NewestJobs):
                continue  # read by arrow keys, or by a screen reader as a text; and shown on the Jobs page too
            if isinstance(told.widget, QAbstractButton) and told.widget.group() is not None:
                continue  # Tab reaches the chosen one of a group, arrow keys the others
            assert told.widget.focusPolicy() & Qt.FocusPolicy.TabFocus, f"{page}: {describe(told)}"


def in_tab_order(page: QWidget) -> list[QWidget]:
    """What the Tab key visits, beginning with the page."""
    visited: list[QWidget] = []
    widget = page.nextInFocusChain()
    while widget is not None and widget is not page:
        takes_focus = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isEnabled()
        if page.isAncestorOf(widget) and widget.isVisible() and takes_focus and widget.focusProxy() is None:
            visited.append(widget)
        widget = widget.nextInFocusChain()
    return visited


def named(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return f"{widget.metaObject().className()} “{widget.accessibleName() or text}”"


def place(widget: QWidget, page: QWidget) -> QRect:
    return QRect(widget.mapTo(page, QPoint(0, 0)), widget.size())


async def test_the_tab_key_goes_in_reading_order(desktop: Desktop) -> None:
    for page in PAGES:
        shown = await turn_to(desktop, page)
        visited = in_tab_order(shown)
        for before, after in pairwise(visited):
            here, there = place(before, shown), place(after, shown)
            goes_back = there.bottom() <= here.top() and there.left() < here.right()
            assert not goes_back, f"{page}: from {named(before)} to {named(after)}"


async def test_no_two_shortcuts_of_the_window_are_the_same(desktop: Desktop) -> None:
    shortcuts = [
        shortcut.key().toString()
        for shortcut in desktop.window.findChildren(QShortcut)
        if shortcut.context() is Qt.ShortcutContext.WindowShortcut
    ]
    actions = [action.shortcut().toString() for action in desktop.window.findChildren(QAction)]
    taken = [keys for keys in (*shortcuts, *actions) if keys]
    assert len(taken) >= 10
    assert sorted(taken) == sorted(set(taken))


@pytest.mark.parametrize("scheme", [Scheme.DARK, Scheme.HIGH_CONTRAST])
async def test_home_needs_no_scrolling_on_a_usual_screen(desktop: Desktop, theme: Theme, scheme: Scheme) -> None:
    theme.choose(scheme)
    try:
        desktop.window.resize(1280, 800)
        home = desktop.window.home
        for state in NodeState:
            home.show_view(replace(desktop.connection.view, status=a_busy_status(state)))
            await settled(5)
            assert home.verticalScrollBar().maximum() == 0, state
    finally:
        theme.choose(Scheme.DARK)


async def test_the_smallest_screen_shows_every_page_whole_in_its_width(desktop: Desktop) -> None:
    desktop.window.resize(*SMALLEST_SCREEN)
    for page in PAGES:
        shown = await turn_to(desktop, page)
        assert (desktop.window.width(), desktop.window.height()) == SMALLEST_SCREEN, page
        if isinstance(shown, QScrollArea):
            assert shown.horizontalScrollBar().maximum() == 0, page


async def test_without_room_for_names_the_pages_are_still_told_and_reached(desktop: Desktop) -> None:
    desktop.window.resize(*SMALLEST_SCREEN)
    await settled(5)
    sidebar = desktop.window.sidebar
    assert sidebar.width() < 150
    assert [sidebar.list.item(row).text() for row in range(sidebar.list.count())] == list(PAGES)
    assert sidebar.list.item(2).toolTip() == "Jobs"
    desktop.window.resize(1280, 800)
    await settled(5)
    assert sidebar.width() > 150
    assert sidebar.list.item(2).toolTip() == ""


def hostile(value: Any, keep: frozenset[str] = frozenset()) -> Any:
    """The same with strangers' words in every text but those of the fields to `keep`, which must be what they are."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, tuple):
        return tuple(hostile(each, keep) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: hostile(getattr(value, field.name), keep)
            for field in fields(value)
            if field.init and field.name not in keep
        }
        return replace(value, **changed)
    return value


ADDRESSES = frozenset({"owner", "node_wallet", "address", "account", "counterparty", "hash", "public_key", "proxy"})


def a_hostile_agent() -> PretendAgent:
    agent = a_busy_agent()
    agent.ledger = [hostile(a_job(number)) for number in range(1, 41)]
    agent.chain = [hostile(each, ADDRESSES) for each in agent.chain]
    agent.model_status = hostile(agent.model_status)
    agent.eligibility_report = hostile(agent.eligibility_report)
    agent.seen_computer = hostile(agent.seen_computer)
    agent.attestation_status = hostile(agent.attestation_status)
    return agent


def shown_texts(page: QWidget) -> Iterator[tuple[QWidget, str]]:
    """Everything that is written somewhere: labels, tables and lists."""
    for label in page.findChildren(QLabel):
        yield label, label.text()
    for view in page.findChildren(QAbstractItemView):
        model = view.model()
        if model is None:
            continue
        for row in range(min(model.rowCount(), 50)):
            for column in range(model.columnCount() if isinstance(model, QAbstractTableModel) else 1):
                said = model.index(row, column).data(Qt.ItemDataRole.DisplayRole)
                yield view, said if isinstance(said, str) else ""


@pytest.mark.parametrize("state", [NodeState.EARNING, NodeState.GETTING_READY, NodeState.NEEDS_YOU])
async def test_strangers_words_are_text_that_is_cut_and_makes_nothing_wider(
    qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path, state: NodeState
) -> None:
    status = hostile(a_busy_status(state), frozenset({"public_key"}))
    wallet = hostile(a_wallet(), ADDRESSES)
    async with shown_window(theme, clock, tmp_path, agent=a_hostile_agent(), status=status, wallet=wallet) as desktop:
        desktop.window.resize(1280, 800)
        seen = 0
        for page in PAGES:
            shown = await turn_to(desktop, page)
            assert desktop.window.width() == 1280, f"{page}: it became wider"
            if isinstance(shown, QScrollArea):
                assert shown.horizontalScrollBar().maximum() == 0, f"{page}: it became wider"
            for widget, text in shown_texts(desktop.window):
                seen += "EVIL" in text
                assert not TURNING.search(text), f"{page}: {widget}"
                assert len(text) <= LONGEST_SHOWN, f"{page}: {widget}"
                if isinstance(widget, QLabel) and "EVIL" in text:
                    assert widget.textFormat() is Qt.TextFormat.PlainText, f"{page}: {widget}"
            for widget in desktop.window.findChildren(QWidget):
                tip = widget.toolTip()
                assert "<b>EVIL" not in tip, f"{page}: {widget}"  # Qt would take it for markup
                assert len(tip) <= 2 * LONGEST_SHOWN, f"{page}: {widget}"
        assert seen > 20, "the words were not shown at all"
