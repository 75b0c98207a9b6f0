"""What an owner chose must hold, must survive an update and must never be lost to a typing error."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from conftest import SettableClock
from mulberry.agent.choices import Choices, refuse_special
from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.setting import SettingsModel, describe
from mulberry.agent.settings import Settings
from mulberry.agent.settings_file import SettingsFile
from mulberry.model.encoding import from_json, to_json
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder
from mulberry.model.rules import Rule
from mulberry.model.settings import (
    SETTING_OF_RULE,
    Page,
    Setting,
    SettingsChange,
    SettingsStatus,
    Shape,
    TakesEffect,
    allowed,
    shown,
    typed,
)
from mulberry.model.week import read_week
from samples import RTX_4090

ALL = (*describe(ComputerSettings(), of_computer=True), *describe(Settings(), of_computer=False))
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.name)
def test_each_setting_is_told_in_full_and_can_be_typed_as_it_is_shown(setting: Setting) -> None:
    assert setting.explanation.endswith(".")
    assert typed(setting, shown(setting)) == setting.value == setting.default
    assert allowed(setting)
    assert setting.shape is not Shape.CHOICE or setting.default in setting.choices


def test_what_a_switched_on_setting_begins_with_can_be_had(choices: Choices) -> None:
    suggested: dict[str, JsonValue] = {each.name: each.suggested for each in ALL if each.suggested is not None}
    assert {"quiet_hours", "idle_minutes", "ceiling_celsius"} <= set(suggested)
    _, status = choices.change(SettingsChange(suggested))
    assert all(status.named(name).value == value for name, value in suggested.items())


def test_each_rule_has_a_setting_that_can_be_shown_beside_it() -> None:
    assert set(SETTING_OF_RULE) == set(Rule)
    assert set(SETTING_OF_RULE.values()) <= {setting.name for setting in ALL}


def test_a_newer_agents_page_shape_and_time_are_understood() -> None:
    newer = to_json(SettingsStatus, SettingsStatus(ALL[:1]))
    for word in (b"When to work", b"the hours of a week", b"at once"):
        newer = newer.replace(word, b"a thing of the future")
    setting = from_json(SettingsStatus, newer).settings[0]
    assert (setting.page, setting.shape, setting.takes_effect) == (Page.OTHER, Shape.OTHER, TakesEffect.NEXT_AGENT)


def test_no_name_is_both_the_computers_and_the_networks() -> None:
    names = [setting.name for setting in ALL]
    assert len(names) == len(set(names))


def test_the_page_in_the_documentation_is_made_of_the_definition() -> None:
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "tools" / "settings_page.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == tool.settings_page()


@pytest.fixture
def choices(tmp_path: Path, clock: SettableClock) -> Choices:
    return Choices(DataFolder.of_network(tmp_path, "demo"), clock)


def test_what_is_changed_is_on_disk_and_nothing_else(choices: Choices, tmp_path: Path) -> None:
    choices.change(SettingsChange({"quiet_hours": "22:00-07:00", "coefficient": 1500}))
    assert json.loads((tmp_path / "computer.json").read_text()) == {"version": 1, "quiet_hours": "22:00-07:00"}
    assert json.loads((tmp_path / "demo" / "settings.json").read_text()) == {"version": 1, "coefficient": 1500}
    _, status = choices.change(SettingsChange({}, reset=("quiet_hours",)))
    assert status.named("quiet_hours").is_default
    assert status.named("coefficient").value == 1500


def test_the_computers_settings_hold_for_every_network(choices: Choices, tmp_path: Path, clock: SettableClock) -> None:
    choices.change(SettingsChange({"look": "dark", "coefficient": 1500}))
    other = Choices(DataFolder.of_network(tmp_path, "mainnet"), clock).status()
    assert (other.named("look").value, other.named("coefficient").value) == ("dark", 1000)


def test_trying_out_shows_what_would_be_and_stores_nothing(choices: Choices, tmp_path: Path) -> None:
    never: JsonValue = [*read_week("never").days]
    _, status = choices.change(SettingsChange({"schedule": never}, only_try=True))
    assert "it would never run" in status.contradictions[0]
    assert not any(stretch.may_work for stretch in status.foretold)
    assert list(tmp_path.iterdir()) == []
    assert choices.status().contradictions == ()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"idle_minutes": 0}, "“Only when idle” must be a whole number from 1 to 1,440, or off"),
        ({"idle_minutes": "5"}, "must be a whole number"),
        ({"idle_minutes": True}, "must be a whole number"),
        ({"look": "pink"}, "must be one of system, light, dark, high contrast"),
        ({"quiet_hours": "22-7"}, "must be times of a day, or off"),
        ({"schedule": ["#" * 24] * 6}, "must be the hours of a week"),
        ({"electricity_prices": [1] * 23}, "Prices by the hour"),
        ({"currency": "euro"}, "Currency"),
        ({"gpus": [{"uuid": "GPU-1", "surprise": 1}]}, "Rules for single GPUs"),
        ({"power_cap_watt": 9}, "“Power cap” must be a whole number from 10 to 5,000, or off"),
        ({"gpus": [{"uuid": "GPU-1", "power_cap_watt": 5001}]}, "Rules for single GPUs"),
        ({"engine_urls": ["file:///etc/passwd"]}, "Servers of your own"),
        ({"nothing": 1}, "There is no setting “nothing”"),
        ({"coefficient": 1500, "look": "pink"}, "Look"),
    ],
)
def test_what_cannot_be_had_changes_nothing_and_says_what_can(
    choices: Choices, tmp_path: Path, values: dict[str, object], why: str
) -> None:
    with pytest.raises(UserFacingError) as refused:
        choices.change(SettingsChange(values))  # type: ignore[arg-type]  # what a stranger's JSON may hold
    assert why in refused.value.why
    assert list(tmp_path.iterdir()) == []


def test_a_power_cap_is_one_that_the_drivers_here_can_keep(tmp_path: Path, clock: SettableClock) -> None:
    card = replace(RTX_4090, uuid="GPU-1", power_limit_range_milliwatt=(150_000, 600_000))
    laptop = replace(RTX_4090, uuid="GPU-2", power_limit_range_milliwatt=None)
    choices = Choices(DataFolder.of_network(tmp_path, "demo"), clock, lambda: (card, laptop))

    def keep(**values: JsonValue) -> None:
        choices.change(SettingsChange(values))

    keep(power_cap_watt=150)
    keep(power_cap_watt=700)  # more than it ever draws: no other GPU's cap is refused for this one
    its_own: JsonValue = [{"uuid": "GPU-1", "power_cap_watt": 601}]
    refused_values: tuple[dict[str, JsonValue], ...] = ({"power_cap_watt": 149}, {"gpus": its_own})
    for values in refused_values:
        with pytest.raises(UserFacingError) as refused:
            choices.change(SettingsChange(values, only_try=True))
        assert refused.value.why == "The driver of NVIDIA GeForce RTX 4090 takes a power limit from 150 to 600 W."
    keep(gpus=[{"uuid": "GPU-2", "power_cap_watt": 80}, {"uuid": "GPU-1", "use": True, "power_cap_watt": 200}])
    keep(power_cap_watt=100)  # for no GPU that is here


def test_another_setting_is_not_refused_for_a_cap_that_a_new_card_cannot_keep(
    tmp_path: Path, clock: SettableClock, choices: Choices
) -> None:
    choices.change(SettingsChange({"power_cap_watt": 100}))
    card = replace(RTX_4090, power_limit_range_milliwatt=(150_000, 600_000))
    after = Choices(DataFolder.of_network(tmp_path, "demo"), clock, lambda: (card,))
    after.change(SettingsChange({"idle_minutes": 5, "gpus": [{"uuid": card.uuid, "ceiling_celsius": 80}]}))
    assert after.status().named("idle_minutes").value == 5


def test_who_is_paid_is_not_changed_by_the_way() -> None:
    for change in (SettingsChange({"owner_address": "x"}), SettingsChange({}, reset=("owner_address",))):
        with pytest.raises(UserFacingError, match="mulberry owner"):
            refuse_special(change)


class SettingsOfTomorrow(SettingsModel):
    power_percent: int = 100


def test_older_files_are_brought_up_to_date_step_by_step(tmp_path: Path, clock: SettableClock) -> None:
    path = tmp_path / "computer.json"
    path.write_text('{"half": true}')  # the first version named none
    renamed = lambda values: {"quarter": 2 * values["half"]}  # noqa: E731 - two migrations, one line each
    scaled = lambda values: {"power_percent": 25 * values["quarter"]}  # noqa: E731
    file = SettingsFile(path, (renamed, scaled))
    assert file.load(SettingsOfTomorrow, clock) == SettingsOfTomorrow(power_percent=50)
    file.save(SettingsOfTomorrow(power_percent=75))
    assert json.loads(path.read_text()) == {"version": 3, "power_percent": 75}
    assert file.load(SettingsOfTomorrow, clock) == SettingsOfTomorrow(power_percent=75)


def test_a_newer_mulberrys_file_is_refused_and_left_as_it_is(choices: Choices, tmp_path: Path) -> None:
    path = tmp_path / "computer.json"
    path.write_text('{"version": 2, "look": "holographic"}')
    with pytest.raises(UserFacingError, match="of a newer Mulberry"):
        choices.status()
    with pytest.raises(UserFacingError, match="of a newer Mulberry"):
        choices.change(SettingsChange({"look": "dark"}))
    assert path.read_text() == '{"version": 2, "look": "holographic"}'


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"version": 0}', '{"version": "1"}', '{"version": true}', "[" * 20_000]
)
def test_a_file_that_cannot_be_read_is_kept_aside(choices: Choices, tmp_path: Path, text: str) -> None:
    (tmp_path / "computer.json").write_text(text)
    assert choices.status().named("look").value == "system"
    (kept,) = tmp_path.glob("computer.broken-*.json")
    assert kept.read_text() == text
