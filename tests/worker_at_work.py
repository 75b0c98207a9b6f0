"""The real worker that must live with a hostile proxy: link, session, book, till and ledger. Only the engine lives in
memory.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from hostile_proxy import OWNER, PARAMETERS, HostileProxy
from loopback import listening
from mulberry.agent.book import ProxyBook
from mulberry.agent.ledger import Ledger, open_ledger
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.till import Till
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.usage import Prices
from mulberry.cocoon.worker import WorkerSession
from mulberry.demo.gate import Gate
from mulberry.model.clock import Clock
from mulberry.model.node import ProxyState
from mulberry.model.root_contract import ProxyAddress
from proven_ends import proofs
from small_proxy import IDENTITY, Scripted, run_query

FEE = PARAMETERS.worker_fee_per_token


@dataclass(frozen=True)
class AtWork:
    """The owner's side: a link to each proxy, in the proxies' order, and one ledger."""

    links: list[ProxyLink]
    till: Till
    clock: Clock
    read: list[str]  # all that the owner ever read of the first proxy

    @property
    def ledger(self) -> Ledger:
        return self.till.ledger

    @property
    def link(self) -> ProxyLink:
        return self.links[0]

    @property
    def told(self) -> str:
        """What the owner reads of the first proxy now."""
        return self.link.note

    async def until(self, holds: Callable[[], bool], seconds: float = 120.0) -> None:
        """Within so many seconds of the loop's clock."""
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.1)

    async def until_connected(self) -> None:
        await self.until(lambda: all(link.session.is_connected for link in self.links))

    async def until_told(self, words: str, seconds: float = 120.0) -> None:
        """The owner reads this of the first proxy, or has read it."""
        try:
            await self.until(lambda: any(words in note for note in self.read), seconds)
        except TimeoutError:
            raise AssertionError(f"the owner read: {self.read}") from None

    async def still_serves(self, proxy: HostileProxy, link: ProxyLink, number: int = 1_000_000) -> None:
        """A request of that proxy is answered, now."""
        assert link.state is ProxyState.WORKING
        proxy.send(run_query(number))
        async with asyncio.timeout(30):
            (answer,) = await proxy.answers_of(1)
        assert answer.final_info.tokens_used.total > 0


@asynccontextmanager
async def working_for(
    *proxies: HostileProxy, root: Path, clock: Clock, backend: Any = None, proven: bool = False, places: int = 3
) -> AsyncIterator[AtWork]:
    """Links that have begun to dial. At the end nothing may have failed that is ours. `proven`: over RA-TLS."""
    bugs: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context))
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(closing(open_ledger(root / "ledger.sqlite3", clock)))
        till = Till(ledger, clock)
        at_work = AtWork([], till, clock, [])
        runs = []
        for proxy in proxies:
            port = await stack.enter_async_context(_listening(proxy, proven=proven))
            read = at_work.read if proxy is proxies[0] else []
            link = _link(proxy, port, till, clock, backend or Scripted(EARNING), read, proven=proven, places=places)
            at_work.links.append(link)
            runs.append(asyncio.create_task(link.run()))
        try:
            yield at_work
            for run in runs:
                assert not run.done(), "a link ended by itself"
        finally:
            for link, run in zip(at_work.links, runs, strict=True):
                await link.end()
                run.cancel()
                with suppress(asyncio.CancelledError):
                    await run
            for proxy in proxies:
                await proxy.hang_up()
            till.flush()
    assert bugs == []


EARNING = {
    "id": "1",
    "choices": [{"message": {"content": "hello"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}
TOKENS = 7  # what one such answer is worth


@asynccontextmanager
async def _listening(proxy: HostileProxy, *, proven: bool) -> AsyncIterator[int]:
    if not proven:
        async with listening(proxy.listener()) as port:
            yield port
        return
    gate = Gate(proofs(), 4, Random(5).randbytes)
    async with listening(lambda: gate.guard(proxy.listener()())) as port:
        try:
            yield port
        finally:
            await gate.close()


def _link(
    proxy: HostileProxy,
    port: int,
    till: Till,
    clock: Clock,
    backend: Any,
    read: list[str],
    *,
    proven: bool,
    places: int,
) -> ProxyLink:
    book = ProxyBook(till, name=f"proxy {port}", model=IDENTITY.model, owner=OWNER, parameters=PARAMETERS, clock=clock)
    identity = replace(IDENTITY, owner_address=OWNER.friendly(), max_active_requests=places)

    def session(on_change: Callable[[], None]) -> WorkerSession:
        prices = Prices.of(PARAMETERS)
        return WorkerSession(identity, prices, backend, book, clock=clock, random=Random(3), on_change=on_change)

    link = ProxyLink(
        f"proxy {port}",
        session,
        book,
        lambda: ProxyAddress("127.0.0.1", port),
        lambda: RaTls(proofs()) if proven else None,
        clock=clock,
        random=Random(port),
        on_change=lambda: read.append(link.note),
    )
    return link
