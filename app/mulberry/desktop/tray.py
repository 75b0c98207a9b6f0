"""The tray icon, where the desktop has a tray. Everything in it can be done from the window as well.

A panel may start after us, and end and start again. Qt does not tell, and an icon made before stays invisible for ever,
so we look now and then whether there is a tray, and make a new icon when one is there again.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from mulberry.desktop import wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.icons import tray_icon, window_icon
from mulberry.desktop.wording import Offer, Verb
from mulberry.model.clock import Clock, SystemClock
from mulberry.model.language import tr
from mulberry.model.node import NodeState
from mulberry.model.sentence import sentence

LOOK_AGAIN_MILLISECONDS = 10_000
MESSAGE_MILLISECONDS = 10_000


class Tray(QObject):
    """A menu of at most seven entries, the most usual first, and the one sentence as the icon's text."""

    open_asked = Signal()
    asked = Signal(object)  # Command
    quit_asked = Signal()
    stop_and_quit_asked = Signal()
    message_clicked = Signal()
    gone = Signal()  # the tray that there was

    def __init__(
        self,
        available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable,
        clock: Clock | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._available = available
        self._clock = clock or SystemClock()
        self._view = View()
        self._main: Verb = wording.START
        self.icon: QSystemTrayIcon | None = None
        self.menu = QMenu()
        self.main_action = QAction(self.menu)
        self.stop_action = QAction(wording.STOP.text, self.menu)
        self.pauses = QMenu(tr("Pause"), self.menu)
        self._fill_menu()
        self._look_again = QTimer(self, interval=LOOK_AGAIN_MILLISECONDS)
        self._look_again.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._look_again.timeout.connect(self.look_for_tray)
        self._look_again.start()
        self.show_view(self._view)
        self.look_for_tray()

    def _fill_menu(self) -> None:
        self.main_action.triggered.connect(lambda: self._ask(self._main))
        self.stop_action.triggered.connect(lambda: self._ask(wording.STOP))
        self.pauses.aboutToShow.connect(self._fill_pauses)
        self._fill_pauses()  # some panels draw only menus that are not empty
        opens = self.menu.addAction(tr("Open Mulberry"))
        opens.triggered.connect(self.open_asked)
        self.menu.setDefaultAction(opens)
        self.menu.addSeparator()
        self.menu.addActions([self.main_action, self.stop_action])
        self.menu.addMenu(self.pauses)
        self.menu.addSeparator()
        for text, signal in (
            (wording.QUIT_WINDOW, self.quit_asked),
            (wording.STOP_AND_QUIT, self.stop_and_quit_asked),
        ):
            self.menu.addAction(text).triggered.connect(signal)

    def _fill_pauses(self) -> None:
        """Reckoned anew each time, because "tomorrow" moves."""
        self.pauses.clear()
        for verb in wording.pauses(self._clock.now()):
            action = self.pauses.addAction(verb.text)
            action.triggered.connect(lambda checked=False, verb=verb: self._ask(verb))

    def _ask(self, verb: Verb) -> None:
        self.asked.emit(verb.command)

    @property
    def is_shown(self) -> bool:
        return self.icon is not None

    def look_for_tray(self) -> None:
        """Makes the icon when a tray has come, and takes it away when the tray has gone."""
        if self._available() == self.is_shown:
            return
        if self.icon is not None:
            self._take_away()
            self.gone.emit()
            return
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(self.message_clicked)
        self._draw()
        self.icon.show()

    def show_view(self, view: View) -> None:
        self._view = view
        offer = Offer(wording.START) if view.status is None else wording.offer(view.status)
        answers = view.link is Link.ANSWERS
        self._main = offer.main if answers else wording.START
        self.main_action.setText(self._main.text)
        self.main_action.setEnabled(view.link is not Link.STARTING)
        self.stop_action.setVisible(offer.can_stop)
        self.pauses.menuAction().setVisible(answers and offer.can_pause)
        self._draw()

    @property
    def tooltip(self) -> str:
        """The one sentence."""
        if self._view.link is Link.STARTING:
            return wording.STARTING
        if self._view.status is None or self._view.is_stale:
            return wording.NO_ANSWER
        return sentence(self._view.status)

    def say(self, text: str, title: str = "Mulberry") -> None:
        """A short message beside the icon."""
        if self.icon is not None:
            self.icon.showMessage(title, text, window_icon(), MESSAGE_MILLISECONDS)

    def close(self) -> None:
        self._look_again.stop()
        self._take_away()
        self.menu.deleteLater()

    def _take_away(self) -> None:
        if self.icon is not None:
            self.icon.hide()
            self.icon.setContextMenu(None)  # type: ignore[arg-type]  # Qt takes none; the stubs do not say so
            self.icon.deleteLater()
            self.icon = None

    def _draw(self) -> None:
        if self.icon is None:
            return
        live = self._view.status is not None and not self._view.is_stale
        state: NodeState | None = self._view.status.state if self._view.status is not None and live else None
        self.icon.setIcon(tray_icon(state))
        if self.icon.toolTip() != self.tooltip:
            self.icon.setToolTip(self.tooltip)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is not QSystemTrayIcon.ActivationReason.Context:
            self.open_asked.emit()
