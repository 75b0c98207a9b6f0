"""What happens on the Settings page when: one change after the other, so that the newest answer is the newest truth."""

from PySide6.QtCore import QObject, Signal

from mulberry.desktop.connection import Connection
from mulberry.desktop.settings_page import SettingsPage
from mulberry.model.errors import UserFacingError
from mulberry.model.json_value import JsonValue
from mulberry.model.rules import Decision
from mulberry.model.settings import SettingsChange, SettingsStatus


class SettingsFeed(QObject):
    told = Signal(object)  # SettingsStatus: what the agent holds now

    def __init__(self, connection: Connection, page: SettingsPage) -> None:
        super().__init__(page)
        self._connection = connection
        self._page = page
        self._waiting: dict[str, SettingsChange] = {}  # by name, in the order of asking; a later one replaces
        self._sent: str | None = None
        self._try: SettingsChange | None = None
        self._is_trying = False
        page.wanted.connect(self._look)
        page.changed.connect(self._change)
        page.reset_wanted.connect(self._reset)
        page.tried.connect(self._try_out)

    def _look(self) -> None:
        if self._sent is None:
            self._connection.ask(lambda agent: agent.settings(), self._read, self._page.not_read)
        self._connection.ask(lambda agent: agent.rules_now(), self._rules_read, self._rules_not_read)

    def _change(self, name: str, value: JsonValue) -> None:
        self._wait(name, SettingsChange({name: value}))

    def _reset(self, name: str) -> None:
        self._wait(name, SettingsChange({}, reset=(name,)))

    def _wait(self, name: str, change: SettingsChange) -> None:
        self._waiting.pop(name, None)
        self._waiting[name] = change
        self._send_next()

    def _send_next(self) -> None:
        if self._sent is not None or not self._waiting:
            return
        self._sent = name = next(iter(self._waiting))
        change = self._waiting.pop(name)
        asked = self._connection.ask(lambda agent: agent.change_settings(change), self._changed, self._refused)
        if not asked:
            self._sent = None

    def _changed(self, status: SettingsStatus) -> None:
        self._sent = None
        self._page.show_status(status, frozenset(self._waiting))
        self.told.emit(status)
        self._connection.ask(lambda agent: agent.rules_now(), self._rules_read, self._rules_not_read)
        self._send_next()

    def _refused(self, problem: UserFacingError) -> None:
        name, self._sent = self._sent, None
        if name is not None:
            self._page.refuse(name, problem, frozenset(self._waiting))
        self._send_next()

    def _try_out(self, name: str, value: JsonValue) -> None:
        """The newest only: a drag asks faster than the agent answers."""
        self._try = SettingsChange({name: value}, only_try=True)
        self._try_next()

    def _try_next(self) -> None:
        if self._is_trying or self._try is None:
            return
        change, self._try = self._try, None
        self._is_trying = self._connection.ask(
            lambda agent: agent.change_settings(change), self._tried, self._not_tried
        )

    def _tried(self, status: SettingsStatus) -> None:
        self._is_trying = False
        self._page.show_preview(status)
        self._try_next()

    def _not_tried(self, problem: UserFacingError) -> None:
        """Why is told when it is chosen."""
        del problem
        self._is_trying = False
        self._try_next()

    def _read(self, status: SettingsStatus) -> None:
        if self._sent is None:  # else its answer is newer
            self._page.show_status(status, frozenset(self._waiting))
            self.told.emit(status)

    def _rules_read(self, decision: Decision) -> None:
        self._page.show_rules(decision)

    def _rules_not_read(self, problem: UserFacingError) -> None:
        """What they saw last stays; an agent that is silent is told of elsewhere."""
        del problem
