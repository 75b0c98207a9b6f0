"""Kill it at any moment: nothing that was booked is lost, nothing is counted twice, and nothing is left running."""

import asyncio
import random

import psutil
import pytest

from mulberry.client.control import ControlClient
from mulberry.model.control import Event
from mulberry.model.network import Traffic, load_profile
from own_mulberry import Mulberry, arguments_of

EARNS_AGAIN_SECONDS = 15


def agent_of(mulberry: Mulberry) -> psutil.Process:
    [agent] = mulberry.agents()
    return agent


async def events_until(mulberry: Mulberry, jobs: int) -> Event:
    async with mulberry.events() as events:
        async for event in events:
            if event.status.earnings.jobs_total >= jobs:
                return event
    raise AssertionError("the events ended")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_killed_agent_loses_no_job_and_no_payment(mulberry: Mulberry, seed: int) -> None:
    mulberry.set_traffic(Traffic(requests_per_minute=6000, seed=seed))
    assert mulberry.command("start").returncode == 0
    agent = agent_of(mulberry)
    children = agent.children(recursive=True)
    before = await events_until(mulberry, random.Random(seed).randrange(5, 60))
    seen = await ControlClient(mulberry.folder).jobs(1, before.status.earnings.jobs_total)
    agent.kill()
    agent.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "its job process and its demo network end with it"

    assert mulberry.command("start").returncode == 0
    after = await events_until(mulberry, before.status.earnings.jobs_total + 5)
    kept = await ControlClient(mulberry.folder).jobs(1, before.status.earnings.jobs_total)
    assert [(job.number, job.request_id, job.adjusted_tokens) for job in kept] == [
        (job.number, job.request_id, job.adjusted_tokens) for job in seen
    ]
    assert after.status.earnings.payable >= before.status.earnings.payable
    assert after.status.earnings.earned >= before.status.earnings.earned


async def test_a_killed_job_process_is_replaced_and_the_agent_goes_on(mulberry: Mulberry) -> None:
    mulberry.set_traffic(Traffic(requests_per_minute=3000, seed=5))
    assert mulberry.command("start").returncode == 0
    agent = agent_of(mulberry)
    await events_until(mulberry, 10)
    [job_process] = [p for p in agent.children() if "child" in " ".join(arguments_of(p))]
    job_process.kill()
    before = (await ControlClient(mulberry.folder).status()).earnings.jobs_total
    after = await events_until(mulberry, before + 20)
    assert agent.is_running()
    assert after.status.earnings.jobs_total >= before + 20


async def test_a_killed_demo_network_is_started_again_and_earned_from_within_seconds(mulberry: Mulberry) -> None:
    mulberry.set_traffic(Traffic(requests_per_minute=600, seed=6))
    assert mulberry.command("start").returncode == 0
    await events_until(mulberry, 5)
    written = mulberry.folder.demo_network / "network.json"
    before = written.stat().st_mtime_ns
    [network] = [p for p in agent_of(mulberry).children() if "demo-network" in arguments_of(p)]
    network.kill()
    async with asyncio.timeout(60):
        while written.stat().st_mtime_ns == before:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    served = (await ControlClient(mulberry.folder).status()).earnings.jobs_total
    async with asyncio.timeout(EARNS_AGAIN_SECONDS):
        await events_until(mulberry, served + 1)
    wallet = await ControlClient(mulberry.folder).wallet()
    assert wallet.top_up_url == load_profile(str(written)).faucet_url
    assert len(wallet.servers) == 3 and all(server.is_good for server in wallet.servers)


def test_a_second_agent_for_the_same_folder_is_refused(mulberry: Mulberry) -> None:
    mulberry.set_traffic(Traffic(requests_per_minute=0))
    assert mulberry.command("start").returncode == 0
    second = mulberry.command("agent", "--network", "demo")
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert "already" in second.stderr
