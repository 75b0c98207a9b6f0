"""What proof costs on the way to a proxy: a handshake, and a stream of small and of large messages over each transport.

Both ends are in this process on one core: a channel that sends, one that counts. RA-TLS goes through the demo proxy's
gate, with fake quotes and a puzzle of no difficulty; SOCKS5 through the demo's router to that gate: three ends count.
The figures are CPU time, which other programs on the machine change little.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from mulberry.attestation.certificate import OwnCertificate
from mulberry.cocoon.channel import Channel
from mulberry.cocoon.messages import TcpQueryAnswer
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.socks5 import Socks5
from mulberry.cocoon.tl import Message
from mulberry.cocoon.transports import PlainTcp, Transport
from mulberry.demo.gate import Gate
from mulberry.demo.proofs import DemoProofs
from mulberry.demo.router import Router
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.clock import SystemClock
from mulberry.model.root_contract import ProxyAddress

LOOPBACK = "127.0.0.1"
FAKE = Requirements(Policy.FAKE_TDX)
HANDSHAKES = 50
SIZES = {"300 bytes, a part of an answer": (300, 30_000), "256 KiB": (256 * 1024, 400)}  # and how many of them


class Counting:
    """A handler that says when it has heard all it waits for."""

    def __init__(self) -> None:
        self.left = 0
        self.done = asyncio.Event()

    def received(self, message: Message) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()

    async def answer(self, message: Message) -> Message:
        raise AssertionError(message)

    def closed(self, why: str) -> None:
        pass


@asynccontextmanager
async def way_to(name: str, hearing: Counting) -> AsyncIterator[tuple[ProxyAddress, Transport]]:
    """A listening end of that name, and how to reach it."""
    make = Channel.listener(lambda _: hearing, random=Random(1))
    own = OwnCertificate(Policy.FAKE_TDX, SystemClock())
    proofs = DemoProofs(own, FAKE, Path("no-collateral"), SystemClock())
    gate = Gate(proofs, 0, Random(2).randbytes)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make if name == "TCP" else lambda: gate.guard(make()), LOOPBACK, 0)
    address = ProxyAddress(LOOPBACK, server.sockets[0].getsockname()[1])
    router = Router(RaTls(proofs), address)
    try:
        if name == "TCP":
            yield address, PlainTcp()
        elif name == "RA-TLS":
            yield address, RaTls(proofs)
        else:
            yield address, Socks5(ProxyAddress(LOOPBACK, await router.listen(LOOPBACK)), FAKE)
    finally:
        await router.close()
        await gate.close()
        server.close()
        await server.wait_closed()


async def dial(address: ProxyAddress, way: Transport) -> Channel:
    return await Channel.dial(address, Counting(), random=Random(3), transport=way)


async def handshake_milliseconds(name: str) -> float:
    """CPU of one connection up to the channels' agreement and its end, without making the certificate."""
    async with way_to(name, Counting()) as (address, way):
        started = 0.0
        for number in range(HANDSHAKES + 1):
            if number == 1:  # the first one makes the certificate, too
                started = time.process_time()
            channel = await dial(address, way)
            channel.close("measured")
            await channel.wait_closed()
        return (time.process_time() - started) / HANDSHAKES * 1000


async def microseconds(name: str, size: int, count: int) -> float:
    """CPU of one message."""
    hearing = Counting()
    async with way_to(name, hearing) as (address, way):
        channel = await dial(address, way)
        hearing.left = count
        message = TcpQueryAnswer(1, bytes(size))
        started = time.process_time()
        for _ in range(count):
            channel.send(message)
            await channel.drained()
            await asyncio.sleep(0)  # as in life, each goes out by itself
        await hearing.done.wait()
        used = time.process_time() - started
        channel.close("measured")
        await channel.wait_closed()
    return used / count * 1e6


def main() -> None:
    names = ("TCP", "RA-TLS", "SOCKS5")
    print(f"{'CPU, all ends together':36}" + "".join(f"{name:>20}" for name in names))
    handshakes = [asyncio.run(handshake_milliseconds(name)) for name in names]
    print(f"{'a connection':36}" + "".join(f"{each:17.1f} ms" for each in handshakes))
    for what, (size, count) in SIZES.items():
        costs = [asyncio.run(microseconds(name, size, count)) for name in names]
        cells = (f"{cost:9.0f} µs ({cost / costs[0]:3.1f} x)" for cost in costs)
        print(f"{'a message of ' + what:44}"[:44] + "  ".join(cells))


if __name__ == "__main__":
    main()
