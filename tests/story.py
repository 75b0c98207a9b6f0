"""What a user story is told with: an owner's computer, the words that they type, and waits that end."""

import asyncio
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import CompletedProcess

from mulberry.client.control import ControlClient
from mulberry.model.control import Event
from mulberry.model.jobs import Job
from mulberry.model.network import Traffic
from mulberry.model.node import Status
from own_mulberry import Mulberry

WAIT_SECONDS = 40
ALL_THE_TIME = Traffic(requests_per_minute=1200, seed=7)
MORE_THAN_CAN_BE_SERVED = Traffic(requests_per_minute=30_000, seed=7)
MOST_JOBS = 1000  # an agent tells of at once


@dataclass
class Story:
    """The owner's Mulberry, and what the last command did."""

    mulberry: Mulberry
    last: "CompletedProcess[str] | None" = None

    def types(self, words: str) -> None:
        program, *rest = shlex.split(words)
        assert program == "mulberry"
        self.last = self.mulberry.command(*rest)

    @property
    def said(self) -> str:
        """By the last command."""
        assert self.last is not None
        return self.last.stdout + self.last.stderr

    @property
    def status(self) -> Status:
        return asyncio.run(ControlClient(self.mulberry.folder).status())

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The newest `MOST_JOBS`, in the order of the book."""
        last = self.status.earnings.jobs_total
        return asyncio.run(ControlClient(self.mulberry.folder).jobs(max(last - MOST_JOBS + 1, 1), last))

    def wait_for(self, condition: Callable[[Event], object]) -> Event:
        """The agent's first event that it holds for. Raises `TimeoutError`: there was none."""
        return asyncio.run(self._event_when(condition))

    async def _event_when(self, condition: Callable[[Event], object]) -> Event:
        async with asyncio.timeout(WAIT_SECONDS), self.mulberry.events() as events:
            async for event in events:
                if condition(event):
                    return event
        raise AssertionError("the events ended")

    def earns(self, traffic: Traffic, jobs: int) -> None:
        """Started, and so many `jobs` are done."""
        self.mulberry.set_traffic(traffic)
        self.types("mulberry start")
        assert self.last is not None
        assert self.last.returncode == 0, self.said
        self.wait_for(lambda event: event.status.earnings.jobs_total >= jobs)
