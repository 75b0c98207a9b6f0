"""What strangers' bytes reach, one function each, with all that must hold whatever the bytes are.

A function says whether the input was accepted. It raises when a reader raises anything but its own error, takes more
memory than its input justifies, accepts what nobody wrote or signed, or reads back other than it writes. Each plays the
strongest stranger there is: one who holds the proxy's key, or the certificate's, and signs what the fuzzer made.
"""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha512
from pathlib import Path
from typing import Any, TypeVar

import dcap_qvl  # noqa: F401  # here, so that its import does not count as memory that an input takes
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.attestation import tpm
from mulberry.attestation.canonical_xml import MOST_BYTES as MOST_XML_BYTES
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
from mulberry.attestation.quote import MOST_QUOTE_BYTES, parse_fake_quote, parse_quote
from mulberry.attestation.reference_manifest import ReferenceManifest, verify_manifest
from mulberry.attestation.spdm import MOST_REPORT_BYTES, parse_report
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.tpm import VerifiedTpm
from mulberry.attestation.tpm.wire import read_public, read_quoted, read_signature
from mulberry.attestation.verifier import MOST_CERTIFICATE_BYTES, verify_peer
from mulberry.cocoon.attested_peer import LENGTH, MOST_BODY_BYTES, AttestedPeer, AttestedPeerError, checked_length
from mulberry.cocoon.frames import FrameError, FrameReader, FrameWriter
from mulberry.cocoon.messages import HttpRequest
from mulberry.cocoon.requests import PREFIX, CheckedRequest, RequestRefused, check_request
from mulberry.cocoon.requests import Path as RequestPath
from mulberry.cocoon.strict_json import JsonError, JsonObject, dump, parse_object
from mulberry.cocoon.tl import TlError, decode, encode
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from mulberry.model.proof import Level, Verdict
from mulberry.ton.address import parse_address
from mulberry.ton.boc import BocError, read_boc, write_boc
from mulberry.ton.cells import CellWriter
from mulberry.ton.payment import (
    LAST_PAYMENT,
    MAX_PAYMENT_BYTES,
    PAYMENT,
    PAYMENT_CELLS,
    PaymentRefused,
    VerifiedPayment,
    build_payment,
    verify_payment,
)
from nvidia_samples import AT_THE_TIME, HOPPER_NONCE, MANIFEST, hopper_evidence
from recorded_tpm import Recording, recording

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)  # when the certificates and collateral of the corpus are valid
ALWAYS_ALLOWED = 128 * 1024  # bytes of memory for whatever does not grow with the input

Check = Callable[[bytes], bool]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Target:
    """One function and the inputs worth making for it, in bytes: limits of the app's own lie below."""

    check: Check
    most_bytes: int

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def corpus(self) -> Path:
        return CORPUS / self.name


def read(reader: Callable[[bytes], Result], refusal: type[Exception], untrusted: bytes, *, times: int) -> Result | None:
    """What `reader` makes of the bytes, None when it refuses them, within memory of so many `times` their number.

    Python's memory, and only while tracemalloc runs. What is taken once and not again is no memory of the input's: a
    table that all of Python shares has grown, like the one of interned names.
    """
    taken = 0
    for _ in range(2):
        result = None  # before measuring: the first round's is not given back within the second
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        try:
            result = reader(untrusted)
        except refusal as problem:
            said = str(problem)  # people read it
            assert said.isprintable(), ascii(said)
            assert 0 < len(said) < 400, ascii(said)
        taken = tracemalloc.get_traced_memory()[1] - before
        if taken <= ALWAYS_ALLOWED + times * len(untrusted):
            return result
    raise MemoryError(f"{taken:,} bytes of memory for {len(untrusted):,} bytes of input")


# Cocoon's protocol


def messages(data: bytes) -> bool:
    """The TL codec: one encoding for each value."""
    message = read(decode, TlError, data, times=30)
    if message is None:
        return False
    assert encode(message) == data
    return True


def frames(data: bytes) -> bool:
    """The frame reader, fed in pieces of the first byte's size and at once."""
    piece, stream = (data[0] or 1 if data else 1), data[1:]
    bodies, broken = read(lambda stream: _in_pieces(stream, piece), FrameError, stream, times=8) or ([], True)
    try:
        assert FrameReader().feed(stream) == bodies
        assert not broken
    except FrameError:
        assert broken
    writer = FrameWriter()
    assert stream.startswith(b"".join(writer.pack(body) for body in bodies))
    return bool(bodies) and not broken


def _in_pieces(stream: bytes, piece: int) -> tuple[list[bytes], bool]:
    """The frames read, and whether the stream then broke the rules."""
    reader, bodies = FrameReader(), list[bytes]()
    try:
        for start in range(0, len(stream), piece):
            bodies += reader.feed(stream[start : start + piece])
    except FrameError:
        return bodies, True
    return bodies, False


def attested_peer(data: bytes) -> bool:
    """What a SOCKS5 router tells of a proxy."""
    if len(data) < LENGTH.size:
        return False
    head, body = data[: LENGTH.size], data[LENGTH.size :]
    peer = read(AttestedPeer.parse, AttestedPeerError, body, times=4)
    if peer is None:
        return False
    fits = read(checked_length, AttestedPeerError, head, times=4) == len(body)
    packed = peer.pack()
    assert packed[LENGTH.size :] == body
    assert fits is (packed == data)
    for policy in Policy:
        evidence = _evidence(peer, policy, body)
        if evidence is None:
            continue
        assert evidence.told_by_router
        if policy is not Policy.ANY:
            assert peer.attested is not None
            assert peer.attested.report_data == sha512(peer.public_key).digest()
    return fits


