"""Before the first request the node needs a key, a chain, a contract and gas: what is missing it must say."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from contract_network import OWNER, STRANGER, TON, ContractNetwork
from mulberry.agent.bench import Bench
from mulberry.agent.startup_money import ConnectToTon, DeployWorkerContract, FundWallet, ReadRoot, UnlockKey
from mulberry.agent.task import Blocked, Done, Outcome, Skipped, Task
from mulberry.model.errors import WhoseTurn
from mulberry.model.money import Nanoton
from mulberry.model.network import NetworkProfile
from mulberry.model.node import ReasonKind
from mulberry.ton.address import parse_address
from treasury_desk import TreasuryDesk

pytestmark = pytest.mark.virtual_time
TASKS: tuple[type[Task], ...] = (UnlockKey, ConnectToTon, ReadRoot, FundWallet, DeployWorkerContract)


@pytest.fixture
async def desk(network: ContractNetwork, tmp_path: Path, clock: SettableClock) -> AsyncIterator[TreasuryDesk]:
    desk = TreasuryDesk(network, tmp_path / "node", clock)
    await desk.serve()
    yield desk
    await desk.close()


async def outcomes(root: Path, clock: SettableClock, profile: NetworkProfile) -> list[Outcome]:
    """Of the money's tasks, up to the first that is blocked."""
    found: list[Outcome] = []
    with a_workshop(root, clock, profile=profile) as workshop:
        async with AsyncExitStack() as stack:
            bench = Bench(workshop, stack, lambda: None)
            bench.owner = OWNER
            for task in TASKS:
                found.append(await task().run(bench, lambda note: None))
                if isinstance(found[-1], Blocked):
                    break
    return found


def blocked(found: list[Outcome]) -> Blocked:
    last = found[-1]
    assert isinstance(last, Blocked)
    assert last.reason.evidence and last.reason.next_step.endswith(".")
    return last


@contextlib.asynccontextmanager
async def faucet(desk: TreasuryDesk, status: int = 200) -> AsyncIterator[str]:
    """The demo network's, and blocks while it is open."""

    async def give(request: web.Request) -> web.Response:
        address = parse_address((await request.json())["address"])
        desk.network.chain.faucet(address, Nanoton(5 * TON))
        desk.block()
        return web.json_response({"nanoton": 5 * TON}, status=status)

    application = web.Application()
    application.add_routes([web.post("/demo/faucet", give)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/demo/faucet"
    finally:
        await runner.cleanup()


async def test_a_profile_that_says_its_prices_itself_needs_none_of_it(tmp_path: Path, clock: SettableClock) -> None:
    found = await outcomes(tmp_path, clock, DEMO)
    assert all(isinstance(outcome, Skipped) for outcome in found) and len(found) == len(TASKS)


async def test_play_money_is_asked_for_once_and_said_so(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    async with faucet(desk) as url:
        profile = desk.profile.model_copy(update={"faucet_url": url})
        found = await outcomes(tmp_path, clock, profile)
        assert found[3:] == [Done("5.0000 TON, with play money from the demo network"), Done()]
        again = await outcomes(tmp_path, clock, profile)
        assert again[3] == Done("5.0000 TON")


async def test_a_faucet_that_gives_nothing_is_asked_again_later(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    async with faucet(desk, status=429) as url:
        profile = desk.profile.model_copy(update={"faucet_url": url})
        reason = blocked(await outcomes(tmp_path, clock, profile)).reason
    assert reason.whose_turn is WhoseTurn.NETWORK and "once a minute" in reason.evidence


async def test_servers_that_nobody_reaches_are_tried_again_by_itself(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    await desk.close()
    reason = blocked(await outcomes(tmp_path, clock, desk.profile)).reason
    assert (reason.kind, reason.whose_turn) == (ReasonKind.CHAIN_UNREACHABLE, WhoseTurn.NETWORK)


async def test_a_wrong_root_address_is_said_to_be_one(desk: TreasuryDesk, tmp_path: Path, clock: SettableClock) -> None:
    for address in (STRANGER, desk.network.proxy.address):
        profile = desk.profile.model_copy(update={"root_contract_address": address.raw})
        reason = blocked(await outcomes(tmp_path, clock, profile)).reason
        assert reason.kind is ReasonKind.NETWORK_UNUSABLE and "root contract" in reason.evidence


async def test_a_test_networks_root_is_not_taken_for_the_main_networks(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    profile = desk.profile.model_copy(update={"kind": "mainnet"})
    reason = blocked(await outcomes(tmp_path, clock, profile)).reason
    assert "a test network's root contract" in reason.evidence


async def test_a_list_of_servers_that_is_none_is_said_so(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    profile = desk.profile.model_copy(update={"lite_servers": {"liteservers": []}})
    reason = blocked(await outcomes(tmp_path, clock, profile)).reason
    assert reason.kind is ReasonKind.NETWORK_UNUSABLE


async def test_a_damaged_key_stops_everything(desk: TreasuryDesk, tmp_path: Path, clock: SettableClock) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "node-wallet.key").write_text("no key")
    reason = blocked(await outcomes(tmp_path, clock, desk.profile)).reason
    assert (reason.kind, reason.whose_turn) == (ReasonKind.KEY_UNAVAILABLE, WhoseTurn.YOU)


@pytest.mark.parametrize("kept", [b"", b"{}", b"[1]", b'{"zero_state": "x"}', b"\xff\xfe", b"x" * 100_000])
async def test_a_proven_block_that_cannot_be_read_costs_time_only(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock, kept: bytes
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "trusted-block.json").write_bytes(kept)
    async with faucet(desk) as url:
        found = await outcomes(tmp_path, clock, desk.profile.model_copy(update={"faucet_url": url}))
    assert isinstance(found[-1], Done)
