"""Against a TPM that others wrote: what we send it must be right, and nothing of ours may stay in it.

Live where swtpm is installed, and from its recorded answers everywhere.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import swtpm
from mulberry.attestation import tpm
from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import TpmEvidence
from mulberry.attestation.tpm.collecting import CHAIN_INDICES
from mulberry.attestation.tpm.commands import PAUSES, Tpm
from mulberry.attestation.tpm.device import Transmit
from mulberry.attestation.tpm.keys import EK_ECC, EK_RSA, EndorsementKind, ecc_key, rsa_key
from mulberry.attestation.tpm.refusals import NO_SUCH_HANDLE, RETRY, TpmRefused
from mulberry.attestation.tpm.wire import number, read_public
from mulberry.model.errors import UserFacingError
from recorded_tpm import NAMES, RecordedTpm, recording
from synthetic_tpm import BOUND_TO, NOW, new_maker

needs_swtpm = pytest.mark.skipif(shutil.which("swtpm") is None, reason="swtpm, a TPM in software, is not installed")
each_recording = pytest.mark.parametrize("name", NAMES)

CREATE_PRIMARY, START_AUTH_SESSION, FLUSH_CONTEXT, PCR_READ = 0x131, 0x176, 0x165, 0x17E
NV_READ_PUBLIC, NV_READ = 0x169, 0x14E
FAILURE, LOCKOUT = 0x101, 0x921

Value = TypeVar("Value")


def answer(code: int, body: bytes = b"") -> bytes:
    return number(0x8001, 2) + number(10 + len(body), 4) + number(code, 4) + body


def code_of(command: bytes) -> int:
    return int.from_bytes(command[6:10], "big")


@dataclass
class Disturbed:
    """A TPM some of whose answers somebody changes. `spoil` gets an answer's number, the command and the answer."""

    inner: tpm.TpmDevice
    spoil: Callable[[int, bytes, bytes], bytes]

    def converse(self, talk: Callable[[Transmit], Value]) -> Value:
        def disturbed(transmit: Transmit) -> Value:
            count = 0

            def spoiled(command: bytes) -> bytes:
                nonlocal count
                count += 1
                try:
                    said = transmit(command)
                except KeyError:  # nobody recorded what follows a lie
                    said = answer(NO_SUCH_HANDLE)
                return self.spoil(count, command, said)

            return talk(spoiled)

        return self.inner.converse(disturbed)


@pytest.fixture
def device() -> Iterator[swtpm.SwTpm]:
    with tempfile.TemporaryDirectory() as state, swtpm.started(Path(state)) as started:
        yield started


@needs_swtpm
@pytest.mark.parametrize("kind", [EK_ECC, EK_RSA], ids=["ECC", "RSA"])
def test_a_real_tpm_answers_the_challenge_and_is_proven(device: swtpm.SwTpm, kind: EndorsementKind) -> None:
    """From its maker's certificate to the boot registers, everything that a verifier asks for."""
    device.boot()
    root = new_maker()
    issuing = root.issue("Paper TPM Issuing")
    with_key = Tpm(lambda command: device.converse(lambda transmit: transmit(command)))
    with with_key.primary_key(kind.template.marshalled()) as ek:
        public = read_public(ek.public, "the EK")
        key = ecc_key(public, "the EK") if kind is EK_ECC else rsa_key(public, "the EK")
    device.write_certificate(kind.certificate_index, issuing.certify(key) + b"\xff" * 40)
    device.write_certificate(CHAIN_INDICES[0], issuing.der)
    identity = tpm.identify(device)
    asked = tpm.challenge(identity.ek_public, identity.ak_public)
    evidence = tpm.collect(device, BOUND_TO, asked.credential)
    verified = tpm.verify(evidence, BOUND_TO, (root.certificate,), NOW, asked)
    assert verified.is_genuine
    assert verified.endorsement is not None
    assert (verified.endorsement.maker, verified.endorsement.root) == ("Infineon", "Paper TPM Root")
    assert device.open_handles() == 0


