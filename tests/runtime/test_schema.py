"""Whoever asks for JSON parses it at once: answers must fit the schema, and what we cannot keep must be refused."""

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mulberry.runtime.child.grammar import Automaton, Choice, State, Vocabulary
from mulberry.runtime.child.schema import SchemaRefused, grammar_of
from mulberry.runtime.child.text import token_bytes
from tiny_model import tiny_tokenizer

SAMPLE_STEPS = 400


def automaton(schema: Any) -> Automaton:
    return Automaton(grammar_of(json.dumps(schema)))


def takes(schema: Any, text: str) -> bool:
    grammar = automaton(schema)
    state = grammar.after_all(grammar.start, text.encode())
    return state is not None and state.complete


def fits(value: Any, schema: Any, root: Any) -> bool:
    """A validator for the keywords that are supported, written from the specification and not from the grammar."""
    if schema is True:
        return True
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema:
        return any(fits(value, option, root) for option in schema["anyOf"])
    if "enum" in schema:
        return any(value == one and type(value) is type(one) for one in schema["enum"])
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
    kind = schema.get("type")
    if kind == "number":
        return type(value) in (int, float)
    if kind is not None and type(value) is not kinds[kind]:
        return False
    if kind == "object":
        named = schema.get("properties", {})
        return all(name in value for name in schema.get("required", ())) and all(
            fits(inner, named[name], root) if name in named else bool(schema.get("additionalProperties", True))
            for name, inner in value.items()
        )
    if kind == "array":
        return schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9) and all(
            fits(inner, schema.get("items", True), root) for inner in value
        )
    return True


def a_random_answer(grammar: Automaton, dice: random.Random) -> str | None:
    """Bytes drawn among those that may follow, with a liking for the end. None: too long."""
    state, text = grammar.start, bytearray()
    for _ in range(SAMPLE_STEPS):
        followers = [(byte, after) for byte in range(256) if (after := grammar.after(state, byte)) is not None]
        if state.complete and (not followers or dice.random() < 0.3):
            return text.decode()
        closing = [pair for pair in followers if chr(pair[0]) in '"}],:']
        byte, state = dice.choice(closing if closing and dice.random() < 0.6 else followers)
        text.append(byte)
    return None


names = st.sampled_from(["a", "b", "é", 'quo"te'])
scalars = st.sampled_from(
    [{"type": name} for name in ("string", "number", "integer", "boolean", "null")]
    + [{"enum": ["red", "reddish", 7, None]}, {"$ref": "#/$defs/point"}]
)
schemas = st.recursive(
    scalars,
    lambda inner: (
        st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least, "maxItems": 3},
            inner,
            st.integers(0, 3),
        )
        | st.builds(
            lambda named, some: {
                "type": "object",
                "properties": named,
                "required": sorted(named)[:some],
                "additionalProperties": False,
            },
            st.dictionaries(names, inner, max_size=3),
            st.integers(0, 3),
        )
        | st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=5,
)
POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}


@settings(max_examples=30)
@given(schemas, st.randoms(use_true_random=False))
def test_whatever_the_grammar_writes_fits_the_schema(schema: dict[str, Any], dice: random.Random) -> None:
    root = {**schema, "$defs": {"point": POINT}}
    text = a_random_answer(automaton(root), dice)
    if text is not None:
        assert fits(json.loads(text), schema, root), text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text() | st.floats(-60_000, 60_000, width=16),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30)
@given(json_values, st.booleans())
def test_any_json_is_taken_where_the_schema_says_nothing(value: Any, plain: bool) -> None:
    assert takes({}, json.dumps(value, ensure_ascii=plain))


@given(st.text(max_size=12))
def test_what_is_taken_is_json(text: str) -> None:
    if takes({}, text):
        json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}}", "[1,]", '{"a" 1}', "01", "+1", ".5", "1.", "'a'", '"\t"', '"\\x"', '"\\ud800"', "nul", "{a:1}"],
)
def test_what_is_not_json_is_not_taken(text: str) -> None:
    assert not takes({}, text)


def test_halves_of_characters_and_overlong_ones_are_not_taken() -> None:
    grammar = automaton({"type": "string"})
    for wrong in (b'"\x80', b'"\xc0\x80', b'"\xed\xa0\x80', b'"\xf4\x90\x80\x80', b'"\xe2\x82"'):
        assert grammar.after_all(grammar.start, wrong) is None


def test_properties_come_in_the_schemas_order_and_optional_ones_may_be_left_out() -> None:
    schema = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {}, "c": {}}, "required": ["a"]}
    assert takes(schema, '{"a": 1}') and takes(schema, '{"b":1,"a":2, "c":3\n}')
    for wrong in ("{}", '{"b":1}', '{"a":1,"b":2}', '{,"a":1}', '{"a":1,}', '{"a":1,"d":2}', '{"b":1.5,"a":1}'):
        assert not takes(schema, wrong)


def test_arrays_keep_their_bounds() -> None:
    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3}
    taken = [count for count in range(6) if takes(schema, json.dumps([True] * count))]
    assert taken == [2, 3]
    assert [count for count in range(3) if takes({"type": "array", "maxItems": 0}, json.dumps([1] * count))] == [0]


