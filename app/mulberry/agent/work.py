"""The node's work: begun, held up, finished and begun again as its owner wishes and the owner's rules allow."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from mulberry.agent import reasons
from mulberry.agent.guards import Guards
from mulberry.agent.intent import load_intent, not_stored, save_intent
from mulberry.agent.shift import Shift
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import tr
from mulberry.model.node import Intent, Reason, ReasonKind, Step, Want

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0  # before a start-up that is not the owner's turn, or a bug, is tried again
PAUSE_LOOK_SECONDS = 60.0  # a pause ends by the wall clock, which sleep and summer time move


class Work:
    """`make_shift` begins a stretch of work, `on_change` is called when anything here is another than before, and
    `on_end` when a shift is about to be forgotten.
    """

    def __init__(
        self,
        stored_at: Path,
        clock: Clock,
        guards: Guards,
        make_shift: Callable[[], Shift],
        on_change: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._stored_at = stored_at
        self._clock = clock
        self._guards = guards
        self._make_shift = make_shift
        self._on_change = on_change
        self._on_end = on_end
        self._wished = asyncio.Event()
        self._running: asyncio.Task[Reason | None] | None = None
        self._again_at: float | None = None  # on the loop's clock
        self.intent = load_intent(stored_at, clock)
        self.shift: Shift | None = None
        self.blocked: Reason | None = None
        self.left_steps: tuple[Step, ...] = ()  # of a shift that was blocked
        self.left = asyncio.Event()
        self._leaving: Reason | None = None
        guards.want(self.intent.want is Want.START)

    @property
    def held(self) -> tuple[Reason, ...]:
        """Why it does not work, while work is wanted: the owner's rules, and what it is to make room for."""
        if self.intent.want is not Want.START:
            return ()
        return self._guards.reasons if self._leaving is None else (self._leaving, *self._guards.reasons)

    async def run(self) -> None:
        """Follows the owner's wish until cancelled. `end` then ends what runs."""
        while True:
            self._wished.clear()
            await self._act()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_wait()):
                    await self._wished.wait()

    def wish(self, want: Want, pause: timedelta | None) -> None:
        """Acts on the wish and stores it. Raises `UserFacingError`: it is done, but a restart would not know of it."""
        now = self._clock.now()
        self.blocked = self._again_at = None  # the owner has spoken: try at once
        self.left_steps = ()
        self._take(Intent(want, since=now, until=None if pause is None else now + pause))
        try:
            save_intent(self._stored_at, self.intent)
        except OSError as problem:
            raise not_stored(self._stored_at, problem) from problem

    def leave(self, reason: Reason) -> None:
        """Takes no new requests and begins nothing, whatever is wished; `left` is set when nothing runs any more."""
        self._leaving = reason
        self.left.clear()
        self._wished.set()

    def stay(self) -> None:
        """Goes on as is wished."""
        if self._leaving is not None:
            self._leaving = None
            self._wished.set()

    def rules_told(self) -> None:
        """The guards have decided something else than before."""
        self._wished.set()
        self._on_change()

    def go_on_after(self, kind: ReasonKind) -> None:
        """What waited for this alone goes on."""
        if self.blocked is not None and self.blocked.kind is kind:
            self.blocked = None
            self.left_steps = ()
            self._wished.set()

    def refuse_while_working(self, what: str, why: str) -> None:
        if self._running is not None and not self._running.done():
            raise UserFacingError(what, why, tr("Press Stop, or say `mulberry stop`, then try again."))

    async def _act(self) -> None:
        if self._running is not None and self._running.done():
            self._put_away(self._running)
        match self.intent.want:
            case Want.START if self._leaving is not None:
                await self._finish()
            case Want.START:
                await self._follow_the_rules()
            case Want.FINISH if self.shift is not None and self.shift.is_serving:
                self.shift.finish(True)
            case Want.FINISH:  # nothing runs yet, or no longer
                await self.end()
                self._take_by_itself(Intent(Want.STOP, since=self.intent.since))
            case Want.STOP | Want.PAUSE:
                await self.end()
                if self._pause_is_over():
                    self._take_by_itself(Intent(Want.START, since=self._clock.now()))
        if self._leaving is not None and self.shift is None:
            self.left.set()
        self._on_change()

    async def _finish(self) -> None:
        """What runs is completed; what has not begun to serve ends at once."""
        if self.shift is not None and self.shift.is_serving:
            self.shift.finish(True)
        else:
            await self.end()

    async def _follow_the_rules(self) -> None:
        """The owner outranks the network: where a rule holds work up, it ends at once, whatever runs."""
        await self._guards.first_look()
        gpus = self.shift.gpus if self.shift else ()
        if self._guards.reasons:
            await self.end()
        elif gpus and not any(self._guards.may_use(gpu) for gpu in gpus):
            await self.end()  # and on another GPU it goes on
            self._begin()
        elif self.shift is not None:
            self.shift.rules_told()
            self.shift.finish(False)
        elif self.blocked is None or self._again_is_now():
            self._begin()

    def _begin(self) -> None:
        self.blocked = self._again_at = None
        self.left_steps = ()
        self.shift = self._make_shift()
        self._running = asyncio.create_task(self.shift.run(), name="shift")
        self._running.add_done_callback(lambda _: self._wished.set())

    async def end(self) -> None:
        """At once. What ran for the shift is gone when this returns."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))
            self._put_away(self._running)

    def _put_away(self, running: "asyncio.Task[Reason | None]") -> None:
        """Takes a shift's result: finished, blocked, cancelled, or a bug of ours."""
        steps = self.shift.steps if self.shift else ()
        self._on_end()
        self._running = self.shift = None
        if running.cancelled():
            return
        again_in: float | None = RETRY_SECONDS
        if problem := running.exception():
            log.error("a bug ended the shift", exc_info=problem)
            self.blocked = reasons.bug(problem, self._clock.now() + timedelta(seconds=RETRY_SECONDS))
        else:
            self.blocked = running.result()
            if self.blocked is None or self.blocked.whose_turn is WhoseTurn.YOU:
                again_in = None
        self.left_steps = steps if self.blocked else ()
        self._again_at = None if again_in is None else asyncio.get_running_loop().time() + again_in

    def _again_is_now(self) -> bool:
        return self._again_at is not None and asyncio.get_running_loop().time() >= self._again_at

    def _pause_is_over(self) -> bool:
        return self.intent.until is not None and self._clock.now() >= self.intent.until

    def _seconds_to_wait(self) -> float | None:
        """Until something has to be done although nobody asked. None: nothing has."""
        if self.intent.until is not None:
            left = (self.intent.until - self._clock.now()).total_seconds()
            return min(max(left, 0.0), PAUSE_LOOK_SECONDS)
        if self.intent.want is Want.START and self._running is None and self._again_at is not None:
            return max(self._again_at - asyncio.get_running_loop().time(), 0.0)
        return None

    def _take(self, intent: Intent) -> None:
        log.info("the wish is now: %s", intent.want)
        self.intent = intent
        self._guards.want(intent.want is Want.START)
        self._wished.set()
        self._on_change()

    def _take_by_itself(self, intent: Intent) -> None:
        """What follows from the wish before; if it cannot be stored it follows again after a restart."""
        self._take(intent)
        try:
            save_intent(self._stored_at, intent)
        except OSError as problem:
            log.warning("the wish could not be stored: %s", problem)
