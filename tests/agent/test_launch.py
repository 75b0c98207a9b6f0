"""The demo network is a process of ours: it must come up, be said when it does not, come back, and never outlive us."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from mulberry.agent.launch import LaunchedNetwork
from mulberry.model.errors import UserFacingError
from mulberry.model.places import resource

READY = f"""
import os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.joinpath("network.json").write_text(pathlib.Path({str(resource("networks/demo.json"))!r}).read_text())
with folder.joinpath("pids").open("a") as pids:
    print(os.getpid(), file=pids)
print("{{}}", flush=True)
"""
GOOD = READY + "sys.stdin.read()"
DEAF = READY + "import time\nwhile True: time.sleep(60)"


@asynccontextmanager
async def network(script: str, folder: Path) -> AsyncIterator[LaunchedNetwork]:
    changes: list[None] = []
    command = [sys.executable, "-c", script, str(folder)]
    launched = LaunchedNetwork(command, folder, Random(1), lambda: changes.append(None))
    try:
        yield launched
    finally:
        await launched.stop()


def pids(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_gives_its_profile_and_is_gone_after_stop(tmp_path: Path) -> None:
    async with network(GOOD, tmp_path) as launched:
        profile = await launched.start()
        assert profile.name == "demo" and launched.profile == profile
        (pid,) = pids(tmp_path)
        assert is_alive(pid)
    assert not is_alive(pid)


async def test_what_takes_long_is_told(tmp_path: Path) -> None:
    slow = "print('{\"progress\": 1}', flush=True)\nprint('{\"progress\": 2}', flush=True)\n" + GOOD
    told: list[str] = []
    async with network(slow, tmp_path) as launched:
        await launched.start(told.append)
    assert told == [f"Preparing TON's virtual machine, once on this computer: {seconds} s" for seconds in (1, 2)]


async def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.agent.launch.GRACE_SECONDS", 0.1)
    async with network(DEAF, tmp_path) as launched:
        await launched.start()
    assert not is_alive(pids(tmp_path)[0])


async def test_one_that_dies_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.agent.launch.FIRST_PAUSE_SECONDS", 0.01)
    async with network(GOOD, tmp_path) as launched:
        await launched.start()
        os.kill(pids(tmp_path)[0], 9)
        async with asyncio.timeout(30):
            while len(pids(tmp_path)) < 2 or launched.profile is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
    assert not any(is_alive(pid) for pid in pids(tmp_path))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import sys; sys.exit(7)", "It ended with status 7"),
        ("print('x' * 200_000, flush=True)\nimport time; time.sleep(60)", "limit"),
        ("print('{}', flush=True)\nimport time; time.sleep(60)", "network.json"),
    ],
)
async def test_one_that_does_not_come_up_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    monkeypatch.setattr("mulberry.agent.launch.GRACE_SECONDS", 0.1)
    async with network(script, tmp_path) as launched:
        with pytest.raises(UserFacingError) as raised:
            await launched.start()
        assert why in str(raised.value)
