"""Money that moved on the chain must show in the window at once, and money that was waited for must end the waiting."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agent_workshop import a_workshop
from conftest import SettableClock
from contract_network import OWNER, STRANGER, TON, ContractNetwork
from mulberry.agent.api import make_application
from mulberry.agent.bench import Bench
from mulberry.agent.keys import NodeKey
from mulberry.agent.ledger import Ledger
from mulberry.agent.listening import listening
from mulberry.agent.node import Node
from mulberry.agent.shift import Shift
from mulberry.agent.startup_money import ConnectToTon, FundWallet, ReadRoot
from mulberry.agent.task import Done, Outcome, Progress, Task
from mulberry.agent.treasury import ROUND_SECONDS
from mulberry.agent.workshop import Workshop
from mulberry.client.control import AgentLost, ControlClient
from mulberry.model.control import Command, Event
from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState, ReasonKind, StepState, Want
from mulberry.ton.address import parse_address
from treasury_desk import TreasuryDesk, fund

pytestmark = pytest.mark.virtual_time
BLOCK_SECONDS = 1.0
WITHIN_BLOCKS = 2
MOST_BLOCKS = 200
FEE, ENOUGH = 20_000, 2_000  # nanoton a token; tokens above the demo network's threshold


def tasks(desk: TreasuryDesk) -> tuple[type[Task], ...]:
    """The money's, after one that puts owner and key on the bench."""

    class KnowTheParties:
        name = "Know the parties"

        async def run(self, bench: Bench, progress: Progress) -> Outcome:
            bench.owner, bench.key = OWNER, NodeKey(desk.network.wallet_key, "in a test")
            return Done()

    return KnowTheParties, ConnectToTon, ReadRoot, FundWallet


@pytest.fixture
async def desk(network: ContractNetwork, tmp_path: Path, clock: SettableClock) -> AsyncIterator[TreasuryDesk]:
    desk = TreasuryDesk(network, tmp_path / "chain", clock)
    await desk.serve()
    yield desk
    await desk.close()


@contextlib.asynccontextmanager
async def agent(desk: TreasuryDesk, root: Path) -> AsyncIterator[tuple[Ledger, ControlClient]]:
    """A node that is told to start, on a real network by its profile, with the control API listening."""

    def make_shift(workshop: Workshop, on_change: Callable[[], None]) -> Shift:
        return Shift(workshop, on_change, tasks=tasks(desk))

    profile = desk.profile.model_copy(update={"kind": "test"})
    with a_workshop(root, desk.clock, profile=profile, rehearse=desk.rehearse) as workshop:
        node = Node(workshop, make_shift=make_shift)
        async with listening(make_application(node), workshop.folder.control_address):
            work = asyncio.create_task(node.run())
            await node.obey(Want.START, None)
            try:
                yield workshop.till.ledger, ControlClient(workshop.folder)
            finally:
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work


@contextlib.asynccontextmanager
async def blocks(desk: TreasuryDesk) -> AsyncIterator[None]:
    """One after the other, as on a chain with something to do; not for ever, so that nobody waits in vain."""

    async def make() -> None:
        for _ in range(MOST_BLOCKS):
            await asyncio.sleep(BLOCK_SECONDS)
            desk.block(BLOCK_SECONDS)

    making = asyncio.create_task(make())
    try:
        yield
    finally:
        making.cancel()


async def told(client: ControlClient, holds: Callable[[Event], bool]) -> Event:
    """The first event that says so."""
    async with asyncio.timeout(MOST_BLOCKS * BLOCK_SECONDS), contextlib.aclosing(client.events()) as events:
        async for event in events:
            if not isinstance(event, AgentLost) and holds(event):
                return event
    raise AssertionError("the events ended")


