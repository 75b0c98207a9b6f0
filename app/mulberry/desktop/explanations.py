"""What every large number of the pages Home, Earnings and Wallet counts, and whose word it is. A number without an
entry here cannot be made."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from mulberry.model.language import tr

NOT_KNOWN = tr("It is not known yet.")


class Figure(Enum):
    """The numbers."""

    EARNED_TODAY = auto()
    EARNED_IN_7_DAYS = auto()
    EARNED_IN_30_DAYS = auto()
    SIGNED = auto()
    EARNED_EVER = auto()
    PAYABLE_EVER = auto()
    PAID_EVER = auto()
    OWNERS_BALANCE = auto()
    NODE_WALLETS_BALANCE = auto()


@dataclass(frozen=True, slots=True)
class Explanation:
    """`counts` and `source` are whole sentences."""

    name: str
    counts: str
    source: str

    def words(self, as_of: str) -> str:
        """All of it; `as_of` is a time, or "" where the number is not known."""
        told = tr("As of {time}.", time=as_of) if as_of else NOT_KNOWN
        return f"{self.counts} {self.source} {told}"


PROXYS_WORD = tr("It is what the proxies confirmed, job by job; no payment is needed for it.")
SIGNED_WORD = tr("The proxies signed for it, and the signed payments are on this computer.")
CHAIN_WORD = tr("It was read from TON and checked against the network's validators.")
EXPLANATIONS: Mapping[Figure, Explanation] = {
    Figure.EARNED_TODAY: Explanation(
        tr("Earned today"), tr("This counts the jobs that ended since this computer's midnight."), PROXYS_WORD
    ),
    Figure.EARNED_IN_7_DAYS: Explanation(
        tr("Earned in 7 days"), tr("This counts the jobs that ended today and on the six days before."), PROXYS_WORD
    ),
    Figure.EARNED_IN_30_DAYS: Explanation(
        tr("Earned in 30 days"), tr("This counts the jobs that ended today and on the 29 days before."), PROXYS_WORD
    ),
    Figure.SIGNED: Explanation(
        tr("Signed payments"),
        tr("This is how much of everything earned signed payments cover, paid out or not."),
        SIGNED_WORD,
    ),
    Figure.EARNED_EVER: Explanation(
        tr("Earned, all told"), tr("This is what all jobs of this node have earned since its first one."), PROXYS_WORD
    ),
    Figure.PAYABLE_EVER: Explanation(
        tr("Payable, all told"),
        tr("This is how much of everything earned signed payments cover, paid out or not."),
        SIGNED_WORD,
    ),
    Figure.PAID_EVER: Explanation(
        tr("Paid, all told"), tr("This is what the proxies' contracts have paid to your wallet."), CHAIN_WORD
    ),
    Figure.OWNERS_BALANCE: Explanation(
        tr("Your wallet"), tr("This is everything in the wallet that payouts go to, from wherever it came."), CHAIN_WORD
    ),
    Figure.NODE_WALLETS_BALANCE: Explanation(
        tr("Node wallet"), tr("This is what is left in the wallet that pays the network's fees."), CHAIN_WORD
    ),
}
