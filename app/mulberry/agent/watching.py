"""Who looks at the agent right now, and what changed since they last heard. Nobody looks: nothing is done."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from mulberry.model.jobs import Job

KEPT_JOBS = 1000  # a face that is slower than this many jobs reads them page by page anyway


class Watch:
    """One face's view."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._changed = asyncio.Event()
        self._changed.set()  # the first message comes at once

    async def change(self) -> None:
        """Returns when there is something to tell."""
        await self._changed.wait()

    def take_jobs(self) -> tuple[Job, ...]:
        """The jobs booked or confirmed since the last call, each in its newest form, by number."""
        taken = tuple(self._jobs[number] for number in sorted(self._jobs))
        self._jobs.clear()
        self._changed.clear()
        return taken

    def _tell(self, job: Job | None) -> None:
        if job is not None:
            self._jobs[job.number] = job
            if len(self._jobs) > KEPT_JOBS:
                del self._jobs[min(self._jobs)]
        self._changed.set()


class Watches:
    """All faces that are connected."""

    def __init__(self) -> None:
        self._open: list[Watch] = []
        self._somebody = asyncio.Event()

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        watch = Watch()
        self._open.append(watch)
        self._somebody.set()
        try:
            yield watch
        finally:
            self._open.remove(watch)
            if not self._open:
                self._somebody.clear()

    def __len__(self) -> int:
        return len(self._open)

    async def somebody(self) -> None:
        """Returns as soon as, or while, somebody looks."""
        await self._somebody.wait()

    def tell(self, job: Job | None = None) -> None:
        """Something changed; `job` is new, or newly confirmed."""
        for watch in self._open:
            watch._tell(job)