@needs_swtpm
def test_a_challenge_for_another_key_is_not_answered(device: swtpm.SwTpm) -> None:
    identity = tpm.identify(device)
    asked = tpm.challenge(identity.ek_public, identity.ak_public[:-1] + b"\0")
    with pytest.raises(UserFacingError, match="made by another one"):
        tpm.collect(device, BOUND_TO, asked.credential)
    assert device.open_handles() == 0


@needs_swtpm
def test_the_keys_stay_the_same_until_the_tpm_is_cleared(device: swtpm.SwTpm) -> None:
    """The challenge names them, and the quote comes in a later conversation."""
    assert tpm.identify(device) == tpm.identify(device)


@needs_swtpm
def test_nothing_stays_in_a_tpm_that_refuses_half_way(device: swtpm.SwTpm) -> None:
    identity = tpm.identify(device)
    asked = tpm.challenge(identity.ek_public, identity.ak_public)
    device.exchanges.clear()
    tpm.collect(device, BOUND_TO, asked.credential)
    for broken in range(1, len(device.exchanges) + 1):

        def spoil(count: int, command: bytes, said: bytes, broken: int = broken) -> bytes:
            made = code_of(command) in (CREATE_PRIMARY, START_AUTH_SESSION, FLUSH_CONTEXT)
            return answer(FAILURE) if count == broken and not made else said

        try:
            tpm.collect(Disturbed(device, spoil), BOUND_TO, asked.credential)
        except UserFacingError as refused:
            assert "failure mode" in refused.why
        assert device.open_handles() == 0


@each_recording
def test_a_recorded_tpm_is_asked_the_same_and_proven(name: str) -> None:
    recorded = recording(name)
    identity = tpm.identify(recorded.tpm)
    assert (identity.ek_public, identity.ak_public) == (recorded.challenge.ek_public, recorded.challenge.ak_public)
    evidence = tpm.collect(recorded.tpm, recorded.bound_to, recorded.challenge.credential)
    assert evidence.ek_chain == identity.ek_chain
    assert tpm.verify(evidence, recorded.bound_to, recorded.roots, NOW, recorded.challenge).is_genuine


@each_recording
def test_every_key_and_session_is_flushed_once(name: str) -> None:
    recorded = recording(name)
    commands: list[bytes] = []

    def listen(count: int, command: bytes, said: bytes) -> bytes:
        commands.append(command)
        return said

    tpm.collect(Disturbed(recorded.tpm, listen), recorded.bound_to, recorded.challenge.credential)
    made = [
        recorded.tpm.answers[command][10:14]
        for command in commands
        if code_of(command) in (CREATE_PRIMARY, START_AUTH_SESSION)
    ]
    flushed = [command[10:14] for command in commands if code_of(command) == FLUSH_CONTEXT]
    assert sorted(flushed) == sorted(made)
    assert len(set(made)) == (3 if name == "ecc" else 2)  # the RSA endorsement key is kept ready, and stays


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(1, 20), st.integers(0, 400), st.binary(min_size=0, max_size=64))
def test_whatever_a_tpm_says_ends_in_evidence_or_in_words(name: str, which: int, at: int, noise: bytes) -> None:
    recorded = recording(name)

    def spoil(count: int, command: bytes, said: bytes) -> bytes:
        if count != which:
            return said
        body = said[:at] + noise + said[at + len(noise) :]
        return body[:2] + number(len(body), 4) + body[6:] if len(body) >= 6 else body

    try:
        evidence = tpm.collect(Disturbed(recorded.tpm, spoil), BOUND_TO, recorded.challenge.credential)
    except UserFacingError as problem:
        assert str(problem).isprintable()
    else:
        assert isinstance(evidence, TpmEvidence)


@pytest.mark.parametrize("untrusted", [b"", b"\x80\x01", answer(0)[:-1], answer(0) + b"\0", b"\0" * 4097])
def test_an_answer_of_another_length_than_it_says_is_refused(untrusted: bytes) -> None:
    with pytest.raises(NotProven):
        Tpm(lambda _: untrusted).read_nv(1)


def test_a_device_that_talks_nonsense_is_told() -> None:
    with pytest.raises(UserFacingError, match="something that is no answer"):
        tpm.identify(Disturbed(recording("ecc").tpm, lambda *_: b"hello"))


