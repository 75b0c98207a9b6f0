"""A proxy that keeps to the protocol but for what its script says, and the real worker that must live with it.

The worker is all there is between the network and the owner: link, session, book, till and ledger. Only the engine
lives in memory.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import Any, cast

from nacl.signing import SigningKey

from agent_workshop import DEMO
from mulberry.cocoon.frames import FrameReader, FrameWriter
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    ConnectToProxy,
    ExtendedCompareBalanceWithProxy,
    ProxyHandshakeComplete,
    QueryAnswerErrorEx,
    TcpConnect,
    TcpConnected,
    TcpPacket,
    TcpPing,
    TcpPong,
    TcpQuery,
    TcpQueryAnswer,
    TcpQueryError,
    UpdatePaymentStatus,
)
from mulberry.cocoon.tl import Message, decode, encode
from mulberry.ton.address import parse_address
from paying_proxy import PayingProxy

OWNER = parse_address(DEMO.owner_address)
PARAMETERS = DEMO.root_parameters()
FEE = PARAMETERS.worker_fee_per_token


class Step(Enum):
    """What a proxy says when it is its turn; the value is what it answers."""

    HELLO = TcpConnect
    CONNECT = ConnectToProxy
    COMPARE = CompareBalanceWithProxy
    EXTENDED = ExtendedCompareBalanceWithProxy
    COMPLETE = ProxyHandshakeComplete
    STATUS = UpdatePaymentStatus
    PONG = TcpPing


Departure = Callable[["Door", Message], None]  # is given the frame that would be right


class Door(asyncio.Protocol):
    """The proxy's end of one connection."""

    def __init__(self, proxy: "HostileProxy") -> None:
        self._proxy = proxy
        self._reader = FrameReader()
        self._writer = FrameWriter()
        self._timers: list[asyncio.TimerHandle] = []
        self._answers: set[asyncio.Task[None]] = set()
        self._held_back: list[Message] | None = None  # while a frame leaves piece by piece
        self.lost = asyncio.Event()

    # What a departure is made of

    def raw(self, data: bytes) -> None:
        self.transport.write(data)

    def framed(self, message: Message) -> bytes:
        """The next frame, which counts as sent."""
        return self._writer.pack(encode(message))

    def frame(self, message: Message) -> None:
        if self._held_back is not None:
            self._held_back.append(message)
        elif not self.transport.is_closing():
            self.raw(self.framed(message))

    def in_pieces(self, pieces: list[bytes], seconds: float) -> None:
        """So many seconds pass before each piece of one frame; the frames behind it wait."""
        self._held_back = []
        for number, piece in enumerate(pieces, 1):
            self.later(number * seconds, partial(self.raw, piece))
        self.later(len(pieces) * seconds, self._let_go)

    def _let_go(self) -> None:
        held_back, self._held_back = self._held_back or [], None
        for message in held_back:
            self.frame(message)

    def packet(self, message: Message) -> None:
        self.frame(TcpPacket(encode(message)))

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, do))

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for body in self._reader.feed(data):
            self._take(decode(body))

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers:
            timer.cancel()
        for answer in self._answers:
            answer.cancel()
        self.lost.set()

    # What the protocol asks of a proxy

    def _take(self, message: Message) -> None:
        match message:
            case TcpConnect(id=number):
                self._say(Step.HELLO, TcpConnected(number))
            case TcpPing(id=number):
                self._say(Step.PONG, TcpPong(number))
            case TcpPong():
                self._proxy.pongs += 1
            case TcpPacket(data=data):
                self._proxy.received(decode(data))
            case TcpQuery(id=number, data=data):
                answer = asyncio.get_running_loop().create_task(self._answer(number, decode(data)))
                self._answers.add(answer)
                answer.add_done_callback(self._answers.discard)
            case TcpQueryAnswer() | TcpQueryError():
                self._proxy.replies.append(message)

    async def _answer(self, number: int, question: Message) -> None:
        reply = await self._proxy.answer(question)
        self._say(Step(type(question)), TcpQueryAnswer(number, encode(reply)))

    def _say(self, step: Step, right: Message) -> None:
        self._proxy.script.get(step, Door.frame)(self, right)


