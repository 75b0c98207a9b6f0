"""A verifier that lets one lie about a TPM pass gives level 2 to everybody who can write a program.

The paper TPM signs with keys of its own, so it can tell each lie with a good signature.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation import tpm
from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import TpmEvidence
from mulberry.attestation.tpm.keys import AK_TEMPLATE
from mulberry.attestation.tpm.verifying import NOT_CERTIFIED, NOT_CHALLENGED
from mulberry.attestation.tpm.wire import Attribute, number, read_public, selection, sized
from recorded_tpm import NAMES, recording
from synthetic_tpm import BOOTED, BOUND_TO, NOW, Maker, PaperTpm, new_maker

PAPER = PaperTpm()
MAKER = new_maker()
ROOTS = (MAKER.certificate,)
OWNER_HIERARCHY = 0x40000001
CERTIFY = 0x8017


def ak_without(attribute: Attribute) -> bytes:
    public = read_public(PAPER.ak_public, "the AK")
    return replace(public, attributes=public.attributes & ~attribute).marshalled()


def verify(evidence: TpmEvidence, *, challenged: bool = True) -> tpm.VerifiedTpm:
    """As somebody who challenged the paper TPM, which was told the answer."""
    asked = tpm.challenge(PAPER.ek_public, PAPER.ak_public)
    answered = replace(evidence, activated=asked.answer) if challenged else evidence
    return tpm.verify(answered, BOUND_TO, ROOTS, NOW, asked if challenged else None)


def test_who_shows_everything_is_genuine() -> None:
    verified = verify(PAPER.evidence(MAKER))
    assert verified.is_genuine
    assert verified.missing == ()
    assert verified.activated
    assert verified.pcrs == BOOTED
    assert verified.endorsement is not None
    assert verified.expires == verified.endorsement.expires


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_tpms_quote_is_worth_nothing_for_another_statement(name: str) -> None:
    recorded = recording(name)
    evidence = tpm.collect(recorded.tpm, recorded.bound_to, recorded.challenge.credential)
    with pytest.raises(NotProven, match="made for something else"):
        tpm.verify(evidence, sha256(b"another").digest(), recorded.roots, NOW, recorded.challenge)


def test_without_the_makers_word_that_is_missing_and_not_wrong() -> None:
    verified = verify(PAPER.evidence())
    assert verified.missing == (NOT_CERTIFIED,)
    assert verified.endorsement is None
    assert verified.expires is None


def test_without_the_makers_root_its_name_is_told() -> None:
    verified = tpm.verify(PAPER.evidence(MAKER), BOUND_TO, (), NOW)
    assert verified.missing == (
        "The maker's word on the TPM could not be checked: "
        "the certificate of the TPM's maker is not here (CN=Paper TPM Root).",
        NOT_CHALLENGED,
    )


def test_without_a_challenge_a_genuine_certificate_beside_a_quote_proves_nothing() -> None:
    """Certificates are no secrets: everybody can show another computer's."""
    stolen = replace(PaperTpm().evidence(), ek_public=PAPER.ek_public, ek_chain=PAPER.evidence(MAKER).ek_chain)
    verified = tpm.verify(stolen, BOUND_TO, ROOTS, NOW)
    assert verified.missing == (NOT_CHALLENGED,)
    assert not verified.is_genuine
    with pytest.raises(NotProven, match="other keys than those that were challenged"):
        verify(stolen)


def test_an_answer_that_does_not_fit_is_refused() -> None:
    asked = tpm.challenge(PAPER.ek_public, PAPER.ak_public)
    for answer in (None, b"", bytes(32), asked.answer[:-1]):
        evidence = replace(PAPER.evidence(MAKER), activated=answer)
        with pytest.raises(NotProven, match="did not answer the challenge"):
            tpm.verify(evidence, BOUND_TO, ROOTS, NOW, asked)


def test_registers_that_the_firmware_left_alone_are_missing() -> None:
    """Some virtual machines have a TPM and a firmware that does not use it."""
    empty = {register: bytes(32) for register in BOOTED} | {0: BOOTED[0]}
    quoted = PAPER.quoted(digest=sha256(b"".join(empty.values())).digest())
    verified = verify(replace(PAPER.evidence(MAKER, quoted=quoted), pcrs=empty))
    assert len(verified.missing) == 7
    assert verified.missing[0] == "Register 1 is zero: the firmware measured nothing into it."


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda: PAPER.quoted(magic=0x12345678), "not made by a TPM"),
        (lambda: PAPER.quoted(kind=CERTIFY), "is no quote"),
        (lambda: PAPER.quoted(bytes(32)), "made for something else"),
        (lambda: PAPER.quoted(b""), "made for something else"),
        (lambda: PAPER.quoted(hierarchy=OWNER_HIERARCHY), "does not belong to the endorsement hierarchy"),
        (lambda: PAPER.quoted(selected=selection(frozenset({16, 23}))), "not over the boot registers"),
        (lambda: PAPER.quoted(selected=selection(frozenset(range(9)))), "not over the boot registers"),
        (lambda: PAPER.quoted(selected=number(0, 4)), "not over the boot registers"),
        (
            lambda: PAPER.quoted(selected=number(1, 4) + number(4, 2) + number(3, 1) + b"\xff\0\0"),  # SHA-1
            "not over the boot registers",
        ),
        (lambda: PAPER.quoted(digest=bytes(32)), "not those that its TPM signed"),
        (lambda: PAPER.quoted(digest=b""), "not those that its TPM signed"),
        (lambda: PAPER.quoted() + b"\0", "longer than it says"),
        (lambda: PAPER.quoted()[:-1], "cut short"),
        (lambda: bytes(2000), "has 2,000 bytes"),
    ],
)
def test_each_lie_in_a_quote_is_found_though_its_signature_is_good(lie: Callable[[], bytes], words: str) -> None:
    with pytest.raises(NotProven, match=words):
        verify(PAPER.evidence(MAKER, quoted=lie()))


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        (Attribute.RESTRICTED, "signs whatever it is given"),
        (Attribute.SIGN, "may not sign"),
        (Attribute.FIXED_TPM, "copied to another TPM"),
        (Attribute.FIXED_PARENT, "put under another key"),
        (Attribute.SENSITIVE_DATA_ORIGIN, "came from outside the TPM"),
        (Attribute.USER_WITH_AUTH, "not of the kind that is asked for"),
    ],
)
def test_a_key_that_promises_less_is_refused(attribute: Attribute, words: str) -> None:
    with pytest.raises(NotProven, match=words):
        verify(replace(PAPER.evidence(MAKER), ak_public=ak_without(attribute)))


