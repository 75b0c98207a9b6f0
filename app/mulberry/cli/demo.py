"""The demo in a terminal: brings everything up, shows each question and answer, counts, and takes all of it down again.

It uses what the window uses, the control API and the network's own door, and so proves that they tell the truth.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import typer

from mulberry.cli.agent_process import on_interrupt, own_agent
from mulberry.cli.following import until_ready
from mulberry.cli.report import Asked, Report, make_report
from mulberry.client.control import ControlClient
from mulberry.model.attestation import TransportName
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job
from mulberry.model.money import format_ton
from mulberry.model.network import Traffic
from mulberry.model.node import Status, Want
from mulberry.model.places import DataFolder
from mulberry.model.sentence import sentence
from mulberry.model.wallet import PayoutState

NETWORK = "demo"
HURRIED_RATE = 300.0  # requests a minute when somebody waits for a number of jobs
LOOK_SECONDS = 0.25
STANDSTILL_SECONDS = 60.0  # without a new job, when some are awaited
PAYMENT_PATIENCE_SECONDS = 30.0
PAYOUT_PATIENCE_SECONDS = 60.0
JOBS_A_CALL = 1000


def run_headless(
    data: Path | None,
    *,
    jobs: int | None,
    rate: float | None,
    seed: int | None,
    transport: TransportName | None,
    as_json: bool,
) -> int:
    """Runs the demo until `jobs` are served, or Ctrl-C. Returns the exit status: 0 when all was served, signed, paid
    out as far as it is worth the fees, and every account agrees.

    Without `data` everything happens in a folder that is gone afterwards. `transport` goes before the profile's.
    """
    traffic = Traffic(requests_per_minute=rate or (HURRIED_RATE if jobs else 40), jobs=jobs, seed=seed)

    def say(line: str) -> None:
        if not as_json:
            typer.echo(line)

    with _data_root(data) as root:
        report = asyncio.run(_demo(root, traffic, transport, say))
    if as_json:
        typer.echo(report.as_json())
    else:
        for line in report.lines():
            typer.echo(line)
    return 0 if report.is_complete(jobs) else 1


async def _demo(root: Path, traffic: Traffic, transport: TransportName | None, say: Callable[[str], None]) -> Report:
    folder = DataFolder.of_network(root, NETWORK)
    _write_traffic(folder, traffic)
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    began = loop.time()
    with on_interrupt(interrupted):
        async with own_agent(root, NETWORK, transport) as client:
            before = await client.status()
            watch = _Watch(client, before.earnings.jobs_total, traffic.jobs, say)
            work = asyncio.create_task(_serve(client, watch, say), name="serve")
            interruption = asyncio.create_task(interrupted.wait(), name="Ctrl-C")
            await asyncio.wait((work, interruption), return_when=asyncio.FIRST_COMPLETED)
            interruption.cancel()
            if not work.done():
                say("Ending …")
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            first_after = None if watch.first_job_at is None else watch.first_job_at - began
            jobs, accounts = await watch.jobs(), await client.reconciliation()
            return make_report(jobs, watch.asked, before, await client.status(), accounts, first_after)


async def _serve(client: ControlClient, watch: "_Watch", say: Callable[[str], None]) -> None:
    await client.command(Command(Want.START))
    if await until_ready(client, say):
        await watch.until_served()
        await watch.until_signed()
        await watch.until_paid_out()


class _Watch:
    """Looks at the agent's ledger and at the customers' exchanges, several times a second."""

    def __init__(self, client: ControlClient, jobs_before: int, wanted: int | None, say: Callable[[str], None]) -> None:
        self._client = client
        self._jobs_before = jobs_before
        self._wanted = wanted
        self._say = say
        self.asked: list[Asked] = []
        self.first_job_at: float | None = None  # on the loop's clock

    async def until_served(self) -> None:
        """Returns when all jobs that were wanted are booked and their customers have the answers, or nothing moves."""
        loop = asyncio.get_running_loop()
        last_moved, seen = loop.time(), 0
        async with aiohttp.ClientSession() as session:
            while True:
                status = await self._client.status()
                booked = status.earnings.jobs_total - self._jobs_before
                if booked and self.first_job_at is None:
                    self.first_job_at = loop.time()
                await self._ask_the_door(session, status)
                if booked + len(self.asked) > seen:
                    last_moved, seen = loop.time(), booked + len(self.asked)
                if self._wanted is not None:
                    if booked >= self._wanted and len(self.asked) >= self._wanted:
                        return
                    if loop.time() - last_moved > STANDSTILL_SECONDS:
                        self._say(f"Nothing has moved for {STANDSTILL_SECONDS:g} seconds. {sentence(status)}")
                        return
                await asyncio.sleep(LOOK_SECONDS)

    async def until_signed(self) -> None:
        """Returns when the proxy has confirmed every job and signed for all of it, or does not for too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PAYMENT_PATIENCE_SECONDS):
                while True:
                    earnings = (await self._client.status()).earnings
                    confirmed = all(
                        job.confirmed_tokens is not None for job in await self.jobs() if job.adjusted_tokens
                    )
                    if confirmed and earnings.payable >= earnings.earned:
                        return
                    await asyncio.sleep(LOOK_SECONDS)

    async def until_paid_out(self) -> None:
        """Asks for what the threshold has not sent yet. Returns when the chain shows it and all accounts agree."""
        try:
            await self._client.payout()
        except UserFacingError as refusal:
            self._say(str(refusal))  # it is on its way already, or not worth its fees
        with suppress(TimeoutError):
            async with asyncio.timeout(PAYOUT_PATIENCE_SECONDS):
                while True:
                    payouts = (await self._client.wallet()).payouts
                    under_way = any(payout.state in (PayoutState.READY, PayoutState.SENT) for payout in payouts)
                    if not under_way and (await self._client.reconciliation()).is_settled:
                        return
                    await asyncio.sleep(LOOK_SECONDS)

    async def jobs(self) -> list[Job]:
        """All jobs since the demo began."""
        newest = (await self._client.status()).earnings.jobs_total
        found: list[Job] = []
        for first in range(self._jobs_before + 1, newest + 1, JOBS_A_CALL):
            found += await self._client.jobs(first, min(first + JOBS_A_CALL - 1, newest))
        return found

    async def _ask_the_door(self, session: aiohttp.ClientSession, status: Status) -> None:
        """New exchanges, each said in one line. The door may be gone for a moment: then nothing is new."""
        if status.network.front_url is None:
            return
        after = self.asked[-1].number if self.asked else 0
        url = f"{status.network.front_url}/demo/exchanges?after={after}"
        try:
            async with session.get(url) as answer:
                new = [Asked.from_json(item) for item in await answer.json()]
        except aiohttp.ClientError:
            return
        for asked in new:
            self.asked.append(asked)
            self._say(f"{asked.line()}   [{format_ton(status.earnings.today)} today, play money]")


@contextmanager
def _data_root(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="mulberry-demo-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)


def _write_traffic(folder: DataFolder, traffic: Traffic) -> None:
    folder.create()
    folder.demo_network.mkdir(mode=0o700, exist_ok=True)
    (folder.demo_network / "traffic.json").write_text(json.dumps(traffic.model_dump()))
