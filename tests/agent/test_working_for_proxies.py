"""From start to stop with proxies that pay, owe, lie or go away: no request without an answer, no token forgotten."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from mulberry.agent.node import Node
from mulberry.agent.settings import Settings
from mulberry.cocoon.messages import ConnectToProxy as AskToConnect
from mulberry.cocoon.messages import EnabledDisabled, QueryAnswerErrorEx, QueryAnswerEx
from mulberry.model.errors import WhoseTurn
from mulberry.model.jobs import JobOutcome
from mulberry.model.node import NodeState, ProxyState, ReasonKind, Want
from mulberry.ton.address import parse_address
from paying_proxy import PayingProxy
from small_proxy import run_query
from working_node import QUESTION, Work, node_at_work

pytestmark = pytest.mark.virtual_time
OWNER = parse_address(DEMO.owner_address)
FEE = 20_000


@asynccontextmanager
async def working(
    root: Path, clock: SettableClock, *, count: int = 1, settings: Settings | None = None
) -> AsyncIterator[Work]:
    proxies = [
        PayingProxy(DEMO.root_parameters(), OWNER, SigningKey(bytes([number + 1]) * 32)) for number in range(count)
    ]
    async with node_at_work(proxies, root, clock, settings=settings) as work:
        yield work


async def test_each_connection_is_told_its_share_and_shown_with_its_numbers(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with working(tmp_path, clock, count=3) as work:
        await work.until(lambda: all(proxy.connected for proxy in work.node.status().proxies))
        for proxy in work.proxies:
            told = proxy.questions[0]
            assert isinstance(told, AskToConnect) and told.params.proxy_cnt == 3
        one, two, _ = work.proxies
        await work.serve(one, 1)
        one.confirm(1, tokens=7, max_known=7)
        await work.until(lambda: work.shown(one).earned == 7 * FEE)
        shown = work.shown(one)
        assert (shown.state, shown.transport, shown.model) == (ProxyState.WORKING, "plain", DEMO.model)
        assert (shown.requests, shown.succeeded, shown.owed, shown.payable) == (1, 1, 7 * FEE, 0)
        assert shown.connected_since == clock.now() and shown.address == shown.name
        one.sign(7)
        await work.until(lambda: work.shown(one).payable == 7 * FEE)
        assert work.shown(one).owed == 0
        assert (work.shown(two).requests, work.shown(two).earned) == (0, 0)


async def test_stop_ends_running_requests_with_a_clear_error_within_a_second(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with working(tmp_path, clock, count=2) as work:
        await work.until(lambda: all(proxy.connected for proxy in work.node.status().proxies))
        work.engine.gate.clear()
        for proxy in work.proxies:
            for number in (1, 2):
                proxy.send(run_query(number, body=QUESTION))
        await work.until(lambda: work.node.status().running_requests == 4)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await work.node.obey(Want.STOP, None)
        for proxy in work.proxies:
            errors = 0
            while errors < 2:
                message = await proxy.next()
                if isinstance(message, QueryAnswerErrorEx):
                    assert (message.error_code, message.error) == (653, "worker: cancelled")
                    errors += 1
        assert loop.time() - began < 1.0
        await work.until(lambda: work.node.status().state is NodeState.STOPPED)
        assert [job.outcome for job in work.node.ledger.jobs(1, 9)] == [JobOutcome.CANCELLED] * 4


async def test_finish_tells_the_proxies_completes_what_runs_and_hangs_up(tmp_path: Path, clock: SettableClock) -> None:
    async with working(tmp_path, clock) as work:
        (proxy,) = work.proxies
        work.engine.gate.clear()
        proxy.send(run_query(1, body=QUESTION))
        await work.until(lambda: work.node.status().running_requests == 1)
        await work.node.obey(Want.FINISH, None)
        assert await proxy.next() == EnabledDisabled(1)
        proxy.send(run_query(2, body=QUESTION))
        refused = await proxy.next()
        assert isinstance(refused, QueryAnswerErrorEx) and "disabled" in refused.error
        assert work.node.status().state is NodeState.FINISHING
        work.engine.gate.set()
        assert isinstance(await proxy.next(), QueryAnswerEx)
        await work.until(lambda: work.node.status().state is NodeState.STOPPED)
        assert proxy.channel.is_closed
        (status,) = work.node.status().proxies
        assert (status.connected, status.state, status.requests) == (False, ProxyState.WAITING, 1)


async def test_a_proxy_that_owes_more_than_its_owner_allows_waits_until_it_has_signed(
    tmp_path: Path, clock: SettableClock
) -> None:
    limit = Settings(max_active_requests=4, owed_limit=10 * FEE)
    async with working(tmp_path, clock, settings=limit) as work:
        (proxy,) = work.proxies
        await work.serve(proxy, 1)
        proxy.confirm(1, tokens=7, max_known=7)
        await work.until(lambda: work.shown(proxy).owed == 7 * FEE)
        assert work.shown(proxy).state is ProxyState.WORKING
        await work.serve(proxy, 2)
        proxy.confirm(2, tokens=7, max_known=14)
        assert await proxy.next() == EnabledDisabled(1)
        shown = work.shown(proxy)
        assert (shown.state, shown.connected) == (ProxyState.PUT_ASIDE, True)
        assert "0.00028 TON" in shown.note and "your limit is 0.0002 TON" in shown.note
        status = work.node.status()
        assert status.state is NodeState.GETTING_READY
        assert status.reasons[0].kind is ReasonKind.UNDERPAID
        proxy.sign(14)
        assert await proxy.next() == EnabledDisabled(0)
        await work.until(lambda: work.node.status().state in (NodeState.READY, NodeState.EARNING))
        await work.serve(proxy, 3)


async def test_a_proxy_that_confirms_too_little_is_shown_and_left_at_the_limit(
    tmp_path: Path, clock: SettableClock
) -> None:
    limit = Settings(max_active_requests=4, underpaid_limit=5 * FEE)
    async with working(tmp_path, clock, settings=limit) as work:
        (proxy,) = work.proxies
        await work.serve(proxy, 1)
        proxy.confirm(1, tokens=3, max_known=3)
        await work.until(lambda: work.shown(proxy).underpaid == 4 * FEE)
        (job,) = work.node.ledger.jobs(1, 9)
        assert job.underpaid == 4 * FEE
        await work.serve(proxy, 2)
        proxy.confirm(2, tokens=5, max_known=8)
        assert await proxy.next() == EnabledDisabled(1)
        status = work.node.status()
        assert status.state is NodeState.NEEDS_YOU
        assert status.reasons[0].whose_turn is WhoseTurn.YOU


async def test_without_limits_a_proxy_may_owe_what_it_likes(tmp_path: Path, clock: SettableClock) -> None:
    async with working(tmp_path, clock) as work:
        (proxy,) = work.proxies
        await work.serve(proxy, 1)
        proxy.confirm(1, tokens=0, max_known=10**12)
        await work.until(lambda: work.shown(proxy).owed == 10**12 * FEE)
        await work.serve(proxy, 2)


async def test_a_proxy_that_changed_its_key_is_put_aside_with_the_money_of_the_old_one(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with working(tmp_path, clock, count=2) as work:
        honest, changing = work.proxies
        await work.until(lambda: all(proxy.connected for proxy in work.node.status().proxies))
        await work.serve(changing, 1)
        changing.sign(7)
        await work.until(lambda: work.shown(changing).payable == 7 * FEE)
        old = work.shown(changing)
        changing.become(SigningKey(b"\x77" * 32))
        changing.channel.close("it starts again")
        await work.until(lambda: any(proxy.state is ProxyState.PUT_ASIDE for proxy in work.node.status().proxies))
        aside = next(proxy for proxy in work.node.status().proxies if proxy.state is ProxyState.PUT_ASIDE)
        assert (aside.public_key, aside.name, aside.payable) == (old.public_key, old.name, 7 * FEE)
        assert "its key or its owner changed" in aside.note and aside.next_attempt_at is not None
        assert len(work.node.status().proxies) == 2
        assert work.shown(honest).state is ProxyState.WORKING
        await work.serve(honest, 2)


async def test_a_proxy_whose_counters_went_back_is_put_aside(tmp_path: Path, clock: SettableClock) -> None:
    async with working(tmp_path, clock) as work:
        (proxy,) = work.proxies
        await work.serve(proxy, 1)
        proxy.confirm(1, tokens=7, max_known=7)
        await work.until(lambda: work.shown(proxy).earned == 7 * FEE)
        proxy.remembers(3, 3)
        proxy.channel.close("it starts again, from an old copy of its books")
        await work.until(lambda: work.shown(proxy).state is ProxyState.PUT_ASIDE)
        assert "set back" in work.shown(proxy).note
        assert work.shown(proxy).earned == 7 * FEE


async def test_what_was_earned_is_shown_by_proxy_while_nothing_runs(tmp_path: Path, clock: SettableClock) -> None:
    async with working(tmp_path, clock) as work:
        (proxy,) = work.proxies
        await work.serve(proxy, 1)
        proxy.sign(7)
        await work.until(lambda: work.shown(proxy).payable == 7 * FEE)
    with a_workshop(tmp_path, clock) as workshop:
        (status,) = Node(workshop).status().proxies
        assert (status.public_key, status.payable, status.connected) == (proxy.public_key, 7 * FEE, False)
        assert json.loads((tmp_path / "demo" / "intent.json").read_text())["want"] == "start"
