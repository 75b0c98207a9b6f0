"""A made-up NVIDIA: device and reference roots, one GPU with its report, reference manifests and OCSP answers.

Source of the layouts: DMTF DSP0274 1.1, TCG DICE (firmware ids), and the samples of NVIDIA's nv-local-gpu-verifier
2.7.3, in whose order and sizes the fields stand. It names itself fake; nothing of it is NVIDIA's.
"""

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha384
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mulberry.attestation.canonical_xml import canonical, parse_xml
from mulberry.attestation.evidence import GpuEvidence
from mulberry.attestation.gpu_references import GpuReferences, answer_name

ISSUED = datetime(2026, 11, 1, tzinfo=UTC)
NOW = ISSUED + timedelta(days=21)
EXPIRES = ISSUED + timedelta(days=365)
NONCE = bytes(range(32))
FIRMWARE_ID = b"\xf1" * 48
DRIVER, VBIOS = "590.12", "96.00.A5.00.01"
DRIVER_MANIFEST, VBIOS_MANIFEST = "NV_GPU_DRIVER_GH100_590.12", "NV_GPU_VBIOS_G520_0200_885_9600A50001"
MEASUREMENTS = {index: bytes([index]) * 48 for index in range(1, 65)}
DICE_OID = "2.23.133.5.4.1"

OPAQUE = {
    6: bytes.fromhex("00a5009601000000"),
    15: b"885\0\0\0\0\0\0",
    17: b"G520\0",
    18: b"0200\0",
    3: DRIVER.encode() + b"\0",
    12: bytes(256),
    11: b"\xaa",
    20: FIRMWARE_ID,
    21: b"\x55",
    36: b"\0\0",
}


@dataclass(frozen=True)
class Holder:
    """One certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        name: str,
        *,
        is_authority: bool,
        extension: x509.ExtensionType | None = None,
        curve: ec.EllipticCurve | None = None,
        expires: datetime = EXPIRES,
    ) -> "Holder":
        return _holder(name, self, is_authority=is_authority, extension=extension, curve=curve, expires=expires)

    def sign(self, message: bytes) -> bytes:
        """r and s, 48 bytes each."""
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA384())))
        return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def new_root(name: str) -> Holder:
    return _holder(name, None, is_authority=True)


def _holder(
    name: str,
    issuer: Holder | None,
    *,
    is_authority: bool,
    extension: x509.ExtensionType | None = None,
    curve: ec.EllipticCurve | None = None,
    expires: datetime = EXPIRES,
) -> Holder:
    key = ec.generate_private_key(curve or ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject, subject, key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(ISSUED)
        .not_valid_after(expires)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return Holder(key, builder.sign(signer, hashes.SHA384()))


def dice(firmware_id: bytes) -> x509.UnrecognizedExtension:
    """The firmware id as Hopper's certificates carry it."""
    sha384_oid = bytes.fromhex("0609608648016503040202")
    value = b"\x30\x3d" + sha384_oid + b"\x04\x30" + firmware_id
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(DICE_OID), b"\x30\x42\x02\x01\x01" + value)


class SyntheticNvidia:
    """All that NVIDIA and one GPU of its would have."""

    def __init__(self) -> None:
        self.device_root = new_root("fake Device Identity CA")
        self.identity = self.device_root.issue("fake GH100 Identity", is_authority=True)
        self.boot_rom = self.identity.issue("fake GH100 GSP BROM", is_authority=True)
        self.gpu = self.boot_rom.issue("fake GH100 GSP FMC LF", is_authority=False, extension=dice(FIRMWARE_ID))
        self.reference_root = new_root("fake CoRIM signing Root CA")
        self.signer = self.reference_root.issue("fake RIM signer", is_authority=False)

    @property
    def chain(self) -> tuple[bytes, ...]:
        return tuple(each.der for each in (self.gpu, self.boot_rom, self.identity, self.device_root))

    @property
    def chain_pem(self) -> bytes:
        holders = (self.gpu, self.boot_rom, self.identity, self.device_root)
        return b"".join(each.certificate.public_bytes(Encoding.PEM) for each in holders)

    def references(self, folder: Path | None = None) -> GpuReferences:
        return GpuReferences(
            folder, device_root=self.device_root.certificate, reference_root=self.reference_root.certificate
        )

    def evidence(self, nonce: bytes = NONCE, report: bytes | None = None) -> GpuEvidence:
        return GpuEvidence("GPU-fa4e", nonce, self.report(nonce) if report is None else report, self.chain)

    def report(
        self,
        nonce: bytes = NONCE,
        *,
        measurements: Mapping[int, bytes] = MEASUREMENTS,
        opaque: Mapping[int, bytes | None] | None = None,
        signed_by: Holder | None = None,
    ) -> bytes:
        """Request and response; `opaque` goes over the usual fields, None takes one out."""
        fields = {kind: value for kind, value in {**OPAQUE, **(opaque or {})}.items() if value is not None}
        return signed_report(signed_by or self.gpu, nonce, record(measurements), len(measurements), tlv(fields))

    def fill(self, folder: Path) -> None:
        """Everything that a complete verdict needs."""
        folder.mkdir(exist_ok=True)
        agreeing = {index - 1: (value,) for index, value in MEASUREMENTS.items()}
        driver = {index: agreeing[index] for index in (7, 21, 35)}
        vbios = {index: (b"\xee" * 48, *agreeing[index]) for index in (1, 2)}
        (folder / f"{DRIVER_MANIFEST}.swidtag").write_bytes(self.manifest(DRIVER, driver))
        (folder / f"{VBIOS_MANIFEST}.swidtag").write_bytes(self.manifest(VBIOS, vbios))
        for holder, issuer in (
            (self.boot_rom, self.identity),
            (self.identity, self.device_root),
            (self.signer, self.reference_root),
        ):
            (folder / answer_name(holder.certificate)).write_bytes(answer(holder, issuer))

    def manifest(
        self, version: str, measurements: Mapping[int, tuple[bytes, ...]], *, signer: Holder | None = None
    ) -> bytes:
        """A signed reference manifest in the form of NVIDIA's."""
        resources = []
        for index in range(64):
            values = measurements.get(index, (bytes(48),))
            written = " ".join(f'ns2:Hash{number}="{value.hex()}"' for number, value in enumerate(values))
            resources.append(
                f'<ns0:Resource type="Measurement" index="{index}" active="{index in measurements}"'
                f' alternatives="{len(values)}" {written} name="Measurement_{index}" size="48"/>'
            )
        return sign_manifest(
            '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"'
            ' xmlns:ns0="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"'
            ' xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384" name="fake GH100">\n'
            f'  <ns0:Meta xmlns:ns1="urn:rim" colloquialVersion="{version}" ns1:PlatformModel="GH100"/>\n'
            f"  <ns0:Payload>{''.join(resources)}</ns0:Payload>\n"
            "SIGNATURE</SoftwareIdentity>",
            signer or self.signer,
            (signer or self.signer).der,
            self.reference_root.der,
        )


