"""Request bodies are strangers' JSON: bombs must cost nothing, and odd numbers and characters must not get through."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon.strict_json import JsonError, JsonTooLargeError, dump, parse_object

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def without_infinities(value: Any) -> Any:
    return json.loads(json.dumps(value).replace("-Infinity", "0").replace("Infinity", "0"))


@given(st.dictionaries(st.text(), VALUES))
def test_an_object_comes_back_as_it_went(value: dict[str, Any]) -> None:
    value = without_infinities(value)
    assert parse_object(dump(value)) == value
    assert parse_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_the_one_error(data: bytes) -> None:
    for text in (data, b'{"a":' + data + b"}"):
        with suppress(JsonError):
            assert isinstance(parse_object(text), dict)


def test_of_a_duplicate_key_the_last_counts_as_in_the_public_worker() -> None:
    assert parse_object(b'{"model":"a","model":"b"}') == {"model": "b"}


def test_where_each_key_must_stand_once_a_second_one_is_refused_at_any_depth() -> None:
    assert parse_object(b'{"a":{"b":1},"b":2}', unique_keys=True) == {"a": {"b": 1}, "b": 2}
    for text in (b'{"a":1,"a":1}', b'{"a":[{"b":1,"b":2}]}', b'{"a":1,"\\u0061":2}'):
        with pytest.raises(JsonError, match="a key stands twice"):
            parse_object(text, unique_keys=True)


def test_sixty_four_levels_are_read() -> None:
    assert parse_object(b'{"a":' + b"[" * 63 + b"]" * 63 + b"}")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{} {}",
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":"\n"}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"\\uDFFF":1}',
        b'\xef\xbb\xbf{"a":1}',
    ],
)
def test_what_is_not_an_object_is_refused(text: bytes) -> None:
    with pytest.raises(JsonError) as caught:
        parse_object(text)
    assert not isinstance(caught.value, JsonTooLargeError)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "nested more than 64 deep"),
        (b'{"a":' * 100_000, "nested more than 64 deep"),
        (b'{"a":' + b"[" * 400_000, "nested more than 64 deep"),
        (b'{"a":[' + b"[]," * 5_000_000 + b"[]]}", "more than 500,000 values"),
        (b'{"a":[' + b"1," * 5_000_000 + b"1]}", "more than 500,000 values"),
        (b'{"a":1' + b"0" * 5_000 + b"}", "too many digits"),
        (b'{"a":0.' + b"1" * 5_000 + b"}", "too many digits"),
        (b'{"a":1e999}', "too large for a double"),
        (b'{"a":"' + b"x" * 2**24 + b'"}', "more than 16,777,216 bytes"),
    ],
    ids=["deep", "deep objects", "deep lists", "lists", "numbers", "integer", "fraction", "exponent", "size"],
)
def test_a_bomb_is_refused_quickly_and_says_why(text: bytes, reason: str) -> None:
    started = time.process_time()
    with pytest.raises(JsonTooLargeError, match=reason):
        parse_object(text)
    assert time.process_time() - started < 2


def test_brackets_and_commas_in_a_long_text_are_no_bomb() -> None:
    prompt = '{"a": [1, 2], \\"b\\": [[[,]]]}' * 300_000
    assert len(parse_object(json.dumps({"prompt": prompt}).encode())["prompt"]) == len(prompt)


def test_a_large_integer_becomes_a_double_as_in_the_public_worker() -> None:
    assert parse_object(b'{"a":18446744073709551615,"b":18446744073709551616}') == {"a": 2**64 - 1, "b": 2.0**64}


def test_what_leaves_is_compact_sorted_and_utf8_whatever_the_engine_says() -> None:
    assert dump({"b": "Grüße", "a": [1, None]}) == '{"a":[1,null],"b":"Grüße"}'.encode()
    assert dump({"a": "\ud800"}) == b'{"a":"?"}'
