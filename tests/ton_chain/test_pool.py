"""Public lite servers come and go, and some lie: the pool must go on with the rest, and say which one did what."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from mulberry.ton.chain.config import ChainConfig
from mulberry.ton.chain.errors import NoAgreement, NoServer, ServerLied, ServerRefused
from mulberry.ton.chain.lite_api import UntrustedHead, ask_head, read_head
from mulberry.ton.chain.nouns import ServerHealth
from mulberry.ton.chain.pool import ServerPool
from mulberry.ton.chain.server import LIAR_PAUSE, Server
from paper_servers import PaperNetwork, PaperServer, paper_block

pytestmark = pytest.mark.virtual_time


@contextlib.asynccontextmanager
async def running(network: PaperNetwork, config: ChainConfig) -> AsyncIterator[tuple[ServerPool, list[UntrustedHead]]]:
    heard: list[UntrustedHead] = []
    pool = ServerPool(config, network.connect, random.Random(1), heard.append)
    pool.start()
    try:
        yield pool, heard
    finally:
        await pool.close()
        assert all(server.open == 0 for server in network.servers.values())


def three() -> tuple[PaperServer, PaperServer, PaperServer]:
    return PaperServer(1), PaperServer(2), PaperServer(3)


def health(pool: ServerPool) -> list[ServerHealth]:
    return [status.health for status in pool.status()]


async def ask_seqno(server: Server) -> int:
    return read_head(await server.ask(ask_head())).block.seqno


async def test_every_new_block_is_told_once() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, heard):
        assert (await pool.head()).block == paper_block(10)
        for seqno in range(11, 16):
            for server in servers:
                server.name_head(seqno)
            await asyncio.sleep(0.4)
        assert [head.block.seqno for head in heard] == [10, 11, 12, 13, 14, 15]
        assert health(pool) == [ServerHealth.GOOD] * 3


async def test_servers_that_never_meet_at_a_height_still_agree() -> None:
    even, odd = PaperServer(1, seqno=10), PaperServer(2, seqno=11)
    network = PaperNetwork(even, odd)
    async with running(network, network.config(quorum=2)) as (pool, _):
        assert (await pool.head()).block == paper_block(10)
        even.name_head(12)
        await asyncio.sleep(0.1)
        odd.name_head(13)
        await asyncio.sleep(0.1)
        assert (await pool.head()).block == paper_block(12)


async def test_a_silent_server_costs_one_time_limit_and_is_then_asked_last() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await pool.head()
        first = pool.usable()[0]
        silent = network.servers[first.address.port]
        silent.silent = True
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert await pool.of_any(ask_seqno) == 10
        assert loop.time() - started < 5
        started = loop.time()
        assert await pool.of_any(ask_seqno) == 10
        assert loop.time() - started < 0.5
        assert sorted(health(pool)) == [ServerHealth.GOOD, ServerHealth.GOOD, ServerHealth.SILENT]
        silent.silent = False
        await asyncio.sleep(90)
        assert health(pool) == [ServerHealth.GOOD] * 3


async def test_a_slow_server_is_asked_after_the_quick_ones() -> None:
    servers = PaperServer(1, delay=2.0), PaperServer(2), PaperServer(3)
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await asyncio.sleep(10)
        assert pool.usable()[-1].address.port == 1
        assert health(pool) == [ServerHealth.SLOW, ServerHealth.GOOD, ServerHealth.GOOD]


async def test_a_restarted_server_is_dialled_again_with_growing_pauses() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await pool.head()
        servers[0].unreachable = True
        servers[0].cut()
        await asyncio.sleep(120)
        assert health(pool)[0] is ServerHealth.UNREACHABLE
        assert pool.status()[0].trouble == "connection refused"
        assert 5 <= servers[0].dialled <= 14
        servers[0].unreachable = False
        await asyncio.sleep(61)
        assert health(pool) == [ServerHealth.GOOD] * 3


async def test_a_server_that_sends_no_tl_is_caught_and_left_alone_for_long() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await pool.head()
        servers[1].garbage = True
        for server in servers:
            server.name_head(11)
        await asyncio.sleep(LIAR_PAUSE / 2)
        assert health(pool)[1] is ServerHealth.LYING
        assert "another kind" in pool.status()[1].trouble
        asked = servers[1].questions
        await pool.of_any(ask_seqno)
        assert servers[1].questions == asked
        servers[1].garbage = False
        await asyncio.sleep(LIAR_PAUSE)
        assert health(pool)[1] is ServerHealth.GOOD


async def test_a_server_of_another_chain_is_caught() -> None:
    servers = PaperServer(1), PaperServer(2), PaperServer(3, zero_state=bytes(32))
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await pool.head()
        assert pool.status()[2].health is ServerHealth.LYING
        assert pool.status()[2].trouble == "it serves another chain"


async def test_a_server_on_a_fork_is_caught() -> None:
    servers = PaperServer(1), PaperServer(2), PaperServer(3, fork=b"fork")
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        assert (await pool.head()).block == paper_block(10)
        await asyncio.sleep(1)
        assert pool.status()[2].trouble == "it names another block than the other servers do"


async def test_a_server_that_stays_at_an_old_head_is_behind() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        for seqno in range(11, 25):
            servers[0].name_head(seqno)
            servers[1].name_head(seqno)
            await asyncio.sleep(0.4)
        assert health(pool) == [ServerHealth.GOOD, ServerHealth.GOOD, ServerHealth.BEHIND]
        assert pool.usable(at_least=24)[-1].address.port == 3


async def test_a_spare_takes_the_place_of_a_server_that_is_gone() -> None:
    gone, other, spare = PaperServer(1, unreachable=True), PaperServer(2), PaperServer(3)
    network = PaperNetwork(gone, other, spare)
    async with running(network, network.config(quorum=2, spares=(spare,))) as (pool, _):
        assert (await pool.head()).block == paper_block(10)
        assert {status.name for status in pool.status()} == {"127.0.0.1:2", "127.0.0.1:3"}


async def test_without_any_server_the_reason_of_each_is_told() -> None:
    network = PaperNetwork(PaperServer(1, unreachable=True), PaperServer(2, silent=True))
    async with running(network, network.config(quorum=1)) as (pool, _):
        with pytest.raises(NoServer, match=r"127\.0\.0\.1:1: connection refused.*127\.0\.0\.1:2: no answer within"):
            await pool.head()
        with pytest.raises(NoServer):
            await pool.of_any(ask_seqno)


async def test_servers_that_disagree_are_not_followed() -> None:
    network = PaperNetwork(PaperServer(1), PaperServer(2, fork=b"fork"))
    async with running(network, network.config(quorum=2)) as (pool, _):
        with pytest.raises(NoAgreement):
            await pool.head()


async def test_a_lie_in_an_answer_is_remembered_and_another_server_asked() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await pool.head()
        asked: list[str] = []

        async def disbelieve_the_first(server: Server) -> str:
            asked.append(str(server.address))
            if len(asked) == 1:
                raise ServerLied("its own proof disproves it")
            return asked[-1]

        assert await pool.of_any(disbelieve_the_first) == asked[1] != asked[0]
        liar = next(status for status in pool.status() if status.name == asked[0])
        assert (liar.health, liar.trouble) == (ServerHealth.LYING, "its own proof disproves it")


async def test_when_all_refuse_the_refusal_is_told() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, _):
        await pool.head()

        async def refuse(server: Server) -> None:
            raise ServerRefused(651, "lt not in db")

        with pytest.raises(ServerRefused, match="lt not in db"):
            await pool.of_any(refuse)


async def test_a_head_that_nobody_can_prove_is_given_up_with_those_who_named_it() -> None:
    servers = PaperServer(1), PaperServer(2, seqno=1000, fork=b"made up")
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=1)) as (pool, _):
        await asyncio.sleep(1)
        bogus = (await pool.head()).block
        assert bogus.seqno == 1000
        pool.disown(bogus, "nobody can prove its head")
        assert (await pool.head()).block == paper_block(10)
        assert health(pool)[1] is ServerHealth.LYING


async def test_a_server_is_not_asked_faster_than_it_tolerates() -> None:
    server = PaperServer(1)
    network = PaperNetwork(server)
    config = ChainConfig(
        (server.address,), paper_block(1), server.zero_state, 1, requests_per_second=5, request_burst=10
    )
    async with running(network, config) as (pool, _):
        await pool.head()
        loop = asyncio.get_running_loop()
        started = loop.time()
        for _ in range(60):
            await pool.of_any(ask_seqno)
        assert 9.5 < loop.time() - started < 14


async def test_the_last_server_that_stands_is_followed_alone_until_another_is_back() -> None:
    servers = three()
    network = PaperNetwork(*servers)
    async with running(network, network.config(quorum=2)) as (pool, heard):
        await pool.head()
        servers[0].garbage = servers[1].silent = True
        servers[0].name_head(11)
        servers[2].name_head(11)
        await asyncio.sleep(60)
        assert heard[-1].block == paper_block(11)
        assert health(pool) == [ServerHealth.LYING, ServerHealth.SILENT, ServerHealth.GOOD]
        servers[1].silent = False
        await asyncio.sleep(120)
        servers[2].name_head(12)
        await asyncio.sleep(1)
        assert heard[-1].block == paper_block(11), "two stand again, and one alone is no quorum"
        servers[1].name_head(12)
        await asyncio.sleep(1)
        assert heard[-1].block == paper_block(12)
