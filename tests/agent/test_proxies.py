"""Whatever one proxy does, the others must not suffer; and what a proxy still owes must not be forgotten with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random

import pytest

from agent_workshop import DEMO
from conftest import SettableClock
from mulberry.agent.proxies import (
    FAILED_SECONDS,
    LAST_PAYMENT_SECONDS,
    LAST_REQUESTS_SECONDS,
    RESTS_SECONDS,
    Proxies,
)
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.sleep_watch import LOOK_SECONDS, watch_for_sleep
from mulberry.cocoon.channel import ChannelClosed
from mulberry.cocoon.seams import ProxyDistrusted
from mulberry.model.money import Nanoton
from mulberry.model.node import ProxyState
from mulberry.model.payments import Counters
from mulberry.model.root_contract import ProxyAddress, RootParameters
from pretend_session import Book, Connected, Session

pytestmark = pytest.mark.virtual_time
PARAMETERS = DEMO.root_parameters()
FOR_EVER = 1e7


class Network:
    """Proxies by name: each connects at once and for ever, unless `ends` says how its sessions end, one by one."""

    def __init__(self, *names: str, connections: int, seed: int = 1) -> None:
        self.names = names
        self.ends: dict[str, list[Exception]] = {}
        self.sessions: dict[str, list[Session]] = {name: [] for name in names}
        self.books: dict[str, Book] = {}
        self.terms: list[RootParameters] = []
        self.clock = SettableClock()
        self.random = Random(seed)
        self.proxies = Proxies(connections, self._link, random=self.random, on_change=lambda: None)

    def _link(self, name: str, parameters: RootParameters, on_ended: Callable[[], None]) -> ProxyLink:
        session = Session(*self.ends.get(name, []), *[Connected(FOR_EVER)] * 9)
        self.sessions.setdefault(name, []).append(session)
        self.books[name] = Book()
        self.terms.append(parameters)
        return ProxyLink(
            name,
            session.made,  # type: ignore[arg-type]
            self.books[name],  # type: ignore[arg-type]
            lambda: ProxyAddress("127.0.0.1", 1),
            lambda: None,
            clock=self.clock,
            random=self.random,
            on_change=lambda: None,
            on_ended=on_ended,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Proxies]:
        self.proxies.follow(self.names, PARAMETERS)
        run = asyncio.create_task(self.proxies.run())
        await asyncio.sleep(0.1)
        try:
            yield self.proxies
        finally:
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run
            assert not any(session.is_connected for made in self.sessions.values() for session in made)

    @property
    def connected(self) -> set[str]:
        return {name for name, made in self.sessions.items() if made and made[-1].is_connected}

    def state(self, name: str) -> ProxyState:
        return next(place.state for place in self.proxies.shown if place.name == name)


def failing() -> list[Exception]:
    return [ChannelClosed("connection refused") for _ in range(1000)]


def distrusted() -> list[Exception]:
    return [ProxyDistrusted("its key changed") for _ in range(1000)]


async def test_there_are_as_many_connections_as_asked_each_to_another_proxy() -> None:
    network = Network(*"abcdefgh", connections=3)
    async with network.at_work():
        await asyncio.sleep(3600)
        assert len(network.connected) == 3
        assert sum(map(len, network.sessions.values())) == 3


async def test_no_more_connections_than_there_are_proxies() -> None:
    network = Network("a", "b", connections=5)
    async with network.at_work() as proxies:
        assert (network.connected, len(proxies.links)) == ({"a", "b"}, 2)


async def test_which_proxies_are_chosen_is_chance() -> None:
    chosen: list[str] = []
    for seed in range(40):
        network = Network(*"abcd", connections=1, seed=seed)
        async with network.at_work():
            chosen += network.connected
    assert set(chosen) == set("abcd")


async def test_a_proxy_that_fails_for_long_makes_room_and_another_one_never_waits_for_it() -> None:
    network = Network("bad", "good", "spare", connections=2, seed=4)
    network.ends["bad"] = failing()
    async with network.at_work():
        assert network.sessions["bad"], "the seed must choose it"
        assert len(network.connected) == 1
        await asyncio.sleep(FAILED_SECONDS - 5)
        assert len(network.connected) == 1
        await asyncio.sleep(10)
        assert network.connected == {"good", "spare"}
        assert network.state("bad") is ProxyState.WAITING
        good = network.sessions["good"]
        assert len(good) == len(good[0].began) == 1, "it was never disturbed"


async def test_without_another_proxy_the_one_there_is_is_tried_again_and_again() -> None:
    network = Network("bad", connections=1)
    network.ends["bad"] = [*failing()[:60]]
    async with network.at_work():
        await asyncio.sleep(3600)
        assert network.connected == {"bad"}
        assert len(network.sessions["bad"]) == 1


async def test_two_that_fail_take_turns_until_one_comes_back() -> None:
    network = Network("a", "b", connections=1)
    network.ends = {"a": failing(), "b": failing()}
    async with network.at_work():
        await asyncio.sleep(2 * FAILED_SECONDS)
        assert all(network.sessions[name] for name in "ab")
        network.ends = {}
        await asyncio.sleep(3 * RESTS_SECONDS)
        assert len(network.connected) == 1


async def test_a_proxy_that_is_not_trusted_is_put_aside_at_once_and_looked_at_again_later() -> None:
    network = Network("liar", "other", connections=1, seed=1)
    network.ends["liar"] = distrusted()
    async with network.at_work():
        await asyncio.sleep(1)
        assert network.connected == {"other"}
        assert network.state("liar") is ProxyState.PUT_ASIDE
        place = next(place for place in network.proxies.shown if place.name == "liar")
        assert "its key changed" in place.link.note
        network.ends = {}
        network.sessions["other"][0].ends = [*failing()]
        network.sessions["other"][0].close("it went away")
        await asyncio.sleep(RESTS_SECONDS + FAILED_SECONDS)
        assert network.connected == {"liar"}


async def test_the_owner_need_not_wait_for_the_next_attempt() -> None:
    network = Network("liar", connections=1)
    network.ends["liar"] = [ProxyDistrusted("its key changed")]
    async with network.at_work() as proxies:
        await asyncio.sleep(1)
        assert network.state("liar") is ProxyState.PUT_ASIDE
        assert not proxies.dial_now("stranger")
        assert proxies.dial_now("liar")
        await asyncio.sleep(0.1)
        assert network.connected == {"liar"}
        session = network.sessions["liar"][0]
        assert not proxies.dial_now("liar")
        assert session.is_connected, "a connection is not given up for it"


async def test_a_proxy_that_leaves_the_network_finishes_signs_and_is_gone() -> None:
    network = Network("a", "b", connections=2)
    async with network.at_work() as proxies:
        leaving = network.sessions["a"][0]
        leaving.running_requests = 2
        network.books["a"].known = Counters(10, 30, 30)
        proxies.follow(("b",), PARAMETERS)
        await asyncio.sleep(1)
        assert (leaving.is_enabled, leaving.is_connected, proxies.running_requests) == (False, True, 2)
        assert network.state("a") is ProxyState.GONE
        leaving.requests_end()
        await asyncio.sleep(5)
        assert leaving.is_connected, "it has not signed for everything yet"
        network.books["a"].known = Counters(30, 30, 30)
        await asyncio.sleep(2)
        assert (leaving.is_connected, leaving.cancelled) == (False, 0)
        assert network.state("a") is ProxyState.GONE
        assert network.connected == {"b"}


async def test_a_proxy_that_leaves_and_never_signs_is_not_waited_for_for_ever() -> None:
    network = Network("a", connections=1)
    async with network.at_work() as proxies:
        network.sessions["a"][0].running_requests = 1
        network.books["a"].known = Counters(0, 5, 5)
        proxies.follow((), PARAMETERS)
        await asyncio.sleep(LAST_REQUESTS_SECONDS + LAST_PAYMENT_SECONDS + 5)
        assert network.connected == set()
        assert network.sessions["a"][0].cancelled == 1


async def test_other_prices_drain_every_connection_and_make_it_anew() -> None:
    network = Network("a", "b", connections=2)
    dearer = replace(PARAMETERS, worker_fee_per_token=Nanoton(30_000), params_version=2)
    async with network.at_work() as proxies:
        old = network.sessions["a"][0]
        old.running_requests = 1
        proxies.follow(network.names, dearer)
        await asyncio.sleep(1)
        assert (len(network.sessions["a"]), len(network.sessions["b"])) == (1, 2), "the other one does not wait"
        assert not old.is_enabled and old.is_connected
        old.requests_end()
        await asyncio.sleep(1)
        assert [len(network.sessions[name]) for name in "ab"] == [2, 2]
        assert network.terms == [PARAMETERS, PARAMETERS, dearer, dearer]
        assert network.connected == {"a", "b"} and not old.is_connected


async def test_a_new_version_without_new_terms_disturbs_nobody() -> None:
    network = Network("a", connections=1)
    async with network.at_work() as proxies:
        proxies.follow(network.names, replace(PARAMETERS, version=9, last_proxy_seqno=7, worker_hashes=(b"x" * 32,)))
        await asyncio.sleep(100)
        assert len(network.sessions["a"]) == 1 and network.connected == {"a"}


@pytest.mark.parametrize("now", [(b"a" * 32,), (b"a" * 32, b"c" * 32)])
async def test_an_image_that_is_accepted_no_longer_makes_proxies_prove_themselves_again(now: tuple[bytes, ...]) -> None:
    network = Network("a", connections=1)
    async with network.at_work() as proxies:
        wider = replace(PARAMETERS, proxy_hashes=(b"a" * 32, b"b" * 32))
        proxies.follow(network.names, wider)
        await asyncio.sleep(1)
        assert len(network.sessions["a"]) == 2, "before, every image was accepted"
        proxies.follow(network.names, replace(wider, proxy_hashes=now))
        await asyncio.sleep(1)
        assert len(network.sessions["a"]) == 3 and network.connected == {"a"}


async def test_a_proxy_that_comes_into_the_list_fills_an_empty_place() -> None:
    network = Network("a", connections=2)
    async with network.at_work() as proxies:
        proxies.follow(("a", "b"), PARAMETERS)
        await asyncio.sleep(1)
        assert network.connected == {"a", "b"}


async def test_the_end_ends_all_of_them_within_a_second_or_so() -> None:
    network = Network(*(f"p{number}" for number in range(64)), connections=64)
    async with network.at_work():
        for made in network.sessions.values():
            made[0].running_requests = 3
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 1.5
    assert sum(made[0].cancelled for made in network.sessions.values()) == 192


async def test_a_bug_in_a_link_is_not_swallowed() -> None:
    network = Network("a", connections=1)
    network.ends["a"] = [ZeroDivisionError("ours")]
    network.proxies.follow(network.names, PARAMETERS)
    with pytest.raises(ZeroDivisionError):
        await network.proxies.run()


async def test_a_computer_that_slept_dials_again_within_seconds() -> None:
    network = Network("a", "b", connections=2)
    async with network.at_work() as proxies:
        watch = asyncio.create_task(watch_for_sleep(network.clock, proxies.dial_again))
        await asyncio.sleep(100)
        network.clock.pass_time(seconds=15)
        await asyncio.sleep(100)
        assert [len(made[0].began) for made in network.sessions.values()] == [1, 1], "a small step of the clock"
        network.clock.pass_time(hours=8)
        await asyncio.sleep(LOOK_SECONDS + 0.1)
        assert [len(made[0].began) for made in network.sessions.values()] == [2, 2]
        assert network.connected == {"a", "b"}
        network.clock.pass_time(hours=-8)
        await asyncio.sleep(60)
        assert [len(made[0].began) for made in network.sessions.values()] == [2, 2]
        watch.cancel()
