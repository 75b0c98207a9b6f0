"""One connection of the network: frames on a byte stream, with queries, one-way messages, pings and time-outs.

Source: the protocol page, section 1. Both ends are here: the worker dials, a proxy listens. The channel only wants an
asyncio transport, which `cocoon.transports` gives it.

Whatever breaks the protocol closes the channel with a reason in words. A query without an answer does so too: the other
side's state is then unknown.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from random import Random
from typing import Protocol, cast

from mulberry.cocoon.frames import FrameError, FrameReader, FrameWriter
from mulberry.cocoon.messages import (
    TcpConnect,
    TcpConnected,
    TcpPacket,
    TcpPing,
    TcpPong,
    TcpQuery,
    TcpQueryAnswer,
    TcpQueryError,
)
from mulberry.cocoon.tl import Message, TlError, decode, encode
from mulberry.cocoon.transports import OnProgress, PeerNotProven, PlainTcp, Transport, words_of
from mulberry.model.attestation import PeerEvidence
from mulberry.model.language import number, tr
from mulberry.model.root_contract import ProxyAddress

PING_AFTER_SECONDS = 10.0  # of silence; only the dialler pings
DIALLER_DROPS_AFTER_SECONDS = 20.0
LISTENER_DROPS_AFTER_SECONDS = 60.0
FLUSH_SECONDS = 5.0  # how long a closing channel may take to send what is written
UNANSWERED_QUERIES_LIMIT = 64
DRAIN_ABOVE_BYTES = 256 * 1024  # `drained` waits above it
UNSENT_BYTES_LIMIT = 64 * 1024 * 1024  # a peer that makes us write but does not read is closed
FOREIGN_TEXT_LIMIT = 300
CLOSED_BY_PEER = tr("the other side closed the connection")

log = logging.getLogger(__name__)


class ChannelClosed(Exception):
    """There is no connection, or none any more. `why` is a plain sentence without a full stop."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class QueryRefused(Exception):
    """The other side answered a query with an error. Raised in `Handler.answer`, it becomes such an answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} (code {code})")
        self.code = code
        self.text = text


OnArrival = Callable[[Message], None]


class Handler(Protocol):
    """Whoever uses a channel. All calls come from the event loop."""

    def received(self, message: Message) -> None:
        """A one-way message. A `ProtocolError` raised here closes the channel with its text."""

    async def answer(self, message: Message) -> Message:
        """The answer to a query; `QueryRefused` for no. Cancelled when the channel closes."""
        ...

    def closed(self, why: str) -> None:
        """Called once, after everything else."""


class ProtocolError(ValueError):
    """The other side did what the protocol does not allow. The text holds nothing of a prompt."""


class Channel(asyncio.Protocol):
    """Made by `dial` or, one for each connection, by the factory that `listener` gives."""

    def __init__(self, make_handler: "Callable[[Channel], Handler]", random: Random, *, dials: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._make_handler = make_handler
        self._handler: Handler | None = None  # there is one from the agreement on
        self._random = random
        self._dials = dials
        self._id = 0
        self._drops_after = DIALLER_DROPS_AFTER_SECONDS if dials else LISTENER_DROPS_AFTER_SECONDS
        self.evidence: PeerEvidence | None = None  # what the other side showed, where it was asked
        self._early_end = CLOSED_BY_PEER
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._writer = FrameWriter()
        self._unsent: list[bytes] = []  # frames of this turn of the event loop
        self._unsent_bytes = 0
        self._queries: dict[int, tuple[asyncio.Future[Message], OnArrival]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._writable = asyncio.Event()
        self._writable.set()
        self._agreed = asyncio.Event()  # set by the agreement, and by the end
        self._lost = asyncio.Event()
        self._why: str | None = None
        self._heard_at = self._loop.time()
        self._pinged_at = -math.inf
        self._watch_timer: asyncio.TimerHandle | None = None
        self._abort_timer: asyncio.TimerHandle | None = None

    @classmethod
    async def dial(
        cls,
        endpoint: ProxyAddress,
        handler: Handler,
        *,
        random: Random,
        transport: Transport | None = None,
        on_progress: OnProgress = lambda said: None,
    ) -> "Channel":
        """Connects over `transport` (plain TCP if none is named) and agrees on the protocol's first frames.

        Raises `ChannelClosed` (its cause is an `OSError` where there was one), and `PeerNotProven` when the other side
        did not show what it must.
        """
        transport = transport or PlainTcp()
        channel = cls(lambda _: handler, random, dials=True)
        channel._early_end = transport.early_end
        cause: OSError | None = None
        try:
            async with asyncio.timeout(transport.timeout_seconds):
                channel.evidence = await transport.connect(endpoint, channel, on_progress)
                await channel._agreed.wait()
        except TimeoutError:
            channel.close(
                tr(
                    "{endpoint} did not answer within {seconds} seconds",
                    endpoint=endpoint,
                    seconds=number(f"{transport.timeout_seconds:g}"),
                )
            )
        except OSError as problem:
            cause = problem
            channel.close(tr("{endpoint} cannot be reached ({why})", endpoint=endpoint, why=words_of(problem)))
        except PeerNotProven:
            channel.close(tr("the other side did not prove what it must"))
            raise
        except asyncio.CancelledError:
            channel.close(tr("no longer wanted"))
            raise
        if channel._why is not None:
            raise ChannelClosed(await channel.wait_closed()) from cause
        return channel

    @classmethod
    def listener(cls, make_handler: "Callable[[Channel], Handler]", *, random: Random) -> "Callable[[], Channel]":
        """The protocol factory for `loop.create_server`. `make_handler` is called when a dialler has said hello."""
        return lambda: cls(make_handler, random, dials=False)

    @property
    def is_closed(self) -> bool:
        return self._why is not None

    def send(self, message: Message) -> None:
        """One way. Raises `ChannelClosed`; `ValueError` when the message has no encoding within a frame."""
        self._write(TcpPacket(encode(message)))

    async def query(
        self, message: Message, timeout_seconds: float = 30.0, on_arrival: OnArrival = lambda answer: None
    ) -> Message:
        """The other side's answer, of a type that the caller checks. Raises `QueryRefused` and `ChannelClosed`.

        `on_arrival` sees the answer before any message that came after it; the caller goes on a little later. What it
        raises counts as raised by `Handler.received`.
        """
        number = self._random_id()
        answer: asyncio.Future[Message] = self._loop.create_future()
        self._queries[number] = answer, on_arrival
        try:
            self._write(TcpQuery(number, encode(message)))
            async with asyncio.timeout(timeout_seconds):
                return await answer
        except TimeoutError:
            why = tr(
                "no answer to {question} within {seconds} seconds",
                question=message.tl_name,
                seconds=f"{timeout_seconds:g}",
            )
            self.close(why)
            raise ChannelClosed(why) from None
        finally:
            self._queries.pop(number, None)

    async def drained(self) -> None:
        """Waits until the network has taken most of what was sent. Raises `ChannelClosed`."""
        await self._writable.wait()
        self._check_open()

    def close(self, why: str) -> None:
        """Ends the connection, once what was sent is out. Only the first reason counts."""
        if self._why is not None:
            return
        self._why = why
        for answer, _ in self._queries.values():
            if not answer.done():
                answer.set_exception(ChannelClosed(why))
        for task in self._answering:
            task.cancel()
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        self._writable.set()
        self._agreed.set()
        if self._transport is not None:
            self._flush()
            self._transport.close()
            self._abort_timer = self._loop.call_later(FLUSH_SECONDS, self._transport.abort)

    async def wait_closed(self) -> str:
        """Returns why, when the connection is gone and `Handler.closed` was called."""
        if self._transport is not None:
            await self._lost.wait()
        return self._why or tr("never connected")

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._why is not None:  # closed while it was still being connected
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=DRAIN_ABOVE_BYTES)
        self._heard_at = self._loop.time()
        self._watch()
        if self._dials:
            self._id = self._random_id()
            self._write(TcpConnect(self._id))

    def data_received(self, data: bytes) -> None:
        try:
            for untrusted_body in self._reader.feed(data):
                if self._why is not None:
                    return
                self._heard_at = self._loop.time()
                self._take(decode(untrusted_body))
        except (FrameError, TlError, ProtocolError) as problem:
            self.close(tr("the other side broke the protocol: {problem}", problem=problem))
        except ChannelClosed:
            pass  # one of our answers found out; the reason is kept

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.close(CLOSED_BY_PEER if self._handler else self._early_end)
        elif isinstance(exc, OSError):
            ended = tr("the connection broke") if self._handler else self._early_end
            self.close(f"{ended} ({words_of(exc)})")
        else:
            self.close(tr("an error in Mulberry, see its log"))
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        why = self._why or ""
        log.info("channel closed: %s", why)
        self._lost.set()
        if self._handler is not None:
            self._handler.closed(why)

    # What the other side says

    def _take(self, message: Message) -> None:
        if self._handler is None:
            self._agree(message)
            return
        match message:
            case TcpPacket(data=untrusted):
                self._handler.received(decode(untrusted))
            case TcpQuery():
                self._take_query(self._handler, message)
            case TcpQueryAnswer(id=number, data=untrusted):
                asked = self._queries.get(number)  # none: the one who asked was cancelled
                if asked is not None and not asked[0].done():
                    answer, on_arrival = asked
                    answer.set_result(decode(untrusted))
                    on_arrival(answer.result())
            case TcpQueryError(id=number, code=code, message=untrusted_text):
                asked = self._queries.get(number)
                if asked is not None and not asked[0].done():
                    asked[0].set_exception(QueryRefused(code, foreign_text(untrusted_text)))
            case TcpPing(id=number):
                self._write(TcpPong(number))
            case TcpPong():
                pass  # any frame ends the silence
            case _:
                raise ProtocolError(f"{message.tl_name} out of place")

    def _agree(self, message: Message) -> None:
        """The first frame of either direction."""
        if self._dials:
            if not isinstance(message, TcpConnected) or message.id != self._id:
                raise ProtocolError("the first frame is not tcp.connected with our id")
        elif isinstance(message, TcpConnect):
            self._write(TcpConnected(message.id))
        else:
            raise ProtocolError("the first frame is not tcp.connect")
        self._handler = self._make_handler(self)
        self._agreed.set()

    def _take_query(self, handler: Handler, query: TcpQuery) -> None:
        if len(self._answering) >= UNANSWERED_QUERIES_LIMIT:
            raise ProtocolError(f"more than {UNANSWERED_QUERIES_LIMIT} queries at once")
        question = decode(query.data)

        async def answer() -> None:
            try:
                reply: Message = TcpQueryAnswer(query.id, encode(await handler.answer(question)))
            except QueryRefused as refusal:
                reply = TcpQueryError(query.id, refusal.code, refusal.text)
            if self._why is None:
                self._write(reply)

        task = self._loop.create_task(answer())
        self._answering.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            if not isinstance(problem, ChannelClosed):
                self._loop.call_exception_handler({"message": "a query could not be answered", "exception": problem})
            self.close(tr("an error in Mulberry, see its log"))

    # What we say

    def _write(self, message: Message) -> None:
        self._check_open()
        if self._transport is None:
            raise ChannelClosed(tr("not connected"))
        if self._transport.is_closing():  # broken, and `connection_lost` with the reason is on its way
            return
        frame = self._writer.pack(encode(message))
        self._unsent.append(frame)
        self._unsent_bytes += len(frame)
        if self._unsent_bytes > DRAIN_ABOVE_BYTES:
            self._flush()
        elif len(self._unsent) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """What one turn of the event loop sends leaves in one piece: each write wakes the peer, which costs 30 µs."""
        if not self._unsent or self._transport is None:
            return
        frames, self._unsent, self._unsent_bytes = self._unsent, [], 0
        if self._transport.is_closing():
            return
        self._transport.write(b"".join(frames))
        if self._transport.get_write_buffer_size() > UNSENT_BYTES_LIMIT:
            self.close(tr("the other side does not read what it asked for"))
            self._transport.abort()

    def _check_open(self) -> None:
        if self._why is not None:
            raise ChannelClosed(self._why)

    def _random_id(self) -> int:
        return self._random.getrandbits(64) - 2**63

    def _watch(self) -> None:
        """Pings and drops by the silence of the other side; runs again when the next of both can be due."""
        silence = self._loop.time() - self._heard_at
        if silence >= self._drops_after:
            self.close(tr("nothing was heard for {seconds} seconds", seconds=number(f"{self._drops_after:g}")))
            if self._transport is not None:
                self._transport.abort()
            return
        next_look = self._drops_after - silence
        if self._dials and self._pinged_at <= self._heard_at:  # equal: the pong came within one tick of the clock
            if silence < PING_AFTER_SECONDS:
                next_look = PING_AFTER_SECONDS - silence
            else:
                self._pinged_at = self._loop.time()
                self._write(TcpPing(self._random_id()))
        if self._why is None:
            self._watch_timer = self._loop.call_later(next_look, self._watch)


def foreign_text(untrusted: str) -> str:
    """The other side's words, fit to be shown and logged: one line, printable, not long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in untrusted[:FOREIGN_TEXT_LIMIT])
    return " ".join(printable.split())
