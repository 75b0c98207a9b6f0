"""What a graph shows must have been read: no gap is bridged, nothing grows for ever, a clock set back starts anew."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.desktop.hardware_history import HOLDS, STEP_SECONDS, Histories, Quantity, Stretch, reading_at
from mulberry.model.gpu import GpuCondition, GpuInfo, GpuReport
from samples import NOON, RTX_4090

UUID = RTX_4090.uuid


def report(seconds: float, gpu: GpuInfo = RTX_4090) -> GpuReport:
    return GpuReport((gpu,), None, NOON + timedelta(seconds=seconds))


def loads(histories: Histories, stretch: Stretch, end: datetime) -> list[float | None]:
    return [reading.value(Quantity.LOAD) for reading in histories.readings(UUID, stretch, end)]


def test_each_reading_of_five_minutes_is_kept_and_no_more() -> None:
    histories = Histories()
    for second in range(1000):
        histories.add(report(second, replace(RTX_4090, load_percent=second % 100)))
    readings = histories.readings(UUID, Stretch.FIVE_MINUTES, NOON + timedelta(seconds=999))
    assert [reading.at for reading in readings] == [NOON + timedelta(seconds=second) for second in range(699, 1000)]
    assert readings[-1].value(Quantity.LOAD) == 99


def test_an_hour_is_kept_in_means_of_ten_seconds() -> None:
    histories = Histories()
    for second in range(2 * 3600):
        histories.add(report(second, replace(RTX_4090, load_percent=second % 10 * 10)))
    end = NOON + timedelta(seconds=2 * 3600 - 1)
    means = loads(histories, Stretch.HOUR, end)
    assert len(means) == 3600 // STEP_SECONDS + 1
    assert set(means) == {45.0}  # of 0, 10, … 90


def test_the_same_reading_told_twice_counts_once() -> None:
    histories = Histories()
    for _ in range(3):
        histories.add(report(0))
    assert len(histories.readings(UUID, Stretch.FIVE_MINUTES, NOON)) == 1


def test_a_value_that_is_not_known_is_no_zero() -> None:
    histories = Histories()
    histories.add(report(0, replace(RTX_4090, load_percent=None)))
    assert loads(histories, Stretch.FIVE_MINUTES, NOON) == [None]
    assert loads(histories, Stretch.HOUR, NOON) == [None]


@pytest.mark.parametrize("condition", [GpuCondition.LOST, GpuCondition.UNPLUGGED, GpuCondition.FAILING])
def test_the_last_numbers_of_a_lost_gpu_are_not_drawn_on(condition: GpuCondition) -> None:
    histories = Histories()
    histories.add(report(0))
    histories.add(report(1, replace(RTX_4090, condition=condition)))
    assert loads(histories, Stretch.FIVE_MINUTES, NOON + timedelta(seconds=1)) == [71, None]


def test_a_clock_that_was_set_back_starts_anew() -> None:
    histories = Histories()
    histories.add(report(100))
    histories.add(report(0))
    assert [reading.at for reading in histories.readings(UUID, Stretch.FIVE_MINUTES, NOON)] == [NOON]


def test_a_gpu_that_is_gone_is_forgotten_an_hour_later() -> None:
    histories = Histories()
    histories.add(report(0))
    other = replace(RTX_4090, uuid="GPU-other")
    histories.add(report(3600, other))
    assert histories.readings(UUID, Stretch.HOUR, NOON)
    histories.add(report(3601, other))
    assert not histories.readings(UUID, Stretch.HOUR, NOON)


def test_a_reading_holds_until_the_next_but_not_for_ever() -> None:
    histories = Histories()
    histories.add(report(0))
    readings = histories.readings(UUID, Stretch.FIVE_MINUTES, NOON)
    assert reading_at(readings, NOON - timedelta(seconds=1)) is None
    assert reading_at(readings, NOON + HOLDS) == readings[0]
    assert reading_at(readings, NOON + HOLDS + timedelta(seconds=1)) is None


def test_a_reading_before_the_stretch_may_still_hold_in_it() -> None:
    histories = Histories()
    histories.add(report(0))
    end = NOON + Stretch.FIVE_MINUTES.length + timedelta(seconds=30)
    assert loads(histories, Stretch.FIVE_MINUTES, end) == [71]


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=400))
def test_however_readings_come_they_ascend_and_stay_few(seconds: list[int]) -> None:
    histories = Histories()
    for second in seconds:
        histories.add(report(second))
    end = NOON + timedelta(seconds=20_000)
    for stretch in Stretch:
        moments = [reading.at for reading in histories.readings(UUID, stretch, end)]
        assert moments == sorted(set(moments))
        assert len(moments) <= max(Stretch.FIVE_MINUTES.value, Stretch.HOUR.value // STEP_SECONDS) + 1
