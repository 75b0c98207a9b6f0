"""Finds sensors that have stopped changing: a card that overheats while its thermometer stands still is cooking unseen.

A number may well stay the same on an idle card. It is called stuck only when the card's work changed and it did not.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

from mulberry.model.gpu import GpuCondition, GpuInfo

READINGS = 60  # a minute while watched, ten minutes while not
BUSY_PERCENT = 20
SWING_PERCENT = 40  # between the means of the older and the newer half
SENSORS = ("power_milliwatt", "temperature_celsius")


class StuckSensors:
    """Remembers the last readings of each card, by UUID."""

    def __init__(self) -> None:
        self._readings: dict[str, deque[GpuInfo]] = {}

    def judge(self, gpu: GpuInfo) -> GpuInfo:
        """`gpu`, newly read, with what is stuck."""
        readings = self._readings.setdefault(gpu.uuid, deque(maxlen=READINGS))
        readings.append(gpu)
        stuck = tuple(sensor for sensor in SENSORS if len(readings) == READINGS and _is_stuck(sensor, readings))
        return replace(gpu, condition=GpuCondition.SENSOR_STUCK, stuck=stuck) if stuck else gpu

    def keep_only(self, uuids: Iterable[str]) -> None:
        for gone in self._readings.keys() - set(uuids):
            del self._readings[gone]


def _is_stuck(sensor: str, readings: "deque[GpuInfo]") -> bool:
    newest = getattr(readings[-1], sensor)
    if newest is None or any(getattr(reading, sensor) != newest for reading in readings):
        return False
    loads = [reading.load_percent for reading in readings]
    known = [load for load in loads if load is not None]
    if len(known) < len(loads):
        return False
    half = READINGS // 2
    swings = abs(fmean(known[:half]) - fmean(known[half:])) >= SWING_PERCENT
    # power is counted in milliwatts: on a busy card it never stays the same for long, a temperature in whole °C may
    return swings or (sensor == "power_milliwatt" and min(known) >= BUSY_PERCENT)
