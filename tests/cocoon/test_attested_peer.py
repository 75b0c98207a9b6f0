"""A router's word stands in for our own check of the proxy: what it says must be read exactly or not at all."""

import struct
from dataclasses import replace
from hashlib import sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon.attested_peer import Attested, AttestedPeer, AttestedPeerError, Endpoint, checked_length
from mulberry.model.attestation import Measurements, Policy, Requirements
from recorded import WIRE

KEY = bytes(range(32))
ZERO = bytes(48)
FAKE_IMAGE = bytes.fromhex("5c55c8f4db4010ba9203d83536d0609856af8c847ac039e37e7dde8fbd574b61")  # of the public gen-cert
NO_REGISTERS = Measurements(ZERO, ZERO, ZERO, ZERO, (ZERO, ZERO, ZERO, ZERO))
REAL = Measurements(b"0" * 48, b"1" * 48, b"2" * 48, b"3" * 48, (b"4" * 48, b"5" * 48, b"6" * 48, b"7" * 48))
ROOT = b"r" * 48
BARE = AttestedPeer(None, ZERO, KEY, Endpoint("127.0.0.1", 40000), Endpoint("203.0.113.9", 11001))
FAKE = replace(BARE, attested=Attested(NO_REGISTERS, sha512(KEY).digest()))
PROVEN = replace(BARE, attested=Attested(REAL, sha512(KEY).digest()), collateral_root=ROOT)


def recorded_frame() -> bytes:
    return (WIRE / "proxy-to-worker.bin").read_bytes()[12:136]


def test_the_recorded_frame_of_the_public_router() -> None:
    frame = recorded_frame()
    assert checked_length(frame[:4]) == 120
    peer = AttestedPeer.parse(frame[4:])
    assert peer.attested is None
    assert peer.public_key.hex().startswith("4e81531d311947a03f0a45d52d1d95")
    assert peer.source == Endpoint("127.0.0.1", 40216)
    assert peer.destination == Endpoint("127.0.0.1", 11001)
    assert peer.pack() == frame


def test_a_frame_with_a_quote_has_the_known_length() -> None:
    assert len(FAKE.pack()) == 4 + 572 + (len(BARE.pack()) - 124)
    assert AttestedPeer.parse(FAKE.pack()[4:]) == FAKE


registers = st.binary(min_size=48, max_size=48)
measurements = st.builds(
    Measurements, registers, registers, registers, registers, st.tuples(registers, registers, registers, registers)
)
ends = st.builds(Endpoint, st.text(st.characters(codec="ascii"), max_size=64), st.integers(0, 65535))
peers = st.builds(
    AttestedPeer,
    st.none() | st.builds(Attested, measurements, st.binary(min_size=64, max_size=64)),
    registers,
    st.binary(min_size=32, max_size=32),
    ends,
    ends,
)


@given(peers)
def test_what_is_written_is_read_back(peer: AttestedPeer) -> None:
    frame = peer.pack()
    assert checked_length(frame[:4]) == len(frame) - 4
    assert AttestedPeer.parse(frame[4:]) == peer


@given(peers, st.data())
def test_every_shorter_frame_is_refused(peer: AttestedPeer, data: st.DataObject) -> None:
    body = peer.pack()[4:]
    with pytest.raises(AttestedPeerError):
        AttestedPeer.parse(body[: data.draw(st.integers(0, len(body) - 1))])


@given(st.binary(max_size=700))
def test_any_bytes_are_refused_or_written_back(garbage: bytes) -> None:
    try:
        peer = AttestedPeer.parse(garbage)
    except AttestedPeerError:
        return
    assert peer.pack()[4:] == garbage


BODY = BARE.pack()[4:]
FAKE_BODY = FAKE.pack()[4:]
DEFECTS = {
    "neither yes nor no": (struct.pack("<i", 2) + BODY[4:], "neither yes nor no"),
    "SGX": (FAKE_BODY[:4] + struct.pack("<i", 1) + FAKE_BODY[8:], "not one of TDX"),
    "bytes behind": (BODY + bytes(4), "4 bytes behind its end"),
    "a short key": (BODY[:52] + b"\x03key" + BODY[88:], "a key of 3 bytes"),
    "a negative port": (BODY[:-4] + struct.pack("<i", -1), "an address in it is none"),
    "a large port": (BODY[:-4] + struct.pack("<i", 65536), "an address in it is none"),
    "a long address": (replace(BARE, source=Endpoint("1" * 65, 1)).pack()[4:], "an address in it is none"),
    "a key without end": (BODY[:52] + b"\xff" + BODY[53:], "byte string of 16,777,216 bytes"),
    "an address that is no text": (BODY.replace(b"127.0.0.1", b"\xff27.0.0.1"), "no text"),
}


@pytest.mark.parametrize(("body", "words"), DEFECTS.values(), ids=DEFECTS.keys())
def test_each_defect_has_its_words(body: bytes, words: str) -> None:
    with pytest.raises(AttestedPeerError, match=words):
        AttestedPeer.parse(body)


@pytest.mark.parametrize("length", [0, 3, 16_537, 2**31, 2**32 - 1])
def test_a_length_is_bounded_before_memory_is_taken(length: int) -> None:
    with pytest.raises(AttestedPeerError, match="at most 16,536 are read"):
        checked_length(struct.pack("<I", length))


def test_a_router_is_believed_as_far_as_the_policy_goes() -> None:
    bare = BARE.evidence(Requirements(Policy.ANY))
    assert bare.told_by_router and bare.image_hash is None
    fake = FAKE.evidence(Requirements(Policy.FAKE_TDX, image_hashes=frozenset({FAKE_IMAGE})))
    assert (fake.verdict, fake.public_key) == ("TEST, nothing proven (told by the router)", KEY)
    proven = PROVEN.evidence(Requirements(Policy.TDX, frozenset({REAL.image_hash}), collateral_roots=frozenset({ROOT})))
    assert proven.measurements == REAL
    assert "(told by the router)" in proven.verdict


@pytest.mark.parametrize(
    ("peer", "requirements", "words"),
    [
        (BARE, Requirements(Policy.FAKE_TDX), "no quote was shown, and this network's policy .fake_tdx. asks"),
        (BARE, Requirements(Policy.TDX), "no quote was shown"),
        (FAKE, Requirements(Policy.TDX), "a fake one, and this network asks for real ones"),
        (FAKE, Requirements(Policy.ANY, image_hashes=frozenset({FAKE_IMAGE})), "asks for no quote"),
        (FAKE, Requirements(Policy.FAKE_TDX, image_hashes=frozenset({bytes(32)})), "image 5c55c8f4db4010ba… is not"),
        (replace(FAKE, public_key=b"k" * 32), Requirements(Policy.FAKE_TDX), "made for another key"),
        (PROVEN, Requirements(Policy.TDX, collateral_roots=frozenset({ZERO})), "collateral root .* is not on the list"),
    ],
)
def test_a_router_that_tells_too_little_is_not_enough(
    peer: AttestedPeer, requirements: Requirements, words: str
) -> None:
    with pytest.raises(AttestedPeerError, match=words):
        peer.evidence(requirements)
