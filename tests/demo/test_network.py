"""The agent starts this process, reads one line and one file of it, and must be able to end it in every way."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from agent_workshop import nobody_answers
from demo_worker import MemoryBook, connected_worker
from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.reach import Proofs, transport_for
from mulberry.cocoon.transports import Transport
from mulberry.demo.network import Ready, run
from mulberry.model.clock import SystemClock
from mulberry.model.errors import UserFacingError
from mulberry.model.network import NetworkProfile, RegisteredProxy, load_profile

PROFILE = load_profile("demo")


@asynccontextmanager
async def running(folder: Path, profile: NetworkProfile = PROFILE, **options: Any) -> AsyncIterator[Ready]:
    ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    network = asyncio.create_task(
        run(folder, profile, on_ready=ready.set_result, random=Random(1), clock=SystemClock(), **options)
    )
    first: set[asyncio.Future[Any]] = {network, ready}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if network.done():
        network.result()
    try:
        yield ready.result()
    finally:
        network.cancel()
        await asyncio.wait({network})
        assert network.cancelled()


def way_to(ready: Ready, folder: Path) -> Transport:
    """As the agent goes it."""
    keeper = CollateralKeeper(folder / "collateral", SystemClock(), Random(3), fetch=nobody_answers)
    proofs = Proofs.of_network(ready.profile, keeper, SystemClock())
    return transport_for(ready.profile, ready.parameters, proofs)


async def test_the_file_it_writes_is_a_profile_that_a_worker_can_use(tmp_path: Path) -> None:
    async with running(tmp_path / "demo-network", requests_per_minute=0) as ready:
        profile = load_profile(str(ready.network_file))
        assert profile == ready.profile
        assert profile.launch is None
        assert profile.front_url == ready.front_url
        assert ready.parameters.proxies == (ready.proxy,)
        assert ready.proxy.port > 0
        book = MemoryBook(profile, ready.parameters)
        way = way_to(ready, tmp_path)
        async with (
            connected_worker(profile, ready.proxy.port, book=book, transport=way),
            aiohttp.ClientSession() as http,
        ):
            question = {"model": profile.model_base_name, "messages": [{"role": "user", "content": "hi"}]}
            async with http.post(f"{profile.front_url}/v1/chat/completions", json=question) as response:
                assert response.status == 200


async def test_a_restart_is_the_same_proxy_at_another_port(tmp_path: Path) -> None:
    book = MemoryBook(PROFILE)
    keys, contracts = set(), set()
    for tokens in (8, 16):
        async with running(tmp_path, jobs=1, requests_per_minute=60_000) as ready:
            book.parameters = ready.parameters
            async with connected_worker(ready.profile, ready.proxy.port, book=book, transport=way_to(ready, tmp_path)):
                await book.until_paid(tokens)
            assert book.proxy is not None
            keys.add(book.proxy.proxy_public_key)
            contracts.add(book.contract)
    assert (len(keys), len(contracts)) == (1, 1)


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
async def test_the_key_is_the_owners_alone(tmp_path: Path) -> None:
    async with running(tmp_path / "new", requests_per_minute=0):
        assert stat.S_IMODE((tmp_path / "new" / "proxy.key").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


async def test_a_second_one_on_the_folder_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, requests_per_minute=0) as first:
        before = first.network_file.read_bytes()
        with pytest.raises(UserFacingError, match="Another demo network"):
            async with running(tmp_path):
                pass
        assert first.network_file.read_bytes() == before


async def test_a_damaged_key_is_named_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "proxy.key").write_bytes(b"short")
    with pytest.raises(UserFacingError, match="key is damaged"):
        async with running(tmp_path):
            pass
    assert (tmp_path / "proxy.key").read_bytes() == b"short"


async def test_a_proxy_elsewhere_cannot_be_run_here(tmp_path: Path) -> None:
    assert PROFILE.chain is not None
    elsewhere = PROFILE.chain.model_copy(
        update={"registered_proxies": (RegisteredProxy(seqno=1, address="203.0.113.7:99"),)}
    )
    with pytest.raises(UserFacingError, match=r"203\.0\.113\.7"):
        async with running(tmp_path, PROFILE.model_copy(update={"chain": elsewhere})):
            pass


# The command, as its own process

COMMAND = """
import sys
from pathlib import Path
from mulberry.demo.network import run_demo_network
run_demo_network(Path(sys.argv[1]), "demo", requests_per_minute=0, until_stdin_closes=True)
"""


@contextmanager
def process(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, Any]]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent / "app")}
    started = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with started:
        assert started.stdout is not None
        try:
            line = json.loads(started.stdout.readline())
            while "progress" in line:
                line = json.loads(started.stdout.readline())
            yield started, line
        finally:
            if started.poll() is None:
                started.kill()


def test_it_says_one_line_and_ends_with_its_parent(tmp_path: Path) -> None:
    with process(tmp_path) as (started, line):
        assert set(line) == {"network", "front_url", "proxy"}
        assert load_profile(line["network"]).front_url == line["front_url"]
        out, err = started.communicate(timeout=20)  # closes its stdin
    assert (started.returncode, out) == (0, b"")
    assert b"ERROR" not in err
    assert b"Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path) as (started, _):
        started.send_signal(number)
        assert started.wait(timeout=20) == 0
        assert started.stderr is not None
        err = started.stderr.read()
        assert b"the demo network listens" in err
        assert b"Traceback" not in err


def test_a_killed_one_leaves_the_folder_usable(tmp_path: Path) -> None:
    with process(tmp_path) as (started, _):
        started.kill()
        started.wait(timeout=20)
    with process(tmp_path) as (started, line):
        assert line["front_url"].startswith("http://127.0.0.1:")
        started.communicate(timeout=20)
    assert started.returncode == 0
