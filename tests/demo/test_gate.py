"""Nothing of ours may reach a peer that has not proven itself: both ends of RA-TLS, each with every defect."""

import asyncio
import logging
import ssl
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from loopback import until
from mulberry.attestation.certificate import KeyPair
from mulberry.cocoon.channel import ChannelClosed
from mulberry.cocoon.messages import EnabledDisabled, ProxyHandshakeCompleted, TcpQueryAnswer, UpdatePaymentStatus
from mulberry.cocoon.proof_of_work import ANSWER, ANSWER_MAGIC, CHALLENGE, Challenge
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.transports import PeerNotProven, SetUpFailed
from mulberry.demo import gate as gate_module
from mulberry.demo.tls_end import listening_context
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from peer_certificates import MADE, PeerCertificate, fake_quote
from proven_ends import Hearing, Recording, Trusting, dial, gated, guarded, proofs

NO_PROGRESS: Callable[[str], None] = lambda said: None  # noqa: E731
TWO_IN_ONE = PeerCertificate().pair.certificate_pem

DEFECTS: dict[str, tuple[Callable[[], KeyPair], str]] = {
    "a stolen quote": (lambda: PeerCertificate(quote=fake_quote(b"k" * 32)).pair, "made for another key"),
    "expired": (lambda: PeerCertificate(lives=timedelta(minutes=30)).pair, "expired at 2026-11-22 06:30:00 UTC"),
    "not yet valid": (lambda: PeerCertificate(made=MADE + timedelta(days=1)).pair, "valid only from 2026-11-23"),
    "an unknown critical extension": (
        lambda: PeerCertificate(more=[("1.3.6.1.4.1.12345.3", b"?", True)]).pair,
        "critical extension that we do not know",
    ),
    "another kind of key": (lambda: PeerCertificate(key=ec.generate_private_key(ec.SECP256R1())).pair, "not Ed25519"),
    "no quote": (lambda: PeerCertificate(quote=None).pair, "shows no quote"),
    "an oversized quote": (lambda: PeerCertificate(quote=bytes(32 * 2**10 + 1)).pair, "quote has 32,769 bytes"),
    "somebody else's claims": (lambda: PeerCertificate(claims=b"k" * 32).pair, "claims another key"),
}
every_defect = pytest.mark.parametrize(("make", "words"), DEFECTS.values(), ids=DEFECTS.keys())


async def test_two_proven_ends_talk() -> None:
    async with guarded() as there:
        here = Hearing()
        channel = await dial(there.address, here=here)
        assert channel.evidence is not None
        assert channel.evidence.policy is Policy.FAKE_TDX
        assert channel.evidence.verdict == "TEST, nothing proven"
        assert await channel.query(UpdatePaymentStatus()) == ProxyHandshakeCompleted()
        there.channels[0].send(EnabledDisabled(3))
        assert await here.messages.get() == EnabledDisabled(3)
        large = TcpQueryAnswer(1, bytes(10 * 2**20))
        channel.send(large)
        there.channels[0].send(large)
        assert await here.messages.get() == large
        assert await there.handlers[0].messages.get() == large
        channel.close("enough")
        assert await channel.wait_closed() == "enough"
        await there.channels[0].wait_closed()
        assert there.handlers[0].ended == ["the other side closed the connection"]


async def test_the_listening_end_may_say_farewell_too() -> None:
    async with guarded() as there:
        here = Hearing()
        channel = await dial(there.address, here=here)
        there.channels[0].send(EnabledDisabled(3))
        there.channels[0].close("enough")
        assert await channel.wait_closed() == "the other side closed the connection"
        assert here.messages.get_nowait() == EnabledDisabled(3)


async def test_a_connection_that_breaks_ends_both_channels() -> None:
    async with guarded() as there:
        channel = await dial(there.address)
        assert channel._transport is not None
        channel._transport.abort()
        await channel.wait_closed()
        await there.channels[0].wait_closed()


