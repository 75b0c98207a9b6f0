"""Asks for net earnings while somebody looks at the Earnings page: when it is opened, and then now and again."""

from datetime import datetime, timedelta

from PySide6.QtCore import QObject

from mulberry.desktop.cards import can_be_seen
from mulberry.desktop.connection import Connection, View
from mulberry.desktop.window import MainWindow

ASK_AGAIN = timedelta(seconds=20)  # by the agent's clock; what was drawn is written down once a minute


class NetFeed(QObject):
    def __init__(self, connection: Connection, screen: MainWindow) -> None:
        super().__init__(screen)
        self._connection = connection
        self._screen = screen
        self._asked_at: datetime | None = None
        connection.viewed.connect(self._viewed)
        connection.net_read.connect(screen.earnings.net.show_net)
        screen.pages.currentChanged.connect(self._turned)

    def _turned(self) -> None:
        self._asked_at = None
        self._viewed(self._connection.view)

    def _viewed(self, view: View) -> None:
        if view.status is None or view.is_stale or not can_be_seen(self._screen):
            return
        if self._screen.shown_page != "Earnings":
            return
        now = view.status.as_of
        if self._asked_at is None or not timedelta() <= now - self._asked_at < ASK_AGAIN:
            self._asked_at = now
            self._connection.fetch_net()