def test_a_key_for_decryption_is_no_attestation_key() -> None:
    public = replace(AK_TEMPLATE, attributes=AK_TEMPLATE.attributes | Attribute.DECRYPT, unique=(b"\1", b"\2"))
    with pytest.raises(NotProven, match="not of the kind"):
        verify(PAPER.evidence(MAKER, ak_public=public))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"signature": PaperTpm().signature(PAPER.quoted())}, "signature is wrong"),
        ({"signature": PAPER.signature(b"another quote")}, "signature is wrong"),
        ({"signature": number(0x18, 2) + number(0xB, 2) + sized(bytes(32)) * 2}, "signature is wrong"),
        ({"signature": number(0x14, 2) + number(0xB, 2) + sized(bytes(256))}, "not ECDSA with SHA-256"),
        ({"signature": number(0x18, 2) + number(0xB, 2) + sized(bytes(33)) * 2}, "33 bytes"),
        ({"signature": b""}, "cut short"),
        ({"ak_public": PaperTpm().ak_public}, "signature is wrong"),
        ({"ak_public": b""}, "cut short"),
        ({"pcrs": BOOTED | {7: bytes(32)}}, "not those that its TPM signed"),
        ({"pcrs": BOOTED | {8: bytes(32)}}, "does not show the boot registers"),
        ({"pcrs": {0: BOOTED[0]}}, "does not show the boot registers"),
        ({"pcrs": {}}, "does not show the boot registers"),
        ({"pcrs": BOOTED | {0: BOOTED[0] + BOOTED[1], 1: b""}}, "not SHA-256 values"),
    ],
)
def test_what_was_put_together_from_other_parts_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(NotProven, match=words):
        verify(replace(PAPER.evidence(MAKER), **changed), challenged=False)


@pytest.mark.parametrize("name", NAMES)
@given(st.sampled_from(("ak_public", "quoted", "signature", "ek_public")), st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_found(name: str, part: str, at: int, change: int) -> None:
    recorded = recording(name)
    evidence = tpm.collect(recorded.tpm, recorded.bound_to, recorded.challenge.credential)
    whole = bytearray(getattr(evidence, part))
    whole[at % len(whole)] ^= change
    changed: dict[str, Any] = {part: bytes(whole)}
    with pytest.raises(NotProven):
        tpm.verify(replace(evidence, **changed), recorded.bound_to, recorded.roots, NOW, recorded.challenge)


def other_maker() -> Maker:
    return new_maker()  # of the same name


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (lambda: other_maker().certify(PAPER.ek.public_key()), "was not issued by Paper TPM Root"),
        (lambda: MAKER.certify(PaperTpm().ek.public_key()), "of another TPM's key"),
        (lambda: MAKER.certify(PaperTpm(with_rsa=True).ek.public_key()), "of another TPM's key"),
        (
            lambda: MAKER.certify(PAPER.ek.public_key(), expires=NOW - timedelta(days=1)),
            "certificate without a name of its TPM expired on 2026-11-24",
        ),
        (lambda: MAKER.certify(PAPER.ek.public_key(), valid_from=NOW + timedelta(days=1)), "only from 2026-11-26"),
        (lambda: MAKER.certify(PAPER.ek.public_key(), usage="1.3.6.1.5.5.7.3.1"), "not for an endorsement key"),
        (lambda: MAKER.certify(PAPER.ek.public_key(), is_authority=True), "is an authority's"),
        (lambda: MAKER.certify(PAPER.ek.public_key())[:-1], "cannot be read"),
        (lambda: b"", "cannot be read"),
        (lambda: bytes(20_000), "20,000 bytes"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(certificate: Callable[[], bytes], words: str) -> None:
    with pytest.raises(NotProven, match=words):
        verify(replace(PAPER.evidence(), ek_chain=(certificate(),)))


def test_another_kind_of_endorsement_key_is_refused() -> None:
    with pytest.raises(NotProven, match="not of a kind that makers certify"):
        verify(replace(PAPER.evidence(MAKER), ek_public=PAPER.ak_public), challenged=False)


def test_an_rsa_endorsement_key_is_as_good() -> None:
    paper = PaperTpm(with_rsa=True)
    asked = tpm.challenge(paper.ek_public, paper.ak_public)
    assert tpm.verify(paper.evidence(MAKER, asked), BOUND_TO, ROOTS, NOW, asked).is_genuine
