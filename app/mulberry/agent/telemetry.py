"""The GPUs' numbers, asked for only while a face looks at them, once a second. Nobody looks: no wake-up, no driver."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mulberry.agent.watching import Watches
from mulberry.hardware.gpu import Gpus

ASK_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 60.0  # without a GPU; also how late "today" may turn while nothing else happens


class Telemetry:
    """`newest` is the last report, from the agent's start on."""

    def __init__(self, gpus: Gpus, watches: Watches) -> None:
        self._gpus = gpus
        self._watches = watches
        self.newest = gpus.read()

    async def run(self, on_change: Callable[[], None]) -> None:
        """For ever. `on_change` is called when a number is another one, and once a minute while somebody looks."""
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while True:
            if not len(self._watches):
                self._gpus.close()
                await self._watches.somebody()
            report = await asyncio.to_thread(self._gpus.read)
            same = replace(report, as_of=self.newest.as_of) == self.newest
            self.newest = report
            if not same or loop.time() - told_at >= LOOK_AGAIN_SECONDS:
                told_at = loop.time()
                on_change()
            await asyncio.sleep(ASK_SECONDS if report.gpus else LOOK_AGAIN_SECONDS)
