"""What one shift has on its bench: filled by the start-up tasks one after the other, cleared away at its end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, AsyncExitStack
from typing import Any, TypeVar

from mulberry.agent.chain import Chain
from mulberry.agent.keys import NodeKey
from mulberry.agent.launch import LaunchedNetwork
from mulberry.agent.proxies import Proxies
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.treasury import Treasury
from mulberry.agent.workshop import Workshop
from mulberry.model.network import NetworkProfile
from mulberry.model.node import Reason
from mulberry.model.root_contract import RootParameters
from mulberry.runtime.engine import RunningEngine
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.several import SeveralCards
from mulberry.ton.address import Address

Opened = TypeVar("Opened")


class Bench:
    """`tell` is called after every change of anything on the bench."""

    def __init__(self, workshop: Workshop, stack: AsyncExitStack, tell: Callable[[], None]) -> None:
        self.workshop = workshop
        self.owner: Address | None = None
        self.model: ModelFolder | None = None
        self.network: LaunchedNetwork | None = None
        self.sandbox: Sandbox | None = None
        self.engine: RunningEngine | None = None
        self.cards: SeveralCards | None = None  # the engine, where it runs on GPUs
        self.key: NodeKey | None = None
        self.chain: Chain | None = None
        self.treasury: Treasury | None = None
        self.proxies: Proxies | None = None
        self.changed = asyncio.Event()
        self.waits_for: Reason | None = None  # what holds up the start, until it comes by itself
        self._runs: list[asyncio.Task[None]] = []
        self._stack = stack
        self._tell = tell
        self._told: tuple[NetworkProfile, RootParameters] | None = None  # what a profile without a chain says

    @property
    def profile(self) -> NetworkProfile:
        """The launched network's own profile where there is one, else the one that was asked for."""
        launched = self.network.profile if self.network else None
        return launched or self.workshop.profile

    @property
    def parameters(self) -> RootParameters:
        """What the root contract says: read from TON where the network is there, else from the profile."""
        read = self.treasury.parameters if self.treasury else None
        if read is not None:
            return read
        if self._told is None or self._told[0] is not self.profile:
            self._told = self.profile, self.profile.root_parameters()
        return self._told[1]

    @property
    def links(self) -> list[ProxyLink]:
        return self.proxies.links if self.proxies else []

    @property
    def running_requests(self) -> int:
        return self.proxies.running_requests if self.proxies else 0

    @property
    def connected_proxies(self) -> int:
        """Those that may send requests."""
        return sum(link.is_working for link in self.links)

    def on_change(self) -> None:
        self.changed.set()
        for link in self.links:
            link.look_again()
        self._tell()

    def on_network_change(self) -> None:
        """The launched network ended, or is there again, and everything of it elsewhere."""
        if self.treasury is not None:
            self.treasury.nudge()
        self.on_change()

    def wait_for(self, reason: Reason | None) -> None:
        """Says what is waited for; None: it came."""
        if reason != self.waits_for:
            self.waits_for = reason
            self.on_change()

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
        run.add_done_callback(lambda _: self.changed.set())
        self._runs.append(run)
        self.keep_until_the_end(lambda: _cancel(run))

    def broken_runs(self) -> list[asyncio.Task[None]]:
        """What was kept running never ends by itself: what did has a bug, which its result raises."""
        return [run for run in self._runs if run.done()]


async def _cancel(run: "asyncio.Task[None]") -> None:
    run.cancel()
    await asyncio.wait((run,))
    if not run.cancelled():
        run.result()
