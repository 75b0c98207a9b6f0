"""How fast history is read and proven, what following the head costs, and how much memory a long history takes.

Run: python benchmarks/bench_chain_access.py. The chain and its four lite servers run in a process of their own, so
that times and memory are the client's alone. The goals are those of the project's issue on earnings.
"""

import asyncio
import gc
import json
import logging
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path

from bitarray import bitarray
from bitarray.util import int2ba
from pytoniq.liteclient.client import LiteClient
from pytoniq_core.boc.cell import Cell

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # for honest answers to check

from chain_evidence import forward_link
from mulberry.agent.treasury import LOOK_SECONDS
from mulberry.demo.chain.archive import KeptTransaction
from mulberry.demo.chain.block import BASECHAIN
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.lite_server import LiteServer, global_config
from mulberry.demo.chain.ticker import run as make_blocks
from mulberry.demo.chain.validators import Signing
from mulberry.model.clock import SystemClock
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.access import ChainAccess
from mulberry.ton.chain.config import parse_global_config
from mulberry.ton.chain.nouns import Position
from mulberry.ton.chain.proof_chain import check_link
from mulberry.ton.emulator.executor import Emulator

PAID = Address(b"\x77" * 32)  # has a true history
LONG_LIVED = Address(b"\x99" * 32)  # has a very long one, whose transactions are one, linked in ever new ways
BUSY = Address(b"\xbb" * 32)

TRUE_TRANSACTIONS = 1_200
SHORT_HISTORY, LONG_HISTORY = 1_000, 100_000
SERVERS = 4
BLOCKS_PER_SECOND = 2.5  # mainnet's since April 2026
FOLLOWED_SECONDS = 20
MANY_VALIDATORS = 100
MEBIBYTE = 1 << 20
CACHE = Path(tempfile.gettempdir()) / "mulberry-benchmarks"

LT, OLDER_HASH, OLDER_LT = slice(260, 324), slice(324, 580), slice(580, 644)  # bits of a transaction's first cell


@dataclass(frozen=True, slots=True)
class Served:
    """What the client must know of the servers' process."""

    config: str
    paid: Position
    short: Position
    long: Position


def long_history(chain: LocalChain, length: int) -> dict[int, Position]:
    """Gives `LONG_LIVED` a history of `length` transactions. Returns where each begins, by its number."""
    pattern = chain.transactions(PAID)[0]
    cell = Cell.one_from_boc(pattern.bag)
    bits, position = bitarray(cell.bits), Position(0, bytes(32))
    bits[4:260] = bitarray("".join(f"{byte:08b}" for byte in LONG_LIVED.account))
    positions = {}
    for number in range(1, length + 1):
        bits[LT], bits[OLDER_LT] = int2ba(number, 64), int2ba(position.lt, 64)
        bits[OLDER_HASH] = int2ba(int.from_bytes(position.hash, "big"), 256)
        linked = Cell(bits.copy(), cell.refs)
        kept = KeptTransaction(number, linked.hash, position.lt, position.hash, pattern.block, write_boc(linked))
        chain.archive.add_transaction(BASECHAIN, LONG_LIVED.account, kept)
        positions[number] = position = Position(number, linked.hash)
    return positions


async def serve(control: Connection) -> None:
    """The other process: serves until it is told to make blocks, then until it is told to end."""
    emulator = Emulator.load(CACHE)
    chain = LocalChain(sha256(b"benchmark").digest(), SystemClock(), emulator, validators=7)
    for _ in range(TRUE_TRANSACTIONS // 100):
        for _ in range(100):
            chain.faucet(PAID, Nanoton(10**9))
        chain.make_block()
    positions = long_history(chain, LONG_HISTORY)
    servers = [LiteServer(chain, key_seed=bytes([number])) for number in range(SERVERS)]
    for server in servers:
        await server.start()
    newest = chain.transactions(PAID)[0]
    config = json.dumps(global_config(*servers))
    paid = Position(newest.lt, newest.hash)
    control.send(Served(config, paid, positions[SHORT_HISTORY], positions[LONG_HISTORY]))
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, control.recv)
    chain.subscribe(lambda _: chain.faucet(BUSY, Nanoton(1)))
    chain.make_block()
    blocks = asyncio.create_task(make_blocks(chain, 1 / BLOCKS_PER_SECOND))
    await loop.run_in_executor(None, control.recv)
    blocks.cancel()
    for server in servers:
        await server.close()


def serve_in_process(control: Connection) -> None:
    asyncio.run(serve(control))


@asynccontextmanager
async def access_to(served: Served) -> AsyncIterator[ChainAccess]:
    config = parse_global_config(served.config.encode(), random.Random(1), source="benchmark")
    access = ChainAccess(config, clock=SystemClock(), random=random.Random(1))
    await access.start()
    try:
        await access.head()
        yield access
    finally:
        await access.close()


@dataclass(frozen=True, slots=True)
class Pace:
    transactions: int
    seconds: float
    processor_seconds: float

    def __str__(self) -> str:
        each = self.processor_seconds / self.transactions * 1e6
        return f"{self.transactions / self.seconds:7.0f} tx/s, {each:4.0f} µs of processor each"


