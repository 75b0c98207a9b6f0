"""The tray icon, where the desktop has a tray. Everything in it can be done from the window as well.

A panel may start after us. Qt does not tell, and an icon made before stays invisible for ever, so while there is no
tray we look for one now and then, and make a new icon when it is there.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from mulberry.desktop import wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.icons import tray_icon, window_icon
from mulberry.desktop.wording import Verb
from mulberry.model.node import NodeState
from mulberry.model.sentence import sentence

LOOK_AGAIN_MILLISECONDS = 10_000
MESSAGE_MILLISECONDS = 10_000


class Tray(QObject):
    open_asked = Signal()
    asked = Signal(object)  # Command
    quit_asked = Signal()
    stop_and_quit_asked = Signal()

    def __init__(
        self, available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._available = available
        self._view = View()
        self._main: Verb = wording.START
        self.icon: QSystemTrayIcon | None = None
        self.menu = QMenu()
        self.main_action = QAction(self.menu)
        self.stop_action = QAction(wording.STOP.text, self.menu)
        self._fill_menu()
        self._look_again = QTimer(self, interval=LOOK_AGAIN_MILLISECONDS)
        self._look_again.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._look_again.timeout.connect(self.look_for_tray)
        self.show_view(self._view)
        self.look_for_tray()

    def _fill_menu(self) -> None:
        self.main_action.triggered.connect(lambda: self.asked.emit(self._main.command))
        self.stop_action.triggered.connect(lambda: self.asked.emit(wording.STOP.command))
        for text, signal in (
            ("Open Mulberry", self.open_asked),
            ("Quit the window", self.quit_asked),
            ("Stop earning and quit", self.stop_and_quit_asked),
        ):
            action = self.menu.addAction(text)
            action.triggered.connect(signal)
            if signal is self.open_asked:
                self.menu.addSeparator()
                self.menu.addActions([self.main_action, self.stop_action])
                self.menu.addSeparator()

    @property
    def is_shown(self) -> bool:
        return self.icon is not None

    def look_for_tray(self) -> None:
        """Makes the icon when there is a tray; else keeps looking, rarely."""
        if self.icon is not None:
            return
        if not self._available():
            if not self._look_again.isActive():
                self._look_again.start()
            return
        self._look_again.stop()
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self._draw()
        self.icon.show()

    def show_view(self, view: View) -> None:
        self._view = view
        state = view.status.state if view.status is not None else NodeState.STOPPED
        self._main = wording.main_verb(state) if view.link is Link.ANSWERS else wording.START
        self.main_action.setText(self._main.text)
        self.main_action.setEnabled(view.link is not Link.STARTING)
        self.stop_action.setVisible(wording.can_stop_besides(state))
        self._draw()

    @property
    def tooltip(self) -> str:
        """The one sentence."""
        if self._view.link is Link.STARTING:
            return wording.STARTING
        if self._view.status is None or self._view.is_stale:
            return wording.NO_ANSWER
        return sentence(self._view.status)

    def say(self, text: str) -> None:
        """A short message beside the icon."""
        if self.icon is not None:
            self.icon.showMessage("Mulberry", text, window_icon(), MESSAGE_MILLISECONDS)

    def close(self) -> None:
        self._look_again.stop()
        if self.icon is not None:
            self.icon.hide()
            self.icon.setContextMenu(None)  # type: ignore[arg-type]  # Qt takes none; the stubs do not say so
            self.icon = None
        self.menu.deleteLater()

    def _draw(self) -> None:
        if self.icon is None:
            return
        live = self._view.status is not None and not self._view.is_stale
        self.icon.setIcon(tray_icon(self._view.status.state if self._view.status is not None and live else None))
        if self.icon.toolTip() != self.tooltip:
            self.icon.setToolTip(self.tooltip)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is not QSystemTrayIcon.ActivationReason.Context:
            self.open_asked.emit()
