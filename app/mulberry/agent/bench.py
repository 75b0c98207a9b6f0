"""What one shift has on its bench: filled by the start-up tasks one after the other, cleared away at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from mulberry.agent.launch import LaunchedNetwork
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.workshop import RunningEngine, Workshop
from mulberry.model.gpu import GpuReport
from mulberry.model.network import NetworkProfile
from mulberry.runtime.models import ModelFolder
from mulberry.ton.address import Address


class Bench:
    """`tell` is called after every change of anything on the bench."""

    def __init__(self, workshop: Workshop, stack: AsyncExitStack, tell: Callable[[], None]) -> None:
        self.workshop = workshop
        self.owner: Address | None = None
        self.gpus: GpuReport | None = None
        self.model: ModelFolder | None = None
        self.network: LaunchedNetwork | None = None
        self.engine: RunningEngine | None = None
        self.links: list[ProxyLink] = []
        self.changed = asyncio.Event()
        self._runs: list[asyncio.Task[None]] = []
        self._stack = stack
        self._tell = tell

    @property
    def profile(self) -> NetworkProfile:
        """The launched network's own profile where there is one, else the one that was asked for."""
        launched = self.network.profile if self.network else None
        return launched or self.workshop.profile

    @property
    def running_requests(self) -> int:
        return sum(link.session.running_requests for link in self.links)

    @property
    def connected_proxies(self) -> int:
        return sum(link.session.is_connected for link in self.links)

    def on_change(self) -> None:
        self.changed.set()
        self._tell()

    def keep_until_the_end(self, undo: Callable[[], Awaitable[None]]) -> None:
        """`undo` is called at the end of the shift, the newest first."""
        self._stack.push_async_callback(undo)

    def add_link(self, link: ProxyLink) -> None:
        """Starts connecting, for as long as the shift lasts."""
        self.links.append(link)
        run = asyncio.create_task(link.run(), name=f"link to {link.name}")
        self._runs.append(run)
        self.keep_until_the_end(lambda: _end(link, run))

    def broken_links(self) -> list[asyncio.Task[None]]:
        """A link never ends by itself: one that did has a bug, which its result raises."""
        return [run for run in self._runs if run.done()]


async def _end(link: ProxyLink, run: "asyncio.Task[None]") -> None:
    await link.end()
    run.cancel()
    await asyncio.wait((run,))
    if not run.cancelled():
        run.result()
