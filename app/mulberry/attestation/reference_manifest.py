"""NVIDIA's reference measurements: what a GPU's driver and VBIOS measure to when they are as NVIDIA made them.

Source: TCG Reference Integrity Manifests in ISO 19770-2 tags, as NVIDIA's service rim.attestation.nvidia.com gives
them: one enveloped XML signature (Canonical XML 1.1, ECDSA P-384, SHA-384) over the whole document. Any other form of
signature is refused, so that nothing outside what was signed is ever read.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha384
from hmac import compare_digest
from typing import TYPE_CHECKING

from mulberry.attestation.canonical_xml import Element, canonical, parse_xml
from mulberry.attestation.certificate_chain import MOST_CERTIFICATES, read_chain, verify_chain
from mulberry.attestation.errors import NotProven, refusing
from mulberry.attestation.spdm import MOST_MEASUREMENTS

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
HASHES = "http://www.w3.org/2001/04/xmlenc#sha384"
CANONICAL = "http://www.w3.org/2006/12/xml-c14n11"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
ECDSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
DIGEST_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
MOST_ALTERNATIVES = 16
SIGNATURE_BYTES = 96


@dataclass(frozen=True, slots=True)
class ReferenceManifest:
    """A manifest that was verified. `version` is the driver's or VBIOS's; `measurements` holds for each index (from 0
    on) the values that are accepted. `signers` are the certificates that it was signed with, the signer's first."""

    version: str
    measurements: Mapping[int, frozenset[bytes]]
    signers: "tuple[Certificate, ...]"
    expires: datetime


def verify_manifest(untrusted: bytes, root: "Certificate", now: datetime) -> ReferenceManifest:
    """Checks the signature up to `root` at `now` (aware). Raises `NotProven`: not signed so, or not a manifest."""
    with refusing("it cannot be read"):
        document = parse_xml(untrusted)
        if document.full_name != (SWID, "SoftwareIdentity"):
            raise ValueError("it is no software identity")
        signature = document.child(SIGNATURE, "Signature")
        signers = _verify_signature(document, signature)
    expires = verify_chain(signers, root, now, "the signer")
    with refusing("what it says cannot be read"):
        version = document.child(SWID, "Meta").attribute("", "colloquialVersion") or ""
        return ReferenceManifest(version.lower()[:64], _measurements(document.child(SWID, "Payload")), signers, expires)


def _verify_signature(document: Element, signature: Element) -> "tuple[Certificate, ...]":
    """Raises `NotProven` and `ValueError`. Returns the certificates of the signer, whose chain is not yet checked."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA384

    signed = signature.child(SIGNATURE, "SignedInfo")
    reference = signed.child(SIGNATURE, "Reference")
    transforms = [_algorithm(each) for each in reference.child(SIGNATURE, "Transforms").elements]
    form = (
        _algorithm(signed.child(SIGNATURE, "CanonicalizationMethod")),
        _algorithm(signed.child(SIGNATURE, "SignatureMethod")),
        reference.attributes.get("URI"),
        *transforms,
        _algorithm(reference.child(SIGNATURE, "DigestMethod")),
    )
    if form != (CANONICAL, ECDSA_SHA384, "", ENVELOPED, CANONICAL, DIGEST_SHA384):
        raise NotProven("it is signed in another way than NVIDIA signs")
    digest = _bytes(reference.child(SIGNATURE, "DigestValue"))
    if not compare_digest(digest, sha384(canonical(document, without=signature)).digest()):
        raise NotProven("it is not what was signed")
    data = signature.child(SIGNATURE, "KeyInfo").child(SIGNATURE, "X509Data")
    certificates = [each for each in data.elements if each.full_name == (SIGNATURE, "X509Certificate")]
    signers = read_chain([_bytes(each) for each in certificates[: MOST_CERTIFICATES + 1]], "the signer")
    key = signers[0].public_key()
    value = _bytes(signature.child(SIGNATURE, "SignatureValue"))
    if not isinstance(key, ec.EllipticCurvePublicKey) or len(value) != SIGNATURE_BYTES:
        raise NotProven("it is signed in another way than NVIDIA signs")
    r, s = (int.from_bytes(half, "big") for half in (value[:48], value[48:]))
    try:
        key.verify(encode_dss_signature(r, s), canonical(signed), ec.ECDSA(SHA384()))
    except InvalidSignature:
        raise NotProven("its signature is wrong") from None
    return signers


def _algorithm(element: Element) -> str | None:
    if any(element.elements):
        raise ValueError(f"{element.name} has parameters")
    return element.attributes.get("Algorithm")


def _bytes(element: Element) -> bytes:
    return base64.b64decode("".join(element.text.split()), validate=True)


def _measurements(payload: Element) -> dict[int, frozenset[bytes]]:
    """Only those that are to be compared."""
    accepted: dict[int, frozenset[bytes]] = {}
    seen = set()
    for resource in payload.elements:
        index = int(resource.attributes["index"])
        alternatives = int(resource.attributes["alternatives"])
        size = int(resource.attributes["size"])
        if not 0 <= index < MOST_MEASUREMENTS or index in seen or not 0 <= alternatives <= MOST_ALTERNATIVES:
            raise ValueError(f"measurement {index} is there twice, or out of range")
        seen.add(index)
        values = [resource.attribute(HASHES, f"Hash{number}") or "" for number in range(alternatives)]
        if resource.attributes.get("active") != "False":
            accepted[index] = frozenset(value for value in map(bytes.fromhex, values) if len(value) == size)
    if not accepted:
        raise NotProven("it names nothing that could be compared")
    return accepted
