"""Tier A: bubblewrap's namespaces and mounts around the process, and all that the process gives up by itself.

An ordinary user gets a user namespace. Root gets none, for root inside one is still root outside: it makes the mounts,
keeps no power but to change the user, and the job process becomes nobody as its first act. What the installed bwrap can
do is read from its `--help`; whether it works here shows the self-test.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mulberry.runtime.child.confinement.profiles import PROFILES
from mulberry.runtime.sandbox.provider import NOBODY, Room, Started, Tier, an_order, is_root
from mulberry.runtime.sandbox.unix import start_wrapped
from mulberry.runtime.wire import Enter

MODEL = Path("/model")  # where the job finds it
ASKING_SECONDS = 5.0
PROCESSES_COUNTED_APART_SINCE = (5, 14)  # Linux counts a user namespace's processes for themselves


@dataclass(frozen=True, slots=True)
class Option:
    """One option of bubblewrap and why it is there. One that only `newer` versions know is left out elsewhere."""

    words: tuple[str, ...]
    reason: str
    newer: bool = False


ISOLATION = (
    Option(("--unshare-pid",), "it sees no process but itself"),
    Option(("--unshare-net",), "no network, not even to this computer"),
    Option(("--unshare-ipc",), "no shared memory of the desktop's"),
    Option(("--unshare-uts",), "its own host name"),
    Option(("--unshare-cgroup-try",), "it does not see where its limits are set"),
    Option(("--die-with-parent",), "a dead agent leaves no job behind, whatever the job does"),
    Option(("--new-session",), "it cannot type into the terminal"),
    Option(("--hostname", "job"), "the computer's name is nobody's business"),
    Option(("--clearenv",), "secrets and switches of the user's shell stay outside"),
)
AS_A_USER = (
    Option(("--unshare-user",), "namespaces without being root"),
    Option(("--disable-userns",), "it cannot become root of a namespace within", newer=True),
    Option(("--uid", str(NOBODY), "--gid", str(NOBODY)), "it does not know who runs it"),
    Option(("--cap-drop", "ALL"), "no powers inside the namespace either"),
    Option(("--as-pid-1",), "no second process in its room"),
)
# Without --as-pid-1: bubblewrap has no power over nobody, but over a first process of root's, and that one's end is
# the room's end.
AS_ROOT = (
    Option(("--cap-drop", "ALL"), "of root's powers none …"),
    Option(("--cap-add", "CAP_SETUID"), "… but to become nobody"),
    Option(("--cap-add", "CAP_SETGID"), "… with nobody's groups"),
)
FILE_SYSTEM = (
    Option(("--ro-bind", "/usr", "/usr"), "the C library and what the loader needs"),
    Option(("--proc", "/proc"), "its own state; without other processes there is no more in it"),
    Option(("--dev", "/dev"), "null, zero and random numbers"),
)
LOADER_FOLDERS = ("/lib", "/lib64", "/lib32", "/bin")
SCOPE = ("systemd-run", "--user", "--scope", "--quiet", "--collect")


class Bubblewrap:
    """See `provider.Sandbox`. `program` is bwrap, `known` the options that it has."""

    tier = Tier.BUBBLEWRAP

    def __init__(self, program: str, known: frozenset[str], *, scope: bool = False) -> None:
        self._program = program
        self._known = known
        self._scope = scope

    @classmethod
    def find(cls) -> "Bubblewrap | None":
        """What is installed here. None: nothing, or it cannot say what it can do."""
        program = shutil.which("bwrap")
        if program is None:
            return None
        try:
            said = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=ASKING_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
        known = frozenset(word for word in (said.stdout + said.stderr).split() if word.startswith("--"))
        return cls(program, known, scope=not is_root() and _scopes_work())

    async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        info = os.pipe()
        command = self.command(room, environment, info[1], theirs.fileno())
        around = {name: os.environ[name] for name in _FOR_SYSTEMD if self._scope and name in os.environ}
        return await start_wrapped(command, info, theirs, {**around, **environment})

    def order(self, room: Room) -> Enter:
        counted_apart = not is_root() and _kernel() >= PROCESSES_COUNTED_APART_SINCE
        return an_order(room, model=MODEL, processes=room.limits.processes if counted_apart else None, user=None)

    def command(self, room: Room, environment: Mapping[str, str], info: int, link: int) -> list[str]:
        """All words, from the limits around bubblewrap to the job process's own arguments."""
        words = [*self._limits(room), self._program, "--info-fd", str(info)]
        for option in (*ISOLATION, *(AS_ROOT if is_root() else AS_A_USER), *FILE_SYSTEM):
            if not option.newer or option.words[0] in self._known:
                words += option.words
        for name, value in environment.items():
            words += ("--setenv", name, value)
        if "--size" in self._known:
            words += ("--size", str(room.limits.scratch_bytes))
        words += ("--tmpfs", "/tmp")  # noqa: S108 - its own
        words += _mounts(room)
        words += ("--chdir", "/", *room.command, str(link))
        return [*words, str(NOBODY)] if is_root() else words

    def _limits(self, room: Room) -> list[str]:
        if not self._scope:
            return []
        limits = room.limits
        properties = (f"MemoryMax={limits.memory_bytes}", "MemorySwapMax=0", f"TasksMax={limits.processes + 8}")
        return [*SCOPE, *(word for limit in properties for word in ("-p", limit)), "--"]


_FOR_SYSTEMD = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def _mounts(room: Room) -> list[str]:
    """What the job may see, each at the host's own place, but for the model."""
    code = [folder for folder in room.code if Path("/usr") not in (folder, *folder.parents)]
    paths = [granted.grant.path for granted in PROFILES[room.profile].paths]
    system = [Path(path) for path in paths if path.startswith(("/sys/", "/etc/"))]
    devices = [*(path for path in paths if path.startswith("/dev/nvidia")), *room.devices]
    words: list[str] = []
    for name in LOADER_FOLDERS:
        folder = Path(name)
        if folder.is_symlink():
            words += ("--symlink", str(folder.readlink()), name)
        elif folder.is_dir():
            words += ("--ro-bind", name, name)
    for ancestor in sorted({ancestor for path in (*code, *system) for ancestor in path.parents[:-1]}):
        words += ("--perms", "0755", "--dir", str(ancestor))  # bubblewrap's own would let in root only
    for path in (*code, *system):
        words += ("--ro-bind-try", str(path), str(path))
    for device in devices:
        words += ("--dev-bind-try", device, device)
    return [*words, "--ro-bind", str(room.model.resolve()), str(MODEL)]


@cache
def _kernel() -> tuple[int, int]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int("".join(filter(str.isdigit, minor)))


def _scopes_work() -> bool:
    """Whether the user's systemd gives a program limits: only a trial tells."""
    if shutil.which(SCOPE[0]) is None or "XDG_RUNTIME_DIR" not in os.environ:
        return False
    try:
        trial = subprocess.run(
            [*SCOPE, "-p", "MemoryMax=64M", "--", "true"], capture_output=True, timeout=ASKING_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return trial.returncode == 0
