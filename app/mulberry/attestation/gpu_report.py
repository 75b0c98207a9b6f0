"""Verifies a GPU's measurement report offline: who signed it, for which question, and what it says.

Source: SPDM 1.1 (see `spdm`) and what NVIDIA's own verifiers check (nvtrust's local verifier 2.7.3, attestation-sdk).
A report alone proves a genuine GPU and its firmware. That it runs NVIDIA's own driver and VBIOS, confidentially and not
under debug, shows in its measurements, and so only where references for both were at hand: `missing` says what was not.
NVIDIA's tools give the feature flag two different meanings, so it is shown as a number and nothing is decided by it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from mulberry.attestation.certificate_chain import common_name, read_chain, verify_chain
from mulberry.attestation.errors import NotProven, refusing
from mulberry.attestation.evidence import GpuEvidence
from mulberry.attestation.gpu_references import GpuReferences, answer_name
from mulberry.attestation.reference_manifest import ReferenceManifest, verify_manifest
from mulberry.attestation.revocation import RevokedError, verify_not_revoked
from mulberry.attestation.spdm import NONCE_BYTES, Field, MeasurementReport, parse_report

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

ITS_GPU = "its GPU"
FIRMWARE_ID_OIDS = ("2.23.133.5.4.1", "2.23.133.5.4.1.1")  # TCG DICE: TcbInfo, and Hopper's form of it
ENABLED, DISABLED = b"\xaa", b"\x55"
NVDEC0_MEASUREMENT = 35  # of the first video decoder; NVIDIA does not compare it where that is switched off

# hash algorithm SHA-384 and its digest, as DICE writes a firmware id
_FIRMWARE_ID = re.compile(rb"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x04\x30(.{48})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class VerifiedGpu:
    """A report whose signature, chain, nonce and firmware id hold.

    `uuid` is what the evidence calls the GPU; no report names it. `device` is the SHA-256 of the key that NVIDIA
    certified for it: its own certificate may be another one after each start. `chip` is empty where an older report
    does not name it; `feature_flag` means nothing here. `compared` are the indices (from 0 on) that agree with
    reference values, `missing` says in sentences what was not checked and why.
    """

    uuid: str
    certificate: str
    device: bytes
    driver_version: str
    vbios_version: str
    chip: str
    protected_pcie: bool | None
    feature_flag: int | None
    compared: tuple[int, ...]
    expires: datetime
    missing: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Everything was checked: driver and VBIOS are NVIDIA's, and nothing is revoked."""
        return not self.missing


