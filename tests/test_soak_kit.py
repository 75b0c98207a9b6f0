"""A soak proves nothing if its faults do not strike, or if its books could not disagree."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

import pytest

from faulty_relay import LOOPBACK, STRIKES, FaultyRelay
from mulberry.ton.address import Address
from soak import plan
from soak_books import ChainBook, LedgerBook, ProxyBook, disagreements

# ten jobs of 100 nanoton; nine answers arrived, the tenth was lost after the proxy had it
LEDGER = LedgerBook(
    worker_contract=Address(b"\x01" * 32),
    proxy_contract=Address(b"\x02" * 32),
    fee=20,
    jobs=10,
    requests=10,
    counted=1000,
    unconfirmed=100,
    largest=100,
    disputed=0,
    earned=1000,
    payable=1000,
    paid=1000,
)
PROXY, CHAIN = ProxyBook(earned=1000, signed=1000), ChainBook(cashed=1000, arrived=1000)


def test_books_that_agree() -> None:
    assert disagreements(LEDGER, PROXY, CHAIN, answered=900, answers=9, lost=1) == []


def test_work_that_nobody_got_is_no_disagreement() -> None:
    ledger = replace(LEDGER, jobs=11, requests=11, counted=1100, unconfirmed=200)
    assert disagreements(ledger, PROXY, CHAIN, answered=900, answers=9, lost=2) == []


@pytest.mark.parametrize(
    ("ledger", "proxy", "chain", "said"),
    [
        (replace(LEDGER, requests=9), PROXY, CHAIN, "booked twice"),
        (replace(LEDGER, jobs=8, requests=8), PROXY, CHAIN, "Not every request"),
        (replace(LEDGER, jobs=11, requests=11), PROXY, CHAIN, "Not every request"),
        (replace(LEDGER, disputed=1), PROXY, CHAIN, "counts a job differently"),
        (replace(LEDGER, counted=980), PROXY, CHAIN, "did not book"),
        (replace(LEDGER, unconfirmed=0, counted=1020), PROXY, CHAIN, "what was not earned"),
        (replace(LEDGER, earned=980), PROXY, CHAIN, "what was earned"),
        (replace(LEDGER, payable=980), PROXY, CHAIN, "newest payment"),
        (replace(LEDGER, paid=999), PROXY, CHAIN, "the agent's history"),
        (LEDGER, replace(PROXY, earned=880), CHAIN, "what a customer has"),
        (replace(LEDGER, counted=1020), replace(PROXY, earned=1020), CHAIN, "more than customers asked for"),
        (LEDGER, replace(PROXY, signed=980), CHAIN, "did not sign"),
        (LEDGER, PROXY, replace(CHAIN, cashed=980), "Not all payments"),
        (LEDGER, PROXY, replace(CHAIN, arrived=999), "did not arrive"),
    ],
)
def test_each_disagreement_is_said(ledger: LedgerBook, proxy: ProxyBook, chain: ChainBook, said: str) -> None:
    found = disagreements(ledger, proxy, chain, answered=900, answers=9, lost=1)
    assert any(said.lower() in sentence.lower() for sentence in found), found


def test_every_kind_of_fault_comes_before_one_comes_again() -> None:
    kinds = ["reset", "cut", "killed"]
    faults = plan(kinds, 6, 1000, Random(1))
    assert faults == plan(kinds, 6, 1000, Random(1)), "the seed decides"
    moments = [moment for moment, _ in faults]
    assert moments == sorted(moments) and moments[-1] < 1000
    assert {fault for _, fault in faults[:3]} == {fault for _, fault in faults[3:]} == set(kinds)


@dataclass(frozen=True, slots=True)
class Ends:
    """Our end of a connection through `relay`."""

    relay: FaultyRelay
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@asynccontextmanager
async def echo_through_a_relay() -> AsyncIterator[Ends]:
    """What is written comes back, after the relay on both ways."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    relay = FaultyRelay(Random(1))
    relay.target = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection(LOOPBACK, await relay.listen())
    try:
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        yield Ends(relay, reader, writer)
    finally:
        writer.close()
        await relay.close()
        server.close()
        await server.wait_closed()


async def test_who_is_hung_up_on_hears_an_end() -> None:
    async with echo_through_a_relay() as ends:
        ends.relay.hang_up()
        assert await ends.reader.read() == b""


@pytest.mark.parametrize("fault", ["reset", "refuse"])
async def test_who_is_reset_hears_so(fault: str) -> None:
    async with echo_through_a_relay() as ends:
        STRIKES[fault](ends.relay, Random(1))
        with pytest.raises(ConnectionResetError):
            await ends.reader.read()


async def test_what_is_cut_arrives_in_part() -> None:
    async with echo_through_a_relay() as ends:
        ends.relay.cut(most_bytes=100)
        ends.writer.write(bytes(100))
        assert len(await ends.reader.read()) < 100


async def test_what_is_held_arrives_later_and_whole() -> None:
    async with echo_through_a_relay() as ends:
        ends.relay.hold(0.02)
        began = asyncio.get_running_loop().time()
        ends.writer.write(bytes(1000))
        assert await ends.reader.readexactly(1000) == bytes(1000)
        assert asyncio.get_running_loop().time() - began >= 0.02


async def test_who_comes_while_it_refuses_gets_nothing() -> None:
    async with echo_through_a_relay() as ends:
        ends.relay.refuse(60)
        host, port = ends.writer.get_extra_info("peername")
        reader, writer = await asyncio.open_connection(host, port)
        assert await reader.read() == b""
        writer.close()
