"""The channel stands between us and the network: whatever arrives, it goes on or ends with a reason."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from loopback import RawPeer, listening, until
from mulberry.cocoon import channel as channel_module
from mulberry.cocoon.channel import Channel, ChannelClosed, ProtocolError, QueryRefused, foreign_text
from mulberry.cocoon.messages import (
    EnabledDisabled,
    NewCoefficient,
    ProxyHandshakeCompleted,
    TcpConnect,
    TcpConnected,
    TcpPacket,
    TcpPing,
    TcpPong,
    TcpQuery,
    TcpQueryAnswer,
    UpdatePaymentStatus,
)
from mulberry.cocoon.tl import Message, encode
from mulberry.model.root_contract import ProxyAddress

QUESTION = UpdatePaymentStatus()


class Listening:
    """A handler that answers as told and remembers what came."""

    def __init__(self, reply: Callable[[Message], Message] = lambda _: ProxyHandshakeCompleted()) -> None:
        self.reply = reply
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.ended: list[str] = []
        self.cancelled = 0
        self.hang = False

    def received(self, message: Message) -> None:
        if isinstance(message, NewCoefficient):
            raise ProtocolError("a coefficient")
        self.messages.put_nowait(message)

    async def answer(self, message: Message) -> Message:
        try:
            if self.hang:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.reply(message)

    def closed(self, why: str) -> None:
        self.ended.append(why)


@asynccontextmanager
async def pair(there: Listening, here: Listening) -> AsyncIterator[tuple[Channel, Channel]]:
    """A dialled channel and its other end."""
    ends: list[Channel] = []

    def accept(channel: Channel) -> Listening:
        ends.append(channel)
        return there

    async with listening(Channel.listener(accept, random=Random(1))) as port:
        dialled = await Channel.dial(ProxyAddress("127.0.0.1", port), here, random=Random(2))
        try:
            yield dialled, ends[0]
        finally:
            for end in (dialled, *ends):
                end.close("the test is over")
                await end.wait_closed()


@asynccontextmanager
async def raw_client() -> AsyncIterator[tuple[RawPeer, Listening]]:
    """Raw bytes to a listening channel."""
    handler = Listening()
    ends: list[Channel] = []

    def accept() -> Channel:
        ends.append(Channel.listener(lambda _: handler, random=Random(1))())
        return ends[-1]

    async with listening(accept) as port:
        peer = await RawPeer.dial(port)
        try:
            yield peer, handler
        finally:
            await peer.close()
            for end in ends:
                await end.wait_closed()


async def test_both_ends_ask_answer_and_tell() -> None:
    there, here = Listening(), Listening(lambda message: message)
    async with pair(there, here) as (dialled, accepted):
        assert await dialled.query(QUESTION) == ProxyHandshakeCompleted()
        assert await accepted.query(EnabledDisabled(7)) == EnabledDisabled(7)
        dialled.send(EnabledDisabled(1))
        accepted.send(EnabledDisabled(2))
        assert await there.messages.get() == EnabledDisabled(1)
        assert await here.messages.get() == EnabledDisabled(2)
    assert here.ended == ["the test is over"]
    assert there.ended == ["the other side closed the connection"] or there.ended == ["the test is over"]


async def test_many_questions_at_once_find_their_own_answers() -> None:
    async with pair(Listening(lambda message: message), Listening()) as (dialled, _):
        asked = [EnabledDisabled(number) for number in range(50)]
        assert await asyncio.gather(*(dialled.query(question) for question in asked)) == asked


async def test_a_refusal_reaches_the_one_who_asked_and_the_channel_goes_on() -> None:
    def refuse(_: Message) -> Message:
        raise QueryRefused(602, "no\x1b[31m\n" + "x" * 1000)

    async with pair(Listening(refuse), Listening()) as (dialled, _):
        for _attempt in range(2):
            with pytest.raises(QueryRefused, match=r"no \[31m x+ \(code 602\)") as caught:
                await dialled.query(QUESTION)
            assert len(caught.value.text) <= 300


@pytest.mark.virtual_time
async def test_a_question_without_an_answer_ends_the_channel() -> None:
    there = Listening()
    there.hang = True
    async with pair(there, Listening()) as (dialled, _):
        other = asyncio.ensure_future(dialled.query(QUESTION, timeout_seconds=60))
        with pytest.raises(ChannelClosed, match=r"no answer to worker.updatePaymentStatus within 30 seconds"):
            await dialled.query(QUESTION)
        with pytest.raises(ChannelClosed):
            await other
        with pytest.raises(ChannelClosed):
            dialled.send(QUESTION)
    assert there.cancelled == 2


async def test_the_one_who_no_longer_asks_is_forgotten() -> None:
    there = Listening()
    there.hang = True
    async with pair(there, Listening()) as (dialled, _):
        asking = asyncio.ensure_future(dialled.query(QUESTION))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        there.hang = False
        assert await dialled.query(QUESTION) == ProxyHandshakeCompleted()


@pytest.mark.virtual_time
async def test_pings_keep_a_silent_connection_for_hours() -> None:
    async with pair(Listening(), Listening()) as (dialled, accepted):
        await asyncio.sleep(2 * 3600)
        assert not dialled.is_closed
        assert not accepted.is_closed


@pytest.mark.virtual_time
async def test_the_dialler_pings_after_ten_seconds_and_leaves_after_twenty() -> None:
    loop, peer, here = asyncio.get_running_loop(), RawPeer(), Listening()
    async with listening(lambda: peer) as port:
        dialling = asyncio.ensure_future(Channel.dial(ProxyAddress("127.0.0.1", port), here, random=Random(1)))
        hello = await peer.next_frame()
        assert isinstance(hello, TcpConnect)
        peer.send(TcpConnected(hello.id))
        dialled, agreed_at = await dialling, loop.time()
        assert await dialled.wait_closed() == "nothing was heard for 20 seconds"
        assert loop.time() - agreed_at == pytest.approx(20, abs=0.5)
        (pinged_at, ping) = peer.frames[0]
        assert isinstance(ping, TcpPing)
        assert pinged_at - agreed_at == pytest.approx(10, abs=0.5)
        assert len(peer.frames) == 1
        await peer.close()
    assert here.ended == ["nothing was heard for 20 seconds"]


@pytest.mark.virtual_time
async def test_the_listener_answers_pings_and_leaves_after_a_minute_of_silence() -> None:
    async with raw_client() as (peer, handler):
        peer.send(TcpConnect(5))
        assert await peer.next_frame() == TcpConnected(5)
        await asyncio.sleep(50)
        peer.send(TcpPing(6))
        assert await peer.next_frame() == TcpPong(6)
        heard_at = asyncio.get_running_loop().time()
        await peer.is_lost.wait()
        assert asyncio.get_running_loop().time() - heard_at == pytest.approx(60, abs=0.5)
        assert handler.ended == ["nothing was heard for 60 seconds"]


@pytest.mark.virtual_time
async def test_a_dialler_who_never_says_hello_is_dropped() -> None:
    async with raw_client() as (peer, handler):
        await peer.is_lost.wait()
        assert handler.ended == []


def frame(seqno: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack("<II", len(body) if length is None else length, seqno) + body


HELLO = frame(0, encode(TcpConnect(5)))
BREACHES = {
    "hello twice": (HELLO + frame(1, encode(TcpConnect(5))), "tcp.connect out of place"),
    "a number left out": (HELLO + frame(2, encode(TcpPing(1))), "frame number 2 where 1 was due"),
    "a number again": (HELLO + frame(0, encode(TcpPing(1))), "frame number 0 where 1 was due"),
    "too long": (HELLO + frame(1, b"", 2**24 + 1), "a frame of 16,777,217 bytes"),
    "too short": (HELLO + frame(1, b"abc"), "a frame of 3 bytes"),
    "unknown": (HELLO + frame(1, b"abcd"), "unexpected constructor 64636261"),
    "no hello": (frame(0, encode(TcpPing(1))), "the first frame is not tcp.connect"),
    "packet of nothing": (HELLO + frame(1, encode(TcpPacket(b""))), "the data ends early"),
    "packet of junk": (HELLO + frame(1, encode(TcpPacket(b"junkjunk"))), "unexpected constructor"),
    "query of junk": (HELLO + frame(1, encode(TcpQuery(1, b"junk"))), "unexpected constructor"),
    "out of place": (HELLO + frame(1, encode(TcpPacket(encode(NewCoefficient(1))))), "a coefficient"),
    "a frame in a frame": (HELLO + frame(1, encode(QUESTION)), "worker.updatePaymentStatus out of place"),
}


@pytest.mark.parametrize(("data", "reason"), BREACHES.values(), ids=BREACHES.keys())
async def test_a_breach_ends_that_connection_with_a_reason(
    data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with raw_client() as (peer, handler):
        peer.transport.write(data)
        await peer.is_lost.wait()
        assert all(reason in ended for ended in handler.ended)
        assert f"broke the protocol: {reason}" in caplog.text
        assert handler.messages.empty()


async def test_nothing_is_taken_after_a_breach() -> None:
    async with raw_client() as (peer, handler):
        packet = encode(TcpPacket(encode(EnabledDisabled(1))))
        peer.transport.write(HELLO + frame(1, packet) + frame(2, b"junk") + frame(3, packet))
        await peer.is_lost.wait()
        assert handler.messages.empty() or handler.messages.qsize() == 1


async def test_more_questions_at_once_than_anyone_needs_are_a_breach() -> None:
    async with raw_client() as (peer, handler):
        handler.hang = True
        peer.send(TcpConnect(5))
        for number in range(100):
            peer.send(TcpQuery(number, encode(QUESTION)))
        await peer.is_lost.wait()
        assert "more than 64 queries at once" in handler.ended[0]


async def test_an_answer_that_nobody_asked_for_is_ignored() -> None:
    async with raw_client() as (peer, _):
        peer.send(TcpConnect(5))
        peer.send(TcpQueryAnswer(99, b"junk"))
        peer.send(TcpPing(6))
        assert [await peer.next_frame(), await peer.next_frame()] == [TcpConnected(5), TcpPong(6)]


async def test_a_listener_that_answers_with_another_id_is_not_believed() -> None:
    peer, here = RawPeer(), Listening()
    async with listening(lambda: peer) as port:
        dialling = asyncio.ensure_future(Channel.dial(ProxyAddress("127.0.0.1", port), here, random=Random(1)))
        await peer.next_frame()
        peer.send(TcpConnected(0))
        with pytest.raises(ChannelClosed, match=r"the first frame is not tcp.connected with our id"):
            await dialling
        await peer.close()
    assert here.ended == []


async def test_nobody_there_is_said_in_words() -> None:
    async with listening(RawPeer) as port:
        pass
    with pytest.raises(ChannelClosed, match=f"127.0.0.1:{port} cannot be reached"):
        await Channel.dial(ProxyAddress("127.0.0.1", port), Listening(), random=Random(1))


@pytest.mark.virtual_time
async def test_a_listener_that_says_nothing_is_given_up() -> None:
    peer = RawPeer()
    async with listening(lambda: peer) as port:
        with pytest.raises(ChannelClosed, match="did not answer within 10 seconds"):
            await Channel.dial(ProxyAddress("127.0.0.1", port), Listening(), random=Random(1))
        await peer.is_lost.wait()


async def test_a_dial_that_is_called_off_leaves_nothing_open() -> None:
    peer = RawPeer()
    async with listening(lambda: peer) as port:
        dialling = asyncio.ensure_future(Channel.dial(ProxyAddress("127.0.0.1", port), Listening(), random=Random(1)))
        await peer.next_frame()
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)
        await peer.is_lost.wait()


async def test_what_one_turn_sends_leaves_in_one_write_and_a_close_takes_it_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Listening()
    async with pair(there, Listening()) as (dialled, _):
        assert dialled._transport is not None
        written: list[int] = []
        write = dialled._transport.write

        def watched(data: bytes) -> None:
            written.append(len(data))
            write(data)

        monkeypatch.setattr(dialled._transport, "write", watched)
        for _ in range(3):
            dialled.send(EnabledDisabled(1))
        assert written == []
        dialled.close("all is said")
        await until(lambda: bool(there.ended))
        assert len(written) == 1
        assert [there.messages.get_nowait() for _ in range(3)] == [EnabledDisabled(1)] * 3


async def test_who_sends_waits_while_the_other_side_does_not_read() -> None:
    there = Listening()
    async with pair(there, Listening()) as (dialled, accepted):
        assert accepted._transport is not None
        accepted._transport.pause_reading()
        large = TcpQueryAnswer(1, bytes(10 * 2**20))
        dialled.send(large)
        draining = asyncio.ensure_future(dialled.drained())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not draining.done()
        accepted._transport.resume_reading()
        await draining
        assert await there.messages.get() == large


async def test_a_channel_that_ends_wakes_those_who_wait_to_send() -> None:
    async with pair(Listening(), Listening()) as (dialled, accepted):
        assert accepted._transport is not None
        accepted._transport.pause_reading()
        dialled.send(TcpQueryAnswer(1, bytes(10 * 2**20)))
        draining = asyncio.ensure_future(dialled.drained())
        await asyncio.sleep(0)
        accepted._transport.abort()
        with pytest.raises(ChannelClosed):
            await draining


async def test_a_peer_that_asks_and_does_not_read_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "UNSENT_BYTES_LIMIT", 100_000)
    async with raw_client() as (peer, handler):
        peer.send(TcpConnect(5))
        peer.transport.pause_reading()
        for number in range(2_000_000):
            peer.send(TcpPing(number))
            if number % 1000 == 0:
                await asyncio.sleep(0)
            if handler.ended:
                break
        assert handler.ended == ["the other side does not read what it asked for"]


async def test_a_bug_in_an_answer_ends_the_channel_and_is_reported() -> None:
    def fail(_: Message) -> Message:
        raise ZeroDivisionError

    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    here = Listening()
    async with pair(Listening(fail), here) as (dialled, accepted):
        with pytest.raises(ChannelClosed):
            await dialled.query(QUESTION)
        assert await accepted.wait_closed() == "an error in Mulberry, see its log"
    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]


def test_foreign_words_become_one_printable_line() -> None:
    text = foreign_text("  a\nb\x1b[2J\u202ec\t" + "d" * 500)
    assert text == "a b [2J c " + "d" * 288
