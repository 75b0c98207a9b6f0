"""The money on TON, as the faces show it: balances with their proof, payouts under way, history, the account of all.

Amounts are nanoton. An amount that was not read yet is None, never zero.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.key import UNREAD_KEY, KeyStatus
from mulberry.model.language import tr
from mulberry.model.money import Nanoton, format_ton


class AccountRole(StrEnum):
    """Whose account on the chain a transaction belongs to."""

    NODE_WALLET = "node wallet"
    WORKER_CONTRACT = "worker contract"
    OWNER = "owner"

    @property
    def words(self) -> str:
        """What the faces call it."""
        return _ROLES[self]


_ROLES = {
    AccountRole.NODE_WALLET: tr("node wallet"),
    AccountRole.WORKER_CONTRACT: tr("worker contract"),
    AccountRole.OWNER: tr("your wallet"),
}


class TransactionKind(StrEnum):
    """What a transaction was, by its operation and the addresses we know."""

    PAYOUT = "payout"  # the proxy's contract paid the owner
    CASH_OUT = "cash-out"  # we handed a signed payment to our worker contract
    EXCESS = "excess returned"
    DEPLOY = "deployed"
    TOP_UP = "top-up"
    WITHDRAWAL = "withdrawal"
    BOUNCED = "bounced"
    FOREIGN = "foreign"  # somebody else's business
    SPAM = "spam"  # next to nothing, with a comment

    @property
    def is_unverified(self) -> bool:
        """Whether it may be anybody's doing."""
        return self in (TransactionKind.FOREIGN, TransactionKind.SPAM)

    @property
    def words(self) -> str:
        """What the faces call it."""
        return _KINDS[self]


_KINDS = {
    TransactionKind.PAYOUT: tr("payout"),
    TransactionKind.CASH_OUT: tr("cash-out"),
    TransactionKind.EXCESS: tr("excess returned"),
    TransactionKind.DEPLOY: tr("deployed"),
    TransactionKind.TOP_UP: tr("top-up"),
    TransactionKind.WITHDRAWAL: tr("withdrawal"),
    TransactionKind.BOUNCED: tr("bounced"),
    TransactionKind.FOREIGN: tr("unverified"),
    TransactionKind.SPAM: tr("spam"),
}


@dataclass(frozen=True, slots=True)
class ChainTransaction:
    """One transaction of one of our accounts. `amount` is what came in (positive) or went out (negative), fee apart."""

    role: AccountRole
    account: str  # raw address
    lt: int  # logical time, the chain's own order within an account
    hash: str  # 64 hexadecimal digits
    at: datetime
    kind: TransactionKind
    amount: Nanoton
    fee: Nanoton
    counterparty: str  # raw address, "" when there is none
    comment: str  # a stranger's text: shown as text, never as a link
    success: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds. `proven_by` is how many servers agreed on the block that proves it."""

    address: str  # friendly form
    amount: Nanoton
    as_of: datetime
    proven_by: int


class PayoutState(StrEnum):
    COLLECTING = "collecting"  # below the threshold
    READY = "ready"  # will be sent at the next occasion
    SENT = "sent"  # the message is out; the chain has not shown it yet
    BLOCKED = "blocked"  # see `note`


@dataclass(frozen=True, slots=True)
class Payout:
    """The next payout from one proxy. `waiting` is signed and not paid yet; it is sent at `threshold`."""

    proxy: str  # public key, 64 hexadecimal digits
    worker_contract: str  # friendly address
    waiting: Nanoton
    threshold: Nanoton
    state: PayoutState
    note: str
    last_paid_at: datetime | None
    collecting_since: datetime | None = None  # when what is `waiting` began to come
    fee: Nanoton | None = None  # about what it costs, as rehearsed; None: not rehearsed


@dataclass(frozen=True, slots=True)
class ServerStanding:
    """One lite server. `note` is a plain sentence, "" when all is well."""

    name: str
    is_good: bool
    note: str


@dataclass(frozen=True, slots=True)
class WalletStatus:
    """The wallet page. `minimum` must lie on the node wallet before the worker starts; `warning_below` is a warning.

    `top_up_url` is where the demo network gives play money; None on every other network.
    """

    owner: str  # friendly address
    owner_balance: Balance | None
    node_wallet: str  # friendly address, "" before the key exists
    node_wallet_balance: Balance | None
    minimum: Nanoton
    warning_below: Nanoton
    payouts: tuple[Payout, ...]
    paid: Nanoton  # payouts seen on the chain, all told
    head_seqno: int | None
    head_at: datetime | None
    servers: tuple[ServerStanding, ...]  # (): TON is not read now, because the node does not work
    note: str  # what keeps the wallet from being up to date, "" if nothing
    top_up_url: str | None
    as_of: datetime
    key: KeyStatus = UNREAD_KEY

    @property
    def top_up_advice(self) -> str:
        """What the owner should do about the node wallet's balance; "" where nothing, or where it is not read."""
        if self.node_wallet_balance is None:
            return ""
        amount = self.node_wallet_balance.amount
        if amount < self.minimum:
            missing = format_ton(Nanoton(self.minimum - amount))
            return tr(
                "Too little to work: {missing} are missing. Top up the node wallet; work starts when it is there.",
                missing=missing,
            )
        if amount < self.warning_below:
            return tr("Getting low. Top up the node wallet soon; it pays the network's fees.")
        return ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the account: how far two sources are apart, and why. All lines of a proxy sum to zero."""

    proxy: str
    text: str
    amount: Nanoton


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """App, proxy and chain side by side. `is_compared`: the chain was read since the agent started.

    `is_settled`: it was, every difference is explained, and the sum is zero.
    """

    counted: Nanoton  # by us, job by job
    earned: Nanoton  # the proxies' word
    payable: Nanoton  # signed payments we hold
    paid: Nanoton  # on the chain
    differences: tuple[Difference, ...]
    is_compared: bool
    is_settled: bool
    as_of: datetime