def _evidence(peer: AttestedPeer, policy: Policy, body: bytes) -> PeerEvidence | None:
    return read(lambda _: peer.evidence(Requirements(policy)), AttestedPeerError, body, times=4)


MODEL = "m"


def requests(data: bytes) -> bool:
    """A customer's JSON, to both paths. What may be run is run the same when it is checked again."""
    plain = read(parse_object, JsonError, data, times=45)
    if plain is not None:
        written = dump(plain)
        assert parse_object(written) == plain
        assert json.loads(written, parse_int=float) == json.loads(data, parse_int=float)
    accepted = [_checked(path, data) for path in RequestPath]
    return any(accepted)


def _checked(path: RequestPath, payload: bytes) -> bool:
    try:
        checked = _check_request(path, payload)
    except RequestRefused as refused:
        assert refused.text.startswith(PREFIX)
        assert refused.text.isprintable()
        assert len(refused.text) < 200
        return False
    assert list(checked.body) == sorted(checked.body)
    assert checked.body["model"] == MODEL
    assert checked.stream is ("stream_options" in checked.body and _reports_usage(checked.body))
    assert _check_request(path, dump(checked.body)).body == checked.body
    return True


def _check_request(path: RequestPath, payload: bytes) -> CheckedRequest:
    return check_request(HttpRequest("POST", path, "HTTP/1.1", (), payload), MODEL)


def _reports_usage(body: JsonObject) -> bool:
    return body["stream"] is True and body["stream_options"]["include_usage"] is True


# Money

RECORDED = json.loads((HERE.parent / "vectors" / "payments" / "recorded.json").read_bytes())
PUBLIC_PROXY = bytes.fromhex(RECORDED["proxy_key"])
CONTRACT = parse_address(RECORDED["worker_contract"])
EXCESS = parse_address(RECORDED["excess_address"])
SIGNED_BY_PUBLIC_PROXY = {(each["tokens"], int(each["query_id"], 16)) for each in RECORDED["payments"]}
PROXY = SigningKey(bytes(range(32)))
MOST_CELLS = 64


def payments(data: bytes) -> bool:
    """Bags of cells, payments of a stranger, and payments that the proxy signed whatever is in them."""
    root = read(_read_boc, BocError, data, times=60)
    believed = read(lambda boc: _verify(boc, PUBLIC_PROXY), PaymentRefused, data, times=60)
    if believed is not None:
        assert (believed.tokens, believed.query_id) in SIGNED_BY_PUBLIC_PROXY
        assert not believed.closing
        return True
    if root is None:
        return False
    written = write_boc(root)
    assert len(written) <= len(data)
    assert _read_boc(written) == root
    if data[4:7] == written[4:7] and data[6] <= PAYMENT_CELLS:  # as short as ours, and no two ways to order the cells
        assert written == data
    return _signed_by_proxy(root)


def _read_boc(untrusted: bytes) -> Cell:
    return read_boc(untrusted, max_bytes=MAX_PAYMENT_BYTES, max_cells=MOST_CELLS)


def _verify(untrusted_boc: bytes, proxy_key: bytes) -> VerifiedPayment:
    return verify_payment(untrusted_boc, proxy_key=proxy_key, worker_contract=CONTRACT)


def _signed_by_proxy(inner: Cell) -> bool:
    """`inner` as the signed part of a payment whose other parts are right."""
    operation, query_id = (int.from_bytes(inner.data[start:end], "big") for start, end in ((0, 4), (4, 12)))
    outer = CellWriter().uint(operation, 32).uint(query_id, 64).address(EXCESS)
    payment = write_boc(outer.bytes(PROXY.sign(inner.hash).signature).reference(inner).cell())
    believed = read(lambda boc: _verify(boc, bytes(PROXY.verify_key)), PaymentRefused, payment, times=60)
    if believed is None:
        return False
    assert operation in (PAYMENT, LAST_PAYMENT)
    assert payment == build_payment(
        PROXY,
        query_id=believed.query_id,
        excess_address=EXCESS,
        worker_contract=CONTRACT,
        tokens=believed.tokens,
        closing=believed.closing,
    )
    return True


# Proofs

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


def planted(data: bytes) -> bool:
    """A fault on purpose: shows that a broken property is found and told."""
    assert b"!" not in data
    return True


PLANTED = Target(planted, 16)
TARGETS = {
    target.name: target
    for target in (
        Target(messages, 4096),
        Target(frames, 1024),
        Target(attested_peer, MOST_BODY_BYTES + 64),
        Target(requests, 4096),
        Target(payments, MAX_PAYMENT_BYTES + 64),
        Target(certificates, MOST_CERTIFICATE_BYTES + 64),
        Target(quotes, MOST_QUOTE_BYTES + 64),
        Target(tpms, 2048),
        Target(statements, 8192),
        Target(envelopes, 16384),
        Target(reports, MOST_REPORT_BYTES + 64),
        Target(manifests, MOST_XML_BYTES + 64),
        Target(collaterals, 32768),
    )
}
