"""What one proxy owes us, in the three counters the network uses. Each of them only grows.

Source: the protocol page, section 5. All counts are tokens since the birth of our contract with that proxy.
"""

from dataclasses import dataclass
from datetime import datetime

from mulberry.model.money import Nanoton


@dataclass(frozen=True, slots=True)
class Counters:
    """`committed_to_blockchain <= committed_to_db <= max_known`; the first is money nobody can take back."""

    committed_to_blockchain: int = 0  # the newest signed payment that we hold
    committed_to_db: int = 0
    max_known: int = 0


@dataclass(frozen=True, slots=True)
class SignedPayment:
    """A payment message that we verified: format, signature, our contract. `boc` is what goes to the chain."""

    proxy: str  # the proxy's public key, 64 hexadecimal digits
    worker_contract: str  # raw address, 0:64 hexadecimal digits
    tokens: int
    boc: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ProxyAccount:
    """Our standing with one proxy."""

    proxy: str
    proxy_contract: str
    worker_contract: str
    counters: Counters
    worker_fee_per_token: Nanoton

    @property
    def earned(self) -> Nanoton:
        """The proxy's word."""
        return Nanoton(self.counters.max_known * self.worker_fee_per_token)

    @property
    def payable(self) -> Nanoton:
        """What we hold a signed payment for."""
        return Nanoton(self.counters.committed_to_blockchain * self.worker_fee_per_token)
