"""The `targets` that strangers' proofs reach: certificates, quotes, statements, and what hardware has signed."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha512
from typing import Any

import dcap_qvl  # noqa: F401  # here, so that its import does not count as memory that an input takes
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fuzz.target import CORPUS, HERE, read
from mulberry.attestation import tpm
from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.collateral_check import check_collateral
from mulberry.attestation.envelope import read_envelope, write_envelope
from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import Evidence, GpuEvidence, TpmEvidence
from mulberry.attestation.gpu_references import GpuReferences
from mulberry.attestation.gpu_report import VerifiedGpu
from mulberry.attestation.gpu_report import verify as verify_gpu
from mulberry.attestation.levels import References, judge
from mulberry.attestation.manifest import read_statement, write_statement
from mulberry.attestation.quote import parse_fake_quote, parse_quote
from mulberry.attestation.reference_manifest import ReferenceManifest, verify_manifest
from mulberry.attestation.spdm import parse_report
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.tpm import VerifiedTpm
from mulberry.attestation.tpm.wire import read_public, read_quoted, read_signature
from mulberry.attestation.verifier import verify_peer
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from mulberry.model.proof import Level, Verdict
from nvidia_samples import AT_THE_TIME, HOPPER_NONCE, MANIFEST, hopper_evidence
from recorded_tpm import Recording, recording

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)  # when the certificates and collateral of the corpus are valid

PEER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEER_KEY = PEER.public_key().public_bytes_raw()
_ED25519 = bytes.fromhex("300506032b6570")  # AlgorithmIdentifier
INTEL = HERE / "intel"  # made up, see its README
TDX = TdxVerifier(CollateralFolder(INTEL), (INTEL / "root.der").read_bytes())


def certificates(data: bytes) -> bool:
    """A peer's certificate as it is, and as the part that its key signs."""
    as_it_is = [_verified(data, Requirements(policy)) for policy in Policy]
    accepted = [*as_it_is, *(_verified(self_signed(data), Requirements(policy)) for policy in Policy)]
    return any(evidence is not None for evidence in accepted)


def self_signed(to_be_signed: bytes) -> bytes:
    """A certificate (DER) around the TBSCertificate, signed with the stranger's key."""
    return _der(0x30, to_be_signed, _ED25519, _der(0x03, b"\0", PEER.sign(to_be_signed)))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 128 + len(length))) + length + content


def _verified(certificate: bytes, requirements: Requirements) -> PeerEvidence | None:
    evidence = read(lambda der: verify_peer((der,), requirements, NOW, TDX), NotProven, certificate, times=20)
    if evidence is None:
        return None
    seen = x509.load_der_x509_certificate(certificate)
    assert seen.not_valid_before_utc <= NOW <= seen.not_valid_after_utc
    assert seen.public_key().public_bytes_raw() == evidence.public_key  # type: ignore[union-attr]
    assert evidence.policy is requirements.policy
    assert (evidence.image_hash is None) is (requirements.policy is Policy.ANY)
    if requirements.policy is not Policy.ANY:
        assert certificate.count(evidence.public_key) >= 2  # in the key's own place, and claimed
        assert sha512(evidence.public_key).digest() in certificate
    return evidence


@cache
def _genuine() -> frozenset[bytes]:
    """The signed parts of the corpus' quotes: Intel's made-up keys are gone, so no others can verify."""
    return frozenset(_signed_part(path.read_bytes()) for path in (CORPUS / "quotes").glob("genuine-*"))


def _signed_part(quote: bytes) -> bytes:
    return quote[: 48 + 584 if quote[0] == 4 else 54 + int.from_bytes(quote[50:54], "little")]


def quotes(data: bytes) -> bool:
    """A TDX quote, and the 64 bytes in its place on test networks."""
    for parse in (parse_quote, parse_fake_quote):
        read(parse, NotProven, data, times=20)
    verified = read(lambda quote: TDX.verify(quote, NOW), NotProven, data, times=20)
    if verified is None:
        return False
    assert _signed_part(data) in _genuine()
    assert verified.quote == parse_quote(data)
    return True


TPM_PARTS = ("ak_public", "quoted", "signature", "ek_public", "certificate")


@cache
def _tpm() -> tuple[Recording, TpmEvidence]:
    recorded = recording("ecc")
    return recorded, tpm.collect(recorded.tpm, recorded.bound_to, recorded.challenge.credential)


