"""What a worker asks for its work, in thousandths, while its owner may change it."""

import math

FORMER_PRICE_SECONDS = 60.0  # a request at the price before a raise may have been on its way


class AskedPrice:
    """`coefficient` is what proxies are told. Times are the event loop's."""

    def __init__(self, coefficient: int) -> None:
        self.coefficient = coefficient
        self._former = coefficient
        self._former_until = -math.inf

    def change(self, coefficient: int, now: float) -> None:
        self._former = self.least(now)
        self._former_until = now + FORMER_PRICE_SECONDS
        self.coefficient = coefficient

    def least(self, now: float) -> int:
        """What a request must pay."""
        return min(self.coefficient, self._former) if now < self._former_until else self.coefficient
