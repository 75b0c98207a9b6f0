"""What starts at login is the owner's to say, in the terminal as in the window, and is said as the system has it."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mulberry.cli.main import application

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the autostart folder of freedesktop.org")


def say(*words: str) -> str:
    result = CliRunner().invoke(application, ["autostart", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_it_is_switched_on_seen_and_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    off = "Nothing of Mulberry starts when you log in.\n"
    assert say("status") == off
    kept_at = f"Kept at: {tmp_path}/autostart/mulberry.desktop\n"
    agent = "The agent starts when you log in, and goes on with what you wished last.\n"
    assert say("on", "--data", str(tmp_path)) == say("status") == agent + kept_at
    assert "hidden in the tray" in say("on", "--with-window")
    assert say("off") == off
    assert list(tmp_path.iterdir()) == []
