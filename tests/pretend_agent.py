"""An agent in memory, for tests of what talks to one: it keeps what it was told and says what the test makes it say."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

from mulberry.client.control import AgentLost, AgentNotRunning
from mulberry.model.control import Command, Event
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import EarningsBucket, Job
from mulberry.model.money import Nanoton
from mulberry.model.node import Status
from mulberry.model.wallet import ChainTransaction, Reconciliation, WalletStatus
from samples import a_job, a_status, a_transaction, a_wallet, an_account


class PretendAgent:
    """Speaks as `ControlClient` does. While `runs` is false every call fails as if nobody listened."""

    def __init__(self, *, jobs: int = 0, transactions: int = 0, runs: bool = True) -> None:
        self.runs = runs
        self.commands: list[Command] = []
        self.quits = 0
        self.starts = 0
        self.ledger: list[Job] = [a_job(number) for number in range(1, jobs + 1)]
        self.chain: list[ChainTransaction] = [a_transaction(number) for number in range(transactions, 0, -1)]
        self.payouts: list[str | None] = []
        self.dialled: list[str] = []
        self.payout_refusal: UserFacingError | None = None
        self._messages: asyncio.Queue[Event | AgentLost] = asyncio.Queue()

    def say(self, status: Status, *new_jobs: Job, wallet: WalletStatus | None = None) -> None:
        self._messages.put_nowait(Event(status, new_jobs, wallet))

    def fall_silent(self) -> None:
        self.runs = False
        self._messages.put_nowait(AgentLost("killed by the test"))

    async def start(self) -> None:
        self.starts += 1
        self.runs = True

    async def command(self, command: Command) -> Status:
        self._answer()
        self.commands.append(command)
        return a_status()

    async def jobs(self, first: int, last: int) -> tuple[Job, ...]:
        self._answer()
        return tuple(self.ledger[first - 1 : last])

    async def earnings(self, start: datetime, bucket_seconds: int, buckets: int) -> tuple[EarningsBucket, ...]:
        self._answer()
        step = timedelta(seconds=bucket_seconds)
        return tuple(EarningsBucket(start + step * number, Nanoton(number), 1) for number in range(buckets))

    async def payout(self, proxy: str | None = None) -> WalletStatus:
        self._answer()
        if self.payout_refusal is not None:
            raise self.payout_refusal
        self.payouts.append(proxy)
        return a_wallet(waiting=0)

    async def dial(self, proxy: str) -> Status:
        self._answer()
        self.dialled.append(proxy)
        return a_status()

    async def history(self, offset: int = 0, limit: int = 100) -> tuple[ChainTransaction, ...]:
        self._answer()
        return tuple(self.chain[offset : offset + limit])

    async def reconciliation(self) -> Reconciliation:
        self._answer()
        return an_account()

    async def quit(self) -> None:
        self._answer()
        self.quits += 1
        self.runs = False

    async def events(self) -> AsyncGenerator[Event | AgentLost, None]:
        while True:
            yield await self._messages.get()

    def _answer(self) -> None:
        if not self.runs:
            raise AgentNotRunning("the test's agent does not run")
