"""Whoever thinks of buying a GPU looks here first: the answer comes with its reason, and with whose turn it is."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from cut_texts import assert_nothing_is_cut
from eligibility_samples import DEMO, DRIVER, ELIGIBILITY, GUEST, MAIN, MODEL, RULES, SANDBOX, TEST, a_gpu
from mulberry.desktop import eligibility_wording
from mulberry.desktop.connection import Connection, Link
from mulberry.desktop.eligibility_cards import EligibilityCard, RequirementRow
from mulberry.desktop.eligibility_feed import EligibilityFeed
from mulberry.desktop.hardware_history import Histories
from mulberry.desktop.hardware_page import HardwarePage, Part
from mulberry.desktop.icons import Sign
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.eligibility import Answer, ModelEligibility, NetworkEligibility, Requirement, Standing
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.node import NetworkInfo
from pretend_agent import PretendAgent
from samples import a_status

SILENT = UserFacingError("The agent is not running.", "Nobody answers.", "Start it.")


@pytest.fixture
def page(qtbot: QtBot, theme: Theme, clock: SettableClock) -> HardwarePage:
    made = HardwarePage(theme, clock, Histories())
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show_part(Part.ELIGIBILITY)
    made.show()
    return made


def rows(card: EligibilityCard) -> list[RequirementRow]:
    """Those that are shown."""
    QApplication.processEvents()
    return [row for group in card.groups for row in group.rows if row.isVisible()]


def names(card: EligibilityCard) -> list[str]:
    return [row.accessibleName() for row in rows(card)]


def texts(page: HardwarePage) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_before_the_first_answer_nothing_is_claimed(page: HardwarePage) -> None:
    assert eligibility_wording.NOT_CHECKED_YET in texts(page)
    assert page.eligibility.networks == []


def test_each_network_has_its_answer_in_words(page: HardwarePage) -> None:
    page.eligibility.show_report(ELIGIBILITY)
    shown = texts(page)
    assert "RTX 4090: cannot join Cocoon on TON; can join test networks at level 2." in shown
    assert [card.answer.text() for card in page.eligibility.networks] == [
        "Cannot work there",
        "Can work there",
        "Can, when something is done",
    ]
    assert page.eligibility.networks[0].accessibleName() == "Cocoon on TON: Cannot work there"


def test_where_it_cannot_work_only_what_nobody_here_can_change_is_shown(page: HardwarePage) -> None:
    page.eligibility.show_report(ELIGIBILITY)
    main = page.eligibility.networks[0]
    assert names(main) == ["An Intel TDX guest: not met"]
    QTest.mouseClick(main.all, Qt.MouseButton.LeftButton)
    assert names(main) == [
        "An Intel TDX guest: not met",
        "The network's rules: unknown",
        "A sandbox for strangers' jobs: met",
    ]
    assert main.models.isVisible()
    QTest.mouseClick(main.all, Qt.MouseButton.LeftButton)
    assert names(main) == ["An Intel TDX guest: not met"]


def test_where_something_is_to_be_done_it_says_what_and_whose_turn_it_is(page: HardwarePage) -> None:
    page.eligibility.show_report(ELIGIBILITY)
    test = page.eligibility.networks[2]
    assert names(test) == ["The network's model: not met"]
    assert "Import it. It is your turn." in texts(page)


def test_a_command_is_copied_as_it_is(page: HardwarePage) -> None:
    page.eligibility.show_report(ELIGIBILITY)
    (row,) = rows(page.eligibility.networks[2])
    copy = row.findChild(QPushButton)
    assert copy is not None
    QTest.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "mulberry models import FOLDER-OR-ADDRESS"


@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("standing", Standing)
def test_what_is_met_decides_nothing_and_what_is_not_is_never_hidden_where_it_could_be_changed(
    answer: Answer, standing: Standing
) -> None:
    requirement = replace(MODEL, standing=standing)
    wanted = standing is not Standing.MET and answer is not Answer.CANNOT
    assert eligibility_wording.decides(requirement, answer) is wanted
    final = replace(GUEST, standing=standing)
    if answer is Answer.CANNOT:
        assert eligibility_wording.decides(final, answer) is (standing is Standing.NOT_MET)


@pytest.mark.parametrize(
    ("requirement", "line"),
    [
        (MODEL, "Import it. It is your turn."),
        (GUEST, "It takes another computer."),
        (SANDBOX, ""),
        (replace(RULES, whose_turn=WhoseTurn.NVIDIA, next_step="Wait."), "Wait. It is NVIDIA's turn."),
    ],
)
def test_the_next_step_says_whose_turn_it_is_where_it_is_somebodys(requirement: Requirement, line: str) -> None:
    assert eligibility_wording.next_line(requirement) == line


def test_states_are_told_apart_by_shape_and_words_not_only_by_colour() -> None:
    for looks in (eligibility_wording.ANSWERS.values(), eligibility_wording.STANDINGS.values()):
        assert len({look.sign for look in looks}) == len(looks)
        assert len({look.words for look in looks}) == len(looks)
    assert eligibility_wording.STANDINGS[Standing.UNKNOWN].sign is not Sign.HOLDS


def test_like_gpus_share_a_line_and_unlike_ones_have_headings() -> None:
    rack = tuple(a_gpu(Answer.CAN, "RTX 3060 can compute.", DRIVER, name="RTX 3060", number=n) for n in range(64))
    network = replace(TEST, gpus=rack)
    assert [line for _, line in eligibility_wording.gpu_lines(network)] == ["RTX 3060 can compute. (64 of them)"]
    assert [group.heading for group in eligibility_wording.groups(network)] == ["", ""]
    mixed = replace(TEST, gpus=(*rack, a_gpu(Answer.CAN, "RTX 4090 can compute.", DRIVER)))
    assert [group.heading for group in eligibility_wording.groups(mixed)] == ["", "RTX 3060, 64 of them", "RTX 4090"]


def test_one_kind_of_gpu_does_not_repeat_that_the_network_cannot_be_joined() -> None:
    assert eligibility_wording.gpu_lines(MAIN) == ()
    assert len(eligibility_wording.gpu_lines(replace(MAIN, gpus=(*MAIN.gpus, a_gpu(Answer.CAN, "This one can."))))) == 2


def test_the_level_and_the_age_of_the_rules_are_told() -> None:
    assert eligibility_wording.about(MAIN) == "Highest level that could be reached here: 2 (TPM-backed boot state)."
    assert "its root contract as of" in eligibility_wording.about(TEST)


def test_check_again_asks_the_chain_and_can_be_pressed_again_after_the_answer(page: HardwarePage) -> None:
    asked: list[bool] = []
    page.eligibility_wanted.connect(asked.append)
    again = page.eligibility.again
    QTest.mouseClick(again, Qt.MouseButton.LeftButton)
    assert asked == [True]
    assert not again.isEnabled()
    page.eligibility.show_report(ELIGIBILITY)
    assert again.isEnabled()
    assert again.text() == eligibility_wording.CHECK_AGAIN


def test_the_keyboard_is_back_on_the_button_after_the_answer(page: HardwarePage, settle: Callable[[], None]) -> None:
    page.activateWindow()
    settle()
    again = page.eligibility.again
    again.setFocus()
    QTest.keyClick(again, Qt.Key.Key_Space)
    assert not again.isEnabled()
    page.eligibility.show_report(ELIGIBILITY)
    assert QApplication.focusWidget() is again


def test_a_check_that_failed_keeps_the_last_answer_and_says_why(page: HardwarePage) -> None:
    page.eligibility.show_report(ELIGIBILITY)
    QTest.mouseClick(page.eligibility.again, Qt.MouseButton.LeftButton)
    page.eligibility.show_problem(SILENT)
    assert page.eligibility.again.isEnabled()
    shown = texts(page)
    assert "Nobody answers." in shown
    assert "Cocoon on TON" in shown
    page.eligibility.show_report(ELIGIBILITY)
    assert "Nobody answers." not in texts(page)


def test_the_same_answer_builds_nothing_anew(page: HardwarePage) -> None:
    page.eligibility.show_report(ELIGIBILITY)
    before = page.eligibility.networks[0].groups
    page.eligibility.show_report(replace(ELIGIBILITY, as_of=datetime(2026, 11, 22, 13, tzinfo=UTC)))
    assert page.eligibility.networks[0].groups is before
    page.eligibility.show_report(replace(ELIGIBILITY, networks=(DEMO,)))
    assert [card.title.text() for card in page.eligibility.networks] == ["Demo network"]


HOSTILE = replace(
    TEST,
    title="<b>" + "T" * 500,
    line="L" * 3000 + "\u202e",
    requirements=(replace(MODEL, name="n" * 900, evidence="e" * 3000, next_step="s" * 3000, command="c" * 3000),),
    gpus=(a_gpu(Answer.CANNOT, "g" * 3000, replace(MODEL, name="x" * 900)), a_gpu(Answer.CAN, "<i>", name="y" * 900)),
    models=(ModelEligibility("m" * 900, Answer.UNKNOWN, "m" * 3000),),
)


@pytest.mark.parametrize("width", [1040, 660, 488])
@pytest.mark.parametrize("networks", [(MAIN, DEMO, TEST), (HOSTILE,)], ids=["usual", "hostile"])
def test_no_width_and_no_word_makes_it_wider_than_the_window(
    page: HardwarePage, settle: Callable[[], None], width: int, networks: tuple[NetworkEligibility, ...]
) -> None:
    page.eligibility.show_report(replace(ELIGIBILITY, networks=networks))
    for card in page.eligibility.networks:
        card.all.setChecked(True)
    page.resize(width, 500)
    settle()
    assert_nothing_is_cut(page)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())
    assert "\u202e" not in texts(page)


class Told:
    """A window and the agent in memory that it talks to."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.agent = PretendAgent()
        self.connection = Connection()
        self.connection.viewed.connect(window.show_view)
        self.feed = EligibilityFeed(self.connection, window)

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None, None]:
        work = asyncio.create_task(self.connection.run(self.agent, self.agent.start))
        await asyncio.sleep(0)
        try:
            yield
            for _ in range(5):
                await asyncio.sleep(0)
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


