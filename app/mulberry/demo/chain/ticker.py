"""Makes blocks as time passes."""

from mulberry.demo.chain.chain import LocalChain


async def run(chain: LocalChain, interval: float, idle_interval: float = 10.0) -> None:
    """Makes a block every `interval` seconds while there is work, else every `idle_interval`. Ends when cancelled."""
    raise NotImplementedError
