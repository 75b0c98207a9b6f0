"""Hours of the local week and of the local day, as an owner marks them on a grid. Summer time is the clock's business:
an hour is asked for by what the clock on the wall shows.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time
from itertools import groupby

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS_A_DAY = 24
YES, NO = "#", "."
_DAY = re.compile(f"[{YES}{NO}]{{{HOURS_A_DAY}}}")
SHORT_DAYS = tuple(day[:3] for day in DAYS)
_SPAN = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d?)-(\d\d?)")
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

    def __str__(self) -> str:
        """As `read_week` understands it: `Mon-Fri 08-18, Sat-Sun 00-24`, `always`, `never`."""
        if self.hours in (0, HOURS_A_DAY * len(DAYS)):
            return "always" if self.hours else "never"
        runs = [(day, tuple(numbers)) for day, numbers in groupby(range(len(DAYS)), self.days.__getitem__)]
        return ", ".join(f"{_days(numbers)} {begin:02}-{end:02}" for day, numbers in runs for begin, end in _spans(day))


ALWAYS = Week()


def read_week(untrusted_text: str) -> Week:
    """From `Mon-Fri 8-18, Sat 0-24`, where hours go up to but not into the second one. Raises `ValueError`."""
    text = untrusted_text.strip().lower()
    if text in ("always", "never"):
        return ALWAYS if text == "always" else Week((NO * HOURS_A_DAY,) * len(DAYS))
    marked: set[tuple[int, int]] = set()
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        names = [day.lower() for day in SHORT_DAYS]
        if found is None or not {found[1], found[2] or found[1]} <= set(names):
            raise ValueError("a week looks like “Mon-Fri 8-18, Sat 0-24”, or is always or never")
        first, last = names.index(found[1]), names.index(found[2] or found[1])
        begin, end = int(found[3]), int(found[4])
        if first > last or not begin < end <= HOURS_A_DAY:
            raise ValueError(f"“{part.strip()}” ends before it begins, or after 24")
        marked |= {(day, hour) for day in range(first, last + 1) for hour in range(begin, end)}
    return Week(tuple(_day(day, marked) for day in range(len(DAYS))))


def _day(day: int, marked: set[tuple[int, int]]) -> str:
    return "".join(YES if (day, hour) in marked else NO for hour in range(HOURS_A_DAY))


def _days(numbers: tuple[int, ...]) -> str:
    first, last = SHORT_DAYS[numbers[0]], SHORT_DAYS[numbers[-1]]
    return first if first == last else f"{first}-{last}"


def _spans(day: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(f"{YES}+", day)]


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
