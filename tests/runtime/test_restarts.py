"""A broken engine must not be restarted in a frenzy, nor for ever."""

import random

from mulberry.runtime.restarts import RestartRules, Restarts

RULES = RestartRules(first_pause_seconds=1, longest_pause_seconds=5, crashes_limit=6, window_seconds=600)


class Fixed(random.Random):
    """Luck that makes the jitter a factor of exactly one."""

    def random(self) -> float:
        return 0.5


def test_pauses_double_up_to_the_longest_and_then_it_is_enough() -> None:
    restarts = Restarts(RULES, Fixed())
    assert [restarts.pause_after_crash(now) for now in range(6)] == [1, 2, 4, 5, 5, None]


def test_old_breakdowns_are_forgiven() -> None:
    restarts = Restarts(RULES, Fixed())
    assert [restarts.pause_after_crash(now) for now in range(0, 6000, 600)] == [1] * 10


def test_jitter_keeps_within_half_and_one_and_a_half() -> None:
    pauses = {Restarts(RULES, random.Random(seed)).pause_after_crash(0) for seed in range(100)}
    assert len(pauses) > 90
    assert all(pause is not None and 0.5 <= pause <= 1.5 for pause in pauses)