def verify(untrusted: GpuEvidence, nonce: bytes, references: GpuReferences, now: datetime) -> VerifiedGpu:
    """Checks a report that was asked with `nonce` (32 bytes) at `now` (aware); a few milliseconds.

    Raises `NotProven`: not signed by a genuine GPU, made for another question, or not as NVIDIA's references say.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce of {len(nonce)} bytes")
    report = parse_report(untrusted.report)
    chain = read_chain(untrusted.chain, ITS_GPU)
    expires = verify_chain(chain, references.device_root, now, ITS_GPU)
    _verify_signature(report, chain[0])
    if not compare_digest(report.nonce, nonce):
        raise NotProven("its GPU's report was made for another question")
    checking = _Checking(references, now, expires)
    checking.firmware_id(report, chain[0])
    checking.revocation((*chain, references.device_root) if chain[-1] != references.device_root else chain, ITS_GPU, 1)
    compared = checking.measurements(report)
    flag = report.opaque.get(Field.FEATURE_FLAG)
    return VerifiedGpu(
        uuid=untrusted.uuid[:96],
        certificate=common_name(chain[0]),
        device=_device(chain),
        driver_version=report.text(Field.DRIVER_VERSION),
        vbios_version=vbios_version(report),
        chip=report.text(Field.CHIP),
        protected_pcie=_switch(report.opaque.get(Field.PROTECTED_PCIE_STATUS)),
        feature_flag=None if flag is None else int.from_bytes(flag[:8], "little"),
        compared=compared,
        expires=checking.expires,
        missing=tuple(checking.missing),
    )


def _device(chain: "tuple[Certificate, ...]") -> bytes:
    """Of the certificate that NVIDIA gave this one GPU, which stands above the one that the GPU made itself."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    given = chain[1] if len(chain) > 1 else chain[0]
    with refusing("its GPU's certificates cannot be read"):
        return sha256(given.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def vbios_version(report: MeasurementReport) -> str:
    """As NVML writes it: 96.00.5E.00.01. Raises `NotProven`: the report has no such field."""
    told = report.opaque.get(Field.VBIOS_VERSION, b"")
    if len(told) != 8:
        raise NotProven("its GPU's report does not name its VBIOS")
    return ".".join(f"{byte:02X}" for byte in (*told[3::-1], told[4]))


def manifest_names(report: MeasurementReport) -> tuple[str, str]:
    """Under which names NVIDIA's service knows the reference manifests of the driver and of the VBIOS."""
    chip = report.text(Field.CHIP)
    driver = f"NV_GPU_CC_DRIVER_{chip}" if chip and not chip.startswith("GH100") else "NV_GPU_DRIVER_GH100"
    board = "_".join(report.text(field) for field in (Field.PROJECT, Field.PROJECT_SKU, Field.CHIP_SKU))
    version = vbios_version(report).replace(".", "")
    return f"{driver}_{report.text(Field.DRIVER_VERSION)}", f"NV_GPU_VBIOS_{board}_{version}"


def _verify_signature(report: MeasurementReport, certificate: "Certificate") -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA384

    with refusing("its GPU's key cannot be used"):
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
            raise NotProven("its GPU's key is not of the kind that NVIDIA's GPUs have (P-384)")
        r, s = (int.from_bytes(half, "big") for half in (report.signature[:48], report.signature[48:]))
        try:
            key.verify(encode_dss_signature(r, s), report.signed, ec.ECDSA(SHA384()))
        except InvalidSignature:
            raise NotProven("its GPU's report is not signed by the GPU whose certificate it shows") from None


class _Checking:
    """What is checked against files that may be missing: collects when the first expires, and what was not checked."""

    def __init__(self, references: GpuReferences, now: datetime, expires: datetime) -> None:
        self._references = references
        self._now = now
        self.expires = expires
        self.missing: list[str] = []

    def firmware_id(self, report: MeasurementReport, certificate: "Certificate") -> None:
        reported = report.opaque.get(Field.FIRMWARE_ID)
        if reported is None:
            self.missing.append("The report does not name its firmware, so that was not compared with the certificate.")
        elif reported != _certified_firmware_id(certificate):
            raise NotProven("its GPU runs another firmware than its certificate was made for")

    def revocation(self, chain: "tuple[Certificate, ...]", whose: str, first: int) -> None:
        """From the `first` of `chain` on, without the root. A GPU's own certificate, which it makes itself at each
        start, is nowhere listed."""
        unchecked = []
        for at in range(first, len(chain) - 1):
            answer = self._references.answer(chain[at])
            try:
                if answer is None:
                    raise NotProven(f"there is no {answer_name(chain[at])[:12]}….ocsp here")
                self._rests_on(verify_not_revoked(answer, chain[at], chain[at + 1 :], self._now))
            except RevokedError as problem:
                raise NotProven(f"the certificate {common_name(chain[at])} of {whose}: {problem}") from problem
            except NotProven as problem:
                unchecked.append(f"{common_name(chain[at])}: {problem}")
        if unchecked:
            self.missing.append(
                f"Whether certificates of {whose} were revoked was not checked ({'; '.join(unchecked)})."
            )

    def measurements(self, report: MeasurementReport) -> tuple[int, ...]:
        """The indices that agree. Raises `NotProven`: some do not."""
        names = manifest_names(report)
        versions = (report.text(Field.DRIVER_VERSION), vbios_version(report))
        found = [self._manifest(*each) for each in zip(("driver", "VBIOS"), names, versions, strict=True)]
        agreeing: list[int] = []
        for what, manifest in zip(("driver", "VBIOS"), found, strict=True):
            if manifest is not None:
                agreeing += _compare(report, manifest, what)
        if len(set(agreeing)) < len(agreeing):
            raise NotProven("the reference measurements of its GPU's driver and VBIOS contradict one another")
        return tuple(sorted(agreeing))

    def _manifest(self, what: str, name: str, version: str) -> ReferenceManifest | None:
        untrusted = self._references.manifest(name)
        try:
            if untrusted is None:
                raise NotProven(f"there is no {name}.swidtag here")
            manifest = verify_manifest(untrusted, self._references.reference_root, self._now)
            if manifest.version != version.lower():
                raise NotProven(f"it is for version {manifest.version}")
        except NotProven as problem:
            self.missing.append(f"The {what} was not compared with NVIDIA's reference measurements ({problem}).")
            return None
        self._rests_on(manifest.expires)
        signers = manifest.signers
        root = self._references.reference_root
        self.revocation(signers if signers[-1] == root else (*signers, root), f"who signed the {what}'s references", 0)
        return manifest

    def _rests_on(self, until: datetime) -> None:
        self.expires = min(self.expires, until)


def _certified_firmware_id(certificate: "Certificate") -> bytes | None:
    from cryptography import x509

    with refusing("its GPU's certificate cannot be read"):
        for extension in certificate.extensions:
            if extension.oid.dotted_string in FIRMWARE_ID_OIDS and isinstance(
                extension.value, x509.UnrecognizedExtension
            ):
                found = _FIRMWARE_ID.search(extension.value.value)
                return None if found is None else found[1]
    return None


def _compare(report: MeasurementReport, manifest: ReferenceManifest, what: str) -> list[int]:
    """A report counts its measurements from 1 on, a manifest from 0."""
    skipped = {NVDEC0_MEASUREMENT} if report.opaque.get(Field.NVDEC0_STATUS) == DISABLED else set()
    compared = [index for index in manifest.measurements if index not in skipped]
    differing = [index for index in compared if report.measurements.get(index + 1) not in manifest.measurements[index]]
    if differing:
        listed = ", ".join(map(str, sorted(differing)[:8]))
        raise NotProven(f"its GPU's {what} is not as NVIDIA made it (measurements {listed})")
    return compared


def _switch(told: bytes | None) -> bool | None:
    return {ENABLED: True, DISABLED: False}.get(told or b"")
