"""Verifies TDX quotes against Intel's collateral, offline.

The cryptography is dcap-qvl's: quote, quoting enclave, PCK chain up to Intel's root, revocation lists, TCB status. We
add what the network asks for beyond it: only status UpToDate, no debug guests, no expired collateral.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mulberry.attestation.errors import NotProven
from mulberry.attestation.quote import Quote


class Collateral(Protocol):
    """What Intel says of a platform: revocations, the TCB levels, the quoting enclave."""

    def find(self, fmspc: str, ca: str) -> str | None:
        """dcap-qvl's JSON for a platform family (`fmspc`, 12 hex digits) and authority (`platform` or `processor`)."""
        ...


@dataclass(frozen=True, slots=True)
class VerifiedQuote:
    """A quote that passed every check. `collateral_root`: SHA-384 of the root key's uncompressed point."""

    quote: Quote
    collateral_root: bytes


class TdxVerifier:
    """Verifies quotes and remembers which passed. `root_ca_der`: another root than Intel's, for tests only."""

    def __init__(self, collateral: Collateral, root_ca_der: bytes | None = None) -> None:
        self._collateral = collateral
        self._root_ca_der = root_ca_der

    def verify(self, untrusted_quote: bytes, now: datetime) -> VerifiedQuote:
        """Raises `NotProven`: anything is wrong with the quote, its platform, or the collateral at hand."""
        raise NotProven("TDX quotes cannot be verified yet")
