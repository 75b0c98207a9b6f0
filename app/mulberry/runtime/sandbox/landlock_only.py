"""Tier B: what the process gives up by itself, nothing around it. For Linux where bubblewrap may not work.

The process shares its user's list of processes and has no private file system, so it cannot be limited in its number of
threads (that limit counts all of the user's), and sees host names of files that it may not open. Started as root, it
becomes nobody after its imports, because the interpreter may lie where only root can read.
"""

import socket
from collections.abc import Mapping

from mulberry.runtime.sandbox.provider import NOBODY, Room, Started, Tier, an_order, is_root
from mulberry.runtime.sandbox.unix import start_program
from mulberry.runtime.wire import Enter


class LandlockOnly:
    """See `provider.Sandbox`."""

    tier = Tier.LANDLOCK

    async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        return await start_program((*room.command, str(theirs.fileno())), theirs, environment)

    def order(self, room: Room) -> Enter:
        return an_order(room, model=room.model.resolve(), processes=None, user=NOBODY if is_root() else None)
