"""One user's Mulberry in a folder of its own, made of real processes: commands as typed, and a look at its events."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mulberry.client.control import AgentLost, ControlClient
from mulberry.model.control import Event
from mulberry.model.network import Traffic
from mulberry.model.places import DataFolder

COMMAND_SECONDS = 60


def processes_of(root: Path) -> list[psutil.Process]:
    """All that run for the data folder `root`: it stands in the arguments of each, or of its parent."""
    found = [p for p in psutil.process_iter(["cmdline"]) if str(root) in " ".join(p.info["cmdline"] or [])]
    family = list(found)
    for parent in found:
        with suppress(psutil.NoSuchProcess):  # it may end while it is looked at
            family += parent.children(recursive=True)
    return family


def arguments_of(process: psutil.Process) -> list[str]:
    """None of one that has ended meanwhile, as what an agent asks for a moment does."""
    with suppress(psutil.NoSuchProcess):
        arguments: list[str] = process.cmdline()
        return arguments
    return []


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@dataclass(frozen=True)
class Mulberry:
    """All of it lies under `root`, on the demo network."""

    root: Path

    @property
    def folder(self) -> DataFolder:
        return DataFolder.of_network(self.root, "demo")

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "mulberry", *words, "--data", str(self.root)]

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.arguments(*words), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )

    def json(self, *words: str) -> Any:
        done = self.command(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def set_traffic(self, traffic: Traffic) -> None:
        """What the demo network's own customers do once it starts."""
        self.folder.create()
        self.folder.demo_network.mkdir(exist_ok=True)
        (self.folder.demo_network / "traffic.json").write_text(traffic.model_dump_json())

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[Event]]:
        async with aclosing(ControlClient(self.folder).events()) as stream:

            async def told() -> AsyncIterator[Event]:
                async for event in stream:
                    if not isinstance(event, AgentLost):
                        yield event

            yield told()

    def processes(self) -> list[psutil.Process]:
        return processes_of(self.root)

    def agents(self) -> list[psutil.Process]:
        """Without what an agent is just starting: that has the agent's arguments for a moment."""
        parents: dict[psutil.Process, int] = {}
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if "agent" in process.cmdline():
                    parents[process] = process.ppid()
        pids = {process.pid for process in parents}
        return [process for process, parent in parents.items() if parent not in pids]


@contextmanager
def fresh_user(root: Path) -> Iterator[Mulberry]:
    """Nothing lies under `root` yet, and in the end no process of it may be left."""
    user = Mulberry(root)
    yield user
    if processes_of(root):
        user.command("quit")
    _, left = psutil.wait_procs(processes_of(root), timeout=20)
    kill(left)
    assert not left, f"processes left behind: {left}"
