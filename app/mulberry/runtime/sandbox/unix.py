"""Starting a job process on systems with Unix sockets."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mulberry.runtime.sandbox.provider import Started

INFO_LIMIT_BYTES = 4096


async def start_program(
    command: Sequence[str], theirs: socket.socket, environment: Mapping[str, str], *, also: tuple[int, ...] = ()
) -> asyncio.subprocess.Process:
    """Nothing but the socket and `also` is inherited. In a session of its own: Ctrl-C in the terminal is the agent's
    business, which then ends this process."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        cwd="/",
        pass_fds=(theirs.fileno(), *also),
        start_new_session=True,
    )


class Wrapped:
    """A program that runs others in a room of their own and ends with them.

    `first_pid` is the room's first process, whose end is the room's: the job process, or what has started it.
    """

    def __init__(self, outer: asyncio.subprocess.Process, first_pid: int) -> None:
        self._outer = outer
        self._first_pid = first_pid
        self.stderr = outer.stderr
        self._inner = _handle(first_pid)

    @property
    def pid(self) -> int:
        """The job process's, once it is there."""
        return _only_child(self._first_pid) or self._first_pid

    def kill(self) -> None:
        """By a handle, for a number may be another process's by now."""
        if self._inner is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._inner, signal.SIGKILL)
        elif self._outer.returncode is None:
            self._outer.kill()  # takes the inner one along

    async def wait(self) -> int:
        status = await self._outer.wait()
        if self._inner is not None:
            inner, self._inner = self._inner, None
            os.close(inner)
        return 128 - status if status > 128 else status  # as a shell tells of a signal


async def start_wrapped(
    command: Sequence[str], info: tuple[int, int], theirs: socket.socket, environment: Mapping[str, str]
) -> Started:
    """`command` writes the room's first process's number to `info`'s second end, as bubblewrap does. Closes both ends.

    Cancelled, it waits until there is a room and then ends it: bubblewrap killed before that leaves one that waits for
    ever.
    """
    starting = asyncio.create_task(_start_wrapped(command, info, theirs, environment))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            started = await starting
            started.kill()
            assert started.stderr is not None  # noqa: S101 - asked for at its start
            await started.stderr.read()
            await started.wait()
        raise


async def _start_wrapped(
    command: Sequence[str], info: tuple[int, int], theirs: socket.socket, environment: Mapping[str, str]
) -> Started:
    ours, its = info
    try:
        try:
            outer = await start_program(command, theirs, environment, also=(its,))
        finally:
            os.close(its)
        first = _first_pid(await asyncio.to_thread(_read_all, ours))
    finally:
        os.close(ours)
    return Wrapped(outer, first) if first else outer  # else it could not start anything; its last words say why


def _first_pid(untrusted_info: bytes) -> int:
    """0: there is none."""
    try:
        return int(json.loads(untrusted_info)["child-pid"])
    except (ValueError, KeyError, TypeError):
        return 0


def _read_all(descriptor: int) -> bytes:
    found = b""
    while len(found) < INFO_LIMIT_BYTES and (more := os.read(descriptor, INFO_LIMIT_BYTES)):
        found += more
    return found


def _handle(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _only_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_bytes().split()
    except OSError:
        return None
    return int(children[0]) if children else None
