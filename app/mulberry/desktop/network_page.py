"""The Network page: the proxies this computer works for, what was proven of them, and the network's own rules."""

from datetime import datetime

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop import network_wording
from mulberry.desktop.cards import Page, Row, Text
from mulberry.desktop.connection import View
from mulberry.desktop.network_cards import NetworkCard, ProxyCard, RootCard
from mulberry.desktop.proxies_card import ProxiesCard
from mulberry.desktop.theme import Theme
from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.model.node import ProxyStatus

SECOND_MILLISECONDS = 1000


class NetworkPage(Page):
    def __init__(self, theme: Theme, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._view = View()
        self.line = Text("", "source", wraps=True)
        self.proxies = ProxiesCard(theme)
        self.proxy = ProxyCard(theme)
        self.network = NetworkCard(theme)
        self.root = RootCard(theme)
        self._rules = Row((self.network, 1), (self.root, 1))
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Network"), "page-title"))
        head.addSpacing(12)
        head.addWidget(self.line, 1)
        self.column.addLayout(head)
        self.column.addWidget(self.proxies)
        self.column.addWidget(self.proxy)
        self.column.addWidget(self._rules)
        self.column.addStretch()
        self.counting = QTimer(self, interval=SECOND_MILLISECONDS)
        self.counting.timeout.connect(self._show_proxies)
        self.proxies.chosen.connect(self._show_proxy)
        self._show()

    def show_view(self, view: View) -> None:
        self._view = view
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        view, status = self._view, self._view.status
        self._rules.setVisible(status is not None)
        if status is not None:
            self.line.say(network_wording.head_line(status, is_stale=view.is_stale))
            self.network.show_status(status)
            self.root.show_status(status)
        self._show_proxies()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()
        self.counting.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.counting.stop()

    def _show_proxies(self) -> None:
        """Again each second: the time until the next attempts goes down though the agent says nothing."""
        self.proxies.show_view(self._view, self._now())

    def _show_proxy(self, proxy: ProxyStatus | None) -> None:
        status = self._view.status
        self.proxy.setVisible(proxy is not None)
        if proxy is not None and status is not None:
            self.proxy.show_proxy(proxy, self._view, self._now(), status.as_of)

    def _now(self) -> datetime | None:
        return None if self._view.is_stale else self._clock.now()
