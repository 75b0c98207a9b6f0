"""A stretch of bad network: a TCP relay on this computer that drops, resets, holds and cuts what goes through it."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

LOOPBACK = "127.0.0.1"
BLOCK_BYTES = 64 * 1024
LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)  # closing then sends a reset, and what was not sent is lost


@dataclass(eq=False, slots=True)
class _Conversation:
    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    bytes_left: int | None = None  # before it is cut; None: it is not to be cut


class FaultyRelay:
    """Leads from a port of its own to `target`, which may change. A fault strikes all that is connected then."""

    def __init__(self, random: Random) -> None:
        self.target: int | None = None  # a port of this computer; None: nobody is there
        self.conversations = 0  # since the beginning
        self._random = random
        self._open: set[_Conversation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._server: asyncio.Server | None = None

    async def listen(self) -> int:
        """Returns the port."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Faults

    def hang_up(self) -> None:
        """Both sides are told that the other one has ended; what was under way still arrives."""
        for conversation in self._open:
            for end in conversation.ends:
                end.close()

    def reset(self) -> None:
        """Both sides are reset; what was under way may be lost."""
        for conversation in self._open:
            for end in conversation.ends:
                _reset(end)

    def cut(self, most_bytes: int = 2000) -> None:
        """Up to so many bytes more go through, then it ends: in the middle of a frame, nearly always."""
        for conversation in self._open:
            conversation.bytes_left = self._random.randrange(1, most_bytes)

    def hold(self, seconds: float) -> None:
        """Nothing goes through for so long, then all of it."""
        self._flows.clear()
        asyncio.get_running_loop().call_later(seconds, self._flows.set)

    def refuse(self, seconds: float) -> None:
        """All is reset, and nobody gets through for so long."""
        self._refuses = True
        asyncio.get_running_loop().call_later(seconds, self._serve_again)
        self.reset()

    def _serve_again(self) -> None:
        self._refuses = False

    # What goes through

    async def _accept(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        conversation = _Conversation([near])
        self._open.add(conversation)
        self.conversations += 1
        try:
            if self._refuses or self.target is None:
                return
            far_reader, far = await asyncio.open_connection(LOOPBACK, self.target)
            conversation.ends.append(far)
            there, back = self._pass_on(near_reader, far, conversation), self._pass_on(far_reader, near, conversation)
            await asyncio.gather(there, back)
        except OSError:
            pass  # that is what a relay is for: below, the other side hears of it
        finally:
            self._open.discard(conversation)
            for end in conversation.ends:
                end.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, conversation: _Conversation
    ) -> None:
        while data := await reader.read(BLOCK_BYTES):
            await self._flows.wait()
            if conversation.bytes_left is not None:
                data = data[: conversation.bytes_left]
                conversation.bytes_left -= len(data)
            writer.write(data)
            await writer.drain()
            if conversation.bytes_left == 0:
                break
        for end in conversation.ends:
            end.close()


def _reset(end: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # it has ended already
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT_AT_ALL)
    end.transport.abort()


Strike = Callable[[FaultyRelay, Random], None]
STRIKES: dict[str, Strike] = {
    "hang up": lambda relay, _: relay.hang_up(),
    "reset": lambda relay, _: relay.reset(),
    "cut mid-frame": lambda relay, _: relay.cut(),
    "hold": lambda relay, random: relay.hold(random.uniform(0.2, 3.0)),
    "refuse": lambda relay, random: relay.refuse(random.uniform(0.2, 3.0)),
}
