"""Sees to updates: asks the feed once a day where its owner wants that, fetches what they agreed to, and hands over.

Nothing is asked, fetched or replaced without its owner's word. Whatever fails leaves this version as it is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

from mulberry.agent import reasons
from mulberry.agent.bounded_get import NoAnswer, bounded_get
from mulberry.agent.updates import words
from mulberry.agent.updates.build import Build
from mulberry.agent.updates.feed import MOST_FEED_BYTES, FeedRefused
from mulberry.agent.updates.fetching import fetch_artefact, is_whole
from mulberry.agent.updates.memory import Memory, Shelf
from mulberry.agent.updates.schedule import Schedule
from mulberry.agent.updates.ways import WAYS, Way, command_line
from mulberry.agent.updates.wish import UpdateWish
from mulberry.agent.workshop import Workshop
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.locks import try_lock
from mulberry.model.node import Reason
from mulberry.model.places import updates_folder
from mulberry.model.rules import Rules
from mulberry.model.update import (
    Artefact,
    Problem,
    Release,
    UpdateOrder,
    UpdateStatus,
    UpdateVerb,
    UpdateWork,
    Version,
)
from mulberry.runtime.store.disk import Disk

LATER = timedelta(days=3)
ONLY_METERED = Rules(pause_on_battery=False, pause_in_full_screen=False)
LOOK_SECONDS = 3600.0  # the wall clock may jump, and another network's agent may have checked

log = logging.getLogger(__name__)


class Drain(Protocol):
    """How work is brought to its end before this version is replaced."""

    left: asyncio.Event  # set when nothing runs any more

    def leave(self, reason: Reason) -> None:
        """Takes no new requests from now on, and says why."""
        ...

    def stay(self) -> None:
        """Goes on as its owner wishes."""
        ...


class Updates:
    """`hand_over` is told the words of the program that takes this process's place, and ends the agent."""

    def __init__(
        self,
        folder: Path,
        build: Build,
        clock: Clock,
        random: Random,
        *,
        wish: UpdateWish,
        drain: Drain,
        is_metered: Callable[[], Awaitable[Finding[bool]]],
        hand_over: Callable[[Sequence[str]], None],
        on_change: Callable[[], None],
        disk: Disk | None = None,
    ) -> None:
        self._shelf = Shelf(folder, clock, build.keys, on_change)
        self._build = build
        self._way: Way = WAYS[build.installed_by]
        self._clock = clock
        self._schedule = Schedule(clock, random)
        self._wish = wish
        self._drain = drain
        self._is_metered = is_metered
        self._hand_over = hand_over
        self._on_change = on_change
        self._disk = disk or Disk()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._work = UpdateWork.NOTHING
        self._is_replacing = False
        self._received = 0
        self._problem: Problem | None = None

    # What is told

    @property
    def offered_version(self) -> str:
        """A newer version that its owner may be told of now, "" if there is none."""
        release = self._offered()
        is_told = release is not None and not self._shelf.memory.is_quiet(release.version, self._clock.now())
        return release.version if release is not None and is_told else ""

    def status(self) -> UpdateStatus:
        release, memory = self._offered(), self._shelf.memory
        artefact = self._artefact(release) if release else None
        files = [self._shelf.place(release) / file.name for file in artefact.files] if release and artefact else []
        is_here = artefact is not None and memory.fetched == artefact.known_by and all(map(Path.exists, files))
        command = command_line(self._way.command([*map(str, files)])) if is_here and self._way.command else ""
        return UpdateStatus(
            version=str(self._build.version),
            installed_by=self._build.installed_by,
            as_of=self._clock.now(),
            feed=urlsplit(self._address).hostname or "",
            cannot_check=self._cannot_check,
            how=self._way.how,
            by_itself=self._way.begin is not None,
            checks=self._wish.checks,
            work=self._work,
            offered=release,
            takes_bytes=artefact.takes_bytes if artefact else 0,
            received_bytes=artefact.takes_bytes if artefact and is_here else self._received,
            command=command,
            skipped=memory.skipped,
            checked_at=memory.checked_at,
            quiet_until=memory.quiet_until if release and memory.quiet_about == release.version else None,
            problem=self._problem,
        )

    @property
    def _address(self) -> str:
        return self._wish.feed or self._build.feed

    @property
    def _cannot_check(self) -> str:
        if self._build.keys is None:
            return words.NO_KEYS
        return "" if self._address else words.NO_FEED

    def _offered(self) -> Release | None:
        """The newest one that is newer than this, for this kind of copy, and not skipped."""
        feed, memory = self._shelf.feed, self._shelf.memory
        if feed is None or memory.feed != self._address or feed.expires <= self._clock.now():
            return None
        newer = [each for each in feed.releases if each.number > self._build.version]
        fitting = [each for each in newer if not self._way.kind or self._artefact(each)]
        newest = max(fitting, key=lambda each: each.number, default=None)
        return None if newest is None or newest.version in memory.skipped else newest

    def _artefact(self, release: Release) -> Artefact | None:
        return self._way.artefact(release, self._build.built_for)

    # What its owner says

    def use(self, wish: UpdateWish) -> None:
        """What its owner chose anew."""
        if wish != self._wish:
            self._wish = wish
            self._schedule.is_changed()
            self._woken.set()

    async def obey(self, order: UpdateOrder) -> None:
        """Does it, or begins what takes long. Raises `UserFacingError`; what fails later is told by `status`."""
        match order.verb:
            case UpdateVerb.CHECK:
                if self._cannot_check:
                    raise words.cannot_check(self._cannot_check)
                self._begin(UpdateWork.CHECKING, partial(self._check, forgets_skipped=True))
            case UpdateVerb.APPLY:
                release, artefact = self._agreed(order.version)
                if not order.even_if_metered and (await self._is_metered()).value:
                    raise words.metered(artefact)
                self._begin(UpdateWork.FETCHING, partial(self._apply, release, artefact))
            case UpdateVerb.SKIP:
                self._known(order.version)
                self._remember(lambda memory: memory.without(order.version))
            case UpdateVerb.LATER:
                self._known(order.version)
                until = self._clock.now() + LATER
                self._remember(lambda memory: replace(memory, quiet_about=order.version, quiet_until=until))
            case UpdateVerb.CANCEL:
                await self.end()

    async def end(self) -> None:
        """Whatever is under way ends now. What was fetched is kept, and work goes on. Only a file that is being put in
        another's place is waited for: a thread cannot be cancelled."""
        if self._task is not None:
            if not self._is_replacing:
                self._task.cancel()
            await asyncio.wait((self._task,))
            self._rest()  # one that had not begun yet could not say so

    def _known(self, version: str) -> Release:
        """Raises `UserFacingError`: that is not the version that is offered."""
        release = self._offered()
        if release is None or release.version != version:
            raise words.not_offered(version, release)
        return release

    def _agreed(self, version: str) -> tuple[Release, Artefact]:
        release = self._known(version)
        artefact = self._artefact(release)
        if artefact is None:
            raise words.not_by_itself(self._way.how)
        return release, artefact

    # What is done

    async def run(self) -> None:
        """Checks when it is time to, until cancelled."""
        self._recall()
        self._schedule.starts()
        while True:
            self._woken.clear()
            if self._is_due() and not self._is_busy:
                await self._check_unasked()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_next()):
                    await self._woken.wait()
            if not self._is_busy:
                self._look_at_the_shelf()

    async def _check_unasked(self) -> None:
        if (await self._is_metered()).value:
            self._schedule.is_metered()
        elif self._is_due() and not self._is_busy:  # its owner may have said something meanwhile
            await asyncio.wait((self._begin(UpdateWork.CHECKING, self._check),))

    def _next(self) -> datetime:
        """When the next check is to be made."""
        memory = self._shelf.memory
        return self._schedule.next(memory.checked_at if memory.feed == self._address else None)

    def _is_due(self) -> bool:
        return self._wish.checks and not self._cannot_check and self._next() <= self._clock.now()

    def _seconds_to_next(self) -> float:
        if not self._wish.checks or self._cannot_check:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(1.0, (self._next() - self._clock.now()).total_seconds()))

    @property
    def _is_busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def _begin(self, kind: UpdateWork, work: Callable[[], Coroutine[Any, Any, None]]) -> "asyncio.Task[None]":
        """Raises `UserFacingError`: something is under way."""
        if self._is_busy:
            raise words.one_after_the_other()
        self._problem, self._received = None, 0
        self._tell(kind)
        self._task = asyncio.create_task(self._alone(work), name="updates")
        return self._task

    async def _alone(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """No other agent of this computer does anything about updates meanwhile."""
        try:
            self._shelf.create()
            with self._shelf.lock.open("a+b") as lock:
                if not try_lock(lock):
                    self._schedule.failed()
                    raise words.one_after_the_other()
                self._shelf.look()
                await work()
        except UserFacingError as problem:
            self._fail(problem)
        except OSError as problem:
            self._schedule.failed()
            self._fail(words.of_the_disk(problem))
        except Exception:
            log.exception("a bug ended the work on updates")
            self._schedule.failed()
            self._fail(UserFacingError(*reasons.OWN_MISTAKE))
        finally:
            self._rest()

    def _rest(self) -> None:
        if self._work is UpdateWork.DRAINING:  # else whoever asked it to leave was not we
            self._drain.stay()
        if self._work is not UpdateWork.HANDED_OVER:
            self._tell(UpdateWork.NOTHING)

    async def _check(self, *, forgets_skipped: bool = False) -> None:
        address = self._address
        try:
            answer = await bounded_get(address, most_bytes=MOST_FEED_BYTES)
            if answer.status != 200:
                raise NoAnswer(tr("It answered with status {status}.", status=answer.status))
            self._shelf.learn(address, answer.body, forgets_skipped=forgets_skipped)
        except (NoAnswer, FeedRefused) as problem:
            self._schedule.failed()
            raise words.not_believed(address, str(problem)) from problem
        self._schedule.succeeded()

    async def _apply(self, release: Release, artefact: Artefact) -> None:
        folder = self._shelf.place(release)
        await asyncio.to_thread(self._shelf.clear, release.version)
        await fetch_artefact(self._address, artefact, folder, self._tell_received, self._disk)
        self._remember(lambda memory: replace(memory, fetched=artefact.known_by))
        if self._way.begin is None:
            return
        self._tell(UpdateWork.DRAINING)
        self._drain.leave(reasons.updating(release.version))
        await self._drain.left.wait()
        file = artefact.files[0]  # of a way that begins by itself it is the only one
        if not await asyncio.to_thread(is_whole, folder / file.name, file):
            raise words.changed_since()
        self._is_replacing = True
        try:
            successor = await asyncio.to_thread(self._way.begin, folder / file.name, file)
        finally:
            self._is_replacing = False
        self._remember(lambda memory: replace(memory, handed_over=release.version))
        self._tell(UpdateWork.HANDED_OVER)
        self._hand_over(successor)

    def _tell_received(self, count: int) -> None:
        self._received = count

    def _tell(self, work: UpdateWork) -> None:
        self._work = work
        self._on_change()

    def _fail(self, error: UserFacingError) -> None:
        log.warning("updates: %s", error)
        self._problem = words.as_problem(error)

    def _remember(self, change: Callable[[Memory], Memory]) -> None:
        """Raises `UserFacingError`: it could not be kept, and is not so."""
        try:
            self._shelf.remember(change)
        except OSError as problem:
            raise words.not_kept(self._shelf.folder, problem) from problem

    def _look_at_the_shelf(self) -> None:
        """What another network's agent has learned, too."""
        try:
            self._shelf.look()
        except OSError as problem:
            self._fail(words.of_the_disk(problem))

    def _recall(self) -> None:
        """What was known when the agent ended, and what came of an update that was begun then."""
        try:
            self._shelf.look()
            begun = self._shelf.memory.handed_over
            if begun:
                self._remember(lambda memory: replace(memory, handed_over="", fetched=""))
                if Version.read(begun) > self._build.version:
                    self._problem = words.still_the_old_one(begun, self._build.version)
            offered = self._offered()
            self._shelf.clear(keep=offered.version if offered else "")
        except OSError as problem:
            self._fail(words.of_the_disk(problem))
        except UserFacingError as problem:
            self._fail(problem)


def updates_of(
    workshop: Workshop,
    wish: UpdateWish,
    drain: Drain,
    hand_over: Callable[[Sequence[str]], None],
    on_change: Callable[[], None],
) -> Updates:
    """The agent's own. What was fetched lies in the data folder of all networks."""

    async def is_metered() -> Finding[bool]:
        return (await workshop.presence.look(ONLY_METERED, workshop.clock.now())).metered

    return Updates(
        updates_folder(workshop.folder.path.parent),
        workshop.build,
        workshop.clock,
        workshop.random,
        wish=wish,
        drain=drain,
        is_metered=is_metered,
        hand_over=hand_over,
        on_change=on_change,
    )
