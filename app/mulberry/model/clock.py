"""The wall clock, injected. Durations and time-outs use the event loop's own clock, which tests replace as a whole."""

from datetime import UTC, date, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def local_moment(day: date, hour: int = 0) -> datetime:
    """When the computer's clock shows `hour` o'clock on `day`: where it skips that hour, the moment of the skip; where
    it shows it twice, the first time. By way of `timestamp`: `astimezone` would begin some days an hour too early."""
    return datetime.fromtimestamp(datetime(day.year, day.month, day.day, hour).timestamp(), UTC)  # noqa: DTZ001 - local
