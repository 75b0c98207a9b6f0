"""Wish and settings outlive crashes: a file is whole or is kept aside, and nothing of the owner's is ever replaced."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.agent.intent import load_intent, save_intent
from mulberry.agent.lock import only_agent
from mulberry.agent.settings import Settings, load_settings, save_settings
from mulberry.model.errors import UserFacingError
from mulberry.model.files import SIZE_LIMIT_BYTES, kept_aside, write_whole
from mulberry.model.node import Intent, Want

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BROKEN = [
    b"",
    b"{",
    b"null",
    b"\xff\xfe\x00",
    b'{"unknown": 1}',
    b"[" * (SIZE_LIMIT_BYTES + 1),
    b'{"want": "pause", "since": "2026-11-22T12:00:00Z"}',
    b'{"want": "start", "since": "2026-11-22T12:00:00"}',
    b'{"coefficient": "1000"}',
    b'{"coefficient": -1}',
    b'{"coefficient": 1e300}',
    b'{"max_active_requests": 0}',
    b'{"owner_address": "not an address"}',
    b'{"coefficient": NaN}',
]


def test_nothing_runs_on_a_fresh_computer_before_its_owner_says_so(tmp_path: Path, clock: SettableClock) -> None:
    assert load_intent(tmp_path / "intent.json", clock) == Intent(Want.STOP, since=clock.now())
    assert load_settings(tmp_path / "settings.json", clock) == Settings()


@pytest.mark.parametrize("want", Want)
def test_a_wish_is_what_it_was(tmp_path: Path, clock: SettableClock, want: Want) -> None:
    until = NOON + timedelta(hours=1) if want is Want.PAUSE else None
    save_intent(tmp_path / "intent.json", Intent(want, NOON, until))
    assert load_intent(tmp_path / "intent.json", clock) == Intent(want, NOON, until)


def test_settings_are_what_they_were(tmp_path: Path, clock: SettableClock) -> None:
    chosen = Settings(coefficient=1500, max_active_requests=3, owner_address="0:" + "ab" * 32)
    save_settings(tmp_path / "settings.json", chosen)
    assert load_settings(tmp_path / "settings.json", clock) == chosen


def test_a_collateral_service_is_an_address_or_a_mistake(tmp_path: Path, clock: SettableClock) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"collateral_service": "https://localhost:8081/sgx/certification/v4/"}', encoding="utf-8")
    assert load_settings(path, clock).collateral_service == "https://localhost:8081"
    path.write_text('{"collateral_service": "http://elsewhere.example"}', encoding="utf-8")
    assert load_settings(path, clock) == Settings()
    assert kept_aside(path)


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_kept_aside_as_it_is(tmp_path: Path, clock: SettableClock, content: bytes) -> None:
    for name, load, fallback in (
        ("intent.json", load_intent, Intent(Want.STOP, since=clock.now())),
        ("settings.json", load_settings, Settings()),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert load(path, clock) == fallback
        (aside,) = kept_aside(path)
        assert aside.name == f"{path.stem}.broken-20261122T120000Z.json"
        assert aside.read_bytes() == content
        assert not path.exists()


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "intent.json"
    write_whole(path, b"old")

    def no_room(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mulberry.model.files.os.fsync", no_room)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


HOLD = "import sys; from pathlib import Path; from mulberry.agent.lock import only_agent\n"
HOLD += "with only_agent(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def test_two_agents_for_one_folder_are_impossible(tmp_path: Path) -> None:
    lock = tmp_path / "agent.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        with pytest.raises(UserFacingError, match="already running") as refused, only_agent(lock):
            pass
        assert f"process {first.pid}" in refused.value.why
        first.kill()  # the hard way: the lock must not outlive its holder
        first.wait()
        with only_agent(lock):
            assert lock.read_text() == str(os.getpid())


def test_settings_say_which_field_is_unknown(
    tmp_path: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"coeficient": 1}))
    load_settings(tmp_path / "settings.json", clock)
    assert "coeficient" in caplog.text
