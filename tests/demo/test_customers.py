"""The demo's customers are what its owner watches: so many as said, asking what the model knows, quiet when alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from nacl.signing import SigningKey

from demo_worker import Echo, connected_worker
from mulberry.demo.accounts import Accounts
from mulberry.demo.customers import Door, send_customers
from mulberry.demo.exchanges import KEPT, Exchange, Exchanges
from mulberry.demo.faucet import Faucet
from mulberry.demo.front import Front
from mulberry.demo.network import serving
from mulberry.demo.proxy import DemoProxy
from mulberry.demo.questions import any_question
from mulberry.demo.traffic import TrafficFile
from mulberry.model.clock import SystemClock
from mulberry.model.network import Traffic, load_profile

pytestmark = pytest.mark.virtual_time

PROFILE = load_profile("demo")
SEED = 11


class Street:
    """A running network with its customers."""

    def __init__(self, port: int, traffic: TrafficFile, exchanges: Exchanges) -> None:
        self.port = port
        self.traffic = traffic
        self.exchanges = exchanges

    async def until_asked(self, number: int) -> list[Exchange]:
        """The exchanges, when there are so many; virtual time passes meanwhile."""
        async with asyncio.timeout(3600):
            while len(self.exchanges.after(0)) < number:  # noqa: ASYNC110 - a sleep costs nothing in virtual time
                await asyncio.sleep(0.5)
        return self.exchanges.after(0)


@asynccontextmanager
async def street(folder: Path, plan: Traffic) -> AsyncIterator[Street]:
    exchanges = Exchanges()
    traffic = TrafficFile(folder / "traffic.json", plan, SystemClock())
    with Accounts(folder / "accounts.sqlite3") as accounts:
        proxy = DemoProxy(PROFILE, PROFILE.root_parameters(), SigningKey(bytes(range(32))), accounts, Random(5))
        port = await proxy.listen("127.0.0.1", 0)
        front = Front(proxy, PROFILE.model_base_name, traffic, exchanges, Faucet(lambda *_: None))
        async with serving(front.application()) as url:
            door = Door(url, PROFILE.model_base_name, proxy.worker_ready)
            customers = asyncio.create_task(send_customers(door, traffic, exchanges, Random(1)))
            try:
                yield Street(port, traffic, exchanges)
            finally:
                customers.cancel()
                await asyncio.wait({customers})
                await proxy.close()
        assert customers.cancelled()


async def test_a_seed_gives_the_same_questions_and_stops_after_its_jobs(tmp_path: Path) -> None:
    runs = []
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        async with (
            street(tmp_path / run, Traffic(requests_per_minute=60, jobs=12, seed=SEED)) as there,
            connected_worker(PROFILE, there.port),
        ):
            await there.until_asked(12)
            await asyncio.sleep(600)
            runs.append([(exchange.question, exchange.expected) for exchange in there.exchanges.after(0)])
    assert len(runs[0]) == 12
    assert runs[0] == runs[1]


async def test_right_answers_are_told_from_wrong_ones(tmp_path: Path) -> None:
    random = Random(1)
    knows = {asked.text: asked.answer for asked in (any_question(random) for _ in range(30_000))}
    async with (
        street(tmp_path, Traffic(requests_per_minute=600, jobs=30, seed=SEED)) as there,
        connected_worker(PROFILE, there.port, engine=Echo(knows)) as worker,
    ):
        exchanges = await there.until_asked(30)
        assert all(exchange.is_right for exchange in exchanges)
        assert all(exchange.latency_ms > 0 for exchange in exchanges)
        assert [exchange.number for exchange in exchanges] == list(range(1, 31))
        worker.engine.knows = {}
        there.traffic.change(Traffic(requests_per_minute=600, jobs=5, seed=SEED))
        assert not any(exchange.is_right for exchange in (await there.until_asked(35))[30:])


async def test_the_rate_is_the_one_asked_for(tmp_path: Path) -> None:
    async with (
        street(tmp_path, Traffic(requests_per_minute=60, seed=SEED)) as there,
        connected_worker(PROFILE, there.port) as worker,
    ):
        await asyncio.sleep(5 * 60)
        assert 240 < len(worker.book.served) < 360  # 300 expected, Poisson
        there.traffic.change(Traffic(requests_per_minute=0))
        await asyncio.sleep(5)
        before = len(worker.book.served)
        await asyncio.sleep(3600)
        assert len(worker.book.served) == before
        assert len(there.exchanges.after(0)) == KEPT


async def test_without_a_worker_nobody_asks_and_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with street(tmp_path, Traffic(requests_per_minute=600, jobs=3, seed=SEED)) as there:
        await asyncio.sleep(3600)
        assert not there.exchanges.after(0)
        async with connected_worker(PROFILE, there.port):
            await there.until_asked(3)
        async with connected_worker(PROFILE, there.port):
            await asyncio.sleep(60)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_a_worker_that_stops_in_the_middle_is_noted_and_the_next_is_asked(tmp_path: Path) -> None:
    async with street(tmp_path, Traffic(requests_per_minute=6000, jobs=4, seed=SEED)) as there:
        async with connected_worker(PROFILE, there.port, slots=2) as worker:
            worker.engine.gate.clear()
            await worker.until_running(2)
        async with connected_worker(PROFILE, there.port):
            exchanges = await there.until_asked(4)
    assert any(not exchange.error for exchange in exchanges)
    assert all(exchange.answer or exchange.error for exchange in exchanges)


def test_a_broken_traffic_file_is_kept_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "traffic.json"
    path.write_bytes(b'{"requests_per_minute": "many"}')
    traffic = TrafficFile(path, Traffic(jobs=5), SystemClock())
    assert traffic.plan == Traffic(jobs=5)
    (aside,) = tmp_path.glob("traffic.broken-*.json")
    assert aside.read_bytes() == b'{"requests_per_minute": "many"}'
    assert aside.name in caplog.text
