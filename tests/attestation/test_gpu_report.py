"""On this verdict a stranger's prompt is shown to a GPU, or not: a forged report must never pass, a true one always."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from mulberry.attestation.errors import NotProven
from mulberry.attestation.gpu_references import GpuReferences, answer_name
from mulberry.attestation.gpu_report import manifest_names, verify
from mulberry.attestation.spdm import parse_report
from nvidia_samples import AT_THE_TIME, HOPPER_NONCE, HOPPER_REPORT, hopper_evidence
from synthetic_gpu_report import (
    DRIVER,
    DRIVER_MANIFEST,
    EXPIRES,
    FIRMWARE_ID,
    MEASUREMENTS,
    NONCE,
    NOW,
    VBIOS,
    VBIOS_MANIFEST,
    SyntheticNvidia,
    answer,
    dice,
    new_root,
)


@pytest.fixture
def folder(nvidia: SyntheticNvidia, tmp_path: Path) -> Path:
    nvidia.fill(tmp_path / "nvidia")
    return tmp_path / "nvidia"


def test_a_real_h100_holds_under_the_built_in_root_and_what_is_not_checked_is_said() -> None:
    gpu = verify(hopper_evidence(), HOPPER_NONCE, GpuReferences(None), AT_THE_TIME)
    assert (gpu.driver_version, gpu.vbios_version, gpu.protected_pcie) == ("550.90.07", "96.00.9F.00.01", False)
    assert gpu.certificate == "GH100 A01 GSP FMC LF"
    assert (gpu.compared, gpu.is_complete) == ((), False)
    driver, vbios = gpu.missing[1:]
    assert "NV_GPU_DRIVER_GH100_550.90.07.swidtag" in driver
    assert "NV_GPU_VBIOS_1010_0200_882_96009F0001.swidtag" in vbios


def test_a_real_h100_with_one_bit_changed_does_not_hold() -> None:
    changed = bytearray(HOPPER_REPORT)
    changed[200] ^= 1
    with pytest.raises(NotProven, match="not signed by the GPU"):
        verify(replace(hopper_evidence(), report=bytes(changed)), HOPPER_NONCE, GpuReferences(None), AT_THE_TIME)


def test_with_all_references_at_hand_nothing_is_missing(nvidia: SyntheticNvidia, folder: Path) -> None:
    gpu = verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW)
    assert gpu.missing == ()
    assert gpu.is_complete
    assert gpu.compared == (1, 2, 7, 21, 35)
    assert (gpu.driver_version, gpu.vbios_version) == (DRIVER, VBIOS)
    assert gpu.expires == NOW + timedelta(hours=23)  # the OCSP answers are the first to run out


def test_without_references_the_gpu_is_genuine_and_no_more(nvidia: SyntheticNvidia) -> None:
    gpu = verify(nvidia.evidence(), NONCE, nvidia.references(), NOW)
    assert [sentence.split(" (")[0] for sentence in gpu.missing] == [
        "Whether certificates of its GPU were revoked was not checked",
        "The driver was not compared with NVIDIA's reference measurements",
        "The VBIOS was not compared with NVIDIA's reference measurements",
    ]
    assert gpu.expires == EXPIRES


def test_a_report_for_another_question_is_refused(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(NotProven, match="another question"):
        verify(nvidia.evidence(nonce=bytes(32)), NONCE, nvidia.references(), NOW)


def test_what_the_evidence_says_of_its_nonce_counts_for_nothing(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(NotProven, match="another question"):
        verify(replace(nvidia.evidence(nonce=bytes(32)), nonce=NONCE), NONCE, nvidia.references(), NOW)


def test_nvidias_root_did_not_issue_a_synthetic_gpu(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(NotProven, match="not issued by NVIDIA Device Identity CA"):
        verify(nvidia.evidence(), NONCE, GpuReferences(None), NOW)


def test_an_impostor_root_of_the_same_name_is_refused(nvidia: SyntheticNvidia) -> None:
    impostor = SyntheticNvidia()
    with pytest.raises(NotProven, match="not issued by fake Device Identity CA"):
        verify(impostor.evidence(), NONCE, nvidia.references(), NOW)


def test_the_root_need_not_be_shown(nvidia: SyntheticNvidia) -> None:
    verify(replace(nvidia.evidence(), chain=nvidia.chain[:-1]), NONCE, nvidia.references(), NOW)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (lambda chain: (), "shows no certificates"),
        (lambda chain: chain * 3, "shows 12 certificates"),
        (lambda chain: chain[:1], "not issued by"),
        (lambda chain: chain[:2] + chain[3:], "not issued by"),
        (lambda chain: chain[::-1], "not issued by|may not issue"),
        (lambda chain: (chain[0][:-1], *chain[1:]), "cannot be read"),
        (lambda chain: (b"\x30\x82\xff\xff", *chain[1:]), "cannot be read"),
        (lambda chain: (bytes(20_000), *chain[1:]), "20,000 bytes"),
    ],
)
def test_every_other_chain_is_refused(
    nvidia: SyntheticNvidia, changed: Callable[[tuple[bytes, ...]], tuple[bytes, ...]], why: str
) -> None:
    with pytest.raises(NotProven, match=why):
        verify(replace(nvidia.evidence(), chain=changed(nvidia.chain)), NONCE, nvidia.references(), NOW)


def test_a_gpus_own_key_issues_no_other_gpus(nvidia: SyntheticNvidia) -> None:
    child = nvidia.gpu.issue("fake child", is_authority=False, extension=dice(FIRMWARE_ID))
    evidence = nvidia.evidence(report=nvidia.report(signed_by=child))
    with pytest.raises(NotProven, match="may not issue certificates"):
        verify(replace(evidence, chain=(child.der, *nvidia.chain)), NONCE, nvidia.references(), NOW)


def test_another_gpus_certificates_do_not_fit_the_report(nvidia: SyntheticNvidia) -> None:
    other = nvidia.boot_rom.issue("fake other GPU", is_authority=False, extension=dice(FIRMWARE_ID))
    with pytest.raises(NotProven, match="not signed by the GPU"):
        verify(nvidia.evidence(report=nvidia.report(signed_by=other)), NONCE, nvidia.references(), NOW)


@pytest.mark.parametrize(("years", "why"), [(-40, "valid only from 2026-11-01"), (30, "expired on 2027-11-01")])
def test_certificates_hold_only_in_their_time(nvidia: SyntheticNvidia, years: int, why: str) -> None:
    with pytest.raises(NotProven, match=why):
        verify(nvidia.evidence(), NONCE, nvidia.references(), NOW + timedelta(days=365 * years))


def test_a_key_on_another_curve_is_refused(nvidia: SyntheticNvidia) -> None:
    gpu = nvidia.boot_rom.issue("fake P-256 GPU", is_authority=False, curve=ec.SECP256R1())
    evidence = replace(nvidia.evidence(), chain=(gpu.der, *nvidia.chain[1:]))
    with pytest.raises(NotProven, match="P-384"):
        verify(evidence, NONCE, nvidia.references(), NOW)


@pytest.mark.parametrize("certified", [b"\xf2" * 48, None])
def test_firmware_that_the_certificate_was_not_made_for_is_refused(
    nvidia: SyntheticNvidia, certified: bytes | None
) -> None:
    gpu = nvidia.boot_rom.issue(
        "fake GPU", is_authority=False, extension=None if certified is None else dice(certified)
    )
    evidence = replace(nvidia.evidence(report=nvidia.report(signed_by=gpu)), chain=(gpu.der, *nvidia.chain[1:]))
    with pytest.raises(NotProven, match="another firmware"):
        verify(evidence, NONCE, nvidia.references(), NOW)


def test_a_report_that_names_no_firmware_says_less(nvidia: SyntheticNvidia, folder: Path) -> None:
    evidence = nvidia.evidence(report=nvidia.report(opaque={20: None}))
    (said,) = verify(evidence, NONCE, nvidia.references(folder), NOW).missing
    assert said.startswith("The report does not name its firmware")


@pytest.mark.parametrize(("index", "what"), [(7, "driver"), (2, "VBIOS")])
def test_a_measurement_that_is_not_nvidias_is_refused(
    nvidia: SyntheticNvidia, folder: Path, index: int, what: str
) -> None:
    measured = {**MEASUREMENTS, index + 1: b"\xbb" * 48}
    evidence = nvidia.evidence(report=nvidia.report(measurements=measured))
    with pytest.raises(NotProven, match=rf"{what} is not as NVIDIA made it \(measurements {index}\)"):
        verify(evidence, NONCE, nvidia.references(folder), NOW)


def test_a_measurement_that_is_left_out_is_refused(nvidia: SyntheticNvidia, folder: Path) -> None:
    measured = {index: value for index, value in MEASUREMENTS.items() if index != 8}
    with pytest.raises(NotProven, match="measurements 7"):
        evidence = nvidia.evidence(report=nvidia.report(measurements=measured))
        verify(evidence, NONCE, nvidia.references(folder), NOW)


def test_a_video_decoder_that_is_off_is_not_compared(nvidia: SyntheticNvidia, folder: Path) -> None:
    measured: Mapping[int, bytes] = {**MEASUREMENTS, 36: bytes(48)}
    off = nvidia.report(measurements=measured, opaque={11: b"\x55"})
    assert 35 not in verify(nvidia.evidence(report=off), NONCE, nvidia.references(folder), NOW).compared
    with pytest.raises(NotProven, match="measurements 35"):
        verify(nvidia.evidence(report=nvidia.report(measurements=measured)), NONCE, nvidia.references(folder), NOW)


def test_references_of_another_version_are_not_compared(nvidia: SyntheticNvidia, folder: Path) -> None:
    (folder / f"{DRIVER_MANIFEST}.swidtag").write_bytes(nvidia.manifest("535.00", {7: (b"\x01" * 48,)}))
    gpu = verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW)
    assert gpu.missing == (
        "The driver was not compared with NVIDIA's reference measurements (it is for version 535.00).",
    )
    assert gpu.compared == (1, 2)


def test_a_verdict_ends_with_the_signer_of_its_references(nvidia: SyntheticNvidia, folder: Path) -> None:
    ends = NOW + timedelta(hours=1)
    signer = nvidia.reference_root.issue("fake short-lived signer", is_authority=False, expires=ends)
    brief = nvidia.manifest(DRIVER, {7: (MEASUREMENTS[8],)}, signer=signer)
    (folder / f"{DRIVER_MANIFEST}.swidtag").write_bytes(brief)
    assert verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW).expires == ends


@pytest.mark.parametrize("broken", [b"", b"<", bytes(70_000)])
def test_a_broken_reference_is_a_missing_one(nvidia: SyntheticNvidia, folder: Path, broken: bytes) -> None:
    (folder / f"{VBIOS_MANIFEST}.swidtag").write_bytes(broken)
    gpu = verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW)
    assert [said.split(" (")[0] for said in gpu.missing] == [
        "The VBIOS was not compared with NVIDIA's reference measurements"
    ]


def test_driver_and_vbios_may_not_both_speak_of_one_measurement(nvidia: SyntheticNvidia, folder: Path) -> None:
    (folder / f"{VBIOS_MANIFEST}.swidtag").write_bytes(nvidia.manifest(VBIOS, {7: (MEASUREMENTS[8],)}))
    (folder / f"{DRIVER_MANIFEST}.swidtag").write_bytes(nvidia.manifest(DRIVER, {7: (MEASUREMENTS[8],)}))
    with pytest.raises(NotProven, match="contradict one another"):
        verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW)


@pytest.mark.parametrize("who", ["gpu", "signer"])
def test_what_was_revoked_proves_nothing(nvidia: SyntheticNvidia, folder: Path, who: str) -> None:
    about, issuer = {
        "gpu": (nvidia.boot_rom, nvidia.identity),
        "signer": (nvidia.signer, nvidia.reference_root),
    }[who]
    revoked = answer(about, issuer, status=ocsp.OCSPCertStatus.REVOKED)
    (folder / answer_name(about.certificate)).write_bytes(revoked)
    with pytest.raises(NotProven, match="revoked on 2026-11-21"):
        verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW)


def test_an_answer_that_cannot_be_used_counts_as_none(nvidia: SyntheticNvidia, folder: Path) -> None:
    name = answer_name(nvidia.identity.certificate)
    (folder / name).write_bytes(answer(nvidia.identity, nvidia.device_root, signed_by=new_root("fake stranger")))
    (said,) = verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW).missing
    assert "fake GH100 Identity: the answer is signed by nobody who may say so" in said


def test_a_root_that_is_not_shown_takes_no_revocation_check_away(nvidia: SyntheticNvidia, folder: Path) -> None:
    bare = replace(nvidia.evidence(), chain=nvidia.chain[:-1])
    assert verify(bare, NONCE, nvidia.references(folder), NOW).is_complete
    (folder / answer_name(nvidia.identity.certificate)).unlink()
    (said,) = verify(bare, NONCE, nvidia.references(folder), NOW).missing
    assert "fake GH100 Identity: there is no " in said


def test_a_manifest_that_shows_its_signer_only_is_checked_for_revocation_too(
    nvidia: SyntheticNvidia, folder: Path
) -> None:
    path = folder / f"{DRIVER_MANIFEST}.swidtag"
    written = path.read_text()
    shown = base64.b64encode(nvidia.reference_root.der).decode()
    assert shown in written
    path.write_text(
        written.replace(f"<ds:X509Certificate>{shown}</ds:X509Certificate>", "")
    )  # no part of what is signed
    assert verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW).is_complete
    (folder / answer_name(nvidia.signer.certificate)).unlink()
    said = verify(nvidia.evidence(), NONCE, nvidia.references(folder), NOW).missing
    assert [sentence.split(" (")[0] for sentence in said] == [
        "Whether certificates of who signed the driver's references were revoked was not checked",
        "Whether certificates of who signed the VBIOS's references were revoked was not checked",
    ]


def test_a_firmware_id_counts_only_where_dice_puts_it(nvidia: SyntheticNvidia) -> None:
    elsewhere = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99"), dice(FIRMWARE_ID).value)
    gpu = nvidia.boot_rom.issue("fake GPU", is_authority=False, extension=elsewhere)
    evidence = replace(nvidia.evidence(report=nvidia.report(signed_by=gpu)), chain=(gpu.der, *nvidia.chain[1:]))
    with pytest.raises(NotProven, match="another firmware"):
        verify(evidence, NONCE, nvidia.references(), NOW)


@pytest.mark.parametrize("told", [None, b"", b"\0\xa5", bytes(9)])
def test_a_report_that_names_no_vbios_is_refused(nvidia: SyntheticNvidia, told: bytes | None) -> None:
    with pytest.raises(NotProven, match="does not name its VBIOS"):
        verify(nvidia.evidence(report=nvidia.report(opaque={6: told})), NONCE, nvidia.references(), NOW)


def test_a_strangers_report_names_no_paths(nvidia: SyntheticNvidia, folder: Path) -> None:
    evidence = nvidia.evidence(report=nvidia.report(opaque={17: b"../../etc/passwd"}))
    with pytest.raises(NotProven, match="field project"):
        verify(evidence, NONCE, nvidia.references(folder), NOW)
    assert nvidia.references(folder).manifest("../../etc/passwd") is None


def test_blackwells_references_are_asked_for_by_its_chip(nvidia: SyntheticNvidia) -> None:
    report = parse_report(nvidia.report(opaque={35: b"GB202\0"}))
    assert manifest_names(report) == ("NV_GPU_CC_DRIVER_GB202_590.12", VBIOS_MANIFEST)
    newer_hopper = parse_report(nvidia.report(opaque={35: b"GH100 A01\0"}))
    assert manifest_names(newer_hopper) == (DRIVER_MANIFEST, VBIOS_MANIFEST)


def test_nothing_is_decided_by_the_feature_flag(nvidia: SyntheticNvidia, folder: Path) -> None:
    """NVIDIA's own tools give its values two different meanings."""
    for flag in (b"\0\0", b"\x01\0", b"\x63"):
        evidence = nvidia.evidence(report=nvidia.report(opaque={36: flag}))
        gpu = verify(evidence, NONCE, nvidia.references(folder), NOW)
        assert gpu.feature_flag == int.from_bytes(flag, "little")
        assert gpu.is_complete


def test_a_question_of_another_length_is_a_bug_of_ours(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        verify(nvidia.evidence(), NONCE[:31], nvidia.references(), NOW)
