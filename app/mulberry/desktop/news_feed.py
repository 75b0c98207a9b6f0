"""Tells the owner what `news` finds: in the window while they look at it, else by tray, else over D-Bus."""

import logging
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtWidgets import QApplication

from mulberry.desktop import news
from mulberry.desktop.bus_notice import notify
from mulberry.desktop.cards import can_be_seen
from mulberry.desktop.connection import Agent, Connection, Link, View
from mulberry.desktop.news import Kind, Message, Seen, Told
from mulberry.desktop.tray import Tray
from mulberry.desktop.window import MainWindow
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.node import NodeState, Status

if TYPE_CHECKING:
    import asyncio

    from mulberry.model.rules import Decision
    from mulberry.model.settings import SettingsStatus

log = logging.getLogger(__name__)

ASK_AGAIN_AFTER = timedelta(seconds=30)  # while a program fills the screen
KEEP_EVERY = timedelta(minutes=1)
LAST_SEEN = "last_seen"


class NewsFeed(QObject):
    """`is_seen` says whether the owner looks at the window now; `send` hands a message to the desktop, blocking."""

    def __init__(
        self,
        connection: Connection,
        screen: MainWindow,
        tray: Tray,
        clock: Clock,
        memory: QSettings,
        is_seen: Callable[[], bool] | None = None,
        send: Callable[[str, str], None] = notify,
    ) -> None:
        super().__init__(screen)
        self._connection = connection
        self._screen = screen
        self._tray = tray
        self._clock = clock
        self._memory = memory
        self._is_seen = is_seen or (lambda: looks_at(screen))
        self._send = send
        self._told = Told()
        self._needs: tuple[str, ...] = ()  # since the owner was last seen
        self._seen: Seen | None = None
        self._has_remembered = False
        self._kept_at: datetime | None = None
        self._ask_from: datetime | None = None
        self._is_asking = False
        self._sending: set[asyncio.Task[None]] = set()
        connection.viewed.connect(self._viewed)
        tray.message_clicked.connect(tray.open_asked)

    def _viewed(self, view: View) -> None:
        if view.link is not Link.ANSWERS or view.status is None:
            return
        if not self._has_remembered:  # not before: to read it takes a good part of a first frame's time
            self._has_remembered, self._seen = True, _kept(self._memory)
        now = self._clock.now()
        messages, told = news.news(self._told, view.status, now)
        if not messages and self._digest(view.status, now) is None:
            self._told = told
            self._look(view.status, now)
        elif not self._is_asking and (self._ask_from is None or now >= self._ask_from):
            self._is_asking = self._connection.ask(_manners, self._tell, self._not_answered)

    def _digest(self, status: Status, now: datetime) -> Message | None:
        if self._seen is None or not self._is_seen():
            return None
        return news.digest(self._seen, status, self._needs, now)

    def _tell(self, manners: "tuple[SettingsStatus, Decision]") -> None:
        """As things stand now that the owner's switches are known."""
        self._is_asking = False
        status, now = self._connection.view.status, self._clock.now()
        if status is None:
            return
        settings, decision = manners
        if news.is_quiet(decision) and not self._is_seen():
            self._ask_from = now + ASK_AGAIN_AFTER
            return
        self._ask_from = None
        messages, self._told = news.news(self._told, status, now)
        digest = self._digest(status, now)
        self._needs += tuple(message.text for message in messages if message.kind is Kind.NEEDS_YOU)
        for message in news.wanted(messages, settings):
            self._show(message)
        if digest is not None and news.wanted((digest,), settings):
            self._screen.news.add(digest.text)
        self._look(status, now)

    def _not_answered(self, problem: UserFacingError) -> None:
        """The window says already that the agent is silent; what was to be told is told when it speaks again."""
        log.info("no news: %s", problem)
        self._is_asking = False

    def _look(self, status: Status, now: datetime) -> None:
        """Notes that the owner has seen it, if they look."""
        if self._seen is not None and not self._is_seen():
            return
        self._seen = news.seen_now(status, now)
        if status.state is not NodeState.NEEDS_YOU:
            self._needs = ()
        if self._kept_at is None or abs(now - self._kept_at) >= KEEP_EVERY:
            from mulberry.model.encoding import to_json

            self._kept_at = now
            self._memory.setValue(LAST_SEEN, to_json(Seen, self._seen).decode())

    def _show(self, message: Message) -> None:
        if self._is_seen():
            self._screen.news.add(message.text)
        elif self._tray.is_shown:
            self._tray.say(message.text)
        elif sys.platform == "linux":
            import asyncio

            task = asyncio.get_running_loop().create_task(self._over_the_bus(message.text))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        else:
            self._screen.news.add(message.text)

    async def _over_the_bus(self, text: str) -> None:
        import asyncio

        try:
            await asyncio.to_thread(self._send, "Mulberry", text)
        except OSError as problem:
            log.info("no notification: %s", problem)
            self._screen.news.add(text)


async def _manners(agent: Agent) -> "tuple[SettingsStatus, Decision]":
    return await agent.settings(), await agent.rules_now()


def looks_at(screen: MainWindow) -> bool:
    """Whether the window is before the owner: not hidden, not minimised, and our program in front."""
    in_front = QApplication.applicationState() is Qt.ApplicationState.ApplicationActive
    return in_front and can_be_seen(screen)


def _kept(memory: QSettings) -> Seen | None:
    from mulberry.model.encoding import from_json

    untrusted = memory.value(LAST_SEEN)
    try:
        seen = from_json(Seen, str(untrusted).encode()) if untrusted is not None else None
    except ValueError:
        return None
    return seen if seen is not None and seen.at.tzinfo is not None else None
