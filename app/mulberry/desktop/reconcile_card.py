"""App, proxies and chain side by side: four numbers, and every difference between them to the last nanoton."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop.cards import Card, Row, Text, clear, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.wording import clock_time, proxy_name
from mulberry.model.language import tr
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.wallet import Difference, Reconciliation

ALL_DECIMALS = 9
NOT_COMPARED_YET = tr("Not compared yet.")
NUMBERS = (
    tr("Counted by this computer"),
    tr("Earned, the proxy's word"),
    tr("Payable, signed"),
    tr("Paid, seen on TON"),
)


class ReconcileCard(Card):
    asked = Signal()

    def __init__(self) -> None:
        super().__init__(tr("Reconcile"))
        self._view = View()
        self._account: Reconciliation | None = None
        self._shown: tuple[Reconciliation, dict[str, str]] | None = None
        self.verdict = Text(NOT_COMPARED_YET, "strong", wraps=True)
        self.check = plain_button(tr("Check again"))
        self.check.clicked.connect(self.asked)
        head = QHBoxLayout()
        head.addWidget(Text(tr("Do app, proxy and chain agree?"), "label"))
        head.addStretch()
        head.addWidget(self.check)
        self.column.setContentsMargins(20, 10, 20, 16)
        self.column.addLayout(head)
        self.column.addWidget(self.verdict)
        self.column.addSpacing(6)
        self.numbers = {title: Text("–", "strong") for title in NUMBERS}
        self.column.addWidget(Row(*((_under(title, number), 1) for title, number in self.numbers.items())))
        self.lines = QGridLayout()
        self.lines.setHorizontalSpacing(16)
        self.lines.setVerticalSpacing(3)
        self.lines.setColumnStretch(0, 1)
        self.column.addSpacing(6)
        self.column.addLayout(self.lines)

    def show_view(self, view: View) -> None:
        """The proxies' names; the account itself comes by `show_account`."""
        self._view = view
        self._show()

    def show_account(self, account: Reconciliation) -> None:
        self._account = account
        self._show()

    def _show(self) -> None:
        if self._account is None:
            return
        account, names = self._account, self._names(self._account)
        if (account, names) == self._shown:
            return
        self._shown = account, names
        amounts = (account.counted, account.earned, account.payable, account.paid)
        for number, amount in zip(self.numbers.values(), amounts, strict=True):
            number.say(exact(amount))
        self.verdict.say(f"{verdict(account)} {tr('As of {as_of}.', as_of=clock_time(account.as_of))}")
        self.verdict.mark("look", "strong" if account.is_settled else "warn")
        clear(self.lines)
        row = 0
        for proxy, name in names.items():
            of_proxy = [line for line in account.differences if line.proxy == proxy]
            row = self._add_proxy(name, of_proxy, row)

    def _add_proxy(self, name: str, differences: list[Difference], row: int) -> int:
        """Each difference on its line, and what they are together, which must be nothing. Returns the next free row."""
        self.lines.addWidget(
            Text(tr("{name}: from what was counted to what was paid", name=name), "label", wraps=True), row, 0, 1, 2
        )
        for number, line in enumerate(differences, row + 1):
            self.lines.addWidget(Text(line.text, "value", wraps=True), number, 0)
            self.lines.addWidget(Text(signed(line.amount), "value"), number, 1, Qt.AlignmentFlag.AlignRight)
        last = row + len(differences) + 1
        together = Nanoton(sum(line.amount for line in differences))
        look = "strong" if together == 0 else "warn"
        self.lines.addWidget(Text(tr("Together"), look), last, 0)
        self.lines.addWidget(Text(signed(together), look), last, 1, Qt.AlignmentFlag.AlignRight)
        return last + 1

    def _names(self, account: Reconciliation) -> dict[str, str]:
        status = self._view.status
        proxies = status.proxies if status is not None else ()
        is_demo = status is not None and status.network.is_demo
        return {line.proxy: proxy_name(line.proxy, proxies, is_demo=is_demo) for line in account.differences}


def verdict(account: Reconciliation) -> str:
    if not account.is_compared:
        return tr("Not compared with the chain yet.")
    if not account.is_settled:
        return tr("Open: not every difference is explained yet.")
    return (
        tr("Settled: every difference is explained.") if account.differences else tr("Settled: there is no difference.")
    )


def exact(amount: Nanoton) -> str:
    """All nine decimals, so that nanoton stand under nanoton."""
    return format_ton(amount, at_least_decimals=ALL_DECIMALS)


def signed(amount: Nanoton) -> str:
    return f"+{exact(amount)}" if amount > 0 else exact(amount)


def _under(title: str, number: Text) -> QWidget:
    block = QWidget()
    column = QVBoxLayout(block)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addWidget(Text(title, "source"))
    column.addWidget(number)
    return block
