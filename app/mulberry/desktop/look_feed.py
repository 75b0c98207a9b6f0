"""The window looks as its owner's setting says: from the first frame on, and at once when the setting changes."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSettings

from mulberry.desktop.connection import Connection, View
from mulberry.desktop.theme import Scheme, Theme
from mulberry.desktop.window import MainWindow
from mulberry.model.errors import UserFacingError

if TYPE_CHECKING:
    from mulberry.model.settings import SettingsStatus

LOOK = "look"  # the setting, and what is remembered of it for the first frame, before the agent has answered


class LookFeed(QObject):
    """Asks when the agent begins to answer and when the window comes to the front; hears each change made in it."""

    def __init__(self, connection: Connection, window: MainWindow, theme: Theme, memory: QSettings) -> None:
        super().__init__(window)
        self._connection = connection
        self._theme = theme
        self._memory = memory
        self._is_stale = True
        self._known: str = Scheme.FOLLOW
        self._show(str(memory.value(LOOK, Scheme.FOLLOW)))
        connection.viewed.connect(self._viewed)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate:  # it may have been changed in a terminal
            self._ask()
        return super().eventFilter(watched, event)

    def _viewed(self, view: View) -> None:
        comes_back = self._is_stale and not view.is_stale
        self._is_stale = view.is_stale
        if comes_back:
            self._ask()

    def _ask(self) -> None:
        self._connection.ask(lambda agent: agent.settings(), self.told, self._not_told)

    def told(self, status: "SettingsStatus") -> None:
        """What the agent holds now."""
        for setting in status.settings:
            if setting.name == LOOK:
                self._show(str(setting.value))

    def _not_told(self, problem: UserFacingError) -> None:
        """It stays as it is."""
        del problem

    def _show(self, value: str) -> None:
        """A look that a newer agent knows and this window does not is the system's."""
        if value == self._known:
            return
        self._known = value
        self._memory.setValue(LOOK, value)
        self._theme.choose(Scheme(value) if value in list(Scheme) else Scheme.FOLLOW)
