"""What we show must look like what the public programs show, or their proxies close the door without a word."""

import os
import ssl
import stat
import tempfile
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha512
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from conftest import SettableClock
from mulberry.attestation.certificate import CLAIMS_OID, QUOTE_OID, CertificateFiles, KeyPair, OwnCertificate, make_pair
from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.verifier import verify_peer
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.errors import UserFacingError
from peer_certificates import der_of

RECORDED = Path(__file__).parents[1] / "vectors" / "attestation" / "fake-tdx-cert.pem"


def parsed(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate_pem)


def extensions(certificate: x509.Certificate) -> list[tuple[str, bool, bytes]]:
    return [(each.oid.dotted_string, each.critical, each.value.public_bytes()) for each in certificate.extensions]


def test_ours_is_the_public_generators_but_for_key_and_time(clock: SettableClock) -> None:
    ours = parsed(OwnCertificate(Policy.FAKE_TDX, clock).current())
    recorded = x509.load_pem_x509_certificate(RECORDED.read_bytes())
    assert ours.subject.public_bytes() == ours.issuer.public_bytes() == recorded.subject.public_bytes()
    assert ours.signature_algorithm_oid == recorded.signature_algorithm_oid
    of_its_key = {QUOTE_OID, CLAIMS_OID, "2.5.29.14"}
    for (oid, critical, value), (their_oid, their_critical, their_value) in zip(
        extensions(ours), extensions(recorded), strict=True
    ):
        assert (oid, critical, len(value)) == (their_oid, their_critical, len(their_value))
        assert value == their_value or oid in of_its_key
    assert ours.not_valid_after_utc - ours.not_valid_before_utc == timedelta(days=1)
    assert recorded.not_valid_after_utc - recorded.not_valid_before_utc == timedelta(days=1)


def test_quote_and_claims_lie_raw_in_their_extensions(clock: SettableClock) -> None:
    certificate = parsed(OwnCertificate(Policy.FAKE_TDX, clock).current())
    whole = certificate.public_bytes(Encoding.DER)
    values = {oid: value for oid, _, value in extensions(certificate)}
    claims = values[CLAIMS_OID]
    assert len(claims) == 32
    assert values[QUOTE_OID] == sha512(claims).digest()
    assert b"\x04\x20" + claims in whole
    assert b"\x04\x40" + values[QUOTE_OID] in whole


def test_where_nothing_is_asked_nothing_is_shown(clock: SettableClock) -> None:
    shown = {oid for oid, _, _ in extensions(parsed(OwnCertificate(Policy.ANY, clock).current()))}
    assert not shown & {QUOTE_OID, CLAIMS_OID}


def test_a_tdx_quote_is_asked_for_our_key(clock: SettableClock) -> None:
    asked: list[bytes] = []

    def make_quote(report_data: bytes) -> bytes:
        asked.append(report_data)
        return b"a quote"

    values = {
        oid: value for oid, _, value in extensions(parsed(OwnCertificate(Policy.TDX, clock, make_quote).current()))
    }
    assert values[QUOTE_OID] == b"a quote"
    assert asked == [sha512(values[CLAIMS_OID]).digest()]


def test_it_is_renewed_long_before_it_expires(clock: SettableClock) -> None:
    own = OwnCertificate(Policy.FAKE_TDX, clock)
    first = own.current()
    clock.pass_time(hours=19, minutes=59)
    assert own.current() is first
    clock.pass_time(minutes=1)
    second = own.current()
    assert second is not first
    assert second.key_pem != first.key_pem
    clock.pass_time(hours=-10)  # the clock was set back: the newer one would be valid only in the future
    assert own.current() is not second


def test_each_one_is_good_for_a_peer_whose_clock_is_a_little_behind_or_20_hours_ahead(clock: SettableClock) -> None:
    der = der_of(OwnCertificate(Policy.FAKE_TDX, clock).current())
    tdx = TdxVerifier(CollateralFolder(Path("there-is-none")))
    for offset in (timedelta(minutes=-4), timedelta(0), timedelta(hours=23)):
        assert verify_peer([der], Requirements(Policy.FAKE_TDX), clock.now() + offset, tdx).image_hash is not None


def test_the_key_is_not_shown_by_accident(clock: SettableClock) -> None:
    pair = OwnCertificate(Policy.ANY, clock).current()
    assert "PRIVATE" not in repr(pair)


def test_the_context_speaks_only_tls_1_3(clock: SettableClock) -> None:
    context = OwnCertificate(Policy.ANY, clock).current().client_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert context.options & ssl.OP_NO_TICKET


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_without_memory_files_the_key_is_on_disk_for_its_owner_only_and_briefly(
    clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = OwnCertificate(Policy.ANY, clock).current()
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes: list[int] = []
    really = ssl.SSLContext.load_cert_chain

    def look(context: ssl.SSLContext, path: Path, password: Callable[[], bytes]) -> None:
        modes.append(stat.S_IMODE(path.stat().st_mode))
        really(context, path, password=password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    before = set(tmp_path.iterdir())
    pair.client_context()
    assert modes == [0o600]
    assert set(tmp_path.iterdir()) == before


def write_files(folder: Path, pair: KeyPair) -> None:
    (folder / "worker_cert.pem").write_bytes(pair.certificate_pem)
    (folder / "worker_key.pem").write_bytes(pair.key_pem)


def test_files_of_the_public_generator_are_read_again_when_they_change(clock: SettableClock, tmp_path: Path) -> None:
    first, second = make_pair(clock.now(), None), make_pair(clock.now(), bytes)
    write_files(tmp_path, first)
    files = CertificateFiles(tmp_path / "worker", clock)
    assert files.current() == first
    assert files.current() is files.current()
    write_files(tmp_path, second)
    assert files.current() == second


def test_files_that_expired_are_said_to_be(clock: SettableClock, tmp_path: Path) -> None:
    write_files(tmp_path, make_pair(clock.now(), bytes))
    files = CertificateFiles(tmp_path / "worker", clock)
    files.current()
    clock.pass_time(hours=24)
    with pytest.raises(UserFacingError, match=r"It expired at 2026-11-23 11:55:00 UTC\."):
        files.current()
    write_files(tmp_path, make_pair(clock.now(), bytes))
    files.current()


def test_files_that_cannot_be_used_are_named(clock: SettableClock, tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path / "worker", clock)
    with pytest.raises(UserFacingError, match=r"worker_cert\.pem with its key worker_key\.pem"):
        files.current()
    pair, other = make_pair(clock.now(), None), make_pair(clock.now(), None)
    for certificate, key in ((pair.certificate_pem, other.key_pem), (b"", b""), (pair.certificate_pem, b"garbage")):
        write_files(tmp_path, KeyPair(certificate, key))
        with pytest.raises(UserFacingError, match="could not be used"):
            files.current()
    encrypted = load_pem_private_key(pair.key_pem, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
    )
    write_files(tmp_path, KeyPair(pair.certificate_pem, encrypted))
    with pytest.raises(UserFacingError, match="could not be used"):  # and nobody is asked for it at a terminal
        files.current()
    write_files(tmp_path, KeyPair(bytes(70_000), pair.key_pem))
    with pytest.raises(UserFacingError, match=r"larger than 65,536 bytes"):
        files.current()
