"""An owner handles the key by these dialogs: nothing typed is shown, mistyping costs nothing, the words are true."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from mulberry.desktop import key_wording
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.key_card import KeyCard
from mulberry.desktop.key_dialog import PassphraseDialog
from mulberry.desktop.key_feed import KeyFeed
from mulberry.desktop.key_wording import KeyVerb, question_about
from mulberry.desktop.theme import Theme
from mulberry.model.key import KeyCheck, KeyState, KeyStatus
from pretend_agent import PretendAgent
from samples import NODE_WALLET, a_status, a_wallet

SEALED = "in /home/me/node-wallet.sealed-key, under your passphrase"
OPEN = KeyStatus(KeyState.OPEN, "in this computer's keyring", NODE_WALLET)
LOCKED = KeyStatus(KeyState.LOCKED, SEALED, has_passphrase=True)
ABSENT = KeyStatus(KeyState.UNAVAILABLE, note="This computer has no keyring that is running.")
RIGHT = PretendAgent().passphrase


def a_view(key: KeyStatus, link: Link = Link.ANSWERS) -> View:
    return View(link, a_status(), replace(a_wallet(), key=key))


class Keys:
    """A card, its dialogs and an agent."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.agent = PretendAgent()
        self.connection = Connection()
        self.card = KeyCard()
        qtbot.addWidget(self.card)
        self.feed = KeyFeed(self.connection, self.card, theme)
        self.card.show_view(a_view(OPEN))
        self.card.show()

    @property
    def dialog(self) -> PassphraseDialog:
        assert self.feed.dialog is not None
        return self.feed.dialog

    def press(self, verb: KeyVerb) -> None:
        QTest.mouseClick(self.card.buttons[verb], Qt.MouseButton.LeftButton)

    def type(self, passphrase: str, again: str | None = None) -> None:
        self.dialog.first.setText(passphrase)
        self.dialog.second.setText(passphrase if again is None else again)

    def say(self) -> None:
        QTest.mouseClick(self.dialog.do, Qt.MouseButton.LeftButton)


@pytest.fixture
def keys(qtbot: QtBot, theme: Theme) -> Keys:
    return Keys(qtbot, theme)


@asynccontextmanager
async def connected(keys: Keys) -> AsyncGenerator[None, None]:
    running = asyncio.create_task(keys.connection.run(keys.agent, keys.agent.start))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("key", "words", "offered"),
    [
        (OPEN, "in this computer's keyring", "set a passphrase, back up, check, restore"),
        (LOCKED, "It is locked", "unlock, check, restore"),
        (ABSENT, "no keyring", "set a passphrase, check, restore"),
        (KeyStatus(), "when the node starts", "set a passphrase, check, restore"),
    ],
)
def test_the_card_says_how_the_key_is_and_offers_what_can_be_done(
    keys: Keys, key: KeyStatus, words: str, offered: str
) -> None:
    keys.card.show_view(a_view(key))
    assert words in keys.card.state.text()
    assert "Earnings go to your own wallet" in keys.card.guards.text()
    shown = [verb.value for verb, button in keys.card.buttons.items() if button.isVisible()]
    assert ", ".join(shown) == offered


def test_nothing_can_be_asked_of_a_silent_agent(keys: Keys) -> None:
    keys.card.show_view(a_view(OPEN, Link.SILENT))
    assert not any(button.isEnabled() for button in keys.card.buttons.values())


async def test_a_mistyped_passphrase_is_said_and_typed_again(keys: Keys) -> None:
    async with connected(keys):
        keys.card.show_view(a_view(LOCKED))
        keys.press(KeyVerb.UNLOCK)
        dialog = keys.dialog
        assert dialog.first.echoMode() is QLineEdit.EchoMode.Password
        assert not dialog.do.isEnabled() and not dialog.second.isVisible()
        keys.type("wrong")
        keys.say()
        assert (dialog.do.text(), dialog.do.isEnabled()) == ("One moment…", False)
        await until(lambda: "not the right one" in dialog.answer.text())
        assert dialog.do.isEnabled() and keys.agent.done_with_key == []
        keys.type(RIGHT)
        keys.say()
        await until(lambda: keys.feed.dialog is None)
        assert keys.agent.done_with_key == ["unlock"]


