"""One stretch of work, from Start to the last thing given back. After its end the next one is begun anew."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

from mulberry.agent import reasons
from mulberry.agent.bench import Bench
from mulberry.agent.estimate import LastBenchmark, estimate_of
from mulberry.agent.network_facts import root_of
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.proxy_records import ProxyRecord, proxy_records, proxy_statuses
from mulberry.agent.resting import RestingCards
from mulberry.agent.startup import START_UP, ConnectToProxy, LoadModel, follow_root
from mulberry.agent.task import Blocked, Done, Skipped, Task
from mulberry.agent.treasury import Treasury
from mulberry.agent.workshop import Workshop
from mulberry.model.benchmark import Estimate
from mulberry.model.ending import Ending
from mulberry.model.engine import EngineStats
from mulberry.model.money import Nanoton
from mulberry.model.node import ProxyStatus, Reason, RootInfo, Step, StepState
from mulberry.model.places import benchmark_file
from mulberry.model.root_contract import RootParameters
from mulberry.runtime.engine import EngineState
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Confinement
from mulberry.runtime.several import in_words

log = logging.getLogger(__name__)

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
        self._benchmark = LastBenchmark(benchmark_file(workshop.folder.path.parent))
        self._resting: RestingCards | None = None
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
        return str(self.confinement or "")

    @property
    def confinement(self) -> Confinement | None:
        """What the job process has shown of its sandbox; None while there is none that has."""
        engine = self._bench.engine if self._bench else None
        return engine.status.confinement if engine else None

    @property
    def model(self) -> ModelFolder | None:
        """The model that serves, once there is an engine."""
        bench = self._bench
        return bench.model if bench and bench.engine else None

    @property
    def runs_on(self) -> str:
        """What the model has computed on; until it has, what it would."""
        engine = self._bench.engine if self._bench else None
        return (engine.status.runs_on if engine else "") or self._workshop.would_run_on

    @property
    def gpus(self) -> tuple[str, ...]:
        """The UUIDs of the GPUs that it works on; none on the CPU, or while there is no engine yet."""
        cards = self._bench.cards if self._bench else None
        return tuple(card.gpu.uuid for card in cards.cards) if cards else ()

    @property
    def libraries(self) -> Path | None:
        """Of the GPU runtime that it works with; None: on the CPU, or with what came with Mulberry."""
        cards = self._bench.cards.cards if self._bench and self._bench.cards else ()
        return next((card.libraries for card in cards), None)

    @property
    def engines(self) -> tuple[EngineStats, ...]:
        """How each job process, or each own server, does."""
        engine = self._bench.engine if self._bench else None
        return engine.stats() if engine else ()

    @property
    def estimate(self) -> Estimate | None:
        """What an hour could earn at most, where it was measured. Loading the model for each request was not."""
        measured, model, root = self._benchmark.now(), self._bench.model if self._bench else None, self.parameters
        settings = self._workshop.settings
        if measured is None or model is None or root is None or settings.restart_between_jobs:
            return None
        return estimate_of(measured, model.manifest, self.engines, root, settings.coefficient)

    @property
    def served(self) -> Path | None:
        """The folder of the model that serves, once there is an engine."""
        return self.model.path if self.model else None

    @property
    def front_url(self) -> str | None:
        """The network's door for customers, where it has one."""
        return self._bench.profile.front_url if self._bench else None

    @property
    def parameters(self) -> RootParameters | None:
        """What the root contract says; None: not read yet."""
        bench = self._bench
        is_known = bench is not None and (bench.treasury is not None or bench.profile.chain is not None)
        return bench.parameters if bench is not None and is_known else None

    @property
    def root(self) -> RootInfo | None:
        """What the faces show of the root contract; None: not read yet."""
        return root_of(self._bench) if self._bench else None

    def use(self, workshop: Workshop) -> None:
        """Its settings hold from now on: proxies are told the price, the rest holds for new connections."""
        self._workshop = workshop
        if self._bench is not None:
            self._bench.workshop = workshop
            for link in self._bench.links:
                link.session.set_coefficient(workshop.settings.coefficient)

    def proxies(self, records: list[ProxyRecord]) -> tuple[ProxyStatus, ...]:
        """Those that we are connected to or would like to be, then those of `records` that we were."""
        if self._bench is None:
            return proxy_statuses(None, records, self._workshop)
        return proxy_statuses(self._bench.proxies, records, self._workshop)

    def found(self) -> tuple[Reason, ...]:
        """What holds up the whole shift."""
        if self._bench is not None and self._bench.waits_for is not None:
            return (self._bench.waits_for,)
        engine = self._bench.engine if self._bench else None
        return () if engine is None else tuple(reasons.of_engine(engine.status))

    def of_proxies(self) -> tuple[Reason, ...]:
        """What the links to the proxies have to say."""
        links = self._bench.links if self._bench else []
        return tuple(link.reason for link in links if link.reason is not None)

    def dial_now(self, proxy: str) -> bool:
        """Whether the proxy of that name waited for its next attempt, which is made now."""
        return self._bench is not None and self._bench.proxies is not None and self._bench.proxies.dial_now(proxy)

    def finish(self, wanted: bool) -> None:
        """Takes no new requests and ends when none runs; with False goes on as before, if it is not too late."""
        self._finishing = wanted
        self.nudge()

    def rules_told(self) -> None:
        """The owner's rules have decided something else of a GPU than before."""
        if self._resting is not None:
            self._resting.rules_told()

    def nudge(self) -> None:
        """Something outside changed that the shift may wait for."""
        if self._bench is not None:
            self._bench.changed.set()

    @property
    def ending(self) -> Ending:
        """What it left; asked for after `run` has returned."""
        bench, at = self._bench, self._workshop.clock.now()
        if bench is None:
            return Ending(at)
        return Ending(
            at,
            job_process=bench.engine is not None and not self._workshop.own_servers,
            demo_network=bench.network is not None,
            gpu=in_words(card.gpu.name for card in bench.cards.cards) if bench.cards else "",
            memory_is_back=_all_back(bench.cards.memory_is_back.values()) if bench.cards else None,
        )

    async def run(self) -> Reason | None:
        """Works until it is finished (None), or blocked by something. Cancelled, it gives everything back at once."""
        async with AsyncExitStack() as stack:
            self._bench = bench = Bench(self._workshop, stack, self._on_change)
            blocked = await self._start_up(bench)
            if blocked is None:
                if bench.cards is not None:
                    self._resting = RestingCards(bench.cards, self._workshop.may_use_gpu)
                    bench.keep_running(self._resting.run(), "rest single GPUs")
                self._workshop.when_ready()
                self.is_serving = True
                self._on_change()
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
            follow_root(bench)
            self._follow(bench)
            if self._finishing and not bench.running_requests:
                await self._hear_the_last_word(bench)
                return None
            await bench.changed.wait()

    def _follow(self, bench: Bench) -> None:
        """Steps say what is, not what was; requests are taken only while there is somebody to run and book them."""
        engine_ready = bench.engine is not None and bench.engine.status.state is EngineState.READY
        self._set_live(LoadModel, engine_ready, bench.engine.status.note if bench.engine else "")
        note = bench.proxies.note if bench.proxies else ""
        self._set_live(ConnectToProxy, bench.connected_proxies > 0, note)
        wanted = engine_ready and not self._finishing and not self._workshop.till.full
        for link in bench.links:
            link.hold_back(self._limit_passed(link))
            enabled = wanted and not link.is_held_back
            if link.session.is_enabled != enabled:
                link.session.set_enabled(enabled)

    def _limit_passed(self, link: ProxyLink) -> Reason | None:
        """The owner's limits; without one, nothing is looked up."""
        settings = self._workshop.settings
        if settings.owed_limit is None and settings.underpaid_limit is None:
            return None
        records = proxy_records(self._workshop.till.ledger)
        record = next((record for record in records if record.public_key == link.proxy_key), None)
        if record is None:
            return None
        if settings.owed_limit is not None and record.owed > settings.owed_limit:
            return reasons.proxy_owes_too_much(link.name, record.owed, Nanoton(settings.owed_limit))
        if settings.underpaid_limit is not None and record.underpaid > settings.underpaid_limit:
            return reasons.proxy_pays_too_little(link.name, record.underpaid, Nanoton(settings.underpaid_limit))
        return None

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


def _all_back(answers: Iterable[bool | None]) -> bool | None:
    """None: nobody can tell of one of them."""
    told = tuple(answers)
    if False in told:
        return False
    return None if not told or None in told else True
