"""What an agent costs that does not earn, and how fast it answers."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from mulberry.client.control import ControlClient
from mulberry.client.spawn import start_agent
from mulberry.model.control import Command
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder

IDLE_SECONDS = 10.0
SETTLE_SECONDS = 2.0
RUNS = 7
MEMORY_GOAL_MIB = 90
CPU_GOAL_PERCENT = 0.5
WAKE_UPS_GOAL = 2.0
STATUS_GOAL_SECONDS = 0.3


def told(what: str, value: float, unit: str, goal: float) -> None:
    print(f"{what:42} {value:8.2f} {unit:8} goal {goal:g}, ratio {value / goal:.2f}")


async def measure_idle(agent: psutil.Process, what: str) -> None:
    """Memory, processor and wake-ups of `agent` over `IDLE_SECONDS` in which nobody asks it anything."""
    await asyncio.sleep(SETTLE_SECONDS)
    woken, used = agent.num_ctx_switches().voluntary, sum(agent.cpu_times()[:2])
    await asyncio.sleep(IDLE_SECONDS)
    seconds = sum(agent.cpu_times()[:2]) - used
    told(f"{what}: memory", agent.memory_info().rss / 2**20, "MiB", MEMORY_GOAL_MIB)
    told(f"{what}: processor", 100 * seconds / IDLE_SECONDS, "%", CPU_GOAL_PERCENT)
    wake_ups = (agent.num_ctx_switches().voluntary - woken) / IDLE_SECONDS
    told(f"{what}: wake-ups", wake_ups, "a second", WAKE_UPS_GOAL)


async def ready_without_customers(client: ControlClient, folder: DataFolder) -> None:
    """Starts earning on a demo network whose customers ask nothing."""
    folder.demo_network.mkdir(parents=True, exist_ok=True)
    (folder.demo_network / "traffic.json").write_text('{"requests_per_minute": 0}')
    await client.command(Command(Want.START))
    while (await client.status()).state is not NodeState.READY:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)


def measure_status(root: Path) -> None:
    """`mulberry status`, from the shell's point of view."""
    command = [sys.executable, "-m", "mulberry", "status", "--data", str(root)]
    durations = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        durations.append(time.perf_counter() - began)
    told("mulberry status, median", statistics.median(durations), "s", STATUS_GOAL_SECONDS)


async def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        folder = DataFolder.of_network(Path(root), "demo")
        agent = psutil.Process((await start_agent(Path(root))).pid)
        client = ControlClient(folder)
        await measure_idle(agent, "stopped")
        measure_status(Path(root))
        await ready_without_customers(client, folder)
        await measure_idle(agent, "ready, no requests")
        await client.quit()
        agent.wait(10)


if __name__ == "__main__":
    asyncio.run(main())
