"""The GPUs' numbers: once a second while a face looks or a rule needs it, else each ten seconds, so that a lost GPU or
a dead sensor is found at night too. Without a GPU and a face nothing is asked: no wake-up, no driver.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from mulberry.agent.watching import Watches
from mulberry.hardware.gpu import Gpus

ASK_SECONDS = 1.0
UNWATCHED_SECONDS = 10.0
WAITING_SECONDS = 5.0  # while a GPU may still come
LOOK_AGAIN_SECONDS = 60.0  # without a GPU; also how late "today" may turn while nothing else happens


class Telemetry:
    """`newest` is the last report, from the agent's start on. `is_urgent`: a rule needs it each second."""

    def __init__(self, gpus: Gpus, watches: Watches, is_urgent: Callable[[], bool] = lambda: False) -> None:
        self._gpus = gpus
        self._watches = watches
        self._is_urgent = is_urgent
        self.newest = gpus.read()

    async def run(self, on_change: Callable[[], None]) -> None:
        """For ever. `on_change` is called when a number is another one, and once a minute while somebody looks."""
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while True:
            await self._pause()
            if not len(self._watches) and self._gpus.asleep():
                continue  # it does nothing, and waking it for a look would empty a battery
            report = await asyncio.to_thread(self._gpus.read)
            same = replace(report, as_of=self.newest.as_of) == self.newest
            self.newest = report
            if not same or loop.time() - told_at >= LOOK_AGAIN_SECONDS:
                told_at = loop.time()
                on_change()

    async def _pause(self) -> None:
        """Ends early when somebody begins to look."""
        worth_asking = bool(self.newest.gpus) or self.newest.waiting_until is not None
        if len(self._watches) or (self._is_urgent() and self.newest.gpus):
            await asyncio.sleep(ASK_SECONDS if self.newest.gpus else self._seconds_without())
        elif worth_asking:
            with suppress(TimeoutError):
                async with asyncio.timeout(UNWATCHED_SECONDS if self.newest.gpus else WAITING_SECONDS):
                    await self._watches.somebody()
        else:
            await asyncio.to_thread(self._gpus.close)
            await self._watches.somebody()

    def _seconds_without(self) -> float:
        return LOOK_AGAIN_SECONDS if self.newest.waiting_until is None else WAITING_SECONDS
