"""What Windows tells of its owner, through its own libraries.

Sources: Microsoft, Windows API reference: GetLastInputInfo (of the caller's session), GetTickCount,
SHQueryUserNotificationState, GetSystemPowerStatus, CreateToolhelp32Snapshot, INetworkCostManager (netlistmgr.h).
"""

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, Structure, byref, c_char, c_int32, c_uint8, c_uint32, c_void_p, c_wchar, sizeof
from typing import Any
from uuid import UUID

from mulberry.model.host import Finding
from mulberry.model.language import tr, tr_count

TICKS = 1 << 32  # milliseconds until the count begins anew
NOTIFICATION_STATES_OF_FULL_SCREEN = (2, 3, 4)  # QUNS_BUSY, QUNS_RUNNING_D3D_FULL_SCREEN, QUNS_PRESENTATION_MODE
OFFLINE, ONLINE = 0, 1  # ACLineStatus; 255 is unknown
SNAPSHOT_OF_PROCESSES = 2  # TH32CS_SNAPPROCESS
INVALID_HANDLE = c_void_p(-1).value
MOST_PROCESSES = 100_000

NETWORK_LIST_MANAGER = UUID("DCB00C01-570F-4A9B-8D69-199FDBA5723B")
NETWORK_COST_MANAGER = UUID("DCB00008-570F-4A9B-8D69-199FDBA5723B")
CONTEXT_ALL = 23  # CLSCTX_ALL
RELEASE, GET_COST = 2, 3  # places in INetworkCostManager's table of functions
UNRESTRICTED, PAID_BY_VOLUME = 0x1, 0x2 | 0x4 | 0x10000 | 0x40000  # NLM_CONNECTION_COST: fixed, variable, over, roaming


class _LastInput(Structure):
    _fields_ = (("size", c_uint32), ("tick", c_uint32))


class _Power(Structure):
    _fields_ = (
        ("line", c_uint8),
        ("battery", c_uint8),
        ("percent", c_uint8),
        ("saver", c_uint8),
        ("seconds_left", c_uint32),
        ("seconds_full", c_uint32),
    )


class _Process(Structure):
    """PROCESSENTRY32W."""

    _fields_ = (
        ("size", c_uint32),
        ("usage", c_uint32),
        ("number", c_uint32),
        ("heap", c_void_p),
        ("module", c_uint32),
        ("threads", c_uint32),
        ("parent", c_uint32),
        ("priority", c_int32),
        ("flags", c_uint32),
        ("file", c_wchar * 260),
    )


class Windows:
    """`libraries` stands where ctypes.windll does, by the libraries' names."""

    def __init__(self, libraries: Any) -> None:
        self._libraries = libraries

    def idle_seconds(self) -> Finding[float]:
        last = _LastInput(sizeof(_LastInput))
        if not self._libraries.user32.GetLastInputInfo(byref(last)):
            return Finding(None, tr("Windows does not tell the last input"))
        milliseconds = (self._libraries.kernel32.GetTickCount() - last.tick) % TICKS
        return Finding(0.0 if milliseconds >= TICKS // 2 else milliseconds / 1000, tr("Windows, the last input"))

    def full_screen(self) -> Finding[bool]:
        state = c_int32()
        if self._libraries.shell32.SHQueryUserNotificationState(byref(state)):
            return Finding(None, tr("Windows does not tell what fills the screen"))
        filled = state.value in NOTIFICATION_STATES_OF_FULL_SCREEN
        return Finding(filled, tr("Windows, whether it may show notifications"))

    def on_battery(self) -> Finding[bool]:
        power = _Power()
        told = self._libraries.kernel32.GetSystemPowerStatus(byref(power))
        if not told or power.line not in (OFFLINE, ONLINE):
            return Finding(None, tr("Windows does not know its power supply"))
        return Finding(power.line == OFFLINE, tr("Windows, the power supply"))

    def metered(self) -> Finding[bool]:
        ole = self._libraries.ole32
        has_begun = ole.CoInitializeEx(None, 0) >= 0  # this thread may have begun in another way: that is no harm
        try:
            cost = self._network_cost(ole)
        finally:
            if has_begun:
                ole.CoUninitialize()
        if not cost:
            return Finding(None, tr("Windows does not know what the connection costs"))
        return Finding(bool(cost & PAID_BY_VOLUME), tr("Windows, the connection's cost"))

    def _network_cost(self, ole: Any) -> int:
        """Of the connection to the Internet, as NLM_CONNECTION_COST has it. 0: not known."""
        manager, cost = c_void_p(), c_uint32()
        wanted = (_bytes_of(NETWORK_LIST_MANAGER), None, CONTEXT_ALL, _bytes_of(NETWORK_COST_MANAGER), byref(manager))
        if ole.CoCreateInstance(*wanted) < 0 or not manager.value:
            return 0
        functions = ctypes.cast(manager, POINTER(POINTER(c_void_p))).contents
        form = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
        get_cost = form(c_int32, c_void_p, POINTER(c_uint32), c_void_p)(functions[GET_COST] or 0)
        release = form(c_uint32, c_void_p)(functions[RELEASE] or 0)
        try:
            return int(cost.value) if get_cost(manager, byref(cost), None) >= 0 else 0
        finally:
            release(manager)

    def programs(self) -> Finding[frozenset[str]]:
        kernel = self._libraries.kernel32
        kernel.CreateToolhelp32Snapshot.restype = c_void_p
        snapshot = kernel.CreateToolhelp32Snapshot(SNAPSHOT_OF_PROCESSES, 0)
        if snapshot in (None, INVALID_HANDLE):
            return Finding(None, tr("Windows does not list its processes"))
        try:
            files = list(_files(kernel, c_void_p(snapshot)))
        finally:
            kernel.CloseHandle(c_void_p(snapshot))
        told = tr_count("Windows, {count} process", "Windows, {count} processes", len(files))
        return Finding(frozenset(files), told)


def _files(kernel: Any, snapshot: c_void_p) -> Iterator[str]:
    process = _Process(sizeof(_Process))
    is_there = kernel.Process32FirstW(snapshot, byref(process))
    for _ in range(MOST_PROCESSES):
        if not is_there:
            return
        yield process.file.lower()
        is_there = kernel.Process32NextW(snapshot, byref(process))


def _bytes_of(identity: UUID) -> Any:
    """As Windows lays a GUID out in memory."""
    return (c_char * 16).from_buffer_copy(identity.bytes_le)
