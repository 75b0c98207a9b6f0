"""Nothing may start by itself that its owner did not agree to; what was agreed to must start, and leave no trace."""

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.client.autostart import (
    APPROVED_KEY,
    RUN_KEY,
    AutostartFolder,
    LaunchAgent,
    Place,
    RunKey,
    Starts,
    autostart,
    command,
    start_at_login,
    system_place,
)
from mulberry.client.desktop_entry import entry, exec_words, value_of
from mulberry.model.errors import UserFacingError

ROOT = Path("/home/o'brien/my $data; 100 %\\")


class RegistryInMemory:
    def __init__(self) -> None:
        self.values: dict[str, str | bytes] = {}

    def get(self, key: str) -> str | bytes | None:
        return self.values.get(key)

    def set(self, key: str, value: str) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


def places(folder: Path) -> tuple[Place, ...]:
    return AutostartFolder(folder / "autostart"), LaunchAgent(folder / "LaunchAgents"), RunKey(RegistryInMemory())


@pytest.mark.parametrize("number", range(3), ids=["linux", "macos", "windows"])
@pytest.mark.parametrize("starts", [Starts.AGENT, Starts.WINDOW])
def test_what_was_agreed_to_is_kept_and_removed_without_a_trace(tmp_path: Path, number: int, starts: Starts) -> None:
    place = places(tmp_path)[number]
    assert autostart(place).starts is Starts.NOTHING
    told = start_at_login(starts, Path("/home/o'brien/my data"), "demo", place)
    assert (told.starts, told.problem) == (starts, "")
    assert place.read() == command(starts, Path("/home/o'brien/my data"), "demo")
    assert start_at_login(Starts.NOTHING, ROOT, "demo", place).starts is Starts.NOTHING
    assert start_at_login(Starts.NOTHING, ROOT, "demo", place).starts is Starts.NOTHING, "twice does no harm"
    assert list(tmp_path.iterdir()) == []


def test_only_the_window_starts_hidden_and_the_agent_needs_no_screen() -> None:
    assert "--hidden" in command(Starts.WINDOW, ROOT, "demo")
    assert "agent" in command(Starts.AGENT, ROOT, "demo")
    assert "desktop" not in command(Starts.AGENT, ROOT, "demo")


def test_a_neighbour_in_the_autostart_folder_stays(tmp_path: Path) -> None:
    place = AutostartFolder(tmp_path)
    neighbour = tmp_path / "other.desktop"
    neighbour.write_text("[Desktop Entry]\n")
    start_at_login(Starts.AGENT, ROOT, "demo", place)
    start_at_login(Starts.NOTHING, ROOT, "demo", place)
    assert list(tmp_path.iterdir()) == [neighbour]


@pytest.mark.parametrize("off", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_what_the_desktop_switched_off_is_off(tmp_path: Path, off: str) -> None:
    place = AutostartFolder(tmp_path)
    start_at_login(Starts.AGENT, ROOT, "demo", place)
    file = Path(place.where)
    text = file.read_text().replace("X-GNOME-Autostart-enabled=true\n", "")
    file.write_text(f"{text}{off}\n")
    assert autostart(place).starts is Starts.NOTHING
    assert start_at_login(Starts.AGENT, ROOT, "demo", place).starts is Starts.AGENT


def test_what_the_task_manager_switched_off_is_off() -> None:
    registry = RegistryInMemory()
    place = RunKey(registry)
    start_at_login(Starts.WINDOW, ROOT, "demo", place)
    registry.values[APPROVED_KEY] = b"\x03" + bytes(11)
    assert autostart(place).starts is Starts.NOTHING
    registry.values[APPROVED_KEY] = b"\x02" + bytes(11)
    assert autostart(place).starts is Starts.WINDOW
    start_at_login(Starts.NOTHING, ROOT, "demo", place)
    assert registry.values == {}


def test_a_program_that_was_moved_away_is_said(tmp_path: Path) -> None:
    place = AutostartFolder(tmp_path)
    place.write(("/nowhere/python", "-m", "mulberry", "agent"))
    found = autostart(place)
    assert found.starts is Starts.AGENT
    assert found.problem == "/nowhere/python is no longer there. Switch it on anew."


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[Desktop Entry]\nExec\n", b"x" * 100_000, b"<plist>", b"[[["])
def test_files_of_others_under_our_name_start_nothing_of_ours(tmp_path: Path, content: bytes) -> None:
    for place in places(tmp_path)[:2]:
        Path(place.where).parent.mkdir(exist_ok=True)
        Path(place.where).write_bytes(content)
        assert autostart(place).starts is Starts.NOTHING


def test_a_launch_agent_that_is_disabled_or_strange_starts_nothing(tmp_path: Path) -> None:
    place = LaunchAgent(tmp_path)
    for said in ({"ProgramArguments": ["x"], "Disabled": True}, {"ProgramArguments": "x"}, ["x"]):
        Path(place.where).write_bytes(plistlib.dumps(said))
        assert autostart(place).starts is Starts.NOTHING


@pytest.mark.skipif(sys.platform == "win32", reason="folders there have no such modes")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "autostart").write_text("a file in the way")
    with pytest.raises(UserFacingError, match="was not changed"):
        start_at_login(Starts.AGENT, ROOT, "demo", AutostartFolder(tmp_path / "autostart"))


def test_each_system_has_its_place_and_others_are_told(tmp_path: Path) -> None:
    linux = system_place("linux", {"XDG_CONFIG_HOME": str(tmp_path)})
    assert linux.where == str(tmp_path / "autostart" / "mulberry.desktop")
    relative = system_place("linux", {"XDG_CONFIG_HOME": "not/absolute"})
    assert relative.where == str(Path.home() / ".config" / "autostart" / "mulberry.desktop")
    assert system_place("darwin").where.endswith("mulberry.plist")
    assert RUN_KEY in system_place("win32").where
    with pytest.raises(UserFacingError, match="no place on plan9"):
        system_place("plan9")
    with pytest.raises(UserFacingError, match="installed by Flatpak"):
        system_place("linux", {"FLATPAK_ID": "org.mulberry.Mulberry"})


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1, max_size=5))
def test_every_word_comes_back_as_it_was_written(words: list[str]) -> None:
    written = entry("Mulberry", "", tuple(words))
    assert exec_words(value_of(written, "Exec")) == tuple(words)


def test_the_file_is_what_the_specification_says(tmp_path: Path) -> None:
    validator = shutil.which("desktop-file-validate")
    if validator is None:
        pytest.skip("desktop-file-validate is not installed")
    place = AutostartFolder(tmp_path)
    start_at_login(Starts.WINDOW, ROOT, "demo", place)
    checked = subprocess.run([validator, place.where], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")
