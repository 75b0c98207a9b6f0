"""To which of the network's proxies we are connected: as many as the profile asks, chosen by chance, each for itself.

The root contract says which proxies there are. One that leaves it is drained and let go; one that cannot be reached
for long, or is not trusted, makes room for another where there is another. Other prices or codes are other contracts:
then every connection is drained and made anew.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

from mulberry.agent.proxy_link import ProxyLink
from mulberry.model.node import ProxyState
from mulberry.model.root_contract import RootParameters

log = logging.getLogger(__name__)

FAILED_SECONDS = 300.0  # without a connection: another proxy's turn
RESTS_SECONDS = 600.0  # before a proxy that made room is chosen again
LAST_REQUESTS_SECONDS = 30.0  # of connections that are drained
LAST_PAYMENT_SECONDS = 90.0  # a proxy that leaves the network signs what it owes every 30 to 60 s


@dataclass(eq=False, slots=True)
class Place:
    """One connection, and the network's parameters that still hold for it."""

    link: ProxyLink
    parameters: RootParameters
    run: "asyncio.Task[None]"
    leaves_as: ProxyState | None = None  # while it is drained, and after that
    drain: "asyncio.Task[None] | None" = field(default=None)

    @property
    def name(self) -> str:
        return self.link.name

    @property
    def state(self) -> ProxyState:
        return self.leaves_as or self.link.state


MakeLink = Callable[[str, RootParameters, Callable[[], None]], ProxyLink]  # name, terms, whom to tell of an end


