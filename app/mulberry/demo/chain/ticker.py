"""Makes blocks as time passes, and keeps the chain's file."""

import asyncio
import logging
from collections.abc import Callable

from mulberry.demo.chain.block import BASECHAIN
from mulberry.demo.chain.chain import LocalChain

KEEP_SECONDS = 10.0  # between two writings: what a crash may cost

logger = logging.getLogger(__name__)


async def run(
    chain: LocalChain, interval: float, idle_interval: float = 10.0, keep: Callable[[], None] = lambda: None
) -> None:
    """Makes a block every `interval` seconds while there is work, else every `idle_interval`. Ends when cancelled.

    Calls `keep` within `KEEP_SECONDS` after blocks with transactions, and once more at the end.
    """
    loop = asyncio.get_running_loop()
    last = kept = loop.time()
    changed = False
    try:
        while True:
            await asyncio.sleep(interval)
            if chain.has_work or loop.time() - last >= idle_interval:
                chain.make_block()
                last = loop.time()
                changed = changed or bool(chain.archive.newest(BASECHAIN).transactions)
            if changed and loop.time() - kept >= KEEP_SECONDS:
                _keep(keep)
                kept, changed = loop.time(), False
    finally:
        _keep(keep)


def _keep(keep: Callable[[], None]) -> None:
    try:
        keep()
    except OSError as problem:  # the chain goes on; the next writing may succeed
        logger.warning("the demo chain's file was not written: %s", problem)
