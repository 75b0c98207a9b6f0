"""Keeps Intel's word on TDX platforms at hand: fetched when a quote needs it, and again before it runs out.

Only platforms that somebody showed since the start are asked about, and the service learns no more than their family.
Nothing is fetched before `run` or `bring` is called: by a network whose policy asks for TDX, or by the owner.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from mulberry.agent.collateral_service import fetch as fetch_over_http
from mulberry.attestation.collateral import CollateralFolder, expiry, file_name
from mulberry.attestation.collateral_check import check_collateral
from mulberry.attestation.collateral_fetch import INTEL, Answer, Fetch, fetch_collateral, not_usable
from mulberry.attestation.errors import NotProven
from mulberry.model.clock import Clock
from mulberry.model.collateral import CollateralStatus, PlatformCollateral
from mulberry.model.errors import UserFacingError
from mulberry.model.files import write_whole
from mulberry.model.host import Finding
from mulberry.model.language import tr

MOST_PLATFORMS = 16  # a stranger's certificate names them: the one that was asked for longest ago is forgotten
REFRESH_BEFORE = timedelta(days=7)
REFRESH_SPREAD = timedelta(days=1)
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)
MOST_DOUBLINGS = 7
LOOK_SECONDS = 3600.0  # the wall clock may jump

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Platform:
    """`spread` is its own part of `REFRESH_SPREAD`; before `not_before` it is not tried again."""

    fmspc: str
    ca: str
    spread: timedelta
    problem: str = ""
    failures: int = 0
    not_before: datetime | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def rests(self, now: datetime) -> bool:
        """A clock that was set back may not make that long."""
        return self.not_before is not None and now < self.not_before <= now + 2 * LONGEST_PAUSE


class CollateralKeeper:
    """`service` is asked by `fetch`, and what it gives is kept in `folder`. `find` is an `attestation.Collateral`."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        random: Random,
        *,
        service: str = INTEL,
        fetch: Fetch = fetch_over_http,
        test_root_der: bytes | None = None,
    ) -> None:
        self._folder = folder
        self._shelf = CollateralFolder(folder)
        self._clock = clock
        self._random = random
        self._service = service
        self._fetch = fetch
        self._test_root_der = test_root_der
        self._asked: OrderedDict[tuple[str, str], _Platform] = OrderedDict()  # the latest last
        self._reachable: Finding[bool] = Finding(None, tr("it was not asked yet"))
        self._wake: Callable[[], object] = lambda: None

    def find(self, fmspc: str, ca: str) -> str | None:
        """What is here; from now on it is kept fresh, or fetched. From any thread."""
        if file_name(fmspc, ca) is None:
            return None
        asked = self._asked.get((fmspc, ca))
        if asked is None:
            asked = self._asked[fmspc, ca] = _Platform(fmspc, ca, REFRESH_SPREAD * self._random.random())
            if len(self._asked) > MOST_PLATFORMS:
                self._asked.popitem(last=False)
            self._wake()
        self._asked.move_to_end((fmspc, ca))
        return self._shelf.find(fmspc, ca)

    def status(self) -> CollateralStatus:
        """For the faces: what was asked for, and what else lies on the shelf."""
        asked = {(each.fmspc, each.ca): self._told(each) for each in self._platforms}
        others = [
            PlatformCollateral(each.fmspc, each.ca, each.expires)
            for each in self._shelf.shelf()
            if (each.fmspc, each.ca) not in asked
        ]
        return CollateralStatus(self._service, self._reachable, (*asked.values(), *others))

    @property
    def last_problem(self) -> str:
        """Why what was asked for last could not be fetched; empty where it could, or nothing was asked."""
        asked = self._platforms
        return asked[-1].problem if asked else ""

    async def run(self) -> None:
        """Fetches what is missing or runs out, until it is cancelled."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        try:
            while True:
                woken.clear()
                for platform in self._platforms:
                    await self._try(platform, self._is_due)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._seconds_to_next()):
                        await woken.wait()
        finally:
            self._wake = lambda: None

    async def bring_what_lacks(self) -> bool:
        """Fetches, of all that was asked for, what is not here or expired. Whether anything came.

        Cheap when nothing lacks, and while a failed attempt is not long ago.
        """
        now = self._clock.now()
        lacking = [each for each in self._platforms if self._lacks(each) and not each.rests(now)]
        return any([await self._try(each, self._lacks) for each in lacking])

    async def bring(self, fmspc: str, ca: str) -> None:
        """Fetches it now, whatever is here. The old one stays until the new one was checked.

        Raises `UserFacingError`: there was no answer, or nothing good, or no place for it.
        """
        name = file_name(fmspc, ca)
        if name is None:
            raise ValueError(f"no platform: {fmspc!r}, {ca!r}")
        untrusted = await fetch_collateral(self._get, self._service, fmspc, ca)
        try:
            expires = check_collateral(untrusted, fmspc, ca, self._clock.now(), self._test_root_der)
        except NotProven as problem:
            raise not_usable(self._service, str(problem)) from problem
        self._put(name, untrusted)
        log.info("collateral for %s (%s) holds until %s", fmspc, ca, expires)

    async def _get(self, url: str) -> Answer:
        at = tr("asked at {time} UTC", time=f"{self._clock.now():%Y-%m-%d %H:%M}")
        try:
            answer = await self._fetch(url)
        except UserFacingError as problem:
            self._reachable = Finding(False, f"{problem.why.rstrip('.')}, {at}")
            raise
        self._reachable = Finding(True, at)
        return answer

    def _put(self, name: str, checked: str) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._folder / name, checked.encode())
        except OSError as problem:
            raise UserFacingError(
                what=tr("Collateral was fetched and could not be kept."),
                why=tr("{path} cannot be written: {problem}.", path=self._folder, problem=problem.strerror or problem),
                next_step=tr("Make room on its disk, or see who may write there."),
            ) from problem

    @property
    def _platforms(self) -> tuple[_Platform, ...]:
        """As they are now: another thread may ask for one meanwhile."""
        return tuple(self._asked.values())

    async def _try(self, platform: _Platform, is_needed: Callable[[_Platform], bool]) -> bool:
        """One attempt at a time for each platform, and none where another has just brought it. Whether it is here."""
        async with platform.turn:
            if not is_needed(platform):
                return not self._lacks(platform)
            try:
                await self.bring(platform.fmspc, platform.ca)
            except UserFacingError as problem:
                log.info("collateral for %s: %s", platform.fmspc, problem)
                platform.problem = f"{problem.what} {problem.why}"
                pause = min(FIRST_PAUSE * 2**platform.failures, LONGEST_PAUSE)
                platform.failures = min(platform.failures + 1, MOST_DOUBLINGS)
            else:
                platform.problem, platform.failures = "", 0
                pause = LONGEST_PAUSE  # a cache may give what is itself about to run out
            platform.not_before = self._clock.now() + pause * self._random.uniform(0.75, 1.25)
            return not self._lacks(platform)

    def _told(self, platform: _Platform) -> PlatformCollateral:
        expires = self._expires(platform)
        return PlatformCollateral(platform.fmspc, platform.ca, expires, platform.problem, self._next(platform))

    def _expires(self, platform: _Platform) -> datetime | None:
        content = self._shelf.find(platform.fmspc, platform.ca)
        try:
            return None if content is None else expiry(content)
        except ValueError:
            return None

    def _lacks(self, platform: _Platform) -> bool:
        expires = self._expires(platform)
        return expires is None or expires <= self._clock.now()

    def _is_due(self, platform: _Platform) -> bool:
        return self._next(platform) <= self._clock.now()

    def _next(self, platform: _Platform) -> datetime:
        """When it is to be fetched."""
        now, expires = self._clock.now(), self._expires(platform)
        wished = now if expires is None else expires - REFRESH_BEFORE - platform.spread
        if platform.not_before is not None and platform.rests(now):
            return max(wished, platform.not_before)
        return wished

    def _seconds_to_next(self) -> float:
        now = self._clock.now()
        waits = [(self._next(platform) - now).total_seconds() for platform in self._platforms]
        return min(LOOK_SECONDS, max(1.0, min(waits, default=LOOK_SECONDS)))
