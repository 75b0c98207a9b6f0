"""What operators' tools read about requests: totals since the agent's start, and how much of them is recent.

As the reference worker counts (`/jsonstats`): beside each total, six sums that forget by exp(-age / period), for 1 and
10 seconds, 1 and 10 minutes, an hour and a day. Unlike there, a failed request counts once.
"""

import math
import time
from collections.abc import Callable, Sequence

from mulberry.cocoon.seams import Served
from mulberry.model.jobs import JobOutcome

PERIODS_SECONDS = (1.0, 10.0, 60.0, 600.0, 3600.0, 86400.0)
NAMES = (
    "queries",
    "success",
    "failed",
    "bytes_received",
    "bytes_sent",
    "time",  # seconds that requests took, added up
    "total_adjusted_tokens_used",
    "prompt_adjusted_tokens_used",
    "cached_adjusted_tokens_used",
    "completion_adjusted_tokens_used",
    "reasoning_adjusted_tokens_used",
)
NOTHING = (0.0,) * len(NAMES)


class Traffic:
    """The requests since the agent's start that were run. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now()
        self._total = [0.0] * len(NAMES)
        self._recent = [[0.0] * len(NAMES) for _ in PERIODS_SECONDS]

    def count(self, served: Served) -> None:
        """A request that has just ended."""
        is_done = served.outcome is JobOutcome.DONE
        adjusted = served.adjusted
        amounts = (
            1,
            int(is_done),
            int(not is_done),
            served.request_bytes,
            served.answer_bytes,
            (served.finished_at - served.received_at).total_seconds(),
            adjusted.total,
            adjusted.prompt,
            adjusted.cached,
            adjusted.completion,
            adjusted.reasoning,
        )
        self._total = [total + amount for total, amount in zip(self._total, amounts, strict=True)]
        self._pass_time(amounts)

    def stats(self) -> dict[str, list[float]]:
        """By name: the total, then the recent sums by `PERIODS_SECONDS`."""
        self._pass_time(NOTHING)
        columns = zip(self._total, *self._recent, strict=True)
        return dict(zip(NAMES, map(list, columns), strict=True))

    def _pass_time(self, amounts: Sequence[float]) -> None:
        """Forgets, and adds `amounts`, in one pass: with each request."""
        now = self._now()
        age, self._at = now - self._at, now
        kept = [math.exp(-age / period) for period in PERIODS_SECONDS]
        self._recent = [
            [share * old + amount for old, amount in zip(sums, amounts, strict=True)]
            for share, sums in zip(kept, self._recent, strict=True)
        ]
