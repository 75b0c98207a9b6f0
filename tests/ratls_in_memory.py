"""A listening end with the public router's rules for TLS, in memory, and our session with it."""

import ssl
from contextlib import suppress

from OpenSSL import SSL

from mulberry.attestation.certificate import make_pair
from peer_certificates import AT, PeerCertificate


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
