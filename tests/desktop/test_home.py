"""The Home page is what an owner decides by: state, sentence, button and numbers must be those of the agent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop import wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.home import HomePage
from mulberry.desktop.jobs_columns import Column
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.theme import Theme
from mulberry.model.control import Command
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuCondition, GpuReport
from mulberry.model.node import Intent, NodeState, Reason, ReasonKind, Status, StepState, Want
from mulberry.model.sentence import sentence, title
from samples import NO_GPU, NOON, RTX_4090, UNREACHABLE, a_job, a_status, a_wallet, on_a_gpu


@pytest.fixture
def home(qtbot: QtBot, theme: Theme, clock: SettableClock) -> HomePage:
    jobs = JobsModel()
    page = HomePage(theme, clock, jobs)
    jobs.setParent(page)
    qtbot.addWidget(page)
    page.resize(1040, 740)
    page.show()
    return page


def show(home: HomePage, status: Status, link: Link = Link.ANSWERS) -> None:
    home.show_view(View(link, status))


def texts(home: HomePage) -> str:
    QApplication.processEvents()  # new widgets appear with the next layout
    return "\n".join(label.text() for label in home.findChildren(QLabel) if label.isVisible())


@pytest.mark.parametrize("state", NodeState)
def test_each_state_shows_its_title_sentence_and_verb(home: HomePage, state: NodeState) -> None:
    status = a_status(state)
    show(home, status)
    assert home.state.title.text() == title(status)
    assert home.state.sentence.text() == sentence(status)
    offer = wording.offer(a_status(state))
    assert home.state.main.text() == offer.main.text
    assert home.state.main.isEnabled()
    assert home.state.stop.isVisible() is offer.can_stop
    assert home.state.pause.isVisible() is offer.can_pause


@pytest.mark.parametrize(
    ("state", "want"),
    [(NodeState.STOPPED, Want.START), (NodeState.EARNING, Want.FINISH), (NodeState.GETTING_READY, Want.STOP)],
)
def test_the_large_button_asks_for_what_it_says(home: HomePage, state: NodeState, want: Want) -> None:
    asked: list[Command] = []
    home.state.asked.connect(asked.append)
    show(home, a_status(state))
    QTest.mouseClick(home.state.main, Qt.MouseButton.LeftButton)
    assert asked == [Command(want)]


def test_start_waits_for_the_agent_but_stop_can_be_pressed_again(home: HomePage) -> None:
    asked: list[Command] = []
    home.state.asked.connect(asked.append)
    show(home, a_status(NodeState.STOPPED))
    for _ in range(2):
        QTest.mouseClick(home.state.main, Qt.MouseButton.LeftButton)
    assert (home.state.main.text(), home.state.main.isEnabled()) == ("Starting…", False)
    show(home, a_status(NodeState.EARNING))
    for _ in range(2):
        QTest.mouseClick(home.state.main, Qt.MouseButton.LeftButton)
    for _ in range(2):
        QTest.mouseClick(home.state.stop, Qt.MouseButton.LeftButton)
    wants = [command.want for command in asked]
    assert wants == [Want.START, Want.FINISH, Want.FINISH, Want.STOP, Want.STOP]


def test_the_keyboard_stays_on_the_button_while_it_waits(home: HomePage, settle: Callable[[], None]) -> None:
    show(home, a_status(NodeState.STOPPED))
    home.activateWindow()
    settle()
    home.state.main.setFocus()
    QTest.keyClick(home.state.main, Qt.Key.Key_Space)
    assert not home.state.main.isEnabled()
    show(home, a_status(NodeState.GETTING_READY))
    assert home.state.main.hasFocus()


def test_a_command_that_failed_gives_the_button_back(home: HomePage) -> None:
    show(home, a_status(NodeState.STOPPED))
    QTest.mouseClick(home.state.main, Qt.MouseButton.LeftButton)
    home.state.failed()
    assert (home.state.main.text(), home.state.main.isEnabled()) == ("Start earning", True)


def held(*whys: str) -> Status:
    rules = tuple(Reason(ReasonKind.PAUSED_BY_RULE, why, "It goes on by itself.", WhoseTurn.NOBODY) for why in whys)
    return replace(a_status(NodeState.PAUSED), intent=Intent(Want.START, NOON), reasons=rules)


def test_who_is_held_up_by_rules_can_stop_and_finds_the_rules(home: HomePage) -> None:
    show(home, held("The computer runs on its battery."))
    assert home.state.main.text() == wording.STOP.text
    assert home.state.pause.isVisible()
    assert not home.reasons.isVisible(), "the sentence says it all"
    asked: list[bool] = []
    home.state.rules_wanted.connect(lambda: asked.append(True))
    QTest.mouseClick(home.state.rules, Qt.MouseButton.LeftButton)
    assert asked == [True]
    show(home, a_status(NodeState.READY))
    assert not home.state.rules.isVisible()


def test_every_rule_that_holds_is_told_once(home: HomePage) -> None:
    show(home, held("The computer runs on its battery.", "These are quiet hours."))
    shown = texts(home)
    assert shown.count("The computer runs on its battery.") == 1
    assert shown.count("These are quiet hours.") == 1


def test_a_pause_is_offered_with_its_end(home: HomePage) -> None:
    asked: list[Command] = []
    home.state.asked.connect(asked.append)
    show(home, a_status())
    home.state.fill_pauses(NOON)
    entries = home.state.pauses.actions()
    assert [entry.text() for entry in entries] == [verb.text for verb in wording.pauses(NOON)]
    entries[1].trigger()
    assert asked == [Command(Want.PAUSE, 10_800.0)]


def test_a_silent_agent_leaves_numbers_that_are_called_stale(home: HomePage) -> None:
    status = a_status()
    show(home, status)
    show(home, status, Link.SILENT)
    assert home.state.title.text() == "No answer"
    assert home.state.sentence.text() == "The agent does not answer; trying again."
    assert f"as of {wording.clock_time(NOON)}" in home.state.since.text()
    assert sentence(status) in home.state.since.text()
    for card in home.earnings.values():
        assert card.number.text() == "0.00003216 TON"
        assert card.number.property("stale") is True
    show(home, status)
    assert home.payments.number.property("stale") is False


def test_before_the_first_word_nothing_is_shown_as_zero(home: HomePage) -> None:
    home.show_view(View())
    assert {card.number.text() for card in home.earnings.values()} == {"–"}
    assert not home.state.main.isEnabled()
    home.show_view(View(Link.SILENT))
    assert home.state.main.isEnabled()  # to start an agent that did not start


def test_start_up_is_a_list_of_steps(home: HomePage) -> None:
    show(home, a_status(NodeState.GETTING_READY))
    assert home.steps.isVisible()
    assert "Load the model" in texts(home)
    assert "No NVIDIA driver is installed." in texts(home)
    show(home, a_status())
    assert not home.steps.isVisible()


def test_a_blocked_step_stays_in_sight(home: HomePage) -> None:
    steps = a_status(NodeState.GETTING_READY).steps
    blocked = (replace(steps[0], state=StepState.BLOCKED, note="It has mistakes."), *steps[1:])
    show(home, replace(a_status(NodeState.NEEDS_YOU), steps=blocked))
    assert home.steps.isVisible()
    assert "It has mistakes." in texts(home)


def test_all_reasons_are_shown_with_next_step_and_whose_turn(home: HomePage) -> None:
    disk = replace(
        UNREACHABLE,
        kind=ReasonKind.DISK_FULL,
        evidence="The disk is full.",
        next_step="Free some space.",
        whose_turn=WhoseTurn.YOU,
    )
    show(home, replace(a_status(NodeState.NEEDS_YOU), reasons=(UNREACHABLE, disk)))
    shown = texts(home)
    assert "No proxy answers at 127.0.0.1:4000." in shown
    assert "It is the network's turn." in shown
    assert "Free some space. It is your turn." in shown


def test_what_strangers_call_themselves_is_not_read_as_markup(home: HomePage) -> None:
    status = a_status()
    proxy = replace(status.proxies[0], name="<b>bold</b><img src='file:///etc/passwd'>")
    show(home, replace(status, proxies=(proxy,)))
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in home.findChildren(QLabel) if label.text())


def test_no_gpu_is_said_with_its_reason(home: HomePage) -> None:
    show(home, a_status())
    assert "No GPU: running the demo on the CPU" in texts(home)
    assert "No NVIDIA driver was found on this computer." in texts(home)


def test_a_gpu_that_may_still_come_is_awaited_until_a_moment(home: HomePage) -> None:
    until = NOON + timedelta(minutes=5)
    show(home, replace(a_status(), gpus=replace(NO_GPU, waiting_until=until)))
    assert f"on this computer. Waiting for it until {wording.clock_time(until)}." in texts(home)


def test_a_gpu_shows_its_four_values(home: HomePage) -> None:
    show(home, on_a_gpu(a_status()))
    shown = texts(home)
    for text in (RTX_4090.name, "24 GB · driver 580.95.05 · 01:00.0", "71 %", "10.0 of 24 GB", "212 of 450 W", "63 °C"):
        assert text in shown


def test_old_values_of_a_gpu_are_called_so(home: HomePage) -> None:
    show(home, on_a_gpu(a_status()), Link.SILENT)
    assert f"01:00.0 · as of {wording.clock_time(NOON)}" in texts(home)


def test_values_that_the_driver_does_not_give_are_not_zero(home: HomePage) -> None:
    silent = replace(
        RTX_4090, load_percent=None, power_milliwatt=None, power_limit_milliwatt=None, temperature_celsius=None
    )
    show(home, replace(a_status(), gpus=GpuReport((silent, RTX_4090), None, NOON)))
    block = home.gpus.gpus[0]
    assert [block.lines[name][1].text() for name in ("Load", "Power", "Temperature")] == ["not given"] * 3
    assert len(home.gpus.gpus) == 2
    show(home, on_a_gpu(a_status()))
    assert len(home.gpus.gpus) == 1


def test_a_gpu_in_trouble_says_which(home: HomePage) -> None:
    lost = replace(RTX_4090, condition=GpuCondition.LOST, memory_used_bytes=None, load_percent=None)
    show(home, replace(a_status(), gpus=GpuReport((lost,), None, NOON)))
    assert GpuCondition.LOST.told in texts(home)
    assert home.gpus.gpus[0].lines["Memory"][1].text() == "not given"
    show(home, on_a_gpu(a_status()))
    assert not home.gpus.gpus[0].problem.isVisible()


def test_once_a_wallet_is_known_its_balance_stands_where_the_signed_payments_were(home: HomePage) -> None:
    show(home, a_status())
    assert home.payments.isVisible()
    assert not home.wallet.isVisible()
    home.show_view(View(Link.ANSWERS, a_status(), a_wallet()))
    assert home.wallet.isVisible()
    assert not home.payments.isVisible()
    shown = texts(home)
    for text in ("0.03014 TON", "proven by 3 servers", "0.0189 of 0.0300 TON", "at the pace since"):
        assert text in shown
    home.show_view(View(Link.SILENT, a_status(), a_wallet()))
    assert home.wallet.number.property("stale") is True


def test_a_wallet_that_was_not_read_yet_is_not_empty(home: HomePage) -> None:
    unread = replace(a_wallet(), owner_balance=None, payouts=())
    home.show_view(View(Link.ANSWERS, a_status(), unread))
    assert (home.wallet.number.text(), home.wallet.source.text()) == ("–", "not read yet")
    assert "nothing waits to be paid out" in texts(home)


def test_the_newest_jobs_are_under_the_numbers(home: HomePage, theme: Theme) -> None:
    assert wording.NO_JOBS in texts(home)
    model = home.last_jobs.table.model()
    assert isinstance(model, JobsModel)
    model.set_total(3)
    model.add(a_job(number) for number in (1, 2, 3))
    assert wording.NO_JOBS not in texts(home)
    assert model.text(0, Column.TOKENS) == "23 + 13"


@pytest.mark.parametrize(("width", "height"), [(1040, 740), (760, 640), (480, 480)])
@pytest.mark.parametrize("state", NodeState)
def test_no_text_is_cut_at_any_width(
    home: HomePage, qtbot: QtBot, state: NodeState, width: int, height: int, settle: Callable[[], None]
) -> None:
    show(home, on_a_gpu(a_status(state)))
    home.resize(width, height)
    settle()
    for label in home.findChildren(QLabel):
        if not label.isVisible() or not label.text():
            continue
        if label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width()), label.text()
        else:
            assert label.width() >= label.sizeHint().width(), label.text()
    page = home.widget()
    assert page is not None
    if width >= 760:
        assert page.width() <= home.viewport().width()


def test_time_passing_alone_changes_nothing(home: HomePage, clock: SettableClock) -> None:
    status = replace(a_status(), as_of=NOON - timedelta(days=1))
    show(home, status)
    before = texts(home)
    clock.pass_time(days=1)
    show(home, status)
    assert texts(home) == before
