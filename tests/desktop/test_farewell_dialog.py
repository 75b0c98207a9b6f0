"""Who stops everything must see that it has stopped, and must not be shut out while it has not."""

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from mulberry.desktop.farewell_dialog import ALL_ENDED, READ_MILLISECONDS, STUCK, FarewellDialog
from mulberry.desktop.theme import Theme
from mulberry.model.node import Step, StepState

DONE = (Step("Stop the work", StepState.DONE), Step("End the agent", StepState.DONE, "Its process has ended."))
HALF = (Step("Stop the work", StepState.DONE), Step("End the agent", StepState.BLOCKED, "It has not ended."))


@pytest.fixture
def dialog(qtbot: QtBot, theme: Theme) -> Iterator[FarewellDialog]:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    made = FarewellDialog(window, theme)
    made.open()
    yield made
    made.let_go()
    made.reject()


def test_it_closes_by_itself_when_all_has_ended(qtbot: QtBot, dialog: FarewellDialog) -> None:
    dialog.show_steps(DONE, all_ended=True)
    dialog._closing.setInterval(0)
    with qtbot.waitSignal(dialog.over, timeout=5000):
        dialog.let_go()
    assert dialog.heading.text() == ALL_ENDED
    assert READ_MILLISECONDS >= 2000, "long enough to be read"


def test_what_did_not_end_is_said_and_the_owner_decides(qtbot: QtBot, dialog: FarewellDialog) -> None:
    over: list[bool] = []
    dialog.over.connect(lambda: over.append(True))
    dialog.show_steps(HALF, all_ended=False)
    dialog.let_go()
    assert dialog.heading.text() == STUCK
    assert not dialog._closing.isActive()
    dialog.stay.click()
    assert over == []
    assert not dialog.isVisible()


def test_the_window_may_be_closed_although_something_stays(qtbot: QtBot, dialog: FarewellDialog) -> None:
    dialog.show_steps(HALF, all_ended=False)
    dialog.let_go()
    with qtbot.waitSignal(dialog.over, timeout=5000):
        dialog.close_window.click()


def test_escape_does_not_hide_what_is_under_way(dialog: FarewellDialog) -> None:
    dialog.show_steps(HALF[:1], all_ended=False)
    dialog.reject()
    dialog.close()
    assert dialog.isVisible()
