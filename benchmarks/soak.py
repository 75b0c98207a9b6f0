"""Thousands of requests while everything breaks; afterwards app, proxy and chain agree to the nanoton.

    python benchmarks/soak.py --requests 20000 --faults 120

Agent, job process, demo network and its chain are real processes, as a user would start them. Here are the customers,
a relay between the agent and the demo's SOCKS5 router, and one before the lite server. Faults strike at moments that
the seed decides, every kind once before one comes again: a connection ends, is reset, cut within a frame, held
or refused; the engine is killed; the demo network and the agent are killed, or told to end, and started again.
Standard output is one JSON object; the exit status is 0 when nothing disagrees.
"""

import argparse
import asyncio
import json
import logging
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from random import Random

from faulty_relay import LOOPBACK, STRIKES, FaultyRelay
from mulberry.client.control import ControlClient
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.network import NetworkProfile, PayoutRules, RegisteredProxy, load_profile
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder
from mulberry.model.sentence import sentence
from mulberry.ton.address import parse_address
from soak_books import disagreements, read_chain, read_ledger, read_proxy
from soak_customers import Customers
from soak_processes import Agent, Network

ROUTER, LITE_SERVER = "way to the proxy", "lite server"
PAYOUTS = PayoutRules(
    threshold=200_000_000,
    idle_threshold=100_000_000,
    closing_threshold=1_000_000,
    wallet_minimum=500_000_000,
    wallet_warning=500_000_000,
)
STANDSTILL_SECONDS = 180.0
SETTLING_SECONDS = 120.0
LOOK_SECONDS = 0.25

log = logging.getLogger("soak")


