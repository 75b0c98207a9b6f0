"""A GPU's report comes from a computer that wants to be believed: every byte of it is its owner's to choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotProven
from mulberry.attestation.spdm import Field, parse_report
from nvidia_samples import HOPPER_REPORT
from synthetic_gpu_report import MEASUREMENTS, NONCE, OPAQUE, Holder, new_root, record, signed_report, tlv


@pytest.fixture(scope="module")
def signer() -> Holder:
    return new_root("fake GPU")


def test_a_real_h100s_report_is_read() -> None:
    report = parse_report(HOPPER_REPORT)
    assert report.text(Field.DRIVER_VERSION) == "550.90.07"
    assert sorted(report.measurements) == list(range(1, 65))
    assert {len(value) for value in report.measurements.values()} == {48}
    assert report.signed + report.signature == HOPPER_REPORT
    assert report.nonce == HOPPER_REPORT[4:36]


def test_a_report_says_what_was_put_in(signer: Holder) -> None:
    report = parse_report(signed_report(signer, NONCE, record(MEASUREMENTS), 64, tlv(OPAQUE)))
    assert (report.nonce, dict(report.measurements), dict(report.opaque)) == (NONCE, MEASUREMENTS, OPAQUE)


@pytest.mark.parametrize("length", [0, 1, 36, 37, 44, 45, 100, 3400, 4020, 4116])
def test_a_report_cut_short_is_refused(length: int) -> None:
    with pytest.raises(NotProven, match="cut short"):
        parse_report(HOPPER_REPORT[:length])


def test_nothing_may_follow_the_signature() -> None:
    with pytest.raises(NotProven, match="1 bytes too many"):
        parse_report(HOPPER_REPORT + b"\0")


def test_a_huge_report_is_not_even_looked_at() -> None:
    with pytest.raises(NotProven, match="9,000 bytes"):
        parse_report(bytes(9000))


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (0, 0x12, "does not begin with a request"),
        (1, 0xE1, "does not begin with a request"),
        (2, 0x00, "does not begin with a request"),
        (38, 0x7F, "did not answer with measurements"),
        (41, 0, "0 measurements"),
        (41, 65, "65 measurements"),
        (41, 63, "more measurements than it says"),
    ],
)
def test_every_other_message_is_refused(at: int, value: int, why: str) -> None:
    changed = bytearray(HOPPER_REPORT)
    changed[at] = value
    with pytest.raises(NotProven, match=why):
        parse_report(bytes(changed))


def test_what_is_there_twice_could_be_read_in_two_ways_and_is_refused(signer: Holder) -> None:
    twice = record({1: bytes(48)})
    with pytest.raises(NotProven, match="unreadable measurement"):
        parse_report(signed_report(signer, NONCE, twice * 2, 2, tlv(OPAQUE)))
    with pytest.raises(NotProven, match="twice"):
        parse_report(signed_report(signer, NONCE, twice, 1, tlv({3: b"1"}) * 2))


def test_a_version_that_is_no_text_is_not_shown(signer: Holder) -> None:
    report = parse_report(signed_report(signer, NONCE, record(MEASUREMENTS), 64, tlv({3: b"<b>\x07"})))
    with pytest.raises(NotProven, match="driver_version"):
        report.text(Field.DRIVER_VERSION)


@given(st.integers(0, len(HOPPER_REPORT) - 1), st.binary(min_size=1, max_size=40), st.booleans())
def test_any_change_is_read_or_refused_and_nothing_else(at: int, noise: bytes, inserted: bool) -> None:
    changed = HOPPER_REPORT[:at] + noise + HOPPER_REPORT[at + (0 if inserted else len(noise)) :]
    try:
        report = parse_report(changed)
    except NotProven:
        return
    assert report.signed + report.signature == changed
