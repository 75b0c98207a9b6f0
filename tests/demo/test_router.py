"""The demo's router must look to a worker like the public one, or the SOCKS5 way is tested against nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from loopback import until
from mulberry.cocoon.attested_peer import AttestedPeer, checked_length
from mulberry.cocoon.channel import Channel, ChannelClosed
from mulberry.cocoon.messages import EnabledDisabled, ProxyHandshakeCompleted, TcpQueryAnswer, UpdatePaymentStatus
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.socks5 import Socks5
from mulberry.cocoon.transports import PeerNotProven
from mulberry.demo.proofs import DemoProofs
from mulberry.demo.router import Router
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.root_contract import ProxyAddress
from peer_certificates import PeerCertificate
from proven_ends import FAKE, Guarded, Hearing, guarded, proofs

FAKE_IMAGE = bytes.fromhex("5c55c8f4db4010ba9203d83536d0609856af8c847ac039e37e7dde8fbd574b61")


@asynccontextmanager
async def routed(there: Guarded, own: DemoProofs | None = None) -> AsyncIterator[ProxyAddress]:
    """A router that leads to `there`."""
    router = Router(RaTls(own or proofs()), there.address)
    try:
        yield ProxyAddress("127.0.0.1", await router.listen("127.0.0.1"))
    finally:
        await router.close()


async def dial(at: ProxyAddress, there: Guarded, requirements: Requirements, here: Hearing | None = None) -> Channel:
    transport = Socks5(at, requirements)
    return await Channel.dial(there.address, here or Hearing(), random=Random(1), transport=transport)


async def test_a_worker_talks_through_it_and_is_told_what_the_proxy_showed() -> None:
    listed = Requirements(Policy.FAKE_TDX, image_hashes=frozenset({FAKE_IMAGE}))
    async with guarded() as there, routed(there) as at:
        here = Hearing()
        channel = await dial(at, there, listed, here)
        assert channel.evidence is not None
        assert channel.evidence.verdict == "TEST, nothing proven (told by the router)"
        assert await channel.query(UpdatePaymentStatus()) == ProxyHandshakeCompleted()
        large = TcpQueryAnswer(1, bytes(10 * 2**20))
        channel.send(large)
        there.channels[0].send(large)
        assert await here.messages.get() == large
        assert await there.handlers[0].messages.get() == large
        there.channels[0].send(EnabledDisabled(1))
        there.channels[0].close("enough")
        assert await channel.wait_closed() == "the other side closed the connection"
        assert await here.messages.get() == EnabledDisabled(1)


async def test_the_proxy_hears_that_the_worker_left() -> None:
    async with guarded() as there, routed(there) as at:
        channel = await dial(at, there, FAKE)
        channel.close("enough")
        await there.channels[0].wait_closed()
        assert there.handlers[0].ended == ["the other side closed the connection"]


async def test_another_image_than_the_listed_ones_is_refused_by_the_worker() -> None:
    async with guarded() as there, routed(there) as at:
        with pytest.raises(PeerNotProven, match="image 5c55c8f4db4010ba… is not on the list"):
            await dial(at, there, Requirements(Policy.FAKE_TDX, image_hashes=frozenset({bytes(32)})))


async def test_a_proxy_that_fails_its_proof_is_a_closed_socket(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with guarded(proofs(PeerCertificate(quote=None).pair)) as there, routed(there) as at:
        with pytest.raises(ChannelClosed, match="the router could not reach or verify the proxy"):
            await dial(at, there, FAKE)
    assert "a guest was not connected: it shows no quote" in caplog.text


async def test_a_router_that_the_proxy_refuses_is_guessed_at() -> None:
    async with guarded() as there, routed(there, proofs(PeerCertificate(quote=None).pair)) as at:
        with pytest.raises(ChannelClosed, match="router"):
            await dial(at, there, FAKE)


async def test_a_worker_that_leaves_while_it_waits_is_not_connected(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with guarded(difficulty=28) as there, routed(there) as at:
        dialling = asyncio.ensure_future(dial(at, there, FAKE))
        await until(lambda: "solving a puzzle" in caplog.text)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await until(lambda: "a guest was not connected: the guest left" in caplog.text)


REQUEST = bytes.fromhex("05010001 7f000001 0000")
REFUSALS = {
    "a password": (b"\x05\x01\x02", b"", b"\x05\xff"),
    "no method": (b"\x05\x00", b"", b"\x05\xff"),
    "version 4": (b"\x04\x01\x00", b"", b"\x05\xff"),
    "another proxy": (b"\x05\x01\x00", REQUEST, b"\x05\x00\x05\x02"),
    "BIND": (b"\x05\x01\x00", b"\x05\x02" + REQUEST[2:], b"\x05\x00\x05\x07"),
    "a host name": (b"\x05\x02\x00\x02", b"\x05\x01\x00\x03\x09localhost\x00\x50", b"\x05\x00\x05\x08"),
    "IPv6": (b"\x05\x01\x00", b"\x05\x01\x00\x04" + bytes(18), b"\x05\x00\x05\x08"),
}


@pytest.mark.parametrize(("greeting", "request_", "answer"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_what_it_does_not_do_is_answered_as_the_standard_says(
    greeting: bytes, request_: bytes, answer: bytes
) -> None:
    async with guarded() as there, routed(there) as at:
        reader, writer = await asyncio.open_connection(at.host, at.port)
        writer.write(greeting + request_)
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert said[: len(answer)] == answer
    assert len(said) in (2, 12)


async def test_the_word_of_the_router_has_the_public_one_s_form() -> None:
    async with guarded() as there, routed(there) as at:
        reader, writer = await asyncio.open_connection(at.host, at.port)
        writer.write(b"\x05\x01\x00" + REQUEST[:8] + there.address.port.to_bytes(2, "big"))
        assert await reader.readexactly(2) == b"\x05\x00"
        assert (await reader.readexactly(10))[:8] == bytes.fromhex("05000001 7f000001")
        length = checked_length(await reader.readexactly(4))
        told = AttestedPeer.parse(await reader.readexactly(length))
        assert told.attested is not None
        assert told.attested.measurements.image_hash == FAKE_IMAGE
        assert told.destination.port == there.address.port
        writer.close()
        await writer.wait_closed()


@pytest.mark.virtual_time
async def test_a_guest_who_says_nothing_is_let_go() -> None:
    loop = asyncio.get_running_loop()
    async with guarded() as there, routed(there) as at:
        reader, writer = await asyncio.open_connection(at.host, at.port)
        began = loop.time()
        assert await reader.read() == b""
        assert loop.time() - began == pytest.approx(10, abs=0.5)
        writer.close()
        await writer.wait_closed()
