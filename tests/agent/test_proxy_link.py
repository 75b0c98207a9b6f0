"""A link must neither give up nor hammer a proxy, and must say in words what is the matter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.agent.ledger import LedgerFull
from mulberry.agent.proxy_link import DISTRUSTED, REFUSED, UNREACHABLE, Pauses, ProxyLink
from mulberry.cocoon.channel import ChannelClosed
from mulberry.cocoon.messages import ProxyParams
from mulberry.cocoon.seams import ProxyDistrusted, ProxyRefused
from mulberry.cocoon.worker import CountersFell
from mulberry.model.node import ReasonKind
from mulberry.model.root_contract import ProxyAddress

HERE = ProxyAddress("127.0.0.1", 1)


class Session:
    """Stands where a `WorkerSession` stands; its `run` ends as the test says."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.began: list[float] = []
        self.is_connected = False
        self.running_requests = 0
        self.proxy: ProxyParams | None = None

    async def run(self, endpoint: ProxyAddress) -> None:
        self.began.append(asyncio.get_running_loop().time())
        end = self.ends.pop(0) if self.ends else None
        if isinstance(end, Connected):
            self.is_connected = True
            await asyncio.sleep(end.seconds)
            self.is_connected = False
            raise ChannelClosed("it hung up")
        if end is None:
            await asyncio.sleep(1e9)
        else:
            raise end


class Connected(Exception):
    """Not an error: the session stands for so long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Book:
    worker_contract = ""

    def __init__(self) -> None:
        self.full: LedgerFull | None = None

    def ledger_is_full(self, problem: LedgerFull) -> None:
        self.full = problem


@asynccontextmanager
async def running(
    session: Session, book: Book | None = None, endpoint: Callable[[], ProxyAddress | None] = lambda: HERE
) -> AsyncIterator[ProxyLink]:
    link = ProxyLink("p", session, book or Book(), endpoint, random=Random(1), on_change=lambda: None)  # type: ignore[arg-type]
    work = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("end", "kind", "pauses"),
    [
        (ChannelClosed("connection refused"), ReasonKind.PROXY_UNREACHABLE, UNREACHABLE),
        (CountersFell("the counters went back"), ReasonKind.PROXY_UNREACHABLE, UNREACHABLE),
        (OSError("no route"), ReasonKind.PROXY_UNREACHABLE, UNREACHABLE),
        (ProxyRefused("unknown model"), ReasonKind.PROXY_REFUSED, REFUSED),
        (ProxyDistrusted("its key changed"), ReasonKind.PROXY_DISTRUSTED, DISTRUSTED),
    ],
)
async def test_each_end_has_its_reason_and_its_pace(end: Exception, kind: ReasonKind, pauses: Pauses) -> None:
    session = Session(*[end] * 5)
    async with running(session) as link:
        await asyncio.sleep(pauses.first / 4)
        assert link.reason is not None and link.reason.kind is kind
        assert str(end) in link.reason.evidence
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
