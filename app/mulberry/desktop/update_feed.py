"""Asks how updates stand while somebody looks at the About page: often while one is under way."""

from PySide6.QtCore import QObject, QTimer

from mulberry.desktop.cards import can_be_seen
from mulberry.desktop.connection import Connection, View
from mulberry.desktop.update_card import UpdateCard
from mulberry.model.errors import UserFacingError
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.update import UpdateOrder, UpdateStatus, UpdateWork

WORKING_MILLISECONDS, IDLE_MILLISECONDS = 500, 30_000


class UpdateFeed(QObject):
    def __init__(self, connection: Connection, card: UpdateCard) -> None:
        super().__init__(card)
        self._connection = connection
        self._card = card
        self._is_stale = True
        self._told = ""  # the newer version of which the last status spoke
        self.looking = QTimer(self, interval=IDLE_MILLISECONDS, singleShot=True)
        self.looking.timeout.connect(self.look)
        card.wanted.connect(self.look)
        card.asked.connect(self.order)
        card.consent_changed.connect(self._change_consent)
        connection.viewed.connect(self._viewed)
        self._viewed(connection.view)

    def look(self) -> None:
        """And again after a while; not while nobody sees it."""
        if can_be_seen(self._card) and not self._is_stale:
            self.looking.start()
            self._connection.ask(lambda agent: agent.update(), self._show, _nothing)

    def order(self, order: UpdateOrder) -> None:
        self._connection.ask(lambda agent: agent.order_update(order), self._show, self._connection.failed.emit)

    def _change_consent(self, checks: bool) -> None:
        change = SettingsChange({"update_check": checks})

        def changed(_: SettingsStatus) -> None:
            self.look()

        def refused(problem: UserFacingError) -> None:
            self._connection.failed.emit(problem)
            self.look()

        self._connection.ask(lambda agent: agent.change_settings(change), changed, refused)

    def _show(self, status: UpdateStatus) -> None:
        is_working = status.work is not UpdateWork.NOTHING
        self.looking.setInterval(WORKING_MILLISECONDS if is_working else IDLE_MILLISECONDS)
        self._card.show_status(status)

    def _viewed(self, view: View) -> None:
        was_stale, self._is_stale = self._is_stale, view.is_stale
        newer = view.status.newer_version if view.status is not None else ""
        is_news = newer != self._told
        self._told = newer
        if was_stale is not view.is_stale:
            self._card.show_readiness(is_stale=view.is_stale)
        if not view.is_stale and (was_stale or is_news):
            self.look()


def _nothing(problem: UserFacingError) -> None:
    """The window says already that the agent is silent."""
