"""A key that was stolen is known by its revocation alone: a false "good" would let its thief be any GPU."""

from datetime import timedelta

import pytest
from cryptography.x509 import ocsp

from mulberry.attestation.errors import NotProven
from mulberry.attestation.revocation import RevokedError, verify_not_revoked
from synthetic_gpu_report import NOW, SyntheticNvidia, answer, new_root, responder


def judged(nvidia: SyntheticNvidia, untrusted: bytes, *, years: int = 0) -> object:
    above = [nvidia.identity.certificate, nvidia.device_root.certificate]
    return verify_not_revoked(untrusted, nvidia.boot_rom.certificate, above, NOW + timedelta(days=365 * years))


def test_an_answer_of_the_issuer_holds_until_the_next_one(nvidia: SyntheticNvidia) -> None:
    assert judged(nvidia, answer(nvidia.boot_rom, nvidia.identity)) == NOW + timedelta(hours=23)


def test_a_responder_that_an_authority_named_may_answer(nvidia: SyntheticNvidia) -> None:
    for authority in (nvidia.identity, nvidia.device_root):
        named = responder(authority)
        judged(nvidia, answer(nvidia.boot_rom, nvidia.identity, signed_by=named, shows_signer=True))


def test_others_may_not(nvidia: SyntheticNvidia) -> None:
    stranger = new_root("fake GH100 Identity")
    for signer in (stranger, responder(stranger), responder(nvidia.identity, may_answer=False), nvidia.gpu):
        with pytest.raises(NotProven, match="nobody who may say so"):
            judged(nvidia, answer(nvidia.boot_rom, nvidia.identity, signed_by=signer, shows_signer=True))


def test_a_responder_whose_time_is_over_may_not_either(nvidia: SyntheticNvidia) -> None:
    retired = responder(nvidia.identity, expires=NOW - timedelta(days=1))
    with pytest.raises(NotProven, match="nobody who may say so"):
        judged(nvidia, answer(nvidia.boot_rom, nvidia.identity, signed_by=retired, shows_signer=True))


def test_revoked_is_said_as_such(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(RevokedError, match="revoked on 2026-11-21"):
        judged(nvidia, answer(nvidia.boot_rom, nvidia.identity, status=ocsp.OCSPCertStatus.REVOKED))


def test_an_authority_that_does_not_know_says_nothing(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(NotProven, match="does not know"):
        judged(nvidia, answer(nvidia.boot_rom, nvidia.identity, status=ocsp.OCSPCertStatus.UNKNOWN))


@pytest.mark.parametrize("years", [-30, 1])
def test_an_old_answer_and_one_of_the_future_say_nothing(nvidia: SyntheticNvidia, years: int) -> None:
    with pytest.raises(NotProven, match="holds from 2026-11-21 to 2026-11-22"):
        judged(nvidia, answer(nvidia.boot_rom, nvidia.identity), years=years)


def test_an_answer_that_says_no_end_holds_for_a_week(nvidia: SyntheticNvidia) -> None:
    week = timedelta(days=7)
    recent = answer(nvidia.boot_rom, nvidia.identity, made=NOW - week, good_for=None)
    assert judged(nvidia, recent) == NOW
    with pytest.raises(NotProven, match="holds from"):
        judged(nvidia, answer(nvidia.boot_rom, nvidia.identity, made=NOW - week - timedelta(seconds=1), good_for=None))


def test_an_answer_about_another_certificate_says_nothing(nvidia: SyntheticNvidia) -> None:
    with pytest.raises(NotProven, match="about another certificate"):
        judged(nvidia, answer(nvidia.gpu, nvidia.boot_rom))


def test_a_tampered_answer_is_signed_by_nobody(nvidia: SyntheticNvidia) -> None:
    good = bytearray(answer(nvidia.boot_rom, nvidia.identity))
    good[-1] ^= 1
    with pytest.raises(NotProven, match="nobody who may say so"):
        judged(nvidia, bytes(good))


@pytest.mark.parametrize("noise", [b"", b"\x30\x80", b"\x30\x03\x0a\x01\x06", bytes(40_000)])
def test_noise_and_refusals_of_the_service_say_nothing(nvidia: SyntheticNvidia, noise: bytes) -> None:
    with pytest.raises(NotProven, match=r"cannot be read|did not answer|40,000 bytes"):
        judged(nvidia, noise)
