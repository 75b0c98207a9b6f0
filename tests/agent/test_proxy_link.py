"""A link must neither give up nor hammer a proxy, and must say in words what is the matter."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SettableClock
from mulberry.agent.ledger import LedgerFull
from mulberry.agent.proxy_link import DISTRUSTED, REFUSED, UNREACHABLE, WITHOUT_NETWORK, Pauses, ProxyLink
from mulberry.cocoon.channel import ChannelClosed
from mulberry.cocoon.dues import CountersFell
from mulberry.cocoon.seams import ProxyDistrusted, ProxyRefused
from mulberry.cocoon.transports import PeerNotProven
from mulberry.model.node import ProxyState, ReasonKind
from mulberry.model.root_contract import ProxyAddress
from pretend_session import Book, Connected, Puzzle, Session, Slow

HERE = ProxyAddress("127.0.0.1", 1)


def dialled(cause: OSError) -> ChannelClosed:
    """As `Channel.dial` reports what the system said."""
    closed = ChannelClosed("cannot be reached")
    closed.__cause__ = cause
    return closed


@asynccontextmanager
async def running(
    session: Session, book: Book | None = None, endpoint: Callable[[], ProxyAddress | None] = lambda: HERE
) -> AsyncIterator[ProxyLink]:
    link = ProxyLink(
        "p",
        session.made,  # type: ignore[arg-type]
        book or Book(),  # type: ignore[arg-type]
        endpoint,
        lambda: None,
        clock=SettableClock(),
        random=Random(1),
        on_change=lambda: None,
    )
    work = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("end", "words", "kind", "pauses"),
    [
        (ChannelClosed("connection refused"), "connection refused", ReasonKind.PROXY_UNREACHABLE, UNREACHABLE),
        (CountersFell("the counters went back"), "the counters went back", ReasonKind.PROXY_UNREACHABLE, UNREACHABLE),
        (OSError(errno.ECONNRESET, "reset"), "(Connection reset by peer)", ReasonKind.PROXY_UNREACHABLE, UNREACHABLE),
        (
            OSError(errno.ENETUNREACH, "no network"),
            "(Network is unreachable)",
            ReasonKind.PROXY_UNREACHABLE,
            WITHOUT_NETWORK,
        ),
        (dialled(OSError(errno.ENETDOWN, "down")), "(Network is down)", ReasonKind.PROXY_UNREACHABLE, WITHOUT_NETWORK),
        (PeerNotProven("its quote is stolen"), "its quote is stolen", ReasonKind.PROXY_DISTRUSTED, REFUSED),
        (ProxyRefused("unknown model"), "unknown model", ReasonKind.PROXY_REFUSED, REFUSED),
        (ProxyDistrusted("its key changed"), "its key changed", ReasonKind.PROXY_DISTRUSTED, DISTRUSTED),
    ],
)
async def test_each_end_has_its_reason_and_its_pace(
    end: Exception, words: str, kind: ReasonKind, pauses: Pauses
) -> None:
    session = Session(*[end] * 5)
    async with running(session) as link:
        await asyncio.sleep(pauses.first / 4)
        assert link.reason is not None and link.reason.kind is kind
        assert words in link.reason.evidence
        await asyncio.sleep(pauses.longest * 10)
        steps = [later - earlier for earlier, later in zip(session.began, session.began[1:], strict=False)]
        for number, step in enumerate(steps):
            full = min(pauses.first * 2**number, pauses.longest)
            assert full / 2 <= step <= full + 0.1


@pytest.mark.virtual_time
async def test_a_connection_that_went_well_is_dialled_again_at_once() -> None:
    session = Session(*[ChannelClosed("refused")] * 6, Connected(3600))
    async with running(session) as link:
        await asyncio.sleep(200)
        assert link.session.is_connected and link.reason is None
        await asyncio.sleep(3600)
        assert len(session.began) == 8
        assert session.began[7] - session.began[6] <= 3600 + UNREACHABLE.first + 0.1


@pytest.mark.virtual_time
async def test_a_network_that_breaks_four_times_a_minute_costs_no_long_pauses() -> None:
    session = Session(*[Connected(15)] * 20)
    async with running(session):
        await asyncio.sleep(20 * 16)
        steps = [later - earlier for earlier, later in zip(session.began, session.began[1:], strict=False)]
        assert len(steps) >= 19
        assert all(step <= 15 + UNREACHABLE.first + 0.1 for step in steps)


@pytest.mark.virtual_time
@pytest.mark.parametrize("end", [Connected(1), Slow(60)], ids=["drops us at once", "is silent for a minute"])
async def test_a_proxy_that_does_so_again_and_again_is_left_alone_for_longer_each_time(end: Exception) -> None:
    session = Session(*[end] * 12)
    async with running(session):
        await asyncio.sleep(3600)
        steps = [later - earlier for earlier, later in zip(session.began, session.began[1:], strict=False)]
        assert steps[8] - steps[0] >= UNREACHABLE.longest / 2 - 1


@pytest.mark.virtual_time
async def test_after_sleep_the_connection_is_dialled_again_at_once() -> None:
    session = Session(Connected(1e6), Connected(1e6))
    async with running(session) as link:
        await asyncio.sleep(100)
        since = link.connected_since
        link.dial_again()
        await asyncio.sleep(0.01)
        assert session.began[1] - session.began[0] == pytest.approx(100, abs=0.1)
        assert link.session.is_connected and since is not None


@pytest.mark.virtual_time
async def test_after_sleep_a_long_pause_is_cut_short() -> None:
    session = Session(*[ChannelClosed("refused")] * 100)
    async with running(session) as link:
        await asyncio.sleep(200)
        assert link.next_attempt_at is not None and link.state is ProxyState.WAITING
        attempts = len(session.began)
        link.dial_again()
        await asyncio.sleep(0.01)
        assert len(session.began) == attempts + 1


@pytest.mark.virtual_time
async def test_what_takes_long_is_said_while_it_takes() -> None:
    async with running(Session(Puzzle())) as link:
        await asyncio.sleep(0.1)
        assert (link.state, link.note) == (ProxyState.CONNECTING, "about 1.4 s of computing")
        await asyncio.sleep(1.5)
        assert "too slow" in link.note


@pytest.mark.virtual_time
async def test_how_long_it_has_failed_counts_from_the_last_connection() -> None:
    loop = asyncio.get_running_loop()
    session = Session(Connected(50), *[ChannelClosed("refused")] * 100)
    async with running(session) as link:
        await asyncio.sleep(10)
        assert link.failing_since is None and link.state is ProxyState.WORKING
        await asyncio.sleep(100)
        assert link.failing_since is not None and loop.time() - link.failing_since == pytest.approx(60, abs=1)


@pytest.mark.virtual_time
async def test_where_the_proxy_is_may_be_unknown_for_a_while() -> None:
    places: list[ProxyAddress] = []
    session = Session()
    async with running(session, endpoint=lambda: places[0] if places else None) as link:
        await asyncio.sleep(5)
        assert link.reason is not None and link.reason.kind is ReasonKind.PROXY_UNREACHABLE
        assert session.began == []
        places.append(HERE)
        await asyncio.sleep(60)
        assert len(session.began) == 1


@pytest.mark.virtual_time
async def test_a_full_ledger_is_passed_on_and_met_with_patience() -> None:
    book = Book()
    async with running(Session(LedgerFull("full")), book):
        await asyncio.sleep(0.1)
        assert book.full is not None


@given(st.integers(0, 10**6), st.integers(0, 2**32))
def test_pauses_grow_to_a_limit_and_differ_from_one_worker_to_the_next(failures: int, seed: int) -> None:
    for pauses in (UNREACHABLE, REFUSED, DISTRUSTED):
        assert pauses.first / 2 <= pauses.after(failures, Random(seed)) <= pauses.longest


@pytest.mark.virtual_time
async def test_a_proxy_that_moved_is_tried_at_once() -> None:
    where: list[ProxyAddress | None] = [HERE]
    session = Session(*[ConnectionRefusedError("refused")] * 12)
    async with running(session, endpoint=lambda: where[0]) as link:
        await asyncio.sleep(120)
        tried = len(session.began)
        where[0] = None
        link.look_again()
        await asyncio.sleep(1)
        assert len(session.began) == tried, "nobody knows where it is"
        where[0] = ProxyAddress("127.0.0.1", 2)
        link.look_again()
        await asyncio.sleep(0.01)
        assert len(session.began) == tried + 1
        await asyncio.sleep(1)
        assert len(session.began) > tried + 1, "and its pauses begin anew"
