"""A job process that a test plays, to see what the agent does with the words of one that was taken over."""

import asyncio
import os
import socket
from collections.abc import Mapping

from mulberry.runtime.sandbox.provider import Room, Started, Tier
from mulberry.runtime.wire import ALL_CANARIES, TO_PARENT_LIMIT_BYTES, Enter, Entered, ToParent, pack
from sandboxes import best_sandbox

CLOSED = Entered(int(ALL_CANARIES), landlock=7, user=65534)


class PretendedJob:
    """A sandbox whose job process is this test: it says what it was told to say, whatever it is asked."""

    tier = Tier.BUBBLEWRAP

    def __init__(self, *says: ToParent) -> None:
        self._says = says
        self.stderr: asyncio.StreamReader | None = asyncio.StreamReader()
        self.pid = os.getpid()
        self._theirs: socket.socket | None = None

    async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        self._theirs = theirs.dup()
        for message in self._says:
            self.say(message)
        return self

    def say(self, message: ToParent) -> None:
        """Once it is started."""
        assert self._theirs is not None
        self._theirs.sendall(pack(message, TO_PARENT_LIMIT_BYTES))

    def order(self, room: Room) -> Enter:
        return best_sandbox().order(room)

    def kill(self) -> None:
        if self.stderr is not None:
            self.stderr.feed_eof()

    async def wait(self) -> int:
        if self._theirs is not None:
            self._theirs.close()
        return 0
