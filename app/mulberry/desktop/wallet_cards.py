"""The wallet's numbers: what lies on TON, what will be paid out next, and the addresses with their ways in."""

from PySide6.QtCore import QEvent, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDesktopServices, QGuiApplication, QPainter
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mulberry.desktop import wallet_wording, wording
from mulberry.desktop.cards import Bar, Card, Row, Text, plain_button, tab_after
from mulberry.desktop.connection import View
from mulberry.desktop.explanations import Figure
from mulberry.desktop.number import Number
from mulberry.desktop.qr import LONGEST_BYTES, SIZE, Matrix, qr_code
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import proxy_name
from mulberry.model.language import tr
from mulberry.model.node import Status
from mulberry.model.wallet import Balance, Payout, WalletStatus

QR_PIXELS = 3 * 45
GET_PLAY_MONEY = tr("Get play money")
QUIET_ZONE = 4  # modules; ISO/IEC 18004 asks for four


class BalanceCard(Card):
    """One account's balance with its time and proof. What was not read yet is never shown as zero."""

    def __init__(self, title: str, figure: Figure) -> None:
        super().__init__(title)
        self.number = Number(figure)
        self.source = Text(wallet_wording.NOT_READ_YET, "source", wraps=True)
        self.limits = Text("", "source", wraps=True)
        self.warning = Text("", "warn", wraps=True)
        self.column.addWidget(Text(title, "label"))
        for text in (self.number, self.source, self.limits, self.warning):
            self.column.addWidget(text)
        self.column.addStretch()

    def show_balance(self, balance: Balance | None, view: View, limits: str, warning: str = "") -> None:
        self.number.tell(*wallet_wording.balance_number(balance))
        self.number.mark("stale", view.is_stale)
        if view.status is not None:
            self.source.say(wallet_wording.balance_source(balance, view.status.as_of))
        for text, words in ((self.limits, limits), (self.warning, warning)):
            text.say(words)
            text.setVisible(bool(words))


