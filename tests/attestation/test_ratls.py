"""The whole handshake against another TLS implementation: nothing may be sent before the peer is proven."""

import ssl
from contextlib import suppress
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

SELF_SIGNED, UNKNOWN_CRITICAL_EXTENSION = 18, 34  # the only ones that the public router overlooks
NO_COLLATERAL = TdxVerifier(CollateralFolder(Path("there-is-none")))


class Proxy:
    """The listening end, with the public router's rules for TLS, in memory."""

    def __init__(self, peer: PeerCertificate, *, suites: bytes = b"", more: tuple[PeerCertificate, ...] = ()) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(peer.certificate)
        for extra in more:
            context.add_extra_chain_cert(extra.certificate)
        context.use_privatekey(peer.key)
        self.objections: set[int] = set()  # OpenSSL's, to what we show
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._overlook)
        if suites:
            context.set_tls13_ciphersuites(suites)
        self.tls = SSL.Connection(context, None)
        self.tls.set_accept_state()

    def _overlook(self, _connection: object, _certificate: object, error: int, _depth: int, fine: int) -> bool:
        if not fine:
            self.objections.add(error)
        return True

    def answer(self, sent: bytes) -> bytes:
        if sent:
            self.tls.bio_write(sent)
        with suppress(SSL.WantReadError):
            self.tls.do_handshake()
        try:
            return self.tls.bio_read(2**16)
        except SSL.WantReadError:
            return b""


def connect(proxy: Proxy) -> ssl.SSLObject:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = make_pair(AT, bytes).client_context().wrap_bio(incoming, outgoing)
    for _ in range(10):
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            incoming.write(proxy.answer(outgoing.read()))
    proxy.answer(outgoing.read())
    return session


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
