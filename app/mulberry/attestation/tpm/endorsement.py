"""The endorsement key's certificate: who made the TPM, by the maker's own word, up to a root that the verifier chose.

Source: TCG, EK Credential Profile 2.5, 3. Every maker has roots of its own, and none is built in: they are files in a
folder, put there by whoever verifies. Without the right one, the maker's word is missing, which is not the same as
wrong. Revocation is not checked.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mulberry.attestation.certificate_chain import common_name, read_chain, verify_chain
from mulberry.attestation.errors import NotCheckable, NotProven, refusing
from mulberry.attestation.tpm.keys import EK_ECC, EK_RSA, ecc_key, rsa_key
from mulberry.attestation.tpm.wire import read_public
from mulberry.model.files import read_bounded
from mulberry.model.text import plain

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate

MOST_ROOTS = 256
ROOT_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})
EK_USAGE = "2.23.133.8.1"  # tcg-kp-EKCertificate
MAKER, MODEL = "2.23.133.2.1", "2.23.133.2.2"
ITS_TPM = "its TPM"

# TCG, TPM Vendor ID Registry; the certificate has the letters in hexadecimal behind "id:"
MAKERS = {
    "AMD": "AMD",
    "ATML": "Atmel",
    "GOOG": "Google",
    "HPE": "HPE",
    "IBM": "IBM",
    "IFX": "Infineon",
    "INTC": "Intel",
    "MSFT": "Microsoft",
    "NTC": "Nuvoton",
    "NTZ": "Nationz",
    "QCOM": "Qualcomm",
    "STM": "STMicroelectronics",
    "VMW": "VMware",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endorsement:
    """A verified chain. `subject` is the certificate's own name, often empty; `maker` is the TPM's maker by the
    certificate; `expires` when the first certificate of the chain does."""

    maker: str
    model: str
    subject: str
    serial: int
    root: str
    expires: datetime


def read_roots(folder: Path) -> "tuple[Certificate, ...]":
    """The roots that somebody put into the folder, PEM or DER, one or several a file. What cannot be read is left out,
    and logged."""
    from cryptography import x509

    found: list[Certificate] = []
    try:
        paths = sorted(folder.glob("*"))[:MOST_ROOTS]
    except OSError as problem:  # a folder above it may not be entered
        log.warning("the TPM makers' roots cannot be read: %s", problem)
        return ()
    for path in paths:
        if path.suffix.lower() not in ROOT_SUFFIXES:
            continue
        try:
            content = read_bounded(path) or b""
            if b"-----BEGIN" in content:
                found += x509.load_pem_x509_certificates(content)
            else:
                found.append(x509.load_der_x509_certificate(content))
        except (OSError, ValueError, RecursionError) as problem:
            log.warning("a TPM maker's root cannot be read: %s: %s", path, problem)
    return tuple(found)


def verify_endorsement(
    untrusted_ek_public: bytes, untrusted_chain: Sequence[bytes], roots: "Sequence[Certificate]", now: datetime
) -> Endorsement:
    """Follows the endorsement key's certificate up to one of `roots`, at `now` (aware).

    Raises `NotProven`: something is wrong; `NotCheckable`: nothing is wrong so far, and the root is not here.
    """
    chain = read_chain(untrusted_chain, ITS_TPM)
    own = chain[0]
    _demand_key(own, untrusted_ek_public)
    with refusing("the certificate of its TPM cannot be read"):
        _demand_endorsement(own)
        path, root = _path(own, chain[1:], roots)
    expires = verify_chain(path, root, now, ITS_TPM)
    with refusing("the certificate of its TPM cannot be read"):
        maker, model = _maker(own)
        subject = plain(own.subject.rfc4514_string(), 80)
    return Endorsement(maker, model, subject, own.serial_number, common_name(root), expires)


def _path(
    own: "Certificate", untrusted_authorities: "Sequence[Certificate]", roots: "Sequence[Certificate]"
) -> "tuple[tuple[Certificate, ...], Certificate]":
    """The certificates from `own` upwards, by their names alone, and the root above them."""
    path = [own]
    left = list(untrusted_authorities)
    while True:
        top = path[-1]
        candidates = [root for root in roots if root.subject == top.issuer]
        if candidates:
            return tuple(path), _issuer_among(candidates, top)
        above = next((each for each in left if each.subject == top.issuer and each != top), None)
        if above is None:
            issuer = plain(top.issuer.rfc4514_string(), 120)
            raise NotCheckable(f"the certificate of the TPM's maker is not here ({issuer})")
        left.remove(above)
        path.append(above)


def _issuer_among(candidates: "Sequence[Certificate]", top: "Certificate") -> "Certificate":
    """Makers have roots of the same name with different keys: the one that fits, or any for the chain to fail at."""
    from cryptography.exceptions import InvalidSignature

    for candidate in candidates:
        try:
            top.verify_directly_issued_by(candidate)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return candidate
    return candidates[0]


def _demand_key(own: "Certificate", untrusted_ek_public: bytes) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm

    ek = read_public(untrusted_ek_public, "its TPM's endorsement key")
    what = "its TPM's endorsement key"
    key: PublicKeyTypes
    if ek.is_like(EK_ECC.template):
        key = ecc_key(ek, what)
    elif ek.is_like(EK_RSA.template):
        key = rsa_key(ek, what)
    else:
        raise NotProven("its TPM's endorsement key is not of a kind that makers certify")
    with refusing("the certificate of its TPM has no readable key"):
        try:
            certified = own.public_key()
        except UnsupportedAlgorithm as problem:  # some makers say that their RSA key is for OAEP only
            raise NotCheckable("the key in the certificate of its TPM is of a kind that is not read here") from problem
    if certified != key:
        raise NotProven("the certificate is of another TPM's key")


def _demand_endorsement(own: "Certificate") -> None:
    """A maker's root signs other things too: only what calls itself an EK certificate is one."""
    from cryptography import x509

    for extension in own.extensions:
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise NotProven("the certificate of its TPM is an authority's")
        if (
            isinstance(extension.value, x509.ExtendedKeyUsage)
            and x509.ObjectIdentifier(EK_USAGE) not in extension.value
        ):
            raise NotProven("the certificate of its TPM is not for an endorsement key")


def _maker(own: "Certificate") -> tuple[str, str]:
    """Maker and model by the certificate; "unknown" where it does not say."""
    from cryptography import x509

    said: dict[str, str] = {}
    for extension in own.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in extension.value.get_values_for_type(x509.DirectoryName):
                said |= {attribute.oid.dotted_string: str(attribute.value) for attribute in name}
    return _maker_name(said.get(MAKER, "")), plain(said.get(MODEL, "unknown"), 40)


def _maker_name(said: str) -> str:
    try:
        letters = bytes.fromhex(said.removeprefix("id:")).decode("ascii").strip("\0 ")
    except ValueError:
        return "unknown"
    return MAKERS.get(letters) or plain(letters, 8).strip() or "unknown"
