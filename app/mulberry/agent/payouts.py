"""When a signed payment is turned into money, and what stands in the way. Pure.

A payment is worth something once: if the proxy's contract cannot pay when it is cashed, it is lost. So it is not cashed
before that contract can pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mulberry.agent.history_rows import CashOut, SeenContract, SignedRequest
from mulberry.model.language import tr, tr_count
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.network import PayoutRules
from mulberry.model.payments import ProxyAccount
from mulberry.model.wallet import Payout, PayoutState
from mulberry.ton.address import parse_address
from mulberry.ton.messages import CASH_OUT_GAS, WORKER_CONTRACT_DEPOSIT

# Where a request could not be rehearsed, these are the upper bounds.
GAS_RESERVE = Nanoton(50_000_000)  # a payout costs 12,200,400 nanoton of gas on the demo network; this is ample
PROXY_RESERVE = Nanoton(20_000_000)  # what a proxy's contract keeps to live on, and then some
CASH_OUT_NEEDS = Nanoton(CASH_OUT_GAS + GAS_RESERVE)  # on the node wallet
TOP_UP_FEE = Nanoton(1_000_000)  # what the node wallet pays for taking a top-up, and then some
STEP = 100_000  # nanoton; amounts that are about right are said in whole ones
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
class Prospect:
    """What a request would come to, as it was rehearsed. Amounts are None where nothing was learnt.

    `fee`: of all that it leads to. `needed`: what the node wallet must hold for it; most of that comes back.
    """

    fee: Nanoton | None = None
    needed: Nanoton | None = None
    problem: str = ""  # why it would fail, a sentence
    unknown: str = ""  # why it could not be rehearsed, half a sentence


UNREHEARSED = Prospect()


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
    prospect: Prospect = UNREHEARSED

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
        fee=case.prospect.fee,
        collecting_since=case.last_paid_at or case.first_signed_at,
    )


def is_due(case: Case) -> bool:
    """Whether it is to be sent, as far as is known without a rehearsal."""
    if case.sent or not _is_enough(case) or case.wallet is None or case.proxy_funds is None:
        return False
    return not _obstacle_before_rehearsal(case, case.wallet, case.proxy_funds)


def _decide(case: Case) -> tuple[PayoutState, str]:
    if case.sent:
        return PayoutState.SENT, _with_cost(tr("Handed to the chain; it shows in a few blocks."), case.prospect)
    threshold = _threshold(case)
    if not _is_enough(case):
        return PayoutState.COLLECTING, tr("Paid out at {amount}.", amount=format_ton(Nanoton(threshold)))
    if case.wallet is None or case.proxy_funds is None:
        return PayoutState.COLLECTING, tr("Sent as soon as the chain shows that the proxy's contract can pay.")
    if why := _obstacle(case, case.wallet, case.proxy_funds):
        return PayoutState.BLOCKED, why
    return PayoutState.READY, _with_cost(tr("Sent at the next occasion."), case.prospect)


def _with_cost(told: str, prospect: Prospect) -> str:
    if prospect.fee is not None:
        cost = tr("It costs {fee} in fees.", fee=about(prospect.fee))
    elif prospect.unknown:
        cost = tr("Its fees are not known, only that the reserves cover them: {why}.", why=prospect.unknown)
    else:
        return told
    return f"{told} {cost}"


def about(fee: Nanoton) -> str:
    """In words, rounded up: storage costs a little more with every second."""
    return tr("about {amount}", amount=format_ton(_rounded_up(fee)))


def _rounded_up(amount: Nanoton) -> Nanoton:
    return Nanoton(-(-amount // STEP) * STEP)


def _is_enough(case: Case) -> bool:
    return case.waiting >= max(_threshold(case), 1)


def _threshold(case: Case) -> int:
    if case.asked or case.is_closing:
        return case.rules.closing_threshold
    return case.rules.idle_threshold if case.is_idle else case.rules.threshold


def _obstacle(case: Case, wallet: WalletOnChain, proxy_funds: Nanoton) -> str:
    """What keeps a payment that is large enough from being cashed; "" if nothing does."""
    prospect = case.prospect
    if why := _obstacle_before_rehearsal(case, wallet, proxy_funds):
        return why
    if short := shortage(wallet, needs(prospect, CASH_OUT_NEEDS)):
        return short
    if prospect.problem:
        return prospect.problem
    if prospect.fee is None and proxy_funds < case.waiting + PROXY_RESERVE:
        return _proxy_is_short(proxy_funds)
    if prospect.fee is not None and prospect.fee >= case.waiting:
        return tr(
            "Its fees of {fee} would be more than it brings; Mulberry waits until there is more.",
            fee=about(prospect.fee),
        )
    return ""


def _obstacle_before_rehearsal(case: Case, wallet: WalletOnChain, proxy_funds: Nanoton) -> str:
    contract = case.contract
    if case.refused:
        return case.refused
    if contract is None:
        return tr("Your contract with this proxy is not on the chain yet.")
    if not contract.is_open:
        return tr("Your contract with this proxy is closed: it pays no more.")
    if wallet.is_blocked:
        return tr("You stopped the node wallet. Send it a message with the letter u from your owner address.")
    if proxy_funds < case.waiting:
        return _proxy_is_short(proxy_funds)
    if case.attempts >= ATTEMPTS and not case.asked:
        return tr_count(
            "The chain took it {count} time and did not pay. Ask for the payout to try again.",
            "The chain took it {count} times and did not pay. Ask for the payout to try again.",
            case.attempts,
        )
    return ""


def _proxy_is_short(funds: Nanoton) -> str:
    held = format_ton(funds)
    return tr(
        "The proxy's contract holds only {held}. Cashed now, the payment would be lost; Mulberry waits.", held=held
    )


def needs(prospect: Prospect, reserved: Nanoton) -> Nanoton:
    """What the node wallet must hold for a request: as rehearsed, or else what is `reserved` for it."""
    return reserved if prospect.needed is None else prospect.needed


def shortage(wallet: WalletOnChain, needed: Nanoton) -> str:
    """A sentence if the node wallet holds less, else nothing."""
    missing = needed - wallet.balance
    if missing <= 0:
        return ""
    return tr(
        "The node wallet lacks {amount} for gas: top it up.",
        amount=format_ton(_rounded_up(Nanoton(missing + TOP_UP_FEE))),
    )


def deployment_needs(count: int) -> Nanoton:
    """What is reserved for making so many worker contracts at once."""
    return Nanoton(count * WORKER_CONTRACT_DEPOSIT + GAS_RESERVE)
