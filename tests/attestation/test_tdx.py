"""The hardware's word decides who sees prompts: only the genuine, current and unopened guest may pass."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha384
from pathlib import Path
from statistics import median

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dcap_qvl import _dcap_qvl
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotProven
from mulberry.attestation.quote import parse_quote
from mulberry.attestation.tdx import INTEL_ROOT, MOST_REMEMBERED, TdxVerifier
from synthetic_tdx import COLLATERAL_ENDS, DEBUG, FMSPC, ISSUED, NOW, Form, Guest, SyntheticIntel

GUEST = Guest(b"r" * 64)


class Shelf:
    """Collateral from memory; counts who asks."""

    def __init__(self, collateral: str | None) -> None:
        self.collateral = collateral
        self.asked: list[tuple[str, str]] = []

    def find(self, fmspc: str, ca: str) -> str | None:
        self.asked.append((fmspc, ca))
        return self.collateral


def verifier(intel: SyntheticIntel, collateral: str | None = None) -> TdxVerifier:
    return TdxVerifier(Shelf(collateral or intel.collateral()), intel.root_der)


@pytest.mark.parametrize("form", Form)
def test_a_good_quote_verifies(intel: SyntheticIntel, form: Form) -> None:
    shelf = Shelf(intel.collateral())
    verified = TdxVerifier(shelf, intel.root_der).verify(intel.quote(GUEST, form), NOW)
    assert verified.quote == parse_quote(intel.quote(GUEST, form))
    point = intel.root.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert verified.collateral_root == sha384(point).digest()
    assert shelf.asked == [(FMSPC, "platform")]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("place", [20, 60, 200, 640, 720, 1500, 2500])
def test_one_changed_byte_is_refused(intel: SyntheticIntel, form: Form, place: int) -> None:
    changed = bytearray(intel.quote(GUEST, form))
    changed[place] ^= 1
    with pytest.raises(NotProven):
        verifier(intel).verify(bytes(changed), NOW)


@pytest.mark.parametrize("form", Form)
def test_a_debug_guest_is_refused(intel: SyntheticIntel, form: Form) -> None:
    with pytest.raises(NotProven, match="debug guest"):
        verifier(intel).verify(intel.quote(replace(GUEST, td_attributes=DEBUG), form), NOW)


@pytest.mark.parametrize("form", Form)
def test_another_root_is_refused(intel: SyntheticIntel, form: Form) -> None:
    other = SyntheticIntel()
    with pytest.raises(NotProven, match="does not verify"):
        TdxVerifier(Shelf(other.collateral()), intel.root_der).verify(other.quote(GUEST, form), NOW)
    with pytest.raises(NotProven, match="does not verify"):
        verifier(intel).verify(other.quote(GUEST, form), NOW)


@pytest.mark.parametrize("form", Form)
def test_without_a_test_root_only_intels_counts(intel: SyntheticIntel, form: Form) -> None:
    with pytest.raises(NotProven, match="does not verify"):
        TdxVerifier(Shelf(intel.collateral())).verify(intel.quote(GUEST, form), NOW)


def test_the_root_that_is_built_in_is_the_one_we_name() -> None:
    library = Path(_dcap_qvl.__file__).read_bytes()
    roots = set()
    for found in re.finditer(rb"Intel SGX Root CA", library):
        for start in range(max(0, found.start() - 400), found.start()):
            if library[start : start + 2] == b"\x30\x82":
                size = 4 + int.from_bytes(library[start + 2 : start + 4], "big")
                with suppress(ValueError):
                    key = x509.load_der_x509_certificate(library[start : start + size]).public_key()
                    roots.add(sha384(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).digest())
    assert roots == {INTEL_ROOT}


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    "status", ["OutOfDate", "SWHardeningNeeded", "ConfigurationNeeded", "OutOfDateConfigurationNeeded"]
)
def test_a_platform_that_is_not_up_to_date_is_refused(intel: SyntheticIntel, form: Form, status: str) -> None:
    with pytest.raises(NotProven, match=f"status is {status}, not UpToDate"):
        verifier(intel, intel.collateral(status=status)).verify(intel.quote(GUEST, form), NOW)


def test_a_revoked_platform_is_refused(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match="Revoked"):
        verifier(intel, intel.collateral(status="Revoked")).verify(intel.quote(GUEST), NOW)


@pytest.mark.parametrize("form", Form)
def test_expired_collateral_proves_nothing(intel: SyntheticIntel, form: Form) -> None:
    with pytest.raises(NotProven, match=r"expired at 2026-12-20 00:00 UTC"):
        verifier(intel).verify(intel.quote(GUEST, form), COLLATERAL_ENDS)


def test_collateral_from_the_future_proves_nothing(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match="does not verify"):
        verifier(intel).verify(intel.quote(GUEST), ISSUED - timedelta(hours=1))


def test_missing_and_broken_collateral_is_named(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match=rf"no collateral here for its platform \(FMSPC {FMSPC}, platform authority\)"):
        TdxVerifier(Shelf(None), intel.root_der).verify(intel.quote(GUEST), NOW)
    for broken in ("", "{}", "[]", "null", '{"tcb_info": 1}', intel.collateral().replace("nextUpdate", "next")):
        with pytest.raises(NotProven, match="cannot be read"):
            TdxVerifier(Shelf(broken or " "), intel.root_der).verify(intel.quote(GUEST), NOW)


def test_a_quote_without_a_certificate_chain_names_no_platform(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match="names no platform"):
        verifier(intel).verify(intel.quote(GUEST)[:700], NOW)


def counting(monkeypatch: pytest.MonkeyPatch, tdx: TdxVerifier) -> list[datetime]:
    """When the costly check really ran."""
    checks: list[datetime] = []
    really: Callable[[bytes, str, datetime], None] = tdx._check

    def count(quote: bytes, collateral: str, now: datetime) -> None:
        checks.append(now)
        really(quote, collateral, now)

    monkeypatch.setattr(tdx, "_check", count)
    return checks


def test_a_quote_that_passed_is_remembered_for_an_hour(intel: SyntheticIntel, monkeypatch: pytest.MonkeyPatch) -> None:
    tdx = verifier(intel)
    checks = counting(monkeypatch, tdx)
    quote = intel.quote(GUEST)
    for minutes in (0, 1, 59):
        assert tdx.verify(quote, NOW + timedelta(minutes=minutes)).quote == parse_quote(quote)
    assert checks == [NOW]
    tdx.verify(quote, NOW + timedelta(minutes=61))
    tdx.verify(quote, NOW)  # a clock that was set back
    assert checks == [NOW, NOW + timedelta(minutes=61), NOW]


def test_what_passed_is_forgotten_when_its_collateral_ends_or_changes(intel: SyntheticIntel) -> None:
    shelf = Shelf(intel.collateral())
    tdx = TdxVerifier(shelf, intel.root_der)
    quote = intel.quote(GUEST)
    tdx.verify(quote, COLLATERAL_ENDS - timedelta(minutes=1))
    with pytest.raises(NotProven, match="expired"):
        tdx.verify(quote, COLLATERAL_ENDS)
    shelf.collateral = intel.collateral(status="OutOfDate")
    with pytest.raises(NotProven, match="OutOfDate"):
        tdx.verify(quote, COLLATERAL_ENDS - timedelta(minutes=1))


def test_strangers_cannot_fill_the_memory(intel: SyntheticIntel, monkeypatch: pytest.MonkeyPatch) -> None:
    tdx = verifier(intel)
    monkeypatch.setattr(tdx, "_check", lambda quote, collateral, now: None)
    good = intel.quote(GUEST)
    for number in range(MOST_REMEMBERED + 50):
        tdx.verify(good + number.to_bytes(2, "big"), NOW)
    assert len(tdx._remembered) == MOST_REMEMBERED


@given(data=st.data(), form=st.sampled_from(Form))
def test_changed_quotes_are_refused_or_say_the_same(intel: SyntheticIntel, data: st.DataObject, form: Form) -> None:
    tdx = verifier(intel)
    good = intel.quote(GUEST, form)
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        verified = tdx.verify(bytes(changed), NOW)
    except NotProven:
        return
    assert verified.quote == parse_quote(good)


def test_verification_takes_less_than_twenty_milliseconds(intel: SyntheticIntel) -> None:
    tdx = verifier(intel)
    times = []
    for number in range(20):
        quote = intel.quote(Guest(number.to_bytes(64, "big")))
        started = time.process_time()
        tdx.verify(quote, NOW)
        times.append(time.process_time() - started)
    assert median(times) < 0.02  # 2 ms here
