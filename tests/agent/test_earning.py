"""The whole way of money in one process: customer, door, proxy, session, engine, ledger, signed payment, and back."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import aiohttp
import pytest

from agent_workshop import DEMO, EchoEngine, a_workshop
from fake_driver import build_library, loaded
from mulberry.agent.chain import Chain
from mulberry.agent.ledger import KnownProxy
from mulberry.agent.node import Node
from mulberry.agent.settings import Settings
from mulberry.agent.startup import LoadModel
from mulberry.agent.workshop import Workshop
from mulberry.demo.network import Ready, run
from mulberry.model.clock import SystemClock
from mulberry.model.errors import WhoseTurn
from mulberry.model.jobs import JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.network import NetworkProfile, RegisteredProxy
from mulberry.model.node import NodeState, ReasonKind, StepState, Want
from mulberry.model.places import DataFolder, resource
from mulberry.model.root_contract import RootParameters
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineState, EngineStatus
from mulberry.runtime.manifest import MANIFEST
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Sandbox

QUIET = DEMO.model_copy(update={"payment_commit_seconds": 0.05})


@asynccontextmanager
async def demo_network(folder: Path, asked: NetworkProfile = QUIET) -> AsyncIterator[NetworkProfile]:
    """The demo network without customers of its own; its profile names the real ports."""
    ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    network = asyncio.create_task(
        run(
            folder,
            asked,
            on_ready=ready.set_result,
            random=Random(3),
            clock=SystemClock(),
            requests_per_minute=0,
        )
    )
    try:
        yield (await ready).profile
    finally:
        network.cancel()
        with suppress(asyncio.CancelledError):
            await network


@asynccontextmanager
async def earning(
    root: Path, engine: EchoEngine, profile: NetworkProfile
) -> AsyncIterator[tuple[Node, Workshop, aiohttp.ClientSession]]:
    """A started node that is connected, and a customer at the network's door."""
    with a_workshop(root, SystemClock(), profile=profile, make_engine=engine.make) as workshop:
        node = Node(workshop)
        work = asyncio.create_task(node.run())
        assert profile.front_url is not None
        async with aiohttp.ClientSession(profile.front_url) as customer:
            try:
                await node.obey(Want.START, None)
                await until(lambda: node.status().state is NodeState.READY)
                yield node, workshop, customer
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


def step(node: Node, name: str) -> StepState:
    return next(step.state for step in node.status().steps if step.name == name)


