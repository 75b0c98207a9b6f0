"""What the GPUs' sensors said lately: each reading of five minutes, and an hour in steps of ten seconds.

It lives in the window alone and is bounded: some hundred readings a GPU, however long the window is open. The agent
tells nothing while nothing changes, but says so once a minute; a longer silence is a gap, and is drawn as one.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mulberry.model.gpu import GpuCondition, GpuInfo, GpuReport
from mulberry.model.language import tr

HOLDS = timedelta(seconds=90)  # a reading is the newest word for so long, and then there is none
STEP_SECONDS = 10  # of the hour
WITH_NUMBERS = (GpuCondition.WORKS, GpuCondition.NOT_PERMITTED, GpuCondition.SENSOR_STUCK)


class Quantity(Enum):
    """What is drawn over time. The value is the field of `GpuInfo` that it comes from."""

    LOAD = "load_percent"
    MEMORY = "memory_used_bytes"
    POWER = "power_milliwatt"
    TEMPERATURE = "temperature_celsius"


class Stretch(Enum):
    """How far back the graphs reach, in seconds."""

    FIVE_MINUTES = 300
    HOUR = 3600

    @property
    def length(self) -> timedelta:
        return timedelta(seconds=self.value)

    @property
    def step(self) -> timedelta:
        """How far readings usually lie apart."""
        return timedelta(seconds=1 if self is Stretch.FIVE_MINUTES else STEP_SECONDS)

    @property
    def words(self) -> str:
        return tr("5 minutes") if self is Stretch.FIVE_MINUTES else tr("1 hour")

    @property
    def lately(self) -> str:
        return tr("last 5 minutes") if self is Stretch.FIVE_MINUTES else tr("last 1 hour")


@dataclass(frozen=True, slots=True)
class Reading:
    """All quantities at one moment, in the order and units of `Quantity`; None where there was no number."""

    at: datetime
    values: tuple[float | None, ...]

    def value(self, quantity: Quantity) -> float | None:
        return self.values[_PLACES[quantity]]


_PLACES = {quantity: place for place, quantity in enumerate(Quantity)}


class Histories:
    """By UUID; a GPU that is gone is forgotten when its newest reading is an hour old."""

    def __init__(self) -> None:
        self._gpus: dict[str, _History] = {}

    def add(self, report: GpuReport) -> None:
        """Does nothing for what was added before."""
        for gpu in report.gpus:
            self._gpus.setdefault(gpu.uuid, _History()).add(_reading(gpu, report.as_of))
        oldest = report.as_of - Stretch.HOUR.length
        for uuid in [uuid for uuid, history in self._gpus.items() if history.newest < oldest]:
            del self._gpus[uuid]

    def readings(self, uuid: str, stretch: Stretch, end: datetime) -> list[Reading]:
        """In their order; those within `stretch` before `end`, and the one before them, which may still hold there."""
        history = self._gpus.get(uuid)
        if history is None:
            return []
        readings = list(history.fine if stretch is Stretch.FIVE_MINUTES else history.coarse)
        first = bisect_right(readings, end - stretch.length, key=lambda reading: reading.at)
        last = bisect_right(readings, end, key=lambda reading: reading.at)
        return readings[max(0, first - 1) : last]


def reading_at(readings: Sequence[Reading], moment: datetime) -> Reading | None:
    """What held at `moment`; None: nothing was read then."""
    place = bisect_right(readings, moment, key=lambda reading: reading.at)
    if place == 0 or moment - readings[place - 1].at > HOLDS:
        return None
    return readings[place - 1]


class _History:
    def __init__(self) -> None:
        self.fine: deque[Reading] = deque(maxlen=Stretch.FIVE_MINUTES.value + 1)
        self.coarse: deque[Reading] = deque(maxlen=Stretch.HOUR.value // STEP_SECONDS + 1)
        self._step: list[Reading] = []  # what the last of `coarse` is the mean of

    @property
    def newest(self) -> datetime:
        return self.fine[-1].at

    def add(self, reading: Reading) -> None:
        if self.fine and reading.at == self.newest:
            return
        if self.fine and reading.at < self.newest:  # somebody has set the clock back: the old times mean nothing now
            self.fine.clear()
            self.coarse.clear()
            self._step.clear()
        self.fine.append(reading)
        if self._step and _step_of(self._step[0]) == _step_of(reading):
            self.coarse.pop()
        else:
            self._step = []
        self._step.append(reading)
        self.coarse.append(Reading(self._step[0].at, _means(self._step)))


def _step_of(reading: Reading) -> int:
    return int(reading.at.timestamp()) // STEP_SECONDS


def _means(readings: Sequence[Reading]) -> tuple[float | None, ...]:
    known = (
        [value for value in values if value is not None] for values in zip(*(r.values for r in readings), strict=True)
    )
    return tuple(sum(values) / len(values) if values else None for values in known)


def _reading(gpu: GpuInfo, at: datetime) -> Reading:
    if gpu.condition not in WITH_NUMBERS:  # what stands there is from before
        return Reading(at, (None,) * len(Quantity))
    return Reading(at, tuple(getattr(gpu, quantity.value) for quantity in Quantity))
