"""The chain behind TON's lite-server protocol: ADNL over TCP on loopback."""

from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.faults import HONEST, Faults


class LiteServer:
    """One server of `chain`. Several may serve the same chain, each with `Faults` and a key of its own."""

    def __init__(self, chain: LocalChain, *, faults: Faults = HONEST, key_seed: bytes = b"lite server") -> None:
        self.faults = faults  # may be replaced while the server runs

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        raise NotImplementedError

    def global_config(self) -> dict[str, object]:
        """TON's global.config.json with this server, our zero state and our first key block as init block."""
        raise NotImplementedError

    async def close(self) -> None:
        """Cuts every connection and stops listening. May be followed by another `start`."""
        raise NotImplementedError
