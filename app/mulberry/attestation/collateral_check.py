"""Checks collateral before it is put on the shelf: every part signed under Intel's root, for this platform, valid now.

Source: Intel, PCS API 4 (TCB info version 3, enclave identity version 2) and the SGX PCK Certificate and CRL Profile.
dcap-qvl checks all of it again with each quote; this check keeps what is broken from replacing what is good, and says
what is wrong with it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mulberry.attestation.certificate_chain import common_name, read_pem_chain, verify_chain
from mulberry.attestation.errors import NotProven, refusing
from mulberry.attestation.tdx import INTEL_ROOT, root_id

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

AUTHORITIES = {"platform": "Intel SGX PCK Platform CA", "processor": "Intel SGX PCK Processor CA"}
TCB_SIGNER = "Intel SGX TCB Signing"


def check_collateral(
    untrusted_json: str, fmspc: str, ca: str, now: datetime, test_root_der: bytes | None = None
) -> datetime:
    """When the first of its parts expires. `now` is aware; `test_root_der` stands in place of Intel's root.

    Raises `NotProven`: it is not good collateral for the platform family `fmspc` and authority `ca`.
    """
    with refusing("the collateral cannot be read"):
        parts = _Parts(json.loads(untrusted_json))
        root = _root(
            parts.chain("pck_crl_issuer_chain"), INTEL_ROOT if test_root_der is None else root_id(test_root_der)
        )
        checking = _Checking(root, now)
        root_list = checking.revocation_list(parts.bytes("root_ca_crl"), root)
        pck_authority = checking.chain(parts.chain("pck_crl_issuer_chain"), AUTHORITIES[ca], root_list)
        checking.revocation_list(parts.bytes("pck_crl"), pck_authority)
        for what, kind in (("tcb_info", "TDX"), ("qe_identity", "TD_QE")):
            signer = checking.chain(parts.chain(f"{what}_issuer_chain"), TCB_SIGNER, root_list)
            told = checking.statement(parts.text(what), parts.bytes(f"{what}_signature"), signer)
            if told.get("id") != kind:
                raise NotProven(f"the collateral is for {str(told.get('id'))[:20]} and not for {kind}")
            if what == "tcb_info" and str(told.get("fmspc")).upper() != fmspc:
                raise NotProven(f"the collateral is for another platform than {fmspc}")
        return checking.expires


@dataclass(frozen=True, slots=True)
class _Parts:
    """Raises `KeyError`, `TypeError` and `ValueError` over what is no collateral."""

    untrusted: Mapping[str, Any]

    def text(self, name: str) -> str:
        value = self.untrusted[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
        return value

    def bytes(self, name: str) -> bytes:
        return bytes.fromhex(self.text(name))

    def chain(self, name: str) -> "tuple[Certificate, ...]":
        return read_pem_chain(self.text(name).encode(), "the collateral")


def _root(chain: "tuple[Certificate, ...]", expected: bytes) -> "Certificate":
    """The last of a chain, which must hold the known key and be signed with it."""
    from cryptography.exceptions import InvalidSignature

    root = chain[-1]
    try:
        root.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError):
        raise NotProven("the collateral does not come from Intel's root") from None
    if root_id(root) != expected:
        raise NotProven("the collateral does not come from Intel's root")
    return root


class _Checking:
    """Collects when the first part expires."""

    def __init__(self, root: "Certificate", now: datetime) -> None:
        self._root = root
        self._now = now
        self.expires = root.not_valid_after_utc

    def chain(self, chain: "tuple[Certificate, ...]", name: str, revoked: "CertificateRevocationList") -> "Certificate":
        """The first certificate, which is `name`'s."""
        self._ends(verify_chain(chain, self._root, self._now, "the collateral"))
        if common_name(chain[0]) != name:
            raise NotProven(f"the collateral is signed by {common_name(chain[0])} and not by {name}")
        if any(revoked.get_revoked_certificate_by_serial_number(each.serial_number) for each in chain):
            raise NotProven(f"the certificate of {name} was revoked")
        return chain[0]

    def revocation_list(self, untrusted: bytes, issuer: "Certificate") -> "CertificateRevocationList":
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        revoked = x509.load_der_x509_crl(untrusted)
        key = issuer.public_key()
        signed = isinstance(key, ec.EllipticCurvePublicKey) and revoked.is_signature_valid(key)
        if revoked.issuer != issuer.subject or not signed:
            raise NotProven(f"a revocation list is not signed by {common_name(issuer)}")
        if revoked.next_update_utc is None:
            raise NotProven(f"the revocation list of {common_name(issuer)} does not say how long it holds")
        self._holds(f"the revocation list of {common_name(issuer)}", revoked.last_update_utc, revoked.next_update_utc)
        return revoked

    def statement(self, untrusted: str, signature: bytes, signer: "Certificate") -> dict[str, Any]:
        """What Intel says in JSON, once its signature (r and s, 32 bytes each) and its dates hold."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        key = signer.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or len(signature) != 64:
            raise NotProven("the collateral is signed in another way than Intel signs")
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        try:
            key.verify(encode_dss_signature(r, s), untrusted.encode(), ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise NotProven(f"the collateral is not what {common_name(signer)} signed") from None
        told = json.loads(untrusted)
        begins, ends = (datetime.fromisoformat(told[name]) for name in ("issueDate", "nextUpdate"))
        self._holds("the collateral", begins, ends)
        return dict(told)

    def _holds(self, what: str, begins: datetime, ends: datetime) -> None:
        if self._now < begins:
            raise NotProven(f"{what} is valid only from {begins:%Y-%m-%d} on: is this computer's clock right?")
        if self._now >= ends:
            raise NotProven(f"{what} expired on {ends:%Y-%m-%d}: is this computer's clock right?")
        self._ends(ends)

    def _ends(self, moment: datetime) -> None:
        self.expires = min(self.expires, moment)
