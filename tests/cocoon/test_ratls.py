"""A front that misbehaves before TLS must cost us nothing: no wait without end, no search without sense."""

import asyncio
import ssl
import struct
from random import Random

import pytest

from mulberry.cocoon.channel import Channel, ChannelClosed
from mulberry.cocoon.preamble import Preamble
from mulberry.cocoon.proof_of_work import ANSWER, Challenge
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.transports import PeerNotProven, SetUpFailed
from mulberry.model.root_contract import ProxyAddress
from proven_ends import Hearing, Trusting, searchers
from scripted_peer import Script, scripted

CHALLENGE = Challenge(4, b"salt" * 4).pack()
HARDEST = Challenge(28, b"salt" * 4).pack()


def saying(*words: bytes, then_close: bool = False) -> Script:
    async def script(worker: Preamble) -> None:
        for word in words:
            worker.write(word)
        if then_close:
            worker.transport.close()

    return script


async def connect(at: ProxyAddress) -> None:
    await RaTls(Trusting()).connect(at, Hearing(), lambda said: None)  # type: ignore[arg-type]


async def test_the_hardest_puzzles_are_refused_without_a_try() -> None:
    async with scripted(saying(struct.pack("<Ii16s", 0x418E1291, 29, bytes(16)))) as at:
        with pytest.raises(PeerNotProven, match="29 bits of proof of work; more than 28 is refused"):
            await connect(at)


async def test_another_service_is_told_apart() -> None:
    async with scripted(saying(b"220 mail.example ESMTP ready\r\n")) as at:
        with pytest.raises(PeerNotProven, match="not a proxy's front"):
            await connect(at)


@pytest.mark.parametrize("said", [b"", CHALLENGE[:1], CHALLENGE[:23], CHALLENGE])
async def test_a_front_that_closes_early_is_said(said: bytes) -> None:
    async with scripted(saying(said, then_close=True)) as at:
        with pytest.raises(ChannelClosed, match="closed the connection before TLS"):
            await Channel.dial(at, Hearing(), random=Random(1), transport=RaTls(Trusting()))


@pytest.mark.virtual_time
@pytest.mark.parametrize("said", [b"", CHALLENGE[:23]])
async def test_a_challenge_is_not_waited_for_for_ever(said: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with scripted(saying(said)) as at:
        began = loop.time()
        with pytest.raises(SetUpFailed, match="sent no proof-of-work challenge within 10 seconds"):
            await connect(at)
        assert loop.time() - began == pytest.approx(10, abs=0.5)


@pytest.mark.virtual_time
async def test_a_handshake_is_not_waited_for_for_ever() -> None:
    async with scripted(saying(CHALLENGE)) as at:
        with pytest.raises(SetUpFailed, match="TLS handshake was not finished within 10 seconds"):
            await connect(at)


async def test_words_ahead_of_our_answer_are_refused() -> None:
    async with scripted(saying(CHALLENGE + b"\x16\x03")) as at:
        with pytest.raises(PeerNotProven, match="went on before it had our proof of work"):
            await connect(at)


async def test_garbage_in_place_of_tls_is_said() -> None:
    async def script(worker: Preamble) -> None:
        worker.write(CHALLENGE)
        await worker.exactly(ANSWER.size)
        worker.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with scripted(script) as at:
        with pytest.raises(SetUpFailed, match="the TLS handshake failed"):
            await connect(at)


async def test_a_front_that_leaves_ends_the_search_for_its_nonce() -> None:
    async def script(worker: Preamble) -> None:
        worker.write(HARDEST)
        while not searchers():  # noqa: ASYNC110 - another process's birth sets no event
            await asyncio.sleep(0.005)
        worker.transport.abort()

    async with scripted(script) as at:
        with pytest.raises(SetUpFailed, match="closed the connection before TLS"):
            await connect(at)
    assert searchers() == []


async def test_a_dial_that_is_called_off_leaves_neither_search_nor_connection() -> None:
    gone = asyncio.Event()

    async def script(worker: Preamble) -> None:
        worker.write(HARDEST)
        with pytest.raises(SetUpFailed):
            await worker.exactly(1)
        gone.set()

    async with scripted(script) as at:
        connecting = asyncio.ensure_future(connect(at))
        while not searchers():  # noqa: ASYNC110 - another process's birth sets no event
            await asyncio.sleep(0.005)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert searchers() == []
        await gone.wait()


class WithoutCertificate(Trusting):
    async def context(self) -> ssl.SSLContext:
        raise SetUpFailed("there is no certificate to show")


async def test_who_has_nothing_to_show_does_not_knock() -> None:
    async def script(worker: Preamble) -> None:
        raise AssertionError("nobody may knock")

    async with scripted(script) as at:
        with pytest.raises(ChannelClosed, match="there is no certificate to show"):
            await Channel.dial(at, Hearing(), random=Random(1), transport=RaTls(WithoutCertificate()))
