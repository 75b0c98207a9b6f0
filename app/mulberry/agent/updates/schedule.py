"""When the feed is asked by itself: about once a day, and less and less often while that fails."""

from datetime import datetime, timedelta
from random import Random

from mulberry.model.clock import Clock

CHECK_EVERY = timedelta(days=1)
CHECK_SPREAD = timedelta(hours=4)  # so that not all of the world asks at the same minute
START_SPREAD = timedelta(minutes=10)  # nor when all computers of an office are switched on
FIRST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE = timedelta(days=1)
MOST_DOUBLINGS = 5
METERED_PAUSE = timedelta(hours=1)


class Schedule:
    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._spread = CHECK_SPREAD * random.random()
        self._failures = 0
        self._not_before: datetime | None = None

    def next(self, last: datetime | None) -> datetime:
        """When it is time again; `last` is when it was asked last. A clock that was set back may not make it long."""
        now = self._clock.now()
        wished = now if last is None or last > now else last + CHECK_EVERY + self._spread
        if self._not_before is not None and now < self._not_before <= now + 2 * LONGEST_PAUSE:
            return max(wished, self._not_before)
        return wished

    def starts(self) -> None:
        """With the agent."""
        self._not_before = self._clock.now() + START_SPREAD * self._random.random()

    def is_changed(self) -> None:
        """By its owner, who now wants to see whether it works."""
        self._failures, self._not_before = 0, None

    def is_metered(self) -> None:
        self._not_before = self._clock.now() + METERED_PAUSE

    def succeeded(self) -> None:
        self._failures, self._not_before = 0, None

    def failed(self) -> None:
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE) * self._random.uniform(0.75, 1.25)
        self._failures = min(self._failures + 1, MOST_DOUBLINGS)
        self._not_before = self._clock.now() + pause
