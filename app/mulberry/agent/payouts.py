"""When a signed payment is turned into money, and what stands in the way. Pure.

A payment is worth something once: if the proxy's contract cannot pay when it is cashed, it is lost. So it is not cashed
before that contract can pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mulberry.agent.history_rows import CashOut, SeenContract, SignedRequest
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.network import PayoutRules
from mulberry.model.payments import ProxyAccount
from mulberry.model.wallet import Payout, PayoutState
from mulberry.ton.address import parse_address
from mulberry.ton.messages import CASH_OUT_GAS, WORKER_CONTRACT_DEPOSIT

GAS_RESERVE = Nanoton(50_000_000)  # a payout costs 12,200,400 nanoton of gas on the demo network; this is ample
PROXY_RESERVE = Nanoton(20_000_000)  # what a proxy's contract keeps to live on, and then some
ATTEMPTS = 3  # by itself; then only when its owner asks
EXPIRY_MARGIN = timedelta(seconds=15)  # a shard's clock may be behind the masterchain's
SETTLING = timedelta(seconds=60)  # from a used request to the worker contract's new number


@dataclass(frozen=True, slots=True)
class WalletOnChain:
    """The node wallet as proven at `as_of`, the chain's time. `seqno` is what its next request must have."""

    balance: Nanoton
    seqno: int
    is_deployed: bool
    is_blocked: bool
    as_of: datetime


def is_open(request: SignedRequest, wallet: WalletOnChain) -> bool:
    """Whether the chain may still take `request`: until then no other one is sent."""
    return request.seqno >= wallet.seqno and wallet.as_of <= request.valid_until + EXPIRY_MARGIN


def under_way(request: SignedRequest | None, wallet: WalletOnChain, contracts: Sequence[SeenContract]) -> set[CashOut]:
    """The payments that were handed to the chain and neither came through nor failed."""
    if request is None or wallet.as_of > request.valid_until + EXPIRY_MARGIN + SETTLING:
        return set()
    if request.seqno >= wallet.seqno and not is_open(request, wallet):
        return set()
    tokens = {contract.worker_contract: contract.tokens for contract in contracts}
    return {item for item in request.cash_outs if tokens.get(item.worker_contract, 0) < item.tokens}


@dataclass(frozen=True, slots=True)
class Case:
    """All that decides about one account's next payout."""

    account: ProxyAccount
    contract: SeenContract | None  # None: not on the chain, or not read yet
    wallet: WalletOnChain | None
    proxy_funds: Nanoton | None  # what the proxy's contract holds, None: not read
    rules: PayoutRules
    sent: bool
    attempts: int
    is_idle: bool
    is_closing: bool  # its contract belongs to prices that hold no more
    asked: bool  # by the owner, now
    last_paid_at: datetime | None = None
    first_signed_at: datetime | None = None
    refused: str = ""  # why the newest payment itself is not usable

    @property
    def waiting(self) -> Nanoton:
        """Signed and not paid."""
        paid_for = self.contract.tokens if self.contract else 0
        tokens = max(self.account.counters.committed_to_blockchain - paid_for, 0)
        return Nanoton(tokens * self.account.worker_fee_per_token)


def decide(case: Case) -> Payout:
    """The payout as the faces show it. `READY`: it is to be sent now."""
    state, note = _decide(case)
    return Payout(
        proxy=case.account.proxy,
        worker_contract=parse_address(case.account.worker_contract).friendly(bounceable=True),
        waiting=case.waiting,
        threshold=Nanoton(case.rules.threshold),
        state=state,
        note=note,
        last_paid_at=case.last_paid_at,
        collecting_since=case.last_paid_at or case.first_signed_at,
    )


def _decide(case: Case) -> tuple[PayoutState, str]:
    if case.sent:
        return PayoutState.SENT, "Handed to the chain; it shows in a few blocks."
    threshold = _threshold(case)
    if case.waiting < max(threshold, 1):
        return PayoutState.COLLECTING, f"Paid out at {format_ton(Nanoton(threshold))}."
    if case.wallet is None or case.proxy_funds is None:
        return PayoutState.COLLECTING, "Sent as soon as the chain shows that the proxy's contract can pay."
    if why := _obstacle(case, case.wallet, case.proxy_funds):
        return PayoutState.BLOCKED, why
    return PayoutState.READY, "Sent at the next occasion."


def _threshold(case: Case) -> int:
    if case.asked or case.is_closing:
        return case.rules.closing_threshold
    return case.rules.idle_threshold if case.is_idle else case.rules.threshold


def _obstacle(case: Case, wallet: WalletOnChain, proxy_funds: Nanoton) -> str:
    """What keeps a payment that is large enough from being cashed; "" if nothing does."""
    contract = case.contract
    if case.refused:
        return case.refused
    if contract is None:
        return "Your contract with this proxy is not on the chain yet."
    if not contract.is_open:
        return "Your contract with this proxy is closed: it pays no more."
    if wallet.is_blocked:
        return "You stopped the node wallet. Send it a message with the letter u from your owner address."
    if short := shortage(wallet, CASH_OUT_GAS):
        return short
    if proxy_funds < case.waiting + PROXY_RESERVE:
        held = format_ton(proxy_funds)
        return f"The proxy's contract holds only {held}. Cashed now, the payment would be lost; Mulberry waits."
    if case.attempts >= ATTEMPTS and not case.asked:
        return f"The chain took it {case.attempts} times and did not pay. Ask for the payout to try again."
    return ""


def shortage(wallet: WalletOnChain, amount: Nanoton) -> str:
    """A sentence if the node wallet cannot send `amount` with its gas, else nothing."""
    missing = amount + GAS_RESERVE - wallet.balance
    return f"The node wallet lacks {format_ton(Nanoton(missing))} for gas: top it up." if missing > 0 else ""


def deposits(count: int) -> Nanoton:
    """What so many new worker contracts take from the node wallet."""
    return Nanoton(count * WORKER_CONTRACT_DEPOSIT)
