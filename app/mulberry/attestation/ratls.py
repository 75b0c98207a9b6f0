"""What is asked of a TLS session besides the certificate. Source: the protocol page, section 2."""

import ssl
from datetime import datetime

from mulberry.attestation.errors import NotProven
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.verifier import verify_peer
from mulberry.model.attestation import PeerEvidence, Requirements

CIPHER_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384")


def verify_session(session: ssl.SSLObject, requirements: Requirements, now: datetime, tdx: TdxVerifier) -> PeerEvidence:
    """Judges the other end of a session whose handshake is over and over which nothing was sent. Raises `NotProven`.

    `session` is a stream's `get_extra_info("ssl_object")`.
    """
    suite = session.cipher()
    if session.version() != "TLSv1.3" or suite is None or suite[0] not in CIPHER_SUITES:
        raise NotProven(f"it speaks {session.version()} with {suite[0] if suite else 'no cipher'}")
    return verify_peer(presented_chain(session), requirements, now, tdx)


def presented_chain(session: ssl.SSLObject) -> tuple[bytes, ...]:
    """All certificates (DER) that the other end sent, its own first."""
    # public from Python 3.13 on; before, the same call lies one level down
    untrusted = getattr(session, "get_unverified_chain", None) or session._sslobj.get_unverified_chain  # type: ignore[attr-defined]
    return tuple(
        item if isinstance(item, bytes) else ssl.PEM_cert_to_DER_cert(item.public_bytes()) for item in untrusted() or ()
    )
