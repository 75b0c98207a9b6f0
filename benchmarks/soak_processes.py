"""The demo network and the agent as processes that can be killed and started again."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.model.files import write_whole
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.places import this_program

START_SECONDS = 90.0  # the first start of all compiles TON's virtual machine
END_SECONDS = 30.0


class _Process:
    """One process of `arguments`, started again as often as needed. What it says on standard error is kept in `log`."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._arguments = arguments
        self._log = log
        self.process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> asyncio.subprocess.Process:
        assert self.process is not None, "not started"
        return self.process

    async def _start(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *this_program(),
                *self._arguments,
                "--until-stdin-closes",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    async def kill(self) -> None:
        """SIGKILL, and nothing said before."""
        self.running.kill()
        await self.running.communicate()

    async def end(self) -> None:
        """As a user would end it. Raises `AssertionError`: it took too long, or ended with a failure."""
        process = self.running
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(END_SECONDS):
            await process.communicate()
        assert process.returncode == 0, f"{self._arguments[0]} ended with status {process.returncode}"


class Network(_Process):
    """The demo network. `on_start` is told each time where everything listens now."""

    def __init__(self, folder: Path, template: Path, on_start: Callable[[NetworkProfile], None]) -> None:
        words = ["demo-network", "--folder", str(folder), "--network", str(template), "--requests-per-minute", "0"]
        super().__init__(words, folder.with_name("network.log"))
        self.folder = folder
        self._on_start = on_start

    async def start(self) -> None:
        process = await self._start()
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while "network" not in json.loads(await process.stdout.readline() or "{}"):
                assert not process.stdout.at_eof(), "the demo network did not start"
        self._on_start(load_profile(str(self.folder / "network.json")))


class Agent(_Process):
    """The agent of `profile()`, which is asked at each start."""

    def __init__(self, root: Path, client: ControlClient, profile: Callable[[], NetworkProfile]) -> None:
        self._file = root / "profile.json"
        super().__init__(["agent", "--network", str(self._file), "--data", str(root)], root / "agent.stderr")
        self._client = client
        self._profile = profile

    async def start(self) -> None:
        write_whole(self._file, self._profile().model_dump_json().encode())
        process = await self._start()
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert process.returncode is None, "the agent did not start"
                try:
                    await self._client.hello()
                except AgentNotRunning:
                    await asyncio.sleep(0.05)
                else:
                    return

    async def kill_engine(self) -> None:
        """Its job process; the agent goes on. Nothing where there is none at the moment."""
        for child in psutil.Process(self.running.pid).children():
            with suppress(psutil.NoSuchProcess):  # it was just ending
                if "child" in " ".join(child.cmdline()):
                    child.kill()
