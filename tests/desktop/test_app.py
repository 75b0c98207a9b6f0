"""The story as its owner lives it, with real processes: open, open again, quit the window; the agent goes on."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import pytest

import mulberry
from mulberry.client.autostart import Starts, command
from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.client.leaving import leave
from mulberry.model.places import DataFolder

LIMIT_SECONDS = 40
ENVIRONMENT = os.environ | {
    "QT_QPA_PLATFORM": "offscreen",
    "PYTHONPATH": str(Path(mulberry.__file__).parent.parent),
}


async def open_window(root: Path) -> Process:
    return await run((sys.executable, "-m", "mulberry", "desktop", "--data", str(root)))


async def run(command: tuple[str, ...]) -> Process:
    return await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=ENVIRONMENT)


async def until_the_agent_answers(client: ControlClient) -> int:
    """The agent's process id. Polls, because only the agent itself knows when it is ready."""
    while True:
        try:
            return (await client.hello()).pid
        except AgentNotRunning:
            await asyncio.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to end a window with")
async def test_the_window_starts_the_agent_is_alone_and_leaves_the_agent_running(tmp_path: Path) -> None:
    client = ControlClient(DataFolder.of_network(tmp_path, "demo"))
    window = await open_window(tmp_path)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            pid = await until_the_agent_answers(client)
            second = await open_window(tmp_path)
            assert b"Traceback" not in (await second.communicate())[1]
            assert second.returncode == 0
            assert window.returncode is None
            window.send_signal(signal.SIGTERM)
            assert b"Traceback" not in (await window.communicate())[1]
            assert window.returncode == 0
            assert (await client.hello()).pid == pid
    finally:
        if window.returncode is None:
            window.kill()
            await window.wait()
        await client.quit()
    log = tmp_path / "demo" / "window.log"
    assert not log.exists(), log.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe has no path to look for")
async def test_a_window_that_is_told_to_leave_while_it_opens_ends(tmp_path: Path) -> None:
    folder = DataFolder.of_network(tmp_path, "demo")
    window = await open_window(tmp_path)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not Path(folder.window_address).exists():  # noqa: ASYNC110, ASYNC240 - that is all there is to see
                await asyncio.sleep(0.01)
            assert await leave([folder], LIMIT_SECONDS, lambda line: None)
            assert b"Traceback" not in (await window.communicate())[1]
            assert window.returncode == 0
    finally:
        if window.returncode is None:
            window.kill()
            await window.wait()
        assert await leave([folder], LIMIT_SECONDS, lambda line: None)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to end them with")
@pytest.mark.parametrize("starts", [Starts.AGENT, Starts.WINDOW])
async def test_what_is_started_at_login_makes_the_agent_answer(tmp_path: Path, starts: Starts) -> None:
    client = ControlClient(DataFolder.of_network(tmp_path, "demo"))
    started = await run(command(starts, tmp_path, "demo"))
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            pid = await until_the_agent_answers(client)
            assert (pid == started.pid) is (starts is Starts.AGENT)
            started.send_signal(signal.SIGTERM)
            assert b"Traceback" not in (await started.communicate())[1]
            assert started.returncode == 0
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
        if starts is Starts.WINDOW:
            await client.quit()
