"""A made-up Intel: root, platform and TCB-signing certificates, collateral and TDX quotes that verify under that root.

Source of the layouts: Intel's "TDX DCAP Quoting Library API" (quote versions 4 and 5), "SGX PCK Certificate and CRL
Profile" and the PCS API's TCB info and QE identity. With it the whole path of verification runs without such hardware.
"""

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

import dcap_qvl
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

ISSUED = datetime(2026, 11, 20, tzinfo=UTC)
COLLATERAL_ENDS = ISSUED + timedelta(days=30)
NOW = ISSUED + timedelta(days=2)
FMSPC = "00906ED50000"
SGX_EXTENSION = "1.2.840.113741.1.13.1"
CPU_SVN, PCE_SVN = bytes([3] * 16), 13
TEE_TCB_SVN = bytes([5, 1]) + bytes(14)
QE_SIGNER = b"\x77" * 32
INTEL_QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
DEBUG = bytes.fromhex("0100001000000000")
NOT_DEBUG = bytes.fromhex("0000001000000000")

PrivateKey = ec.EllipticCurvePrivateKey


class Form(StrEnum):
    """The three kinds of quote that are in use."""

    V4 = "version 4"
    V5_TDX_10 = "version 5, TDX 1.0"
    V5_TDX_15 = "version 5, TDX 1.5"


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def signed(key: PrivateKey, message: bytes) -> bytes:
    """ECDSA as quotes carry it: r and s, 32 bytes each."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def der_number(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def der_oid(dotted: str) -> bytes:
    # der(6, …) of an OID under 1.2.840.113741.1.13.1, whose encoded start is fixed
    rest = [int(arc) for arc in dotted.removeprefix(SGX_EXTENSION).split(".") if arc]
    return der(6, bytes.fromhex("2a864886f84d010d01"), bytes(rest))


def sgx_extension() -> bytes:
    """What the platform's certificate says of it: TCB, PCE, FMSPC, type."""
    components = [der(0x30, der_oid(f"{SGX_EXTENSION}.2.{n}"), der_number(svn)) for n, svn in enumerate(CPU_SVN, 1)]
    components.append(der(0x30, der_oid(f"{SGX_EXTENSION}.2.17"), der_number(PCE_SVN)))
    components.append(der(0x30, der_oid(f"{SGX_EXTENSION}.2.18"), der(4, CPU_SVN)))
    fields = (
        der(4, b"\x55" * 16),
        der(0x30, *components),
        der(4, b"\0\0"),
        der(4, bytes.fromhex(FMSPC)),
        der(10, b"\0"),
    )
    return der(0x30, *(der(0x30, der_oid(f"{SGX_EXTENSION}.{n}"), value) for n, value in enumerate(fields, 1)))


def name_of(common_name: str) -> x509.Name:
    parts = (
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.STATE_OR_PROVINCE_NAME, "CA"),
        (NameOID.LOCALITY_NAME, "Santa Clara"),
        (NameOID.ORGANIZATION_NAME, "Intel Corporation"),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name(x509.NameAttribute(oid, value) for oid, value in parts)


