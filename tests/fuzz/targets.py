"""What strangers' bytes reach, one function each, with all that must hold whatever the bytes are.

A function says whether the input was accepted. It raises when a reader raises anything but its own error, takes more
memory than its input justifies, accepts what nobody wrote or signed, or reads back other than it writes. Each plays the
strongest stranger there is: one who holds the proxy's key, or the certificate's, and signs what the fuzzer made.
"""

import json
from hashlib import sha512

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from fuzz.proofs import certificates, collaterals, envelopes, manifests, quotes, reports, statements, tpms
from fuzz.releases import feeds
from fuzz.target import HERE, Target, read
from mulberry.attestation.canonical_xml import MOST_BYTES as MOST_XML_BYTES
from mulberry.attestation.quote import MOST_QUOTE_BYTES
from mulberry.attestation.spdm import MOST_REPORT_BYTES
from mulberry.attestation.verifier import MOST_CERTIFICATE_BYTES
from mulberry.cocoon.attested_peer import LENGTH, MOST_BODY_BYTES, AttestedPeer, AttestedPeerError, checked_length
from mulberry.cocoon.frames import FrameError, FrameReader, FrameWriter
from mulberry.cocoon.messages import HttpRequest
from mulberry.cocoon.requests import PREFIX, CheckedRequest, RequestRefused, check_request
from mulberry.cocoon.requests import Path as RequestPath
from mulberry.cocoon.strict_json import JsonError, JsonObject, dump, parse_object
from mulberry.cocoon.tl import TlError, decode, encode
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
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
        Target(feeds, 16384),
    )
}
