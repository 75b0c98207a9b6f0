"""An owner judges by this speed whether a GPU does its work: steady load must show as what it is, and an end as one."""

import pytest

from mulberry.runtime.recent import RecentTokens


def test_steady_load_shows_its_speed_and_what_has_ended_is_forgotten() -> None:
    written = RecentTokens()
    for second in range(600):
        written.count(50, float(second))
    assert written.a_second(600.0) == pytest.approx(50, rel=0.02)
    assert written.a_second(660.0) == pytest.approx(50 / 2.718, rel=0.02)
    assert written.a_second(1_800.0) < 1e-6


def test_before_the_first_answer_nothing_is_claimed() -> None:
    assert RecentTokens().a_second(1e6) == 0
