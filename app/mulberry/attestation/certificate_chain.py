"""Certificates of strangers, read with bounds and followed up to a root that is built in."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from mulberry.attestation.errors import NotProven, refusing

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Kind = TypeVar("Kind")

MOST_CERTIFICATES = 8
MOST_CERTIFICATE_BYTES = 16 * 2**10
MOST_PEM_BYTES = 64 * 2**10


def read_pem_chain(untrusted_pem: bytes, whose: str) -> "tuple[Certificate, ...]":
    """All certificates of a PEM text in its order; `whose` begins a refusal: "its GPU". Raises `NotProven`."""
    from cryptography import x509

    if len(untrusted_pem) > MOST_PEM_BYTES:
        raise NotProven(f"{whose} certificates have {len(untrusted_pem):,} bytes, at most {MOST_PEM_BYTES:,} are read")
    with refusing(f"{whose} certificates cannot be read"):
        chain = tuple(x509.load_pem_x509_certificates(untrusted_pem))
    _demand_count(len(chain), whose)
    return chain


def read_chain(untrusted_chain: Sequence[bytes], whose: str) -> "tuple[Certificate, ...]":
    """Certificates from DER, in their order. Raises `NotProven`: none, too many, too large or unreadable."""
    from cryptography import x509

    _demand_count(len(untrusted_chain), whose)
    for untrusted in untrusted_chain:
        if len(untrusted) > MOST_CERTIFICATE_BYTES:
            raise NotProven(f"a certificate of {whose} has {len(untrusted):,} bytes")
    with refusing(f"{whose} certificates cannot be read"):
        return tuple(x509.load_der_x509_certificate(untrusted) for untrusted in untrusted_chain)


def verify_chain(chain: "Sequence[Certificate]", root: "Certificate", now: datetime, whose: str) -> datetime:
    """Follows `chain`, the owner's own certificate first, up to `root`, which may be its last. Returns when the first
    of them expires.

    Checked at `now` (aware): names, signatures, who may issue and how deep, dates. Revocation is not: see `revocation`.
    Raises `NotProven`.
    """
    with refusing(f"{whose} certificates do not verify"):
        if chain[-1] != root:
            chain = (*chain, root)
        for depth, (certificate, issuer) in enumerate(pairwise(chain)):
            _demand_issued_by(certificate, issuer, depth, whose)
        for certificate in chain:
            _demand_valid(certificate, now, whose)
        return min(certificate.not_valid_after_utc for certificate in chain)


def common_name(certificate: "Certificate") -> str:
    """What a certificate calls its owner, for people: printable, at most 80 characters."""
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    said = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return "".join(letter for letter in said if letter.isprintable())[:80] or "without a name"


def _demand_count(count: int, whose: str) -> None:
    if not 0 < count <= MOST_CERTIFICATES:
        raise NotProven(f"{whose} shows {count or 'no'} certificates, at most {MOST_CERTIFICATES} are read")


def _demand_issued_by(certificate: "Certificate", issuer: "Certificate", depth: int, whose: str) -> None:
    """`depth` is how many authorities stand below `issuer`."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    name = common_name(issuer)
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError) as problem:
        raise NotProven(f"a certificate of {whose} was not issued by {name}") from problem
    constraints = _extension(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise NotProven(f"{name} may not issue certificates, and did for {whose}")
    if constraints.path_length is not None and constraints.path_length < depth:
        raise NotProven(f"{name} may not have so many authorities below it")
    usage = _extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise NotProven(f"{name}'s key may not sign certificates, and did for {whose}")


def _extension(certificate: "Certificate", kind: type[Kind]) -> Kind | None:
    return next((each.value for each in certificate.extensions if isinstance(each.value, kind)), None)


def _demand_valid(certificate: "Certificate", now: datetime, whose: str) -> None:
    name = common_name(certificate)
    if now < certificate.not_valid_before_utc:
        raise NotProven(
            f"the certificate {name} of {whose} is valid only from {_date(certificate.not_valid_before_utc)} on"
        )
    if now > certificate.not_valid_after_utc:
        raise NotProven(f"the certificate {name} of {whose} expired on {_date(certificate.not_valid_after_utc)}")


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
