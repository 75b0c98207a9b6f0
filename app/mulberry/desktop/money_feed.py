"""Keeps the pages Earnings and Wallet fresh: asks when the money has changed, while somebody looks."""

from PySide6.QtCore import QObject, QTimer

from mulberry.desktop.cards import can_be_seen
from mulberry.desktop.connection import Connection, View
from mulberry.desktop.history import range_window
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.wallet_wording import known_accounts
from mulberry.desktop.window import MainWindow
from mulberry.model.clock import Clock
from mulberry.model.node import Earnings
from mulberry.model.wallet import WalletStatus

AT_MOST_EVERY_MILLISECONDS = 2000


class MoneyFeed(QObject):
    def __init__(
        self,
        connection: Connection,
        screen: MainWindow,
        transactions: TransactionsModel,
        clock: Clock,
        rest_milliseconds: int = AT_MOST_EVERY_MILLISECONDS,
    ) -> None:
        super().__init__(screen)
        self._connection = connection
        self._screen = screen
        self._transactions = transactions
        self._clock = clock
        self._known: tuple[Earnings, WalletStatus | None] | None = None
        self._earnings_due = self._wallet_due = False
        self._resting = QTimer(self, singleShot=True, interval=rest_milliseconds)
        self._resting.timeout.connect(self._ask_what_is_due)
        connection.viewed.connect(self._viewed)
        connection.history_fetched.connect(transactions.put)
        connection.history_not_fetched.connect(transactions.not_available)
        transactions.wanted.connect(connection.fetch_history)
        screen.page_made.connect(self._attend)
        screen.pages.currentChanged.connect(self._ask_what_is_due)

    def _attend(self, page: str) -> None:
        connection, screen = self._connection, self._screen
        match page:
            case "Earnings":
                connection.earnings_fetched.connect(screen.earnings.over_time.show_earnings)
                connection.reconciled.connect(screen.earnings.reconcile.show_account)
                screen.earnings.over_time.wanted.connect(self._ask_for_chart)
                screen.earnings.reconcile.asked.connect(connection.reconcile)
            case "Wallet":
                connection.payout_answered.connect(screen.wallet.payouts.answered)
                connection.play_money_answered.connect(screen.wallet.addresses.play_money_answered)
                screen.wallet.payouts.asked.connect(connection.pay_out)
                screen.wallet.addresses.play_money_asked.connect(connection.get_play_money)
            case "Network":
                connection.payout_answered.connect(screen.network.proxy.payout_answered)
                screen.network.proxy.pay_out_asked.connect(connection.pay_out)
                screen.network.proxy.dial_asked.connect(connection.dial)

    def look_again(self) -> None:
        """The window can be seen again."""
        self._earnings_due = self._wallet_due = True
        self._ask_what_is_due()

    def _viewed(self, view: View) -> None:
        if view.status is None or view.is_stale:
            return
        if view.wallet is not None:
            self._transactions.set_context(view.status.as_of, known_accounts(view.wallet))
        if (view.status.earnings, view.wallet) != self._known:
            self._known = view.status.earnings, view.wallet
            self._earnings_due = self._wallet_due = True
            self._ask_what_is_due()

    def _ask_what_is_due(self) -> None:
        if self._resting.isActive() or not can_be_seen(self._screen):
            return
        page = self._screen.shown_page
        if page == "Earnings" and self._earnings_due:
            self._earnings_due = False
            self._resting.start()
            self._ask_for_chart()
            self._connection.reconcile()
        elif page == "Wallet" and self._wallet_due:
            self._wallet_due = False
            self._resting.start()
            self._transactions.refresh()

    def _ask_for_chart(self) -> None:
        chosen = self._screen.earnings.over_time
        self._connection.fetch_earnings(range_window(chosen.shown, chosen.bars, self._clock.now()))