class HostileProxy(PayingProxy):
    """Each step of the `script` is said as the departure there says it, all others as they should be."""

    def __init__(self, script: dict[Step, Departure] | None = None, key: int = 5) -> None:
        super().__init__(PARAMETERS, OWNER, SigningKey(bytes([key]) * 32))
        self.script = script or {}
        self.doors: list[Door] = []
        self.pongs = 0
        self.replies: list[Message] = []  # to queries of its own

    def listener(self) -> Callable[[], asyncio.Protocol]:
        return self._open

    def _open(self) -> Door:
        self.doors.append(Door(self))
        return self.doors[-1]

    async def hang_up(self) -> None:
        for door in self.doors:
            door.transport.abort()
            await door.lost.wait()

    @property
    def door(self) -> Door:
        return self.doors[-1]

    def send(self, message: Message) -> None:
        self.door.packet(message)

    async def answers_of(self, count: int) -> list[Any]:
        """The next messages that end a request: so many."""
        found: list[Any] = []
        while len(found) < count:
            message = await self.next()
            if isinstance(message, QueryAnswerErrorEx) or getattr(message, "final_info", None) is not None:
                found.append(message)
        return found


# The ways to depart from the protocol


def says(message: Message) -> Departure:
    """Something else in place of the answer."""

    def depart(door: Door, right: Message) -> None:
        door.frame(TcpQueryAnswer(right.id, encode(message)) if isinstance(right, TcpQueryAnswer) else message)

    return depart


def says_bytes(data: bytes) -> Departure:
    """An answer that holds `data`."""

    def depart(door: Door, right: Message) -> None:
        assert isinstance(right, TcpQueryAnswer)
        door.frame(TcpQueryAnswer(right.id, data))

    return depart


def refuses(code: int, words: str) -> Departure:
    def depart(door: Door, right: Message) -> None:
        assert isinstance(right, TcpQueryAnswer)
        door.frame(TcpQueryError(right.id, code, words))

    return depart


def nothing(door: Door, right: Message) -> None:
    """The step is left out."""


def late(seconds: float) -> Departure:
    return lambda door, right: door.later(seconds, lambda: door.frame(right))


def twice(door: Door, right: Message) -> None:
    door.raw(door.framed(right) + door.framed(right))


def hangs_up(door: Door, right: Message) -> None:
    door.transport.close()


def resets(door: Door, right: Message) -> None:
    door.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    door.transport.abort()


def cut_short(door: Door, right: Message) -> None:
    door.raw(door.framed(right)[:-1])
    door.transport.close()


def of_length(length: int) -> Departure:
    """The frame's header tells another length."""
    return lambda door, right: door.raw(struct.pack("<I", length) + door.framed(right)[4:])


def misnumbered(door: Door, right: Message) -> None:
    door.framed(right)
    door.frame(right)


def to_another_question(door: Door, right: Message) -> None:
    assert isinstance(right, TcpQueryAnswer | TcpConnected)
    door.frame(replace(right, id=right.id ^ 1))


def with_more_behind(door: Door, right: Message) -> None:
    """A message that does not end where it should."""
    if isinstance(right, TcpQueryAnswer):
        door.frame(TcpQueryAnswer(right.id, right.data + bytes(4)))
    else:
        body = door.framed(right)[8:] + bytes(4)
        door.raw(struct.pack("<II", len(body), 0) + body)


def byte_by_byte(seconds: float) -> Departure:
    """So many seconds pass before each byte."""
    return lambda door, right: door.in_pieces([bytes([byte]) for byte in door.framed(right)], seconds)


def after(count: int, message: Message) -> Departure:
    """Says `message` so many times before the answer."""
    return lambda door, right: door.raw(b"".join(door.framed(message) for _ in range(count)) + door.framed(right))