def at_a_fixed_port() -> NetworkProfile:
    """The proxy listens there at every start, as proxies on other computers do."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    assert QUIET.chain is not None
    registered = (RegisteredProxy(seqno=1, address=address),)
    return QUIET.model_copy(update={"chain": QUIET.chain.model_copy(update={"registered_proxies": registered})})


async def ask(customer: aiohttp.ClientSession, text: str) -> tuple[int, str]:
    """Status and answer of one question."""
    body = {"model": "mulberry/tiny-lm", "messages": [{"role": "user", "content": text}]}
    async with customer.post("/v1/chat/completions", json=body) as answer:
        said = await answer.json()
        return answer.status, said["choices"][0]["message"]["content"] if answer.status == 200 else str(said)


async def test_a_job_is_served_booked_confirmed_and_paid(tmp_path: Path) -> None:
    async with (
        demo_network(tmp_path / "network") as profile,
        earning(tmp_path, EchoEngine(), profile) as (node, _, customer),
    ):
        assert await ask(customer, "to be or not to be") == (200, "to be or not to be")
        await until(lambda: node.status().earnings.payable > 0)
        (job,) = node.ledger.jobs(1, 9)
        assert (job.outcome, job.prompt_tokens, job.completion_tokens) == (JobOutcome.DONE, 3, 4)
        assert job.confirmed_tokens == job.adjusted_tokens == 7
        status = node.status()
        assert (status.earnings.today, status.earnings.earned, status.earnings.payable) == (140_000, 140_000, 140_000)
        assert status.state is NodeState.EARNING
        (proxy,) = status.proxies
        assert (proxy.connected, proxy.earned, proxy.payable, proxy.public_key) == (True, 140_000, 140_000, job.proxy)
        (account,) = node.ledger.accounts()
        payment = node.ledger.newest_payment(account.worker_contract)
        assert payment is not None and payment.tokens == 7


async def test_what_customers_ask_and_hear_is_kept_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    engine = EchoEngine()
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path / "data", engine, profile) as parts:
        node, workshop, customer = parts
        assert await ask(customer, "my PIN is 4711") == (200, "my PIN is 4711")
        engine.fail_with = RuntimeError("a bug that quotes: my PIN is 4711")
        assert (await ask(customer, "my PIN is 4711"))[0] >= 500
        await until(lambda: node.ledger.newest_job() == 2)
        written = b"".join(path.read_bytes() for path in workshop.folder.path.iterdir() if path.is_file())
    assert "4711" not in caplog.text
    assert b"4711" not in written


async def test_stop_cancels_at_once_and_books_what_was_cancelled(tmp_path: Path) -> None:
    engine = EchoEngine()
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path, engine, profile) as parts:
        node, _, customer = parts
        engine.gate.clear()
        asking = asyncio.create_task(ask(customer, "too late"))
        await until(lambda: engine.running == 1)
        await node.obey(Want.STOP, None)
        await until(lambda: node.status().state is NodeState.STOPPED)
        assert (engine.running, engine.status.state) == (0, EngineState.STOPPED)
        status, _ = await asking
        assert status >= 500
        (job,) = node.ledger.jobs(1, 9)
        assert job.outcome is JobOutcome.CANCELLED


async def test_finish_completes_what_runs_takes_nothing_new_and_waits_for_the_proxys_word(tmp_path: Path) -> None:
    engine = EchoEngine()
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path, engine, profile) as parts:
        node, _, customer = parts
        engine.gate.clear()
        asking = asyncio.create_task(ask(customer, "just in time"))
        await until(lambda: engine.running == 1)
        await node.obey(Want.FINISH, None)
        await until(lambda: node.status().state is NodeState.FINISHING)
        refused, _ = await ask(customer, "too late")
        assert refused == 503
        engine.gate.set()
        assert await asking == (200, "just in time")
        await until(lambda: node.status().state is NodeState.STOPPED)
        (job,) = node.ledger.jobs(1, 9)
        assert (job.outcome, job.confirmed_tokens) == (JobOutcome.DONE, 7)


async def test_a_finish_that_was_not_meant_is_taken_back(tmp_path: Path) -> None:
    engine = EchoEngine()
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path, engine, profile) as parts:
        node, _, customer = parts
        engine.gate.clear()
        asking = asyncio.create_task(ask(customer, "first"))
        await until(lambda: engine.running == 1)
        await node.obey(Want.FINISH, None)
        await until(lambda: node.status().state is NodeState.FINISHING)
        await node.obey(Want.START, None)
        engine.gate.set()
        await asking
        assert await ask(customer, "second") == (200, "second")


async def test_while_the_engine_restarts_no_requests_are_taken(tmp_path: Path) -> None:
    engine = EchoEngine()
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path, engine, profile) as parts:
        node, _, customer = parts
        engine.become(EngineState.RESTARTING, "The engine's process ended. It starts again by itself.")
        await until(lambda: node.status().state is NodeState.GETTING_READY)
        assert [reason.kind for reason in node.status().reasons] == [ReasonKind.ENGINE_FAILED]
        await until(lambda: step(node, LoadModel.name) is StepState.RUNNING)
        await asyncio.sleep(0.05)  # the proxy has to hear of it
        refused, _ = await ask(customer, "anybody there?")
        assert refused == 503
        engine.become(EngineState.READY)
        await until(lambda: node.status().state is NodeState.READY)
        await asyncio.sleep(0.05)
        assert await ask(customer, "again") == (200, "again")


async def test_an_engine_that_is_broken_for_good_needs_its_owner(tmp_path: Path) -> None:
    engine = EchoEngine()
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path, engine, profile) as parts:
        node = parts[0]
        engine.become(EngineState.BROKEN, "The engine broke too often and was not started again.")
        await until(lambda: node.status().state is NodeState.NEEDS_YOU)
        assert node.status().reasons[0].kind is ReasonKind.ENGINE_FAILED
        await node.obey(Want.START, None)
        await until(lambda: node.status().state is NodeState.READY)


async def test_a_full_disk_stops_new_work_and_the_job_is_booked_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mulberry.agent.node.FULL_DISK_SECONDS", 0.1)
    async with demo_network(tmp_path / "network") as profile, earning(tmp_path, EchoEngine(), profile) as parts:
        node, workshop, customer = parts
        execute = workshop.till.ledger._connection.execute
        execute(f"PRAGMA max_page_count = {execute('PRAGMA page_count').fetchone()[0]}")
        served = 0
        while not workshop.till.full:
            assert await ask(customer, "x") == (200, "x")
            served += 1
        await until(lambda: node.status().state is NodeState.NEEDS_YOU)
        await asyncio.sleep(0.05)
        refused, _ = await ask(customer, "no more")
        assert refused == 503
        execute("PRAGMA max_page_count = 100000")
        await until(lambda: node.status().state in (NodeState.EARNING, NodeState.READY))
        await until(lambda: node.ledger.newest_job() == served)
        await asyncio.sleep(0.05)
        assert await ask(customer, "room again") == (200, "room again")
        await until(lambda: node.status().earnings.payable == (served + 1) * 7 * 20_000)
        assert all(job.confirmed_tokens == 7 for job in node.ledger.jobs(1, served + 1))


async def test_a_proxy_that_comes_back_finds_us_again_and_its_books_agree(tmp_path: Path) -> None:
    fixed = at_a_fixed_port()
    async with AsyncExitStack() as first:
        profile = await first.enter_async_context(demo_network(tmp_path / "network", fixed))
        async with earning(tmp_path, EchoEngine(), profile) as (node, _, customer):
            await ask(customer, "one")
            await until(lambda: node.status().earnings.payable == 140_000)
            await first.aclose()
            await until(lambda: ReasonKind.PROXY_UNREACHABLE in [reason.kind for reason in node.status().reasons])
            assert node.status().state is NodeState.GETTING_READY
            async with demo_network(tmp_path / "network", fixed):
                await until(lambda: node.status().state in (NodeState.READY, NodeState.EARNING))
                assert node.status().earnings.payable >= 140_000


async def test_a_proxy_with_another_key_is_not_worked_for(tmp_path: Path) -> None:
    fixed = at_a_fixed_port()
    async with (
        demo_network(tmp_path / "network", fixed) as profile,
        earning(tmp_path, EchoEngine(), profile) as (node, workshop, _),
    ):
        name = node.status().proxies[0].name
        book = workshop.till.ledger
        assert book.meet(name, book_of_a_stranger(), SystemClock().now()) != book_of_a_stranger()
    (tmp_path / "network" / "proxy.key").write_bytes(b"\x07" * 32)
    (tmp_path / "network" / "accounts.sqlite3").unlink()
    async with demo_network(tmp_path / "network", fixed) as profile:
        with a_workshop(tmp_path, SystemClock(), profile=profile, make_engine=EchoEngine().make) as workshop:
            node = Node(workshop)
            work = asyncio.create_task(node.run())
            await until(lambda: ReasonKind.PROXY_DISTRUSTED in [reason.kind for reason in node.status().reasons])
            assert "key or its owner changed" in node.status().reasons[0].evidence
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


async def test_other_prices_are_other_contracts_and_connections_are_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of this test keeps its old prices, so it is not worked for until the network has them again."""
    monkeypatch.setattr("mulberry.agent.treasury.ROUND_SECONDS", 0.05)
    monkeypatch.setattr("mulberry.agent.treasury.ROOT_SECONDS", 0.05)
    read = Chain.root_parameters
    fee = 20_000

    async def changing(chain: Chain) -> RootParameters:
        return replace(await read(chain), worker_fee_per_token=Nanoton(fee), version=fee)

    monkeypatch.setattr(Chain, "root_parameters", changing)
    async with (
        demo_network(tmp_path / "network") as profile,
        earning(tmp_path, EchoEngine(), profile) as (node, _, customer),
    ):
        fee = 30_000
        await until(lambda: ReasonKind.PROXY_DISTRUSTED in [reason.kind for reason in node.status().reasons])
        fee = 20_000
        await until(lambda: node.status().state is NodeState.READY)
        assert await ask(customer, "again") == (200, "again")
        assert len(node.status().proxies) == 1


