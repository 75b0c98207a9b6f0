"""How long the demo's chain takes to start and to make blocks, and what it costs to run it for days.

Run: python benchmarks/bench_demo_chain.py. Ends with status 1 if a goal is missed. The goals are those of the project's
issue on earnings; times are wall clock, so other work on the computer shows.
"""

import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "app"))

from mulberry.demo.chain.chain import LocalChain
from mulberry.model.clock import SystemClock
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.emulator.cache import LoadProgress
from mulberry.ton.emulator.executor import Emulator

COLD_SECONDS, WARM_SECONDS, BLOCK_SECONDS = 30.0, 1.0, 0.020
COLD_MEBIBYTES = 120.0
SHOP = Address(b"\x77" * 32)
BLOCKS = 200
CROWD = 1_000
LONG_RUN_BLOCKS = 3_000
MEBIBYTE = 1 << 20

missed: list[str] = []


def report(name: str, value: float, unit: str, goal: float | None = None) -> None:
    verdict = "" if goal is None else f"   goal < {goal:g} {unit}: {'kept' if value < goal else 'MISSED'}"
    if goal is not None and value >= goal:
        missed.append(name)
    print(f"{name:<44} {value:10.3f} {unit}{verdict}")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def starting(cache: Path) -> LocalChain:
    told: list[LoadProgress] = []
    made: list[LocalChain] = []

    def start() -> None:
        made.append(LocalChain(b"benchmark", SystemClock(), Emulator.load(cache, told.append)))

    report("cold start, with compiling", seconds(start), "s", COLD_SECONDS)
    report("  progress told", float(sum(step.compiling for step in told)), "times")
    report("  memory after it: the compiler's is given back", resident(), "MiB", COLD_MEBIBYTES)
    report("warm start", seconds(start), "s", WARM_SECONDS)
    return made[-1]


def block_of(chain: LocalChain, transactions: int) -> float:
    for number in range(transactions):
        chain.faucet(SHOP if transactions == 1 else Address(number.to_bytes(32, "big")), Nanoton(1))
    return seconds(chain.make_block)


def making_blocks(chain: LocalChain) -> None:
    empty = [block_of(chain, 0) for _ in range(BLOCKS)]
    single = [block_of(chain, 1) for _ in range(BLOCKS)]
    report("empty block, median", statistics.median(empty) * 1e3, "ms")
    report("block with one transaction, median", statistics.median(single) * 1e3, "ms", BLOCK_SECONDS * 1e3)
    report("block with one transaction, 95th in 100", statistics.quantiles(single, n=20)[-1] * 1e3, "ms")
    report(f"transaction in a block of {CROWD:,}", block_of(chain, CROWD) / CROWD * 1e3, "ms")


def resident() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / MEBIBYTE


def long_run(chain: LocalChain) -> None:
    for _ in range(LONG_RUN_BLOCKS):
        chain.make_block()
    before = resident()
    for _ in range(LONG_RUN_BLOCKS):
        chain.make_block()
    report(f"memory after {LONG_RUN_BLOCKS:,} empty blocks more", resident() - before, "MB more")
    snapshots: list[bytes] = []
    report("snapshot", seconds(lambda: snapshots.append(chain.snapshot())), "s")
    report("  its size", len(snapshots[0]) / MEBIBYTE, "MB")
    emulator = chain.emulator
    report("restore", seconds(lambda: LocalChain.restore(snapshots[0], SystemClock(), emulator)), "s")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = starting(Path(folder))
        making_blocks(chain)
        long_run(chain)
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
