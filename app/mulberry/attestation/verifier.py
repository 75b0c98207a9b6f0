"""Judges a peer by the certificate it showed: every reason to refuse it, each with its own words.

Source: the protocol page, section 2. Stricter than the public router in that the certificate's own signature is checked
and the claims must be the certificate's key. That the peer *has* the key, TLS has proven before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha512

from mulberry.attestation.certificate import CLAIMS_OID, QUOTE_OID
from mulberry.attestation.errors import NotProven, refusing
from mulberry.attestation.quote import MOST_QUOTE_BYTES, parse_fake_quote
from mulberry.attestation.tdx import TdxVerifier
from mulberry.model.attestation import PeerEvidence, Policy, Requirements

MOST_CERTIFICATE_BYTES = 64 * 2**10
PRIVATE_OIDS = frozenset({QUOTE_OID, CLAIMS_OID})
STANDARD_OIDS = frozenset(f"2.5.29.{arc}" for arc in (14, 15, 17, 19, 35, 37))  # SKI, KU, SAN, BC, AKI, EKU


@dataclass(frozen=True, slots=True)
class _Certificate:
    """A self-signed Ed25519 certificate whose signature is good. `private`: the raw values of our two extensions."""

    public_key: bytes
    valid_from: datetime
    valid_until: datetime
    private: Mapping[str, bytes]


def verify_peer(
    untrusted_chain: Sequence[bytes], requirements: Requirements, now: datetime, tdx: TdxVerifier
) -> PeerEvidence:
    """Judges the certificates (DER) that the peer sent, at the time `now` (aware). Raises `NotProven`."""
    if len(untrusted_chain) != 1:
        raise NotProven(f"it sent {len(untrusted_chain) or 'no'} certificates, not one")
    certificate = _read(untrusted_chain[0])
    _demand_valid(certificate, now)
    public_key = certificate.public_key
    quote = certificate.private.get(QUOTE_OID)
    claims = certificate.private.get(CLAIMS_OID)
    if quote is not None and claims is None:
        raise NotProven("it shows a quote and does not claim its key")
    if claims is not None and claims != public_key:
        raise NotProven("it claims another key than its certificate's")
    if quote is not None and len(quote) > MOST_QUOTE_BYTES:
        raise NotProven(f"its quote has {len(quote):,} bytes, at most {MOST_QUOTE_BYTES:,} are read")
    return _judge_quote(quote, public_key, requirements, now, tdx)


def _read(untrusted_der: bytes) -> _Certificate:
    if len(untrusted_der) > MOST_CERTIFICATE_BYTES:
        raise NotProven(
            f"its certificate has {len(untrusted_der):,} bytes, at most {MOST_CERTIFICATE_BYTES:,} are read"
        )
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    with refusing("its certificate cannot be read"):
        certificate = x509.load_der_x509_certificate(untrusted_der)
        if certificate.public_key_algorithm_oid != x509.PublicKeyAlgorithmOID.ED25519:
            raise NotProven("its certificate's key is not Ed25519")
        key = certificate.public_key()
        if not isinstance(key, Ed25519PublicKey):
            raise TypeError("the key is not what its algorithm says")
        try:
            certificate.verify_directly_issued_by(certificate)
        except InvalidSignature:
            raise NotProven("its certificate's own signature is wrong") from None
        except ValueError as problem:
            raise NotProven(f"its certificate is not signed by itself ({problem})") from problem
        if certificate.serial_number <= 0:
            raise NotProven("its certificate's serial number is not positive")
        private: dict[str, bytes] = {}
        for extension in certificate.extensions:
            oid = extension.oid.dotted_string
            if oid in PRIVATE_OIDS and isinstance(extension.value, x509.UnrecognizedExtension):
                private[oid] = extension.value.value
            elif extension.critical and oid not in STANDARD_OIDS:
                raise NotProven(f"its certificate has a critical extension that we do not know ({oid[:60]})")
        return _Certificate(
            key.public_bytes_raw(), certificate.not_valid_before_utc, certificate.not_valid_after_utc, private
        )


def _demand_valid(certificate: _Certificate, now: datetime) -> None:
    if now < certificate.valid_from:
        raise NotProven(f"its certificate is valid only from {certificate.valid_from:%Y-%m-%d %H:%M:%S} UTC on")
    if now > certificate.valid_until:
        raise NotProven(f"its certificate expired at {certificate.valid_until:%Y-%m-%d %H:%M:%S} UTC")


def _judge_quote(
    untrusted_quote: bytes | None, public_key: bytes, requirements: Requirements, now: datetime, tdx: TdxVerifier
) -> PeerEvidence:
    if requirements.policy is Policy.ANY:
        if requirements.lists_anything:
            raise NotProven("its image must be on a list, and this network's policy (any) asks for no quote")
        return PeerEvidence(Policy.ANY, public_key)
    if untrusted_quote is None:
        raise NotProven(f"it shows no quote, and this network's policy ({requirements.policy}) asks for one")
    if requirements.policy is Policy.FAKE_TDX:
        quote, collateral_root = parse_fake_quote(untrusted_quote), None
    else:
        verified = tdx.verify(untrusted_quote, now)
        quote, collateral_root = verified.quote, verified.collateral_root
    if quote.report_data != sha512(public_key).digest():
        raise NotProven("its quote was made for another key than its certificate's")
    objection = requirements.objection(quote.measurements, collateral_root)
    if objection is not None:
        raise NotProven(objection)
    return PeerEvidence(requirements.policy, public_key, quote.measurements.image_hash, quote.measurements)
