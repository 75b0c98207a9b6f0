"""Both ends of proven connections for tests: a gate before channels, and ends that show and take what they are told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from ssl import SSLObject
from typing import cast

import psutil

from loopback import listening
from mulberry.attestation.certificate import KeyPair
from mulberry.cocoon import nonce_search
from mulberry.cocoon.channel import Channel
from mulberry.cocoon.messages import ProxyHandshakeCompleted
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.tl import Message
from mulberry.demo.gate import Gate
from mulberry.demo.proofs import DemoProofs
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from mulberry.model.root_contract import ProxyAddress
from peer_certificates import AT, PeerCertificate

FAKE = Requirements(Policy.FAKE_TDX)


class StandingClock:
    """The moment at which `PeerCertificate`s are looked at."""

    def now(self) -> datetime:
        return AT


@dataclass(frozen=True)
class Showing:
    """A certificate source with one certificate."""

    pair: KeyPair

    def current(self) -> KeyPair:
        return self.pair


def proofs(pair: KeyPair | None = None, asks: Requirements = FAKE) -> DemoProofs:
    """An end that shows `pair`, a good fake quote if none is named."""
    return DemoProofs(Showing(pair or PeerCertificate().pair), asks, Path("no-collateral"), StandingClock())


class Trusting(DemoProofs):
    """An end that shows a certificate and takes whatever the other end shows."""

    def __init__(self, pair: KeyPair | None = None) -> None:
        super().__init__(Showing(pair or PeerCertificate().pair), FAKE, Path("no-collateral"), StandingClock())

    async def check(self, session: SSLObject) -> PeerEvidence:
        return PeerEvidence(Policy.ANY, bytes(32))

    def judge(self, untrusted_chain: Sequence[bytes]) -> PeerEvidence:
        return PeerEvidence(Policy.ANY, bytes(32))


class Hearing:
    """A handler that keeps what it hears and answers every question alike."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.ended: list[str] = []

    def received(self, message: Message) -> None:
        self.messages.put_nowait(message)

    async def answer(self, message: Message) -> Message:
        return ProxyHandshakeCompleted()

    def closed(self, why: str) -> None:
        self.ended.append(why)


class Recording(asyncio.Protocol):
    """The plain end of a connection, which says `greeting` as soon as it can."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.data = b""
        self.transport: asyncio.Transport | None = None
        self.connected = asyncio.Event()
        self.heard = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.greeting)
        self.connected.set()

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.heard.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@asynccontextmanager
async def gated(inner: asyncio.Protocol, own: DemoProofs | None = None) -> AsyncIterator[ProxyAddress]:
    """A gate in front of one protocol."""
    gate = Gate(own or proofs(), 4, Random(5).randbytes)
    async with listening(lambda: gate.guard(inner)) as port:
        try:
            yield ProxyAddress("127.0.0.1", port)
        finally:
            await gate.close()
            if isinstance(inner, Recording) and inner.transport is not None:
                inner.transport.abort()
                await inner.lost.wait()


@dataclass(frozen=True)
class Guarded:
    """A gate with channels behind it."""

    address: ProxyAddress
    handlers: list[Hearing]
    channels: list[Channel]


@asynccontextmanager
async def guarded(own: DemoProofs | None = None, difficulty: int = 4) -> AsyncIterator[Guarded]:
    """A port of this computer with a gate and, behind it, channels."""
    gate = Gate(own or proofs(), difficulty, Random(5).randbytes)
    handlers: list[Hearing] = []
    channels: list[Channel] = []

    def hear(channel: Channel) -> Hearing:
        handlers.append(Hearing())
        return handlers[-1]

    make = Channel.listener(hear, random=Random(6))

    def accept() -> asyncio.Protocol:
        channels.append(make())
        return gate.guard(channels[-1])

    async with listening(accept) as port:
        try:
            yield Guarded(ProxyAddress("127.0.0.1", port), handlers, channels)
        finally:
            await gate.close()
            for channel in channels:
                channel.close("the test is over")
                await channel.wait_closed()


async def dial(address: ProxyAddress, own: DemoProofs | None = None, here: Hearing | None = None) -> Channel:
    """A channel over RA-TLS."""
    transport = RaTls(own or proofs())
    return await Channel.dial(address, here or Hearing(), random=Random(7), transport=transport)


def searchers() -> list[psutil.Process]:
    """Our processes that search for a nonce, and those that ended and were not buried."""
    return [child for child in psutil.Process().children() if _searches(child)]


def _searches(child: psutil.Process) -> bool:
    try:
        return child.status() == psutil.STATUS_ZOMBIE or nonce_search.__file__ in child.cmdline()
    except psutil.ZombieProcess:
        return True
    except psutil.NoSuchProcess:
        return False
