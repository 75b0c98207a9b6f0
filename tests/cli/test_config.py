"""A server's owner has no window: every setting must be reachable, and a wrong one told, from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mulberry.cli.main import application
from mulberry.model.errors import UserFacingError
from mulberry.model.rules import Decision, Hold, Rule
from pretend_agent import PretendAgent


class ConfigLine:
    """`mulberry config` with a data folder of the test's and no agent."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, *words: str) -> str:
        done = CliRunner().invoke(application, ["config", *words, "--data", str(self._data)])
        if isinstance(done.exception, UserFacingError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture
def config(tmp_path: Path) -> ConfigLine:
    return ConfigLine(tmp_path / "data")


def test_a_setting_is_found_changed_and_put_back(config: ConfigLine) -> None:
    assert "quiet_hours = off\n" in config("list")
    assert config("set", "quiet_hours", "22:00-07:00") == "Quiet hours: 22:00-07:00.\n"
    assert "quiet_hours = 22:00-07:00 (changed)\n" in config("list")
    assert config("get", "quiet_hours") == "22:00-07:00\n"
    assert config("set", "quiet_hours", "off") == "Quiet hours: off.\n"
    assert config("set", "pause_for_apps", "doom, steam") == "Pause for these programs: doom, steam.\n"
    assert config("reset", "pause_for_apps") == "Pause for these programs: .\n"


def test_a_week_is_typed_as_people_say_it(config: ConfigLine) -> None:
    assert config("set", "schedule", "mon-fri 8-18, sat 0-24") == "Weekly schedule: Mon-Fri 08-18, Sat 00-24.\n"
    assert "it would never run" in config("set", "schedule", "never")


def test_it_says_when_a_change_holds(config: ConfigLine) -> None:
    assert "It holds with the next Start." in config("set", "max_active_requests", "4")


def test_experts_settings_are_listed_when_asked_for(config: ConfigLine) -> None:
    assert "stats_port" not in config("list")
    assert "stats_port = off\n" in config("list", "--all")
    assert json.loads(config("list", "--json"))["stats_port"] is None


def test_what_a_rule_holds_up_at_once_is_said_with_the_way_out(
    config: ConfigLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = Hold(Rule.POWER_CAP, "It may draw 450 W; you want at most 300 W.", gpu="GPU-1", next_step="Set its limit.")
    agent = PretendAgent()
    agent.decision = Decision(gpu_holds=(over,))
    monkeypatch.setattr("mulberry.cli.config.client_of", lambda network, data: agent)
    told = config("set", "power_cap_watt", "300")
    assert told == "Power cap: 300.\nHolds now: It may draw 450 W; you want at most 300 W. Set its limit.\n"
    assert "Holds now" not in config("set", "idle_minutes", "5")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("idle_minutes", "soon", "say a whole number"),
        ("idle_minutes", "0", "from 1 to 1,440, or off"),
        ("pause_on_battery", "maybe", "say on or off"),
        ("schedule", "weekends", "a week looks like"),
        ("gpus", "[[[", "say it as JSON"),
        ("colour", "red", "Settings have one name"),
    ],
)
def test_what_cannot_be_is_told_in_words(config: ConfigLine, name: str, value: str, why: str) -> None:
    with pytest.raises(UserFacingError) as refused:
        config("set", name, value)
    assert why in refused.value.why
