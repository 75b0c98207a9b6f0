"""Trays come late, go away, or are not there at all; the icon's text is often all that an owner reads."""

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop import wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.icons import tray_icon
from mulberry.desktop.tray import LOOK_AGAIN_MILLISECONDS, Tray
from mulberry.model.control import Command
from mulberry.model.node import NodeState, Want
from mulberry.model.sentence import sentence
from samples import a_status


class Panel:
    """Whether the desktop has a tray, as the test says."""

    def __init__(self, *, there: bool) -> None:
        self.there = there

    def __call__(self) -> bool:
        return self.there


@pytest.mark.parametrize("state", NodeState)
def test_tooltip_and_menu_follow_the_observed_state(qtbot: QtBot, state: NodeState) -> None:
    tray = Tray(Panel(there=True))
    status = a_status(state)
    tray.show_view(View(Link.ANSWERS, status))
    assert tray.icon is not None
    assert tray.icon.toolTip() == tray.tooltip == sentence(status)
    shown = [action.text() for action in tray.menu.actions() if action.text() and action.isVisible()]
    offer = wording.offer(status)
    besides = ["Stop now"] * offer.can_stop + ["Pause"] * offer.can_pause
    assert shown == ["Open Mulberry", offer.main.text, *besides, wording.QUIT_WINDOW, wording.STOP_AND_QUIT]
    assert len(shown) <= 7
    tray.close()


def test_the_menu_asks_for_what_it_says(qtbot: QtBot) -> None:
    tray = Tray(Panel(there=True))
    asked: list[object] = []
    tray.asked.connect(asked.append)
    tray.quit_asked.connect(lambda: asked.append("quit"))
    tray.stop_and_quit_asked.connect(lambda: asked.append("stop and quit"))
    tray.open_asked.connect(lambda: asked.append("open"))
    tray.show_view(View(Link.ANSWERS, a_status()))
    for action in tray.menu.actions():
        action.trigger()
    assert asked == ["open", Command(Want.FINISH), Command(Want.STOP), "quit", "stop and quit"]
    tray.close()


def test_a_silent_agent_is_said_and_drawn_without_a_state(qtbot: QtBot) -> None:
    tray = Tray(Panel(there=True))
    tray.show_view(View(Link.SILENT, a_status()))
    assert tray.icon is not None
    assert tray.icon.toolTip() == "The agent does not answer; trying again."
    assert tray.main_action.text() == "Start earning"
    tray.close()


def test_without_a_tray_everything_else_works(qtbot: QtBot) -> None:
    panel = Panel(there=False)
    tray = Tray(panel)
    tray.show_view(View(Link.ANSWERS, a_status()))
    tray.say("nobody sees this")
    assert not tray.is_shown
    tray.close()


def test_a_tray_that_comes_late_gets_a_new_icon(qtbot: QtBot) -> None:
    panel = Panel(there=False)
    tray = Tray(panel)
    tray.show_view(View(Link.ANSWERS, a_status(NodeState.READY)))
    panel.there = True
    tray.look_for_tray()
    assert tray.icon is not None
    assert tray.icon.toolTip() == sentence(a_status(NodeState.READY))
    tray.close()


def test_a_panel_that_was_started_anew_gets_a_new_icon(qtbot: QtBot) -> None:
    panel = Panel(there=True)
    tray = Tray(panel)
    before = tray.icon
    told: list[bool] = []
    tray.gone.connect(lambda: told.append(True))
    panel.there = False
    tray.look_for_tray()
    assert not tray.is_shown and told == [True]
    panel.there = True
    tray.look_for_tray()
    assert tray.icon is not None and tray.icon is not before
    tray.close()


def test_the_pauses_are_those_of_the_window(qtbot: QtBot, clock: SettableClock) -> None:
    tray = Tray(Panel(there=True), clock)
    asked: list[object] = []
    tray.asked.connect(asked.append)
    tray.show_view(View(Link.ANSWERS, a_status()))
    clock.pass_time(days=1)
    tray.pauses.aboutToShow.emit()
    for action in tray.pauses.actions():
        action.trigger()
    assert asked == [verb.command for verb in wording.pauses(clock.now())]
    tray.close()


def test_looking_for_a_tray_wakes_the_computer_rarely() -> None:
    assert LOOK_AGAIN_MILLISECONDS >= 5000


def test_every_state_has_a_shape_of_its_own_at_16_pixels_in_one_colour(qtbot: QtBot) -> None:
    def silhouette(state: NodeState | None) -> bytes:
        image = tray_icon(state).pixmap(16, 16).toImage().convertToFormat(QImage.Format.Format_Alpha8)
        return bytes(image.constBits())

    drawn = {state: silhouette(state) for state in (*NodeState, None)}
    for state, shape in drawn.items():
        for other, other_shape in drawn.items():
            different = sum(abs(a - b) > 128 for a, b in zip(shape, other_shape, strict=True))
            assert state is other or different >= 5, (state, other, different)
