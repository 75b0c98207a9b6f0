"""The node: does what its owner wants, and says what is. Everything a face shows comes out of `status`."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from mulberry import __version__
from mulberry.agent import reasons
from mulberry.agent.attesting import Attesting
from mulberry.agent.choices import Choices, refuse_special
from mulberry.agent.diagnosis import Diagnosing
from mulberry.agent.eligibility import preflight_of
from mulberry.agent.energy_meter import AtWork
from mulberry.agent.gpu_setup import setup_of
from mulberry.agent.guards import Guards
from mulberry.agent.ledger import Ledger
from mulberry.agent.model_keeper import keeper_of
from mulberry.agent.net import net_of
from mulberry.agent.network_facts import network_info
from mulberry.agent.notices import notices
from mulberry.agent.owner import read_owner
from mulberry.agent.proxy_records import proxy_statuses
from mulberry.agent.purse import Purse
from mulberry.agent.shift import Shift
from mulberry.agent.state import Facts, derive_state
from mulberry.agent.stats_words import OperatorFacts
from mulberry.agent.telemetry import Telemetry
from mulberry.agent.totals import Totals
from mulberry.agent.updates.keeper import updates_of
from mulberry.agent.watching import Watches
from mulberry.agent.work import Work
from mulberry.agent.workshop import Workshop
from mulberry.model.control import API_VERSION, Hello
from mulberry.model.ending import Ending
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job
from mulberry.model.key import KeyCheck
from mulberry.model.language import tr
from mulberry.model.net import NetStatus
from mulberry.model.node import NodeState, Reason, ReasonKind, RootInfo, Status, Want
from mulberry.model.rules import Decision
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.wallet import Reconciliation, WalletStatus

log = logging.getLogger(__name__)

BUSY_SECONDS = 15.0  # after a request the next is likely; a state that flickers tells nobody anything
FULL_DISK_SECONDS = 5.0


class Node:
    """One per agent. `run` works until it is cancelled; the rest is for the control API (`agent.api.Desk`)."""

    def __init__(
        self, workshop: Workshop, *, make_shift: Callable[[Workshop, Callable[[], None]], Shift] = Shift
    ) -> None:
        self._workshop = workshop
        self._make_shift = make_shift
        self._clock = workshop.clock
        self._busy_until = 0.0  # on the loop's clock
        self._quiet: asyncio.TimerHandle | None = None
        self._look: asyncio.Handle | None = None  # at the state, at the end of this turn of the event loop
        self._disk_filled = asyncio.Event()
        self.watches = Watches()
        self._totals = Totals(workshop.till.ledger, workshop.clock)
        self._telemetry = Telemetry(workshop.gpus, self.watches, lambda: self._guards.watches_load)
        self._choices = Choices(workshop.folder, workshop.clock, lambda: self._telemetry.newest.gpus)
        computer = self._choices.read().computer
        self._net = net_of(workshop, lambda: self._telemetry.newest, self._at_work, computer)
        self._guards = Guards(
            computer.rules,
            workshop.clock,
            workshop.presence,
            gpus=lambda: self._telemetry.newest,
            computing_on=lambda: self._shift.gpus if self._shift else (),
            at_loss=self._net.at_loss,
        )
        self._work = Work(
            workshop.folder.intent, workshop.clock, self._guards, self._new_shift, self._changed, self._shift_ends
        )
        self.updates = updates_of(workshop, computer.update_wish, self._work, self._hand_over, self._changed)
        self.successor: tuple[str, ...] = ()  # the program that takes this one's place when it has ended
        self._started_at = workshop.clock.now()
        self._purse = Purse(workshop, lambda: self._shift.treasury if self._shift else None)
        self.models = keeper_of(
            workshop, lambda: self._shift, lambda: self._work.go_on_after(ReasonKind.MODEL_UNUSABLE)
        )
        self.gpu_setup = setup_of(workshop)
        self.attesting = Attesting(workshop, lambda: self._shift)
        self.eligibility = preflight_of(workshop)
        self.diagnosing = Diagnosing(workshop, self)
        self._root: RootInfo | None = None  # as a shift knew it last
        self._ending: Ending | None = None  # of the shift before
        self._state: NodeState | None = None
        self._state_since = self._started_at
        self.quitting = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None  # when the last request has ended
        self._notices = notices(workshop.folder)
        self._stats_problem: tuple[Reason, ...] = ()
        workshop.till.on_change = self._on_till
        workshop.keys.on_change = self._changed

    @property
    def _shift(self) -> Shift | None:
        return self._work.shift

    def _at_work(self) -> AtWork | None:
        shift = self._shift
        if shift is None or not shift.is_serving:
            return None
        return AtWork(shift.gpus, elsewhere=bool(self._workshop.own_servers))

    def _shift_ends(self) -> None:
        self._purse.is_compared()  # which is remembered: a later shift need not have read anything
        self._ending = self._shift.ending if self._shift else None

    # For the control API

    @property
    def ledger(self) -> Ledger:
        return self._workshop.till.ledger

    def hello(self) -> Hello:
        return Hello(API_VERSION, __version__, os.getpid(), self._workshop.profile.name, self._started_at)

    def status(self) -> Status:
        """The whole truth now; cheap, made anew for each asking."""
        facts, state, found = self._now()
        shift, profile = self._shift, self._workshop.profile
        earnings, records = self._totals.now()
        front_url = shift.front_url if shift else None
        self._root = (shift.root if shift else None) or self._root
        return Status(
            state=state,
            reasons=found,
            steps=facts.steps,
            intent=facts.intent,
            network=network_info(profile, front_url, self._root),
            model=profile.model,
            runs_on=shift.runs_on if shift else self._workshop.would_run_on,
            sandbox=shift.sandbox if shift else "",
            own_servers=self._workshop.own_servers,
            engines=shift.engines if shift else (),
            estimate=shift.estimate if shift else None,
            running_requests=facts.running_requests,
            proxies=shift.proxies(records) if shift else proxy_statuses(None, records, self._workshop),
            earnings=earnings,
            gpus=self._telemetry.newest,
            state_since=self._state_since,
            as_of=self._clock.now(),
            version=__version__,
            newer_version=self.updates.offered_version,
            power_caps=self._guards.power_caps,
            ending=None if shift else self._ending,
        )

    def net(self) -> NetStatus:
        return self._net.status()

    def wallet(self) -> WalletStatus:
        return self._purse.wallet()

    async def pay_out(self, proxy: str | None) -> None:
        await self._purse.pay_out(proxy)

    async def get_play_money(self) -> None:
        await self._purse.get_play_money()

    def reconciliation(self) -> Reconciliation:
        return self._purse.reconciliation()

    async def unlock_key(self, passphrase: str) -> None:
        """Raises `UserFacingError`, as all calls of the key do: `KeyKeeper` says when."""
        await self._workshop.keys.unlock(passphrase)
        self._work.go_on_after(ReasonKind.KEY_UNAVAILABLE)

    async def set_key_passphrase(self, passphrase: str) -> None:
        await self._workshop.keys.set_passphrase(passphrase)
        self._work.go_on_after(ReasonKind.KEY_UNAVAILABLE)

    async def back_up_key(self, passphrase: str) -> str:
        return await self._workshop.keys.backed_up(passphrase)

    async def check_key(self, untrusted_file: str, passphrase: str) -> KeyCheck:
        return await self._workshop.keys.check(untrusted_file, passphrase)

    async def restore_key(self, untrusted_file: str, passphrase: str, *, replace: bool) -> None:
        """Raises `UserFacingError` too while the node works with its present key."""
        self._work.refuse_while_working(tr("The key was not restored."), tr("The node works with its present key."))
        await self._workshop.keys.restore(untrusted_file, passphrase, replace=replace)
        self._purse.belongs_to(self._workshop)
        self._work.go_on_after(ReasonKind.KEY_UNAVAILABLE)

    def name_owner(self, untrusted_address: str) -> None:
        """Raises `UserFacingError`: no money can go there, the node works, or it could not be stored."""
        self._work.refuse_while_working(tr("The owner was not changed."), tr("The node works for the present one."))
        address = read_owner(untrusted_address, self._workshop.profile).friendly()
        self._change(SettingsChange({"owner_address": address}))
        self._workshop.keys.name_owner(address)
        self._purse.belongs_to(self._workshop)
        self._work.go_on_after(ReasonKind.NETWORK_UNUSABLE)
        self._changed()

    def dial(self, proxy: str) -> None:
        """Raises `UserFacingError`: no attempt to reach the proxy of that name is to come."""
        if self._shift is None or not self._shift.dial_now(proxy):
            raise UserFacingError(
                what=tr("The proxy was not dialled."),
                why=tr("It is connected or being dialled already, or it is not one that this computer works for now."),
                next_step=tr("Look at its state, on the Network page or with `mulberry proxies`."),
            )

    # For the stats page (`agent.stats_page.Desk`)

    def operator_facts(self) -> OperatorFacts:
        """What operators' tools read."""
        shift, workshop = self._shift, self._workshop
        treasury = shift.treasury if shift else None
        return OperatorFacts(
            status=self.status(),
            wallet=self.wallet(),
            profile=workshop.profile,
            coefficient=workshop.settings.coefficient,
            parameters=shift.parameters if shift else None,
            accounts=tuple(self.ledger.accounts()),
            contracts=tuple(self.ledger.chain.contracts()),
            sent=frozenset(treasury.sent()) if treasury else frozenset(),
            traffic=workshop.traffic.stats(),
        )

    def change_coefficient(self, coefficient: int) -> None:
        """Our price in thousandths, from now on and after a restart. Raises `UserFacingError`: it is not stored."""
        self._change(SettingsChange({"coefficient": coefficient}))

    def settings(self) -> SettingsStatus:
        """Raises `UserFacingError`: they cannot be read."""
        return self._choices.status()

    async def rules_now(self) -> Decision:
        return await self._guards.shown()

    def change_settings(self, change: SettingsChange) -> SettingsStatus:
        """What holds then, or would. Raises `UserFacingError`: nothing is changed, and why."""
        refuse_special(change)
        return self._change(change)

    def _change(self, change: SettingsChange) -> SettingsStatus:
        chosen, status = self._choices.change(change)
        if not change.only_try:
            self._workshop = replace(self._workshop, settings=chosen.network)
            self._guards.use(chosen.computer.rules)
            self._net.use(chosen.computer)
            self.updates.use(chosen.computer.update_wish)
            if self._shift is not None:
                self._shift.use(self._workshop)
            self._changed()
        return status

    def stats_page_failed(self, why: str) -> None:
        """The page is not there; work goes on."""
        self._stats_problem = (reasons.stats_page_unavailable(self._workshop.settings.stats_port or 0, why),)
        self._changed()

    # The owner's wish

    async def obey(self, want: Want, pause: timedelta | None) -> None:
        """Acts on the wish and stores it. Raises `UserFacingError`: it is done, but a restart would not know of it."""
        self._notices = notices(self._workshop.folder)
        self._work.wish(want, pause)

    def quit(self, *, finish: bool = False) -> None:
        if not finish:
            self.quitting.set()
        elif self._leaving is None:
            self._leaving = asyncio.create_task(self.make_way(()), name="leave")

    async def make_way(self, successor: Sequence[str]) -> None:
        """Completes what runs and takes nothing new; then this process ends, and `successor` takes its place."""
        self._work.leave(reasons.replaced())
        await self._work.left.wait()
        self._hand_over(successor)

    def _hand_over(self, successor: Sequence[str]) -> None:
        self.successor = tuple(successor)
        self.quit()

    # The parts tell

    def _on_till(self, job: Job | None) -> None:
        """The ledger grew, or its disk is full, or no longer."""
        self._totals.forget()
        if self._workshop.till.full:
            self._disk_filled.set()
        if self._shift is not None:
            self._shift.nudge()
        self._changed(job)

    def _changed(self, job: Job | None = None) -> None:
        """Several times a request; what follows from it is found out once a turn of the event loop."""
        if self.quitting.is_set():  # what happens on the way out is no news
            return
        if job is not None or (self._shift is not None and self._shift.running_requests):
            loop = asyncio.get_running_loop()
            self._busy_until = loop.time() + BUSY_SECONDS
            if self._quiet is None:
                self._quiet = loop.call_at(self._busy_until, self._quieted)
        self.watches.tell(job)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_soon(self._look_now)

    def _look_now(self) -> None:
        self._look = None
        self._now()
        self._net.look()

    def _now(self) -> tuple[Facts, NodeState, tuple[Reason, ...]]:
        """What is, and the state and reasons that follow. Notes since when it is so."""
        facts = self._facts()
        state, found = derive_state(facts)
        if state is not self._state:
            log.info("state: %s", state)
            self._state, self._state_since = state, self._clock.now()
        return facts, state, found

    def _quieted(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._busy_until:
            self._quiet = loop.call_at(self._busy_until, self._quieted)
            return
        self._quiet = None
        self._changed()

    def _facts(self) -> Facts:
        shift = self._shift
        found = (*self._notices, *self._stats_problem, *self._workshop.till.reasons(), *self._guards.to_do)
        if self._work.blocked is not None:
            found = (self._work.blocked, *found)
        return Facts(
            intent=self._work.intent,
            held=self._work.held,
            working=shift is not None,
            steps=shift.steps if shift else self._work.left_steps,
            running_requests=shift.running_requests if shift else 0,
            busy=self._quiet is not None,
            connected_proxies=shift.connected_proxies if shift else 0,
            found=(*shift.found(), *found) if shift else found,
            of_proxies=shift.of_proxies() if shift else (),
        )

    # Work

    async def run(self) -> None:
        """Follows the owner's wish until cancelled; then nothing of it runs any more."""
        self._changed()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._guards.run(self._work.rules_told), name="guards")
                group.create_task(self._work.run(), name="follow the wish")
                group.create_task(self._keep_trying_the_disk(), name="keep trying the disk")
                group.create_task(self._telemetry.run(self._changed), name="telemetry")
                group.create_task(self._net.run(), name="net earnings")
                group.create_task(self.updates.run(), name="look for updates")
        finally:
            await self.models.end()
            await self.attesting.end()
            await self.updates.end()
            await self.gpu_setup.end()
            await self._work.end()
            self._workshop.till.flush()
            for timer in (self._quiet, self._look):
                if timer is not None:
                    timer.cancel()

    def _new_shift(self) -> Shift:
        workshop = replace(self._workshop, when_ready=self._ready, may_use_gpu=self._guards.may_use)
        return self._make_shift(workshop, self._changed)

    def _ready(self) -> None:
        self._workshop.when_ready()
        self.attesting.begin()

    async def _keep_trying_the_disk(self) -> None:
        while True:
            await self._disk_filled.wait()
            await asyncio.sleep(FULL_DISK_SECONDS)
            if not self._workshop.till.full or self._workshop.till.try_again():
                self._disk_filled.clear()
