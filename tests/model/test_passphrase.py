"""A passphrase guards money: what is said of its strength must not flatter, and its file must be its owner's alone."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.errors import UserFacingError
from mulberry.model.passphrase import LONGEST, normal, read_passphrase, strength, why_unfit

WORDS = "mulberry silk worm"


@pytest.mark.parametrize(
    ("passphrase", "told"),
    [
        ("", "at least 8"),
        ("seven77", "at least 8"),
        ("x" * (LONGEST + 1), "1,024 characters at most"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "Weak"),
        ("AaAaAaAaAa", "Weak"),
        ("abababababab", "Weak"),
        ("password1", "weak if it is a word"),
        ("k7#mQ2!xPz", "weak if it is a word"),
        ("to be or not to be that is", "a quotation is weak"),
        (WORDS, "Mulberry cannot tell"),
    ],
)
def test_strength_is_said_honestly(passphrase: str, told: str) -> None:
    assert told in strength(passphrase)


@given(st.text(max_size=40))
def test_no_passphrase_is_called_strong(passphrase: str) -> None:
    assert "strong" not in strength(passphrase).lower()
    assert normal(normal(passphrase)) == normal(passphrase)
    assert bool(why_unfit(passphrase)) == (len(normal(passphrase)) < 8)


def a_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nand a second line\n"])
def test_the_first_line_of_a_file_is_the_passphrase(tmp_path: Path, end: bytes) -> None:
    assert read_passphrase(a_file(tmp_path, WORDS.encode() + end)) == WORDS


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UserFacingError, match="chmod 600"):
        read_passphrase(a_file(tmp_path, WORDS.encode(), mode))
    assert read_passphrase(a_file(tmp_path, WORDS.encode(), 0o400)) == WORDS


@pytest.mark.parametrize("content", [b"", b"\n" + WORDS.encode(), b"\xff" * 20, b"x" * 10_000_000])
def test_what_is_no_passphrase_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserFacingError) as refused:
        read_passphrase(a_file(tmp_path, content))
    assert "mulberry silk" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="No such file"):
        read_passphrase(tmp_path / "nothing")
