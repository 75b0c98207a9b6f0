"""The owner's rules at work: looks once a second while work is wanted, and says what holds it up.

A second, because the GPU is to be back within two when a game starts: one to see it, less to end the job process.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from mulberry.agent import reasons
from mulberry.agent.cards import descendants
from mulberry.hardware.presence.look import Presence
from mulberry.model.clock import Clock
from mulberry.model.foretelling import free_again
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.node import Reason
from mulberry.model.power_cap import PowerCap, PowerLimit
from mulberry.model.rules import NOTHING_DECIDED, Decision, GpuSignals, Rules, Signals, decide

LOOK_SECONDS = 1.0
PLAINLY_BUSY = 20  # percent, that no sum of processes that do nothing can make
NO_PRICE: Finding[bool] = Finding(None, tr("there is no price of Toncoin"))

log = logging.getLogger(__name__)


class LooksForOwner(Protocol):
    """`OwnersComputer`, or a test's own."""

    async def look(self, rules: Rules, now: datetime) -> Signals: ...

    def close(self) -> None: ...


class OwnersComputer:
    """What this computer tells of its owner, asked for on a thread."""

    def __init__(self) -> None:
        self._presence = Presence()

    async def look(self, rules: Rules, now: datetime) -> Signals:
        return await asyncio.to_thread(self._presence.look, rules, now)

    def close(self) -> None:
        self._presence.close()


class Guards:
    """`decision` holds since the last look. `gpus` gives the newest report, `computing_on` the UUIDs of those that our
    jobs run on, and `our_processes` the system's numbers of those jobs."""

    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        presence: LooksForOwner,
        gpus: Callable[[], GpuReport],
        computing_on: Callable[[], tuple[str, ...]],
        at_loss: Callable[[], Finding[bool]] = lambda: NO_PRICE,
        our_processes: Callable[[], set[int]] = lambda: descendants(os.getpid()),
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._presence = presence
        self._gpus = gpus
        self._computing_on = computing_on
        self._at_loss = at_loss
        self._our_processes = our_processes
        self._wanted = asyncio.Event()
        self._looked: asyncio.Event = asyncio.Event()
        self._looking = asyncio.Lock()
        self._decided_by: Rules | None = None
        self.decision: Decision = NOTHING_DECIDED

    @property
    def rules(self) -> Rules:
        return self._rules

    def use(self, rules: Rules) -> None:
        """From the next look on."""
        self._rules = rules

    def want(self, wanted: bool) -> None:
        """Whether work is wanted; while it is not, nobody looks."""
        if wanted == self._wanted.is_set():
            return
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()
            self._looked.clear()
            self._decided_by = None
            self.decision = NOTHING_DECIDED

    @property
    def watches_load(self) -> bool:
        """Whether a rule needs to know each second what others do on the GPUs."""
        rules = self._rules
        limits = (rules.other_load_percent, *(gpu.other_load_percent for gpu in rules.gpus))
        return self._wanted.is_set() and any(limit is not None for limit in limits)

    async def first_look(self) -> None:
        """Returns when it is known whether work may begin."""
        await self._looked.wait()

    async def shown(self) -> Decision:
        """What holds now, for who looks at the rules; while no work is wanted, what would hold."""
        rules = self._rules
        if self._decided_by is not rules:
            signals = await self._look(rules)
            if not self._wanted.is_set():
                self._presence.close()
            if self._decided_by is not rules:
                return decide(rules, signals)
        return self.decision

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it does not work now. Empty: it may."""
        of_gpus = () if self._has_another_gpu() else self.decision.gpu_holds
        holds = (*self.decision.holds, *of_gpus)
        free_at = free_again(self._rules, self._clock.now()) if holds else None
        return tuple(reasons.paused_by_rule(hold, free_at) for hold in holds)

    @property
    def to_do(self) -> tuple[Reason, ...]:
        """What waits for the owner, of GPUs that rest while others may work."""
        waiting = self.decision.gpu_holds if self._has_another_gpu() else ()
        found = (reasons.paused_by_rule(hold, None) for hold in waiting if hold.next_step)
        return tuple(replace(reason, stops_work=False) for reason in found)

    @property
    def power_caps(self) -> tuple[PowerCap, ...]:
        """The owner's, for the GPUs that are here and may be used."""
        rules = [self._rules.of_gpu(gpu.uuid) for gpu in self._gpus().gpus]
        return tuple(
            PowerCap(own.uuid, own.power_cap_watt) for own in rules if own.use and own.power_cap_watt is not None
        )

    def _has_another_gpu(self) -> bool:
        """Whether a GPU is left that no rule keeps; without any GPU the CPU works, which these rules do not concern."""
        held = {hold.gpu for hold in self.decision.gpu_holds}
        uuids = {gpu.uuid for gpu in self._gpus().gpus}
        return not uuids or bool(uuids - held)

    def may_use(self, uuid: str) -> bool:
        """Whether no rule keeps that GPU from working now."""
        return self.decision.may_use(uuid)

    async def run(self, on_change: Callable[[], None]) -> None:
        """For ever. `on_change` is called when something else holds than before."""
        try:
            while True:
                await self._wanted.wait()
                rules = self._rules
                signals = await self._look(rules)
                if self._wanted.is_set():
                    self._decide(rules, signals, on_change)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._presence.close()

    async def _look(self, rules: Rules) -> Signals:
        async with self._looking:
            signals = await self._presence.look(rules, self._clock.now())
        ours = await asyncio.to_thread(self._our_processes) if self.watches_load and self._computing_on() else set()
        gpus = tuple(self._of_gpu(gpu, ours) for gpu in self._gpus().gpus)
        return replace(signals, gpus=gpus, at_loss=self._at_loss())

    def _decide(self, rules: Rules, signals: Signals, on_change: Callable[[], None]) -> None:
        before, self.decision = self.decision, decide(rules, signals, self.decision)
        self._decided_by = rules
        is_first = not self._looked.is_set()
        self._looked.set()
        if is_first or (before.holds, before.gpu_holds) != (self.decision.holds, self.decision.gpu_holds):
            held = [str(hold.rule) for hold in (*self.decision.holds, *self.decision.gpu_holds)]
            log.info("rules: %s", ", ".join(held) or "it may work")
            on_change()

    def _of_gpu(self, gpu: GpuInfo, ours: set[int]) -> GpuSignals:
        is_ours = gpu.uuid in self._computing_on()
        others, why = load_of_others(gpu, ours) if is_ours else (gpu.load_percent, "")
        return GpuSignals(gpu.uuid, gpu.name, gpu.temperature_celsius, others, why, PowerLimit.of(gpu))


def load_of_others(gpu: GpuInfo, ours: set[int]) -> tuple[int | None, str]:
    """What processes that are not `ours` put on a GPU that ours compute on, in percent; None with why nobody can tell.

    In a container the driver names no process, or names them by other numbers: then none of ours is among them.
    """
    processes = gpu.processes or ()
    if not any(process.pid in ours for process in processes):
        return None, tr(
            "the driver does not name our own jobs on {gpu}, so their load cannot be told from that of others",
            gpu=gpu.name,
        )
    loads = {process.pid: process.load_percent for process in processes if process.load_percent is not None}
    silent = not any(loads.values()) and (gpu.load_percent or 0) >= PLAINLY_BUSY
    if not loads or silent:
        return None, tr("the driver does not tell the load of single programs on {gpu}", gpu=gpu.name)
    return min(sum(load for pid, load in loads.items() if pid not in ours), 100), ""
