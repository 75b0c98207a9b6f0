"""Makes blocks as time passes."""

import asyncio

from mulberry.demo.chain.chain import LocalChain


async def run(chain: LocalChain, interval: float, idle_interval: float = 10.0) -> None:
    """Makes a block every `interval` seconds while there is work, else every `idle_interval`. Ends when cancelled."""
    quiet_seconds = 0.0  # counted in steps: by a clock of fractions the tenth second would be a matter of luck
    while True:
        await asyncio.sleep(interval)
        quiet_seconds += interval
        if chain.has_work or quiet_seconds >= idle_interval:
            chain.make_block()
            quiet_seconds = 0.0