def sign_manifest(template: str, signer: Holder, *certificates: bytes) -> bytes:
    """Puts an enveloped signature where `template` says SIGNATURE."""
    c14n = "http://www.w3.org/2006/12/xml-c14n11"
    digest = sha384(canonical(parse_xml(template.replace("SIGNATURE", "").encode()))).digest()
    info = (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/><ds:Reference URI="">'
        '<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
        f'<ds:Transform Algorithm="{c14n}"/></ds:Transforms>'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"/>'
        f"<ds:DigestValue>{base64.b64encode(digest).decode()}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    listed = "".join(
        f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate>" for der in certificates
    )
    frame = (
        '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
        f"{info}<ds:SignatureValue>VALUE</ds:SignatureValue>"
        f"<ds:KeyInfo><ds:X509Data>{listed}</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    unsigned = parse_xml(template.replace("SIGNATURE", frame).encode())
    signed_info = next(unsigned.child("http://www.w3.org/2000/09/xmldsig#", "Signature").elements)
    value = base64.b64encode(signer.sign(canonical(signed_info))).decode()
    return template.replace("SIGNATURE", frame.replace("VALUE", value)).encode()


def answer(
    about: Holder,
    issuer: Holder,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    signed_by: Holder | None = None,
    shows_signer: bool = False,
    made: datetime = NOW - timedelta(hours=1),
    good_for: timedelta | None = timedelta(days=1),
) -> bytes:
    """An OCSP answer; `good_for` None: it does not say when the next one comes."""
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    signer = signed_by or issuer
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            about.certificate,
            issuer.certificate,
            hashes.SHA384(),
            status,
            made,
            None if good_for is None else made + good_for,
            made if revoked else None,
            x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, signer.certificate)
    )
    if shows_signer:
        builder = builder.certificates([signer.certificate])
    return builder.sign(signer.key, hashes.SHA384()).public_bytes(Encoding.DER)


def responder(issuer: Holder, *, may_answer: bool = True, expires: datetime = EXPIRES) -> Holder:
    """Somebody whom an authority names to answer for it."""
    use = ExtendedKeyUsageOID.OCSP_SIGNING if may_answer else ExtendedKeyUsageOID.CODE_SIGNING
    return issuer.issue("fake responder", is_authority=False, extension=x509.ExtendedKeyUsage([use]), expires=expires)


def record(measurements: Mapping[int, bytes]) -> bytes:
    blocks = (
        struct.pack("<BBHBH", index, 1, len(value) + 3, 1, len(value)) + value for index, value in measurements.items()
    )
    return b"".join(blocks)


def tlv(fields: Mapping[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in fields.items())


def signed_report(gpu: Holder, nonce: bytes, measurement_record: bytes, blocks: int, opaque: bytes) -> bytes:
    request = b"\x11\xe0\x01\xff" + nonce + b"\0"
    head = b"\x11\x60\0\0" + bytes([blocks]) + len(measurement_record).to_bytes(3, "little")
    response = head + measurement_record + b"\x77" * 32 + struct.pack("<H", len(opaque)) + opaque
    return request + response + gpu.sign(request + response)
