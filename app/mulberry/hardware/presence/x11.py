"""What an X server tells: how long nobody touched keyboard or mouse, and whether the active window fills the screen.

Sources: XScreenSaver extension (XScreenSaverQueryInfo), EWMH (_NET_ACTIVE_WINDOW, _NET_WM_STATE_FULLSCREEN). Xlib ends
the whole process when its connection breaks or a window goes at the wrong moment, so this runs in a process of its own:
`python -m mulberry.hardware.presence.x11` answers each line of its input with one line of JSON. Under Wayland the X
server sees only its own windows, so nothing is asked there.
"""

import ctypes
import json
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_long, c_ubyte, c_ulong, c_void_p
from ctypes.util import find_library
from typing import Any

LONGS = 1024  # of a property; more states or names than that no window has


class _Idle(Structure):
    _fields_ = (
        ("window", c_ulong),
        ("state", c_int),
        ("kind", c_int),
        ("til_or_since", c_ulong),
        ("idle", c_ulong),  # milliseconds
        ("event_mask", c_ulong),
    )


class Screen:
    """The display that DISPLAY names. Raises `OSError`: there is none, or the libraries are not here."""

    def __init__(self) -> None:
        self._x = ctypes.CDLL(find_library("X11") or "libX11.so.6")
        self._x.XOpenDisplay.restype = c_void_p
        self._x.XDefaultRootWindow.restype = c_ulong
        self._x.XInternAtom.restype = c_ulong
        display = self._x.XOpenDisplay(None)
        if not display:
            raise OSError("the display cannot be opened")
        self._display = c_void_p(display)
        self._root = self._x.XDefaultRootWindow(self._display)

    def idle_seconds(self) -> float:
        """Raises `OSError`: the extension, or its library, is missing."""
        saver = ctypes.CDLL(find_library("Xss") or "libXss.so.1")
        saver.XScreenSaverAllocInfo.restype = POINTER(_Idle)
        info = saver.XScreenSaverAllocInfo()
        if not saver.XScreenSaverQueryInfo(self._display, c_ulong(self._root), info):
            raise OSError("the X server has no screen saver extension")
        return float(info.contents.idle) / 1000

    def is_filled(self) -> bool:
        """Whether the active window is in full screen."""
        (active,) = self._longs(self._root, "_NET_ACTIVE_WINDOW")[:1] or [0]
        return bool(active) and self._atom("_NET_WM_STATE_FULLSCREEN") in self._longs(active, "_NET_WM_STATE")

    def _atom(self, name: str) -> int:
        return int(self._x.XInternAtom(self._display, c_char_p(name.encode()), 0))

    def _longs(self, window: int, property_name: str) -> list[int]:
        kind, form, count, left = c_ulong(), c_int(), c_ulong(), c_ulong()
        values = POINTER(c_ubyte)()
        failed = self._x.XGetWindowProperty(
            self._display, c_ulong(window), c_ulong(self._atom(property_name)), c_long(0), c_long(LONGS), 0, c_ulong(0),
            byref(kind), byref(form), byref(count), byref(left), byref(values),
        )  # fmt: skip
        if failed or form.value != 32:
            return []
        longs = ctypes.cast(values, POINTER(c_ulong))
        found = [longs[number] for number in range(min(count.value, LONGS))]
        self._x.XFree(values)
        return found


def look(screen: Screen) -> dict[str, Any]:
    return {"full_screen": screen.is_filled(), "idle_seconds": screen.idle_seconds()}


def answer_until_the_input_ends() -> None:
    screen: Screen | None = None
    for _ in sys.stdin:
        try:
            screen = screen or Screen()
            said = look(screen)
        except OSError as problem:
            said = {"problem": str(problem)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    answer_until_the_input_ends()
