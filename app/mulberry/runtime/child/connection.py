"""The job process's end of the socket. When the other end is gone, so is the reason to live."""

import select
import socket
import sys
from typing import BinaryIO

from mulberry.runtime.frames import FrameReader
from mulberry.runtime.wire import (
    TO_CHILD_LIMIT_BYTES,
    TO_PARENT_LIMIT_BYTES,
    ToChild,
    ToParent,
    message_to_child,
    pack,
)

RECEIVE_BYTES = 1 << 18


class AgentGone(Exception):
    """The agent closed the socket, or died."""


class Connection:
    """Blocking on demand, for one thread at a time: the decode loop asks for news between two steps."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._reader = FrameReader(TO_CHILD_LIMIT_BYTES)
        self._unread: list[ToChild] = []

    def peek(self) -> list[ToChild]:
        """What has come, and stays until it is received. Raises as `receive` does."""
        self._unread = self.receive(wait=False)
        return self._unread

    def receive(self, *, wait: bool) -> list[ToChild]:
        """What has come; with `wait` at least one message. Raises `AgentGone`, `WireError`."""
        messages, self._unread = self._unread, []
        while select.select([self._socket], [], [], None if wait and not messages else 0)[0]:
            try:
                data = self._socket.recv(RECEIVE_BYTES)
            except ConnectionError:
                data = b""
            if not data:
                raise AgentGone
            messages += [message_to_child(frame) for frame in self._reader.feed(data)]
        return messages

    def send(self, message: ToParent) -> None:
        """Waits while the agent is slow to read. Raises `AgentGone`."""
        try:
            self._socket.sendall(pack(message, TO_PARENT_LIMIT_BYTES))
        except ConnectionError:
            raise AgentGone from None


def inherited_socket(argument: str, stdin: BinaryIO) -> socket.socket:
    """Our end: `argument` is its number, or "stdin" where Windows' description of it comes that way."""
    if argument == "stdin":
        return _shared_socket(stdin.read())
    return socket.socket(fileno=int(argument))


if sys.platform == "win32":  # not yet run on Windows

    def _shared_socket(description: bytes) -> socket.socket:
        return socket.fromshare(description)

else:

    def _shared_socket(description: bytes) -> socket.socket:
        raise OSError("only Windows hands over sockets by description")
