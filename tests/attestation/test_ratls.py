"""The whole handshake against another TLS implementation: nothing may be sent before the peer is proven."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from mulberry.attestation.certificate import make_pair
from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.errors import NotProven
from mulberry.attestation.ratls import presented_chain, verify_session
from mulberry.attestation.tdx import TdxVerifier
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from peer_certificates import AT, PeerCertificate
from ratls_in_memory import Proxy, connect

SELF_SIGNED, UNKNOWN_CRITICAL_EXTENSION = 18, 34  # the only ones that the public router overlooks
NO_COLLATERAL = TdxVerifier(CollateralFolder(Path("there-is-none")))


def judge(session: ssl.SSLObject, policy: Policy = Policy.FAKE_TDX) -> PeerEvidence:
    return verify_session(session, Requirements(policy), AT, NO_COLLATERAL)


def test_both_ends_see_the_others_certificate() -> None:
    peer = PeerCertificate()
    proxy = Proxy(peer)
    session = connect(proxy)
    assert presented_chain(session) == (peer.der,)
    assert judge(session).public_key == peer.key.public_key().public_bytes_raw()  # type: ignore[union-attr]
    ours = proxy.tls.get_peer_certificate(as_cryptography=True)
    assert isinstance(ours, x509.Certificate)
    assert proxy.objections == {SELF_SIGNED, UNKNOWN_CRITICAL_EXTENSION}


def test_a_second_certificate_is_seen_and_refused() -> None:
    session = connect(Proxy(PeerCertificate(), more=(PeerCertificate(),)))
    with pytest.raises(NotProven, match="2 certificates"):
        judge(session)


def test_other_cipher_suites_are_refused() -> None:
    session = connect(Proxy(PeerCertificate(), suites=b"TLS_CHACHA20_POLY1305_SHA256"))
    with pytest.raises(NotProven, match=r"TLSv1\.3 with TLS_CHACHA20_POLY1305_SHA256"):
        judge(session)


def test_a_peer_without_the_asked_proof_is_refused_after_a_good_handshake() -> None:
    session = connect(Proxy(PeerCertificate(quote=None)))
    with pytest.raises(NotProven, match="shows no quote"):
        judge(session)


def test_a_session_that_is_not_set_up_proves_nothing() -> None:
    session = make_pair(AT, None).client_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    with pytest.raises(NotProven, match="no cipher"):
        judge(session)


def test_what_we_make_loads_as_a_pair_elsewhere() -> None:
    pair = make_pair(AT, bytes)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    key = load_pem_private_key(pair.key_pem, None)
    context.use_certificate(x509.load_pem_x509_certificate(pair.certificate_pem))
    context.use_privatekey(key)  # type: ignore[arg-type]
    context.check_privatekey()
