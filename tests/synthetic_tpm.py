"""A made-up maker of TPMs, and a TPM on paper: keys in this process that say what a TPM would say.

With them every lie about a TPM can be told and must be found out. That the paper one's quotes pass is right: by itself
a quote shows no TPM; its maker's word and the answer to a challenge do.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mulberry.attestation.evidence import TpmEvidence
from mulberry.attestation.tpm import Challenge
from mulberry.attestation.tpm.collecting import BOOT_REGISTERS
from mulberry.attestation.tpm.endorsement import EK_USAGE, MAKER, MODEL
from mulberry.attestation.tpm.keys import AK_TEMPLATE, EK_ECC, EK_RSA
from mulberry.attestation.tpm.wire import (
    ATTEST_MAGIC,
    ATTEST_QUOTE,
    ENDORSEMENT,
    Algorithm,
    PublicArea,
    name_of,
    number,
    selection,
    sized,
)

MADE = datetime(2026, 11, 20, tzinfo=UTC)
NOW = MADE + timedelta(days=5)
EXPIRES = MADE + timedelta(days=3650)
BOUND_TO = sha256(b"a statement").digest()
BOOTED = {register: sha256(b"measured into %d" % register).digest() for register in sorted(BOOT_REGISTERS)}

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Maker:
    """One of a maker's authorities: its certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(self, name: str) -> "Maker":
        return _authority(name, self.certificate.subject, self.key)

    def certify(
        self,
        key: PublicKey,
        *,
        usage: str = EK_USAGE,
        is_authority: bool = False,
        valid_from: datetime = MADE,
        expires: datetime = EXPIRES,
        maker: str = "id:49465800",
    ) -> bytes:
        """An EK certificate as makers write it, DER: no subject, the maker in a critical alternative name."""
        tpm = {MAKER: maker, MODEL: "Paper 9670"}
        names = x509.Name(x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in tpm.items())
        builder = (
            x509.CertificateBuilder(self.certificate.subject, x509.Name([]), key, 4711, valid_from, expires)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DirectoryName(names)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(usage)]), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def new_maker(name: str = "Paper TPM Root") -> Maker:
    return _authority(name, None, None)


def _authority(name: str, issuer: x509.Name | None, issuer_key: ec.EllipticCurvePrivateKey | None) -> Maker:
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer or subject, subject, key.public_key(), x509.random_serial_number(), MADE, EXPIRES
    ).add_extension(x509.BasicConstraints(True, None), critical=True)
    return Maker(builder.sign(issuer_key or key, hashes.SHA256()), key)


class PaperTpm:
    """Both keys of a TPM, and what it signs. `with_rsa`: its endorsement key is RSA."""

    def __init__(self, *, with_rsa: bool = False) -> None:
        self.ak = new_key()
        self.ek: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
            rsa.generate_private_key(65537, 2048) if with_rsa else new_key()
        )

    @cached_property
    def ak_public(self) -> bytes:
        return replace(AK_TEMPLATE, unique=_point(self.ak.public_key())).marshalled()

    @cached_property
    def ek_public(self) -> bytes:
        key = self.ek.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            template, unique = EK_RSA.template, (number(key.public_numbers().n, 256),)
            return replace(template, unique=unique).marshalled()
        return replace(EK_ECC.template, unique=_point(key)).marshalled()

    def quoted(
        self,
        bound_to: bytes = BOUND_TO,
        *,
        magic: int = ATTEST_MAGIC,
        kind: int = ATTEST_QUOTE,
        hierarchy: int = ENDORSEMENT,
        selected: bytes | None = None,
        digest: bytes | None = None,
    ) -> bytes:
        """A TPMS_ATTEST over `BOOTED`."""
        signer = number(Algorithm.SHA256, 2) + sha256(number(hierarchy, 4) + name_of(self.ak_public)).digest()
        clock = number(123_456_789, 8) + number(7, 4) + number(1, 4) + number(1, 1)
        over = selection(BOOT_REGISTERS) if selected is None else selected
        return (
            number(magic, 4) + number(kind, 2) + sized(signer) + sized(bound_to) + clock + number(0x0001000200030004, 8)
        ) + (over + sized(sha256(b"".join(BOOTED.values())).digest() if digest is None else digest))

    def signature(self, quoted: bytes) -> bytes:
        r, s = decode_dss_signature(self.ak.sign(quoted, ec.ECDSA(hashes.SHA256())))
        return _ecdsa(r, s)

    def evidence(
        self,
        maker: Maker | None = None,
        challenge: Challenge | None = None,
        quoted: bytes | None = None,
        ak_public: PublicArea | None = None,
    ) -> TpmEvidence:
        """What it would show, certified by `maker`; a `challenge` is answered without being able to."""
        quoted = self.quoted() if quoted is None else quoted
        return TpmEvidence(
            ak_public=self.ak_public if ak_public is None else ak_public.marshalled(),
            quoted=quoted,
            signature=self.signature(quoted),
            pcrs=BOOTED,
            ek_public=self.ek_public,
            ek_chain=() if maker is None else (maker.certify(self.ek.public_key()),),
            activated=None if challenge is None else challenge.answer,
        )


def _ecdsa(r: int, s: int) -> bytes:
    kind = number(Algorithm.ECDSA, 2) + number(Algorithm.SHA256, 2)
    return kind + sized(number(r, 32)) + sized(number(s, 32))


def _point(key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    point = key.public_numbers()
    return number(point.x, 32), number(point.y, 32)
