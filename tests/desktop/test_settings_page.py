"""What an owner chooses here must hold, be refused in words, or stay as it was; and no word being typed may be lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import JsonValue
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QTableWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from cut_texts import assert_nothing_is_cut
from mulberry.agent.computer_settings import ComputerSettings
from mulberry.desktop import settings_wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.hours_editor import HoursEditor
from mulberry.desktop.rule_editors import GpuRulesEditor, WeekEditor
from mulberry.desktop.settings_editors import (
    ChoiceEditor,
    ListEditor,
    NumberEditor,
    SwitchEditor,
    TextEditor,
    TimesEditor,
)
from mulberry.desktop.settings_page import FIELDS_AT_A_TIME, SettingsPage
from mulberry.desktop.theme import Theme
from mulberry.desktop.week_grid import WeekGrid
from mulberry.desktop.week_preview import WeekRows
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.node import Reason, ReasonKind
from mulberry.model.rules import Decision, GpuRules, Hold, Rule
from mulberry.model.settings import Page, Setting, SettingsStatus, Shape
from mulberry.model.week import read_week
from samples import NOON, RTX_4090, a_status, on_a_gpu
from settings_samples import SETTINGS, told

LEFT = Qt.MouseButton.LeftButton
SECOND_CARD = replace(RTX_4090, uuid="GPU-2", name="NVIDIA GeForce RTX 4080", pci_address="00000000:02:00.0")
CHOSEN = told(
    ComputerSettings(
        schedule=read_week("Mon-Fri 8-18").days,
        quiet_hours="22:00-07:30",
        idle_minutes=10,
        pause_for_apps=("steam", "blender"),
        electricity_prices=(250,) * 17 + (480,) * 7,
        dearest_price=400,
    )
)
REFUSAL = UserFacingError("The setting was not changed.", "“Currency” must be a text.", "Choose such a value.")


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> SettingsPage:
    made = SettingsPage(theme)
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show_view(View(Link.ANSWERS, on_a_gpu(a_status())))
    made.show_status(SETTINGS)
    made.build_all()
    made.show()
    return made


def chosen(page: SettingsPage) -> list[tuple[str, JsonValue]]:
    """What is sent from now on, once `send` has been called or a pause was made."""
    heard: list[tuple[str, JsonValue]] = []
    page.changed.connect(lambda name, value: heard.append((name, value)))
    return heard


def send(page: SettingsPage) -> None:
    for field in page.fields.values():
        field.send()


def texts(page: QWidget) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_every_setting_has_its_place_under_its_heading(page: SettingsPage) -> None:
    page.experts.setChecked(True)
    shown = texts(page)
    for setting in SETTINGS.settings:
        assert setting.title in shown
        assert setting.explanation in shown
    headings = [card.accessibleName() for card in page.cards.values()]
    assert headings == [each.value for each in Page if any(setting.page is each for setting in SETTINGS.settings)]


def test_the_page_is_built_a_few_fields_at_a_time_and_complete_in_the_end(
    qtbot: QtBot, theme: Theme, settle: Callable[[], None]
) -> None:
    page = SettingsPage(theme)
    qtbot.addWidget(page)
    page.show()
    page.show_rules(Decision(blind=((Rule.FULL_SCREEN, "Wayland tells no program"),)))
    page.show_status(SETTINGS)
    assert len(page.fields) == FIELDS_AT_A_TIME
    assert not page.cards[Page.WHEN].isVisible(), "a card that grows under the eyes would jump"
    page.show_status(CHOSEN)
    page.show_view(View(Link.ANSWERS, a_status()))
    qtbot.waitUntil(lambda: len(page.fields) == len(SETTINGS.settings))
    settle()
    assert not page.building.isActive()
    assert page.cards[Page.WHEN].isVisible()
    assert page.fields["quiet_hours"].changed.isVisible(), "as it was told last"
    assert page.fields["pause_in_full_screen"].rule.isVisible()


def test_each_shape_has_its_editor(page: SettingsPage) -> None:
    expected: dict[str, type[QWidget]] = {
        "pause_on_battery": SwitchEditor,
        "idle_minutes": NumberEditor,
        "owed_limit": TextEditor,  # nanotons are more than Qt's numbers hold
        "look": ChoiceEditor,
        "currency": TextEditor,
        "pause_for_apps": ListEditor,
        "electricity_prices": HoursEditor,
        "schedule": WeekEditor,
        "quiet_hours": TimesEditor,
        "gpus": GpuRulesEditor,
    }
    assert {name: type(page.fields[name].editor) for name in expected} == expected


def test_a_switch_says_in_words_how_it_stands_and_is_sent(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["pause_on_battery"].editor
    assert isinstance(editor, SwitchEditor)
    assert editor.switch.text() == "On"
    QTest.mouseClick(editor.switch, LEFT, pos=QPoint(8, editor.switch.height() // 2))
    assert editor.switch.text() == "Off"
    send(page)
    assert sent == [("pause_on_battery", False)]


def test_clicks_in_a_row_are_one_change(page: SettingsPage, qtbot: QtBot) -> None:
    sent, editor = chosen(page), page.fields["base_watt"].editor
    assert isinstance(editor, NumberEditor)
    page.fields["base_watt"].sending.setInterval(0)
    for _ in range(3):
        QTest.keyClick(editor.number, Qt.Key.Key_Up)
    assert sent == []
    qtbot.waitUntil(lambda: sent == [("base_watt", 3)])


def test_switched_on_it_begins_with_what_is_suggested_and_off_is_null(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["ceiling_celsius"].editor
    assert isinstance(editor, NumberEditor)
    assert not editor.number.isVisible()
    editor.switch.click()
    assert editor.number.isVisible()
    assert editor.number.text() == "80 °C"
    send(page)
    editor.switch.click()
    send(page)
    assert sent == [("ceiling_celsius", 80), ("ceiling_celsius", None)]


def test_switched_on_without_a_suggestion_it_waits_for_a_number(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["electricity_price"].editor
    assert isinstance(editor, NumberEditor)
    editor.switch.click()
    assert editor.number.isVisible() and editor.is_being_typed
    send(page)
    assert sent == [], "a price that nobody chose"
    editor.switch.click()
    assert not editor.number.isVisible() and not editor.is_being_typed
    send(page)
    assert sent == [], "it was off all the time"
    editor.switch.click()
    QTest.keyClicks(editor.number, "310")
    QTest.keyClick(editor.number, Qt.Key.Key_Return)
    send(page)
    assert sent == [("electricity_price", 310)]


def test_who_turns_away_from_a_number_has_chosen_none(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["electricity_price"].editor
    assert isinstance(editor, NumberEditor)
    page.window().activateWindow()
    editor.switch.click()
    editor.number.setFocus()
    editor.switch.setFocus()
    assert (editor.switch.isChecked(), editor.number.isVisible()) == (False, False)
    editor.switch.click()
    editor.number.setFocus()
    QTest.keyClick(editor.number, Qt.Key.Key_Return)
    send(page)
    assert sent == [("electricity_price", 0)], "with Enter what stands there is chosen"


def test_a_number_keeps_its_bounds_and_is_sent_when_typing_ends(page: SettingsPage) -> None:
    page.show_status(CHOSEN)
    sent, editor = chosen(page), page.fields["idle_minutes"].editor
    assert isinstance(editor, NumberEditor)
    assert (editor.number.minimum(), editor.number.maximum()) == (1, 1440)
    editor.number.selectAll()
    QTest.keyClicks(editor.number, "45")
    send(page)
    assert sent == []
    QTest.keyClick(editor.number, Qt.Key.Key_Return)
    send(page)
    assert sent == [("idle_minutes", 45)]


@pytest.mark.parametrize("name", ["idle_minutes", "quiet_hours", "look"])
def test_a_page_is_scrolled_over_a_field_without_changing_it(
    page: SettingsPage, settle: Callable[[], None], name: str
) -> None:
    page.show_status(CHOSEN)
    settle()
    sent, editor = chosen(page), page.fields[name].editor
    kinds = (QAbstractSpinBox, QComboBox)
    (field, *_) = (widget for kind in kinds for widget in editor.findChildren(kind) if widget.isVisible())
    page.search.setFocus()
    page.ensureWidgetVisible(field)
    settle()
    bar, where = page.verticalScrollBar(), field.mapTo(page, field.rect().center())
    before = bar.value()
    QTest.wheelEvent(page.windowHandle(), where.toPointF(), QPoint(0, 120 if before == bar.maximum() else -120))
    settle()
    send(page)
    assert sent == []
    assert bar.value() != before, "it is the page that scrolls"


def test_times_are_two_times_of_the_day(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["quiet_hours"].editor
    assert isinstance(editor, TimesEditor)
    editor.switch.click()
    send(page)
    QTest.keyClick(editor.times[1], Qt.Key.Key_Up)
    send(page)
    editor.switch.click()
    send(page)
    assert sent == [("quiet_hours", "22:00-07:00"), ("quiet_hours", "22:00-08:00"), ("quiet_hours", None)]


def test_a_choice_is_shown_in_words_and_sent_as_it_is_called(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["look"].editor
    assert isinstance(editor, ChoiceEditor)
    assert editor.box.currentText() == "As the system"
    editor.box.setFocus()
    QTest.keyClicks(editor.box, "High")
    editor.box.activated.emit(editor.box.currentIndex())
    send(page)
    assert sent == [("look", "high contrast")]


def test_a_list_grows_and_shrinks_by_keyboard(page: SettingsPage) -> None:
    page.show_status(CHOSEN)
    sent, editor = chosen(page), page.fields["pause_for_apps"].editor
    assert isinstance(editor, ListEditor)
    QTest.keyClicks(editor.line, " witcher3.exe ")
    QTest.keyClick(editor.line, Qt.Key.Key_Return)
    send(page)
    editor.list.setCurrentRow(0)
    QTest.keyClick(editor.list, Qt.Key.Key_Delete)
    send(page)
    assert sent == [
        ("pause_for_apps", ["steam", "blender", "witcher3.exe"]),
        ("pause_for_apps", ["blender", "witcher3.exe"]),
    ]


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [("owed_limit", "12000000000", 12_000_000_000), ("owed_limit", "", None), ("model_folder", "off", None)],
)
def test_a_text_is_sent_as_the_command_line_would(page: SettingsPage, name: str, typed: str, value: JsonValue) -> None:
    page.experts.setChecked(True)
    sent, editor = chosen(page), page.fields[name].editor
    assert isinstance(editor, TextEditor)
    editor.line.setFocus()
    QTest.keyClicks(editor.line, typed or "x")
    if not typed:
        QTest.keyClick(editor.line, Qt.Key.Key_Backspace)
    QTest.keyClick(editor.line, Qt.Key.Key_Return)
    send(page)
    assert sent == [(name, value)]


def test_what_is_no_value_is_told_at_once_and_not_sent(page: SettingsPage) -> None:
    page.experts.setChecked(True)
    sent, field = chosen(page), page.fields["owed_limit"]
    assert isinstance(field.editor, TextEditor)
    QTest.keyClicks(field.editor.line, "lots")
    QTest.keyClick(field.editor.line, Qt.Key.Key_Return)
    send(page)
    assert sent == []
    assert field.problem.text() == "“Most owed” was not changed: say a whole number."
    assert field.editor.line.text() == "lots"


def test_the_week_is_dragged_tried_and_typed(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["schedule"].editor
    tried: list[JsonValue] = []
    page.tried.connect(lambda name, value: tried.append(value))
    assert isinstance(editor, WeekEditor)
    monday = editor.grid.place((0, 0)).center().toPoint()
    QTest.mousePress(editor.grid, LEFT, pos=monday)
    assert tried == [[*read_week("Mon 1-24, Tue-Sun 0-24").days]]
    QTest.mouseRelease(editor.grid, LEFT, pos=monday)
    send(page)
    line = editor.text.line
    line.selectAll()
    QTest.keyClicks(line, "Sat-Sun 0-24")
    QTest.keyClick(line, Qt.Key.Key_Return)
    send(page)
    assert [value for _, value in sent] == [tried[0], [*read_week("Sat-Sun 0-24").days]]


def test_prices_by_the_hour_are_set_one_by_one_or_pasted(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["electricity_prices"].editor
    assert isinstance(editor, HoursEditor)
    assert not editor.boxes, "most tariffs have one price"
    editor.switch.click()
    editor.boxes[17].setValue(480)
    send(page)
    assert editor.text.line.text().startswith("300, 300")
    editor.text.line.setText(",".join(map(str, range(24))))
    editor.text.line.setModified(True)
    QTest.keyClick(editor.text.line, Qt.Key.Key_Return)
    send(page)
    assert [box.value() for box in editor.boxes] == list(range(24))
    editor.switch.click()
    send(page)
    assert not editor.boxes[0].isVisible()
    assert [value for _, value in sent] == [[300] * 17 + [480] + [300] * 6, list(range(24)), []]


AS_FOR_ALL: dict[str, JsonValue] = {
    "use": True, "ceiling_celsius": None, "other_load_percent": None, "power_cap_watt": None
}  # fmt: skip


def test_each_gpu_has_a_row_and_one_that_is_gone_keeps_its_rules(page: SettingsPage) -> None:
    gone = GpuRules("GPU-gone", use=False)
    page.show_status(told(ComputerSettings(gpus=(gone,))))
    page.show_view(View(Link.ANSWERS, replace(a_status(), gpus=GpuReport((RTX_4090, SECOND_CARD), None, NOON))))
    sent, editor = chosen(page), page.fields["gpus"].editor
    assert isinstance(editor, GpuRulesEditor)
    assert list(editor.rows) == [RTX_4090.uuid, "GPU-2", "GPU-gone"]
    assert "GPU-gone (not here now)" in texts(page)
    editor.rows["GPU-2"].use.click()
    assert editor.rows["GPU-2"].use.text() == "Keep it for me"
    assert editor.rows[RTX_4090.uuid].ceiling.text() == "as for all"
    QTest.keyClick(editor.rows[RTX_4090.uuid].ceiling, Qt.Key.Key_Up)
    editor.rows[RTX_4090.uuid].power_cap.setValue(300)
    send(page)
    (_, value), *_ = sent
    assert value == [
        {"uuid": "GPU-gone", **AS_FOR_ALL, "use": False},
        {"uuid": "GPU-2", **AS_FOR_ALL, "use": False},
        {"uuid": RTX_4090.uuid, **AS_FOR_ALL, "ceiling_celsius": 40, "power_cap_watt": 300},
    ]


def test_a_cap_is_stepped_within_what_the_gpu_takes_and_one_outside_is_shown_as_it_is(page: SettingsPage) -> None:
    card = replace(RTX_4090, power_limit_range_milliwatt=(150_500, 600_000))
    page.show_view(View(Link.ANSWERS, replace(a_status(), gpus=GpuReport((card,), None, NOON))))
    page.show_status(told(ComputerSettings(gpus=(GpuRules(card.uuid, use=False),))))
    sent, editor = chosen(page), page.fields["gpus"].editor
    assert isinstance(editor, GpuRulesEditor)
    box = editor.rows[card.uuid].power_cap
    assert (box.text(), box.minimum(), box.maximum()) == ("as for all", 150, 600)
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert box.text() == "160 W"
    page.show_status(told(ComputerSettings(gpus=(GpuRules(card.uuid, power_cap_watt=90),))))
    send(page)
    page.show_status(told(ComputerSettings(gpus=(GpuRules(card.uuid, power_cap_watt=90),))))
    assert box.text() == "90 W"
    assert [value for _, value in sent] == [[{**AS_FOR_ALL, "uuid": card.uuid, "use": False, "power_cap_watt": 160}]]


def test_a_gpu_whose_rules_are_all_usual_needs_none(page: SettingsPage) -> None:
    page.show_status(told(ComputerSettings(gpus=(GpuRules(RTX_4090.uuid, use=False),))))
    sent, editor = chosen(page), page.fields["gpus"].editor
    assert isinstance(editor, GpuRulesEditor)
    editor.rows[RTX_4090.uuid].use.click()
    send(page)
    assert sent == [("gpus", [])]


def test_what_was_changed_is_marked_and_can_be_reset(page: SettingsPage) -> None:
    field = page.fields["quiet_hours"]
    assert not field.reset.isVisible()
    page.show_status(CHOSEN)
    assert field.changed.isVisible()
    asked: list[str] = []
    page.reset_wanted.connect(asked.append)
    QTest.mouseClick(field.reset, LEFT)
    assert asked == ["quiet_hours"]


def test_a_refusal_is_told_at_the_field_and_the_old_value_comes_back(page: SettingsPage) -> None:
    field = page.fields["currency"]
    assert isinstance(field.editor, TextEditor)
    field.editor.line.selectAll()
    QTest.keyClicks(field.editor.line, "euro")
    QTest.keyClick(field.editor.line, Qt.Key.Key_Return)
    field.send()
    page.refuse("currency", REFUSAL)
    assert field.problem.text() == "The setting was not changed. “Currency” must be a text."
    assert field.problem.isVisible()
    assert field.editor.line.text() == "EUR"
    page.refuse("a setting of another time", REFUSAL)


def test_what_is_being_typed_outlives_news_refusals_and_silence(page: SettingsPage) -> None:
    field = page.fields["currency"]
    assert isinstance(field.editor, TextEditor)
    field.editor.line.setFocus()
    field.editor.line.selectAll()
    QTest.keyClicks(field.editor.line, "US")
    page.show_status(told(ComputerSettings(currency="CHF")))
    page.refuse("currency", REFUSAL)
    page.show_view(View(Link.SILENT, a_status()))
    assert not field.editor.isEnabled()
    sent = chosen(page)
    page.show_view(View(Link.ANSWERS, a_status()))
    assert field.editor.line.text() == "US"
    send(page)
    assert sent in ([], [("currency", "US")]), "sent at most as it was typed"


def test_a_value_on_its_way_is_not_overwritten_by_an_older_one(page: SettingsPage) -> None:
    editor = page.fields["pause_on_battery"].editor
    assert isinstance(editor, SwitchEditor)
    editor.switch.click()
    page.show_status(SETTINGS)
    assert not editor.switch.isChecked(), "not sent yet"
    send(page)
    page.show_status(SETTINGS, frozenset({"pause_on_battery"}))
    assert not editor.switch.isChecked(), "sent, and not answered yet"
    page.show_status(SETTINGS)
    assert editor.switch.isChecked()


def test_leaving_the_page_sends_what_was_chosen(page: SettingsPage) -> None:
    sent, editor = chosen(page), page.fields["pause_on_battery"].editor
    assert isinstance(editor, SwitchEditor)
    editor.switch.click()
    page.hide()
    assert sent == [("pause_on_battery", False)]


def test_a_silent_agent_is_said_and_nothing_can_be_changed(page: SettingsPage) -> None:
    page.show_status(CHOSEN)
    page.show_view(View(Link.SILENT, a_status()))
    assert page.line.text() == settings_wording.STALE
    for field in page.fields.values():
        assert not field.editor.isEnabled()
        assert not field.reset.isEnabled()


def test_what_has_a_way_of_its_own_says_where(page: SettingsPage) -> None:
    field = page.fields["owner_address"]
    assert not field.editor.isEnabled()
    assert field.note.text() == "Use `mulberry owner`, or the Wallet page."
    assert page.fields["max_active_requests"].note.text() == "A change holds with the next Start."


def test_settings_of_a_newer_agent_are_shown_and_can_be_changed(page: SettingsPage) -> None:
    newer = Setting(
        "moon", "Moon", "Only at new moon.", Page.OTHER, Shape.OTHER, {"phase": 0}, {"phase": 0}, may_be_off=True
    )
    strange_gpus = replace(SETTINGS.named("gpus"), value=[{"card": 1}])
    page.show_status(SettingsStatus((newer, strange_gpus)))
    page.build_all()
    assert list(page.fields) == ["gpus", "moon"]
    editor, sent = page.fields["moon"].editor, chosen(page)
    assert isinstance(editor, TextEditor)
    assert editor.line.text() == '{"phase": 0}'
    editor.line.selectAll()
    QTest.keyClicks(editor.line, '{"phase": 4}')
    QTest.keyClick(editor.line, Qt.Key.Key_Return)
    send(page)
    assert sent == [("moon", {"phase": 4})]
    assert isinstance(page.fields["gpus"].editor, TextEditor)


def test_experts_settings_come_when_asked_for(page: SettingsPage) -> None:
    assert not page.fields["stats_port"].isVisible()
    page.experts.click()
    assert page.fields["stats_port"].isVisible()


def test_a_search_leaves_what_has_all_its_words(page: SettingsPage) -> None:
    page.search.setText("METERED pause")
    shown = [name for name, field in page.fields.items() if field.isVisible()]
    assert shown == ["pause_on_metered"]
    assert page.line.text() == "1 setting matches."
    assert not page.preview.isVisible()
    page.search.setText("stats page")
    assert page.line.text() == "No setting matches. 1 more is for experts."
    page.search.clear()
    assert page.preview.isVisible()
    assert page.line.text() == settings_wording.SAVED_AT_ONCE


def test_ctrl_f_goes_to_the_search(page: SettingsPage, settle: Callable[[], None]) -> None:
    page.activateWindow()
    settle()
    page.fields["pause_on_battery"].editor.findChildren(QAbstractButton)[0].setFocus()
    QTest.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.search.hasFocus()


def test_a_rule_says_what_it_holds_up_and_why_it_cannot(page: SettingsPage) -> None:
    page.show_rules(
        Decision(
            holds=(Hold(Rule.BATTERY, "The computer runs on its battery."),),
            gpu_holds=(Hold(Rule.KEPT, "You keep it.", gpu="a"), Hold(Rule.KEPT, "You keep it.", gpu="b")),
            blind=((Rule.FULL_SCREEN, "Wayland tells no program"),),
        )
    )
    assert page.fields["pause_on_battery"].rule.text() == "Holds now: The computer runs on its battery."
    assert page.fields["gpus"].rule.text() == "Holds now: You keep it."
    blind = page.fields["pause_in_full_screen"].rule
    assert blind.isVisible()
    assert blind.property("look") == "value", "nobody has chosen it"
    assert blind.text() == "Cannot be seen here, because Wayland tells no program. It pauses nothing."
    page.show_rules(Decision())
    assert not blind.isVisible()
    page.show_status(CHOSEN)
    page.show_rules(Decision(blind=((Rule.IDLE, "Wayland tells no program"),)))
    assert page.fields["idle_minutes"].rule.property("look") == "warn", "its owner counts on it"


def test_the_week_ahead_is_drawn_told_and_listed_and_warns(page: SettingsPage, qtbot: QtBot) -> None:
    page.show_status(told(ComputerSettings(schedule=read_week("never").days)))
    assert "it would never run" in page.preview.warning.text()
    assert page.preview.warning.isVisible()
    page.show_status(CHOSEN)
    assert not page.preview.warning.isVisible()
    rows = page.preview.rows
    assert "Kept free by your schedule" in texts(page.preview)
    assert "Mon 23 Nov: it may work 08:00-17:00 (9 h). Else: " in rows.accessibleDescription()
    table = rows.table()
    qtbot.addWidget(table)
    (cells,) = table.findChildren(QTableWidget)
    monday = [cells.item(1, column) for column in range(3)]
    assert [cell.text() for cell in monday if cell is not None] == ["Mon 23 Nov", "08:00-17:00", "9 h"]


def test_the_page_asks_again_when_the_agent_comes_back_and_when_a_rule_holds(page: SettingsPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.wanted, timeout=0):
        rule = Reason(ReasonKind.PAUSED_BY_RULE, "Quiet hours.", "It goes on.", WhoseTurn.NOBODY)
        page.show_view(View(Link.ANSWERS, replace(a_status(), reasons=(rule,))))
    page.show_view(View(Link.SILENT, replace(a_status(), reasons=(rule,))))
    with qtbot.waitSignal(page.wanted, timeout=0):
        page.show_view(View(Link.ANSWERS, replace(a_status(), reasons=(rule,))))
    page.hide()
    assert not page.looking.isActive()


def test_nothing_is_cut_off(page: SettingsPage, settle: Callable[[], None]) -> None:
    page.experts.setChecked(True)
    page.show_status(CHOSEN)
    page.show_rules(Decision(blind=tuple((rule, "Wayland tells no program") for rule in Rule)))
    page.refuse("currency", REFUSAL)
    for width in (1040, 660, 480):
        page.resize(width, 700)
        settle()
        assert_nothing_is_cut(page)


CONTROLS = (QAbstractButton, QLineEdit, QAbstractSpinBox, QComboBox, QAbstractItemView, WeekGrid, WeekRows)


def test_every_control_has_a_name_of_its_own_and_is_reached_by_tab(
    page: SettingsPage, settle: Callable[[], None]
) -> None:
    page.experts.setChecked(True)
    page.show_status(CHOSEN)
    page.activateWindow()
    settle()
    inner = {box.lineEdit() for box in page.findChildren(QAbstractSpinBox)}
    controls = {
        control
        for kind in CONTROLS
        for control in page.findChildren(kind)
        if control.isVisible() and control.isEnabled() and control not in inner
        if control.parent() is not page.search
    }
    names = [control.accessibleName() or control.text() for control in controls]  # type: ignore[attr-defined]
    assert "" not in names
    assert sorted(set(names)) == sorted(names)
    page.search.setFocus()
    reached: list[QWidget] = []
    while not controls <= set(reached) and len(reached) < 2 * len(controls):  # hours and minutes are two stops
        focused = QApplication.focusWidget()
        assert focused is not None
        reached.append(focused)
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    assert controls <= set(reached)
    fields = list(page.fields.values())
    order = [number for control in reached for number, field in enumerate(fields) if field.isAncestorOf(control)]
    assert order == sorted(order)