async def our_pace(access: ChainAccess, served: Served) -> Pace:
    started, used, count = time.perf_counter(), time.process_time(), 0
    async for page in access.history(PAID, served.paid):
        count += len(page.transactions)
    return Pace(count, time.perf_counter() - started, time.process_time() - used)


async def bare_pace(client: LiteClient, served: Served) -> Pace:
    """pytoniq's own way: the same pages from the same server, its check of hashes included."""
    started, used, count = time.perf_counter(), time.process_time(), 0
    lt, hash_ = served.paid.lt, served.paid.hash
    while lt:
        page, _ = await client.raw_get_transactions(PAID.raw, 16, lt, hash_)
        count += len(page)
        lt, hash_ = page[-1].prev_trans_lt, page[-1].prev_trans_hash
    return Pace(count, time.perf_counter() - started, time.process_time() - used)


async def measure_history(served: Served) -> None:
    logging.getLogger("LiteClient").setLevel(logging.CRITICAL)
    client = LiteClient.from_config(json.loads(served.config), 0, trust_level=1)
    await client.connect()
    async with access_to(served) as access:
        ours, bare = [], []
        for _ in range(5):
            bare.append(await bare_pace(client, served))
            ours.append(await our_pace(access, served))
    await client.close()
    best, bare_best = min(ours, key=lambda pace: pace.seconds), min(bare, key=lambda pace: pace.seconds)
    ratio = best.seconds / bare_best.seconds
    print(f"history, ours     {best}   goal: 800 tx/s")
    print(f"history, pytoniq  {bare_best}")
    print(f"ratio of times    {ratio:.2f}   goal: 1.3 at most")


async def measure_account(served: Served) -> None:
    async with access_to(served) as access:
        await access.account(PAID)
        started, used = time.perf_counter(), time.process_time()
        for _ in range(100):
            await access.account(PAID)
        wall, processor = time.perf_counter() - started, time.process_time() - used
    print(f"account, proven   {10 * wall:.1f} ms, {10 * processor:.1f} ms of processor")


def peak_memory() -> int:
    """Of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def measure_memory(served: Served) -> None:
    async with access_to(served) as access:
        peaks = []
        for start in (served.short, served.long):
            count = 0
            async for page in access.history(LONG_LIVED, start):
                count += len(page.transactions)
            gc.collect()
            peaks.append(peak_memory())
            print(f"memory            peak {peaks[-1] / MEBIBYTE:.1f} MiB after {count:,} transactions")
    print(f"difference        {(peaks[1] - peaks[0]) / MEBIBYTE:.1f} MiB   goal: 50 at most")


def measure_proof_chain() -> None:
    """A link as mainnet's: a hundred validators, Simplex. The config of this chain is smaller than mainnet's."""
    emulator = Emulator.load(CACHE)
    chain = LocalChain(b"many", SystemClock(), emulator, validators=MANY_VALIDATORS, signing=Signing.SIMPLEX)
    chain.make_block()
    link = forward_link(chain, 1, 2)
    started = time.perf_counter()
    validators = check_link(link, link.source).validators
    first = time.perf_counter() - started
    started = time.perf_counter()
    check_link(link, link.source, validators)
    next_one = time.perf_counter() - started
    print(f"proving a head    {1e3 * first:.1f} ms after a key block of {MANY_VALIDATORS} validators, ", end="")
    print(f"then {1e3 * next_one:.1f} ms each")


async def measure_following(served: Served, control: Connection) -> None:
    async with access_to(served) as access:
        heads = 0

        def count(_: object) -> None:
            nonlocal heads
            heads += 1

        async def measure(what: str) -> None:
            nonlocal heads
            used, heads = time.process_time(), 0
            await asyncio.sleep(FOLLOWED_SECONDS)
            share = (time.process_time() - used) / FOLLOWED_SECONDS
            print(f"{what:17} {heads / FOLLOWED_SECONDS:.1f} heads/s of {SERVERS} servers: ", end="")
            print(f"{100 * share:.1f} % of a core   goal: below 3")

        access.subscribe(count)
        await measure("a quiet chain")
        control.send("make blocks")
        await asyncio.sleep(1)
        await measure("following")
        reading = asyncio.create_task(read_again_and_again(access))
        await measure("reading as well")
        reading.cancel()


async def read_again_and_again(access: ChainAccess) -> None:
    """As the agent does while something is under way: wallet, owner and two contracts."""
    while True:
        for address in (PAID, LONG_LIVED, BUSY, PAID):
            await access.account(address)
        await asyncio.sleep(LOOK_SECONDS)


async def measure(control: Connection) -> None:
    served = await asyncio.get_running_loop().run_in_executor(None, control.recv)
    await measure_memory(served)
    await measure_history(served)
    await measure_account(served)
    await measure_following(served, control)
    control.send("end")
    measure_proof_chain()


def main() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_in_process, args=(theirs,))
    process.start()
    try:
        asyncio.run(measure(ours))
        process.join(10)
    finally:
        process.kill()


if __name__ == "__main__":
    main()