class PayoutBlock(QWidget):
    """The next payout of one proxy: how far it is, what holds it, and the button that does not wait for the rest."""

    asked = Signal(str)  # the proxy's public key

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._proxy = ""
        self.name = Text("", "strong")
        self.amounts = Text("", "strong")
        self.bar = Bar(theme, tr("Signed and waiting, of the payout's threshold"), "promised", striped=True)
        self.state = Text("", "source", wraps=True)
        self.note = Text("", "source", wraps=True)
        self.pay_out = plain_button(tr("Pay out now"))
        self.pay_out.clicked.connect(lambda: self.asked.emit(self._proxy))
        head = QHBoxLayout()
        head.addWidget(self.name)
        head.addStretch()
        head.addWidget(self.amounts)
        foot = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.state)
        words.addWidget(self.note)
        foot.addLayout(words, 1)
        foot.addWidget(self.pay_out, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addLayout(foot)

    def show_payout(self, payout: Payout, status: Status, *, is_stale: bool, is_asked: bool) -> None:
        self._proxy = payout.proxy
        now = status.as_of
        self.name.say(proxy_name(payout.proxy, status.proxies, is_demo=status.network.is_demo))
        self.amounts.say(wallet_wording.waiting_text(payout))
        self.bar.show_share(wallet_wording.share_waiting(payout), wallet_wording.waiting_text(payout))
        estimate = wallet_wording.estimate_line(payout, status)
        state = wallet_wording.PAYOUT_STATES[payout.state]
        self.state.say(f"{state}, {estimate}" if estimate else state)
        self.note.say(" ".join(part for part in (payout.note, wallet_wording.last_paid_line(payout, now)) if part))
        self.pay_out.setText(tr("Paying out…") if is_asked else tr("Pay out now"))
        self.pay_out.setEnabled(wallet_wording.can_pay_out(payout) and not is_stale and not is_asked)


class PayoutsCard(Card):
    asked = Signal(str)  # a proxy's public key

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Next payout"))
        self._theme = theme
        self._view = View()
        self._asked: str | None = None
        self.blocks: list[PayoutBlock] = []
        self.paid = Text("", "source")
        self.empty = Text(tr("No signed payment yet; the proxy signs as you earn."), "source", wraps=True)
        head = QHBoxLayout()
        head.addWidget(Text(tr("Next payout"), "label"))
        head.addStretch()
        head.addWidget(self.paid)
        self.column.addLayout(head)
        self.column.addWidget(self.empty)
        self.list = QVBoxLayout()
        self.column.addLayout(self.list)
        self.column.addStretch()

    def show_view(self, view: View) -> None:
        self._view = view
        status = view.status
        payouts = view.wallet.payouts if view.wallet is not None and status is not None else ()
        self.empty.setVisible(not payouts)
        self.paid.say(
            tr("{amount} paid so far", amount=wording.money_or_unknown(view.wallet.paid))
            if view.wallet is not None
            else ""
        )
        while len(self.blocks) < len(payouts):
            block = PayoutBlock(self._theme)
            block.asked.connect(self._ask)
            self.list.addWidget(block)
            tab_after(self.blocks[-1].pay_out if self.blocks else self, block.pay_out)
            self.blocks.append(block)
        while len(self.blocks) > len(payouts):
            gone = self.blocks.pop()
            gone.hide()
            gone.deleteLater()
        if status is not None:
            for block, payout in zip(self.blocks, payouts, strict=True):
                is_asked = payout.proxy == self._asked
                block.show_payout(payout, status, is_stale=view.is_stale, is_asked=is_asked)

    def answered(self) -> None:
        """The payout that was asked for is under way, or was refused."""
        self._asked = None
        self.show_view(self._view)

    def _ask(self, proxy: str) -> None:
        self._asked = proxy
        self.show_view(self._view)
        self.asked.emit(proxy)


class QrCode(QWidget):
    """A text that a phone can read off the screen: always dark on white, whatever the colours around it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.text = ""
        self._modules: Matrix = ()
        self.setAccessibleName(name)
        self.setFixedSize(QSize(QR_PIXELS, QR_PIXELS))
        self.hide()

    def show_text(self, text: str) -> None:
        """Shows nothing where `text` is empty or too long."""
        if text == self.text:
            return
        self.text = text if len(text.encode()) <= LONGEST_BYTES else ""
        self._modules = qr_code(self.text) if self.text else ()
        self.setVisible(bool(self.text))
        self.update()

    def paintEvent(self, event: QEvent) -> None:
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        module = self.width() // (SIZE + 2 * QUIET_ZONE)  # whole pixels: a reader needs sharp edges
        margin = (self.width() - SIZE * module) // 2
        for row, line in enumerate(self._modules):
            for column, dark in enumerate(line):
                if dark:
                    painter.fillRect(margin + column * module, margin + row * module, module, module, QColor("black"))
        painter.end()


class AddressesCard(Card):
    """Owner and node wallet: to copy, to look up, and to top up: by phone where the money is real, else by asking."""

    play_money_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Addresses"))
        self.owner = AddressLine(theme, tr("Your wallet"), tr("where payouts arrive"), wallet_wording.NO_OWNER)
        self.node_wallet = AddressLine(
            theme, tr("Node wallet"), tr("pays the network's fees; top it up here"), wallet_wording.NOT_READ_YET
        )
        self.play_money = plain_button(GET_PLAY_MONEY)
        self.play_money.clicked.connect(self._ask_for_play_money)
        self.node_wallet.buttons.insertWidget(0, self.play_money)
        self.play_warning = Text(wallet_wording.PLAY_ADDRESSES, "warn", wraps=True)
        self.code = QrCode(tr("QR code of the node wallet's address"))
        self.scan = QWidget()
        scan = QVBoxLayout(self.scan)
        scan.setContentsMargins(0, 0, 0, 0)
        scan.addWidget(self.code)
        scan.addWidget(Text(wallet_wording.SCAN, "source"), alignment=Qt.AlignmentFlag.AlignHCenter)
        words = QWidget()
        lines = QVBoxLayout(words)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(8)
        lines.addWidget(Text(tr("Addresses"), "label"))
        lines.addWidget(self.owner)
        lines.addWidget(self.node_wallet)
        lines.addWidget(self.play_warning)
        lines.addStretch()
        self.column.addWidget(Row((words, 1), (self.scan, 0)))

    def show_wallet(self, wallet: WalletStatus, *, is_demo: bool) -> None:
        self.owner.show_address(wallet.owner, has_explorer=not is_demo)
        self.node_wallet.show_address(wallet.node_wallet, has_explorer=not is_demo)
        self.play_warning.setVisible(is_demo)
        self.play_money.setVisible(is_demo and wallet.top_up_url is not None)
        scannable = not is_demo and wallet_wording.raw_account(wallet.node_wallet) is not None
        self.code.show_text(wallet_wording.payment_link(wallet.node_wallet) if scannable else "")
        self.scan.setVisible(scannable)

    def play_money_answered(self) -> None:
        """It is on its way, or was refused."""
        self.play_money.setText(GET_PLAY_MONEY)
        self.play_money.setEnabled(True)

    def _ask_for_play_money(self) -> None:
        self.play_money.setText(tr("Asking…"))
        self.play_money.setEnabled(False)
        self.play_money_asked.emit()


class AddressLine(QWidget):
    """An address in full, with what it is for; `unknown` stands in for it while there is none."""

    def __init__(self, theme: Theme, name: str, purpose: str, unknown: str) -> None:
        super().__init__()
        self._unknown = unknown
        self._url: str | None = None
        self.address = Text("", "value", wraps=True)
        self.address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy = _named(plain_button(tr("Copy")), tr("Copy the address: {name}", name=name))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.address.text()))
        self.explore = _named(plain_button(tr("Show in tonviewer")), tr("Show in tonviewer: {name}", name=name))
        self.explore.clicked.connect(self._open)
        words = Text(f"{name}: {purpose}", "source", wraps=True)
        words.setMinimumWidth(theme.px(200))  # narrower, and the buttons go under it
        buttons = QWidget()
        self.buttons = QHBoxLayout(buttons)
        self.buttons.setContentsMargins(0, 0, 0, 0)
        self.buttons.addWidget(self.copy)
        self.buttons.addWidget(self.explore)
        self.buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(Row((words, 1), (buttons, 0)))
        column.addWidget(self.address)

    def show_address(self, address: str, *, has_explorer: bool) -> None:
        self.address.say(address or self._unknown)
        self._url = wallet_wording.explorer_url(address) if has_explorer else None
        self.copy.setVisible(bool(address))
        self.explore.setVisible(self._url is not None)

    def _open(self) -> None:
        if self._url is not None:
            QDesktopServices.openUrl(QUrl(self._url))


def _named(button: QPushButton, name: str) -> QPushButton:
    button.setAccessibleName(name)
    return button
