"""Hours of the local week and of the local day, as an owner marks them on a grid. Summer time is the clock's business:
an hour is asked for by what the clock on the wall shows.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS_A_DAY = 24
YES, NO = "#", "."
_DAY = re.compile(f"[{YES}{NO}]{{{HOURS_A_DAY}}}")
_TIMES = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from Monday, each 24 characters from midnight: `#` is a marked hour, `.` is not."""

    days: tuple[str, ...] = (YES * HOURS_A_DAY,) * len(DAYS)

    def __post_init__(self) -> None:
        if len(self.days) != len(DAYS) or not all(_DAY.fullmatch(day) for day in self.days):
            raise ValueError(f"a week is {len(DAYS)} days of {HOURS_A_DAY} times {YES} or {NO}")

    def marks(self, local: datetime) -> bool:
        """Whether the hour is marked that a clock on the wall shows as `local`."""
        return self.days[local.weekday()][local.hour] == YES

    @property
    def hours(self) -> int:
        """How many of the 168 are marked."""
        return sum(day.count(YES) for day in self.days)


ALWAYS = Week()


@dataclass(frozen=True, slots=True)
class DayTimes:
    """From `begin` until `end` on every day; over midnight where `end` is earlier. Equal ends are refused."""

    begin: time
    end: time

    def __post_init__(self) -> None:
        if self.begin == self.end:
            raise ValueError("begin and end are the same")

    def holds(self, local: datetime) -> bool:
        shown = local.time().replace(tzinfo=None)
        if self.begin < self.end:
            return self.begin <= shown < self.end
        return shown >= self.begin or shown < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"

    @classmethod
    def read(cls, untrusted_text: str) -> "DayTimes":
        """From `22:00-07:00`. Raises `ValueError`."""
        found = _TIMES.fullmatch(untrusted_text)
        if found is None:
            raise ValueError("times of a day look like 22:00-07:00")
        begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
        return cls(time(begin_hour, begin_minute), time(end_hour, end_minute))
