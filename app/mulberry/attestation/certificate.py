"""The certificate we show over RA-TLS, byte for byte as the public generator makes it but for the version field.

Source: the protocol page, section 2, and a certificate of the public `gen-cert`. The surprising things: the quote and
the claims lie raw inside their extensions, not wrapped in DER; 127.0.0.1 is written as a *DNS* name, because that is
how the public router looks for it.
"""

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha512
from ipaddress import IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mulberry.attestation import tsm
from mulberry.model.attestation import Policy
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded
from mulberry.model.language import tr

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.x509 import ExtensionType, Name

QUOTE_OID = "1.3.6.1.4.1.12345.1"
CLAIMS_OID = "1.3.6.1.4.1.12345.2"
VALID_FOR = timedelta(days=1)
RENEW_AFTER = timedelta(hours=20)
BACKDATED_BY = timedelta(minutes=5)  # a peer whose clock is a little behind ours must not see the future

MakeQuote = Callable[[bytes], bytes]  # 64 bytes of REPORTDATA in, the quote out


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its Ed25519 key, both PEM, the key PKCS#8 and not encrypted."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)

    def client_context(self) -> ssl.SSLContext:
        """TLS 1.3, no resumption, this certificate; the peer's is not judged here but by `ratls.verify_session`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_NO_TICKET
        with _as_file(self.certificate_pem + self.key_pem) as path:
            context.load_cert_chain(path, password=_nothing)  # else OpenSSL asks the terminal for an encrypted key's
        return context


class CertificateSource(Protocol):
    """Where the certificate comes from that we show."""

    def current(self) -> KeyPair:
        """The one to show now. May take a moment (a TDX quote is made by another program): call it in a thread.

        Raises `UserFacingError`: there is none, and why.
        """
        ...


class OwnCertificate:
    """A certificate of our own, its key only in memory, made when first asked for and again every 20 hours.

    `policy` says what it shows: nothing, a fake quote (test networks only), or a quote of this TDX guest.
    """

    def __init__(self, policy: Policy, clock: Clock, make_tdx_quote: MakeQuote = tsm.make_quote) -> None:
        self._make_quote = {Policy.ANY: None, Policy.FAKE_TDX: bytes, Policy.TDX: make_tdx_quote}[policy]
        self._clock = clock
        self._pair: KeyPair | None = None
        self._made_at: datetime | None = None

    def current(self) -> KeyPair:
        now = self._clock.now()
        # a clock that was set back may not keep a certificate alive that others see as expired, or not yet valid
        if self._pair is None or self._made_at is None or not self._made_at <= now < self._made_at + RENEW_AFTER:
            self._pair, self._made_at = make_pair(now, self._make_quote), now
        return self._pair


class CertificateFiles:
    """`NAME_cert.pem` and `NAME_key.pem` as the public `gen-cert` writes them, read again when they change.

    `name` is the common part of both paths. Who made them renews them: they live one day.
    """

    def __init__(self, name: Path, clock: Clock) -> None:
        self._clock = clock
        self._paths = (name.with_name(f"{name.name}_cert.pem"), name.with_name(f"{name.name}_key.pem"))
        self._pair: KeyPair | None = None
        self._seen: tuple[tuple[int, int], ...] = ()

    def current(self) -> KeyPair:
        try:
            seen = tuple((status.st_mtime_ns, status.st_size) for status in (path.stat() for path in self._paths))
            if self._pair is None or seen != self._seen:
                certificate, key = (read_bounded(path) or b"" for path in self._paths)
                pair = KeyPair(certificate, key)
                pair.client_context()  # OpenSSL says whether the two belong together
                self._pair, self._seen = pair, seen
            _demand_not_expired(self._pair, self._clock.now())
        except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
            raise UserFacingError(
                what=tr(
                    "The certificate {path} with its key {key} could not be used.",
                    path=self._paths[0],
                    key=self._paths[1].name,
                ),
                why=f"{getattr(problem, 'strerror', None) or problem}.",
                next_step=tr("Make it anew with gen-cert, or take `certificate` out of the profile."),
            ) from problem
        return self._pair


def make_pair(now: datetime, make_quote: MakeQuote | None) -> KeyPair:
    """A new key and its certificate, valid from just before `now` (aware). Without `make_quote` no quote, no claims."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    claims = key.public_key().public_bytes_raw()
    start = now.replace(microsecond=0) - BACKDATED_BY
    name = _name()
    serial = secrets.randbits(127) | 1
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, start, start + VALID_FOR)
    if make_quote is not None:
        for oid, value in ((QUOTE_OID, make_quote(sha512(claims).digest())), (CLAIMS_OID, claims)):
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(extension, critical=True)
    for standard, critical in _standard_extensions(key.public_key()):
        builder = builder.add_extension(standard, critical)
    pem = serialization.Encoding.PEM
    return KeyPair(
        builder.sign(key, None).public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _name() -> "Name":
    from cryptography.x509 import Name, NameAttribute
    from cryptography.x509.oid import NameOID

    return Name(
        [
            NameAttribute(NameOID.COUNTRY_NAME, "AE"),
            NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "DUBAI"),
            NameAttribute(NameOID.ORGANIZATION_NAME, "TDLib Development"),
            NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Security"),
            NameAttribute(NameOID.COMMON_NAME, "localhost"),
        ]
    )


def _standard_extensions(public_key: "Ed25519PublicKey") -> "tuple[tuple[ExtensionType, bool], ...]":
    """In the public generator's order, each with whether it is critical."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    signing_only = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.DNSName("localhost"), x509.DNSName("127.0.0.1"), x509.IPAddress(IPv6Address("::1"))]
    return (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (signing_only, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), True),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
        (x509.SubjectAlternativeName(names), False),
    )


def _nothing() -> bytes:
    return b""


def _demand_not_expired(pair: KeyPair, now: datetime) -> None:
    from cryptography import x509

    end = x509.load_pem_x509_certificate(pair.certificate_pem).not_valid_after_utc
    if end < now:
        raise ValueError(f"It expired at {end:%Y-%m-%d %H:%M:%S} UTC")


@contextmanager
def _as_file(secret: bytes) -> Iterator[Path]:
    """`ssl` reads keys only from files: one in memory where that exists, else one of its owner's only, and briefly."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("certificate"), "wb") as file:
            file.write(secret)
            file.flush()
            yield Path(f"/proc/self/fd/{file.fileno()}")
        return
    handle, name = tempfile.mkstemp(prefix="mulberry-")  # mode 0600
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
        yield path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
