"""The job process tries to do what a job must not, before any job comes, and tells what it found.

The agent believes no set-up, only this. It runs at every start, after everything has been given up: what is open to it
would be open to a stranger's model.
"""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mulberry.runtime.child.confinement import root
from mulberry.runtime.wire import Canary, Enter, Provider

# What stands open on many a desktop, and what would be the end if it did. Those that are not there are closed too.
DEVICES = (
    "fuse",
    "kvm",
    "kmsg",
    "mem",
    "tty",
    "vda",
    "sda",
    "nvme0",
    "dri/card0",
    "dri/renderD128",
    "snd/seq",
    "uinput",
)
PLACES_TO_WRITE = ("/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - tried, not used
DISCARD_PORT = 9


def look_around(order: Enter) -> Canary:
    """What is as it must be. Changes nothing where something is open: it only opens, and closes again.

    The trials are Linux's; elsewhere nothing is tried, so nothing is proven.
    """
    found = Canary(0)
    if sys.platform != "linux":
        return found
    for canary, holds in _TRIALS.items():
        if holds(order):
            found |= canary
    return found


def _is_refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


def _open(path: str, how: int) -> None:
    os.close(os.open(path, how | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)))


def _home_is_closed(order: Enter) -> bool:
    return _is_refused(lambda: os.listdir(order.home))  # noqa: PTH208 - nothing of it is wanted


def _users_are_unknown(order: Enter) -> bool:
    return _is_refused(lambda: _open("/etc/passwd", os.O_RDONLY))


def _nothing_is_writable(order: Enter) -> bool:
    places = (*PLACES_TO_WRITE, order.home, order.model, *order.readable)
    return all(_is_refused(lambda place=place: _write(Path(place))) for place in places)  # type: ignore[misc]


def _write(folder: Path) -> None:
    trace = folder / f".canary-{os.getpid()}"
    _open(str(trace), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    trace.unlink()


def _network_is_closed(order: Enter) -> bool:
    """A refused connection means that there was somebody to refuse it."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            probe.connect(("127.0.0.1", DISCARD_PORT))
    except (ConnectionError, TimeoutError):
        return False
    except OSError:
        return True
    return False


def _cannot_fork(order: Enter) -> bool:
    try:
        child = os.fork()
    except OSError:
        return True
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return False


def _cannot_exec(order: Enter) -> bool:
    """A program without a name: without a filter the kernel looks for it and says that there is none."""
    try:
        os.execv("", [" "])  # noqa: S606, S607 - must fail either way
    except PermissionError:
        return True
    except OSError:
        return False


def _devices_are_closed(order: Enter) -> bool:
    return all(_is_refused(lambda name=name: _open(f"/dev/{name}", os.O_RDONLY)) for name in DEVICES)  # type: ignore[misc]


def _agent_is_unseen(order: Enter) -> bool:
    if not _is_refused(lambda: os.kill(order.agent, 0)):
        return False
    if os.getpid() == order.agent:
        return True  # in a list of processes of its own, where that number means itself
    return _is_refused(lambda: _open(f"/proc/{order.agent}/stat", os.O_RDONLY))


def _model_runs(order: Enter) -> bool:
    from mulberry.runtime.child.provider import ProviderUnusable, prove

    try:
        prove(Provider.CPU)
    except ProviderUnusable:
        return False
    return True


_TRIALS: dict[Canary, Callable[[Enter], bool]] = {
    Canary.NOT_ROOT: lambda order: 0 not in os.getresuid(),
    Canary.NO_CAPABILITIES: lambda order: not root.capabilities(),
    Canary.NO_NEW_PRIVILEGES: lambda order: root.has_no_new_privileges(),
    Canary.CALLS_FILTERED: lambda order: root.has_filtered_calls(),
    Canary.HOME_CLOSED: _home_is_closed,
    Canary.USERS_CLOSED: _users_are_unknown,
    Canary.NOTHING_WRITABLE: _nothing_is_writable,
    Canary.NETWORK_CLOSED: _network_is_closed,
    Canary.NO_FORK: _cannot_fork,
    Canary.NO_EXEC: _cannot_exec,
    Canary.DEVICES_CLOSED: _devices_are_closed,
    Canary.AGENT_UNSEEN: _agent_is_unseen,
    Canary.MODEL_RUNS: _model_runs,
}
