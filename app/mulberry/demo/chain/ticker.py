"""Makes blocks as time passes, and keeps the chain's file.

A block with transactions is on disk before anyone can ask for it: nothing else runs on the loop between the two. So a
process that is killed never takes back what somebody has seen; only empty blocks may be made anew.
"""

import asyncio
import logging
from collections.abc import Callable

from mulberry.demo.chain.block import BASECHAIN
from mulberry.demo.chain.chain import LocalChain

logger = logging.getLogger(__name__)


async def run(
    chain: LocalChain, interval: float, idle_interval: float = 10.0, keep: Callable[[], None] = lambda: None
) -> None:
    """Makes a block every `interval` seconds while there is work, else every `idle_interval`. Ends when cancelled.

    Calls `keep` after each block with transactions, and once more at the end.
    """
    loop = asyncio.get_running_loop()
    last = loop.time()
    try:
        while True:
            await asyncio.sleep(interval)
            if chain.has_work or loop.time() - last >= idle_interval:
                chain.make_block()
                last = loop.time()
                if chain.archive.newest(BASECHAIN).transactions:
                    _keep(keep)
    finally:
        _keep(keep)


def _keep(keep: Callable[[], None]) -> None:
    try:
        keep()
    except OSError as problem:  # the chain goes on; the next writing may succeed
        logger.warning("the demo chain's file was not written: %s", problem)