def test_a_tpm_without_the_bank_says_where_to_switch_it_on() -> None:
    """Some firmware measures into the SHA-1 registers only."""
    empty = number(0, 4) + number(1, 4) + number(0x000B, 2) + number(3, 1) + bytes(3) + number(0, 4)
    with pytest.raises(UserFacingError, match="SHA-256 registers are switched off"):
        Tpm(lambda _: answer(0, empty)).read_registers(frozenset({0}))


def test_a_tpm_that_tells_few_registers_at_once_is_asked_again() -> None:
    def one_at_a_time(command: bytes) -> bytes:
        wanted = int.from_bytes(command[-3:], "little")
        lowest = wanted & -wanted
        selected = number(1, 4) + number(0x000B, 2) + number(3, 1) + lowest.to_bytes(3, "little")
        value = bytes([lowest.bit_length() - 1]) * 32
        return answer(0, number(0, 4) + selected + number(1, 4) + number(32, 2) + value)

    assert Tpm(one_at_a_time).read_registers(frozenset({0, 7})) == {0: bytes(32), 7: b"\7" * 32}


@pytest.mark.parametrize("told", [{1}, {0, 1}])
def test_registers_that_nobody_asked_for_are_no_answer(told: set[int]) -> None:
    bits = sum(1 << register for register in told)
    selected = number(1, 4) + number(0x000B, 2) + number(3, 1) + bits.to_bytes(3, "little")
    body = number(0, 4) + selected + number(len(told), 4) + (number(32, 2) + bytes(32)) * len(told)
    with pytest.raises(NotProven, match="do not match"):
        Tpm(lambda _: answer(0, body)).read_registers(frozenset({0}))


def memory_of(size: int, piece: bytes) -> tuple[Tpm, list[int]]:
    """A TPM that says it has so many bytes everywhere, and gives `piece` for each part; and what it was asked."""
    asked: list[int] = []
    public = number(1, 4) + number(11, 2) + number(1 << 29 | 1 << 18, 4) + number(0, 2) + number(size, 2)

    def transmit(command: bytes) -> bytes:
        asked.append(code_of(command))
        if code_of(command) == NV_READ_PUBLIC:
            return answer(0, number(len(public), 2) + public)
        return answer(0, number(len(piece) + 2, 4) + number(len(piece), 2) + piece)

    return Tpm(transmit), asked


def test_memory_is_read_in_pieces_and_each_must_be_whole() -> None:
    whole, asked = memory_of(1024, bytes(512))
    assert whole.read_nv(1) == bytes(1024) and asked == [NV_READ_PUBLIC, NV_READ, NV_READ]
    for piece in (b"", bytes(511), bytes(513)):
        with pytest.raises(NotProven):
            memory_of(1024, piece)[0].read_nv(1)


def test_memory_without_an_end_is_not_read() -> None:
    endless, asked = memory_of(65_535, bytes(512))
    assert endless.read_nv(1) is None and asked == [NV_READ_PUBLIC]


def test_a_busy_tpm_is_asked_again_and_then_given_up() -> None:
    waited: list[float] = []
    with pytest.raises(TpmRefused) as refused:
        Tpm(lambda _: answer(RETRY), waited.append).persistent_key(1)
    assert tuple(waited) == PAUSES
    assert "busy" in refused.value.in_words().why


@needs_swtpm
def test_without_a_certificate_there_is_still_a_quote(device: swtpm.SwTpm) -> None:
    assert tpm.collect(device, BOUND_TO).ek_chain == ()


def test_memory_that_may_not_be_read_is_as_good_as_none() -> None:
    assert Tpm(lambda _: answer(LOCKOUT)).read_nv(1) is None
    public = number(1, 4) + number(11, 2) + number(1 << 29, 4) + number(0, 2) + number(100, 2)
    assert Tpm(lambda _: answer(0, number(len(public), 2) + public)).read_nv(1) is None


def test_what_is_bound_has_one_size() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        tpm.collect(RecordedTpm({}), bytes(31))
