"""What every large number of the pages Home, Earnings and Wallet counts, and whose word it is. A number without an
entry here cannot be made."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

NOT_KNOWN = "It is not known yet."


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
        return f"{self.counts} {self.source} {f'As of {as_of}.' if as_of else NOT_KNOWN}"


PROXYS_WORD = "It is what the proxies confirmed, job by job; no payment is needed for it."
SIGNED_WORD = "The proxies signed for it, and the signed payments are on this computer."
CHAIN_WORD = "It was read from TON and checked against the network's validators."
EXPLANATIONS: Mapping[Figure, Explanation] = {
    Figure.EARNED_TODAY: Explanation(
        "Earned today", "This counts the jobs that ended since this computer's midnight.", PROXYS_WORD
    ),
    Figure.EARNED_IN_7_DAYS: Explanation(
        "Earned in 7 days", "This counts the jobs that ended today and on the six days before.", PROXYS_WORD
    ),
    Figure.EARNED_IN_30_DAYS: Explanation(
        "Earned in 30 days", "This counts the jobs that ended today and on the 29 days before.", PROXYS_WORD
    ),
    Figure.SIGNED: Explanation(
        "Signed payments", "This is how much of everything earned signed payments cover, paid out or not.", SIGNED_WORD
    ),
    Figure.EARNED_EVER: Explanation(
        "Earned, all told", "This is what all jobs of this node have earned since its first one.", PROXYS_WORD
    ),
    Figure.PAYABLE_EVER: Explanation(
        "Payable, all told",
        "This is how much of everything earned signed payments cover, paid out or not.",
        SIGNED_WORD,
    ),
    Figure.PAID_EVER: Explanation(
        "Paid, all told", "This is what the proxies' contracts have paid to your wallet.", CHAIN_WORD
    ),
    Figure.OWNERS_BALANCE: Explanation(
        "Your wallet", "This is everything in the wallet that payouts go to, from wherever it came.", CHAIN_WORD
    ),
    Figure.NODE_WALLETS_BALANCE: Explanation(
        "Node wallet", "This is what is left in the wallet that pays the network's fees.", CHAIN_WORD
    ),
}
