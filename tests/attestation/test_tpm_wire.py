"""Whoever can make our reader of TPM structures stumble can stop the check of everybody's proof."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotProven
from mulberry.attestation.tpm.collecting import split_certificates
from mulberry.attestation.tpm.keys import AK_TEMPLATE, EK_ECC, EK_RSA, ecc_key, rsa_key
from mulberry.attestation.tpm.wire import (
    PublicArea,
    Quoted,
    Reader,
    number,
    read_public,
    read_quoted,
    read_selections,
    read_signature,
    selection,
    sized,
)
from recorded_tpm import NAMES, recording
from synthetic_tpm import BOUND_TO, PaperTpm

PAPER = PaperTpm()
Read = Callable[[bytes], PublicArea | Quoted | tuple[int, int]]


def read_key(untrusted: bytes) -> PublicArea:
    return read_public(untrusted, "a key")


READERS: dict[str, tuple[Read, bytes]] = {
    "public part": (read_key, PAPER.ak_public),
    "quote": (read_quoted, PAPER.quoted()),
    "signature": (read_signature, PAPER.signature(b"")),
}
each_reader = pytest.mark.parametrize("name", READERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_tpms_keys_are_read_and_written_alike(name: str) -> None:
    challenge = recording(name).challenge
    for public in (challenge.ek_public, challenge.ak_public):
        assert read_public(public, "a key").marshalled() == public


def test_what_a_quote_says_is_read() -> None:
    quoted = read_quoted(PAPER.quoted())
    assert (quoted.extra_data, quoted.resets, quoted.restarts) == (BOUND_TO, 7, 1)
    assert quoted.selections == ((0x000B, frozenset(range(8))),)
    assert quoted.firmware == 0x0001000200030004


@each_reader
def test_every_cut_is_refused(name: str) -> None:
    reader, whole = READERS[name]
    for size in range(len(whole)):
        with pytest.raises(NotProven):
            reader(whole[:size])


@each_reader
def test_more_than_there_should_be_is_refused(name: str) -> None:
    reader, whole = READERS[name]
    with pytest.raises(NotProven, match="longer than it says"):
        reader(whole + b"\0")


@each_reader
@given(st.binary(max_size=300), st.integers(0, 200))
def test_strange_bytes_are_read_or_refused(name: str, noise: bytes, at: int) -> None:
    reader, whole = READERS[name]
    for untrusted in (noise, whole[:at] + noise, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            result = reader(untrusted)
        except NotProven as refused:
            assert str(refused).isprintable()
        else:
            if isinstance(result, PublicArea):
                assert result.marshalled() == untrusted


@given(st.frozensets(st.integers(0, 23)))
def test_a_selection_of_registers_is_read_as_it_was_written(registers: frozenset[int]) -> None:
    assert read_selections(Reader(selection(registers), "it")) == ((0x000B, registers),)


@pytest.mark.parametrize(
    ("untrusted", "words"),
    [
        (number(17, 4), "names 17 register banks"),
        (number(1, 4) + number(11, 2) + number(9, 1) + bytes(9), "selects from 72 registers"),
    ],
)
def test_a_selection_out_of_bounds_is_refused(untrusted: bytes, words: str) -> None:
    with pytest.raises(NotProven, match=words):
        read_selections(Reader(untrusted, "it"))


def test_a_size_out_of_bounds_is_refused_before_it_is_believed() -> None:
    with pytest.raises(NotProven, match="a part of 65,535 bytes"):
        Reader(number(0xFFFF, 2), "it").sized()


@pytest.mark.parametrize(
    ("key", "template", "unique"),
    [
        (ecc_key, AK_TEMPLATE, (b"\1" * 32, b"\1" * 32)),  # not on the curve
        (ecc_key, AK_TEMPLATE, (b"\1" * 33, b"\1" * 32)),
        (ecc_key, EK_ECC.template, (bytes(32), bytes(32))),
        (rsa_key, EK_RSA.template, (bytes(256),)),
        (rsa_key, EK_RSA.template, (b"\xff" * 255,)),
    ],
)
def test_numbers_that_are_no_key_are_refused(
    key: Callable[[PublicArea, str], object], template: PublicArea, unique: tuple[bytes, ...]
) -> None:
    public = PublicArea(
        template.kind, template.name_algorithm, template.attributes, template.policy, template.parameters, unique
    )
    with pytest.raises(NotProven):
        key(public, "it")


def test_certificates_in_a_row_are_parted_and_padding_is_dropped() -> None:
    first, second = b"\x30\x82\x01\x00" + bytes(256), b"\x30\x82\x01\x01" + bytes(257)
    assert split_certificates(first + second + b"\xff" * 100) == (first, second)
    assert split_certificates(first + second[:-1]) == (first,)
    assert split_certificates(b"") == ()


def test_sizes_are_written_before_their_content() -> None:
    assert sized(b"abc") == b"\0\3abc"
