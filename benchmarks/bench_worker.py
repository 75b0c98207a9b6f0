"""What a worker's session costs: a stand-in proxy here, the worker in a process of its own, an engine in a third.

    python benchmarks/bench_worker.py

With everything the agent promises: requests checked, usage counted, payments verified, all of it in the ledger on the
disk before it is believed. Rounds with one and with sixteen customers take turns; printed are medians. The processor
time is the session process's alone and changes less than requests a second when the computer is busy.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop

from mulberry.model.network import load_profile
from mulberry.ton.address import parse_address
from stand_in_proxy import StandInProxy

ROUNDS = 5
SECONDS = 3.0
STREAMS = 16
MIB = 2**20
WORKER = Path(__file__).with_name("worker_under_test.py")


@dataclass(frozen=True)
class Goal:
    """Of so many customers, each with one request at a time. From the reference worker's figures on the same cores."""

    customers: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float = 0.4


GOALS = (Goal(1, 645, 2.2, 10), Goal(16, 1150, 19, 45))
DELAY_P99_MS = 5.0
READY_SECONDS = 2.0
RSS_MIB = 60.0


@dataclass(frozen=True)
class Round:
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


async def measure(proxy: StandInProxy, worker: psutil.Process, customers: int) -> Round:
    proxy.ask(customers)
    await asyncio.sleep(0.3)
    proxy.seconds.clear()
    began, cpu = time.perf_counter(), cpu_seconds(worker)
    await asyncio.sleep(SECONDS)
    seconds, took, used = proxy.seconds.copy(), time.perf_counter() - began, cpu_seconds(worker) - cpu
    await proxy.rest()
    p50, p99 = percentiles(seconds)
    return Round(len(seconds) / took, p50 * 1000, p99 * 1000, used / len(seconds) * 1000)


async def measure_streams(proxy: StandInProxy, worker: psutil.Process) -> tuple[float, float, float]:
    """Median and p99 of the delay of a chunk in ms, and the worker's processor time of a chunk in ms."""
    proxy.be_streaming(True)
    cpu = cpu_seconds(worker)
    proxy.ask(STREAMS)
    await proxy.rest()
    proxy.be_streaming(False)
    p50, p99 = percentiles(proxy.delays)
    return p50 * 1000, p99 * 1000, (cpu_seconds(worker) - cpu) / len(proxy.delays) * 1000


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def percentiles(values: list[float]) -> tuple[float, float]:
    """The 50th and the 99th."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


def bare_interpreter_mib() -> float:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as bare:
        time.sleep(0.3)
        return psutil.Process(bare.pid).memory_info().rss / MIB


def line(what: str, value: float, unit: str, goal: float, *, more: bool = False) -> None:
    ratio = value / goal if more else goal / value
    print(f"{what:42}{value:10,.2f} {unit:12} goal {goal:8,.2f} {ratio:6.1f} x")


async def main(folder: Path) -> None:
    profile = load_profile("demo")
    proxy = StandInProxy(profile.root_parameters(), parse_address(profile.owner_address))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: proxy, "127.0.0.1", 0)
    bare = bare_interpreter_mib()
    began = time.perf_counter()
    command = [sys.executable, str(WORKER), "session", str(server.sockets[0].getsockname()[1]), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:  # noqa: ASYNC220 - returns at once
        worker = psutil.Process(child.pid)
        await proxy.ready.wait()
        line("ready after", time.perf_counter() - began, "s", READY_SECONDS)
        signing = loop.create_task(proxy.keep_signing())
        line("memory beyond the interpreter's, idle", worker.memory_info().rss / MIB - bare, "MiB", RSS_MIB)
        rounds = [[await measure(proxy, worker, goal.customers) for goal in GOALS] for _ in range(ROUNDS)]
        for goal, measured in zip(GOALS, zip(*rounds, strict=True), strict=True):
            who = f"{goal.customers} customer{'s' * (goal.customers > 1)}"
            line(
                f"{who}: requests", statistics.median(r.per_second for r in measured), "/s", goal.per_second, more=True
            )
            line(f"{who}: half of them within", statistics.median(r.p50_ms for r in measured), "ms", goal.p50_ms)
            line(f"{who}: 99 % within", statistics.median(r.p99_ms for r in measured), "ms", goal.p99_ms)
            line(f"{who}: processor, a request", statistics.median(r.cpu_ms for r in measured), "ms", goal.cpu_ms)
        p50, p99, cpu = await measure_streams(proxy, worker)
        print(
            f"{STREAMS} streams of 1,000 chunks, one each 2 ms: {p50:.2f} ms median delay, {cpu:.3f} ms processor each"
        )
        line("99 % of the chunks delayed by at most", p99, "ms", DELAY_P99_MS)
        line("memory beyond the interpreter's, loaded", worker.memory_info().rss / MIB - bare, "MiB", RSS_MIB)
        print(f"{proxy.finished:,} requests")
        signing.cancel()
        assert child.stdin is not None
        child.stdin.close()
    server.close()


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory(prefix="mulberry-bench-") as temporary,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(main(Path(temporary)))
