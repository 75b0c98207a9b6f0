"""Windows and macOS are asked through their libraries, which these tests play: nobody has run it on the real ones."""

import ctypes
import sys
import threading
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_int32, c_uint32, c_void_p
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mulberry.hardware.files import SystemFiles
from mulberry.hardware.presence import windows
from mulberry.hardware.presence.look import Presence
from mulberry.hardware.presence.macos import ANY_INPUT, FRAMEWORKS, HARDWARE_STATE, MacOs
from mulberry.hardware.presence.other_systems import Bounded, this_system
from mulberry.hardware.presence.windows import NETWORK_COST_MANAGER, NETWORK_LIST_MANAGER, Windows
from mulberry.model.host import Finding
from mulberry.model.rules import Rules

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class PaperCost:
    """An INetworkCostManager in memory: a pointer to a table of functions, as COM has it."""

    def __init__(self, cost: int, problem: int = 0) -> None:
        self.released = 0
        get_cost = CFUNCTYPE(c_int32, c_void_p, POINTER(c_uint32), c_void_p)(self._tell)
        release = CFUNCTYPE(c_uint32, c_void_p)(self._release)
        self._cost, self._problem, self._kept = cost, problem, (get_cost, release)
        places = [0, 0, *(ctypes.cast(each, c_void_p).value or 0 for each in (release, get_cost))]
        self._table = (c_void_p * 4)(*places)
        self._object = c_void_p(ctypes.addressof(self._table))

    @property
    def address(self) -> int:
        return ctypes.addressof(self._object)

    def _tell(self, this: int, cost: Any, destination: int | None) -> int:
        assert (this, destination) == (self.address, None)
        cost[0] = self._cost
        return self._problem

    def _release(self, this: int) -> int:
        self.released += 1
        return 0


class PaperWindows:
    """Windows' libraries, as far as they are asked. Times in milliseconds since the computer's start."""

    def __init__(self, **told: Any) -> None:
        self.now, self.last_input, self.state, self.line = 100_000, 40_000, 5, 1
        self.programs: tuple[str, ...] = ("System", "Cyberpunk2077.exe")
        self.cost: PaperCost | None = PaperCost(1)
        self.open_handles = self.com = 0
        self.__dict__.update(told)
        self.user32 = SimpleNamespace(GetLastInputInfo=self._last_input)
        self.shell32 = SimpleNamespace(SHQueryUserNotificationState=self._state)
        self.kernel32 = SimpleNamespace(
            GetTickCount=lambda: self.now,
            GetSystemPowerStatus=self._power,
            CreateToolhelp32Snapshot=self._snapshot,
            Process32FirstW=self._first,
            Process32NextW=self._next,
            CloseHandle=self._close,
        )
        self.ole32 = SimpleNamespace(
            CoInitializeEx=self._begin_com, CoUninitialize=self._end_com, CoCreateInstance=self._create
        )

    def _last_input(self, untyped: Any) -> int:
        assert untyped._obj.size == 8
        untyped._obj.tick = max(self.last_input, 0)
        return self.last_input >= 0

    def _state(self, untyped: Any) -> int:
        untyped._obj.value = self.state
        return 0 if self.state else -2147467259

    def _power(self, untyped: Any) -> int:
        untyped._obj.line = max(self.line, 0)
        return self.line >= 0

    def _snapshot(self, kind: int, process: int) -> int | None:
        assert (kind, process) == (2, 0)
        if not self.programs:
            return windows.INVALID_HANDLE
        self.open_handles += 1
        self._left = list(self.programs)
        return 7

    def _first(self, handle: c_void_p, untyped: Any) -> bool:
        assert (handle.value, untyped._obj.size) == (7, ctypes.sizeof(untyped._obj))
        return self._next(handle, untyped)

    def _next(self, handle: c_void_p, untyped: Any) -> bool:
        if not self._left:
            return False
        untyped._obj.file = self._left.pop(0)
        return True

    def _close(self, handle: c_void_p) -> int:
        self.open_handles -= 1
        return 1

    def _begin_com(self, reserved: None, kind: int) -> int:
        self.com += 1
        return 0

    def _end_com(self) -> None:
        self.com -= 1

    def _create(self, kind: Any, outer: None, context: int, face: Any, place: Any) -> int:
        assert (kind.raw, face.raw) == (NETWORK_LIST_MANAGER.bytes_le, NETWORK_COST_MANAGER.bytes_le)
        if self.cost is None:
            return -2147221164  # REGDB_E_CLASSNOTREG
        place._obj.value = self.cost.address
        return 0


@pytest.mark.parametrize(
    ("now", "last", "seconds"),
    [
        (100_000, 40_000, 60.0),
        (5_000, 2**32 - 5_000, 10.0),
        (-1_000, 2**32 - 3_000, 2.0),
        (40_000, 40_016, 0.0),
        (1, -1, None),
    ],
)
def test_idleness_survives_the_count_that_begins_anew(now: int, last: int, seconds: float | None) -> None:
    found = Windows(PaperWindows(now=now, last_input=last)).idle_seconds()
    assert (found.value, bool(found.evidence)) == (seconds, True)


