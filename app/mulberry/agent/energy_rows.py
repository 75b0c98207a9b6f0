"""What work drew and at which price, and what was earned meanwhile: a part of the ledger that only grows."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from mulberry.model.money import Nanoton
from mulberry.model.net import Worked

NO_PRICE = -1

_ADD = """
INSERT INTO energy VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  worked = worked + excluded.worked, by_counter = by_counter + excluded.by_counter,
  by_samples = by_samples + excluded.by_samples, blind = blind + excluded.blind,
  of_gpu = of_gpu + excluded.of_gpu, of_computer = of_computer + excluded.of_computer
"""
_SINCE = """
SELECT start, currency, price, worked, by_counter, by_samples, blind, of_gpu, of_computer FROM energy
WHERE start >= ? ORDER BY start
"""
# A month has thousands of quarters and few prices; those without a price are reckoned each by itself.
_SUMS = f"""
SELECT min(start), currency, price, sum(worked), sum(by_counter), sum(by_samples), sum(blind), sum(of_gpu),
  sum(of_computer) FROM energy WHERE start >= ? AND start < ?
GROUP BY currency, price, iif(price = {NO_PRICE}, start, 0)
"""  # noqa: S608 - a number of ours
_EARNED = """
SELECT worker_fee_per_token, sum(tokens) FROM slots WHERE start >= ? AND start < ? GROUP BY worker_fee_per_token
"""


class EnergyRows:
    """Part of a `Ledger`, whose connection and way of writing it uses."""

    def __init__(self, connection: sqlite3.Connection, writing: Callable[..., AbstractContextManager[None]]) -> None:
        self._connection = connection
        self._writing = writing

    def add(self, worked: Iterable[Worked]) -> None:
        """Adds to what the same quarters and prices have. Raises `LedgerFull`: nothing was added."""
        with self._writing():
            self._connection.executemany(_ADD, map(_row, worked))

    def since(self, begin: datetime) -> list[Worked]:
        """All work from the quarter on that begins at `begin` or next after it, ascending."""
        return [_worked(*row) for row in self._connection.execute(_SINCE, (begin.timestamp(),))]

    def sums(self, begin: datetime, end: datetime) -> list[Worked]:
        """The work of the quarters from `begin` until before `end`; those of one price together, as of the first."""
        found = self._connection.execute(_SUMS, (begin.timestamp(), end.timestamp()))
        return [_worked(*row) for row in found]

    def first(self) -> datetime | None:
        """Since when energy is counted; None: it never was."""
        start = self._connection.execute("SELECT min(start) FROM energy").fetchone()[0]
        return None if start is None else datetime.fromtimestamp(start, UTC)

    def earned(self, begin: datetime, end: datetime) -> Nanoton:
        """The proxies' word on the jobs that ended from `begin` until before `end`, by slots of five minutes."""
        found = self._connection.execute(_EARNED, (begin.timestamp(), end.timestamp()))
        return Nanoton(sum(fee * tokens for fee, tokens in found))


def _row(worked: Worked) -> tuple[int | str, ...]:
    return (
        int(worked.start.timestamp()),
        worked.currency,
        NO_PRICE if worked.price is None else worked.price,
        worked.milliseconds,
        worked.by_counter,
        worked.by_samples,
        worked.blind,
        worked.gpu_millijoules,
        worked.base_millijoules,
    )


def _worked(start: int, currency: str, price: int, *numbers: int) -> Worked:
    return Worked(datetime.fromtimestamp(start, UTC), currency, None if price == NO_PRICE else price, *numbers)
