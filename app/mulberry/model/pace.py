"""So many in a span of time and no more: what somebody else decides the number of must not fill a disk or a loop."""

from collections import deque


class Pace:
    """At most `limit` in any `seconds`. The times it is asked with come from one clock."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._taken_at: deque[float] = deque(maxlen=limit)

    def takes(self, now: float) -> bool:
        """Whether there is room for one more, which is then taken."""
        if len(self._taken_at) == self.limit and now - self._taken_at[0] < self.seconds:
            return False
        self._taken_at.append(now)
        return True
