"""What a peer shows is all we know of it: one defect that passes, and prompts go to a stranger."""

import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.errors import NotProven
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.verifier import MOST_CERTIFICATE_BYTES, verify_peer
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from peer_certificates import AT, MADE, PeerCertificate, fake_quote
from synthetic_tdx import NOW, Form, Guest, SyntheticIntel, der

RECORDED = Path(__file__).parents[1] / "vectors" / "attestation" / "fake-tdx-cert.pem"
FAKE_IMAGE = bytes.fromhex("5c55c8f4db4010ba9203d83536d0609856af8c847ac039e37e7dde8fbd574b61")
NO_COLLATERAL = TdxVerifier(CollateralFolder(Path("there-is-none")))
ANY = Requirements(Policy.ANY)
FAKE = Requirements(Policy.FAKE_TDX)
TDX = Requirements(Policy.TDX)


def judge(peer: PeerCertificate, requirements: Requirements = FAKE) -> PeerEvidence:
    return verify_peer([peer.der], requirements, AT, NO_COLLATERAL)


def recorded_der() -> bytes:
    return ssl.PEM_cert_to_DER_cert(RECORDED.read_text(encoding="ascii"))


def test_the_public_generators_certificate_is_good_though_marked_as_version_1() -> None:
    evidence = verify_peer([recorded_der()], FAKE, NOW + timedelta(hours=7), NO_COLLATERAL)
    assert evidence.image_hash == FAKE_IMAGE == sha256(bytes(448)).digest()
    assert evidence.public_key.hex().startswith("815df5a53b6882a2")
    assert evidence.verdict == "TEST, nothing proven"
    asked_for_nothing = verify_peer([recorded_der()], ANY, NOW + timedelta(hours=7), NO_COLLATERAL)
    assert asked_for_nothing == PeerEvidence(Policy.ANY, evidence.public_key)


def test_a_certificate_without_a_quote_is_good_where_none_is_asked_for() -> None:
    assert judge(PeerCertificate(quote=None, claims=None), ANY).image_hash is None


def test_listed_values_are_accepted() -> None:
    zero = bytes(48)
    listed = Requirements(
        Policy.FAKE_TDX, frozenset({FAKE_IMAGE}), frozenset({zero}), frozenset({(zero, zero, zero, zero)})
    )
    assert judge(PeerCertificate(), listed).image_hash == FAKE_IMAGE


STRANGER = Ed25519PrivateKey.generate()
REFUSALS: list[tuple[str, Callable[[], PeerCertificate], Requirements]] = [
    ("not signed by itself .Issuer", lambda: PeerCertificate(issuer="an authority"), FAKE),
    ("own signature is wrong", lambda: PeerCertificate(signed_by=STRANGER), FAKE),
    ("key is not Ed25519", lambda: PeerCertificate(key=ec.generate_private_key(ec.SECP256R1())), ANY),
    ("valid only from 2026-11-22 08:00:00 UTC", lambda: PeerCertificate(made=MADE + timedelta(hours=2)), ANY),
    ("expired at 2026-11-22 06:30:00 UTC", lambda: PeerCertificate(lives=timedelta(minutes=30)), ANY),
    (r"we do not know \(1\.3\.6\.1\.4\.1\.12345\.3\)", lambda: odd_extension(critical=True), ANY),
    ("claims another key", lambda: PeerCertificate(claims=b"k" * 32), ANY),
    ("claims another key", lambda: PeerCertificate(claims=b""), FAKE),
    ("does not claim its key", lambda: PeerCertificate(claims=None), ANY),
    ("shows no quote, and this network's policy .fake_tdx. asks", lambda: PeerCertificate(quote=None), FAKE),
    ("shows no quote, and this network's policy .tdx. asks", lambda: PeerCertificate(quote=None), TDX),
    ("quote has 32,769 bytes, at most 32,768", lambda: PeerCertificate(quote=bytes(32 * 2**10 + 1)), ANY),
    ("fake quote has 63 bytes, not 64", lambda: PeerCertificate(quote=bytes(63)), FAKE),
    ("fake quote has 0 bytes, not 64", lambda: PeerCertificate(quote=b""), FAKE),
    ("for another key than", lambda: PeerCertificate(quote=fake_quote(b"k" * 32)), FAKE),
    ("cut short|version", PeerCertificate, TDX),
    ("image 5c55c8f4db4010ba… is not on the list", PeerCertificate, Requirements(Policy.FAKE_TDX, frozenset({b"x"}))),
    ("MRTD 0000000000000000… is not", PeerCertificate, Requirements(Policy.FAKE_TDX, mrtds=frozenset({b"x" * 48}))),
    (
        "set of RTMRs is not on",
        PeerCertificate,
        Requirements(Policy.FAKE_TDX, rtmrs=frozenset({(b"x" * 48, bytes(48), bytes(48), bytes(48))})),
    ),
    ("collateral root is not", PeerCertificate, Requirements(Policy.FAKE_TDX, collateral_roots=frozenset({b"x"}))),
    ("policy .any. asks for no quote", PeerCertificate, Requirements(Policy.ANY, frozenset({FAKE_IMAGE}))),
]