@pytest.mark.parametrize(
    ("state", "filled"), [(1, False), (2, True), (3, True), (4, True), (5, False), (6, False), (7, False), (0, None)]
)
def test_windows_says_when_a_program_has_the_screen(state: int, filled: bool | None) -> None:
    assert Windows(PaperWindows(state=state)).full_screen().value is filled


@pytest.mark.parametrize(("line", "on_battery"), [(0, True), (1, False), (255, None), (-1, None)])
def test_windows_says_where_its_power_comes_from(line: int, on_battery: bool | None) -> None:
    assert Windows(PaperWindows(line=line)).on_battery().value is on_battery


@pytest.mark.parametrize(
    ("cost", "metered"), [(1, False), (2, True), (4, True), (0x40001, True), (0x20001, False), (0, None)]
)
def test_windows_says_what_the_connection_costs(cost: int, metered: bool | None) -> None:
    paper = PaperCost(cost)
    system = PaperWindows(cost=paper)
    assert Windows(system).metered().value is metered
    assert (paper.released, system.com) == (1, 0), "something was not given back"


def test_a_windows_without_that_service_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    system = PaperWindows(cost=None)
    assert not Windows(system).metered().is_known
    assert system.com == 0
    refusing = PaperCost(2, problem=-1)
    assert not Windows(PaperWindows(cost=refusing)).metered().is_known
    assert refusing.released == 1


def test_windows_lists_its_programs() -> None:
    system = PaperWindows()
    system.kernel32.CreateToolhelp32Snapshot = _with_form(system._snapshot)
    assert Windows(system).programs().value == frozenset({"system", "cyberpunk2077.exe"})
    assert system.open_handles == 0
    system.programs = ()
    assert not Windows(system).programs().is_known


def _with_form(function: Callable[..., Any]) -> Any:
    """What a library gives: it can be told the form of its answer."""

    class Function:
        restype: Any = None

        def __call__(self, *values: Any) -> Any:
            return function(*values)

    return Function()


class PaperFrameworks:
    def __init__(self, idle: float = 12.5, remaining: float = -2.0) -> None:
        self._idle, self._remaining = idle, remaining

    def __call__(self, path: str) -> Any:
        if path == f"{FRAMEWORKS}/ApplicationServices.framework/ApplicationServices":
            return SimpleNamespace(CGEventSourceSecondsSinceLastEventType=_with_form(self._since))
        assert path == f"{FRAMEWORKS}/IOKit.framework/IOKit"
        return SimpleNamespace(IOPSGetTimeRemainingEstimate=_with_form(lambda: self._remaining))

    def _since(self, state: int, kind: int) -> float:
        assert (state, kind) == (HARDWARE_STATE, ANY_INPUT)
        return self._idle


@pytest.mark.parametrize(("remaining", "on_battery"), [(-2.0, False), (-1.0, True), (7_200.0, True)])
def test_a_mac_tells_idleness_and_battery(remaining: float, on_battery: bool) -> None:
    mac = MacOs(PaperFrameworks(remaining=remaining))
    assert (mac.idle_seconds().value, mac.on_battery().value) == (12.5, on_battery)


def test_what_a_mac_does_not_tell_says_why() -> None:
    mac = MacOs(PaperFrameworks())
    for found in (mac.full_screen(), mac.metered(), mac.programs()):
        assert not found.is_known and found.evidence


def test_the_system_that_this_is_is_asked_instead_of_linux(tmp_path: Path) -> None:
    paper = PaperWindows(state=3, line=0, cost=PaperCost(2))
    paper.kernel32.CreateToolhelp32Snapshot = _with_form(paper._snapshot)

    def nobody(*words: Any) -> Any:
        raise AssertionError("a bus was asked")

    looks = Presence(SystemFiles(tmp_path), {"DISPLAY": ":0"}, nobody, system=Windows(paper))
    seen = looks.look(Rules(idle_minutes=1, apps=("cyberpunk2077.exe",)), NOON)
    assert (seen.idle_seconds.value, seen.full_screen.value, seen.on_battery.value) == (60.0, True, True)
    assert seen.metered.value is True
    assert seen.programs.value is not None and "cyberpunk2077.exe" in seen.programs.value
    unasked = looks.look(Rules(pause_in_full_screen=False, pause_on_battery=False, pause_on_metered=False), NOON)
    assert not any(found.is_known for found in (unasked.idle_seconds, unasked.full_screen, unasked.on_battery))
    looks.close()


def test_a_system_that_lacks_a_library_or_hangs_is_unknown() -> None:
    def no_framework(path: str) -> Any:
        raise OSError("no such framework")

    bounded = Bounded(MacOs(no_framework))
    assert str(bounded.ask(bounded.system.on_battery)) == "unknown, because this system cannot be asked"
    old = Bounded(Windows(SimpleNamespace(user32=SimpleNamespace())))
    assert not old.ask(old.system.idle_seconds).is_known
    stuck = threading.Event()
    waiting = Bounded(MacOs(), answer_seconds=0.05)

    def hang() -> Finding[bool]:
        stuck.wait(10)
        return Finding(True, "too late")

    assert str(waiting.ask(hang)) == "unknown, because this system does not answer"
    stuck.set()


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_linux_is_asked_in_its_own_way() -> None:
    assert this_system() is None
