"""Where play money comes from: five toncoin to an address, once a minute."""

import asyncio
from collections.abc import Callable

from mulberry.model.money import Nanoton
from mulberry.model.root_contract import ONE_TON
from mulberry.ton.address import Address

GIFT = Nanoton(5 * ONE_TON)
PAUSE_SECONDS = 60.0
REMEMBERED = 10_000  # addresses in one minute; more are refused


class TooSoonError(Exception):
    """`wait_seconds` until the faucet gives again."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"The faucet gives once a minute; ask again in {wait_seconds:.0f} s.")
        self.wait_seconds = wait_seconds


class Faucet:
    """`give` is asked to put money on an address, which happens with the next block."""

    def __init__(self, give: Callable[[Address, Nanoton], None]) -> None:
        self._give = give
        self._given: dict[Address, float] = {}  # when, on the loop's clock; the oldest first

    def ask(self, address: Address) -> Nanoton:
        """Returns what it gives. Raises `TooSoonError`."""
        now = asyncio.get_running_loop().time()
        while self._given and (oldest := next(iter(self._given.items())))[1] <= now - PAUSE_SECONDS:
            del self._given[oldest[0]]
        if address in self._given or len(self._given) >= REMEMBERED:
            last = self._given.get(address, now)
            raise TooSoonError(last + PAUSE_SECONDS - now)
        self._given[address] = now
        self._give(address, GIFT)
        return GIFT
