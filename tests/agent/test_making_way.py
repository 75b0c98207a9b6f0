"""An upgrade must cost no customer an answer and no owner the wish to earn: the agent steps aside and comes back."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mulberry.agent.making_way import HELD, make_way_on_signal, successor
from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.model.control import Hello
from mulberry.model.places import DataFolder
from own_mulberry import Mulberry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there, installers ask windows to close")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 20.0


def waiting(held: Path, *program: str) -> "subprocess.Popen[str]":
    """The shell that an agent becomes, with `program` in the place of Mulberry."""
    words = successor((), str(held))
    before = words[: words.index(str(held)) + 1]
    return subprocess.Popen([*before, *program], stdout=subprocess.PIPE, text=True)


def test_it_waits_as_long_as_files_are_replaced(tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.touch()
    with waiting(held, "/bin/echo", "a b", "$c") as shell:
        with pytest.raises(subprocess.TimeoutExpired):
            shell.wait(0.3)
        held.unlink()
        assert shell.communicate(timeout=PATIENCE_SECONDS)[0] == "a b $c\n"


def test_it_does_not_wait_for_what_is_not_there(tmp_path: Path) -> None:
    with waiting(tmp_path / "no upgrade", "/bin/echo", "on") as shell:
        assert shell.communicate(timeout=PATIENCE_SECONDS)[0] == "on\n"


def test_it_waits_with_nothing_that_is_being_replaced() -> None:
    shell, *_ = words = successor(("agent", "--data", "/d"))
    assert shell == "/bin/sh"
    assert words[-7:] == (sys.executable, "-P", "-m", "mulberry", "agent", "--data", "/d")


def test_the_package_and_the_agent_mean_the_same_file() -> None:
    for script in ("prerm", "postinst"):
        assert HELD in (ROOT / "installers" / "debian" / script).read_text()


async def test_it_makes_way_once_however_often_it_is_asked() -> None:
    asked: list[Sequence[str]] = []

    async def make_way(words: Sequence[str]) -> None:
        asked.append(words)

    make_way_on_signal(make_way)
    try:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        while not asked:  # noqa: ASYNC110 - the loop wakes for the signal
            await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
    assert len(asked) == 1
    assert asked[0][0] == "/bin/sh"


async def test_an_agent_comes_back_as_the_same_process(tmp_path: Path) -> None:
    mulberry = Mulberry(tmp_path)
    words = mulberry.arguments("agent", "--network", "demo")
    with subprocess.Popen(words, cwd=tmp_path) as process:  # noqa: ASYNC220 - it returns at once
        try:
            client = ControlClient(DataFolder.of_network(tmp_path, "demo"))
            before = await answered(client)
            psutil.Process(process.pid).send_signal(signal.SIGUSR1)
            after = await answered(client, since=before)
            assert (after.pid, after.network) == (before.pid, before.network) == (process.pid, "demo")
            await client.quit()
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()


async def answered(client: ControlClient, since: Hello | None = None) -> Hello:
    """What an agent that began after `since` answers."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with suppress(AgentNotRunning):
            hello = await client.hello()
            if hello != since:
                return hello
        await asyncio.sleep(0.05)
    raise AssertionError("no agent answers")
