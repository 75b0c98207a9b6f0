"""Most computers have no TPM that we may use: its owner must read why, and the app must not wait for one that hangs."""

import errno
import os
import threading
from pathlib import Path

import pytest

from mulberry.attestation.tpm import LinuxTpm
from mulberry.attestation.tpm.device import Transmit
from mulberry.attestation.tpm.refusals import TpmRefused
from mulberry.model import known_errors
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

    device = LinuxTpm(pipe, talk_seconds=0.5)  # enough for one that is well again, on a busy computer too
    for _ in range(2):
        with pytest.raises(UserFacingError, match="does not answer"):
            device.converse(hang)
    assert len(hanging) == 1
    let_go.set()
    hanging[0].join()
    assert device.converse(lambda transmit: transmit(b"well again")) == b"well again"


@pytest.mark.parametrize("code", known_errors.TABLES[known_errors.Stack.TPM])
def test_every_known_refusal_is_told_without_a_number(code: int) -> None:
    told = TpmRefused("make a key", code).in_words()
    assert told.what == "The TPM did not make a key."
    assert "0x" not in str(told)
    assert f"{code:#x}" in told.detail


@pytest.mark.parametrize(
    ("untrusted", "words"),
    [
        (0x921, "locked after wrong passwords"),
        (0x98E, "asks for a password"),  # of session 1
        (0xB0143, "does not know this command"),  # said by the kernel's resource manager, not by the TPM
    ],
)
def test_what_a_code_blames_is_not_a_part_of_it(untrusted: int, words: str) -> None:
    assert words in TpmRefused("make a key", untrusted).in_words().why
