"""Customers read this text as it grows: no half characters, no stop strings, in the end the model's words."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from mulberry.model.places import resource
from mulberry.runtime.child.text import AnswerText, UnsupportedTokenizerError, token_bytes

VOCABULARY = 512
CONTROL_TOKENS = 3


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(resource("models/tiny-lm/tokenizer.json")))


@cache
def table() -> list[bytes]:
    return token_bytes(tokenizer())


def shown(tokens: list[int], stops: tuple[str, ...] = ()) -> list[str]:
    answer = AnswerText(table(), stops)
    pieces = []
    for token in tokens:
        pieces.append(answer.add(token))
        if answer.stopped:
            break
    return [*pieces, answer.rest()]


@given(st.lists(st.integers(0, VOCABULARY - 1), max_size=30))
def test_the_pieces_are_the_tokenizers_own_text(tokens: list[int]) -> None:
    assert "".join(shown(tokens)) == tokenizer().decode(tokens, skip_special_tokens=True)


@given(st.text(max_size=20))
def test_no_piece_holds_half_a_character(text: str) -> None:
    tokens = tokenizer().encode(text, add_special_tokens=False).ids
    if all(token >= CONTROL_TOKENS for token in tokens):
        assert "".join(shown(tokens)) == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in shown(tokens))


def first_complete(text: str, stops: tuple[str, ...]) -> str:
    """The text before the stop string that is complete first; of two that end together, the longer."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


@given(
    st.text("abc ", max_size=30),
    st.lists(st.text("abc ", min_size=1, max_size=4), max_size=3).map(tuple),
)
def test_stop_strings_cut_where_they_are_first_complete(text: str, stops: tuple[str, ...]) -> None:
    tokens = tokenizer().encode(text, add_special_tokens=False).ids
    assert "".join(shown(tokens, stops)) == first_complete(text, stops)


def test_a_beginning_of_a_stop_string_waits_until_it_is_none() -> None:
    vocabulary = tokenizer().get_vocab()
    tokens = [vocabulary[letter] for letter in "abxabc"]
    assert shown(tokens, ("abc",)) == ["", "", "abx", "", "", "", ""]
    assert shown(tokens[:5], ("abc",)) == ["", "", "abx", "", "", "ab"]


def test_an_emoji_comes_whole() -> None:
    tokens = tokenizer().encode("🫐!", add_special_tokens=False).ids
    assert [piece for piece in shown(tokens) if piece] == ["🫐", "!"]


def test_control_tokens_are_not_text() -> None:
    assert shown([0, 1, 2]) == ["", "", "", ""]


def test_a_tokenizer_of_another_kind_is_named() -> None:
    other = Tokenizer(models.BPE())
    other.decoder = decoders.Metaspace()
    with pytest.raises(UnsupportedTokenizerError, match="Metaspace"):
        token_bytes(other)
