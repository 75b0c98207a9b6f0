"""The router stands between us and every proxy: its silence, its refusals and its word must each be understood."""

import asyncio
from random import Random

import pytest

from loopback import listening
from mulberry.cocoon.attested_peer import AttestedPeer, Endpoint
from mulberry.cocoon.channel import Channel, ChannelClosed
from mulberry.cocoon.frames import FrameReader, FrameWriter
from mulberry.cocoon.messages import EnabledDisabled, TcpConnect, TcpConnected, TcpPacket
from mulberry.cocoon.preamble import Preamble
from mulberry.cocoon.socks5 import Socks5
from mulberry.cocoon.tl import decode, encode
from mulberry.cocoon.transports import PeerNotProven, SetUpFailed
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.root_contract import ProxyAddress
from proven_ends import Hearing, Recording
from recorded import WIRE
from scripted_peer import Script, scripted

PROXY = ProxyAddress("127.0.0.1", 11001)
ANY = Requirements(Policy.ANY)
GREETING, REQUEST = bytes.fromhex("050100"), bytes.fromhex("050100017f0000012af9")  # as the public worker sends them
RECORDED = (WIRE / "proxy-to-worker.bin").read_bytes()

METHOD, REPLY, FRAME = RECORDED[:2], RECORDED[2:12], RECORDED[12:136]


async def connect(at: ProxyAddress, requirements: Requirements = ANY, proxy: ProxyAddress = PROXY) -> Recording:
    here = Recording()
    await Socks5(at, requirements).connect(proxy, here, lambda said: None)
    return here


def answering(*answers: bytes, then_close: bool = False) -> Script:
    """The method, then whatever comes after the request; each in a write of its own."""

    async def script(worker: Preamble) -> None:
        assert await worker.exactly(len(GREETING)) == GREETING
        for number, answer in enumerate(answers):
            worker.write(answer)
            if number == 0:
                assert await worker.exactly(len(REQUEST)) == REQUEST
        if then_close:
            worker.transport.close()

    return script


async def test_the_recorded_session_of_the_public_router() -> None:
    async def script(worker: Preamble) -> None:
        assert await worker.exactly(3) == GREETING
        worker.write(METHOD)
        assert await worker.exactly(10) == REQUEST
        frames = FrameWriter()
        worker.write(REPLY + FRAME)
        hello = decode(FrameReader().feed(await worker.exactly(20))[0])
        assert isinstance(hello, TcpConnect)
        packet = TcpPacket(encode(EnabledDisabled(1)))
        worker.write(frames.pack(encode(TcpConnected(hello.id))) + frames.pack(encode(packet)))

    async with scripted(script) as at:
        here, said = Hearing(), list[str]()
        channel = await Channel.dial(PROXY, here, random=Random(1), transport=Socks5(at, ANY), on_progress=said.append)
        assert await here.messages.get() == EnabledDisabled(1)
        assert channel.evidence is not None
        assert channel.evidence.public_key == AttestedPeer.parse(FRAME[4:]).public_key
        assert channel.evidence.verdict == "nothing asked for, nothing proven (told by the router)"
        assert said == ["waiting for the router, which proves work to the proxy and verifies it"]
        channel.close("enough")
        await channel.wait_closed()


@pytest.mark.parametrize("sizes", [1, 2, 7, 133])
async def test_the_answer_may_come_in_pieces_with_packets_behind(sizes: int) -> None:
    async def script(worker: Preamble) -> None:
        await worker.exactly(3)
        worker.write(METHOD)
        await worker.exactly(10)
        answer = REPLY + FRAME + b"packets"
        for start in range(0, len(answer), sizes):
            worker.write(answer[start : start + sizes])
            await asyncio.sleep(0)

    async with scripted(script) as at:
        here = await connect(at)
        while here.data != b"packets":
            here.heard.clear()
            await here.heard.wait()
        assert here.transport is not None
        here.transport.abort()
        await here.lost.wait()


@pytest.mark.parametrize("address", [b"\x04" + bytes(16), b"\x03\x09localhost", b"\x03\x00"])
async def test_an_answer_may_name_its_address_in_each_way(address: bytes) -> None:
    async with scripted(answering(METHOD, b"\x05\x00\x00" + address + b"\x00\x50" + FRAME)) as at:
        here = await connect(at)
        assert here.data == b""
        assert here.transport is not None
        here.transport.abort()
        await here.lost.wait()


REFUSED = {
    "general": (METHOD, bytes.fromhex("050100010000000000 00"), "the router says: it failed in general"),
    "rules": (METHOD, bytes.fromhex("05020001000000000000"), "its rules do not allow this connection"),
    "network": (METHOD, bytes.fromhex("05030001000000000000"), "the network is unreachable"),
    "host": (METHOD, bytes.fromhex("05040001000000000000"), "the proxy's computer is unreachable"),
    "refused": (METHOD, bytes.fromhex("05050001000000000000"), "the proxy refused the connection"),
    "slow": (METHOD, bytes.fromhex("05060001000000000000"), "the connection took too long"),
    "command": (METHOD, bytes.fromhex("05070001000000000000"), "does not know the command CONNECT"),
    "address": (METHOD, bytes.fromhex("05080001000000000000"), "does not know this kind of address"),
    "unknown": (METHOD, bytes.fromhex("05ff0001000000000000"), "no, with the unknown code 255"),
    "version of the answer": (METHOD, b"HTTP/1.1 400", "is no SOCKS5 router"),
    "kind of the address": (METHOD, bytes.fromhex("05000009000000000000"), "is no SOCKS5 router"),
}


