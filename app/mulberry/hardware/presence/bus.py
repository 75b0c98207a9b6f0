"""What D-Bus tells: how long nobody touched the computer, whether the connection is metered, whether a game runs.

Sources: org.gnome.Mutter.IdleMonitor (GNOME, in milliseconds), org.freedesktop.login1.Session (IdleHint, set by the
desktop after a time of its own), org.freedesktop.NetworkManager (NMMetered: 0 unknown, 1 yes, 2 no, 3 and 4 guessed
yes and no), com.feralinteractive.GameMode (number of games that asked for it).
"""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any, Literal

from mulberry.model.host import Finding
from mulberry.model.language import tr

ANSWER_SECONDS = 1.0
METERED, GUESSED_METERED, NETWORK_MANAGER_UNKNOWN = 1, 3, 0

Bus = Literal["SESSION", "SYSTEM"]
Call = Callable[
    [Bus, str, str, str, str, str, tuple[Any, ...]], Any
]  # bus, name, path, interface, method, form, values


class BusError(Exception):
    """Nobody answered. Its text goes after "unknown, because"."""


def call(bus: Bus, name: str, path: str, interface: str, method: str, form: str, values: tuple[Any, ...]) -> Any:
    """One call, on a connection of its own. Returns the first value of the answer. Raises `BusError`."""
    from jeepney import DBusAddress, MessageType, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    address = DBusAddress(path, bus_name=name, interface=interface)
    try:
        with closing(open_dbus_connection(bus)) as connection:
            message = new_method_call(address, method, form or None, values)
            answer = connection.send_and_get_reply(message, timeout=ANSWER_SECONDS)
    except (OSError, KeyError, ValueError, EOFError) as problem:  # KeyError: no address of a bus in the environment
        raise BusError(tr("the {bus} bus does not answer", bus=bus.lower())) from problem
    if answer.header.message_type is MessageType.error or not answer.body:
        raise BusError(tr("{name} is not on the {bus} bus", name=name, bus=bus.lower()))
    return answer.body[0]


def _read(call: Call, bus: Bus, name: str, path: str, interface: str, member: str) -> Any:
    """A property's value."""
    signature_and_value = call(bus, name, path, "org.freedesktop.DBus.Properties", "Get", "ss", (interface, member))
    return signature_and_value[1]


def gnome_idle_seconds(call: Call = call) -> Finding[float]:
    name, path = "org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core"
    try:
        milliseconds = call("SESSION", name, path, name, "GetIdletime", "", ())
    except BusError as problem:
        return Finding(None, str(problem))
    return Finding(milliseconds / 1000, tr("GNOME's idle monitor"))


def session_idle_seconds(now: datetime, call: Call = call) -> Finding[float]:
    """By the session's idle hint: 0 while the desktop does not call the session idle."""
    name, path = "org.freedesktop.login1", "/org/freedesktop/login1/session/auto"
    try:
        if not _read(call, "SYSTEM", name, path, f"{name}.Session", "IdleHint"):
            return Finding(0.0, tr("logind: the session is not idle"))
        since = _read(call, "SYSTEM", name, path, f"{name}.Session", "IdleSinceHint")
    except BusError as problem:
        return Finding(None, str(problem))
    return Finding(max(now.timestamp() - since / 1_000_000, 0.0), tr("logind's idle hint"))


def metered(call: Call = call) -> Finding[bool]:
    name = "org.freedesktop.NetworkManager"
    try:
        said = _read(call, "SYSTEM", name, "/org/freedesktop/NetworkManager", name, "Metered")
    except BusError as problem:
        return Finding(None, str(problem))
    if said == NETWORK_MANAGER_UNKNOWN:
        return Finding(None, tr("NetworkManager does not know"))
    return Finding(said in (METERED, GUESSED_METERED), "NetworkManager")


def game_runs(call: Call = call) -> Finding[bool]:
    name = "com.feralinteractive.GameMode"
    try:
        games = _read(call, "SESSION", name, "/com/feralinteractive/GameMode", name, "ClientCount")
    except BusError as problem:
        return Finding(None, str(problem))
    return Finding(games > 0, "GameMode")
