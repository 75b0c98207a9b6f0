"""The switch must show what the system will do, not what was clicked."""

import pytest
from pytestqt.qtbot import QtBot

from mulberry.client.autostart import WORDS, Autostart, Starts
from mulberry.desktop.autostart_card import AutostartCard
from mulberry.model.errors import UserFacingError

REFUSED = UserFacingError("What starts when you log in was not changed.", "The folder is read-only.", "Look there.")


class System:
    """What starts at login; `refuses` what the test says."""

    def __init__(self) -> None:
        self.starts = Starts.NOTHING
        self.refuses: UserFacingError | None = None
        self.problem = ""

    def read(self) -> Autostart:
        return Autostart(self.starts, "/home/me/.config/autostart/mulberry.desktop", self.problem)

    def choose(self, starts: Starts) -> Autostart:
        if self.refuses is not None:
            raise self.refuses
        self.starts = starts
        return self.read()


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def card(qtbot: QtBot, system: System) -> AutostartCard:
    made = AutostartCard(system.read, system.choose)
    qtbot.addWidget(made)
    made.show()
    return made


def test_nothing_starts_before_its_owner_said_so(card: AutostartCard, system: System) -> None:
    assert not card.starts.isChecked()
    assert not card.with_window.isEnabled()
    assert card.words.text() == WORDS[Starts.NOTHING]
    for click, starts in (
        (card.starts, Starts.AGENT),
        (card.with_window, Starts.WINDOW),
        (card.with_window, Starts.AGENT),
    ):
        click.click()
        assert system.starts is starts
        assert "mulberry.desktop" in card.where.text()
    card.starts.click()
    assert system.read().starts is Starts.NOTHING
    assert not card.where.isVisible()


def test_what_was_changed_elsewhere_is_seen(card: AutostartCard, system: System) -> None:
    system.starts, system.problem = Starts.AGENT, "/old/python is no longer there. Switch it on anew."
    card.hide()
    card.show()
    assert card.starts.isChecked()
    assert card.problem.isVisible() and "/old/python" in card.problem.text()


def test_a_refusal_leaves_the_switch_where_it_was(card: AutostartCard, system: System) -> None:
    told: list[object] = []
    card.failed.connect(told.append)
    system.refuses = REFUSED
    card.starts.click()
    assert not card.starts.isChecked()
    assert told == [REFUSED]


def test_a_system_without_a_place_says_so(qtbot: QtBot) -> None:
    def read() -> Autostart:
        raise UserFacingError("Mulberry cannot start by itself here.", "No place.", "Use your system's own way.")

    card = AutostartCard(read, lambda starts: read())
    qtbot.addWidget(card)
    card.show()
    assert not card.starts.isEnabled()
    assert "cannot start by itself" in card.words.text()
