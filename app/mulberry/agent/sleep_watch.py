"""Notices that the computer slept: the wall clock went on, the loop's clock did not.

After that, connections look alive and are not: the other side gave them up, and no timer of ours has come any nearer.
"""

import asyncio
import logging
from collections.abc import Callable

from mulberry.model.clock import Clock

LOOK_SECONDS = 3.0
SLEPT_SECONDS = 20.0  # less than that a connection survives; a clock that is set right moves less, too

log = logging.getLogger(__name__)


async def watch_for_sleep(clock: Clock, on_wake: Callable[[], None]) -> None:
    """Calls `on_wake` within `LOOK_SECONDS` after each sleep. Goes on until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        wall, steady = clock.now(), loop.time()
        await asyncio.sleep(LOOK_SECONDS)
        slept = (clock.now() - wall).total_seconds() - (loop.time() - steady)
        if slept > SLEPT_SECONDS:
            log.info("this computer slept for %.0f s", slept)
            on_wake()