def odd_extension(*, critical: bool) -> PeerCertificate:
    return PeerCertificate(more=[("1.3.6.1.4.1.12345.3", b"?", critical)])


@pytest.mark.parametrize(("words", "peer", "requirements"), REFUSALS, ids=range(len(REFUSALS)))
def test_each_defect_is_refused_in_its_own_words(
    words: str, peer: Callable[[], PeerCertificate], requirements: Requirements
) -> None:
    with pytest.raises(NotProven, match=words):
        judge(peer(), requirements)


@pytest.mark.parametrize(("chain", "words"), [([], "no certificates"), ([b"", b""], "2 certificates, not one")])
def test_exactly_one_certificate_is_read(chain: list[bytes], words: str) -> None:
    with pytest.raises(NotProven, match=words):
        verify_peer(chain, ANY, AT, NO_COLLATERAL)


def test_an_extension_that_is_not_critical_may_be_unknown() -> None:
    assert judge(odd_extension(critical=False)).image_hash == FAKE_IMAGE


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_serial_number_that_is_not_positive_is_refused() -> None:
    peer = PeerCertificate()
    assert isinstance(peer.key, Ed25519PrivateKey)
    serial, ed25519 = b"\x02\x01\x05", bytes.fromhex("300506032b6570")
    signed = peer.certificate.tbs_certificate_bytes.replace(serial, b"\x02\x01\x85", 1)
    odd = der(0x30, signed, ed25519, der(3, b"\0", peer.key.sign(signed)))
    with pytest.raises(NotProven, match="serial number is not positive"):
        verify_peer([odd], ANY, AT, NO_COLLATERAL)


def test_such_a_number_writes_nothing_past_its_refusal() -> None:
    made = "import mulberry.attestation.verifier, warnings; warnings.warn('Parsed a serial number which was 0')"
    done = subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_large_certificate_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(NotProven, match="at most 65,536 are read"):
        verify_peer([bytes(MOST_CERTIFICATE_BYTES + 1)], ANY, AT, NO_COLLATERAL)


@pytest.mark.parametrize("requirements", [ANY, FAKE], ids=["any", "fake_tdx"])
@given(data=st.data())
def test_changed_bytes_are_refused_or_change_nothing(requirements: Requirements, data: st.DataObject) -> None:
    good = recorded_der()
    at = NOW + timedelta(hours=7)
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([None, None, None, 1, 4, 100, 600]))
    try:
        evidence = verify_peer([bytes(changed[:cut])], requirements, at, NO_COLLATERAL)
    except NotProven:
        return
    assert evidence == verify_peer([good], requirements, at, NO_COLLATERAL)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(garbage: bytes) -> None:
    with pytest.raises(NotProven):
        verify_peer([garbage], ANY, AT, NO_COLLATERAL)


class OnePlatform:
    def __init__(self, collateral: str) -> None:
        self.collateral = collateral

    def find(self, fmspc: str, ca: str) -> str | None:
        return self.collateral


def with_quote(intel: SyntheticIntel, form: Form, *, for_key: bytes | None = None) -> PeerCertificate:
    key = Ed25519PrivateKey.generate()
    report_data = fake_quote(for_key or key.public_key().public_bytes_raw())
    return PeerCertificate(quote=intel.quote(Guest(report_data), form), key=key, made=NOW)


@pytest.mark.parametrize("form", Form)
def test_a_verified_quote_proves_the_image(intel: SyntheticIntel, form: Form) -> None:
    tdx = TdxVerifier(OnePlatform(intel.collateral()), intel.root_der)
    evidence = verify_peer([with_quote(intel, form).der], TDX, NOW, tdx)
    assert evidence.measurements is not None
    assert evidence.image_hash == evidence.measurements.image_hash
    assert evidence.verdict.startswith("TDX quote verified, image ")
    listed = Requirements(Policy.TDX, frozenset({evidence.measurements.image_hash}))
    assert verify_peer([with_quote(intel, form).der], listed, NOW, tdx).measurements == evidence.measurements


def test_a_verified_quote_of_somebody_else_is_refused(intel: SyntheticIntel) -> None:
    tdx = TdxVerifier(OnePlatform(intel.collateral()), intel.root_der)
    with pytest.raises(NotProven, match="made for another key"):
        verify_peer([with_quote(intel, Form.V4, for_key=b"k" * 32).der], TDX, NOW, tdx)


def test_an_image_that_is_not_listed_is_refused_however_good_its_quote(intel: SyntheticIntel) -> None:
    tdx = TdxVerifier(OnePlatform(intel.collateral()), intel.root_der)
    with pytest.raises(NotProven, match=r"its image .* is not on the list"):
        verify_peer([with_quote(intel, Form.V4).der], Requirements(Policy.TDX, frozenset({FAKE_IMAGE})), NOW, tdx)


def test_a_root_that_is_not_listed_is_refused(intel: SyntheticIntel) -> None:
    tdx = TdxVerifier(OnePlatform(intel.collateral()), intel.root_der)
    with pytest.raises(NotProven, match=r"its collateral root .* is not on the list"):
        verify_peer(
            [with_quote(intel, Form.V4).der], Requirements(Policy.TDX, collateral_roots=frozenset({b"x"})), NOW, tdx
        )
