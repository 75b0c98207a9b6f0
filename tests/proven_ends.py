"""Both ends of proven connections for tests: a gate in front of a channel, and certificates good and bad."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from loopback import listening
from mulberry.cocoon.channel import Channel
from mulberry.cocoon.messages import ProxyHandshakeCompleted
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.tl import Message
from mulberry.demo.gate import Gate
from mulberry.demo.proofs import DemoProofs
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.clock import Clock, SystemClock
from mulberry.model.root_contract import ProxyAddress

NO_COLLATERAL = Path("no-collateral")
FAKE = Requirements(Policy.FAKE_TDX)


class Hearing:
    """A handler that keeps what it hears and answers every question with its own words."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.ended: list[str] = []

    def received(self, message: Message) -> None:
        self.messages.put_nowait(message)

    async def answer(self, message: Message) -> Message:
        return ProxyHandshakeCompleted()

    def closed(self, why: str) -> None:
        self.ended.append(why)


def proofs(shows: Policy = Policy.FAKE_TDX, asks: Requirements = FAKE, clock: Clock | None = None) -> DemoProofs:
    return DemoProofs(shows, asks, NO_COLLATERAL, clock or SystemClock())


class Guarded:
    """A gate with channels behind it. `refusals` is what the gate said of those it turned away."""

    def __init__(self, port: int, gate: Gate) -> None:
        self.address = ProxyAddress("127.0.0.1", port)
        self.gate = gate
        self.handlers: list[Hearing] = []
        self.channels: list[Channel] = []


@asynccontextmanager
async def guarded(own: DemoProofs | None = None, difficulty: int = 4) -> AsyncIterator[Guarded]:
    """A port of this computer with a gate and, behind it, channels."""
    gate = Gate(own or proofs(), difficulty, Random(5).randbytes)

    def hear(channel: Channel) -> Hearing:
        there.handlers.append(Hearing())
        return there.handlers[-1]

    make = Channel.listener(hear, random=Random(6))

    def accept() -> asyncio.Protocol:
        there.channels.append(make())
        return gate.guard(there.channels[-1])

    async with listening(accept) as port:
        there = Guarded(port, gate)
        try:
            yield there
        finally:
            await gate.close()
            for channel in there.channels:
                channel.close("the test is over")
                await channel.wait_closed()


async def dial(address: ProxyAddress, own: DemoProofs | None = None, here: Hearing | None = None) -> Channel:
    """A channel over RA-TLS."""
    transport = RaTls(own or proofs())
    return await Channel.dial(address, here or Hearing(), random=Random(7), transport=transport)
