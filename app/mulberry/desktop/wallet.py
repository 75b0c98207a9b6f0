"""The Wallet page: what lies on TON and who proves it, what is paid out next, and everything that happened there."""

from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop import wallet_wording
from mulberry.desktop.cards import Page, Row, Text
from mulberry.desktop.connection import View
from mulberry.desktop.explanations import Figure
from mulberry.desktop.key_card import KeyCard
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_card import TransactionsCard
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.wallet_cards import AddressesCard, BalanceCard, PayoutsCard
from mulberry.model.language import tr


class WalletPage(Page):
    def __init__(self, theme: Theme, transactions: TransactionsModel) -> None:
        super().__init__()
        self.chain = Text("", "source", wraps=True)
        self.note = Text("", "warn", wraps=True)
        self.empty = Text(wallet_wording.NO_ACCOUNT_YET, "source", wraps=True)
        self.owner = BalanceCard(tr("Your wallet"), Figure.OWNERS_BALANCE)
        self.node_wallet = BalanceCard(tr("Node wallet"), Figure.NODE_WALLETS_BALANCE)
        self.payouts = PayoutsCard(theme)
        self.addresses = AddressesCard(theme)
        self.key = KeyCard()
        self.transactions = TransactionsCard(theme, transactions)
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Wallet"), "page-title"))
        head.addSpacing(12)
        head.addWidget(self.chain, 1)
        self._known = (
            Row((Row((self.owner, 1), (self.node_wallet, 1)), 60), (self.payouts, 40)),
            self.addresses,
            self.key,
            self.transactions,
        )
        self.column.addLayout(head)
        self.column.addWidget(self.note)
        self.column.addWidget(self.empty)
        for card in self._known:
            self.column.addWidget(card)
        self.column.setStretchFactor(self.transactions, 1)
        self.show_view(View())

    def show_view(self, view: View) -> None:
        wallet, status = view.wallet, view.status
        is_known = wallet is not None and status is not None
        self.empty.setVisible(not is_known)
        for card in self._known:
            card.setVisible(is_known)
        self.note.setVisible(wallet is not None and bool(wallet.note))
        self.payouts.show_view(view)
        self.key.show_view(view)
        if wallet is None or status is None:
            return
        self.note.say(wallet.note)
        self.chain.say(wallet_wording.chain_line(wallet, status.as_of))
        self.owner.show_balance(wallet.owner_balance, view, tr("payouts arrive here"))
        self.node_wallet.show_balance(
            wallet.node_wallet_balance, view, wallet_wording.minimum_line(wallet), wallet.top_up_advice
        )
        self.addresses.show_wallet(wallet, is_demo=status.network.is_demo)