class SlowToJudge(Trusting):
    """Judges only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_judge = asyncio.Event()

    async def check(self, session: ssl.SSLObject) -> PeerEvidence:
        await self.may_judge.wait()
        return await super().check(session)


async def test_what_comes_right_behind_the_handshake_is_not_lost() -> None:
    greeting = bytes(range(256)) * 1000
    inner, here, judging = Recording(greeting), Recording(), SlowToJudge()
    async with gated(inner) as address:
        connecting = asyncio.ensure_future(RaTls(judging).connect(address, here, NO_PROGRESS))
        await inner.connected.wait()
        await asyncio.sleep(0.01)
        assert not here.connected.is_set()
        judging.may_judge.set()
        await connecting
        while len(here.data) < len(greeting):
            here.heard.clear()
            await here.heard.wait()
        assert here.data == greeting
        assert here.transport is not None
        here.transport.close()
        await here.lost.wait()


async def test_a_peer_that_leaves_while_it_is_judged_is_not_handed_over() -> None:
    inner, here, judging = Recording(), Recording(), SlowToJudge()
    async with gated(inner) as address:
        connecting = asyncio.ensure_future(RaTls(judging).connect(address, here, NO_PROGRESS))
        await inner.connected.wait()
        assert inner.transport is not None
        inner.transport.abort()
        with pytest.raises(SetUpFailed, match="closed right after the TLS handshake"):
            await connecting
    assert not here.connected.is_set()


# Defects


@every_defect
async def test_a_defective_proxy_is_refused_before_anything_is_sent(make: Callable[[], KeyPair], words: str) -> None:
    inner = Recording()
    async with gated(inner, Trusting(make())) as address:
        with pytest.raises(PeerNotProven, match=words):
            await dial(address)
        await inner.lost.wait()
    assert inner.data == b""


@every_defect
async def test_a_defective_worker_is_refused_and_guesses_why(
    make: Callable[[], KeyPair], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    inner = Recording()
    async with gated(inner) as address:
        with pytest.raises(ChannelClosed, match="closed right after the TLS handshake: it may not accept our certific"):
            await dial(address, Trusting(make()))
    assert "a visitor was refused: its" in caplog.text or "a visitor was refused: it " in caplog.text
    assert words in caplog.text
    assert not inner.connected.is_set()


async def test_another_image_than_the_listed_ones_is_refused_by_both_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    other = Requirements(Policy.FAKE_TDX, image_hashes=frozenset({bytes(32)}))
    inner = Recording()
    async with gated(inner) as address:
        with pytest.raises(PeerNotProven, match="image 5c55c8f4db4010ba… is not on the list"):
            await dial(address, proofs(asks=other))
        await inner.lost.wait()
    async with gated(Recording(), proofs(asks=other)) as address:
        with pytest.raises(ChannelClosed, match="may not accept our certificate"):
            await dial(address)
    assert "a visitor was refused: its image 5c55c8f4db4010ba… is not on the list" in caplog.text


class Odd(Trusting):
    """A worker with a strange TLS."""

    def __init__(self, change: Callable[[ssl.SSLContext], None], pair: KeyPair | None = None) -> None:
        super().__init__(pair)
        self.change = change

    async def context(self) -> ssl.SSLContext:
        context = await super().context()
        self.change(context)
        return context


def only_tls_1_2(context: ssl.SSLContext) -> None:
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2


async def test_a_worker_with_an_older_tls_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with gated(Recording()) as address:
        with pytest.raises(ChannelClosed, match=r"the TLS handshake failed \(tlsv1 alert protocol version\)"):
            await dial(address, Odd(only_tls_1_2))
    assert "a visitor was refused: the TLS handshake failed (unsupported protocol)" in caplog.text


async def test_a_worker_without_a_certificate_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    class Bare(Trusting):
        async def context(self) -> ssl.SSLContext:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context

    caplog.set_level(logging.INFO)
    async with gated(Recording()) as address:
        with pytest.raises(ChannelClosed, match=r"accept our certificate \(tlsv13 alert certificate required\)"):
            await dial(address, Bare())
    assert "a visitor was refused: the TLS handshake failed (peer did not return a certificate)" in caplog.text


async def test_a_worker_with_two_certificates_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pair = PeerCertificate().pair
    two = KeyPair(pair.certificate_pem + TWO_IN_ONE, pair.key_pem)
    async with gated(Recording()) as address:
        with pytest.raises(ChannelClosed, match="may not accept our certificate"):
            await dial(address, Trusting(two))
    assert "a visitor was refused: it sent 2 certificates, not one" in caplog.text


def listen_oddly(monkeypatch: pytest.MonkeyPatch, change: Callable[[SSL.Context], None]) -> None:
    def odd_context(pair: KeyPair) -> SSL.Context:
        context = listening_context(pair)
        change(context)
        return context

    monkeypatch.setattr(gate_module, "listening_context", odd_context)


async def test_a_proxy_with_two_certificates_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    listen_oddly(monkeypatch, lambda context: context.add_extra_chain_cert(PeerCertificate().certificate))
    inner = Recording()
    async with gated(inner) as address:
        with pytest.raises(PeerNotProven, match="it sent 2 certificates, not one"):
            await dial(address)
        await inner.lost.wait()
    assert inner.data == b""


async def test_a_proxy_with_an_older_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_1_2(context: SSL.Context) -> None:
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)

    listen_oddly(monkeypatch, only_1_2)
    async with gated(Recording()) as address:
        with pytest.raises(ChannelClosed, match=r"cannot be reached \(the TLS handshake failed \(.*version"):
            await dial(address)


# Before TLS


async def knock(address_port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Challenge]:
    reader, writer = await asyncio.open_connection("127.0.0.1", address_port)
    return reader, writer, Challenge.parse(await reader.readexactly(CHALLENGE.size))


@pytest.mark.parametrize("wrong", ["nonce", "magic"])
async def test_a_wrong_proof_of_work_ends_the_connection(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with gated(Recording()) as address:
        reader, writer, challenge = await knock(address.port)
        answer = await challenge.solve(NO_PROGRESS)
        if wrong == "magic":
            answer = bytes(4) + answer[4:]
        else:
            bad = next(n for n in range(1000) if not challenge.is_met_by(ANSWER.pack(ANSWER_MAGIC, n)))
            answer = ANSWER.pack(ANSWER_MAGIC, bad)
        writer.write(answer)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert "a visitor was refused: its proof of work is wrong" in caplog.text


@pytest.mark.virtual_time
async def test_who_does_not_prove_work_in_time_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loop = asyncio.get_running_loop()
    async with gated(Recording()) as address:
        reader, writer, _ = await knock(address.port)
        came_at = loop.time()
        assert await reader.read() == b""
        assert loop.time() - came_at == pytest.approx(60, abs=0.5)
        writer.close()
        await writer.wait_closed()
    assert "no proof of work came within 60 seconds" in caplog.text


@pytest.mark.virtual_time
async def test_who_does_not_speak_tls_in_time_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with gated(Recording()) as address:
        reader, writer, challenge = await knock(address.port)
        writer.write(await challenge.solve(NO_PROGRESS))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert "the TLS handshake was not finished within 10 seconds" in caplog.text


async def test_garbage_in_place_of_tls_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with gated(Recording()) as address:
        reader, writer, challenge = await knock(address.port)
        writer.write(await challenge.solve(NO_PROGRESS) + b"GET / HTTP/1.1\r\n\r\n" * 10)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        await until(lambda: "refused" in caplog.text)
    assert "the TLS handshake failed (http request)" in caplog.text


async def test_a_crowd_before_the_gate_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "MOST_WAITING", 3)
    async with gated(Recording()) as address:
        waiting = [await knock(address.port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(CHALLENGE.size)
        for each in (writer, *(knocking[1] for knocking in waiting)):
            each.transport.abort()


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not there")
@pytest.mark.parametrize(
    "scenario",
    [
        test_two_proven_ends_talk,
        test_the_listening_end_may_say_farewell_too,
        test_a_connection_that_breaks_ends_both_channels,
        test_what_comes_right_behind_the_handshake_is_not_lost,
        test_a_peer_that_leaves_while_it_is_judged_is_not_handed_over,
    ],
)
def test_the_same_on_the_loop_that_the_agent_runs_on(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
