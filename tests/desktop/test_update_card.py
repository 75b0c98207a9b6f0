"""The window asks before anything is fetched or replaced, and shows the maintainers' words as words."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry import __version__
from mulberry.desktop import update_wording as wording
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.theme import Theme
from mulberry.desktop.update_card import UpdateCard
from mulberry.model.errors import UserFacingError
from mulberry.model.settings import SettingsChange
from mulberry.model.update import InstalledBy, Problem, UpdateOrder, UpdateStatus, UpdateVerb, UpdateWork
from pretend_agent import PretendAgent
from shown_window import a_busy_agent, a_busy_status, settled, shown_window
from update_samples import A_NEWER_VERSION, NOTHING_KNOWN, RELEASE

COMMAND = "sudo apt install '/home/jörg/mulberry_0.2.0_amd64.deb'"


@pytest.fixture
def agent() -> PretendAgent:
    return a_busy_agent()


@pytest_asyncio.fixture
async def desktop(
    qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path, agent: PretendAgent
) -> AsyncGenerator[Desktop, None]:
    async with shown_window(theme, clock, tmp_path, agent=agent) as shown:
        shown.window.choose("About")
        await settled()
        yield shown


async def shown(desktop: Desktop, agent: PretendAgent, status: UpdateStatus) -> UpdateCard:
    agent.update_status = status
    desktop.window.about.updates.wanted.emit()
    await settled()
    return desktop.window.about.updates


async def answer(card: UpdateCard, button: str) -> None:
    question = card.question
    assert isinstance(question, QMessageBox)
    next(each for each in question.buttons() if each.text() == button).click()
    await settled()


async def test_it_is_asked_what_it_takes_before_anything_is_fetched(desktop: Desktop, agent: PretendAgent) -> None:
    card = desktop.window.about.updates
    assert card.offer.text() == "Version 0.2.0 of 2026-11-20 is there. The maintainers say:"
    card.install.click()
    assert card.question is not None
    assert card.question.text() == "Install version 0.2.0?"
    assert card.question.informativeText().startswith("98.0 MB are fetched from releases.example, and checked.")
    await answer(card, "Cancel")
    assert agent.update_orders == []
    card.install.click()
    await answer(card, wording.GO_ON)
    assert agent.update_orders == [UpdateOrder(UpdateVerb.APPLY, "0.2.0")]


async def test_the_owner_decides_about_the_version_that_is_shown(desktop: Desktop, agent: PretendAgent) -> None:
    card = desktop.window.about.updates
    card.later.click()
    card.skip.click()
    card.check.click()
    await settled()
    assert agent.update_orders == [
        UpdateOrder(UpdateVerb.LATER, "0.2.0"),
        UpdateOrder(UpdateVerb.SKIP, "0.2.0"),
        UpdateOrder(UpdateVerb.CHECK, "0.2.0"),
    ]


async def test_consent_is_one_switch_and_off_until_it_is_given(desktop: Desktop, agent: PretendAgent) -> None:
    card = await shown(desktop, agent, NOTHING_KNOWN)
    assert card.once_a_day.isVisible()
    assert not card.once_a_day.isChecked()
    assert "learns your IP address" in card.learns.text()
    card.once_a_day.click()
    await settled()
    assert agent.settings_changes == [SettingsChange({"update_check": True})]
    agent.settings_refusal = UserFacingError("Not changed.", "The disk is full.", "Make room.")
    card.once_a_day.click()
    await settled()
    assert not card.once_a_day.isChecked(), "it shows what holds"


async def test_what_is_under_way_can_be_cancelled_and_nothing_else(desktop: Desktop, agent: PretendAgent) -> None:
    fetching = replace(A_NEWER_VERSION, work=UpdateWork.FETCHING, received_bytes=49_000_000)
    card = await shown(desktop, agent, fetching)
    assert card.bar.isVisible()
    assert card.progress.text() == "49.0 MB of 98.0 MB fetched."
    assert [each.isVisible() for each in (card.install, card.later, card.skip, card.cancel)] == [False] * 3 + [True]
    card.cancel.click()
    await settled()
    assert agent.update_orders[0].verb is UpdateVerb.CANCEL
    card = await shown(desktop, agent, replace(A_NEWER_VERSION, work=UpdateWork.DRAINING))
    assert card.cancel.isVisible()
    card = await shown(desktop, agent, replace(A_NEWER_VERSION, work=UpdateWork.HANDED_OVER))
    assert not card.cancel.isVisible()


async def test_where_others_replace_it_the_command_can_be_copied(desktop: Desktop, agent: PretendAgent) -> None:
    card = await shown(desktop, agent, replace(A_NEWER_VERSION, by_itself=False, command=COMMAND))
    assert card.command.text() == COMMAND
    assert not card.install.isVisible()
    card.copy.click()
    assert QApplication.clipboard().text() == COMMAND


async def test_without_keys_or_feed_it_says_so_and_offers_nothing(desktop: Desktop, agent: PretendAgent) -> None:
    status = replace(NOTHING_KNOWN, feed="", cannot_check="This copy came without release keys.")
    card = await shown(desktop, agent, status)
    assert "This copy came without release keys." in card.state.text()
    assert not any(each.isVisible() for each in (card.check, card.once_a_day, card.install, card.skip))


async def test_what_went_wrong_is_told_in_full(desktop: Desktop, agent: PretendAgent) -> None:
    problem = Problem("The feed was not used.", "It takes 2.", "It is asked again later.")
    card = await shown(desktop, agent, replace(A_NEWER_VERSION, problem=problem))
    assert card.problem.text() == "The feed was not used. It takes 2. It is asked again later."


async def test_a_window_that_was_left_behind_says_so(desktop: Desktop, agent: PretendAgent) -> None:
    card = await shown(desktop, agent, replace(NOTHING_KNOWN, version=__version__))
    assert not card.other_window.isVisible()
    card = await shown(desktop, agent, replace(NOTHING_KNOWN, version="0.2.0"))
    assert card.other_window.text().startswith(f"This window is still version {__version__}.")


async def test_the_maintainers_words_are_words(desktop: Desktop, agent: PretendAgent) -> None:
    evil = "<b>bold</b> \u202egnp.exe\u2066 \x1b[31m\n" + "line\n" * 500 + "A" * 100_000
    card = await shown(desktop, agent, replace(A_NEWER_VERSION, offered=replace(RELEASE, notes=evil)))
    text = card.notes.text()
    assert text.startswith("<b>bold</b>  gnp.exe ")
    assert text.count("\n") <= wording.MOST_LINES
    assert card.notes.textFormat() is Qt.TextFormat.PlainText


async def test_a_silent_agent_takes_no_orders(desktop: Desktop, agent: PretendAgent) -> None:
    agent.fall_silent()
    await settled()
    card = desktop.window.about.updates
    assert not any(each.isEnabled() for each in (card.check, card.install, card.once_a_day, card.skip))


async def test_a_newer_version_is_looked_up_when_the_agent_tells_of_one(desktop: Desktop, agent: PretendAgent) -> None:
    card = await shown(desktop, agent, NOTHING_KNOWN)
    assert not card.offer.isVisible()
    agent.update_status = A_NEWER_VERSION
    agent.say(replace(a_busy_status(), newer_version="0.2.0"))
    await settled()
    assert card.offer.isVisible()


@pytest.mark.parametrize("by", list(InstalledBy))
def test_every_state_has_whole_sentences(by: InstalledBy) -> None:
    for work in UpdateWork:
        status = replace(A_NEWER_VERSION, installed_by=by, work=work)
        for words in (wording.state(status), *wording.question_of(status), wording.progress(status)):
            assert not words or words.endswith((".", "?", "…"))
