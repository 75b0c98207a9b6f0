"""What each of bubblewrap's options buys: `python room_harness.py` leaves out one after the other and prints what a
process in the room then finds, with bubblewrap as the only wall and with all of them.

A program of its own, so that it can be run as an ordinary user where the tests run as root.
"""

import asyncio
import ctypes
import json
import os
import platform
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "app"))

from mulberry.runtime.process import child_environment
from mulberry.runtime.sandbox import bubblewrap
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap, Option
from mulberry.runtime.sandbox.provider import SOURCE, Room, Started, is_root
from mulberry.runtime.sandbox.unix import start_wrapped
from mulberry.runtime.wire import pack

VIEW = Path(__file__).with_name("room_view.py")
TABLES = ("ISOLATION", "AS_ROOT" if is_root() else "AS_A_USER", "FILE_SYSTEM")
OUTLIVE = "outlive the agent"
SECONDS = 30.0
DEAD_SECONDS = 1.0
IPC_CREAT, READABLE, IPC_RMID = 0o1000, 0o666, 0


def all_options() -> list[Option]:
    return [option for table in TABLES for option in getattr(bubblewrap, table)]


@contextmanager
def without(option: Option | None) -> Iterator[None]:
    kept = {table: getattr(bubblewrap, table) for table in TABLES}
    for table, options in kept.items():
        setattr(bubblewrap, table, tuple(each for each in options if each is not option))
    try:
        yield
    finally:
        for table, options in kept.items():
            setattr(bubblewrap, table, options)


@dataclass(frozen=True)
class Surroundings:
    """What there is to be found outside the room."""

    folder: Path
    facts: dict[str, object]


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    libc = ctypes.CDLL(None, use_errno=True)
    folder = Path(tempfile.mkdtemp(prefix="room-"))
    folder.chmod(0o755)
    os.environ["HOME"] = str(folder)  # a user without a name has none
    shared = libc.shmget(0, 4096, IPC_CREAT | READABLE)
    try:
        with socket.create_server(("127.0.0.1", 0)) as tcp:
            facts = {
                "tcp": tcp.getsockname()[1],
                "shared memory": shared,
                "name": platform.node(),
                "user": os.getuid(),
                "source": str(SOURCE),
            }
            yield Surroundings(folder, facts)
    finally:
        libc.shmctl(shared, IPC_RMID, None)
        shutil.rmtree(folder)


async def found(sandbox: Bubblewrap, around: Surroundings, *, all_walls: bool) -> list[str] | str:
    """What the process in the room found; or why there was none."""
    program = around.folder / VIEW.name
    shutil.copy(VIEW, program)
    program.chmod(0o644)
    (around.folder / "facts.json").write_text(json.dumps(around.facts | {"all walls": all_walls}), "utf-8")
    room = Room(around.folder, program=program)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            environment = child_environment(os.environ)
            info = os.pipe()
            command = sandbox.command(room, environment, info[1], theirs.fileno())
            started = await start_wrapped(command, info, theirs, {**environment, "MULBERRY_SECRET": "secret"})
        ours.settimeout(SECONDS)
        said = b""
        with suppress(ConnectionError):  # the room did not come about
            ours.sendall(pack(sandbox.order(room), 1 << 20))
            said = ours.makefile("rb").readline()
        outlives = bool(said) and await _outlives(started)
    assert started.stderr is not None
    words = (await started.stderr.read()).decode(errors="replace").strip()
    await started.wait()
    return [*json.loads(said), *[OUTLIVE] * outlives] if said else words.splitlines()[-1]


async def _outlives(started: Started) -> bool:
    """Whether the process is there when what had started it has died; then it is ended."""
    handle = os.pidfd_open(started.pid)
    try:
        os.kill(started._outer.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        ended = bool((await asyncio.to_thread(select.select, [handle], [], [], DEAD_SECONDS))[0])
        if not ended:
            started.kill()
        return not ended
    finally:
        os.close(handle)


async def table() -> dict[str, dict[str, object]]:
    sandbox = Bubblewrap.find()
    assert sandbox is not None, "bubblewrap is not installed"
    rows: dict[str, dict[str, object]] = {}
    with surroundings() as around:
        for option in (None, *all_options()):
            with without(option):
                rows[" ".join(option.words) if option else ""] = {
                    "alone": await found(sandbox, around, all_walls=False),
                    "all": await found(sandbox, around, all_walls=True),
                }
    return rows


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(table())))
