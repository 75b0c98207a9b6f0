"""One stretch of work, from Start to the last thing given back. After its end the next one is begun anew."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

from mulberry.agent import reasons
from mulberry.agent.bench import Bench
from mulberry.agent.startup import START_UP, ConnectToProxy, LoadModel, link_proxies
from mulberry.agent.task import Blocked, Done, Skipped, Task
from mulberry.agent.treasury import Treasury
from mulberry.agent.workshop import Workshop
from mulberry.model.node import ProxyStatus, Reason, Step, StepState
from mulberry.model.payments import ProxyAccount
from mulberry.model.root_contract import RootParameters
from mulberry.runtime.engine import THE_CPU, EngineState

log = logging.getLogger(__name__)

LAST_REQUESTS_SECONDS = 30.0  # of connections that the network's new parameters end
LAST_WORD_SECONDS = 5.0  # how long a finished shift waits for the proxy's word on its last job


class Shift:
    """`on_change` is called after every change of what the properties say."""

    def __init__(
        self, workshop: Workshop, on_change: Callable[[], None], *, tasks: Sequence[type[Task]] = START_UP
    ) -> None:
        self._workshop = workshop
        self._on_change = on_change
        self._tasks = tasks
        self._finishing = False
        self._bench: Bench | None = None
        self.is_serving = False
        self.steps = tuple(Step(task.name, StepState.WAITING) for task in tasks)

    @property
    def running_requests(self) -> int:
        return self._bench.running_requests if self._bench else 0

    @property
    def connected_proxies(self) -> int:
        return self._bench.connected_proxies if self._bench else 0

    @property
    def treasury(self) -> Treasury | None:
        """The money on TON, once the node wallet is known."""
        return self._bench.treasury if self._bench else None

    @property
    def sandbox(self) -> str:
        """What stands around the jobs, "" while there is no engine that has shown it."""
        engine = self._bench.engine if self._bench else None
        return str(engine.status.confinement or "") if engine else ""

    @property
    def runs_on(self) -> str:
        """What the model has computed on; the CPU until it has."""
        engine = self._bench.engine if self._bench else None
        return (engine.status.runs_on if engine else "") or THE_CPU

    @property
    def front_url(self) -> str | None:
        """The network's door for customers, where it has one."""
        return self._bench.profile.front_url if self._bench else None

    def proxies(self, accounts: list[ProxyAccount]) -> tuple[ProxyStatus, ...]:
        return tuple(link.status(accounts) for link in self._bench.links) if self._bench else ()

    def found(self) -> tuple[Reason, ...]:
        """What holds up the whole shift."""
        engine = self._bench.engine if self._bench else None
        if engine is not None and engine.status.state is EngineState.RESTARTING:
            return (reasons.engine_restarts(engine.status.note),)
        return ()

    def of_proxies(self) -> tuple[Reason, ...]:
        """What the links to the proxies have to say."""
        links = self._bench.links if self._bench else []
        return tuple(link.reason for link in links if link.reason is not None)

    def finish(self, wanted: bool) -> None:
        """Takes no new requests and ends when none runs; with False goes on as before, if it is not too late."""
        self._finishing = wanted
        self.nudge()

    def nudge(self) -> None:
        """Something outside changed that the shift may wait for."""
        if self._bench is not None:
            self._bench.changed.set()

    async def run(self) -> Reason | None:
        """Works until it is finished (None), or blocked by something. Cancelled, it gives everything back at once."""
        async with AsyncExitStack() as stack:
            self._bench = bench = Bench(self._workshop, stack, self._on_change)
            blocked = await self._start_up(bench)
            if blocked is None:
                self.is_serving = True
                blocked = await self._serve(bench)
            self.is_serving = False
            return blocked

    async def _start_up(self, bench: Bench) -> Reason | None:
        for number, kind in enumerate(self._tasks):

            def progress(note: str, number: int = number) -> None:
                self._set_step(number, StepState.RUNNING, note)

            progress("")
            log.info("start-up: %s", kind.name)
            outcome = await kind().run(bench, progress)
            match outcome:
                case Done(note):
                    self._set_step(number, StepState.DONE, note)
                case Skipped(why):
                    self._set_step(number, StepState.SKIPPED, why)
                case Blocked(reason):
                    self._set_step(number, StepState.BLOCKED, reason.evidence)
                    log.warning("start-up: %s: %s", kind.name, reason.evidence)
                    return reason
        return None

    async def _serve(self, bench: Bench) -> Reason | None:
        while True:
            bench.changed.clear()
            for broken in bench.broken_runs():
                broken.result()
            engine = bench.engine
            if engine is not None and engine.status.state is EngineState.BROKEN:
                return reasons.engine_gave_up(engine.status.note)
            await self._follow_the_root(bench)
            self._follow(bench)
            if self._finishing and not bench.running_requests:
                await self._hear_the_last_word(bench)
                return None
            await bench.changed.wait()

    async def _follow_the_root(self, bench: Bench) -> None:
        """Other prices or codes are other contracts, and other proxies other connections: begun anew."""
        if bench.linked is None or not _needs_new_links(bench.linked, bench.parameters):
            return
        log.info("the network's parameters changed: connecting anew")
        for link in bench.links:
            link.session.set_enabled(False)
        await self._let_requests_end(bench)
        await bench.end_links()
        link_proxies(bench)

    async def _let_requests_end(self, bench: Bench) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_REQUESTS_SECONDS):
                while bench.running_requests:
                    bench.changed.clear()
                    await bench.changed.wait()

    def _follow(self, bench: Bench) -> None:
        """Steps say what is, not what was; requests are taken only while there is somebody to run and book them."""
        engine_ready = bench.engine is not None and bench.engine.status.state is EngineState.READY
        self._set_live(LoadModel, engine_ready, bench.engine.status.note if bench.engine else "")
        told = self.of_proxies()
        self._set_live(ConnectToProxy, bench.connected_proxies > 0, told[0].evidence if told else "")
        wanted = engine_ready and not self._finishing and not self._workshop.till.full
        for link in bench.links:
            if link.session.is_enabled != wanted:
                link.session.set_enabled(wanted)

    async def _hear_the_last_word(self, bench: Bench) -> None:
        """A job's worth arrives shortly after its answer has left; who hangs up before never learns it job by job."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                while bench.connected_proxies and self._workshop.till.unconfirmed:
                    bench.changed.clear()
                    await bench.changed.wait()

    def _set_live(self, kind: type[Task], well: bool, note: str) -> None:
        if kind in self._tasks:
            number = self._tasks.index(kind)
            step = self.steps[number]
            if well and step.state is not StepState.DONE:
                self._set_step(number, StepState.DONE, "")
            elif not well:
                self._set_step(number, StepState.RUNNING, note)

    def _set_step(self, number: int, state: StepState, note: str) -> None:
        step = replace(self.steps[number], state=state, note=note)
        if step != self.steps[number]:
            self.steps = (*self.steps[:number], step, *self.steps[number + 1 :])
            self._on_change()


def _needs_new_links(before: RootParameters, now: RootParameters) -> bool:
    """A version alone may only say that a proxy moved, which its link finds by itself."""

    def fixed(parameters: RootParameters) -> RootParameters:
        return replace(
            parameters,
            version=0,
            proxies=parameters.proxies[:0],
            registrations=(),
            last_proxy_seqno=0,
            proxy_hashes=(),
            worker_hashes=(),
            model_hashes=(),
            owner_address="",
        )

    return fixed(before) != fixed(now) or len(before.proxies) != len(now.proxies)
