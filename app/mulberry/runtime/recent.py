"""How many tokens were written lately, from what each answer says at its end."""

import math

PERIOD_SECONDS = 60.0


class RecentTokens:
    """A sum that forgets by exp(-age / a minute), as the stats page's do. Times are the event loop's."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._at = 0.0

    def count(self, tokens: int, now: float) -> None:
        self._sum = self._left(now) + tokens
        self._at = now

    def a_second(self, now: float) -> float:
        """Of those that were counted; under steady load, after some minutes, the true speed."""
        return self._left(now) / PERIOD_SECONDS

    def _left(self, now: float) -> float:
        return self._sum * math.exp(min(0.0, self._at - now) / PERIOD_SECONDS)
