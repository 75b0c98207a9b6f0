"""What a screen reader on Linux is given: the AT-SPI tree that Qt puts on a bus of its own, read over that bus.

The X server, the session bus and, on it, at-spi2-core's own launcher and registry are private: nobody's desktop is
touched. Interfaces and numbers are those of at-spi2-core (xml/Accessible.xml, atspi/atspi-constants.h).
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import psutil
from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection

LAUNCHER = Path("/usr/share/dbus-1/services/org.a11y.Bus.service")
ANSWER_SECONDS = 10
ACCESSIBLE = "org.a11y.atspi.Accessible"
EVENTS = "org.a11y.atspi.Event.Object"
ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
WITHOUT_THEIR_CELLS = {"table", "list", "tree", "tree table", "list box"}


class State(IntEnum):
    """The bits of `GetState`."""

    ENABLED = 8
    FOCUSABLE = 11
    SELECTED = 23
    SHOWING = 25


def missing() -> str:
    """What this computer lacks for it, "" if nothing."""
    programs = [name for name in ("Xvfb", "dbus-daemon") if shutil.which(name) is None]
    if not LAUNCHER.is_file():
        programs.append("at-spi2-core")
    return f"needs {', '.join(programs)}" if programs else ""


@contextmanager
def private_desktop(folder: Path) -> Iterator[dict[str, str]]:
    """What a program must have in its environment to be on it."""
    with ExitStack() as ending:
        x = _started(ending, "Xvfb", "-displayfd", "1", "-screen", "0", "1600x1000x24")
        bus = _started(ending, "dbus-daemon", "--session", "--nofork", "--print-address")
        yield {
            "DISPLAY": f":{x}",
            "DBUS_SESSION_BUS_ADDRESS": bus,
            "XDG_RUNTIME_DIR": str(folder),
            "QT_QPA_PLATFORM": "xcb",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }


def _started(ending: ExitStack, *command: str) -> str:
    """Its first line. With it ends, in the end, all that it has started."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def end() -> None:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for each in family:
            each.kill()
        with process:
            psutil.wait_procs(family)

    ending.callback(end)
    assert process.stdout is not None
    return process.stdout.readline().strip()


@dataclass(frozen=True)
class Place:
    """On the screen, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Thing:
    """One accessible object of a program."""

    bus: DBusConnection
    owner: str
    path: str

    @property
    def name(self) -> str:
        return str(self._ask("Get", "ss", (ACCESSIBLE, "Name"), "org.freedesktop.DBus.Properties")[1])

    @property
    def role(self) -> str:
        return str(self._ask("GetRoleName"))

    @property
    def states(self) -> frozenset[State]:
        low, _ = self._ask("GetState")
        return frozenset(state for state in State if low >> state & 1)

    @property
    def place(self) -> Place:
        left, top, width, height = self._ask("GetExtents", "u", (0,), "org.a11y.atspi.Component")
        return Place(left, top, left + width, top + height)

    def children(self) -> "list[Thing]":
        return [Thing(self.bus, *child) for child in self._ask("GetChildren")]

    def walk(self) -> "Iterator[Thing]":
        """It and all below that is shown; not the cells of tables, which are told from their models."""
        yield self
        if self.role not in WITHOUT_THEIR_CELLS:
            for child in self.children():
                if State.SHOWING in child.states:
                    yield from child.walk()

    def __str__(self) -> str:
        return f"{self.role} “{self.name}”"

    def _ask(self, what: str, kinds: str = "", words: tuple[Any, ...] = (), interface: str = ACCESSIBLE) -> Any:
        question = new_method_call(DBusAddress(self.path, self.owner, interface), what, kinds or None, words)
        body = self.bus.send_and_get_reply(question, timeout=ANSWER_SECONDS).body
        return body[0]


class ScreenReader:
    """On the accessibility bus of the session bus at `address`; it hears where the keyboard goes."""

    def __init__(self, address: str) -> None:
        with open_dbus_connection(address) as session:
            bus = DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus")
            where = session.send_and_get_reply(new_method_call(bus, "GetAddress"), timeout=ANSWER_SECONDS).body[0]
        self._bus = open_dbus_connection(where)
        self._rule = MatchRule(type="signal", interface=EVENTS, member="StateChanged")
        registry = DBusAddress("/org/a11y/atspi/registry", "org.a11y.atspi.Registry", "org.a11y.atspi.Registry")
        for wish in (
            new_method_call(registry, "RegisterEvent", "s", ("object:state-changed:focused",)),
            message_bus.AddMatch(self._rule),
        ):
            self._bus.send_and_get_reply(wish, timeout=ANSWER_SECONDS)

    def programs(self) -> list[Thing]:
        return Thing(self._bus, *ROOT).children()

    @contextmanager
    def hearing(self) -> "Iterator[Focused]":
        with self._bus.filter(self._rule, bufsize=1000) as signals:
            yield Focused(self._bus, signals)

    def close(self) -> None:
        self._bus.close()


@dataclass(frozen=True)
class Focused:
    """What has got the keyboard, in the order in which that was told."""

    bus: DBusConnection
    signals: Any

    def next(self) -> Thing:
        """Raises `TimeoutError`: nothing has."""
        while True:
            told = self.bus.recv_until_filtered(self.signals, timeout=ANSWER_SECONDS)
            what, is_now, *_ = told.body
            if (what, is_now) == ("focused", 1):
                return Thing(self.bus, told.header.fields[7], told.header.fields[1])
