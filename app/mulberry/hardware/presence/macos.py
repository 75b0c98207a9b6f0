"""What macOS tells of its owner, through its own frameworks.

Sources: Apple, Quartz Event Services (CGEventSourceSecondsSinceLastEventType), IOKit's IOPowerSources.h
(IOPSGetTimeRemainingEstimate: -2 with external power or without a battery, -1 while it still estimates).
"""

import ctypes
from typing import Any

from mulberry.model.host import Finding
from mulberry.model.language import tr

FRAMEWORKS = "/System/Library/Frameworks"
HARDWARE_STATE, ANY_INPUT = 1, 0xFFFFFFFF  # kCGEventSourceStateHIDSystemState, kCGAnyInputEventType
UNLIMITED = -2.0


class MacOs:
    """`load` gives a framework by its path, as ctypes.CDLL does. Raises `OSError` where there is none."""

    def __init__(self, load: Any = ctypes.CDLL) -> None:
        self._load = load

    def idle_seconds(self) -> Finding[float]:
        question = self._load(f"{FRAMEWORKS}/ApplicationServices.framework/ApplicationServices")
        seconds_since = question.CGEventSourceSecondsSinceLastEventType
        seconds_since.restype = ctypes.c_double
        seconds_since.argtypes = (ctypes.c_int32, ctypes.c_uint32)
        return Finding(max(seconds_since(HARDWARE_STATE, ANY_INPUT), 0.0), tr("macOS, the last input"))

    def full_screen(self) -> Finding[bool]:
        return Finding(None, tr("macOS tells no program"))

    def on_battery(self) -> Finding[bool]:
        estimate = self._load(f"{FRAMEWORKS}/IOKit.framework/IOKit").IOPSGetTimeRemainingEstimate
        estimate.restype = ctypes.c_double
        return Finding(estimate() != UNLIMITED, tr("macOS, the power supply"))

    def metered(self) -> Finding[bool]:
        return Finding(None, tr("macOS tells it only to programs in its own language"))

    def programs(self) -> Finding[frozenset[str]]:
        return Finding(None, tr("Mulberry cannot list the processes of macOS yet"))
