"""The listening end of RA-TLS, on pyOpenSSL: Python's own `ssl` cannot ask for a self-signed certificate and take it.

Source: the protocol page, section 2. OpenSSL works on two buffers in memory; the bytes go through asyncio's transport.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from OpenSSL import SSL, crypto

from mulberry.attestation.certificate import KeyPair
from mulberry.cocoon.transports import PeerNotProven, SetUpFailed
from mulberry.model.attestation import PeerEvidence

CIPHER_SUITES = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
CHUNK_BYTES = 64 * 1024

Judge = Callable[[Sequence[bytes]], PeerEvidence]


def listening_context(pair: KeyPair) -> SSL.Context:
    """TLS 1.3, two suites, no resumption, a certificate asked of the other side and not judged by OpenSSL."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(CIPHER_SUITES)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.use_certificate(load_pem_x509_certificate(pair.certificate_pem))
    context.use_privatekey(cast(Ed25519PrivateKey, load_pem_private_key(pair.key_pem, password=None)))
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    return context


class TlsEnd(asyncio.Protocol):
    """Speaks TLS towards the network and hands plain bytes to `inner`, once `judge` is content with the other side.

    `settled` becomes what the other side showed, or `PeerNotProven`, or `SetUpFailed`.
    """

    def __init__(self, context: SSL.Context, judge: Judge, inner: asyncio.Protocol) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()
        self._judge = judge
        self._inner = inner
        self._raw: asyncio.Transport | None = None
        self.settled: asyncio.Future[PeerEvidence] = asyncio.get_running_loop().create_future()

    @property
    def _is_proven(self) -> bool:
        return self.settled.done() and not self.settled.cancelled() and self.settled.exception() is None

    # What the network's transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        while data:
            data = data[self._connection.bio_write(data) :]
        if not self.settled.done():
            self._shake_hands()
        if self._is_proven:
            self._read()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_proven:
            self._inner.connection_lost(exc)
        elif not self.settled.done():
            self.settled.set_exception(SetUpFailed("it closed the connection in the TLS handshake"))

    # What the plain end calls

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._connection.send(rest[:CHUNK_BYTES]) :]
        self._flush()

    def close(self) -> None:
        with suppress(SSL.Error):  # then the other side will not hear our farewell
            self._connection.shutdown()
        self._flush()
        self.raw.close()

    @property
    def raw(self) -> asyncio.Transport:
        if self._raw is None:
            raise RuntimeError("not connected")
        return self._raw

    # Between the two

    def _shake_hands(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error as problem:
            self._flush()  # the alert
            self.raw.close()
            self.settled.set_exception(SetUpFailed(f"the TLS handshake failed ({_words(problem)})"))
            return
        self._flush()
        try:
            evidence = self._judge(_presented_chain(self._connection))
        except PeerNotProven as problem:
            self.raw.close()
            self.settled.set_exception(problem)
            return
        self.settled.set_result(evidence)
        self._inner.connection_made(_PlainEnd(self))

    def _read(self) -> None:
        while not self.raw.is_closing():
            try:
                data = self._connection.recv(CHUNK_BYTES)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:  # the other side said farewell
                self.raw.close()
                break
            except SSL.Error:
                self.raw.abort()
                break
            self._inner.data_received(data)
        self._flush()

    def _flush(self) -> None:
        pieces = []
        try:
            while True:
                pieces.append(self._connection.bio_read(CHUNK_BYTES))
        except SSL.WantReadError:
            pass
        if pieces and not self.raw.is_closing():
            self.raw.write(b"".join(pieces))


class _PlainEnd(asyncio.Transport):
    """The transport that the inner protocol sees."""

    def __init__(self, tls: TlsEnd) -> None:
        super().__init__()
        self._tls = tls
        self._raw = tls.raw
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.is_closing():
            self._tls.write(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if not self.is_closing():
            self._closing = True
            self._tls.close()

    def abort(self) -> None:
        self._closing = True
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()

    def is_reading(self) -> bool:
        return self._raw.is_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._raw.get_extra_info(name, default)


def _presented_chain(connection: SSL.Connection) -> list[bytes]:
    """All certificates (DER) of the other side; at a listening end OpenSSL leaves its own out of the chain."""
    own, others = connection.get_peer_certificate(), connection.get_peer_cert_chain() or []
    return [crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in (own, *others) if one is not None]


def _words(problem: SSL.Error) -> str:
    """OpenSSL's reason, which is the last item of each of its errors."""
    errors = problem.args[0] if problem.args else ()
    return str(errors[-1][-1]) if errors and isinstance(errors, list) else "no reason given"
