"""The node: does what its owner wants, and says what is. Everything a face shows comes out of `status`."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from mulberry import __version__
from mulberry.agent import reasons
from mulberry.agent.attesting import Attesting
from mulberry.agent.diagnosis import Diagnosing
from mulberry.agent.eligibility import preflight_of
from mulberry.agent.intent import load_intent, not_stored, save_intent
from mulberry.agent.ledger import Ledger
from mulberry.agent.model_keeper import keeper_of
from mulberry.agent.network_facts import network_info
from mulberry.agent.notices import notices
from mulberry.agent.owner import read_owner
from mulberry.agent.proxy_records import proxy_statuses
from mulberry.agent.purse import Purse
from mulberry.agent.settings import change_settings
from mulberry.agent.shift import Shift
from mulberry.agent.state import Facts, derive_state
from mulberry.agent.stats_words import OperatorFacts
from mulberry.agent.telemetry import Telemetry
from mulberry.agent.totals import Totals
from mulberry.agent.watching import Watches
from mulberry.agent.workshop import Workshop
from mulberry.model.control import API_VERSION, Hello
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.jobs import Job
from mulberry.model.key import KeyCheck
from mulberry.model.node import Intent, NodeState, Reason, ReasonKind, RootInfo, Status, Step, Want
from mulberry.model.wallet import Reconciliation, WalletStatus

log = logging.getLogger(__name__)

BUSY_SECONDS = 15.0  # after a request the next is likely; a state that flickers tells nobody anything
RETRY_SECONDS = 60.0  # before a start-up that is not the owner's turn, or a bug, is tried again
FULL_DISK_SECONDS = 5.0
PAUSE_LOOK_SECONDS = 60.0  # a pause ends by the wall clock, which sleep and summer time move


class Node:
    """One per agent. `run` works until it is cancelled; the rest is for the control API (`agent.api.Desk`)."""

    def __init__(
        self, workshop: Workshop, *, make_shift: Callable[[Workshop, Callable[[], None]], Shift] = Shift
    ) -> None:
        self._workshop = workshop
        self._make_shift = make_shift
        self._clock = workshop.clock
        self._intent = load_intent(workshop.folder.intent, workshop.clock)
        self._wished = asyncio.Event()
        self._shift: Shift | None = None
        self._work: asyncio.Task[Reason | None] | None = None
        self._blocked: Reason | None = None
        self._again_at: float | None = None  # on the loop's clock
        self._left_steps: tuple[Step, ...] = ()  # of a shift that was blocked
        self._busy_until = 0.0  # on the loop's clock
        self._quiet: asyncio.TimerHandle | None = None
        self._look: asyncio.Handle | None = None  # at the state, at the end of this turn of the event loop
        self._disk_filled = asyncio.Event()
        self.watches = Watches()
        self._totals = Totals(workshop.till.ledger, workshop.clock)
        self._telemetry = Telemetry(workshop.gpus, self.watches)
        self._started_at = workshop.clock.now()
        self._purse = Purse(workshop, lambda: self._shift.treasury if self._shift else None)
        self.models = keeper_of(workshop, lambda: self._shift, lambda: self._go_on_after(ReasonKind.MODEL_UNUSABLE))
        self.attesting = Attesting(workshop, lambda: self._shift)
        self.eligibility = preflight_of(workshop)
        self.diagnosing = Diagnosing(workshop, self)
        self._root: RootInfo | None = None  # as a shift knew it last
        self._state: NodeState | None = None
        self._state_since = self._started_at
        self.quitting = asyncio.Event()
        self._notices = notices(workshop.folder)
        self._stats_problem: tuple[Reason, ...] = ()
        workshop.till.on_change = self._on_till
        workshop.keys.on_change = self._changed

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
        )

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
        self._go_on_after(ReasonKind.KEY_UNAVAILABLE)

    async def set_key_passphrase(self, passphrase: str) -> None:
        await self._workshop.keys.set_passphrase(passphrase)
        self._go_on_after(ReasonKind.KEY_UNAVAILABLE)

    async def back_up_key(self, passphrase: str) -> str:
        return await self._workshop.keys.backed_up(passphrase)

    async def check_key(self, untrusted_file: str, passphrase: str) -> KeyCheck:
        return await self._workshop.keys.check(untrusted_file, passphrase)

    async def restore_key(self, untrusted_file: str, passphrase: str, *, replace: bool) -> None:
        """Raises `UserFacingError` too while the node works with its present key."""
        self._refuse_at_work("The key was not restored.", "The node works with its present key.")
        await self._workshop.keys.restore(untrusted_file, passphrase, replace=replace)
        self._purse.belongs_to(self._workshop)
        self._go_on_after(ReasonKind.KEY_UNAVAILABLE)

    def name_owner(self, untrusted_address: str) -> None:
        """Raises `UserFacingError`: no money can go there, the node works, or it could not be stored."""
        self._refuse_at_work("The owner was not changed.", "The node works for the present one.")
        address = read_owner(untrusted_address, self._workshop.profile).friendly()
        self._change_settings(owner_address=address)
        self._workshop.keys.name_owner(address)
        self._purse.belongs_to(self._workshop)
        self._go_on_after(ReasonKind.NETWORK_UNUSABLE)
        self._changed()

    def _refuse_at_work(self, what: str, why: str) -> None:
        if self._work is not None and not self._work.done():
            raise UserFacingError(what, why, "Press Stop, or say `mulberry stop`, then try again.")

    def _go_on_after(self, kind: ReasonKind) -> None:
        """What waited for this alone goes on."""
        if self._blocked is not None and self._blocked.kind is kind:
            self._blocked = None
            self._left_steps = ()
            self._wished.set()

    def dial(self, proxy: str) -> None:
        """Raises `UserFacingError`: no attempt to reach the proxy of that name is to come."""
        if self._shift is None or not self._shift.dial_now(proxy):
            raise UserFacingError(
                what="The proxy was not dialled.",
                why="It is connected or being dialled already, or it is not one that this computer works for now.",
                next_step="Look at its state, on the Network page or with `mulberry proxies`.",
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
        self._change_settings(coefficient=coefficient)
        if self._shift is not None:
            self._shift.use(self._workshop)
        self._changed()

    def _change_settings(self, **changes: object) -> None:
        workshop = self._workshop
        change_settings(workshop.folder.settings, self._clock, **changes)
        self._workshop = replace(workshop, settings=workshop.settings.model_copy(update=changes))

    def stats_page_failed(self, why: str) -> None:
        """The page is not there; work goes on."""
        self._stats_problem = (reasons.stats_page_unavailable(self._workshop.settings.stats_port or 0, why),)
        self._changed()

    # The owner's wish

    async def obey(self, want: Want, pause: timedelta | None) -> None:
        """Acts on the wish and stores it. Raises `UserFacingError`: it is done, but a restart would not know of it."""
        now = self._clock.now()
        self._blocked = self._again_at = None  # the owner has spoken: try at once
        self._left_steps = ()
        self._notices = notices(self._workshop.folder)
        self._take(Intent(want, since=now, until=None if pause is None else now + pause))
        try:
            save_intent(self._workshop.folder.intent, self._intent)
        except OSError as problem:
            raise not_stored(self._workshop.folder.intent, problem) from problem

    def quit(self) -> None:
        self.quitting.set()

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
        found = (*self._notices, *self._stats_problem, *self._workshop.till.reasons())
        if self._blocked is not None:
            found = (self._blocked, *found)
        return Facts(
            intent=self._intent,
            working=shift is not None,
            steps=shift.steps if shift else self._left_steps,
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
                group.create_task(self._follow_the_wish(), name="follow the wish")
                group.create_task(self._keep_trying_the_disk(), name="keep trying the disk")
                group.create_task(self._telemetry.run(self._changed), name="telemetry")
        finally:
            await self.models.end()
            await self.attesting.end()
            await self._end_work()
            self._workshop.till.flush()
            for timer in (self._quiet, self._look):
                if timer is not None:
                    timer.cancel()

    async def _follow_the_wish(self) -> None:
        while True:
            self._wished.clear()
            await self._act()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_wait()):
                    await self._wished.wait()

    async def _act(self) -> None:
        if self._work is not None and self._work.done():
            self._put_away(self._work)
        match self._intent.want:
            case Want.START if self._work is None:
                if self._blocked is None or self._again_is_now():
                    self._begin_work()
            case Want.START if self._shift is not None:
                self._shift.finish(False)
            case Want.FINISH if self._shift is not None and self._shift.is_serving:
                self._shift.finish(True)
            case Want.FINISH:  # nothing runs yet, or no longer
                await self._end_work()
                self._take_by_itself(Intent(Want.STOP, since=self._intent.since))
            case Want.STOP | Want.PAUSE:
                await self._end_work()
                if self._pause_is_over():
                    self._take_by_itself(Intent(Want.START, since=self._clock.now()))
            case Want.START:
                pass
        self._changed()

    def _begin_work(self) -> None:
        self._blocked = self._again_at = None
        self._left_steps = ()
        self._shift = self._make_shift(replace(self._workshop, when_ready=self._ready), self._changed)
        self._work = asyncio.create_task(self._shift.run(), name="shift")
        self._work.add_done_callback(lambda _: self._wished.set())

    def _ready(self) -> None:
        self._workshop.when_ready()
        self.attesting.begin()

    async def _end_work(self) -> None:
        """At once. What ran for the shift is gone when this returns."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait((self._work,))
            self._put_away(self._work)

    def _put_away(self, work: "asyncio.Task[Reason | None]") -> None:
        """Takes a shift's result: finished, blocked, cancelled, or a bug of ours."""
        steps = self._shift.steps if self._shift else ()
        self._purse.is_compared()  # which is remembered: a later shift need not have read anything
        self._work = self._shift = None
        if work.cancelled():
            return
        again_in: float | None = RETRY_SECONDS
        if problem := work.exception():
            log.error("a bug ended the shift", exc_info=problem)
            self._blocked = reasons.bug(problem, self._clock.now() + timedelta(seconds=RETRY_SECONDS))
        else:
            self._blocked = work.result()
            if self._blocked is None or self._blocked.whose_turn is WhoseTurn.YOU:
                again_in = None
        self._left_steps = steps if self._blocked else ()
        self._again_at = None if again_in is None else asyncio.get_running_loop().time() + again_in

    def _again_is_now(self) -> bool:
        return self._again_at is not None and asyncio.get_running_loop().time() >= self._again_at

    def _pause_is_over(self) -> bool:
        return self._intent.until is not None and self._clock.now() >= self._intent.until

    def _seconds_to_wait(self) -> float | None:
        """Until something has to be done although nobody asked. None: nothing has."""
        if self._intent.until is not None:
            left = (self._intent.until - self._clock.now()).total_seconds()
            return min(max(left, 0.0), PAUSE_LOOK_SECONDS)
        if self._intent.want is Want.START and self._work is None and self._again_at is not None:
            return max(self._again_at - asyncio.get_running_loop().time(), 0.0)
        return None

    def _take(self, intent: Intent) -> None:
        log.info("the wish is now: %s", intent.want)
        self._intent = intent
        self._wished.set()
        self._changed()

    def _take_by_itself(self, intent: Intent) -> None:
        """What follows from the wish before; if it cannot be stored it follows again after a restart."""
        self._take(intent)
        try:
            save_intent(self._workshop.folder.intent, intent)
        except OSError as problem:
            log.warning("the wish could not be stored: %s", problem)

    async def _keep_trying_the_disk(self) -> None:
        while True:
            await self._disk_filled.wait()
            await asyncio.sleep(FULL_DISK_SECONDS)
            if not self._workshop.till.full or self._workshop.till.try_again():
                self._disk_filled.clear()
