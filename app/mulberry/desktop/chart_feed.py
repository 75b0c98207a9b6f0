"""Keeps the earnings charts fresh without asking more often than a person can see, and never while nobody looks."""

from datetime import datetime

from PySide6.QtCore import QObject, QTimer

from mulberry.desktop.cards import can_be_seen
from mulberry.desktop.connection import Connection, View
from mulberry.desktop.history import Span, Window, coarse_today, first_work, window
from mulberry.desktop.window import MainWindow
from mulberry.model.clock import Clock
from mulberry.model.jobs import EarningsBucket
from mulberry.model.node import Earnings

AT_MOST_EVERY_MILLISECONDS = 2000
LONG_SPANS_EVERY_ROUNDS = 15


class ChartFeed(QObject):
    """Asks `connection` when the money has changed; today in ever finer steps until they fit."""

    def __init__(
        self,
        connection: Connection,
        screen: MainWindow,
        clock: Clock,
        rest_milliseconds: int = AT_MOST_EVERY_MILLISECONDS,
    ) -> None:
        super().__init__(screen)
        self._connection = connection
        self._screen = screen
        self._clock = clock
        self._known: Earnings | None = None
        self._began: datetime | None = None  # when today's work began, as exactly as it is known
        self._round = 0
        self._resting = QTimer(self, singleShot=True, interval=rest_milliseconds)
        self._resting.timeout.connect(self._ask_if_changed)
        self._changed = False
        connection.viewed.connect(self._viewed)
        connection.earnings_fetched.connect(self._fetched)

    def look_again(self) -> None:
        """The window can be seen again."""
        self._changed = True
        self._ask_if_changed()

    def _viewed(self, view: View) -> None:
        if view.status is None or view.is_stale or view.status.earnings == self._known:
            return
        self._known = view.status.earnings
        self._changed = True
        self._ask_if_changed()

    def _ask_if_changed(self) -> None:
        if not self._changed or self._resting.isActive() or not can_be_seen(self._screen):
            return
        self._changed = False
        self._resting.start()
        now = self._clock.now()
        if self._began is None or self._began.astimezone().date() != now.astimezone().date():
            self._began = None
            self._connection.fetch_earnings(coarse_today(now))
        else:
            self._connection.fetch_earnings(window(Span.TODAY, now, self._began))
        if self._round % LONG_SPANS_EVERY_ROUNDS == 0:
            self._connection.fetch_earnings(window(Span.WEEK, now))
            self._connection.fetch_earnings(window(Span.MONTH, now))
        self._round += 1

    def _fetched(self, fetched: Window, buckets: tuple[EarningsBucket, ...]) -> None:
        if not isinstance(fetched.span, Span):
            return  # another page's chart
        if fetched.span is Span.TODAY and (began := first_work(buckets)) is not None:
            self._began = max(began, self._began) if self._began is not None else began
            finer = window(Span.TODAY, self._clock.now(), self._began)
            if finer.step_seconds < fetched.step_seconds:
                self._connection.fetch_earnings(finer)
                return
        self._screen.home.show_earnings(fetched, buckets)
