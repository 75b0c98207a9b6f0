"""The Models page shows strangers' words and acts on gigabytes: it asks before and tells truly after."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLabel, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from cut_texts import assert_nothing_is_cut
from model_samples import ADDRESS, BUNDLED, DAMAGED, EMPTY, ENCODER, IMPORTING, MODELS, QWEN, REFUSED, STORE
from mulberry.desktop import models_wording
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.models_feed import NEW_FOLDER, LimitDialog, ModelsFeed
from mulberry.desktop.models_page import IDLE_MILLISECONDS, WORKING_MILLISECONDS, ModelsPage
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.models import ModelOrder, ModelsStatus, ModelVerb, ModelWork, StoredModel, WorkState
from pretend_agent import PretendAgent
from samples import a_status

CANCELLED = replace(IMPORTING, state=WorkState.CANCELLED)
DONE = replace(IMPORTING, state=WorkState.DONE, title=QWEN.title)
HOSTILE = StoredModel(
    entry="x-0123456789ab",
    name="x/" + "w" * 198,
    version="1" * 40,
    title="<b>bold</b>\u202egnp.exe " + "W" * 60,
    licence="L" * 80,
    size_bytes=2**44,
    imported_at=None,
    source="https://evil.example/" + "a" * 3000,
    in_use=False,
    problem="<a href='x'>" + "reason " * 2000,
    made_from="m" * 500,
)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> ModelsPage:
    made = ModelsPage(theme)
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    made.show_view(View(Link.ANSWERS, a_status()))
    return made


def texts(page: ModelsPage) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def orders(page: ModelsPage) -> list[ModelOrder]:
    heard: list[ModelOrder] = []
    page.asked.connect(heard.append)
    return heard


def test_before_the_agent_is_heard_nothing_is_claimed(page: ModelsPage) -> None:
    assert models_wording.NOT_HEARD_YET in texts(page)
    assert not page.room.isVisible()
    assert not page.empty.isVisible()


def test_without_imports_it_says_so_and_how_one_comes_in(page: ModelsPage) -> None:
    page.show_models(EMPTY)
    assert models_wording.NOTHING_IMPORTED in texts(page)
    assert page.import_card.isVisible()
    (card,) = page.models
    assert card.bundled.isVisible()
    assert not card.remove.isVisible()
    assert card.state.text() == "Serves now"


def test_each_model_says_what_it_is_and_whether_it_may_serve(page: ModelsPage) -> None:
    page.show_models(MODELS)
    shown = texts(page)
    for expected in (
        "Qwen/Qwen3-4B",
        "Apache-2.0",
        "32,768 tokens",
        "CPU (int4)\nCUDA (fp16), 9.60 GB VRAM",
        "2.71 GB",
        "accepted",
        "2026.09, imported 20 Nov 2026",
        ADDRESS,
        f"Cannot serve: {DAMAGED.problem}",
    ):
        assert expected in shown
    states = [card.state.text() for card in page.models]
    assert states == ["May serve", f"Cannot serve: {DAMAGED.problem}", "Serves now"]


def test_an_encoder_is_not_said_to_serve(page: ModelsPage) -> None:
    page.show_models(replace(MODELS, store=replace(STORE, models=(ENCODER,))))
    (state, _) = (card.state.text() for card in page.models)
    assert state.startswith("For `mulberry benchmark` alone") and "Cocoon" in state
    assert "embedding, 256 tokens" in texts(page)


def test_what_serves_is_not_removed_and_the_way_out_is_told(page: ModelsPage) -> None:
    page.show_models(replace(MODELS, store=replace(STORE, models=(replace(QWEN, in_use=True),))))
    assert not page.models[0].remove.isEnabled()
    assert page.models[0].remove.toolTip() == models_wording.STOP_FIRST


@pytest.mark.parametrize("width", [660, 1040])
@pytest.mark.parametrize(
    "status",
    [
        MODELS,
        replace(MODELS, store=replace(STORE, models=(ENCODER,))),
        EMPTY,
        replace(MODELS, work=IMPORTING),
        replace(EMPTY, work=REFUSED),
        ModelsStatus((BUNDLED,), None, "Why"),
    ],
    ids=["models", "encoder", "empty", "importing", "refused", "unreadable"],
)
def test_nothing_is_cut_off(page: ModelsPage, settle: Callable[[], None], width: int, status: ModelsStatus) -> None:
    page.resize(width, 500)
    page.show_models(status)
    settle()
    assert_nothing_is_cut(page)


@pytest.mark.parametrize("verb", [ModelVerb.IMPORT, ModelVerb.INSPECT, ModelVerb.MOVE])
@pytest.mark.parametrize("state", list(WorkState))
def test_strangers_words_stay_text_and_make_nothing_wider(
    page: ModelsPage, settle: Callable[[], None], verb: ModelVerb, state: WorkState
) -> None:
    problem = ("<b>what</b> " + "w" * 5000, "why\u202e " * 3000, "next") if state is WorkState.REFUSED else None
    work = ModelWork(verb, "/x" * 3000, state, title="T" * 3000, problem=problem)
    page.show_models(replace(MODELS, store=replace(STORE, models=(HOSTILE,)), work=work))
    settle()
    sheet = page.widget()
    assert sheet is not None
    assert sheet.width() <= page.viewport().width()
    for label in page.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText
        assert "\u202e" not in label.text()
        assert len(label.text()) <= models_wording.LONGEST_REASONS + 100
        assert "<b>" not in label.toolTip()


def test_an_import_shows_how_far_it_is_and_can_be_cancelled(page: ModelsPage) -> None:
    heard = orders(page)
    page.show_models(replace(MODELS, work=IMPORTING))
    assert f"Importing {ADDRESS}" in texts(page)
    assert "1.08 GB of 2.71 GB · model.onnx.data" in texts(page)
    assert "1.08 GB of 2.71 GB" in page.work.bar.accessibleDescription()
    assert not page.import_card.folder.isEnabled()
    assert not page.room.move_button.isEnabled()
    assert not page.models[0].inspect.isEnabled()
    QTest.mouseClick(page.work.cancel, Qt.MouseButton.LeftButton)
    assert heard == [ModelOrder(ModelVerb.CANCEL)]


@pytest.mark.parametrize(("work", "button"), [(CANCELLED, "Go on"), (REFUSED, "Try again")])
def test_what_ended_early_can_be_asked_for_again(page: ModelsPage, work: ModelWork, button: str) -> None:
    heard = orders(page)
    page.show_models(replace(EMPTY, work=work))
    assert page.work.again.text() == button
    QTest.mouseClick(page.work.again, Qt.MouseButton.LeftButton)
    assert heard == [ModelOrder(ModelVerb.IMPORT, ADDRESS)]


@pytest.mark.parametrize("work", [replace(CANCELLED, about="/m"), ModelWork(ModelVerb.MOVE, "/m", WorkState.CANCELLED)])
def test_only_what_is_fetched_goes_on_where_it_was(page: ModelsPage, work: ModelWork) -> None:
    page.show_models(replace(EMPTY, work=work))
    assert page.work.again.text() == "Do it after all"
    assert "Everything is as it was." in texts(page)


def test_a_refusal_tells_every_reason_and_the_next_step(page: ModelsPage) -> None:
    assert REFUSED.problem is not None
    page.show_models(replace(EMPTY, work=REFUSED))
    assert all(part in texts(page) for part in REFUSED.problem)


def test_what_was_read_is_closed_until_there_is_something_new(page: ModelsPage) -> None:
    page.show_models(replace(MODELS, work=DONE))
    assert "Qwen3 4B Instruct is here. Nothing is against it." in texts(page)
    QTest.mouseClick(page.work.close_button, Qt.MouseButton.LeftButton)
    page.show_models(replace(MODELS, work=DONE))
    assert not page.work.isVisible()
    page.show_models(replace(MODELS, work=IMPORTING))
    assert page.work.isVisible()


def test_an_address_is_imported_by_the_return_key(page: ModelsPage) -> None:
    heard = orders(page)
    page.show_models(EMPTY)
    address = page.import_card.address
    QTest.keyClick(address, Qt.Key.Key_Return)
    assert heard == [], "there is nothing to import"
    QTest.keyClicks(address, f"  {ADDRESS} ")
    QTest.keyClick(address, Qt.Key.Key_Return)
    assert heard == [ModelOrder(ModelVerb.IMPORT, ADDRESS)]
    assert address.text() == ""


def test_a_silent_agent_is_asked_for_nothing(page: ModelsPage) -> None:
    page.show_models(replace(MODELS, work=IMPORTING))
    page.show_view(View(Link.SILENT, a_status()))
    page.import_card.address.setText(ADDRESS)
    buttons = [
        page.import_card.fetch,
        page.import_card.folder,
        page.room.limit,
        page.room.move_button,
        page.work.cancel,
    ]
    buttons += [button for card in page.models for button in (card.inspect, card.remove)]
    assert [button.text() for button in buttons if button.isEnabled()] == []


def test_every_control_has_a_name_of_its_own_and_a_place_in_the_tab_order(page: ModelsPage) -> None:
    page.show_models(replace(MODELS, work=CANCELLED))
    names = []
    for control in (*page.findChildren(QAbstractButton), *page.findChildren(QLineEdit)):
        if control.isVisible():
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control
            text = control.text() if isinstance(control, QAbstractButton) else ""
            names.append(control.accessibleName() or text)
    assert "" not in names
    assert len(set(names)) == len(names)


def test_it_looks_often_while_something_is_under_way_and_never_unseen(page: ModelsPage, qtbot: QtBot) -> None:
    page.show_models(replace(MODELS, work=IMPORTING))
    assert page.looking.isActive()
    assert page.looking.interval() == WORKING_MILLISECONDS
    page.show_models(MODELS)
    assert page.looking.interval() == IDLE_MILLISECONDS
    page.hide()
    assert not page.looking.isActive()
    with qtbot.waitSignal(page.wanted, timeout=0):
        page.show()


class Models:
    """A page, its dialogs and an agent."""

    def __init__(self, page: ModelsPage, theme: Theme) -> None:
        self.page = page
        self.agent = PretendAgent()
        self.connection = Connection()
        self.feed = ModelsFeed(self.connection, page, theme)
        self.problems: list[UserFacingError] = []
        self.connection.failed.connect(self.problems.append)
        page.show_models(MODELS)

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

    def question(self) -> QMessageBox:
        assert isinstance(self.feed.dialog, QMessageBox)
        return self.feed.dialog

    def press(self, text: str) -> None:
        (button,) = [button for button in self.question().buttons() if button.text() == text]
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def models(page: ModelsPage, theme: Theme) -> Models:
    return Models(page, theme)


async def test_removing_asks_first(models: Models) -> None:
    async with models.connected():
        QTest.mouseClick(models.page.models[0].remove, Qt.MouseButton.LeftButton)
        assert "Qwen3 4B Instruct" in models.question().text()
        assert "2.71 GB" in models.question().informativeText()
        models.press("Remove")
        assert models.feed.dialog is None
    assert models.agent.orders == [ModelOrder(ModelVerb.REMOVE, QWEN.entry)]


async def test_the_escape_key_removes_nothing(models: Models) -> None:
    async with models.connected():
        QTest.mouseClick(models.page.models[0].remove, Qt.MouseButton.LeftButton)
        QTest.keyClick(models.question(), Qt.Key.Key_Escape)
        assert models.feed.dialog is None
    assert models.agent.orders == []


async def test_a_folder_is_chosen_and_imported(models: Models, tmp_path: Path) -> None:
    async with models.connected():
        QTest.mouseClick(models.page.import_card.folder, Qt.MouseButton.LeftButton)
        files = models.feed.dialog
        assert isinstance(files, QFileDialog)
        assert files.fileMode() is QFileDialog.FileMode.Directory
        files.fileSelected.emit(str(tmp_path))
        files.close()
        assert models.feed.dialog is None
        await asyncio.sleep(0)
    assert models.agent.orders == [ModelOrder(ModelVerb.IMPORT, str(tmp_path))]


@pytest.mark.parametrize("has_things", [False, True])
async def test_models_move_to_a_folder_of_their_own(models: Models, tmp_path: Path, has_things: bool) -> None:
    if has_things:
        (tmp_path / "photo.jpg").touch()
    target = tmp_path / NEW_FOLDER if has_things else tmp_path
    async with models.connected():
        models.feed.ask_to_move(str(tmp_path))
        assert "2 models" in models.question().text()
        models.press("Move")
    assert models.agent.orders == [ModelOrder(ModelVerb.MOVE, str(target))]


@pytest.mark.parametrize(("is_limited", "limit"), [(True, 20_500_000_000), (False, None)])
async def test_the_limit_is_set_or_taken_away(models: Models, is_limited: bool, limit: int | None) -> None:
    async with models.connected():
        QTest.mouseClick(models.page.room.limit, Qt.MouseButton.LeftButton)
        dialog = models.feed.dialog
        assert isinstance(dialog, LimitDialog)
        assert dialog.gigabytes.value() == 50.0
        dialog.is_limited.setChecked(is_limited)
        dialog.gigabytes.setValue(20.5)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        assert models.feed.dialog is None
    assert models.agent.orders == [ModelOrder(ModelVerb.LIMIT, limit_bytes=limit)]


async def test_one_dialog_at_a_time(models: Models) -> None:
    QTest.mouseClick(models.page.room.limit, Qt.MouseButton.LeftButton)
    first = models.feed.dialog
    models.feed.ask_to_move("/mnt")
    assert models.feed.dialog is first
    assert first is not None
    first.reject()


async def test_what_the_agent_refuses_is_told(models: Models) -> None:
    models.agent.models_refusal = UserFacingError("It was not removed.", "The agent uses it.", "Stop it.")
    async with models.connected():
        models.page.asked.emit(ModelOrder(ModelVerb.COLLECT))
    assert models.problems == [models.agent.models_refusal]


async def test_the_page_follows_the_agent(models: Models) -> None:
    models.agent.model_status = EMPTY
    async with models.connected():
        models.page.wanted.emit()
    assert models.page.status == EMPTY
    models.agent.runs = False
    async with models.connected():
        models.page.wanted.emit()
    assert models.page.status == EMPTY
