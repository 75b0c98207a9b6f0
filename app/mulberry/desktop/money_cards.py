"""Money on the Home page: what was earned today, in 7 and in 30 days; what is signed for it, and what TON has of it."""

from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop import wallet_wording, wording
from mulberry.desktop.cards import Bar, Card, Text
from mulberry.desktop.chart import Chart
from mulberry.desktop.connection import View
from mulberry.desktop.explanations import Figure
from mulberry.desktop.history import SPAN_TITLES, Span
from mulberry.desktop.number import Number
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr, tr_count
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import Earnings

FIGURES = {
    Span.TODAY: Figure.EARNED_TODAY,
    Span.WEEK: Figure.EARNED_IN_7_DAYS,
    Span.MONTH: Figure.EARNED_IN_30_DAYS,
}


class EarningsCard(Card):
    """One number, its source and time, and its chart."""

    def __init__(self, theme: Theme, span: Span) -> None:
        super().__init__(tr("Earned: {span}", span=SPAN_TITLES[span]))
        self._span = span
        self.beside = Text("", "source")
        self.number = Number(FIGURES[span])
        self.source = Text("", "source", wraps=True)
        self.chart = Chart(theme, span)
        head = QHBoxLayout()
        head.addWidget(Text(SPAN_TITLES[span], "label"))
        head.addStretch()
        head.addWidget(self.beside)
        self.column.addLayout(head)
        self.column.addWidget(self.number)
        self.column.addWidget(self.source)
        self.column.addSpacing(4)
        self.column.addWidget(self.chart, 1)

    def show_view(self, view: View) -> None:
        status = view.status
        amount = _amount(status.earnings, self._span) if status else None
        self.number.tell(wording.money_or_unknown(amount), wording.clock_time(status.as_of) if status else "")
        self.number.mark("stale", view.is_stale)
        self.source.say(wording.source_line(status) if status else tr("not known yet"))
        self.beside.say(wording.beside_today(status) if status and self._span is Span.TODAY else "")


class PaymentsCard(Card):
    """What nobody can take back any more: the signed payments that this computer holds."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Signed payments"))
        self.number = Number(Figure.SIGNED)
        self.source = Text("", "source", wraps=True)
        self.of_all = Text("", "strong")
        self.bar = Bar(theme, tr("Part of all earnings that is signed"), "promised", striped=True)
        self.proxies = Text("", "source", wraps=True)
        self.column.addWidget(Text(tr("Signed payments"), "label"))
        self.column.addWidget(self.number)
        self.column.addWidget(self.source)
        self.column.addSpacing(10)
        self.column.addStretch()
        head = QHBoxLayout()
        head.addWidget(Text(tr("Of all earned"), "label"))
        head.addStretch()
        head.addWidget(self.of_all)
        self.column.addLayout(head)
        self.column.addSpacing(4)
        self.column.addWidget(self.bar)
        self.column.addSpacing(4)
        self.column.addWidget(self.proxies)
        self.column.addStretch()

    def show_view(self, view: View) -> None:
        status = view.status
        self.number.mark("stale", view.is_stale)
        if status is None:
            self.source.say(tr("not known yet"))
            return
        percent = wording.percent_signed(status)
        self.number.tell(format_ton(status.earnings.payable), wording.clock_time(status.as_of))
        self.source.say(tr("held on this computer, as of {as_of}", as_of=wording.clock_time(status.as_of)))
        self.of_all.say(tr("{percent} % of {earned}", percent=percent, earned=format_ton(status.earnings.earned)))
        self.bar.show_share(percent / 100, f"{percent} %")
        self.proxies.say(wording.proxies_line(status))


class WalletCard(Card):
    """The owner's balance on TON, and how far the next payout is. Hidden until a wallet is known."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Wallet"))
        self.number = Number(Figure.OWNERS_BALANCE)
        self.source = Text("", "source", wraps=True)
        self.next = Text("", "strong")
        self.bar = Bar(theme, tr("Next payout"), "promised", striped=True)
        self.note = Text("", "source", wraps=True)
        self.column.addWidget(Text(tr("Your wallet"), "label"))
        self.column.addWidget(self.number)
        self.column.addWidget(self.source)
        self.column.addSpacing(10)
        self.column.addStretch()
        head = QHBoxLayout()
        head.addWidget(Text(tr("Next payout"), "label"))
        head.addStretch()
        head.addWidget(self.next)
        self.column.addLayout(head)
        self.column.addSpacing(4)
        self.column.addWidget(self.bar)
        self.column.addSpacing(4)
        self.column.addWidget(self.note)
        self.column.addStretch()
        self.hide()

    def show_view(self, view: View) -> None:
        wallet, status = view.wallet, view.status
        self.setVisible(wallet is not None and status is not None)
        if wallet is None or status is None:
            return
        balance = wallet.owner_balance
        self.number.tell(*wallet_wording.balance_number(balance))
        self.number.mark("stale", view.is_stale)
        self.source.say(wallet_wording.balance_source(balance, status.as_of))
        payout = wallet_wording.next_payout(wallet)
        if payout is None:
            self.next.say("–")
            self.bar.show_share(None, tr("nothing waits"))
            self.note.say(tr("nothing waits to be paid out"))
            return
        self.next.say(wallet_wording.waiting_text(payout))
        self.bar.show_share(wallet_wording.share_waiting(payout), wallet_wording.waiting_text(payout))
        estimate = wallet_wording.estimate_line(payout, status)
        signers = tr_count("signed by {count} proxy", "signed by {count} proxies", len(wallet.payouts))
        self.note.say(estimate or f"{wallet_wording.PAYOUT_STATES[payout.state]} · {signers}")


def _amount(earnings: Earnings, span: Span) -> Nanoton:
    return {
        Span.TODAY: earnings.today,
        Span.WEEK: earnings.last_7_days,
        Span.MONTH: earnings.last_30_days,
    }[span]
