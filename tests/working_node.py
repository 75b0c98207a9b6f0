"""A whole node in this process, working for proxies of the test's; only its engine lives in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from agent_workshop import DEMO, EchoEngine, a_workshop
from conftest import SettableClock
from loopback import listening
from mulberry.agent.node import Node
from mulberry.agent.settings import Settings
from mulberry.agent.shift import Shift
from mulberry.agent.startup import CheckModel, CheckSandbox, ConnectToProxy, LoadModel, LookForGpus, ReadProfile
from mulberry.cocoon.messages import QueryAnswerEx
from mulberry.model.network import NetworkProfile, RegisteredProxy
from mulberry.model.node import NodeState, ProxyStatus, Want
from paying_proxy import PayingProxy
from small_proxy import run_query

QUESTION = {"model": DEMO.model_base_name, "messages": [{"role": "user", "content": "hello"}]}


class Work:
    """A node that works for `proxies`, each at a port of its own."""

    def __init__(self, node: Node, engine: EchoEngine, proxies: Sequence[PayingProxy], clock: SettableClock) -> None:
        self.node = node
        self.engine = engine
        self.proxies = proxies
        self.clock = clock

    async def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """Within so many seconds of the loop's clock."""
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.05)

    def shown(self, proxy: PayingProxy) -> ProxyStatus:
        return next(each for each in self.node.status().proxies if each.public_key == proxy.public_key)

    async def serve(self, proxy: PayingProxy, number: int) -> None:
        """One request, answered and booked: 7 tokens."""
        proxy.send(run_query(number, body=QUESTION))
        while not isinstance(await proxy.next(), QueryAnswerEx):
            pass


@asynccontextmanager
async def node_at_work(
    proxies: Sequence[PayingProxy], root: Path, clock: SettableClock, *, settings: Settings | None = None
) -> AsyncIterator[Work]:
    """A node that was started; it is gone when the block ends."""
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(listening(proxy.listener())) for proxy in proxies]
        engine = EchoEngine()
        make_engine = engine.make
        workshop = stack.enter_context(a_workshop(root, clock, profile=_network(ports), make_engine=make_engine))
        workshop = replace(workshop, settings=settings or workshop.settings)
        tasks = (ReadProfile, LookForGpus, CheckModel, CheckSandbox, LoadModel, ConnectToProxy)
        node = Node(workshop, make_shift=lambda shop, on_change: Shift(shop, on_change, tasks=tasks))
        run = asyncio.create_task(node.run())
        work = Work(node, engine, proxies, clock)
        try:
            await node.obey(Want.START, None)
            await work.until(lambda: all(proxy.questions for proxy in proxies))
            await work.until(lambda: node.status().state in (NodeState.READY, NodeState.EARNING))
            yield work
        finally:
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run
            for proxy in proxies:
                await proxy.hang_up()


def _network(ports: Sequence[int]) -> NetworkProfile:
    assert DEMO.chain is not None
    doors = tuple(RegisteredProxy(seqno=port, address=f"127.0.0.1:{port}") for port in ports)
    chain = DEMO.chain.model_copy(update={"registered_proxies": doors})
    more = {"launch": None, "transport": "plain", "connections": len(ports), "chain": chain}
    return DEMO.model_copy(update=more)
