"""The first minutes decide whether an owner stays: nothing begins unasked, nothing is lost, each page can be left."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.client.autostart import Starts
from mulberry.client.first_run import FirstRunFile
from mulberry.desktop import first_run_wording
from mulberry.desktop.connection import Connection
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.first_run import FirstSteps
from mulberry.desktop.key_dialog import PassphraseDialog
from mulberry.desktop.theme import Theme
from mulberry.desktop.tray import Tray
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.first_run import STEPS, FirstRun, FirstStep, Preset
from mulberry.model.node import NodeState, Want
from mulberry.model.settings import SettingsChange
from mulberry.model.wallet import WalletStatus
from pretend_agent import PretendAgent
from samples import NOON, OWNER, a_status, a_wallet

REFUSED = UserFacingError("It was refused.", "The test wants that.", "Try again.")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0)


class Opened:
    """A window at its first steps, and the agent in memory that it talks to."""

    def __init__(self, theme: Theme, clock: SettableClock, root: Path) -> None:
        self.agent = PretendAgent()
        self.file = FirstRunFile(root)
        self.connection = Connection()
        memory = QSettings(str(root / "window.ini"), QSettings.Format.IniFormat)
        tray = Tray(lambda: False)
        self.desktop = Desktop(theme, clock, self.connection, tray, memory, self.file, "demo")
        self.desktop.window.show()
        self._task = asyncio.create_task(self.connection.run(self.agent, self.agent.start))

    @property
    def steps(self) -> FirstSteps:
        return self.desktop.first_run.steps

    @property
    def is_shown(self) -> bool:
        return self.desktop.window.layers.currentIndex() > 0

    async def hear(self, *, real_money: bool = False, wallet: WalletStatus | None = None) -> None:
        status = a_status(NodeState.STOPPED)
        if real_money:
            status = replace(status, network=replace(status.network, is_demo=False, title="Cocoon on TON"))
        self.agent.say(status, wallet=wallet or a_wallet())
        await until(lambda: self.connection.view.status == status)

    async def at(self, step: FirstStep) -> None:
        """On that page, by leaving out what comes before."""
        while self.desktop.first_run.state.step is not step:
            self.steps.skip.click()
        await asyncio.sleep(0)

    async def reaches(self, step: FirstStep) -> None:
        await until(lambda: self.desktop.first_run.state.step is step)

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.desktop.end()
        self.desktop.window.deleteLater()
        self.desktop.deleteLater()
        await asyncio.sleep(0)


Open = Callable[[], Opened]


@pytest_asyncio.fixture
async def opens(
    qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Open, None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made: list[Opened] = []

    def one() -> Opened:
        made.append(Opened(theme, clock, tmp_path))
        return made[-1]

    yield one
    for opened in made:
        await opened.close()


async def test_who_is_new_agrees_page_by_page_and_starts_at_the_end(opens: Open) -> None:
    first = opens()
    await first.hear()
    assert first.is_shown
    assert first.steps.go_on.text() == first_run_wording.AGREE
    for step in STEPS[1:]:
        first.steps.go_on.click()
        await first.reaches(step)
    assert first.agent.commands == [], "nothing begins before Start is pressed"
    assert first.steps.go_on.text() == first_run_wording.START
    first.steps.go_on.click()
    await until(lambda: first.agent.commands)
    assert first.agent.commands == [Command(Want.START)]
    assert not first.is_shown
    state = first.file.load()
    assert state is not None
    assert (state.is_done, state.agreed_at, state.network) == (True, NOON, "demo")
    assert first.agent.settings_changes == [], "to go on without a choice changes nothing"
    assert not opens().is_shown, "never again once it is done"


async def test_who_only_looks_around_can_skip_every_page_and_starts_nothing(opens: Open) -> None:
    first = opens()
    await first.hear()
    for _ in STEPS[1:]:
        first.steps.skip.click()
    assert first.steps.go_on.text() == first_run_wording.TO_HOME, "who has not agreed is not offered to start"
    assert first.steps.skip.isHidden()
    first.steps.go_on.click()
    assert not first.is_shown
    assert (first.agent.commands, first.agent.settings_changes, first.agent.owners) == ([], [], [])
    state = first.file.load()
    assert state is not None
    assert state.is_done
    assert state.agreed_at is None


@pytest.mark.parametrize("step", STEPS)
async def test_escape_leaves_each_page_and_the_next_start_goes_on_there(opens: Open, step: FirstStep) -> None:
    first = opens()
    await first.hear()
    first.file.save(FirstRun(step))
    await first.at(step)
    if step is FirstStep.END:
        assert first.steps.later.isHidden(), "there, everything is decided"
    else:
        first.steps.later.click()
        assert not first.is_shown
    second = opens()
    assert second.is_shown
    assert second.desktop.first_run.state.step is step


async def test_who_closes_the_window_on_the_first_page_sees_it_again(opens: Open) -> None:
    first = opens()
    first.desktop.end()
    assert opens().is_shown


async def test_who_has_used_the_window_before_it_had_first_steps_is_not_asked(opens: Open, tmp_path: Path) -> None:
    opens().desktop.end()
    (tmp_path / "first-run.json").unlink()
    second = opens()
    assert not second.is_shown
    assert second.desktop.window.pages.currentWidget() is second.desktop.window.home


async def test_it_is_done_by_keyboard_alone(qapp: QApplication, opens: Open) -> None:
    first = opens()
    window = first.desktop.window
    window.activateWindow()
    await first.hear()
    await until(lambda: qapp.focusWidget() is first.steps.go_on)
    QTest.keyClick(window, Qt.Key.Key_Return)
    assert first.desktop.first_run.state.step is FirstStep.CAN_EARN
    QTest.keyClick(window, Qt.Key.Key_Return)
    first_choice = first.steps.network.choices.buttons["demo"]
    await until(lambda: qapp.focusWidget() is first_choice)  # the question has the keyboard
    await until(lambda: first.steps.network.file.nextInFocusChain() is first.steps.back)
    QTest.keyClick(first_choice, Qt.Key.Key_Down)
    assert first.steps.network.choices.chosen == "mainnet"
    tabbed = []
    for _ in range(5):
        QTest.keyClick(window, Qt.Key.Key_Tab)
        tabbed.append(qapp.focusWidget())
    assert tabbed == [
        first.steps.network.file,
        first.steps.back,
        first.steps.later,
        first.steps.skip,
        first.steps.go_on,
    ]
    first.steps.back.setFocus()
    QTest.keyClick(first.steps.back, Qt.Key.Key_Return)
    assert first.desktop.first_run.state.step is FirstStep.CAN_EARN, "on a button, Enter presses that button"
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not first.is_shown


async def test_it_is_reached_again_from_the_window_and_stays_done(opens: Open) -> None:
    first = opens()
    first.file.save(FirstRun(FirstStep.END, is_done=True, agreed_at=NOON))
    second = opens()
    await second.hear()
    assert not second.is_shown
    second.desktop.window.sidebar.first_steps.click()
    assert second.is_shown
    assert second.desktop.first_run.state.step is FirstStep.WELCOME
    assert second.steps.welcome.agreed.text().startswith("You agreed on")
    second.steps.go_on.click()
    assert not opens().is_shown


async def test_a_page_of_the_window_can_be_chosen_meanwhile(opens: Open) -> None:
    first = opens()
    first.desktop.window.choose("Home")
    assert not first.is_shown
    assert first.desktop.window.home.isVisible()


async def test_the_answers_about_this_computer_are_shown_and_asked_for_anew(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.CAN_EARN)
    section = first.steps.can_earn.section
    await until(lambda: section.report is not None)
    section.again.click()
    await until(lambda: True in first.agent.eligibility_asked)


async def test_another_network_is_asked_for_and_nothing_moves_before_it_answers(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.NETWORK)
    wanted: list[str] = []
    first.desktop.first_run.network_wanted.connect(wanted.append)
    first.steps.network.choices.choose("mainnet")
    first.steps.go_on.click()
    assert wanted == ["mainnet"]
    assert not first.steps.go_on.isEnabled()
    first.desktop.first_run.not_moved(REFUSED)
    assert first.steps.go_on.isEnabled()
    assert "It was refused." in first.steps.problem.text()
    assert first.desktop.first_run.state.step is FirstStep.NETWORK
    first.desktop.first_run.moved("mainnet")
    state = first.file.load()
    assert state is not None
    assert (state.network, state.step) == ("mainnet", FirstStep.OWNER)


async def test_a_network_can_be_joined_by_a_file(opens: Open, tmp_path: Path) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.NETWORK)
    page = first.steps.network
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    page.file_chosen.emit(broken)
    assert "broken.json is not usable" in first.steps.problem.text()
    parameters = {"price_per_token": 20, "worker_fee_per_token": 20, "registered_proxies": []}
    (tmp_path / "friends.json").write_text(json.dumps(parameters))
    page.file_chosen.emit(tmp_path / "friends.json")
    assert page.choices.chosen == "test-friends"
    assert list(page.choices.buttons) == ["demo", "mainnet", "test-friends"]


async def test_a_wrong_address_is_refused_with_the_reason_and_a_right_one_goes_on(opens: Open) -> None:
    first = opens()
    await first.hear(real_money=True, wallet=replace(a_wallet(), owner=""))
    await first.at(FirstStep.OWNER)
    assert first.steps.owner.now.text() == first_run_wording.NOBODY_YET
    first.agent.owner_refusal = REFUSED
    first.steps.owner.address.setText(" EQwrong ")
    first.steps.go_on.click()
    assert not first.steps.go_on.isEnabled()
    await until(lambda: not first.steps.problem.isHidden())
    assert first.desktop.first_run.state.step is FirstStep.OWNER
    first.agent.owner_refusal = None
    first.steps.owner.address.setText(f" {OWNER}\n")
    first.steps.go_on.click()
    await first.reaches(FirstStep.KEY)
    assert first.agent.owners == [OWNER]
    first.steps.back.click()
    assert OWNER in first.steps.owner.now.text()


async def test_the_demo_asks_for_no_address(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.OWNER)
    assert first.steps.owner.address.isHidden()
    first.steps.go_on.click()
    assert first.desktop.first_run.state.step is FirstStep.KEY
    assert first.agent.owners == []


async def test_the_key_is_backed_up_with_the_windows_own_dialog(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.KEY)
    first.steps.key.buttons[list(first.steps.key.buttons)[1]].click()
    files = first.desktop.window.findChildren(QDialog)
    assert files, "it asks where to"
    assert not any(isinstance(each, PassphraseDialog) for each in files)
    files[0].reject()


async def test_a_preset_is_shown_first_and_holds_when_its_owner_goes_on(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.WHEN)
    choices = first.steps.when.choices
    await until(lambda: choices.chosen is Preset.UNDISTURBED)
    choices.buttons[Preset.AWAY].click()
    await until(lambda: first.agent.settings_changes)
    assert first.agent.settings_changes[0].only_try
    first.steps.go_on.click()
    await first.reaches(FirstStep.AUTOSTART)
    assert first.agent.settings_status.named("idle_minutes").value == 10


async def test_an_owners_own_rules_stay_unless_one_is_chosen(opens: Open) -> None:
    first = opens()
    await first.agent.change_settings(SettingsChange({"idle_minutes": 3}))
    await first.hear()
    await first.at(FirstStep.WHEN)
    await until(lambda: not first.steps.when.own.isHidden())
    assert first.steps.when.choices.chosen is None
    first.steps.go_on.click()
    await first.reaches(FirstStep.AUTOSTART)
    assert first.agent.settings_status.named("idle_minutes").value == 3


async def test_a_rule_that_is_refused_keeps_its_page(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.WHEN)
    await until(lambda: first.steps.when.choices.chosen)
    first.agent.settings_refusal = REFUSED
    first.steps.when.choices.choose(Preset.NIGHT)
    first.steps.go_on.click()
    await until(lambda: not first.steps.problem.isHidden())
    assert first.desktop.first_run.state.step is FirstStep.WHEN


async def test_what_starts_at_login_is_asked_and_written_only_then(opens: Open, tmp_path: Path) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.AUTOSTART)
    entry = tmp_path / "config" / "autostart" / "mulberry.desktop"
    choices = first.steps.autostart.choices
    assert choices.buttons[Starts.NOTHING].isChecked()
    choices.choose(Starts.WINDOW)
    assert not entry.exists()
    first.steps.go_on.click()
    assert "--hidden" in entry.read_text()
    first.steps.back.click()
    assert choices.buttons[Starts.WINDOW].isChecked()
    choices.choose(Starts.NOTHING)
    first.steps.skip.click()
    assert entry.exists(), "what is skipped stays as it was"


async def test_a_place_that_cannot_be_written_is_told(opens: Open, tmp_path: Path) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.AUTOSTART)
    (tmp_path / "config").write_text("no folder")
    first.steps.autostart.choices.choose(Starts.AGENT)
    first.steps.go_on.click()
    assert first.desktop.first_run.state.step is FirstStep.AUTOSTART
    assert "was not changed" in first.steps.problem.text()


async def test_a_switch_of_the_news_holds_also_when_its_owner_goes_on_at_once(opens: Open) -> None:
    first = opens()
    await first.hear()
    await first.at(FirstStep.NEWS)
    await until(lambda: "notify_paused" in first.steps.news.fields)
    field = first.steps.news.fields["notify_paused"]
    field.editor.edited.emit(True)
    first.steps.go_on.click()
    await until(lambda: first.agent.settings_status.named("notify_paused").value is True)


async def test_an_agent_that_is_gone_is_told_and_nothing_that_needs_it_is_lost(opens: Open) -> None:
    first = opens()
    await first.hear(real_money=True)
    await first.at(FirstStep.OWNER)
    first.steps.owner.address.setText(OWNER)
    first.agent.fall_silent()
    await until(lambda: not first.steps.silence.isHidden())
    first.steps.go_on.click()
    await until(lambda: "not running" in first.steps.problem.text())
    assert first.steps.owner.address.text() == OWNER
    first.agent.runs = True
    await first.hear(real_money=True)
    await until(first.steps.silence.isHidden)
    first.steps.go_on.click()
    await first.reaches(FirstStep.KEY)


async def test_before_the_agent_answers_only_what_needs_it_waits(qtbot: QtBot, opens: Open) -> None:
    first = opens()
    first.connection.viewed.emit(first.connection.view)
    await first.at(FirstStep.WHEN)
    first.steps.when.choices.choose(Preset.AWAY)
    first.agent.runs = False
    first.steps.go_on.click()
    await until(lambda: not first.steps.problem.isHidden())
    first.steps.skip.click()
    assert first.desktop.first_run.state.step is FirstStep.AUTOSTART


async def test_what_cannot_be_remembered_is_said_and_stops_nobody(opens: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opens()
    await first.hear()

    def full(self: FirstRunFile, state: FirstRun) -> None:
        raise REFUSED

    monkeypatch.setattr(FirstRunFile, "save", full)
    first.steps.go_on.click()
    assert first.desktop.first_run.state.step is FirstStep.CAN_EARN
    assert "It was refused." in first.steps.problem.text()
