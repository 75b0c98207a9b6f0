"""The sums of the ledger as the faces show them, computed once a change and once a day."""

from collections.abc import Collection
from datetime import date, datetime

from mulberry.agent.history_rows import CashOut, SeenContract
from mulberry.agent.ledger import Ledger
from mulberry.agent.proxy_records import ProxyRecord, proxy_records
from mulberry.agent.reconcile import ProxyFigures, reconcile
from mulberry.model.clock import Clock
from mulberry.model.money import Nanoton
from mulberry.model.node import Earnings
from mulberry.model.wallet import Reconciliation

NOTHING = Nanoton(0)


class Totals:
    """`forget` after every change of the ledger; the turn of the local day is noticed here."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: tuple[Earnings, list[ProxyRecord]] | None = None
        self._day: date | None = None

    def forget(self) -> None:
        self._known = None

    def now(self) -> tuple[Earnings, list[ProxyRecord]]:
        """The sums, and what the ledger holds of each proxy."""
        moment = self._clock.now()
        day = moment.astimezone().date()
        if self._known is None or day != self._day:
            self._known = self._ledger.totals(moment), proxy_records(self._ledger)
            self._day = day
        return self._known


def reconciliation(
    ledger: Ledger, sent: Collection[CashOut], now: datetime, *, is_compared: bool = True
) -> Reconciliation:
    """The account of all. `sent` was handed to the chain, which has not shown it yet; `is_compared`: it was read."""
    accounts, contracts = ledger.accounts(), ledger.chain.contracts()
    tallies = {tally.proxy: tally for tally in ledger.chain.tallies()}
    paid = ledger.chain.paid()
    proxies = dict.fromkeys([*tallies, *(item.proxy for item in accounts), *(item.proxy for item in contracts)])
    contract_of = {contract.worker_contract: contract for contract in contracts}

    def figures(proxy: str) -> ProxyFigures:
        own = [account for account in accounts if account.proxy == proxy]
        seen = [contract for contract in contracts if contract.proxy == proxy]
        payers = {item.proxy_contract for item in own} | {item.proxy_contract for item in seen}
        tally = tallies.get(proxy)
        under_way = sum(
            _uncashed(contract_of.get(account.worker_contract), item) * account.worker_fee_per_token
            for account in own
            for item in sent
            if item.worker_contract == account.worker_contract
        )
        return ProxyFigures(
            proxy=proxy,
            counted=tally.counted if tally else NOTHING,
            answered=tally.answered if tally else NOTHING,
            confirmed=tally.confirmed if tally else NOTHING,
            earned=Nanoton(sum(account.earned for account in own)),
            payable=Nanoton(sum(account.payable for account in own)),
            cashed=Nanoton(sum(contract.cashed for contract in seen)),
            sent=Nanoton(under_way),
            paid=Nanoton(sum(paid.get(payer, NOTHING) for payer in payers)),
        )

    is_complete = not ledger.chain.gaps()
    return reconcile(tuple(map(figures, proxies)), is_compared=is_compared, is_complete=is_complete, as_of=now)


def _uncashed(contract: SeenContract | None, sent: CashOut) -> int:
    return max(sent.tokens - (contract.tokens if contract else 0), 0)
