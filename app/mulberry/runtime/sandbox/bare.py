"""No sandbox: the process as it is. For the demo network's own jobs where nothing better works, and to measure by.

Root's process becomes nobody here, too, but is not locked in.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

from mulberry.runtime.sandbox.provider import CHILD, NOBODY, Room, Started, Tier, an_order, is_root
from mulberry.runtime.sandbox.unix import start_program
from mulberry.runtime.wire import Enter, ProfileName


class NoSandbox:
    """See `provider.Sandbox`."""

    tier = Tier.NONE

    async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        return await _start(room, theirs, environment)

    def order(self, room: Room) -> Enter:
        order = an_order(room, model=room.model.resolve(), processes=None, user=NOBODY if is_root() else None)
        return replace(order, profile=ProfileName.NONE)


if sys.platform == "win32":  # not yet run on Windows

    async def _start(room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        """A Windows socket can only be given to a process that exists already, so it comes through standard input."""
        process = await asyncio.create_subprocess_exec(
            *room.command,
            "stdin",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=CHILD.anchor,
            creationflags=subprocess.CREATE_NO_WINDOW
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS,
        )
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.write(theirs.share(process.pid))
        process.stdin.close()
        await process.stdin.wait_closed()
        return process

else:

    async def _start(room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        return await start_program((*room.command, str(theirs.fileno())), theirs, environment)