def book_of_a_stranger() -> KnownProxy:
    return KnownProxy("ee" * 32, "0:" + "ee" * 32)


class OneOnEachCard(EchoEngine):
    """Makes a new engine for each card; all have the one gate."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[EchoEngine] = []

    def make(
        self,
        model: ModelFolder,
        settings: Settings,
        random: Random,
        on_change: Callable[[EngineStatus], None],
        sandbox: Sandbox,
        card: Card | None,
    ) -> EchoEngine:
        made = EchoEngine().make(model, settings, random, on_change, sandbox, card)
        made.gate = self.gate
        self.made.append(made)
        return made


def a_model_for_cuda(folder: Path) -> Path:
    shutil.copytree(resource("models/tiny-lm"), folder)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["variants"].append(manifest["variants"][0] | {"provider": "cuda", "minimum_vram_bytes": 1 << 30})
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


async def test_two_gpus_serve_twice_as_many_at_once_and_one_goes_on_when_the_other_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the real driver's interface, from the GPUs that it names to what the network is told and the owner reads."""
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("no C compiler")
    caplog.set_level("INFO")
    settings = DataFolder.of_network(tmp_path, QUIET.name)
    settings.create()
    settings.settings.write_text(json.dumps({"model_folder": str(a_model_for_cuda(tmp_path / "model"))}))
    engine = OneOnEachCard()
    engine.gate.clear()
    cards = "name H200\nmem_total 151000000000\nmem_used 1000000000\n"
    gpus = "d0.uuid GPU-0\nd1.uuid GPU-1\nd2.uuid GPU-2\nd2.mem_used 150900000000\n"
    with loaded(library, tmp_path / "state") as driver:
        driver.says(f"count 3\n{cards}{gpus}d0.bus 1\nd1.bus 2\nd2.bus 3\n")
        async with (
            demo_network(tmp_path / "network") as profile,
            earning(tmp_path, engine, profile) as (node, _, customer),
        ):
            assert node.status().runs_on == "2 × H200 (fake)"
            load = next(step for step in node.status().steps if step.name == "Load the model")
            assert load.note.startswith("Runs on 2 × H200 (fake). H200 (fake) has 0.00 MB of its")
            answers = [asyncio.create_task(ask(customer, "to be")) for _ in range(8)]
            await until(lambda: [one.running for one in node.status().engines] == [4, 4])
            assert node.status().running_requests == 8
            engine.gate.set()
            assert {await answer for answer in answers} == {(200, "to be")}

            engine.made[0].become(EngineState.BROKEN, "It broke too often and was not started again.")
            assert await ask(customer, "or not") == (200, "or not")
            status = node.status()
            assert (status.runs_on, engine.made[0].running) == ("H200 (fake)", 0)
            (reason,) = (one for one in status.reasons if one.kind is ReasonKind.ENGINE_FAILED)
            assert not reason.stops_work and reason.whose_turn is WhoseTurn.YOU
            assert "H200 (fake) at" in reason.evidence and "broke too often" in reason.evidence
    told = "as much memory is free as before"
    proofs = [record.getMessage().partition(told)[0] for record in caplog.records if told in record.getMessage()]
    assert len(proofs) == len(set(proofs)) == 2
