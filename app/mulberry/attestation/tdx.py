"""Verifies TDX quotes against Intel's collateral, offline.

The cryptography is dcap-qvl's: quote, quoting enclave, PCK chain up to Intel's root (built into it), revocation lists,
TCB status. It is imported where it is used, since most networks ask for no quote. We add what the network asks for
beyond it: status UpToDate and no other, no debug guests, and words.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256, sha384
from typing import TYPE_CHECKING

from mulberry.attestation.collateral import Collateral, expiry
from mulberry.attestation.errors import NotCheckable, NotProven, refusing
from mulberry.attestation.quote import Quote, parse_quote

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# SHA-384 of the uncompressed point of "Intel SGX Root CA", the root that dcap-qvl has built in
INTEL_ROOT = bytes.fromhex(
    "46e403bd34f05a3f2817ab9badcaacc7ffc98e0f261008cd30dae936cace18d5dcf58eef31463613de1570d516200993"
)
MOST_REMEMBERED = 256
REMEMBERED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class VerifiedQuote:
    """A quote that passed every check. `collateral_root`: SHA-384 of the root key's uncompressed point; `valid_until`:
    when the collateral expires."""

    quote: Quote
    collateral_root: bytes
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class _Remembered:
    verified: VerifiedQuote
    since: datetime

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.since < REMEMBERED_FOR and now < self.verified.valid_until


class TdxVerifier:
    """Verifies quotes and remembers those that passed. `test_root_der`: a root certificate in place of Intel's."""

    def __init__(self, collateral: Collateral, test_root_der: bytes | None = None) -> None:
        self._collateral = collateral
        self._test_root_der = test_root_der
        self._root = INTEL_ROOT if test_root_der is None else root_id(test_root_der)
        self._remembered: OrderedDict[tuple[bytes, bytes], _Remembered] = OrderedDict()

    def verify(self, untrusted_quote: bytes, now: datetime) -> VerifiedQuote:
        """Every check of the quote at the time `now` (aware); a millisecond or two.

        Raises `NotProven`: something is wrong with the quote or its platform; `NotCheckable`: with the collateral here.
        """
        import dcap_qvl

        quote = parse_quote(untrusted_quote)
        if quote.is_debug:
            raise NotProven("its quote is of a debug guest, whose memory the host may read")
        with refusing("its quote names no platform"):
            parsed = dcap_qvl.parse_quote(untrusted_quote)
            fmspc, authority = parsed.fmspc().upper(), parsed.ca().lower()
        collateral = self._collateral.find(fmspc, authority)
        if collateral is None:
            raise NotCheckable(f"there is no collateral here for its platform (FMSPC {fmspc}, {authority} authority)")
        # new collateral may revoke what passed before, so it is a part of what is remembered
        known_as = (sha256(untrusted_quote).digest(), sha256(collateral.encode()).digest())
        known = self._remembered.get(known_as)
        if known is not None and known.holds(now):
            self._remembered.move_to_end(known_as)
            return known.verified
        expires = _fresh_until(collateral, fmspc, now)
        self._check(untrusted_quote, collateral, now)
        verified = VerifiedQuote(quote, self._root, expires)
        self._remembered[known_as] = _Remembered(verified, now)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return verified

    def _check(self, untrusted_quote: bytes, collateral: str, now: datetime) -> None:
        import dcap_qvl

        seconds = int(now.timestamp())
        with refusing("its quote does not verify"):
            parts = dcap_qvl.QuoteCollateralV3.from_json(collateral)
            if self._test_root_der is None:
                report = dcap_qvl.verify(untrusted_quote, parts, seconds)
            else:
                report = dcap_qvl.verify_with_root_ca(untrusted_quote, parts, self._test_root_der, seconds)
        if report.status != "UpToDate":
            advisories = ", ".join(report.advisory_ids[:5])
            raise NotProven(f"its platform's status is {report.status}, not UpToDate ({advisories or 'no advisory'})")


def _fresh_until(collateral: str, fmspc: str, now: datetime) -> datetime:
    try:
        expires = expiry(collateral)
    except ValueError as problem:
        raise NotCheckable(f"the collateral here for its platform (FMSPC {fmspc}) cannot be read") from problem
    if expires <= now:
        ended = f"{expires:%Y-%m-%d %H:%M} UTC"
        raise NotCheckable(f"the collateral here for its platform (FMSPC {fmspc}) expired at {ended}")
    return expires


def root_id(root: "bytes | Certificate") -> bytes:
    """What a root is known by: SHA-384 of its key's uncompressed point. A root given as bytes is DER."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    certificate = x509.load_der_x509_certificate(root) if isinstance(root, bytes) else root
    key = certificate.public_key()
    return sha384(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).digest()
