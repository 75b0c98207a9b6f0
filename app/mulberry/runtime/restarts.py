"""When a broken job process may start again: after growing pauses, and not for ever."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartRules:
    """Pauses double from the first to the longest. `crashes_limit` breakdowns within the window are too many."""

    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 60.0
    crashes_limit: int = 5
    window_seconds: float = 600.0


DEFAULT_RULES = RestartRules()


class Restarts:
    """Remembers the breakdowns. Times are the event loop's."""

    def __init__(self, rules: RestartRules, jitter: random.Random) -> None:
        self._rules = rules
        self._jitter = jitter
        self._crashes: list[float] = []

    def pause_after_crash(self, now: float) -> float | None:
        """The seconds to wait after a breakdown at `now`, half to one and a half of the rule's; None: give up."""
        rules = self._rules
        self._crashes = [moment for moment in self._crashes if now - moment < rules.window_seconds] + [now]
        if len(self._crashes) >= rules.crashes_limit:
            return None
        pause = min(rules.longest_pause_seconds, rules.first_pause_seconds * 2.0 ** (len(self._crashes) - 1))
        return pause * (0.5 + self._jitter.random())
