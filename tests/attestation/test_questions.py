"""The half of a question that is sent must hold no answer, and the kept half must find it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotProven
from mulberry.attestation.questions import (
    MOST_QUESTION_BYTES,
    KeptQuestion,
    read_kept,
    read_nonce,
    read_question,
    write_kept,
    write_question,
)
from shown_computer import NONCE, World


def test_both_halves_are_read_back(world: World) -> None:
    kept = KeptQuestion(NONCE, world.challenge)
    assert read_kept(write_kept(kept)) == kept
    sent = read_question(write_question(kept))
    assert (sent.nonce, sent.credential) == (NONCE, world.challenge.credential)


def test_what_is_sent_does_not_hold_the_answer(world: World) -> None:
    sent = write_question(KeptQuestion(NONCE, world.challenge))
    assert world.challenge.answer.hex().encode() not in sent
    with pytest.raises(NotProven, match="no question"):
        read_kept(sent)


@pytest.mark.parametrize("untrusted", [b"", b"{}", b"[" * 10_000, b"\xff", b" " * (MOST_QUESTION_BYTES + 1)])
def test_what_is_no_question_is_refused(untrusted: bytes) -> None:
    for read in (read_question, read_kept):
        with pytest.raises(NotProven, match="question"):
            read(untrusted)


@given(st.binary(min_size=16, max_size=64))
def test_a_nonce_is_read_in_small_and_capital_letters(nonce: bytes) -> None:
    assert read_nonce(nonce.hex()) == read_nonce(nonce.hex().upper()) == nonce


@pytest.mark.parametrize(
    "untrusted", ["00", "0" * 33, "0x" + "00" * 16, "00" * 65, "zz" * 16, " " + "00" * 16, "٠" * 32]
)
def test_what_is_no_nonce_is_refused(untrusted: str) -> None:
    with pytest.raises(NotProven, match="nonce"):
        read_nonce(untrusted)


def test_no_nonce_is_none() -> None:
    assert read_nonce("") == b""
