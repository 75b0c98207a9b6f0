"""A register read at the wrong place is somebody else's image. Another reader must agree on every byte."""

import dcap_qvl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotProven
from mulberry.attestation.quote import MOST_QUOTE_BYTES, parse_fake_quote, parse_quote
from synthetic_tdx import DEBUG, Form, Guest, SyntheticIntel

REGISTER = st.binary(min_size=48, max_size=48)
GUESTS = st.builds(
    Guest,
    report_data=st.binary(min_size=64, max_size=64),
    mrtd=REGISTER,
    mr_config_id=REGISTER,
    mr_owner=REGISTER,
    mr_owner_config=REGISTER,
    rtmrs=st.tuples(REGISTER, REGISTER, REGISTER, REGISTER),
    td_attributes=st.binary(min_size=8, max_size=8),
)


@given(guest=GUESTS, form=st.sampled_from(Form))
def test_we_read_what_was_written_and_what_another_reader_reads(
    intel: SyntheticIntel, guest: Guest, form: Form
) -> None:
    untrusted = intel.quote(guest, form)
    quote = parse_quote(untrusted)
    read = quote.measurements
    assert (read.mrtd, read.mr_config_id, read.mr_owner, read.mr_owner_config, read.rtmrs) == (
        guest.mrtd,
        guest.mr_config_id,
        guest.mr_owner,
        guest.mr_owner_config,
        guest.rtmrs,
    )
    assert (quote.report_data, quote.td_attributes) == (guest.report_data, guest.td_attributes)
    theirs = dcap_qvl.parse_quote(untrusted)
    report = theirs.report
    assert quote.version == theirs.header.version
    assert (quote.report_data, quote.td_attributes) == (report.report_data, report.td_attributes)
    assert read.mrtd == report.mr_td
    assert (read.mr_config_id, read.mr_owner, read.mr_owner_config) == (
        report.mr_config_id,
        report.mr_owner,
        report.mr_owner_config,
    )
    assert read.rtmrs == (report.rt_mr0, report.rt_mr1, report.rt_mr2, report.rt_mr3)


@pytest.mark.parametrize("bit", range(64))
def test_any_bit_of_the_first_attribute_byte_is_debug_and_no_other_one(intel: SyntheticIntel, bit: int) -> None:
    guest = Guest(bytes(64), td_attributes=(1 << bit).to_bytes(8, "little"))
    assert parse_quote(intel.quote(guest)).is_debug is (bit < 8)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, b"\x03\x00", "version 3, not 4 or 5"),
        (0, b"\x06\x00", "version 6, not 4 or 5"),
        (4, b"\x00\x00\x00\x00", r"another technology than Intel TDX \(TEE type 0x0\)"),
        (4, b"\x82\x00\x00\x00", "TEE type 0x82"),
        (48, b"\x04\x00", "body of an unknown kind"),
        (48, b"\x03\x00", r"unknown kind \(3, 584 bytes\)"),
        (50, b"\xff\xff\xff\xff", r"unknown kind \(2, 4,294,967,295 bytes\)"),
    ],
)
def test_what_is_no_tdx_quote_is_refused(intel: SyntheticIntel, place: int, value: bytes, words: str) -> None:
    good = intel.quote(Guest(bytes(64)), Form.V5_TDX_10)
    with pytest.raises(NotProven, match=words):
        parse_quote(good[:place] + value + good[place + len(value) :])


@pytest.mark.parametrize(("form", "whole"), [(Form.V4, 632), (Form.V5_TDX_10, 638), (Form.V5_TDX_15, 702)])
def test_a_quote_cut_anywhere_is_refused(intel: SyntheticIntel, form: Form, whole: int) -> None:
    untrusted = intel.quote(Guest(bytes(64)), form)
    assert parse_quote(untrusted[:whole]).report_data == bytes(64)
    for size in range(whole):
        with pytest.raises(NotProven, match="cut short"):
            parse_quote(untrusted[:size])


def test_a_huge_quote_is_refused_by_its_size() -> None:
    with pytest.raises(NotProven, match="at most 32,768"):
        parse_quote(bytes(MOST_QUOTE_BYTES + 1))


@given(st.binary(max_size=1000))
def test_any_bytes_are_a_quote_or_refused(data: bytes) -> None:
    try:
        assert parse_quote(data).version in (4, 5)
    except NotProven as refusal:
        assert "its quote" in str(refusal)


def test_a_debug_guest_is_recognised(intel: SyntheticIntel) -> None:
    assert parse_quote(intel.quote(Guest(bytes(64), td_attributes=DEBUG))).is_debug
    assert not parse_quote(intel.quote(Guest(bytes(64)))).is_debug


def test_a_fake_quote_measures_nothing() -> None:
    quote = parse_fake_quote(b"r" * 64)
    assert quote.report_data == b"r" * 64
    assert quote.measurements.mrtd == bytes(48)
    assert quote.measurements.rtmrs == (bytes(48),) * 4
