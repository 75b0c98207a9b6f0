"""Certificates as a peer may show them over RA-TLS: good ones, and with each defect that a verifier must see."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha512

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mulberry.attestation.certificate import CLAIMS_OID, QUOTE_OID, KeyPair

MADE = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
AT = MADE + timedelta(hours=1)  # when it is looked at
OWN = b"its own"


def fake_quote(public_key: bytes) -> bytes:
    return sha512(public_key).digest()


@dataclass(frozen=True)
class PeerCertificate:
    """One self-signed certificate, a good one that shows a fake quote unless told otherwise. None leaves a part out."""

    quote: bytes | None = OWN  # made for its own key
    claims: bytes | None = OWN
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    signed_by: Ed25519PrivateKey | None = None  # somebody else's key
    issuer: str = "localhost"
    made: datetime = MADE
    lives: timedelta = timedelta(days=1)
    more: Sequence[tuple[str, bytes, bool]] = ()  # OID, value, critical

    def _private(self) -> list[tuple[str, bytes]]:
        own = self.key.public_key().public_bytes_raw() if isinstance(self.key, Ed25519PrivateKey) else bytes(32)
        quote = fake_quote(own) if self.quote is OWN else self.quote
        claims = own if self.claims is OWN else self.claims
        return [(oid, value) for oid, value in ((QUOTE_OID, quote), (CLAIMS_OID, claims)) if value is not None]

    @property
    def certificate(self) -> x509.Certificate:
        subject, issuer = (
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("localhost", self.issuer)
        )
        builder = x509.CertificateBuilder(
            issuer, subject, self.key.public_key(), 5, self.made, self.made + self.lives
        ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        for oid, value, critical in [*((oid, value, True) for oid, value in self._private()), *self.more]:
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical)
        if isinstance(self.key, Ed25519PrivateKey):
            return builder.sign(self.signed_by or self.key, None)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pair(self) -> KeyPair:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return KeyPair(self.certificate.public_bytes(Encoding.PEM), key)


def der_of(pair: KeyPair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate_pem.decode())
