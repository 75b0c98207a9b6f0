"""Windows and macOS behind one face, bounded in time. Linux is asked in `look`, by more than one back-end."""

import ctypes
import sys
from collections.abc import Callable
from typing import Protocol, TypeVar

from mulberry.hardware.presence.macos import MacOs
from mulberry.hardware.presence.windows import Windows
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.time_limit import NotAnsweringError, TimeLimit

ANSWER_SECONDS = 1.0
Value = TypeVar("Value")


class System(Protocol):
    """Each answer names its back-end, or why it cannot tell. May raise `OSError`."""

    def idle_seconds(self) -> Finding[float]: ...

    def full_screen(self) -> Finding[bool]: ...

    def on_battery(self) -> Finding[bool]: ...

    def metered(self) -> Finding[bool]: ...

    def programs(self) -> Finding[frozenset[str]]: ...


class Bounded:
    """Asks `system`, and gives up where it does not answer or has not got what it is asked with."""

    def __init__(self, system: System, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.system = system
        self._limit = TimeLimit(answer_seconds)

    def ask(self, question: Callable[[], Finding[Value]]) -> Finding[Value]:
        """`question` is one of the system's."""
        try:
            return self._limit.call(question)
        except (OSError, AttributeError):  # a library, or a function in it, is missing
            return Finding(None, tr("this system cannot be asked"))
        except NotAnsweringError:
            return Finding(None, tr("this system does not answer"))


def this_system() -> System | None:
    """None on Linux."""
    if sys.platform == "win32":
        return Windows(ctypes.windll)
    return MacOs() if sys.platform == "darwin" else None
