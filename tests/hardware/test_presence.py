"""A guess about whether the owner is there would cost a game, or the earnings of a night."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mulberry.hardware.files import SystemFiles
from mulberry.hardware.presence import bus, kernel
from mulberry.hardware.presence.look import Presence
from mulberry.hardware.presence.screen import Desk, XScreen
from mulberry.model.host import Finding
from mulberry.model.rules import Rules

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class PaperSystem:
    """A root folder that a test writes."""

    def __init__(self, root: Path) -> None:
        self.files = SystemFiles(root)
        self._root = root

    def write(self, path: str, text: str) -> None:
        place = self._root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def supply(self, name: str, **told: str) -> None:
        for key, value in told.items():
            self.write(f"{kernel.SUPPLIES}/{name}/{key}", value + "\n")


@pytest.fixture
def system(tmp_path: Path) -> PaperSystem:
    return PaperSystem(tmp_path)


def test_a_laptop_on_its_battery(system: PaperSystem) -> None:
    system.supply("AC", type="Mains", online="0")
    system.supply("BAT0", type="Battery", status="Discharging")
    assert kernel.on_battery(system.files).value is True
    system.supply("AC", online="1")
    assert kernel.on_battery(system.files).value is False


def test_a_laptop_that_is_charged_by_usb(system: PaperSystem) -> None:
    system.supply("BAT0", type="Battery", status="Discharging")  # as some do on a weak charger
    system.supply("ucsi-1", type="USB", online="1")
    assert kernel.on_battery(system.files).value is False


def test_a_mouse_that_is_running_low_is_not_the_computer(system: PaperSystem) -> None:
    system.supply("hidpp_battery_0", type="Battery", scope="Device", status="Discharging")
    assert kernel.on_battery(system.files) == Finding(False, f"there is no battery in {kernel.SUPPLIES}")


def test_without_the_folder_it_is_unknown(system: PaperSystem) -> None:
    assert str(kernel.on_battery(system.files)) == f"unknown, because there is no {kernel.SUPPLIES}"
    assert str(kernel.programs(system.files)) == "unknown, because there is no /proc"


def test_programs_are_known_by_their_command_and_long_ones_by_their_file(system: PaperSystem, tmp_path: Path) -> None:
    system.write("/proc/1/comm", "systemd\n")
    system.write("/proc/77/comm", "Cyberpunk2077.e\n")  # the kernel cuts it
    (tmp_path / "proc/77/exe").symlink_to("/games/Cyberpunk2077.exe")
    system.write("/proc/self/comm", "not a process\n")
    system.write("/proc/78/status", "it has just ended\n")
    assert kernel.programs(system.files).value == frozenset({"systemd", "cyberpunk2077.e", "cyberpunk2077.exe"})


class PaperBus:
    """Answers by interface and member; everything else is not there."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __call__(
        self, which: bus.Bus, name: str, path: str, interface: str, method: str, form: str, values: tuple[Any, ...]
    ) -> Any:
        member = values[1] if method == "Get" else method
        self.asked.append(member)
        if member not in self._answers:
            raise bus.BusError(f"{name} is not on the {which.lower()} bus")
        answer = self._answers[member]
        return ("v", answer) if method == "Get" else answer


@pytest.mark.parametrize(("said", "value"), [(1, True), (2, False), (3, True), (4, False), (0, None)])
def test_networkmanager_guesses_and_sometimes_does_not_know(said: int, value: bool | None) -> None:
    assert bus.metered(PaperBus(Metered=said)).value is value


def test_idleness_by_gnome_and_by_the_session() -> None:
    assert bus.gnome_idle_seconds(PaperBus(GetIdletime=61_500)) == Finding(61.5, "GNOME's idle monitor")
    assert bus.session_idle_seconds(NOW, PaperBus(IdleHint=False)).value == 0.0
    since = int((NOW - timedelta(minutes=10)).timestamp() * 1_000_000)
    assert bus.session_idle_seconds(NOW, PaperBus(IdleHint=True, IdleSinceHint=since)).value == 600.0
    assert not bus.session_idle_seconds(NOW, PaperBus()).is_known


