"""What the Network page says of the chosen proxy, of the network, and of its root contract."""

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel

from mulberry.desktop import network_wording, proxies_wording, wallet_wording
from mulberry.desktop.cards import Card, Text, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.facts import Facts
from mulberry.desktop.icons import proxy_pixmap
from mulberry.desktop.theme import Theme
from mulberry.desktop.wallet_cards import AddressLine
from mulberry.model.language import tr
from mulberry.model.node import ProxyStatus, RootInfo, Status

PROXY_FACT_WIDTH, FACT_WIDTH = 150, 125
SHAPE_PIXELS = 20
PAY_OUT = tr("Pay out now")


class ProxyCard(Card):
    """The proxy that is chosen in the table: all there is to say of it, and what can be asked for."""

    pay_out_asked = Signal(str)  # its public key
    dial_asked = Signal(str)  # its name

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("The chosen proxy"))
        self._theme = theme
        self._proxy: ProxyStatus | None = None
        self._view = View()
        self._asked: str | None = None
        self.shape = QLabel()
        self.name = Text("", "card-title", wraps=True)
        self.state = Text("", "strong")
        self.note = Text("", "value", wraps=True)
        for words in (self.name, self.note):
            words.setMinimumWidth(1)  # what strangers wrote never makes the page wider
        self.facts = Facts(theme, PROXY_FACT_WIDTH)
        self.pay_out = plain_button(PAY_OUT)
        self.pay_out.clicked.connect(self._ask)
        self.dial = plain_button(tr("Try again now"))
        self.dial.clicked.connect(self._dial)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.shape)
        head.addWidget(self.name, 1)
        head.addWidget(self.state)
        head.addWidget(self.dial)
        head.addWidget(self.pay_out)
        self.column.addLayout(head)
        self.column.addWidget(self.note)
        self.column.addSpacing(6)
        self.column.addWidget(self.facts)
        theme.changed.connect(self._draw_shape)

    def show_proxy(self, proxy: ProxyStatus, view: View, now: datetime | None, as_of: datetime) -> None:
        """`now` None: the agent is silent, and attempts are not counted down to."""
        self._proxy, self._view = proxy, view
        self.name.say(network_wording.cut_name(proxy.name))
        self.state.say(proxies_wording.state_text(proxy, now))
        self.note.say(proxies_wording.state_line(proxy))
        self.facts.show_facts(proxies_wording.proxy_facts(proxy, now, as_of))
        self._draw_shape()
        self._show_dial(proxy, view)
        self._show_payout()

    def payout_answered(self) -> None:
        """It is under way, or was refused."""
        self._asked = None
        self._show_payout()

    def _show_dial(self, proxy: ProxyStatus, view: View) -> None:
        """Only where an attempt is to come."""
        self.dial.setVisible(proxy.next_attempt_at is not None and not proxy.connected)
        self.dial.setAccessibleName(f"{self.dial.text()}: {self.name.text()}")
        self.dial.setEnabled(not view.is_stale)

    def _show_payout(self) -> None:
        """Only where the Wallet page has a payout of this proxy too."""
        proxy, wallet = self._proxy, self._view.wallet
        payouts = wallet.payouts if wallet is not None and proxy is not None and proxy.public_key else ()
        payout = next((one for one in payouts if proxy is not None and one.proxy == proxy.public_key), None)
        self.pay_out.setVisible(payout is not None)
        if proxy is None or payout is None:
            return
        is_asked = self._asked == proxy.public_key
        self.pay_out.setText(tr("Paying out…") if is_asked else PAY_OUT)
        self.pay_out.setAccessibleName(f"{self.pay_out.text()}: {self.name.text()}")
        self.pay_out.setToolTip(tr("{amount} waits there to be paid out.", amount=wallet_wording.waiting_text(payout)))
        self.pay_out.setEnabled(wallet_wording.can_pay_out(payout) and not self._view.is_stale and not is_asked)

    def _dial(self) -> None:
        if self._proxy is not None:
            self.dial.setEnabled(False)  # until its state says more
            self.dial_asked.emit(self._proxy.name)

    def _ask(self) -> None:
        if self._proxy is not None:
            self._asked = self._proxy.public_key
            self._show_payout()
            self.pay_out_asked.emit(self._proxy.public_key)

    def _draw_shape(self) -> None:
        if self._proxy is not None:
            role = proxies_wording.tone(self._proxy, proxies_wording.Quality.STATE)
            colour = getattr(self._theme.colours, role)
            size = self._theme.px(SHAPE_PIXELS)
            self.shape.setPixmap(proxy_pixmap(self._proxy.state, colour, size, self.devicePixelRatioF()))


class NetworkCard(Card):
    """Which network, whose money, and what its transport proves."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Network"))
        self.facts = Facts(theme, FACT_WIDTH)
        self.column.addWidget(Text(tr("Network"), "label"))
        self.column.addWidget(self.facts)
        self.column.addStretch()

    def show_status(self, status: Status) -> None:
        self.facts.show_facts(network_wording.network_facts(status))


class RootCard(Card):
    """What the network's root contract says, and when it was read."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Root contract"))
        self.read = Text("", "source", wraps=True)
        self.address = AddressLine(theme, tr("Root contract"), tr("rules this network"), tr("not read yet"))
        self.facts = Facts(theme, FACT_WIDTH)
        self.column.addWidget(self.address)
        self.column.addWidget(self.read)
        self.column.addSpacing(4)
        self.column.addWidget(self.facts)
        self.column.addStretch()

    def show_status(self, status: Status) -> None:
        root: RootInfo | None = status.network.root
        self.facts.setVisible(root is not None)
        if root is None:
            self.address.show_address("", has_explorer=False)
            self.read.say(network_wording.ROOT_NOT_READ)
            return
        has_explorer = not status.network.is_demo and root.as_of is not None
        self.address.show_address(network_wording.cut_name(root.address), has_explorer=has_explorer)
        self.read.say(network_wording.root_read_line(root, status))
        self.facts.show_facts(network_wording.root_facts(root, status))
