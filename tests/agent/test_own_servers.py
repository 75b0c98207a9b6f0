"""Owners may let servers of their own answer strangers' prompts: they must read where these go, and what is missing."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from mulberry.agent.bench import Bench
from mulberry.agent.node import Node
from mulberry.agent.settings import Settings
from mulberry.agent.startup import CheckModel, CheckSandbox, LoadModel, ReadProfile
from mulberry.agent.task import Blocked, Done, Outcome, Skipped, Task
from mulberry.cocoon.messages import QueryAnswerEx
from mulberry.model.attestation import Policy
from mulberry.model.clock import SystemClock
from mulberry.model.errors import WhoseTurn
from mulberry.model.network import NetworkProfile
from mulberry.model.node import NodeState, OwnServer, ReasonKind
from mulberry.model.sentence import where_prompts_go
from mulberry.ton.address import parse_address
from paying_proxy import PayingProxy
from small_proxy import run_query
from some_server import SomeServer
from some_server import status as answered
from working_node import QUESTION, node_at_work

FAR = "https://gpu.example:8443"


def at_work_for(url: str, **more: Any) -> Settings:
    return Settings(engine_urls=(url,), **more)


def a_proxy() -> PayingProxy:
    return PayingProxy(DEMO.root_parameters(), parse_address(DEMO.owner_address))


async def run(task: type[Task], root: Path, settings: Settings, profile: NetworkProfile = DEMO) -> Outcome:
    """One task, with nothing on the bench: neither a model nor a sandbox of ours."""
    with a_workshop(root, SystemClock(), profile=profile) as workshop:
        async with AsyncExitStack() as stack:
            bench = Bench(replace(workshop, settings=settings), stack, lambda: None)
            return await task().run(bench, lambda note: None)


async def test_no_model_of_ours_is_wanted(tmp_path: Path) -> None:
    profile = DEMO.model_copy(update={"model": "Qwen/Qwen3-8B@main:00", "model_folder": "no-such-model"})
    outcome = await run(CheckModel, tmp_path, at_work_for(FAR), profile)
    assert outcome == Skipped("Your own servers must have Qwen/Qwen3-8B.")


@pytest.mark.parametrize("kind", ["demo", "test"])
async def test_no_sandbox_is_tried_and_it_is_said_where_prompts_go(tmp_path: Path, kind: str) -> None:
    outcome = await run(CheckSandbox, tmp_path, at_work_for(FAR), DEMO.model_copy(update={"kind": kind}))
    assert outcome == Skipped("Prompts leave this computer for gpu.example:8443, which no sandbox of ours reaches.")


async def test_the_servers_are_the_last_word_on_the_model(tmp_path: Path) -> None:
    async with SomeServer(model=DEMO.model_base_name).server as server:
        place = server.make_url("/")
        outcome = await run(LoadModel, tmp_path, at_work_for(str(place)))
        assert outcome == Done(f"Served by {place.host}:{place.port}")


@pytest.mark.parametrize(
    ("settings", "said", "next_step"),
    [
        (at_work_for("http://gpu.example"), "in the clear", "--engine-in-the-clear"),
        (at_work_for(FAR, engine_key_file="/nowhere/key"), "/nowhere/key", "another file"),
    ],
)
async def test_what_only_its_owner_can_change_blocks_the_start(
    tmp_path: Path, settings: Settings, said: str, next_step: str
) -> None:
    outcome = await run(LoadModel, tmp_path, settings)
    assert isinstance(outcome, Blocked)
    assert outcome.reason.kind is ReasonKind.ENGINE_FAILED and outcome.reason.whose_turn is WhoseTurn.YOU
    assert said in outcome.reason.evidence and next_step in outcome.reason.next_step


async def test_where_a_worker_proves_what_runs_its_jobs_other_servers_may_not(tmp_path: Path) -> None:
    """The proof would be of this computer, and the prompts elsewhere."""
    profile = DEMO.model_copy(update={"worker_policy": Policy.TDX})
    outcome = await run(ReadProfile, tmp_path, at_work_for(FAR), profile)
    assert isinstance(outcome, Blocked)
    assert "cannot work for Demo network" in outcome.reason.evidence
    assert await run(ReadProfile, tmp_path, Settings(), profile) == Done("Demo network")


async def test_a_whole_node_works_with_a_server_and_says_so(tmp_path: Path, clock: SettableClock) -> None:
    proxy, server = a_proxy(), SomeServer(model=DEMO.model_base_name)
    async with server.server, node_at_work([proxy], tmp_path, clock, settings=at_work_for(server.url)) as work:
        proxy.send(run_query(1, body=QUESTION))
        answer = await proxy.next()
        assert isinstance(answer, QueryAnswerEx) and b"Hi!" in answer.answer
        status = work.node.status()
        place = server.url.removeprefix("http://")
        assert (status.runs_on, status.sandbox) == ("your own servers", "")
        assert status.own_servers == (OwnServer(place, is_here=True, is_encrypted=False),)
        server.answer = answered(404)
        proxy.send(run_query(2, body=QUESTION))
        await work.until(lambda: work.node.status().state is NodeState.GETTING_READY)
        (reason, *_) = work.node.status().reasons
        assert place in reason.evidence and "HTTP status 404" in reason.evidence and "own log" in reason.next_step


async def test_one_of_two_that_cannot_be_used_is_a_notice(tmp_path: Path, clock: SettableClock) -> None:
    proxy, good, wrong = a_proxy(), SomeServer(model=DEMO.model_base_name), SomeServer(model="other")
    async with good.server, wrong.server:
        settings = Settings(engine_urls=(good.url, wrong.url))
        async with node_at_work([proxy], tmp_path, clock, settings=settings) as work:
            notices = [reason for reason in work.node.status().reasons if reason.kind is ReasonKind.ENGINE_FAILED]
            assert [notice.stops_work for notice in notices] == [False]
            assert wrong.url.removeprefix("http://") in notices[0].evidence
            assert "--served-model-name" in notices[0].next_step


async def test_a_node_at_rest_does_not_say_that_it_would_run_here(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        status = Node(replace(workshop, settings=at_work_for(FAR))).status()
    assert (status.runs_on, status.own_servers) == (
        "your own servers",
        (OwnServer("gpu.example:8443", is_here=False, is_encrypted=True),),
    )


def test_an_open_way_is_called_one() -> None:
    servers = (OwnServer("a:1", False, False), OwnServer("b", False, True), OwnServer("localhost:2", True, False))
    assert where_prompts_go(servers) == (
        "Prompts leave this computer for a:1, b, which no sandbox of ours reaches. "
        "Everybody on the way to a:1 can read them."
    )
    assert where_prompts_go(servers[2:]).startswith("Prompts go to your own servers on this computer (localhost:2)")
