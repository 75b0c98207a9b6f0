"""Without collateral no proxy of the real network can be judged; with bad collateral a good one must not be lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from collateral_server import (
    IDENTITY,
    PCK_LIST,
    ROOT_LIST,
    TCB_INFO,
    CollateralServer,
    serving_collateral,
)
from conftest import SettableClock
from loopback import until
from mulberry.agent.bounded_get import PATIENCE_SECONDS
from mulberry.agent.collateral_keeper import LONGEST_PAUSE, MOST_PLATFORMS, REFRESH_BEFORE, CollateralKeeper
from mulberry.agent.collateral_service import fetch, service_address
from mulberry.attestation.collateral_fetch import INTEL, INTEL_ROOT_LIST, Answer, fetch_collateral
from mulberry.attestation.tdx import TdxVerifier
from mulberry.model.collateral import PlatformCollateral
from mulberry.model.errors import UserFacingError, WhoseTurn
from synthetic_tdx import COLLATERAL_ENDS, FMSPC, NOW, Guest, SyntheticIntel


@pytest.fixture(scope="module")
def intel() -> SyntheticIntel:
    return SyntheticIntel()


@pytest.fixture
def clock() -> SettableClock:
    clock = SettableClock()
    clock.moment = NOW
    return clock


MakeKeeper = Callable[[str], CollateralKeeper]


@pytest.fixture
def keeper_at(intel: SyntheticIntel, clock: SettableClock, tmp_path: Path) -> MakeKeeper:
    def make(service: str) -> CollateralKeeper:
        return CollateralKeeper(
            tmp_path / "collateral", clock, Random(1), service=service, fetch=fetch, test_root_der=intel.root_der
        )

    return make


@asynccontextmanager
async def running(keeper: CollateralKeeper) -> AsyncIterator[None]:
    run = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.wait((run,))
        assert run.cancelled()


async def test_what_a_cache_gives_verifies_a_quote(
    intel: SyntheticIntel, keeper_at: MakeKeeper, clock: SettableClock
) -> None:
    async with serving_collateral(intel.collateral()) as server:
        keeper = keeper_at(server.address)
        await keeper.bring(FMSPC, "platform")
        assert server.asked == [
            ROOT_LIST,
            f"{PCK_LIST}?ca=platform&encoding=der",
            f"{TCB_INFO}?fmspc={FMSPC}",
            IDENTITY,
        ]
    verifier = TdxVerifier(keeper, intel.root_der)
    verifier.verify(intel.quote(Guest(report_data=bytes(64))), clock.now())
    (platform,) = keeper.status().platforms
    assert platform.expires == COLLATERAL_ENDS
    assert keeper.status().reachable.value is True


async def test_nothing_is_asked_before_somebody_wants_it(intel: SyntheticIntel, keeper_at: MakeKeeper) -> None:
    async with serving_collateral(intel.collateral()) as server:
        keeper = keeper_at(server.address)
        assert keeper.find(FMSPC, "platform") is None
        assert not server.asked
        assert keeper.status().reachable.value is None
        assert await keeper.bring_what_lacks()
        assert keeper.find(FMSPC, "platform") is not None


async def test_what_a_quote_needed_is_fetched_while_the_keeper_runs(
    intel: SyntheticIntel, keeper_at: MakeKeeper
) -> None:
    async with serving_collateral(intel.collateral()) as server:
        keeper = keeper_at(server.address)
        async with running(keeper):
            await asyncio.sleep(0)
            await asyncio.to_thread(keeper.find, FMSPC, "platform")
            await until(lambda: keeper.status().platforms[0].expires is not None)
            assert await keeper.bring_what_lacks() is False, "nothing lacks any more"
        assert len(server.asked) == 4


@pytest.mark.virtual_time
async def test_it_is_fetched_again_before_it_runs_out(
    intel: SyntheticIntel, keeper_at: MakeKeeper, clock: SettableClock
) -> None:
    async with serving_collateral(intel.collateral()) as server:
        keeper = keeper_at(server.address)
        keeper.find(FMSPC, "platform")
        async with running(keeper):
            await asyncio.sleep(60)
            assert keeper.status().platforms[0].expires == COLLATERAL_ENDS
            due = keeper.status().platforms[0].next_attempt_at
            assert due is not None
            early = COLLATERAL_ENDS - REFRESH_BEFORE - due
            assert timedelta() <= early <= timedelta(days=1), "not all computers at once"
            newer = COLLATERAL_ENDS + timedelta(days=20)
            server.collateral = intel.collateral(ends=newer)
            clock.moment = due
            await asyncio.sleep(2 * 3600)
            assert keeper.status().platforms[0].expires == newer


@pytest.mark.virtual_time
async def test_a_cache_that_gives_the_same_again_is_not_asked_all_the_time(
    intel: SyntheticIntel, keeper_at: MakeKeeper, clock: SettableClock
) -> None:
    clock.moment = COLLATERAL_ENDS - timedelta(days=1)
    async with serving_collateral(intel.collateral()) as server:
        keeper = keeper_at(server.address)
        keeper.find(FMSPC, "platform")
        async with running(keeper):
            await asyncio.sleep(3 * 3600)
        assert len(server.asked) == 4
        (platform,) = keeper.status().platforms
        assert platform.next_attempt_at is not None
        assert platform.next_attempt_at > clock.now() + LONGEST_PAUSE / 2


BAD: dict[str, Callable[[CollateralServer], object]] = {
    "cache has a fault": lambda server: server.instead.update({TCB_INFO: web.Response(status=500)}),
    "come back later": lambda server: server.instead.update({IDENTITY: web.Response(status=503)}),
    "cache asks for a password": lambda server: server.instead.update({PCK_LIST: web.Response(status=401)}),
    "does not know (302)": lambda server: server.instead.update(
        {ROOT_LIST: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})}
    ),
    "more than the 65,536 bytes": lambda server: server.instead.update({ROOT_LIST: web.Response(body=bytes(2**20))}),
    "not what Intel's service gives": lambda server: server.instead.update({TCB_INFO: web.Response(text='{"tcbIn')}),
    "tcbInfo is not where it belongs": lambda server: server.instead.update(
        {TCB_INFO: web.Response(text='{"a":{"tcbInfo":{"b":1}},"tcbInfo":{},"signature":""}')}
    ),
    "header sgx-pck-crl-issuer-chain is missing": lambda server: server.instead.update(
        {PCK_LIST: web.Response(body=b"\x30\x00")}
    ),
    "does not come from Intel's root": lambda server: setattr(server, "collateral", SyntheticIntel().collateral()),
    "expired on 2026-11-21": lambda server: setattr(server, "collateral", server.collateral),
}


@pytest.mark.parametrize("why", BAD)
async def test_what_is_no_good_leaves_what_is_there(
    intel: SyntheticIntel, keeper_at: MakeKeeper, tmp_path: Path, why: str
) -> None:
    good = intel.collateral()
    folder = tmp_path / "collateral"
    folder.mkdir()
    (folder / f"{FMSPC}_platform.json").write_text(good, encoding="utf-8")
    given = intel.collateral(ends=NOW - timedelta(days=1)) if why.startswith("expired") else good
    async with serving_collateral(given) as server:
        BAD[why](server)
        keeper = keeper_at(server.address)
        with pytest.raises(UserFacingError) as refused:
            await keeper.bring(FMSPC, "platform")
    assert why in refused.value.why
    assert refused.value.whose_turn is not WhoseTurn.INTEL, "a cache is its owner's"
    assert keeper.find(FMSPC, "platform") == good
    assert [path.name for path in folder.iterdir()] == [f"{FMSPC}_platform.json"]


async def test_a_platform_that_nobody_knows_is_said_to_be(intel: SyntheticIntel, keeper_at: MakeKeeper) -> None:
    async with serving_collateral(intel.collateral()) as server:
        with pytest.raises(UserFacingError, match="does not know it") as refused:
            await keeper_at(server.address).bring("FFFFFFFFFFFF", "platform")
    assert refused.value.whose_turn is WhoseTurn.NETWORK


@pytest.mark.virtual_time
@pytest.mark.parametrize("path", [ROOT_LIST, IDENTITY])
async def test_a_silent_service_costs_a_few_seconds(intel: SyntheticIntel, keeper_at: MakeKeeper, path: str) -> None:
    async with serving_collateral(intel.collateral()) as server:
        server.hangs.add(path)
        keeper = keeper_at(server.address)
        began = asyncio.get_running_loop().time()
        with pytest.raises(UserFacingError, match="did not answer within 8 s"):
            await keeper.bring(FMSPC, "platform")
        assert asyncio.get_running_loop().time() - began < 2 * PATIENCE_SECONDS
    assert keeper.status().reachable.value is False


async def test_a_service_that_is_not_there_is_not_asked_again_at_once(
    intel: SyntheticIntel, keeper_at: MakeKeeper, clock: SettableClock
) -> None:
    async with serving_collateral(intel.collateral()) as server:
        address = server.address
    keeper = keeper_at(address)
    keeper.find(FMSPC, "platform")
    assert await keeper.bring_what_lacks() is False
    (platform,) = keeper.status().platforms
    assert isinstance(platform, PlatformCollateral)
    assert platform.problem.endswith("It could not be reached (Connection refused).")
    assert keeper.status().reachable.value is False
    assert platform.next_attempt_at is not None
    assert timedelta(minutes=3) < platform.next_attempt_at - clock.now() < timedelta(minutes=7)


@pytest.mark.virtual_time
async def test_pauses_grow_while_it_fails_and_a_clock_set_back_makes_none_longer(
    intel: SyntheticIntel, keeper_at: MakeKeeper, clock: SettableClock
) -> None:
    async with serving_collateral(intel.collateral()) as server:
        server.instead[ROOT_LIST] = web.Response(status=500)
        keeper = keeper_at(server.address)
        keeper.find(FMSPC, "platform")
        pauses = []
        for _ in range(10):
            await keeper.bring_what_lacks()
            due = keeper.status().platforms[0].next_attempt_at
            assert due is not None
            pauses.append(due - clock.now())
            clock.moment = due
        assert pauses[0] < timedelta(minutes=7) < timedelta(hours=1) < pauses[-1] <= LONGEST_PAUSE * 1.25
        del server.instead[ROOT_LIST]
        clock.moment -= timedelta(minutes=10)
        assert await keeper.bring_what_lacks() is False, "the pause is not over"
        clock.moment = NOW
        assert await keeper.bring_what_lacks() is True, "the clock was set back by more than a pause"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "the connection broke off"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it speaks no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", "it speaks no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "the connection broke off"),
    ],
)
async def test_what_is_no_web_server_is_said_in_words(said: bytes, why: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UserFacingError) as refused:
            await fetch(f"http://127.0.0.1:{port}/sgx/certification/v4/rootcacrl")
    assert refused.value.why == f"It could not be reached ({why})."


def test_strangers_make_nobody_remember_more_than_a_few_platforms(keeper_at: MakeKeeper) -> None:
    keeper = keeper_at("http://127.0.0.1:1")
    for number in range(100):
        assert keeper.find(f"{number:012X}", "platform") is None
    keeper.find("../../secret", "platform")
    names = [each.fmspc for each in keeper.status().platforms]
    assert names == [f"{number:012X}" for number in range(100 - MOST_PLATFORMS, 100)]


async def test_a_folder_that_cannot_be_written_is_its_owners_turn(
    intel: SyntheticIntel, keeper_at: MakeKeeper, tmp_path: Path
) -> None:
    (tmp_path / "collateral").write_text("a file in the way", encoding="utf-8")
    async with serving_collateral(intel.collateral()) as server:
        with pytest.raises(UserFacingError, match="could not be kept"):
            await keeper_at(server.address).bring(FMSPC, "platform")


async def test_intels_own_service_is_asked_for_the_roots_list_elsewhere() -> None:
    asked = []

    async def nothing(url: str) -> Answer:
        asked.append(url)
        return Answer(404, {}, b"")

    with pytest.raises(UserFacingError) as refused:
        await fetch_collateral(nothing, INTEL, FMSPC, "platform")
    assert asked == [INTEL_ROOT_LIST]
    assert refused.value.whose_turn is WhoseTurn.INTEL


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://localhost:8081", "https://localhost:8081"),
        ("https://localhost:8081/sgx/certification/v4/", "https://localhost:8081"),
        ("http://[::1]:8081/", "http://[::1]:8081"),
        ("https://pccs.example/some", "https://pccs.example/some"),
    ],
)
def test_an_address_is_taken_as_people_write_it(written: str, asked: str) -> None:
    assert service_address(written) == asked


@pytest.mark.parametrize(
    "address", ["", "pccs", "ftp://localhost", "http://pccs.example", "https://a:b@pccs.example", "https://x/?a=1"]
)
def test_what_is_no_address_of_a_service_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="a collateral service"):
        service_address(address)
