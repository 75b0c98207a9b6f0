"""The transactions of our accounts on TON, as the Wallet page shows them."""

from datetime import datetime

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QHBoxLayout, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from mulberry.desktop.cards import Card, Text
from mulberry.desktop.table import Table
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import MOST_TRANSACTIONS, Column, TransactionsModel
from mulberry.desktop.wallet_wording import NO_TRANSACTIONS
from mulberry.model.language import dated, number, tr
from mulberry.model.wallet import AccountRole, TransactionKind

ROWS_IN_SIGHT = 7
LONGEST_USUAL: dict[int, str] = {
    Column.TIME: dated(datetime(2222, 11, 22, 22, 22), "%d %b %H:%M"),  # noqa: DTZ001 - for its width alone
    Column.ACCOUNT: max((role.words for role in AccountRole), key=len),
    Column.KIND: max((kind.words for kind in TransactionKind), key=len),
    Column.AMOUNT: "+0.123456789 TON",
    Column.FEE: "0.123456789 TON",
    Column.WITH: "0:888888…8888",
    Column.COMMENT: "a comment of usual length",
}


class _Cell(QStyledItemDelegate):
    """Payouts in the colour of what is paid, failures as such, strangers' business and times quiet."""

    def __init__(self, theme: Theme, model: TransactionsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        palette: QPalette = option.palette
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
            palette.setColor(role, QColor(self._colour(index.row(), Column(index.column()))))

    def _colour(self, row: int, column: Column) -> str:
        colours = self._theme.colours
        one = self._model.transaction(row)
        if one.kind.is_unverified or column in (Column.TIME, Column.FEE):
            return colours.muted
        if column is Column.KIND and not one.success:
            return colours.bad
        if column is Column.AMOUNT and one.kind is TransactionKind.PAYOUT and one.success:
            return colours.earn
        return colours.text


class TransactionsCard(Card):
    def __init__(self, theme: Theme, model: TransactionsModel) -> None:
        super().__init__(tr("Transactions"))
        self._model = model
        self.table = Table(theme, model, LONGEST_USUAL, model.copied)
        self.table.setProperty("look", "jobs")
        self.table.setItemDelegate(_Cell(theme, model, self.table))
        self.table.setAccessibleName(tr("Transactions, newest first"))
        self.table.setMinimumHeight(self.table.horizontalHeader().height() + ROWS_IN_SIGHT * self.table.row_height)
        self.empty = Text(NO_TRANSACTIONS, "source", wraps=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.empty.setContentsMargins(6, 0, 0, 0)
        self.older = Text("", "source", wraps=True)
        head = QHBoxLayout()
        head.setContentsMargins(6, 0, 0, 0)
        head.addWidget(Text(tr("Transactions"), "label"))
        head.addStretch()
        head.addWidget(self.older)
        self.column.setContentsMargins(14, 12, 8, 12)
        self.column.addLayout(head)
        self.column.addWidget(self.empty, 1)
        self.column.addWidget(self.table, 1)
        for signal in (model.rowsInserted, model.modelReset):
            signal.connect(self._show_or_say)
        self._show_or_say()

    def _show_or_say(self) -> None:
        has_rows = self._model.rowCount() > 0
        self.table.setVisible(has_rows)
        self.empty.setVisible(not has_rows)
        self.older.say(
            tr(
                "The newest {count}; `mulberry history` lists them all.",
                count=number(f"{MOST_TRANSACTIONS:,}"),
            )
            if self._model.is_cut
            else ""
        )