@pytest.fixture
def told(qtbot: QtBot, theme: Theme, clock: SettableClock) -> Told:
    jobs, transactions = JobsModel(), TransactionsModel()
    window = MainWindow(theme, clock, jobs, transactions)
    jobs.setParent(window)
    transactions.setParent(window)
    window.closing.connect(window.hide)
    qtbot.addWidget(window)
    window.show()
    return Told(window)


async def test_the_home_page_says_nothing_where_nothing_is_missing(told: Told) -> None:
    async with told.connected():
        told.agent.say(a_status())  # on the demo network
    assert told.agent.eligibility_asked == [False]
    assert not told.window.home.can_earn.isVisible()


async def test_the_home_page_links_to_what_is_missing(told: Told) -> None:
    async with told.connected():
        told.agent.say(replace(a_status(), network=NetworkInfo("mainnet", "Cocoon on TON", is_demo=False)))
    card = told.window.home.can_earn
    assert card.isVisible()
    assert card.line.text() == MAIN.line
    QTest.mouseClick(card.more, Qt.MouseButton.LeftButton)
    assert told.window.pages.currentWidget() is told.window.hardware
    assert told.window.hardware.eligibility.isVisible()
    QTest.mouseClick(told.window.hardware.eligibility.home, Qt.MouseButton.LeftButton)
    assert told.window.pages.currentWidget() is told.window.home