def deep(levels: int) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def doubling(levels: int) -> Any:
    """A bomb: each definition holds the next one twice."""
    named: Any = {"d0": {"type": "integer"}}
    for level in range(1, levels):
        reference = {"$ref": f"#/$defs/d{level - 1}"}
        named[f"d{level}"] = {"type": "object", "properties": {"l": reference, "r": reference}}
    return {"$ref": f"#/$defs/d{levels - 1}", "$defs": named}


REFUSED: list[tuple[Any, str]] = [
    ({"type": "string", "pattern": "(a+)+$"}, "keyword 'pattern' is not supported"),
    ({"type": "string", "format": "date"}, "keyword 'format'"),
    ({"type": "string", "maxLength": 3}, "keyword 'maxLength'"),
    ({"type": "integer", "minimum": 0}, "keyword 'minimum'"),
    ({"oneOf": [{}]}, "keyword 'oneOf'"),
    ({"allOf": [{}]}, "keyword 'allOf'"),
    ({"not": {}}, "keyword 'not'"),
    ({"x" * 100: 1}, "keyword '" + "x" * 40 + "'"),
    ({"$ref": "https://example.org/schema"}, "none of the schema's own"),
    ({"$ref": "#"}, "none of the schema's own"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {}]}}}, "holds itself"),
    ({"$ref": "#/$defs/a", "type": "object", "$defs": {"a": {}}}, "beside other keywords"),
    ({"anyOf": []}, "anyOf must be"),
    ({"enum": []}, "no value"),
    ({"enum": ["a"], "type": "integer"}, "no value"),
    ({"enum": list(range(201))}, "at most 200"),
    ({"const": float("nan")}, "cannot be written"),
    ({"type": "any"}, "type must be among"),
    ({"type": []}, "type must be among"),
    ({"type": "string", "items": {}}, "items does not belong"),
    ({"type": "object", "required": ["a"]}, "required names"),
    ({"type": "object", "properties": {str(number): {} for number in range(201)}}, "more than 200 properties"),
    ({"type": "object", "properties": {"a": 1}}, "is no object"),
    ({"type": "object", "additionalProperties": 1}, "is no object"),
    ({"type": "array", "minItems": 3, "maxItems": 2}, "smaller than minItems"),
    ({"type": "array", "maxItems": 10**9}, "from 0 to 1,000"),
    ({"type": "array", "minItems": True}, "from 0 to 1,000"),
    (False, "is no object"),
    ([], "is no object"),
    (deep(40), "levels deep"),
    (doubling(14), "too large"),
    ({"description": "x" * 70_000}, "more than 65,536"),
]


@pytest.mark.parametrize(("schema", "complaint"), REFUSED, ids=[complaint for _, complaint in REFUSED])
def test_what_cannot_be_kept_is_refused(schema: Any, complaint: str) -> None:
    with pytest.raises(SchemaRefused, match=complaint.replace("(", r"\(").replace("$", r"\$")):
        grammar_of(json.dumps(schema))


@pytest.mark.parametrize("text", ["", "{", "[" * 60_000, "1" * 5_000])
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(SchemaRefused):
        grammar_of(text)


@pytest.mark.parametrize("levels", range(900, 1000, 3))  # reading ends before 1,000, writing somewhat earlier
def test_lists_in_lists_are_written_or_refused(levels: int) -> None:
    try:
        node = grammar_of(f'{{"const":{"[" * levels}{"]" * levels}}}')
    except SchemaRefused:
        return
    assert isinstance(node, Choice)


def test_a_grammar_of_endless_readings_stays_small() -> None:
    choice: Any = {"type": "integer"}
    for _ in range(6):  # 729 ways to begin the same text
        choice = {"anyOf": [{"type": "array", "items": choice}] * 3}
    grammar = automaton(choice)
    state: State | None = grammar.start
    for byte in b"[[[[[[1]]]]]]":
        assert state is not None and len(state.readings) <= 256
        state = grammar.after(state, byte)
    assert state is not None and state.complete


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary(token_bytes(tiny_tokenizer()), frozenset({2}), 512)


@settings(max_examples=30)
@given(schemas, st.randoms(use_true_random=False))
def test_the_allowed_tokens_are_exactly_those_whose_bytes_fit(schema: dict[str, Any], dice: random.Random) -> None:
    grammar = automaton({**schema, "$defs": {"point": POINT}})
    words = vocabulary()
    state = grammar.start
    for _ in range(12):
        mask = words.allowed(grammar, state)
        fitting = {
            token for token, word in enumerate(words.bytes_of) if word and grammar.after_all(state, word) is not None
        }
        assert set(mask.nonzero()[0].tolist()) == fitting | ({2} if state.complete else set())
        if not fitting:
            break
        following = grammar.after_all(state, words.bytes_of[dice.choice(sorted(fitting))])
        assert following is not None
        state = following


def test_between_a_strings_quotes_the_state_stays_and_so_does_its_mask() -> None:
    grammar = automaton({"type": "object"})
    inside = grammar.after_all(grammar.start, b'{"key')
    assert inside is grammar.after_all(grammar.start, '{"key, and more €'.encode())