class Proxies:
    """`follow` says which proxies there are; `run` keeps `connections` of them until it is cancelled."""

    def __init__(self, connections: int, make_link: MakeLink, *, random: Random, on_change: Callable[[], None]) -> None:
        self._connections = connections
        self._make_link = make_link
        self._random = random
        self._on_change = on_change
        self._names: tuple[str, ...] = ()
        self._parameters: RootParameters | None = None
        self._places: list[Place] = []
        self._leaving: list[Place] = []
        self._left: dict[str, Place] = {}  # by name: put aside or gone, with their last word
        self._rests_until: dict[str, float] = {}  # by name, on the loop's clock
        self._changed = asyncio.Event()

    @property
    def links(self) -> list[ProxyLink]:
        """Those that take work, or will when they are connected."""
        return [place.link for place in self._places]

    @property
    def running_requests(self) -> int:
        """Also those of connections that are being drained."""
        return sum(place.link.session.running_requests for place in (*self._places, *self._leaving))

    @property
    def shown(self) -> list[Place]:
        """All that have something to say: at work, being drained, and gone."""
        now = {place.name: place for place in (*self._places, *self._leaving)}
        return [*now.values(), *(place for name, place in self._left.items() if name not in now)]

    @property
    def note(self) -> str:
        """What keeps one of them from working, or what is being done about it, in words."""
        return next((link.note for link in self.links if link.note), "")

    def is_registered(self, name: str) -> bool:
        return name in self._names

    def follow(self, names: Sequence[str], parameters: RootParameters) -> None:
        """What the root contract says now. Cheap when it says what it said."""
        if parameters is self._parameters and tuple(names) == self._names:
            return
        self._names, self._parameters = tuple(names), parameters
        self._changed.set()

    def dial_again(self) -> None:
        """All of them, at once."""
        for place in self._places:
            place.link.dial_again()

    def dial_now(self, name: str) -> bool:
        """Whether an attempt to reach that proxy was to come, which is made at once now."""
        for place in self._places:
            if place.name == name and place.link.next_attempt_at is not None:
                place.link.dial_again()
                return True
        return False

    async def run(self) -> None:
        """Keeps the connections. Cancelled, it ends all of them at once, the running requests too."""
        try:
            while True:
                self._changed.clear()
                self._raise_bugs()
                self._dismiss()
                self._fill()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._seconds_to_next_look()):
                        await self._changed.wait()
        finally:
            await self._end()

    def _raise_bugs(self) -> None:
        """A link never ends by itself: one that did has a bug."""
        for place in (*self._places, *self._leaving):
            if place.run.done() and not place.run.cancelled():
                place.run.result()
            if place.drain is not None and place.drain.done():
                place.drain.result()

    def _dismiss(self) -> None:
        now = asyncio.get_running_loop().time()
        for place in list(self._places):
            link, before = place.link, place.parameters
            place.parameters = parameters = self._parameters or before
            if link.name not in self._names:
                self._let_go(place, ProxyState.GONE)
            elif not _same_terms(before, parameters) or _asks_for_more(before, parameters):
                self._let_go(place, None)
            elif link.is_put_aside and self._fresh():
                self._rests_until[link.name] = now + RESTS_SECONDS
                self._let_go(place, ProxyState.PUT_ASIDE)
            elif _has_failed(link, now) and self._fresh():
                self._rests_until[link.name] = now + RESTS_SECONDS
                self._let_go(place, ProxyState.WAITING)

    def _let_go(self, place: Place, leaves_as: ProxyState | None) -> None:
        log.info("leaving the proxy %s (%s)", place.name, leaves_as or "new parameters")
        self._places.remove(place)
        self._leaving.append(place)
        place.leaves_as = leaves_as
        place.drain = asyncio.create_task(self._drain(place), name=f"drain {place.name}")
        place.drain.add_done_callback(lambda _: self._changed.set())

    async def _drain(self, place: Place) -> None:
        session = place.link.session
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_REQUESTS_SECONDS):
                await session.finish()
        if place.leaves_as is ProxyState.GONE:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_PAYMENT_SECONDS):
                    while session.is_connected and place.link.unsigned_tokens:  # noqa: ASYNC110 - no event for one proxy
                        await asyncio.sleep(1.0)
        await _end(place)
        self._leaving.remove(place)
        if place.leaves_as is not None:
            self._left[place.name] = place
        self._on_change()

    def _fill(self) -> None:
        while len(self._places) < min(self._connections, len(self._names)):
            name = self._choose()
            if name is None or self._parameters is None:
                return
            self._left.pop(name, None)
            link = self._make_link(name, self._parameters, self._changed.set)
            run = asyncio.create_task(link.run(), name=f"link to {name}")
            run.add_done_callback(lambda _: self._changed.set())
            self._places.append(Place(link, self._parameters, run))
            self._on_change()

    def _choose(self) -> str | None:
        """A proxy that we are not connected to, by chance; one that rests only where there is no other."""
        if fresh := self._fresh():
            return self._random.choice(fresh)
        return min(self._unused(), key=lambda name: self._rests_until[name], default=None)

    def _fresh(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        return [name for name in self._unused() if self._rests_until.get(name, now) <= now]

    def _unused(self) -> list[str]:
        used = {place.name for place in (*self._places, *self._leaving)}
        return [name for name in self._names if name not in used]

    def _seconds_to_next_look(self) -> float | None:
        """Until a failed connection has failed for long enough, or a proxy that rests may be chosen again."""
        failing = [place.link.failing_since for place in self._places if place.link.failing_since is not None]
        if not failing or not self._unused():
            return None
        now = asyncio.get_running_loop().time()
        rests = [until for until in self._rests_until.values() if until > now]
        due = [since + FAILED_SECONDS for since in failing if since + FAILED_SECONDS > now]
        return min((*rests, *due), default=now + FAILED_SECONDS) - now

    async def _end(self) -> None:
        places = [*self._places, *self._leaving]
        drains = [place.drain for place in self._leaving if place.drain is not None]
        for drain in drains:
            drain.cancel()
        if drains:
            await asyncio.wait(drains)
        await asyncio.gather(*map(_end, places))
        self._places.clear()
        self._leaving.clear()


def _has_failed(link: ProxyLink, now: float) -> bool:
    return link.failing_since is not None and now - link.failing_since >= FAILED_SECONDS


async def _end(place: Place) -> None:
    await place.link.end()
    place.run.cancel()
    await asyncio.wait((place.run,))
    if not place.run.cancelled():
        place.run.result()


def _asks_for_more(before: RootParameters, now: RootParameters) -> bool:
    """Whether an image that was accepted may be so no longer: then proxies must prove themselves again."""
    if not now.proxy_hashes:  # every image is accepted
        return False
    return not before.proxy_hashes or not set(before.proxy_hashes) <= set(now.proxy_hashes)


def _same_terms(before: RootParameters, now: RootParameters) -> bool:
    """Whether contracts are the same. A version alone may only say that a proxy moved or an image was added."""
    if before is now:
        return True

    def fixed(parameters: RootParameters) -> RootParameters:
        return replace(
            parameters,
            version=0,
            proxies=(),
            registrations=(),
            last_proxy_seqno=0,
            proxy_hashes=(),
            worker_hashes=(),
            model_hashes=(),
            owner_address="",
        )

    return fixed(before) == fixed(now)
