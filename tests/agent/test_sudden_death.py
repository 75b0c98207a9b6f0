"""Power and processes fail at the worst moment: what was acknowledged before must be there after, and nothing twice."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from agent_workshop import DEMO
from ledger_entries import ACCOUNT
from mulberry.agent.ledger import ledgers_set_aside, open_ledger
from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.client.spawn import start_agent
from mulberry.model.clock import SystemClock
from mulberry.model.control import Command, Event
from mulberry.model.errors import UserFacingError
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder

WRITER = """
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from ledger_entries import ACCOUNT, NOON, PROXY, finished, payment
from mulberry.agent.ledger import open_ledger
from mulberry.model.clock import SystemClock
ledger = open_ledger(Path(sys.argv[1]), SystemClock())
ledger.open_account(ACCOUNT)
while True:
    number = ledger.newest_job() + 1
    ledger.book_job(finished(request_id=f"{number:064x}"))
    ledger.confirm(PROXY, f"{number:064x}", number, NOON)
    ledger.add_payment(payment(number))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    acknowledged = 0
    for deaths in range(1, 4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as writer:
            assert writer.stdout is not None
            for _ in range(20 * deaths):
                acknowledged = int(writer.stdout.readline())
            writer.kill()  # in the middle of the next one
            acknowledged = max([acknowledged, *(int(line) for line in writer.stdout.read().splitlines())])
        ledger = open_ledger(path, SystemClock())
        jobs = ledger.jobs(1, 10**6)
        assert [job.number for job in jobs] == list(range(1, len(jobs) + 1))
        assert len(jobs) >= acknowledged
        assert all(job.confirmed_tokens == job.number for job in jobs[:acknowledged])
        held = ledger.newest_payment(ACCOUNT.worker_contract)
        assert held is not None and held.tokens >= acknowledged
        ledger.close()
    assert ledgers_set_aside(path) == []


@pytest.fixture(autouse=True)
def no_agent_left(tmp_path: Path) -> Iterator[None]:
    """A test that fails half-way leaves no agent behind."""
    yield
    for lock in tmp_path.rglob("agent.lock"):
        with suppress(psutil.NoSuchProcess, ValueError):
            agent = psutil.Process(int(lock.read_text()))
            if str(tmp_path) in agent.cmdline():
                agent.kill()


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=30)[1]


async def until_serving(client: ControlClient) -> None:
    events = client.events()
    try:
        async for event in events:
            if isinstance(event, Event) and event.status.state in (NodeState.READY, NodeState.EARNING):
                return
    finally:
        await events.aclose()


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
async def test_a_killed_agent_takes_its_children_along_and_goes_on_where_it_was(tmp_path: Path) -> None:
    client = ControlClient(DataFolder.of_network(tmp_path, DEMO.name))
    hello = await start_agent(tmp_path)
    assert await start_agent(tmp_path) == hello, "a second one was started"
    await client.command(Command(Want.START))
    await until_serving(client)
    family = psutil.Process(hello.pid).children(recursive=True)
    assert len(family) >= 2, "the demo network, the job process, and what its sandbox is made of"
    psutil.Process(hello.pid).kill()
    assert gone(family), "children outlived a killed agent"
    with pytest.raises(AgentNotRunning):
        await client.hello()

    again = await start_agent(tmp_path)
    try:
        assert again.pid != hello.pid
        await until_serving(client)  # by itself: the owner's wish was stored
        family = [psutil.Process(again.pid), *psutil.Process(again.pid).children(recursive=True)]
    finally:
        await client.quit()
    assert gone(family), "quit left something behind"


async def test_the_second_agent_of_a_folder_is_refused_in_words(tmp_path: Path) -> None:
    hello = await start_agent(tmp_path)
    client = ControlClient(DataFolder.of_network(tmp_path, DEMO.name))
    try:
        second = subprocess.run(  # noqa: ASYNC221 - nothing else is going on
            [sys.executable, "-m", "mulberry", "agent", "--data", str(tmp_path)], capture_output=True, text=True
        )
        assert second.returncode == 1
        assert "An agent is already running for this data folder." in second.stderr
        assert f"process {hello.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        assert (await client.hello()).pid == hello.pid
    finally:
        await client.quit()


async def test_an_agent_that_cannot_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('the disk is made of cheese')"]
    with pytest.raises(UserFacingError, match="did not start") as raised:
        await start_agent(tmp_path, command=command)
    assert "made of cheese" in raised.value.why