def tpms(data: bytes) -> bool:
    """One part, which the first byte chooses, in the place of a genuine TPM's."""
    part, untrusted = TPM_PARTS[data[0] % len(TPM_PARTS)] if data else "quoted", data[1:]
    public = read(lambda part: read_public(part, "a key"), NotProven, untrusted, times=20)
    assert public is None or public.marshalled() == untrusted
    read(read_quoted, NotProven, untrusted, times=20)
    read(read_signature, NotProven, untrusted, times=20)
    recorded, genuine = _tpm()
    changed: dict[str, Any] = {part: untrusted}
    if part == "certificate":
        changed = {"ek_chain": (untrusted, *genuine.ek_chain[1:])}
    evidence = replace(genuine, **changed)

    def verify(_: bytes) -> VerifiedTpm:
        return tpm.verify(evidence, recorded.bound_to, recorded.roots, NOW, recorded.challenge)

    verified = read(verify, NotProven, untrusted, times=20)
    if verified is None or not verified.is_genuine:
        return False
    assert evidence == genuine
    return True


@cache
def _device_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


@cache
def _references() -> References:
    return References(TdxVerifier(CollateralFolder(CORPUS / "none")), GpuReferences(None))


def statements(data: bytes) -> bool:
    """What a computer says of itself, signed by whoever made it up; it brings nobody else's word."""
    statement = read(read_statement, NotProven, data, times=40)
    assert statement is None or write_statement(statement) == data
    key = _device_key()
    shown = Evidence(data, key.public_key().public_bytes_raw(), key.sign(data))

    def judged(_: bytes) -> Verdict:
        return judge(shown, _references(), NOW)

    verdict = read(judged, NotProven, data, times=40)
    assert verdict is not None
    assert verdict.level <= Level.SELF_REPORTED
    assert statement is not None or verdict.level is Level.NOT_ATTESTED
    return verdict.level is Level.SELF_REPORTED


def envelopes(data: bytes) -> bool:
    """Everything that a computer shows, as a file."""
    shown = read(read_envelope, NotProven, data, times=30)
    if shown is None:
        return False
    assert read_envelope(write_envelope(shown)) == shown
    verdict = judge(shown, _references(), NOW)
    assert verdict.level <= Level.SELF_REPORTED  # whoever made it had no maker's key
    return True


# What NVIDIA and Intel signed


@cache
def _gpu() -> GpuEvidence:
    return hopper_evidence()


def reports(data: bytes) -> bool:
    """A GPU's report, or one of its certificates, which the first byte chooses, in the place of a real H100's."""
    genuine, untrusted = _gpu(), data[1:]
    part = data[0] % (1 + len(genuine.chain)) if data else 0
    read(parse_report, NotProven, untrusted, times=20)
    if part == 0:
        shown = replace(genuine, report=untrusted)
    else:
        shown = replace(genuine, chain=(*genuine.chain[: part - 1], untrusted, *genuine.chain[part:]))

    def verified(_: bytes) -> VerifiedGpu:
        return verify_gpu(shown, HOPPER_NONCE, GpuReferences(None), AT_THE_TIME)

    if read(verified, NotProven, untrusted, times=20) is None:
        return False
    assert parse_report(shown.report).signed == parse_report(genuine.report).signed
    assert [_told_by(each) for each in shown.chain] == [_told_by(each) for each in genuine.chain]
    return True


def _told_by(certificate: bytes) -> bytes:
    """What its issuer signed: around that, one and the same signature can be written in several ways."""
    return x509.load_der_x509_certificate(certificate).tbs_certificate_bytes


@cache
def _manifest() -> ReferenceManifest:
    return verify_manifest(MANIFEST, GpuReferences(None).reference_root, AT_THE_TIME)


def manifests(data: bytes) -> bool:
    """NVIDIA's reference measurements, signed XML. What stands beside what was signed may differ, and nothing else."""
    genuine, root = _manifest(), GpuReferences(None).reference_root
    found = read(lambda manifest: verify_manifest(manifest, root, AT_THE_TIME), NotProven, data, times=60)
    if found is None:
        return False
    assert (found.version, found.measurements) == (genuine.version, genuine.measurements)
    return True


SIGNED_PARTS = ("tcb_info", "qe_identity")


def collaterals(data: bytes) -> bool:
    """Intel's word on a platform, as a service gave it."""
    text = data.decode("utf-8", "replace")

    def checked(_: bytes) -> datetime:
        return check_collateral(text, "00906ED50000", "platform", NOW, (INTEL / "root.der").read_bytes())

    if read(checked, NotProven, data, times=40) is None:
        return False
    genuine = json.loads((INTEL / "00906ED50000_platform.json").read_bytes())
    found = json.loads(text)
    assert all(found[part] == genuine[part] for part in SIGNED_PARTS)
    return True
