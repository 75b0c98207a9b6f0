"""A level that looks better than it is would be a lie to those whose prompts are read: the page says both sides."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from attestation_samples import DESKTOP, GUEST, QUOTE, STATEMENT, TEST
from cut_texts import assert_nothing_is_cut
from mulberry.desktop import attestation_wording
from mulberry.desktop.attestation_feed import AttestationFeed
from mulberry.desktop.attestation_page import CHECKING_MILLISECONDS, IDLE_MILLISECONDS, AttestationPage
from mulberry.desktop.attestation_tree import CheckRow, EvidenceTree
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.theme import Theme
from mulberry.model.collateral import CollateralStatus, PlatformCollateral
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.host import Finding
from mulberry.model.proof import AttestationStatus, Check, Fact, Hindrance, Level, Outcome, Seen, Verdict
from pretend_agent import PretendAgent
from samples import NOON, a_status

NOT_LOOKED = AttestationStatus()
LONG = "W" * 3000


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> AttestationPage:
    made = AttestationPage(theme)
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    made.show_view(View(Link.ANSWERS, a_status()))
    return made


def texts(page: AttestationPage) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def a_verdict(level: Level, *checks: Check) -> AttestationStatus:
    return AttestationStatus(Verdict(level, checks, NOON))


def test_before_anything_was_looked_at_nothing_is_claimed(page: AttestationPage) -> None:
    assert attestation_wording.NOT_HEARD_YET in texts(page)
    assert not page.level.isVisible()


@pytest.mark.parametrize("level", Level)
def test_each_level_says_what_it_takes_and_with_the_same_weight_what_it_leaves_open(
    page: AttestationPage, level: Level
) -> None:
    page.show_status(a_verdict(level))
    assert page.level.number.text() == f"Level {int(level)}"
    assert page.level.title.text() == level.title
    assert page.level.evidence.text() == level.evidence
    assert page.level.open.text() == (level.does_not_prove if level else attestation_wording.EVERYTHING)
    assert page.level.evidence.property("look") == page.level.open.property("look")
    assert page.level.readers.isVisible() is (level < Level.CONFIDENTIAL)


@pytest.mark.parametrize("level", [level for level in Level if level < Level.CONFIDENTIAL])
def test_below_the_highest_level_nothing_is_called_confidential_or_private(level: Level) -> None:
    status = a_verdict(level)
    said = attestation_wording.share_text(status).lower()
    for word in ("confidential", "secure enclave", "private"):
        assert word not in said


def test_only_this_computers_level_is_marked() -> None:
    for level in Level:
        rungs = attestation_wording.rungs(a_verdict(level).verdict)
        marked = [title for look, title, _ in rungs if look is attestation_wording.ITS_LEVEL]
        assert marked == [f"{int(level)}  {level.title}"]
    assert all(look is not attestation_wording.ITS_LEVEL for look, _, _ in attestation_wording.rungs(None))


def test_fake_evidence_is_called_test_in_red(page: AttestationPage) -> None:
    page.show_status(TEST)
    assert page.level.title.text().startswith("TEST")
    assert page.level.title.property("tone") == "bad"
    assert attestation_wording.TEST_WORDS in texts(page)
    row = page.evidence.tree.nodes[(0,)].row
    assert row.outcome.text() == "TEST"
    assert row.outcome.property("look") == "bad"
    page.show_status(DESKTOP)
    assert page.level.title.property("tone") == ""


def test_what_could_not_be_gathered_says_whose_turn_it_is(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    shown = texts(page)
    assert "The TPM was not asked." in shown
    assert "Add the user to the group tss, then sign in again. It is your turn." in shown
    page.show_status(GUEST)
    assert not page.hindrances.isVisible()


def test_what_the_network_sees_stands_beside_what_you_see(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    shown = texts(page)
    for expected in ("The network sees", "You see", "nothing: a key, and no quote", "level 1, a signed statement"):
        assert expected in shown
    page.show_status(replace(DESKTOP, seen=()))
    assert not page.seen.isVisible()


def test_the_statement_is_shown_line_by_line_with_whose_word_it_is(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    facts = page.statement.facts
    assert facts is not None
    assert [value.text() for value in facts.values] == [fact.value for fact in DESKTOP.facts]
    assert "Whose word it is: the NVIDIA driver." in facts.values[3].accessibleDescription()
    page.show_status(replace(DESKTOP, facts=DESKTOP.facts[:2]))
    assert page.statement.facts is not None
    assert len(page.statement.facts.values) == 2
    page.show_status(replace(DESKTOP, facts=()))
    assert page.statement.facts is None


def test_times_say_as_of_when_and_until_when(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    assert page.line.text().endswith("nothing in it expires")
    page.show_status(GUEST)
    assert "valid until 12 Dec 2026" in page.line.text()


def names(tree: EvidenceTree) -> list[str]:
    QApplication.processEvents()
    return [tree.nodes[path].row.check.name for path in tree.in_sight]


def test_what_is_not_simply_fine_is_open_from_the_start(page: AttestationPage) -> None:
    page.show_status(GUEST)
    assert names(page.evidence.tree) == [
        "Signed statement",
        "Signature",
        "Freshness",  # missing
        "TDX quote",  # all of it holds
        "GPU report",
        "Certificates",
        "Revocation",  # missing
    ]


def test_parts_are_built_when_they_are_first_opened(page: AttestationPage) -> None:
    page.show_status(a_verdict(Level.CPU_ENCLAVE, QUOTE))
    tree = page.evidence.tree
    assert len(tree.findChildren(CheckRow)) == 1
    QTest.mouseClick(tree.nodes[(0,)].row, Qt.MouseButton.LeftButton)
    assert len(tree.findChildren(CheckRow)) == 4
    QTest.mouseClick(tree.nodes[(0,)].row, Qt.MouseButton.LeftButton)
    assert names(tree) == ["TDX quote"]


def test_the_keyboard_walks_the_tree(page: AttestationPage, settle: Callable[[], None]) -> None:
    page.show_status(a_verdict(Level.CPU_ENCLAVE, QUOTE, STATEMENT))
    page.activateWindow()
    settle()
    tree = page.evidence.tree

    def press(key: Qt.Key) -> str:
        focused = QApplication.focusWidget()
        assert isinstance(focused, CheckRow)
        QTest.keyClick(focused, key)
        focused = QApplication.focusWidget()
        assert isinstance(focused, CheckRow)
        assert [row for row in tree.findChildren(CheckRow) if row.focusPolicy() & Qt.FocusPolicy.TabFocus] == [focused]
        return focused.check.name

    tree.nodes[(0,)].row.setFocus()
    assert press(Qt.Key.Key_Right) == "TDX quote"  # opens
    assert tree.nodes[(0,)].is_open
    assert press(Qt.Key.Key_Right) == "Certificates"
    assert press(Qt.Key.Key_Down) == "Collateral"
    assert press(Qt.Key.Key_Up) == "Certificates"
    assert press(Qt.Key.Key_Left) == "TDX quote"
    assert press(Qt.Key.Key_Left) == "TDX quote"  # closes
    assert not tree.nodes[(0,)].is_open
    assert press(Qt.Key.Key_Down) == "Signed statement"
    assert press(Qt.Key.Key_Return) == "Signed statement"  # was open
    assert not tree.nodes[(1,)].is_open
    assert press(Qt.Key.Key_Home) == "TDX quote"
    assert press(Qt.Key.Key_Up) == "TDX quote"
    assert press(Qt.Key.Key_End) == "Signed statement"


def test_a_screen_reader_hears_outcome_words_whose_word_and_whether_it_is_open(page: AttestationPage) -> None:
    page.show_status(a_verdict(Level.CPU_ENCLAVE, QUOTE))
    row = page.evidence.tree.nodes[(0,)].row
    assert row.accessibleName() == f"TDX quote: holds. {QUOTE.told}"
    assert row.accessibleDescription() == "word of Intel, closed"
    assert page.evidence.tree.accessibleName() == "Evidence"


def test_what_was_opened_stays_open_and_keeps_the_keyboard_after_a_new_look(
    page: AttestationPage, settle: Callable[[], None]
) -> None:
    page.show_status(a_verdict(Level.CPU_ENCLAVE, QUOTE, STATEMENT))
    page.activateWindow()
    settle()
    tree = page.evidence.tree
    QTest.mouseClick(tree.nodes[(0,)].row, Qt.MouseButton.LeftButton)
    tree.nodes[(0, 1)].row.setFocus()
    page.show_status(a_verdict(Level.CPU_ENCLAVE, replace(QUOTE, told="Asked anew."), STATEMENT))
    settle()
    assert tree.nodes[(0,)].is_open
    focused = QApplication.focusWidget()
    assert isinstance(focused, CheckRow)
    assert focused.check.name == "Collateral"


def test_the_same_checks_build_nothing_anew(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    before = page.evidence.tree.nodes[(0,)]
    page.show_status(replace(DESKTOP, is_checking=True))
    assert page.evidence.tree.nodes[(0,)] is before


def test_it_looks_often_while_evidence_is_gathered_and_never_unseen(page: AttestationPage, qtbot: QtBot) -> None:
    page.show_status(replace(DESKTOP, is_checking=True))
    assert page.looking.interval() == CHECKING_MILLISECONDS
    assert not page.again.isEnabled()
    page.show_status(DESKTOP)
    assert page.looking.interval() == IDLE_MILLISECONDS
    assert page.again.isEnabled()
    page.hide()
    assert not page.looking.isActive()
    with qtbot.waitSignal(page.wanted, timeout=0):
        page.show()


def test_the_keyboard_is_back_on_the_button_after_a_look(page: AttestationPage, settle: Callable[[], None]) -> None:
    page.show_status(DESKTOP)
    page.activateWindow()
    settle()
    page.again.setFocus()
    QTest.keyClick(page.again, Qt.Key.Key_Space)
    page.show_status(replace(DESKTOP, is_checking=True))
    assert not page.again.isEnabled()
    page.show_status(DESKTOP)
    assert QApplication.focusWidget() is page.again


def test_what_was_never_looked_at_is_looked_at_once(page: AttestationPage) -> None:
    asked: list[bool] = []
    page.again_wanted.connect(asked.append)
    page.show_status(NOT_LOOKED)
    page.show_status(NOT_LOOKED)  # it could not be begun
    assert asked == [False], "nobody agreed to a question to Intel by opening the page"


def test_only_who_presses_lets_collateral_be_fetched(page: AttestationPage) -> None:
    asked: list[bool] = []
    page.again_wanted.connect(asked.append)
    page.show_status(DESKTOP)
    page.again.click()
    assert asked == [True]
    assert "asks Intel" in page.again.toolTip()


def test_collateral_is_shown_with_its_end_where_a_proof_needs_it(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    assert not page.evidence.collateral.isVisible()
    here = PlatformCollateral("00906ED50000", "platform", NOON)
    lacks = PlatformCollateral("B0C06F000000", "processor", None, "The service gave no answer.")
    silent = Finding(False, "It did not answer within 8 s.")
    status = CollateralStatus("https://localhost:8081", silent, (here, lacks))
    page.show_status(replace(DESKTOP, collateral=status))
    assert page.evidence.collateral.isVisible()
    said = page.evidence.collateral.text()
    assert "https://localhost:8081, which does not answer (It did not answer within 8 s.)" in said
    assert "00906ED50000 (platform): valid until " in said
    assert "B0C06F000000 (processor): not here. The service gave no answer." in said


def test_a_silent_agent_is_asked_for_nothing(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    page.show_view(View(Link.SILENT, a_status()))
    assert not page.again.isEnabled()
    assert not page.statement.export.isEnabled()
    assert page.statement.share.isEnabled()  # what was heard can be told on


HOSTILE = AttestationStatus(
    Verdict(
        Level.SELF_REPORTED,
        (Check(f"<b>{LONG}", Outcome.FAILED, f"\u202e{LONG}", LONG, (Check(LONG, Outcome.MISSING, LONG, LONG),)),),
        NOON,
    ),
    facts=(Fact("Model", LONG, LONG),),
    seen=(Seen(LONG, LONG, f"<a>{LONG}"),),
    hindrances=(Hindrance(LONG, LONG, LONG),),
    next_step=LONG,
)


@pytest.mark.parametrize("width", [1040, 660, 488])
@pytest.mark.parametrize("status", [DESKTOP, GUEST, TEST, HOSTILE], ids=["desktop", "guest", "test", "hostile"])
def test_no_width_and_no_word_makes_it_wider_than_the_window(
    page: AttestationPage, settle: Callable[[], None], width: int, status: AttestationStatus
) -> None:
    page.show_status(status)
    page.resize(width, 500)
    settle()
    assert_nothing_is_cut(page)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())
    assert "\u202e" not in texts(page)


def test_every_control_has_a_name_of_its_own_and_a_place_in_the_tab_order(page: AttestationPage) -> None:
    page.show_status(DESKTOP)
    names = []
    for control in (*page.findChildren(QAbstractButton), *page.findChildren(QLineEdit)):
        if control.isVisible():
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control
            text = control.text() if isinstance(control, QAbstractButton) else ""
            names.append(control.accessibleName() or text)
    assert "" not in names
    assert len(set(names)) == len(names) >= 4


class Attested:
    """A page and the agent in memory that it talks to."""

    def __init__(self, page: AttestationPage) -> None:
        self.page = page
        self.agent = PretendAgent()
        self.connection = Connection()
        self.feed = AttestationFeed(self.connection, page)
        self.problems: list[UserFacingError] = []
        self.connection.failed.connect(self.problems.append)

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
def attested(page: AttestationPage) -> Attested:
    return Attested(page)


async def test_the_page_follows_the_agent(attested: Attested) -> None:
    async with attested.connected():
        attested.page.wanted.emit()
    assert attested.page.status == DESKTOP


async def test_check_again_begins_a_new_look(attested: Attested) -> None:
    attested.page.show_status(DESKTOP)
    async with attested.connected():
        QTest.mouseClick(attested.page.again, Qt.MouseButton.LeftButton)
    assert attested.agent.attested == 1
    assert attested.page.again.text() == attestation_wording.LOOKING


async def test_a_look_that_could_not_begin_says_why_and_can_be_asked_for_again(attested: Attested) -> None:
    attested.page.show_status(DESKTOP)
    attested.agent.attestation_refusal = UserFacingError("It was not begun.", "The agent ends.", "Start it.")
    async with attested.connected():
        QTest.mouseClick(attested.page.again, Qt.MouseButton.LeftButton)
    assert attested.problems == [attested.agent.attestation_refusal]
    assert attested.page.again.isEnabled()


async def test_the_statement_is_exported_into_the_chosen_file_for_the_nonce(attested: Attested, tmp_path: Path) -> None:
    attested.page.show_status(DESKTOP)
    attested.page.statement.nonce.setText(" ab01 ")
    target = tmp_path / "evidence.json"
    async with attested.connected():
        attested.page.statement.export.click()
        files = attested.feed.files
        assert isinstance(files, QFileDialog)
        assert files.acceptMode() is QFileDialog.AcceptMode.AcceptSave
        files.fileSelected.emit(str(target))
        files.close()
        assert attested.feed.files is None
    assert attested.agent.nonces == ["ab01"]
    assert target.read_text() == "{}"


async def test_a_nonce_that_is_none_writes_nothing_and_is_told(attested: Attested, tmp_path: Path) -> None:
    attested.agent.attestation_refusal = UserFacingError("That is no nonce.", "It is not hexadecimal.", "Ask anew.")
    async with attested.connected():
        attested.feed.export_to(tmp_path / "evidence.json", "nonsense")
    assert attested.problems == [attested.agent.attestation_refusal]
    assert not (tmp_path / "evidence.json").exists()


async def test_a_place_that_cannot_be_written_is_told(attested: Attested, tmp_path: Path) -> None:
    async with attested.connected():
        attested.feed.export_to(tmp_path / "missing" / "evidence.json", "")
    (problem,) = attested.problems
    assert problem.what == "The statement was not written."
    assert problem.next_step == "Choose another place."


def test_the_summary_says_both_sides_and_nothing_of_who_or_where(page: AttestationPage) -> None:
    Attested(page)
    page.show_status(DESKTOP)
    QTest.mouseClick(page.statement.share, Qt.MouseButton.LeftButton)
    shared = QGuiApplication.clipboard().text()
    assert "level 1 of 4" in shared
    assert Level.SELF_REPORTED.does_not_prove in shared
    assert "2026-11-22 12:00 UTC" in shared
    for fact in DESKTOP.facts:
        assert fact.value not in shared
    assert "TEST" in attestation_wording.share_text(TEST)
    assert attestation_wording.share_text(NOT_LOOKED) == attestation_wording.NOT_LOOKED_YET


@pytest.mark.parametrize("turn", WhoseTurn)
def test_where_it_is_nobodys_turn_none_is_named(turn: WhoseTurn) -> None:
    _, rest = attestation_wording.hindrance_lines(Hindrance("What.", "Why.", "Nothing to do.", turn))
    assert rest.startswith("Why. Nothing to do.")
    assert ("turn" in rest) is (turn is not WhoseTurn.NOBODY)