class Soak:
    """One run in the folder `root`, which must be empty."""

    def __init__(self, root: Path, requests: int, faults: int, seed: int) -> None:
        self._random = Random(seed)
        self._client = ControlClient(DataFolder.of_network(root, "demo"), timeout_seconds=30.0)
        self._folder = DataFolder.of_network(root, "demo")
        self._relays = {name: FaultyRelay(self._random) for name in (ROUTER, LITE_SERVER)}
        self._ports: dict[str, int] = {}
        self._profile: NetworkProfile | None = None  # as the network has said it
        self._template = root / "template.json"
        self._suffered: Counter[str] = Counter()
        self._customers = Customers(lambda: str(self._now().front_url), requests, self._random)
        self._network = Network(root / "network", self._template, self._moved)
        self._agent = Agent(root, self._client, self._through_the_relays)
        self._deaths: dict[str, Callable[[], Awaitable[None]]] = {
            "engine killed": self._agent.kill_engine,
            "agent killed": self._agent.kill,
            "agent ended": self._agent.end,
            "network killed": self._network.kill,
            "network ended": self._network.end,
        }
        kinds = [*(f"{name}: {what}" for name in self._relays for what in STRIKES), *self._deaths]
        self._faults = plan(kinds, faults, requests, self._random)

    async def run(self) -> dict[str, object]:
        """What came of it, as JSON; its last entry is what disagrees."""
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            for name, relay in self._relays.items():
                self._ports[name] = await relay.listen()
                stack.push_async_callback(relay.close)
            self._write_template()
            await self._network.start()
            stack.push_async_callback(_gone, self._network)
            await self._agent.start()
            stack.push_async_callback(_gone, self._agent)
            await self._client.command(Command(Want.START))
            await self._serve()
            served = time.monotonic() - began
            await self._settle()
            await self._agent.end()
            await self._network.end()
        return self._report(served, time.monotonic() - began)

    # The requests and the faults

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            breaking = group.create_task(self._break_things())
            watching = group.create_task(self._watch())
            await self._customers.ask_all()
            await breaking
            watching.cancel()

    async def _break_things(self) -> None:
        for moment, fault in self._faults:
            await self._customers.until(moment)
            log.info("%6d requests: %s", self._customers.ended, fault)
            self._suffered[fault] += 1
            await self._strike(fault)

    async def _strike(self, fault: str) -> None:
        if fault not in self._deaths:
            where, _, what = fault.partition(": ")
            STRIKES[what](self._relays[where], self._random)
            return
        await self._deaths[fault]()
        await asyncio.sleep(self._random.uniform(0, 0.5))
        if self._agent.running.returncode is not None:
            await self._agent.start()
        if self._network.running.returncode is not None:
            await self._network.start()

    async def _watch(self) -> None:
        """Returns never. Raises `AssertionError` when nothing moves any more."""
        while True:
            before = self._customers.ended
            await asyncio.sleep(STANDSTILL_SECONDS)
            if self._customers.ended == before:
                with suppress(UserFacingError):
                    raise AssertionError(f"nothing moves: {sentence(await self._client.status())}")
                raise AssertionError("nothing moves, and the agent does not answer")

    # The end

    async def _settle(self) -> None:
        """Returns when all that was earned is signed, paid out and seen. Raises `TimeoutError`."""
        async with asyncio.timeout(SETTLING_SECONDS):
            while True:
                with suppress(UserFacingError):  # a payout is under way, or not worth its gas
                    account = await self._client.reconciliation()
                    if account.is_settled and account.earned == account.payable == account.paid > 0:
                        break
                    if account.earned == account.payable:
                        await self._client.payout()
                await asyncio.sleep(LOOK_SECONDS)
            await self._client.command(Command(Want.FINISH))
            while (await self._client.status()).state is not NodeState.STOPPED:  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK_SECONDS)

    def _report(self, served: float, seconds: float) -> dict[str, object]:
        ledger = read_ledger(self._folder.ledger)
        proxy = read_proxy(self._network.folder / "accounts.sqlite3", ledger)
        chain = read_chain(self._network.folder / "chain", parse_address(self._now().owner_address), ledger)
        customers = self._customers
        lost = customers.lost.total()
        wrong = disagreements(
            ledger, proxy, chain, answered=customers.tokens * ledger.fee, answers=customers.answers, lost=lost
        )
        return {
            "requests": customers.ended,
            "answers": customers.answers,
            "lost": dict(customers.lost),
            "asked_again": customers.not_taken,
            "faults": dict(self._suffered),
            "connections": self._relays[ROUTER].conversations,
            "seconds": round(seconds, 1),
            "requests_per_second": round(customers.ended / served, 1),
            "answered_nanoton": customers.tokens * ledger.fee,
            "app": {name: value for name, value in asdict(ledger).items() if not name.endswith("_contract")},
            "proxy": asdict(proxy),
            "chain": asdict(chain),
            "disagreements": wrong,
        }

    # Where everything is

    def _write_template(self) -> None:
        """The demo's profile, with a proxy that stays where it is when it starts again."""
        demo = load_profile("demo")
        assert demo.chain is not None
        proxy = RegisteredProxy(seqno=1, address=f"{LOOPBACK}:{_free_port()}")
        chain = demo.chain.model_copy(update={"registered_proxies": (proxy,)})
        template = demo.model_copy(update={"chain": chain, "transport": "socks5", "payout": PAYOUTS})
        self._template.write_text(template.model_dump_json())

    def _moved(self, profile: NetworkProfile) -> None:
        """The network has started, again: its router and its lite server are elsewhere now."""
        assert profile.lite_servers is not None
        self._profile = profile
        self._relays[ROUTER].target = int(profile.socks5.rpartition(":")[2])
        self._relays[LITE_SERVER].target = profile.lite_servers["liteservers"][0]["port"]

    def _now(self) -> NetworkProfile:
        assert self._profile is not None, "the network has not started"
        return self._profile

    def _through_the_relays(self) -> NetworkProfile:
        lite_servers = json.loads(json.dumps(self._now().lite_servers))
        lite_servers["liteservers"][0]["port"] = self._ports[LITE_SERVER]
        socks5 = f"{LOOPBACK}:{self._ports[ROUTER]}"
        return self._now().model_copy(update={"socks5": socks5, "lite_servers": lite_servers})


def plan(kinds: list[str], faults: int, requests: int, random: Random) -> list[tuple[int, str]]:
    """Which fault after how many requests, in order. Every kind comes once before one comes again."""
    decks = [random.sample(kinds, len(kinds)) for _ in range(-(-faults // len(kinds)))]
    moments = sorted(random.randrange(requests) for _ in range(faults))
    return list(zip(moments, (kind for deck in decks for kind in deck), strict=False))


async def _gone(process: Agent | Network) -> None:
    if process.running.returncode is None:
        await process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port: int = found.getsockname()[1]
        return port


def main() -> int:
    import uvloop

    parser = argparse.ArgumentParser(description="A soak with faults.")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--faults", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="An empty folder for everything; a temporary one without it.")
    wanted = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="mulberry-soak-", ignore_cleanup_errors=True) as temporary:
        root = wanted.keep or Path(temporary)
        root.mkdir(exist_ok=True)
        soak = Soak(root, wanted.requests, wanted.faults, wanted.seed)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(soak.run())
    print(json.dumps(report, indent=2))
    return 1 if report["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main())
