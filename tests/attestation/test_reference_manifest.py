"""A manifest says what a genuine GPU measures to: whoever could write one could make any GPU look genuine."""

import re
from datetime import UTC, datetime

import pytest

from mulberry.attestation.errors import NotProven
from mulberry.attestation.gpu_references import GpuReferences
from mulberry.attestation.reference_manifest import verify_manifest
from nvidia_samples import AT_THE_TIME, MANIFEST
from synthetic_gpu_report import DRIVER, EXPIRES, NOW, SyntheticNvidia, new_root, sign_manifest

VALUES = {7: (b"\x07" * 48,), 21: (b"\x21" * 48, b"\x22" * 48)}


def test_nvidias_own_signature_holds_under_the_built_in_root() -> None:
    manifest = verify_manifest(MANIFEST, GpuReferences(None).reference_root, AT_THE_TIME)
    assert manifest.version == "96.00.5e.00.03"
    assert len(manifest.measurements) == 12
    assert manifest.expires == datetime(2025, 9, 5, 8, 28, 52, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'active="False"', b'active="True"'),
        (b'colloquialVersion="96.00.5E.00.03"', b'colloquialVersion="96.00.5E.00.04"'),
        (b"<ns0:Payload", b"<ns0:Payload/><ns0:Payload"),
        (b"    <ns0:Meta", b"<ns0:Meta"),
    ],
)
def test_a_changed_manifest_is_not_what_was_signed(old: bytes, new: bytes) -> None:
    changed = MANIFEST.replace(old, new, 1)
    assert changed != MANIFEST
    with pytest.raises(NotProven, match="not what was signed"):
        verify_manifest(changed, GpuReferences(None).reference_root, AT_THE_TIME)


def test_a_signature_that_was_changed_is_wrong() -> None:
    at = MANIFEST.index(b"<ds:SignatureValue>") + len(b"<ds:SignatureValue>")
    changed = MANIFEST[:at] + (b"A" if MANIFEST[at : at + 1] != b"A" else b"B") + MANIFEST[at + 1 :]
    with pytest.raises(NotProven, match="signature is wrong"):
        verify_manifest(changed, GpuReferences(None).reference_root, AT_THE_TIME)


def test_only_measurements_that_are_to_be_compared_count_with_all_their_alternatives(nvidia: SyntheticNvidia) -> None:
    manifest = verify_manifest(nvidia.manifest(DRIVER, VALUES), nvidia.reference_root.certificate, NOW)
    assert manifest.measurements == {index: frozenset(values) for index, values in VALUES.items()}
    assert (manifest.version, manifest.expires) == (DRIVER, EXPIRES)


def test_a_manifest_that_compares_nothing_is_none(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(NotProven, match="nothing that could be compared"):
        verify_manifest(nvidia.manifest(DRIVER, {}), nvidia.reference_root.certificate, NOW)


def test_an_expired_signer_a_clock_in_the_past_and_another_root_are_refused(nvidia: SyntheticNvidia) -> None:
    manifest = nvidia.manifest(DRIVER, VALUES)
    root = nvidia.reference_root.certificate
    for now, why in ((EXPIRES.replace(year=2037), "expired on"), (NOW.replace(year=1999), "valid only from")):
        with pytest.raises(NotProven, match=why):
            verify_manifest(manifest, root, now)
    with pytest.raises(NotProven, match="not issued by"):
        verify_manifest(manifest, new_root("fake CoRIM signing Root CA").certificate, NOW)
    with pytest.raises(NotProven, match="not issued by"):
        verify_manifest(manifest, GpuReferences(None).reference_root, NOW)


def test_a_signer_that_signed_itself_is_nobody(nvidia: SyntheticNvidia) -> None:
    stranger = new_root("fake RIM signer")
    with pytest.raises(NotProven, match="not issued by"):
        verify_manifest(nvidia.manifest(DRIVER, VALUES, signer=stranger), nvidia.reference_root.certificate, NOW)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('URI=""', 'URI="#part"'),
        ("2000/09/xmldsig#enveloped-signature", "TR/1999/REC-xpath-19991116"),
        ("xmldsig-more#ecdsa-sha384", "xmldsig-more#hmac-sha384"),
        ("2006/12/xml-c14n11", "TR/2001/REC-xml-c14n-20010315#WithComments"),
    ],
)
def test_a_signature_over_a_part_or_by_other_rules_is_refused(nvidia: SyntheticNvidia, old: str, new: str) -> None:
    changed = nvidia.manifest(DRIVER, VALUES).decode().replace(old, new)
    with pytest.raises(NotProven, match="another way than NVIDIA signs"):
        verify_manifest(changed.encode(), nvidia.reference_root.certificate, NOW)


def test_a_rule_with_parameters_is_another_rule(nvidia: SyntheticNvidia) -> None:
    whole = nvidia.manifest(DRIVER, VALUES).decode()
    changed = re.sub(r"(<ds:DigestMethod [^>]*)/>", r"\1><ds:Truncated/></ds:DigestMethod>", whole)
    assert changed != whole
    with pytest.raises(NotProven, match="has parameters"):
        verify_manifest(changed.encode(), nvidia.reference_root.certificate, NOW)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("<other>SIGNATURE</other>", "no software identity"),
        ('<SoftwareIdentity xmlns="{swid}">SIGNATURE</SoftwareIdentity>', "elements Meta"),
        (
            '<SoftwareIdentity xmlns="{swid}"><Meta/><Payload/>SIGNATURESIGNATURE</SoftwareIdentity>',
            "elements Signature",
        ),
        (
            '<SoftwareIdentity xmlns="{swid}"><Meta/><Payload><R index="64" alternatives="0" size="48"/></Payload>'
            "SIGNATURE</SoftwareIdentity>",
            "measurement 64",
        ),
        (
            '<SoftwareIdentity xmlns="{swid}"><Meta/><Payload><R index="3" alternatives="0" size="48" active="False"/>'
            '<R index="3" alternatives="0" size="48"/></Payload>SIGNATURE</SoftwareIdentity>',
            "measurement 3 is there twice",
        ),
        (
            '<SoftwareIdentity xmlns="{swid}"><Meta/><Payload><R index="x"/></Payload>SIGNATURE</SoftwareIdentity>',
            "cannot be read",
        ),
    ],
)
def test_what_is_signed_and_no_manifest_is_refused(nvidia: SyntheticNvidia, template: str, why: str) -> None:
    swid = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
    once = sign_manifest(
        template.replace("{swid}", swid).replace("SIGNATURESIGNATURE", "SIGNATURE"), nvidia.signer, nvidia.signer.der
    )
    if "SIGNATURESIGNATURE" in template:
        frame = once[once.index(b"<ds:Signature") : once.index(b"</ds:Signature>") + len(b"</ds:Signature>")]
        once = once.replace(frame, frame * 2)
    with pytest.raises(NotProven, match=why):
        verify_manifest(once, nvidia.reference_root.certificate, NOW)


@pytest.mark.parametrize("noise", [b"", b"<", b"\xff" * 100, b"<a>" * 5000, bytes(70_000)])
def test_noise_is_no_manifest(noise: bytes) -> None:
    with pytest.raises(NotProven, match="cannot be read"):
        verify_manifest(noise, GpuReferences(None).reference_root, NOW)
