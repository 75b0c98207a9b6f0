"""Makes blocks as time passes."""

import asyncio

from mulberry.demo.chain.chain import LocalChain


async def run(chain: LocalChain, interval: float, idle_interval: float = 10.0) -> None:
    """Makes a block every `interval` seconds while there is work, else every `idle_interval`. Ends when cancelled."""
    loop = asyncio.get_running_loop()
    last = loop.time()
    while True:
        await asyncio.sleep(interval)
        if chain.has_work or loop.time() - last >= idle_interval:
            chain.make_block()
            last = loop.time()