@pytest.mark.parametrize(("method", "answer", "words"), REFUSED.values(), ids=REFUSED.keys())
async def test_each_refusal_is_said_in_words(method: bytes, answer: bytes, words: str) -> None:
    async with scripted(answering(method, answer)) as at:
        with pytest.raises(SetUpFailed, match=words):
            await connect(at)


@pytest.mark.parametrize(
    ("method", "words"),
    [(b"\x05\xff", "wants a password"), (b"\x05\x02", "wants a password"), (b"HT", "is no SOCKS5")],
)
async def test_a_router_with_other_habits_is_said(method: bytes, words: str) -> None:
    async with scripted(answering(method)) as at:
        with pytest.raises(SetUpFailed, match=words):
            await connect(at)


async def test_a_router_that_just_closes_could_not_reach_or_verify_the_proxy() -> None:
    async with scripted(answering(METHOD, b"", then_close=True)) as at:
        with pytest.raises(ChannelClosed, match=r"127.0.0.1:11001 cannot be reached \(the router could not reach or"):
            await Channel.dial(PROXY, Hearing(), random=Random(1), transport=Socks5(at, ANY))


async def test_a_proxy_that_does_not_accept_the_router_is_guessed_at() -> None:
    async with scripted(answering(METHOD, REPLY + FRAME, then_close=True)) as at:
        with pytest.raises(ChannelClosed, match="the proxy may not accept the router's certificate"):
            await Channel.dial(PROXY, Hearing(), random=Random(1), transport=Socks5(at, ANY))


async def test_a_closed_door_is_said() -> None:
    async with listening(Hearing) as port:  # type: ignore[arg-type]
        pass
    with pytest.raises(SetUpFailed, match=f"no router listens at 127.0.0.1:{port}"):
        await connect(ProxyAddress("127.0.0.1", port))


async def test_something_else_that_closes_at_once_is_said() -> None:
    async def script(worker: Preamble) -> None:
        worker.transport.abort()

    async with scripted(script) as at:
        with pytest.raises(SetUpFailed, match="closed the connection and may be no SOCKS5 router"):
            await connect(at)


@pytest.mark.parametrize("host", ["proxy.example", "::1", "", "127.0.0.1.1"])
async def test_only_ipv4_addresses_are_asked_for(host: str) -> None:
    async def script(worker: Preamble) -> None:
        raise AssertionError("nothing may be asked")

    async with scripted(script) as at:
        with pytest.raises(SetUpFailed, match="takes IPv4 addresses only"):
            await connect(at, proxy=ProxyAddress(host, 1))


NOT_FOR_TDX = Requirements(Policy.TDX)
TOLD_BADLY = {
    "without a quote": (FRAME, NOT_FOR_TDX, "by what the router told of it, no quote was shown"),
    "too long": (b"\xff\xff\xff\xff", ANY, "unreadable: 4,294,967,295 bytes where at most 16,536"),
    "garbage": (b"\x08\0\0\0" + b"\xff" * 8, ANY, "unreadable: it begins with neither"),
    "cut": (b"\x08\0\0\0" + bytes(8), ANY, "unreadable: it ends early"),
}


@pytest.mark.parametrize(("frame", "requirements", "words"), TOLD_BADLY.values(), ids=TOLD_BADLY.keys())
async def test_a_bad_word_of_the_router_is_no_proof(frame: bytes, requirements: Requirements, words: str) -> None:
    async with scripted(answering(METHOD, REPLY + frame)) as at:
        with pytest.raises(PeerNotProven, match=words):
            await connect(at, requirements)


SILENCES = {
    "at the greeting": ((), 10, "the router did not answer within 10 seconds"),
    "after the request": ((METHOD,), 300, "the router did not connect within 300 seconds"),
    "in its answer": ((METHOD, REPLY[:6]), 10, "did not finish its answer within 10 seconds"),
    "before its word": ((METHOD, REPLY), 10, "told nothing of the proxy within 10 seconds"),
    "in its word": ((METHOD, REPLY + FRAME[:60]), 10, "told nothing of the proxy within 10 seconds"),
}


@pytest.mark.virtual_time
@pytest.mark.parametrize(("answers", "seconds", "words"), SILENCES.values(), ids=SILENCES.keys())
async def test_silence_is_not_waited_out_for_ever(answers: tuple[bytes, ...], seconds: float, words: str) -> None:
    loop = asyncio.get_running_loop()
    async with scripted(answering(*answers)) as at:
        began = loop.time()
        with pytest.raises(SetUpFailed, match=words):
            await connect(at)
        assert loop.time() - began == pytest.approx(seconds, abs=0.5)


async def test_a_dial_that_is_called_off_closes_the_router_s_connection() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def script(worker: Preamble) -> None:
        await worker.exactly(3)
        worker.write(METHOD)
        await worker.exactly(10)
        asked.set()
        with pytest.raises(SetUpFailed):
            await worker.exactly(1)
        gone.set()

    async with scripted(script) as at:
        connecting = asyncio.ensure_future(connect(at))
        await asked.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await gone.wait()


async def test_packets_may_wait_behind_a_slow_start() -> None:
    """More than the buffer before it is handed over: the rest waits in the network."""
    much = bytes(1_000_000)
    peer = AttestedPeer(None, bytes(48), bytes(32), Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 2))
    async with scripted(answering(METHOD, REPLY + peer.pack() + much)) as at:
        here = await connect(at)
        while len(here.data) < len(much):
            here.heard.clear()
            await here.heard.wait()
        assert here.data == much
        assert here.transport is not None
        here.transport.abort()
        await here.lost.wait()