async def test_a_new_passphrase_is_typed_twice_and_judged_honestly(keys: Keys) -> None:
    async with connected(keys):
        keys.press(KeyVerb.PROTECT)
        dialog = keys.dialog
        keys.type("short")
        assert "at least 8" in dialog.strength.text() and not dialog.do.isEnabled()
        keys.type(RIGHT, "something else")
        assert "not the same" in dialog.strength.text() and not dialog.do.isEnabled()
        keys.type(RIGHT)
        assert "Mulberry cannot tell" in dialog.strength.text() and dialog.do.isEnabled()
        keys.say()
        await until(lambda: not dialog.do.isVisible())
        assert "nobody can recover it" in dialog.explanation.text()
        assert dialog.first.text() == "" and keys.agent.done_with_key == ["passphrase"]
        dialog.reject()
        assert keys.feed.dialog is None


async def test_a_backup_is_told_as_such_only_after_it_was_read_back(keys: Keys, tmp_path: Path) -> None:
    async with connected(keys):
        keys.feed.ask(KeyVerb.BACK_UP, tmp_path / "backup")
        dialog = keys.dialog
        assert "Earnings go to your own wallet" in dialog.explanation.text()
        keys.type(RIGHT)
        keys.say()
        await until(lambda: "read back and opened again" in dialog.explanation.text())
        assert (tmp_path / "backup").read_text() == "sealed"
        assert keys.agent.done_with_key == ["back up", "check"]
        assert NODE_WALLET in dialog.explanation.text()


@pytest.mark.parametrize("agrees", [True, False])
async def test_another_key_is_replaced_only_when_that_was_ticked(keys: Keys, tmp_path: Path, agrees: bool) -> None:
    (tmp_path / "backup").write_text("sealed")
    async with connected(keys):
        keys.feed.ask(KeyVerb.RESTORE, tmp_path / "backup")
        dialog = keys.dialog
        assert dialog.replace.isVisible() and not dialog.replace.isChecked()
        dialog.replace.setChecked(agrees)
        keys.type(RIGHT)
        keys.say()
        await until(lambda: "this node's now" in dialog.explanation.text())
        assert keys.agent.done_with_key == ["replace" if agrees else "restore"]


async def test_what_is_no_backup_is_told_in_the_dialog(keys: Keys, tmp_path: Path) -> None:
    async with connected(keys):
        keys.feed.ask(KeyVerb.CHECK, tmp_path / "nothing")
        dialog = keys.dialog
        keys.type(RIGHT)
        keys.say()
        await until(lambda: "cannot be read" in dialog.answer.text())


def test_files_are_chosen_without_overwriting_and_one_thing_at_a_time(keys: Keys) -> None:
    keys.press(KeyVerb.BACK_UP)
    files = keys.feed.files
    assert files is not None and files.testOption(files.Option.DontConfirmOverwrite)
    keys.press(KeyVerb.PROTECT)
    assert keys.feed.files is files and keys.feed.dialog is None
    files.reject()
    assert keys.feed.files is None


@pytest.mark.parametrize("whose", [True, False, None])
def test_a_check_never_claims_more_than_it_knows(whose: bool | None) -> None:
    words = key_wording.checked(KeyCheck(NODE_WALLET, whose))
    assert NODE_WALLET in words
    assert ("That is this node's" in words) is (whose is True)


def test_a_long_word_of_consent_is_not_cut_off(qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_wording, "REPLACE", "also in place of another key, which is kept aside " * 3)
    window = QWidget()
    qtbot.addWidget(window)
    dialog = PassphraseDialog(window, theme, question_about(KeyVerb.RESTORE, Path("backup")), may_replace=True)
    dialog.show()
    assert dialog.replace.width() >= dialog.replace.sizeHint().width()
    dialog.close()
