"""Most computers have no TPM that we may use: its owner must read why, and the app must not wait for one that hangs."""

import errno
import os
import threading
from pathlib import Path

import pytest

from mulberry.attestation.tpm import LinuxTpm
from mulberry.attestation.tpm.device import Transmit
from mulberry.attestation.tpm.refusals import KNOWN_REFUSALS, KnownRefusal, TpmRefused
from mulberry.model.errors import UserFacingError


def fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A device that gives back what was written to it, and else is silent."""
    path = tmp_path / "tpmrm0"
    os.mkfifo(path)
    return path


def test_what_is_written_is_answered(pipe: Path) -> None:
    assert LinuxTpm(pipe).converse(lambda transmit: transmit(b"a command")) == b"a command"


def test_a_computer_without_a_tpm_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="is in use here") as told:
        LinuxTpm(tmp_path / "tpmrm0").converse(lambda _: None)
    assert "firmware's settings" in told.value.next_step


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "group tss"), (errno.EBUSY, "Device or resource busy"), (errno.ENODEV, "the computer has none")],
)
def test_a_tpm_that_cannot_be_used_is_explained(pipe: Path, number: int, words: str) -> None:
    with pytest.raises(UserFacingError, match=words) as told:
        LinuxTpm(pipe).converse(lambda _: fail(number))
    assert told.value.next_step
    assert "Errno" not in str(told.value)


def test_nobody_waits_for_a_tpm_that_hangs_and_it_is_not_asked_again(pipe: Path) -> None:
    let_go = threading.Event()
    hanging: list[threading.Thread] = []

    def hang(transmit: Transmit) -> None:
        hanging.append(threading.current_thread())
        let_go.wait()

    device = LinuxTpm(pipe, talk_seconds=0.05)
    for _ in range(2):
        with pytest.raises(UserFacingError, match="does not answer"):
            device.converse(hang)
    assert len(hanging) == 1
    let_go.set()
    hanging[0].join()
    assert device.converse(lambda transmit: transmit(b"well again")) == b"well again"


@pytest.mark.parametrize("known", KNOWN_REFUSALS, ids=lambda known: known.name)
def test_every_known_refusal_is_told_without_a_number(known: KnownRefusal) -> None:
    told = TpmRefused("make a key", known.code).in_words()
    assert told.why == known.why
    assert known.command in told.next_step
    assert "0x" not in str(told)
    assert known.name in told.detail


@pytest.mark.parametrize(
    ("untrusted", "code"),
    [
        (0x921, 0x921),  # locked out
        (0x18B, 0x08B),  # handle 1
        (0x98E, 0x08E),  # session 1
        (0x2C4, 0x084),  # parameter 2
        (0xB0143, 0x143),  # said by the kernel's resource manager, not by the TPM
    ],
)
def test_what_a_code_blames_is_not_a_part_of_it(untrusted: int, code: int) -> None:
    assert TpmRefused("make a key", untrusted).code == code


def test_an_unknown_refusal_says_that_it_is() -> None:
    told = TpmRefused("make a key", 0x17F).in_words()
    assert "no words for" in told.why
    assert "0x" not in str(told)


def test_no_code_is_in_the_table_twice() -> None:
    codes = [refusal.code for refusal in KNOWN_REFUSALS]
    assert len(codes) == len(set(codes))