@dataclass(frozen=True)
class Authority:
    """One certificate with its key."""

    name: str
    key: PrivateKey
    certificate: x509.Certificate

    def issue(self, name: str, *, is_authority: bool, platform: bytes | None = None) -> "Authority":
        key = new_key()
        return Authority(name, key, certificate(name, key, self.name, self.key, is_authority, platform))

    def revoked(self, *, ends: datetime, numbers: tuple[int, ...] = ()) -> bytes:
        """A revocation list with these certificates on it."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(name_of(self.name))
            .last_update(ISSUED)
            .next_update(ends)
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for number in numbers:
            revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(ISSUED).build()
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def certificate(
    name: str, key: PrivateKey, issuer: str, issuer_key: PrivateKey, is_authority: bool, platform: bytes | None = None
) -> x509.Certificate:
    path_length = (1 if name == issuer else 0) if is_authority else None
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("https://example.invalid/crl")], None, None, None)
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder(name_of(issuer), name_of(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(ISSUED - timedelta(days=1))
        .not_valid_after(ISSUED + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
    )
    if platform is not None:
        oid = x509.ObjectIdentifier(SGX_EXTENSION)
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, platform), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def new_root() -> Authority:
    name, key = "Intel SGX Root CA", new_key()
    return Authority(name, key, certificate(name, key, name, key, is_authority=True))


def pem(*chain: Authority) -> str:
    return "".join(each.certificate.public_bytes(Encoding.PEM).decode() for each in chain)


@dataclass(frozen=True)
class Guest:
    """What a quote says of the guest; registers of 48 bytes."""

    report_data: bytes
    mrtd: bytes = b"\x11" * 48
    mr_config_id: bytes = bytes(48)
    mr_owner: bytes = bytes(48)
    mr_owner_config: bytes = bytes(48)
    rtmrs: tuple[bytes, bytes, bytes, bytes] = (b"\x20" * 48, b"\x21" * 48, b"\x22" * 48, b"\x23" * 48)
    td_attributes: bytes = NOT_DEBUG

    def body(self, form: Form) -> bytes:
        identities = self.mrtd + self.mr_config_id + self.mr_owner + self.mr_owner_config + b"".join(self.rtmrs)
        seam = b"\x33" * 48 + bytes(48) + bytes(8)
        features = bytes.fromhex("e702060000000000")
        body = TEE_TCB_SVN + seam + self.td_attributes + features + identities + self.report_data
        return body + TEE_TCB_SVN + bytes(48) if form is Form.V5_TDX_15 else body


class SyntheticIntel:
    """All that Intel and one platform of its would have."""

    def __init__(self) -> None:
        self.root = new_root()
        self.platform_ca = self.root.issue("Intel SGX PCK Platform CA", is_authority=True)
        self.platform = self.platform_ca.issue(
            "Intel SGX PCK Certificate", is_authority=False, platform=sgx_extension()
        )
        self.tcb_signing = self.root.issue("Intel SGX TCB Signing", is_authority=False)
        self.attestation_key = new_key()

    @property
    def root_der(self) -> bytes:
        return self.root.certificate.public_bytes(Encoding.DER)

    def collateral(self, *, status: str = "UpToDate", ends: datetime = COLLATERAL_ENDS) -> str:
        """dcap-qvl's JSON, saying that this platform's TCB status is `status`."""
        tcb_info = json.dumps(tcb_info_for(status, ends), separators=(",", ":"))
        qe_identity = json.dumps(qe_identity_until(ends), separators=(",", ":"))
        signer = pem(self.tcb_signing, self.root)
        parts = dcap_qvl.QuoteCollateralV3(
            pem(self.platform_ca, self.root),
            self.root.revoked(ends=ends),
            self.platform_ca.revoked(ends=ends),
            signer,
            tcb_info,
            signed(self.tcb_signing.key, tcb_info.encode()),
            signer,
            qe_identity,
            signed(self.tcb_signing.key, qe_identity.encode()),
        )
        return str(parts.to_json())

    def quote(self, guest: Guest, form: Form = Form.V4) -> bytes:
        body = guest.body(form)
        version = 4 if form is Form.V4 else 5
        head = struct.pack("<HHI4x16s20x", version, 2, 0x81, INTEL_QE_VENDOR)
        if version == 5:
            head += struct.pack("<HI", 3 if form is Form.V5_TDX_15 else 2, len(body))
        public = self.attestation_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        certified = certification_data(6, self._enclave_report(public))
        signature = signed(self.attestation_key, head + body) + public + certified
        return head + body + struct.pack("<I", len(signature)) + signature

    def _enclave_report(self, attestation_public_key: bytes) -> bytes:
        """The quoting enclave's word, signed by the platform's key, that it holds the attestation key."""
        authentication = b"\x66" * 32
        vouched = sha256(attestation_public_key + authentication).digest() + bytes(32)
        attributes = b"\x11" + bytes(15)
        report = CPU_SVN + bytes(32) + attributes + b"\x44" * 32 + bytes(32) + QE_SIGNER + bytes(96)
        report += struct.pack("<HH", 2, 4) + bytes(60) + vouched
        chain = pem(self.platform, self.platform_ca, self.root).encode() + b"\0"
        sized = struct.pack("<H", len(authentication)) + authentication
        return report + signed(self.platform.key, report) + sized + certification_data(5, chain)


def certification_data(kind: int, data: bytes) -> bytes:
    return struct.pack("<HI", kind, len(data)) + data


def until(ends: datetime) -> dict[str, object]:
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {"issueDate": f"{ISSUED:{form}}", "nextUpdate": f"{ends:{form}}", "tcbEvaluationDataNumber": 17}


def tcb_info_for(status: str, ends: datetime) -> dict[str, object]:
    level = {"tcbDate": f"{ISSUED:%Y-%m-%dT%H:%M:%SZ}"}
    module = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
    tcb = {
        "sgxtcbcomponents": [{"svn": svn} for svn in CPU_SVN],
        "pcesvn": PCE_SVN,
        "tdxtcbcomponents": [{"svn": svn} for svn in (5, 0, *bytes(14))],
    }
    module_level = {"tcb": {"isvsvn": 2}, "tcbStatus": "UpToDate", **level}
    return {
        "id": "TDX",
        "version": 3,
        **until(ends),
        "fmspc": FMSPC,
        "pceId": "0000",
        "tcbType": 0,
        "tdxModule": module,
        "tdxModuleIdentities": [{"id": "TDX_01", **module, "tcbLevels": [module_level]}],
        "tcbLevels": [{"tcb": tcb, "tcbStatus": status, **level}],
    }


def qe_identity_until(ends: datetime) -> dict[str, object]:
    return {
        "id": "TD_QE",
        "version": 2,
        **until(ends),
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" + "00" * 15,
        "attributesMask": "FB" + "FF" * 7 + "00" * 8,
        "mrsigner": QE_SIGNER.hex().upper(),
        "isvprodid": 2,
        "tcbLevels": [{"tcb": {"isvsvn": 4}, "tcbDate": f"{ISSUED:%Y-%m-%dT%H:%M:%SZ}", "tcbStatus": "UpToDate"}],
    }