async def test_the_page_asks_when_it_is_shown_and_shows_the_answer(told: Told) -> None:
    async with told.connected():
        told.agent.say(a_status())
        await asyncio.sleep(0.0)
        told.feed.show_page()
        QTest.mouseClick(told.window.hardware.eligibility.again, Qt.MouseButton.LeftButton)
    assert told.agent.eligibility_asked[-1] is True
    assert told.window.hardware.eligibility.report == ELIGIBILITY
    assert not told.window.hardware.gpus.computer.facts.values


async def test_what_the_computer_is_is_asked_for_when_that_part_is_looked_at(told: Told) -> None:
    async with told.connected():
        told.agent.say(a_status())
        await asyncio.sleep(0.0)
        told.window.choose("Hardware")
    assert told.window.hardware.gpus.isVisible()
    assert told.window.hardware.gpus.computer.facts.values


async def test_what_was_answered_before_the_page_was_looked_at_is_on_it(told: Told) -> None:
    async with told.connected():
        told.agent.say(a_status())
    assert told.window.hardware.eligibility.report == ELIGIBILITY


async def test_an_agent_that_does_not_answer_is_told_on_the_page(told: Told) -> None:
    async with told.connected():
        told.agent.say(a_status())
        told.agent.fall_silent()
        while told.connection.view.link is not Link.SILENT:  # noqa: ASYNC110 - it changes by what the agent says
            await asyncio.sleep(0)
        told.feed.show_page()
    assert "The agent is not running." in told.window.hardware.eligibility.problem.text()
