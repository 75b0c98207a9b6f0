"""The whole of chain access against real servers of a real chain, one of which does everything a bad server can do."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from chain_evidence import named
from conftest import SettableClock
from contract_network import ContractNetwork
from mulberry.demo.chain.block import MASTERCHAIN
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.faults import HONEST, Faults, Lie
from mulberry.demo.chain.lite_server import LiteServer, global_config
from mulberry.demo.chain.validators import Signing
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.chain.access import ChainAccess
from mulberry.ton.chain.config import ChainConfig, parse_global_config
from mulberry.ton.chain.config_proof import EXECUTION_PARAMETERS
from mulberry.ton.chain.dictionary import entries
from mulberry.ton.chain.errors import ChainError, HistoryPruned, MessageRefused, NoServer
from mulberry.ton.chain.nouns import AccountStatus, BlockRef, ServerHealth, ServerStatus, Transaction
from mulberry.ton.emulator.executor import Emulator

pytestmark = pytest.mark.virtual_time

OURS = Address(b"\x77" * 32)
NOBODY = Address(b"\x78" * 32)
TON = 10**9


@contextlib.asynccontextmanager
async def serving(chain: LocalChain, *faults: Faults) -> AsyncIterator[list[LiteServer]]:
    servers = [LiteServer(chain, faults=fault, key_seed=b"%d" % number) for number, fault in enumerate(faults)]
    for server in servers:
        await server.start()
    try:
        yield servers
    finally:
        for server in servers:
            await server.close()


def config_of(servers: list[LiteServer]) -> ChainConfig:
    text = json.dumps(global_config(*servers)).encode()
    return parse_global_config(text, random.Random(1), source="the demo network")


@contextlib.asynccontextmanager
async def access_to(
    servers: list[LiteServer], clock: SettableClock, config: ChainConfig | None = None
) -> AsyncIterator[ChainAccess]:
    access = ChainAccess(config or config_of(servers), clock=clock, random=random.Random(2))
    await access.start()
    try:
        yield access
    finally:
        await access.close()


def status_of(access: ChainAccess, server: LiteServer) -> ServerStatus:
    return next(status for status in access.status() if status.name.endswith(f":{server.port}"))


async def whole_history(access: ChainAccess, address: Address) -> list[Transaction]:
    newest = (await access.account(address)).last_transaction
    assert newest is not None
    return [transaction async for page in access.history(address, newest) for transaction in page.transactions]


async def check_everything(access: ChainAccess, chain: LocalChain) -> None:
    """What access says is what the chain holds."""
    state = await access.account(OURS)
    assert (state.balance, state.proven_by) == (chain.account(OURS).balance, named(chain.head))
    assert (await access.account(NOBODY)).status is AccountStatus.ABSENT
    assert [t.position.hash for t in await whole_history(access, OURS)] == [t.hash for t in chain.transactions(OURS)]


@pytest.mark.parametrize("signing", list(Signing))
async def test_three_honest_servers(emulator: Emulator, clock: SettableClock, signing: Signing) -> None:
    chain = LocalChain(b"honest", clock, emulator, signing=signing)
    chain.faucet(OURS, Nanoton(TON))
    chain.make_block()
    async with serving(chain, HONEST, HONEST, HONEST) as servers, access_to(servers, clock) as access:
        await check_everything(access, chain)
        assert [status.health for status in access.status()] == [ServerHealth.GOOD] * 3
        assert access.clock_ahead == timedelta(0)


async def test_new_heads_are_told_and_a_payment_is_seen_with_the_block_that_holds_it(
    chain: LocalChain, clock: SettableClock
) -> None:
    async with serving(chain, HONEST, HONEST, HONEST) as servers, access_to(servers, clock) as access:
        await access.head()
        heads: list[BlockRef] = []
        end = access.subscribe(heads.append)
        chain.faucet(OURS, Nanoton(7))
        paid = named(chain.make_block())
        await asyncio.sleep(0.5)
        assert [head.id for head in heads] == [paid]
        assert (await access.account(OURS)).balance == chain.account(OURS).balance > 6 * TON
        end()
        chain.make_block()
        await asyncio.sleep(0.5)
        assert len(heads) == 1


async def test_a_listener_that_fails_stops_neither_the_others_nor_the_servers(
    chain: LocalChain, clock: SettableClock
) -> None:
    problems: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    async with serving(chain, HONEST, HONEST, HONEST) as servers, access_to(servers, clock) as access:
        await access.head()
        heads: list[BlockRef] = []

        def fail(_: BlockRef) -> None:
            raise ZeroDivisionError

        access.subscribe(fail)
        access.subscribe(heads.append)
        for _ in range(2):
            chain.make_block()
            await asyncio.sleep(0.5)
        assert len(heads) == len(problems) == 2
        assert {status.health for status in access.status()} == {ServerHealth.GOOD}


LIES = [lie for lie in Lie if lie is not Lie.STALE_HEAD]
HARMLESS_FROM_A_KEY_BLOCK = Lie.CONFIG_OF_OTHER_BLOCK  # the key block that it takes the config from is the pinned one


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name.lower())
async def test_one_lying_server_of_three_changes_nothing(chain: LocalChain, clock: SettableClock, lie: Lie) -> None:
    async with (
        serving(chain, Faults(lies=frozenset({lie})), HONEST, HONEST) as servers,
        access_to(servers, clock) as access,
    ):
        for _ in range(3):
            await check_everything(access, chain)
            chain.make_block()
            await asyncio.sleep(0.5)
        assert {status_of(access, server).health for server in servers[1:]} == {ServerHealth.GOOD}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name.lower())
async def test_a_lying_server_alone_is_not_believed_but_named(
    chain: LocalChain, clock: SettableClock, lie: Lie
) -> None:
    async with serving(chain, Faults(lies=frozenset({lie}))) as servers:
        config = config_of(servers)
        if lie is HARMLESS_FROM_A_KEY_BLOCK:
            config = replace(config, pinned=named(chain.archive.block_at(MASTERCHAIN, 5).id))
        async with access_to(servers, clock, config) as access:
            with pytest.raises(ChainError):
                await check_everything(access, chain)
            status = status_of(access, servers[0])
            assert status.health is ServerHealth.LYING
            assert status.trouble


async def test_a_server_that_hides_new_blocks_is_behind(chain: LocalChain, clock: SettableClock) -> None:
    async with (
        serving(chain, Faults(lies=frozenset({Lie.STALE_HEAD})), HONEST, HONEST) as servers,
        access_to(servers, clock) as access,
    ):
        for _ in range(10):
            chain.make_block()
            await asyncio.sleep(0.4)
        await check_everything(access, chain)
        assert status_of(access, servers[0]).health is ServerHealth.BEHIND


async def test_a_server_on_a_fork_of_the_same_validators_is_caught(chain: LocalChain, clock: SettableClock) -> None:
    async with serving(chain, Faults(forked=True), HONEST, HONEST) as servers, access_to(servers, clock) as access:
        for _ in range(3):
            chain.make_block()
            await asyncio.sleep(0.4)
            await check_everything(access, chain)
        assert "another block" in status_of(access, servers[0]).trouble


@pytest.mark.parametrize(
    ("faults", "health"),
    [
        (Faults(silent=True), {ServerHealth.SILENT, ServerHealth.UNREACHABLE}),
        (Faults(delay_seconds=3), {ServerHealth.SLOW}),
        (Faults(delay_seconds=30), {ServerHealth.SILENT, ServerHealth.UNREACHABLE}),
        (Faults(resets_after=2), set(ServerHealth) - {ServerHealth.LYING}),
    ],
    ids=["silent", "slow", "too slow", "resetting"],
)
async def test_a_bad_server_of_three_delays_but_does_not_stop(
    chain: LocalChain, clock: SettableClock, faults: Faults, health: set[ServerHealth]
) -> None:
    async with serving(chain, faults, HONEST, HONEST) as servers, access_to(servers, clock) as access:
        for _ in range(3):
            await check_everything(access, chain)
            chain.make_block()
            await asyncio.sleep(10)
        assert status_of(access, servers[0]).health in health


async def test_servers_that_restart_are_found_again(chain: LocalChain, clock: SettableClock) -> None:
    async with serving(chain, HONEST, HONEST) as servers, access_to(servers, clock) as access:
        await check_everything(access, chain)
        ports = [server.port for server in servers]
        for server in servers:
            await server.close()
        await asyncio.sleep(5)
        assert {status.health for status in access.status()} == {ServerHealth.UNREACHABLE}
        with pytest.raises(NoServer, match="No server could answer"):
            await access.account(OURS)
        for server, port in zip(servers, ports, strict=True):
            await server.start(port=port)
        chain.make_block()
        await asyncio.sleep(60)
        await check_everything(access, chain)


async def test_history_that_one_server_lost_comes_from_another(chain: LocalChain, clock: SettableClock) -> None:
    middle = chain.transactions(OURS)[1]
    lost = Faults(missing_transactions=range(middle.lt, middle.lt + 1))
    async with serving(chain, lost, HONEST) as servers, access_to(servers, clock) as access:
        await check_everything(access, chain)
        await check_everything(access, chain)
    async with serving(chain, lost, lost) as servers, access_to(servers, clock) as access:
        newest = (await access.account(OURS)).last_transaction
        assert newest is not None
        first = await access.transactions(OURS, newest)  # what there is before the gap
        assert (len(first.transactions), first.older) == (1, first.transactions[0].older)
        assert first.older is not None
        with pytest.raises(HistoryPruned):
            await access.transactions(OURS, first.older)
        assert all(status.pruned and status.health is ServerHealth.GOOD for status in access.status())


async def test_the_configuration_is_read_once_while_no_key_block_comes(chain: LocalChain, clock: SettableClock) -> None:
    async with serving(chain, Faults(silent=True), HONEST, HONEST) as servers, access_to(servers, clock) as access:
        config = await access.config()
        assert {20, 21, 24, 25} <= {key for key, _ in entries(config, 32, max_entries=20)} <= set(EXECUTION_PARAMETERS)
        chain.make_block()
        assert await access.config() is config


async def test_a_page_has_no_more_than_was_asked_for(chain: LocalChain, clock: SettableClock) -> None:
    async with serving(chain, HONEST) as servers, access_to(servers, clock) as access:
        newest = (await access.account(OURS)).last_transaction
        assert newest is not None
        assert len((await access.transactions(OURS, newest, 2)).transactions) == 2
        for impossible in (0, 17):
            with pytest.raises(ValueError, match="a page of"):
                await access.transactions(OURS, newest, impossible)


async def test_a_message_is_taken_or_refused_with_the_chains_own_words(
    emulator: Emulator, clock: SettableClock
) -> None:
    network = ContractNetwork(emulator, clock)
    network.start()
    message = network.request()
    async with (
        serving(network.chain, Faults(silent=True), HONEST, HONEST) as servers,
        access_to(servers, clock) as access,
    ):
        await access.head()
        await access.send(message)
        await access.send(message)  # once more is once
        network.chain.make_block()
        await asyncio.sleep(0.5)
        with pytest.raises(MessageRefused, match="exitcode="):  # its number is used up
            await access.send(message)
        with pytest.raises(MessageRefused, match="cannot parse"):
            await access.send(b"no cells")


async def test_a_message_whose_time_is_over_is_refused_however_often_it_is_sent(
    emulator: Emulator, clock: SettableClock
) -> None:
    network = ContractNetwork(emulator, clock)
    network.start()
    message = network.request()  # good for a minute
    async with serving(network.chain, HONEST, HONEST) as servers, access_to(servers, clock) as access:
        await access.head()
        clock.pass_time(seconds=61)
        network.chain.make_block()
        before = network.wallet_now()
        for _ in range(2):
            with pytest.raises(MessageRefused, match="1030"):  # the contract's own word for it
                await access.send(message)
        network.chain.make_block()
        assert network.wallet_now() == before


async def test_without_servers_nothing_is_sent(chain: LocalChain, clock: SettableClock) -> None:
    async with serving(chain, HONEST) as servers, access_to(servers, clock) as access:
        await access.head()
        await servers[0].close()
        await asyncio.sleep(1)
        with pytest.raises(NoServer):
            await access.send(b"anything")


async def test_a_proven_key_block_spares_the_next_start_nothing_less_than_proof(
    chain: LocalChain, emulator: Emulator, clock: SettableClock
) -> None:
    # a trusted block of another chain is not believed because it was on our disk
    other = LocalChain(b"other", clock, emulator)
    async with serving(chain, HONEST) as servers:
        config = config_of(servers)
        access = ChainAccess(config, clock=clock, random=random.Random(1), trusted=replace(named(other.head), seqno=2))
        await access.start()
        try:
            with pytest.raises(NoServer):
                await access.account(OURS)
        finally:
            await access.close()


async def test_a_clock_that_is_wrong_is_noticed(chain: LocalChain, clock: SettableClock) -> None:
    clock.pass_time(hours=1)
    async with serving(chain, HONEST) as servers, access_to(servers, clock) as access:
        await access.head()
        assert access.clock_ahead == timedelta(hours=1)