async def test_a_payout_on_the_chain_reaches_the_window_within_two_blocks(desk: TreasuryDesk, tmp_path: Path) -> None:
    fund(desk.network)
    chain, paid_in = desk.network.chain, list[int]()
    chain.subscribe(lambda block: paid_in.append(block.seqno) if desk.network.balance(OWNER) else None)
    async with agent(desk, tmp_path) as (ledger, client), blocks(desk):
        await told(client, lambda event: event.wallet is not None and event.wallet.node_wallet_balance is not None)
        desk.meet_proxy(ledger)
        desk.take_payment(ledger, ENOUGH)
        await told(client, lambda event: event.wallet is not None and event.wallet.paid == ENOUGH * FEE)
        assert chain.head.seqno - paid_in[0] <= WITHIN_BLOCKS


async def test_an_empty_wallet_waits_for_its_owner_and_goes_on_by_itself_when_the_money_is_there(
    desk: TreasuryDesk, tmp_path: Path
) -> None:
    async with agent(desk, tmp_path) as (_, client), blocks(desk):
        event = await told(client, lambda event: event.status.state is NodeState.NEEDS_YOU)
        reason = event.status.reasons[0]
        wallet = (await client.wallet()).node_wallet
        assert parse_address(wallet) == desk.network.wallet.address
        assert reason.kind is ReasonKind.WALLET_EMPTY and f"1.0000 TON to {wallet}" in reason.next_step
        await asyncio.sleep(60)
        desk.network.chain.faucet(desk.network.wallet.address, Nanoton(TON))
        desk.block()
        arrived_in = desk.network.chain.head.seqno
        event = await told(client, lambda event: event.status.steps[-1].state is StepState.DONE)
        assert desk.network.chain.head.seqno - arrived_in <= WITHIN_BLOCKS
        assert event.status.state is not NodeState.NEEDS_YOU and event.status.reasons == ()


async def test_a_top_up_that_came_back_is_not_counted_and_the_address_shown_is_one_that_keeps_it(
    desk: TreasuryDesk, tmp_path: Path
) -> None:
    """A message that may bounce does so where no contract is yet: the friendly form says which kind wallets send."""
    chain, wallet = desk.network.chain, desk.network.wallet.address
    async with agent(desk, tmp_path) as (_, client), blocks(desk):
        await told(client, lambda event: event.status.state is NodeState.NEEDS_YOU)
        chain.send_internal(wallet, Nanoton(2 * TON), source=STRANGER, bounce=True)
        desk.block()
        assert desk.network.balance(STRANGER) > 1.9 * TON, "it came back"
        await asyncio.sleep(60)
        status = await client.status()
        assert status.state is NodeState.NEEDS_YOU
        assert f"Send at least 1.0000 TON to {wallet.friendly(bounceable=False)}." in status.reasons[0].next_step
        chain.send_internal(wallet, Nanoton(2 * TON), source=STRANGER)
        desk.block()
        await told(client, lambda event: event.status.steps[-1].state is StepState.DONE)


async def test_a_chain_on_which_nothing_happens_is_asked_almost_nothing(desk: TreasuryDesk, tmp_path: Path) -> None:
    fund(desk.network)
    async with agent(desk, tmp_path) as (_, client):
        await told(client, lambda event: event.status.steps[-1].state is StepState.DONE)
        await asyncio.sleep(2 * ROUND_SECONDS)
        (server,) = desk.servers
        before = server.questions
        await asyncio.sleep(1000)
        assert (
            server.questions - before < 1000 / 5
        )  # the head is asked for every eight seconds, the root contract at times


async def test_nothing_is_called_settled_before_the_chain_was_read(desk: TreasuryDesk, tmp_path: Path) -> None:
    fund(desk.network)
    async with agent(desk, tmp_path) as (_, client):
        unread = await client.reconciliation()
        assert not unread.is_compared and not unread.is_settled
        await told(client, lambda event: event.wallet is not None and event.wallet.head_seqno is not None)
        await asyncio.sleep(ROUND_SECONDS)
        assert (await client.reconciliation()).is_settled
        await client.command(Command(Want.STOP))
        await told(client, lambda event: event.status.state is NodeState.STOPPED)
        assert (await client.reconciliation()).is_settled, "what was read stays read"
