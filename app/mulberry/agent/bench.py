"""What one shift has on its bench: filled by the start-up tasks one after the other, cleared away at its end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, AsyncExitStack
from typing import Any, TypeVar

from mulberry.agent.chain import Chain
from mulberry.agent.keys import NodeKey
from mulberry.agent.launch import LaunchedNetwork
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.treasury import Treasury
from mulberry.agent.workshop import RunningEngine, Workshop
from mulberry.model.gpu import GpuReport
from mulberry.model.network import NetworkProfile
from mulberry.model.root_contract import RootParameters
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.ton.address import Address

Opened = TypeVar("Opened")


class Bench:
    """`tell` is called after every change of anything on the bench."""

    def __init__(self, workshop: Workshop, stack: AsyncExitStack, tell: Callable[[], None]) -> None:
        self.workshop = workshop
        self.owner: Address | None = None
        self.gpus: GpuReport | None = None
        self.model: ModelFolder | None = None
        self.network: LaunchedNetwork | None = None
        self.sandbox: Sandbox | None = None
        self.engine: RunningEngine | None = None
        self.key: NodeKey | None = None
        self.chain: Chain | None = None
        self.treasury: Treasury | None = None
        self.links: list[ProxyLink] = []
        self.linked: RootParameters | None = None  # by which `links` were made
        self.changed = asyncio.Event()
        self._runs: list[asyncio.Task[None]] = []
        self._link_runs: list[asyncio.Task[None]] = []
        self._stack = stack
        self._tell = tell

    @property
    def profile(self) -> NetworkProfile:
        """The launched network's own profile where there is one, else the one that was asked for."""
        launched = self.network.profile if self.network else None
        return launched or self.workshop.profile

    @property
    def parameters(self) -> RootParameters:
        """What the root contract says: read from TON where the network is there, else from the profile."""
        read = self.treasury.parameters if self.treasury else None
        return read or self.profile.root_parameters()

    @property
    def running_requests(self) -> int:
        return sum(link.session.running_requests for link in self.links)

    @property
    def connected_proxies(self) -> int:
        return sum(link.session.is_connected for link in self.links)

    def on_change(self) -> None:
        self.changed.set()
        self._tell()

    @property
    def worker_contracts(self) -> set[str]:
        """Of the proxies that we are connected to."""
        return {link.worker_contract for link in self.links if link.session.is_connected} - {""}

    def keep_until_the_end(self, undo: Callable[[], Awaitable[None]]) -> None:
        """`undo` is called at the end of the shift, the newest first."""
        self._stack.push_async_callback(undo)

    def keep_open(self, opened: AbstractContextManager[Opened]) -> Opened:
        """Enters it now, and leaves it at the end of the shift."""
        return self._stack.enter_context(opened)

    def keep_running(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """For as long as the shift lasts. It never ends by itself."""
        run = asyncio.create_task(work, name=name)
        self._runs.append(run)
        self.keep_until_the_end(lambda: _cancel(run))

    def add_link(self, link: ProxyLink) -> None:
        """Starts connecting, for as long as the shift lasts."""
        self.links.append(link)
        run = asyncio.create_task(link.run(), name=f"link to {link.name}")
        self._link_runs.append(run)
        self.keep_until_the_end(lambda: _end(link, run))

    async def end_links(self) -> None:
        """Ends what the links do, and forgets them."""
        links, self.links = self.links, []
        for link in links:
            await link.end()
        for run in self._link_runs:
            await _cancel(run)
        self._link_runs.clear()

    def broken_runs(self) -> list[asyncio.Task[None]]:
        """A link never ends by itself: one that did has a bug, which its result raises."""
        return [run for run in (*self._runs, *self._link_runs) if run.done()]


async def _end(link: ProxyLink, run: "asyncio.Task[None]") -> None:
    await link.end()
    await _cancel(run)


async def _cancel(run: "asyncio.Task[None]") -> None:
    run.cancel()
    await asyncio.wait((run,))
    if not run.cancelled():
        run.result()
