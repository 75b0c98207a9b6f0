"""The sums of the ledger as the faces show them, computed once a change and once a day."""

from datetime import date

from mulberry.agent.ledger import Ledger
from mulberry.model.clock import Clock
from mulberry.model.node import Earnings
from mulberry.model.payments import ProxyAccount


class Totals:
    """`forget` after every change of the ledger; the turn of the local day is noticed here."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: tuple[Earnings, list[ProxyAccount]] | None = None
        self._day: date | None = None

    def forget(self) -> None:
        self._known = None

    def now(self) -> tuple[Earnings, list[ProxyAccount]]:
        """The sums and the accounts that they are made of."""
        moment = self._clock.now()
        day = moment.astimezone().date()
        if self._known is None or day != self._day:
            self._known = self._ledger.totals(moment), self._ledger.accounts()
            self._day = day
        return self._known
