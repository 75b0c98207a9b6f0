"""Changes reach the agent one after the other, so that the page never shows an older answer over a newer wish."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from pytestqt.qtbot import QtBot

from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.settings_editors import SwitchEditor
from mulberry.desktop.settings_feed import SettingsFeed
from mulberry.desktop.settings_page import SettingsPage
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.rules import Decision, Rule
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.week import read_week
from pretend_agent import PretendAgent
from samples import a_status
from settings_samples import SETTINGS

NEVER = [*read_week("never").days]


class SlowAgent(PretendAgent):
    """Answers when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[SettingsChange] = []
        self.may_answer = asyncio.Event()
        self.settings_unknown: UserFacingError | None = None

    async def settings(self) -> SettingsStatus:
        if self.settings_unknown is not None:
            raise self.settings_unknown
        return await super().settings()

    async def change_settings(self, change: SettingsChange) -> SettingsStatus:
        self.asked.append(change)
        await self.may_answer.wait()
        self.may_answer.clear()
        return await super().change_settings(change)


class Settings:
    """A page and an agent."""

    def __init__(self, page: SettingsPage) -> None:
        self.page = page
        self.agent = SlowAgent()
        self.connection = Connection()
        self.feed = SettingsFeed(self.connection, page)

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None, None]:
        work = asyncio.create_task(self.connection.run(self.agent, self.agent.start))
        await self.passes()
        self.page.wanted.emit()
        await self.passes()
        self.page.build_all()
        try:
            yield
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    async def passes(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def answers(self) -> None:
        self.agent.may_answer.set()
        await self.passes()

    def switch(self, name: str) -> SwitchEditor:
        editor = self.page.fields[name].editor
        assert isinstance(editor, SwitchEditor)
        return editor

    def flip(self, name: str) -> None:
        self.switch(name).switch.click()
        self.page.fields[name].send()


@pytest.fixture
def settings(qtbot: QtBot, theme: Theme) -> Settings:
    page = SettingsPage(theme)
    qtbot.addWidget(page)
    page.show_view(View(Link.ANSWERS, a_status()))
    return Settings(page)


async def test_the_page_shows_what_holds_and_what_the_rules_see(settings: Settings) -> None:
    settings.agent.decision = Decision(blind=((Rule.BATTERY, "there is no file of it"),))
    async with settings.connected():
        assert set(settings.page.fields) == {setting.name for setting in SETTINGS.settings}
        assert "there is no file of it" in settings.page.fields["pause_on_battery"].rule.text()


async def test_an_agent_that_knows_no_settings_is_told_instead_of_waited_for(settings: Settings) -> None:
    settings.agent.settings_unknown = UserFacingError("The agent did not do it.", "It knows no settings.", "Update it.")
    async with settings.connected():
        assert settings.page.line.text() == "The agent did not do it. It knows no settings. Update it."
        settings.agent.settings_unknown = None
        settings.page.wanted.emit()
        await settings.passes()
        assert settings.page.status == SETTINGS


async def test_changes_go_one_after_the_other_and_the_newest_wish_wins(settings: Settings) -> None:
    async with settings.connected():
        settings.flip("pause_on_battery")
        settings.flip("pause_on_metered")
        settings.flip("pause_on_metered")
        settings.flip("pause_in_full_screen")
        await settings.passes()
        assert settings.agent.asked == [SettingsChange({"pause_on_battery": False})]
        await settings.answers()
        assert not settings.switch("pause_on_battery").switch.isChecked()
        assert not settings.switch("pause_in_full_screen").switch.isChecked(), "its turn comes"
        await settings.answers()
        await settings.answers()
        assert settings.agent.settings_changes == [
            SettingsChange({"pause_on_battery": False}),
            SettingsChange({"pause_on_metered": True}),
            SettingsChange({"pause_in_full_screen": False}),
        ]


async def test_an_answer_from_before_a_change_is_not_shown_after_it(settings: Settings) -> None:
    async with settings.connected():
        settings.flip("pause_on_battery")
        settings.page.wanted.emit()
        await settings.passes()
        assert not settings.switch("pause_on_battery").switch.isChecked()
        await settings.answers()
        assert not settings.page.fields["pause_on_battery"].setting.is_default


async def test_what_is_refused_is_told_at_its_field_and_the_next_goes_on(settings: Settings) -> None:
    async with settings.connected():
        settings.agent.settings_refusal = UserFacingError("It was not changed.", "The disk is full.", "Make room.")
        settings.flip("pause_on_battery")
        settings.flip("pause_on_metered")
        await settings.answers()
        assert settings.page.fields["pause_on_battery"].problem.text() == "It was not changed. The disk is full."
        assert settings.switch("pause_on_battery").switch.isChecked(), "what holds"
        settings.agent.settings_refusal = None
        await settings.answers()
        assert settings.agent.settings_changes == [SettingsChange({"pause_on_metered": False})]


async def test_a_reset_gives_the_default_again(settings: Settings) -> None:
    async with settings.connected():
        settings.flip("pause_on_battery")
        await settings.answers()
        settings.page.fields["pause_on_battery"].reset.click()
        await settings.answers()
        assert settings.agent.settings_changes[-1] == SettingsChange({}, reset=("pause_on_battery",))
        assert settings.switch("pause_on_battery").switch.isChecked()


async def test_a_drag_is_tried_out_with_its_newest_state_only_and_stores_nothing(settings: Settings) -> None:
    async with settings.connected():
        for text in ("Mon 0-1", "Mon 0-2", "Mon 0-3"):
            settings.page.tried.emit("schedule", [*read_week(text).days])
        settings.page.tried.emit("schedule", NEVER)
        await settings.answers()
        await settings.answers()
        assert [change.values["schedule"] for change in settings.agent.asked] == [
            [*read_week("Mon 0-1").days],
            NEVER,
        ]
        assert all(change.only_try for change in settings.agent.asked)
        assert settings.agent.settings_status == SETTINGS


async def test_an_agent_that_is_gone_is_told_at_the_field_that_was_changed(settings: Settings) -> None:
    async with settings.connected():
        settings.agent.runs = False
        settings.flip("pause_on_battery")
        await settings.answers()
        assert settings.page.fields["pause_on_battery"].problem.text()
        assert settings.switch("pause_on_battery").switch.isChecked()
        settings.page.wanted.emit()
        await settings.passes()
        assert settings.page.status == SETTINGS, "what was last heard stays"