def test_without_a_bus_it_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    assert str(bus.game_runs()) == "unknown, because the session bus does not answer"
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    assert not bus.game_runs().is_known


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed")
def test_a_real_bus_without_these_services_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())
        try:
            name = "com.feralinteractive.GameMode"
            assert str(bus.game_runs()) == f"unknown, because {name} is not on the session bus"
            said = bus.call("SESSION", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", "s",
                            ("org.freedesktop.DBus",))  # fmt: skip
            assert said == "org.freedesktop.DBus"
        finally:
            daemon.kill()


class PaperScreen:
    def __init__(self, idle: float | None = 600.0, filled: bool | None = False) -> None:
        self.looked = 0
        self._desk = Desk(Finding(idle, "X11"), Finding(filled, "X11"))

    def look(self) -> Desk:
        self.looked += 1
        return self._desk

    def close(self) -> None:
        self.looked = -1


def presence(system: PaperSystem, screen: PaperScreen, call: PaperBus, **environment: str) -> Presence:
    return Presence(system.files, environment, call, screen)


def test_on_x11_the_screen_is_asked_and_wayland_is_told_apart(system: PaperSystem) -> None:
    screen = PaperScreen(idle=42.0)
    there = presence(system, screen, PaperBus(GetIdletime=9_000), DISPLAY=":0").look(Rules(idle_minutes=1), NOW)
    assert (there.idle_seconds.value, there.full_screen.value) == (42.0, False)
    wayland = presence(system, screen, PaperBus(GetIdletime=9_000), DISPLAY=":0", WAYLAND_DISPLAY="wayland-0")
    seen = wayland.look(Rules(idle_minutes=1), NOW)
    assert (seen.idle_seconds.value, seen.idle_seconds.evidence) == (9.0, "GNOME's idle monitor")
    assert str(seen.full_screen) == "unknown, because Wayland tells no program"
    assert screen.looked == 1


def test_a_game_says_so_itself_where_the_desktop_does_not(system: PaperSystem) -> None:
    playing = presence(system, PaperScreen(), PaperBus(ClientCount=1), WAYLAND_DISPLAY="wayland-0")
    assert playing.look(Rules(), NOW).full_screen == Finding(True, "GameMode")


def test_nobody_asks_for_rules_that_are_off(system: PaperSystem) -> None:
    off = Rules(pause_on_battery=False, pause_on_metered=False, pause_in_full_screen=False)
    screen, call = PaperScreen(), PaperBus()
    seen = presence(system, screen, call, DISPLAY=":0").look(off, NOW)
    assert (screen.looked, call.asked) == (0, [])
    assert seen.programs.evidence == seen.on_battery.evidence == "nobody looked"


def test_the_network_is_asked_every_ten_seconds_and_after_the_clock_was_set_back(system: PaperSystem) -> None:
    call = PaperBus(Metered=2)
    looks = presence(system, PaperScreen(), call, DISPLAY=":0")
    for seconds in (0, 1, 9, 10, 11, -3600):
        looks.look(Rules(pause_in_full_screen=False), NOW + timedelta(seconds=seconds))
    assert call.asked == ["Metered"] * 3


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed")
    command = [program, "-displayfd", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as x:
        assert x.stdout is not None
        monkeypatch.setenv("DISPLAY", f":{x.stdout.readline().strip()}")
        yield
        x.kill()


@pytest.mark.usefixtures("x_server")
def test_a_real_x_server_tells(request: pytest.FixtureRequest) -> None:
    screen = XScreen()
    request.addfinalizer(screen.close)
    first = screen.look()
    assert first.full_screen == Finding(False, "X11")
    assert first.idle_seconds.value is not None
    assert screen.look().idle_seconds.value is not None


def test_without_an_x_server_it_is_said_so(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("DISPLAY", ":987654")
    screen = XScreen()
    request.addfinalizer(screen.close)
    assert not screen.look().idle_seconds.is_known
    assert not screen.look().full_screen.is_known
