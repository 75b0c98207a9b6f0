"""Whoever can write what an owner reads could make him read something else: a text is a text and nothing more."""

from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.text import LONGEST_TEXT, plain


@given(st.text(max_size=1000), st.booleans())
def test_a_strangers_text_is_printable_cut_and_of_one_direction(untrusted: str, lines: bool) -> None:
    shown = plain(untrusted, 200, lines=lines)
    assert len(shown) <= 201
    assert all(letter.isprintable() or (lines and letter == "\n") for letter in shown)


def test_a_text_cannot_turn_the_reading_direction() -> None:
    assert plain("pay \u202eNOT\u202c\nme") == "pay  NOT  me"
    assert plain("one\ntwo", lines=True) == "one\ntwo"


def test_an_endless_text_says_that_it_was_cut() -> None:
    assert plain("x" * 2**20) == "x" * LONGEST_TEXT + "…"
