"""Whether a certificate was revoked, by an OCSP answer that was kept in a file.

Source: RFC 6960. The answer must be signed by an authority of the same verified chain, or by a responder that such an
authority named (key usage OCSPSigning). Nothing here asks the network, and so no nonce is expected.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mulberry.attestation.errors import NotProven, refusing

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.ocsp import OCSPResponse

MOST_ANSWER_BYTES = 32 * 2**10
OLDEST_ANSWER = timedelta(days=7)  # where an answer does not say itself when the next one comes


class RevokedError(NotProven):
    """An authority says, with a good signature, that a certificate is not to be trusted any more."""


def verify_not_revoked(
    untrusted_answer: bytes, certificate: "Certificate", authorities: "Sequence[Certificate]", now: datetime
) -> datetime:
    """Until when the answer holds that `certificate` is good. `authorities` are those above it in its verified chain,
    its issuer first.

    Raises `RevokedError`: it is revoked; `NotProven`: the answer says nothing that counts, and why.
    """
    from cryptography.x509 import ocsp

    if len(untrusted_answer) > MOST_ANSWER_BYTES:
        raise NotProven(f"the answer has {len(untrusted_answer):,} bytes")
    with refusing("the answer cannot be read"):
        answer = ocsp.load_der_ocsp_response(untrusted_answer)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise NotProven("the authority did not answer")
        if not _is_about(answer, certificate, authorities[0]):
            raise NotProven("the answer is about another certificate")
        _verify_signature(answer, authorities, now)
        until = answer.next_update_utc or answer.this_update_utc + OLDEST_ANSWER
        if not answer.this_update_utc <= now <= until:
            raise NotProven(f"the answer holds from {answer.this_update_utc:%Y-%m-%d} to {until:%Y-%m-%d}")
        if answer.certificate_status is ocsp.OCSPCertStatus.REVOKED:
            raise RevokedError(f"it was revoked on {answer.revocation_time_utc:%Y-%m-%d}")
        if answer.certificate_status is not ocsp.OCSPCertStatus.GOOD:
            raise NotProven("the authority does not know the certificate")
        return until


def _is_about(answer: "OCSPResponse", certificate: "Certificate", issuer: "Certificate") -> bool:
    from cryptography.x509 import ocsp

    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, answer.hash_algorithm).build()
    return (answer.serial_number, answer.issuer_name_hash, answer.issuer_key_hash) == (
        asked.serial_number,
        asked.issuer_name_hash,
        asked.issuer_key_hash,
    )


def _verify_signature(answer: "OCSPResponse", authorities: "Sequence[Certificate]", now: datetime) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    algorithm = answer.signature_hash_algorithm
    for signer in (*authorities, *(each for each in answer.certificates[:4] if _may_answer(each, authorities, now))):
        key = signer.public_key()
        try:
            if isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
                key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
            elif isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
                key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
            else:
                continue
        except InvalidSignature:
            continue
        return
    raise NotProven("the answer is signed by nobody who may say so")


def _may_answer(responder: "Certificate", authorities: "Sequence[Certificate]", now: datetime) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import ExtendedKeyUsageOID

    uses = [each.value for each in responder.extensions if isinstance(each.value, x509.ExtendedKeyUsage)]
    if not any(ExtendedKeyUsageOID.OCSP_SIGNING in use for use in uses):
        return False
    if not responder.not_valid_before_utc <= now <= responder.not_valid_after_utc:
        return False
    for authority in authorities:
        try:
            responder.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return True
    return False
