"""A JSON schema as a grammar over the bytes of the answers that it allows.

A schema is a stranger's program: what is not on the lists below is refused by name, never passed over. What is
written keeps to the schema and is a little stricter: properties come in the schema's order and no others do, values
are written without spaces in `enum` and `const`, elsewhere stands one space or a new line with its indent, and numbers
have bounded lengths.
Sources: RFC 8259 for JSON, Unicode's table 3-7 for UTF-8, JSON Schema 2020-12 for the keywords.
"""

import json
from typing import Any

from mulberry.runtime.child.grammar import TEXT_BYTES, Choice, Literal, Node, OneOf, Repeat, Row

SIZE_LIMIT_BYTES = 1 << 16
NODES_LIMIT = 10_000
DEPTH_LIMIT = 32
ITEMS_LIMIT = 1_000  # of minItems and maxItems
CHOICES_LIMIT = 200  # values of an enum, properties of an object; fewer than a grammar's readings
FREE_DEPTH = 12  # levels of a value that the schema says nothing about
INDENT_LIMIT = 32  # a model that likes spaces would never end
DIGITS_LIMIT = 18  # of a number's whole part, and of its fraction

ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$schema", "$comment", "$id", "deprecated"})
DEFINITIONS = ("$defs", "definitions")
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
KEYWORDS_OF = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
}
KEYWORDS = frozenset({"type", "enum", "const", "anyOf", "$ref"}).union(*KEYWORDS_OF.values())


class SchemaRefused(ValueError):
    """The schema is none, or asks for more than this engine keeps to. The text says what, for the customer."""


def grammar_of(untrusted_schema: str) -> Node:
    """The grammar of a schema in JSON text. Raises `SchemaRefused`."""
    if len(untrusted_schema) > SIZE_LIMIT_BYTES:
        raise SchemaRefused(f"the schema has more than {SIZE_LIMIT_BYTES:,} characters")
    try:
        untrusted = json.loads(untrusted_schema)
    except (ValueError, RecursionError):
        raise SchemaRefused("the schema cannot be read") from None
    return _Compiler(untrusted).root()


def _one(text: str) -> Node:
    return OneOf(frozenset(text.encode()))


def _between(*ranges: tuple[int, int]) -> Node:
    """As many bytes as there are ranges, each from its own."""
    return Row(tuple(OneOf(frozenset(range(low, high + 1))) for low, high in ranges))


def _row(*parts: Node) -> Node:
    return Row(parts)


def _maybe(part: Node) -> Node:
    return Repeat(part, 0, 1)


_TAIL = (0x80, 0xBF)
_BEYOND_ASCII = (
    _between((0xC2, 0xDF), _TAIL),
    _between((0xE0, 0xE0), (0xA0, 0xBF), _TAIL),
    _between((0xE1, 0xEC), _TAIL, _TAIL),
    _between((0xED, 0xED), (0x80, 0x9F), _TAIL),
    _between((0xEE, 0xEF), _TAIL, _TAIL),
    _between((0xF0, 0xF0), (0x90, 0xBF), _TAIL, _TAIL),
    _between((0xF1, 0xF3), _TAIL, _TAIL, _TAIL),
    _between((0xF4, 0xF4), (0x80, 0x8F), _TAIL, _TAIL),
)
_HEX = _one("0123456789abcdefABCDEF")
_UNICODE = Literal(b"\\u")
_ESCAPE = Choice(
    (
        _row(Literal(b"\\"), _one('"\\/bfnrt')),
        _row(_UNICODE, _one("0123456789abcefABCEF"), _HEX, _HEX, _HEX),
        _row(_UNICODE, _one("dD"), _one("01234567"), _HEX, _HEX),
        _row(_UNICODE, _one("dD"), _one("89abAB"), _HEX, _HEX, _UNICODE, _one("dD"), _one("cdefCDEF"), _HEX, _HEX),
    )
)
_STRING = _row(Literal(b'"'), Repeat(Choice((OneOf(TEXT_BYTES | {0x7F}), _ESCAPE, *_BEYOND_ASCII))), Literal(b'"'))
_DIGIT = _one("0123456789")
_WHOLE = _row(
    _maybe(Literal(b"-")), Choice((Literal(b"0"), _row(_one("123456789"), Repeat(_DIGIT, 0, DIGITS_LIMIT - 1))))
)
_NUMBER = _row(
    _WHOLE,
    _maybe(_row(Literal(b"."), Repeat(_DIGIT, 1, DIGITS_LIMIT))),
    _maybe(_row(_one("eE"), _maybe(_one("+-")), Repeat(_DIGIT, 1, 2))),
)
_SCALARS: dict[str, Node] = {
    "string": _STRING,
    "number": _NUMBER,
    "integer": _WHOLE,
    "boolean": Choice((Literal(b"true"), Literal(b"false"))),
    "null": Literal(b"null"),
}
_SPACE = _maybe(Choice((Literal(b" "), _row(Literal(b"\n"), Repeat(_one(" \t"), 0, INDENT_LIMIT)))))
_COMMA = _row(Literal(b","), _SPACE)
_COLON = _row(Literal(b":"), _maybe(Literal(b" ")))


def _list_of(opening: bytes, part: Node, closing: bytes, least: int = 0, most: int | None = None) -> Node:
    """`part`s with commas between them; `most` is at least 1."""
    more = Repeat(_row(_COMMA, part), max(least - 1, 0), None if most is None else most - 1)
    filled = _row(part, more, _SPACE)
    return _row(Literal(opening), _SPACE, filled if least else _maybe(filled), Literal(closing))


def _map_of(value: Node) -> Node:
    return _list_of(b"{", _row(_STRING, _COLON, value), b"}")


def _free_value(levels: int) -> Node:
    """Any value of at most so many levels."""
    value: Node = Choice(tuple(_SCALARS[name] for name in ("string", "number", "boolean", "null")))
    for _ in range(levels):
        value = Choice((value, _map_of(value), _list_of(b"[", value, b"]")))
    return value


_FREE_INNER = _free_value(FREE_DEPTH - 1)
_ANY_OBJECT = _map_of(_FREE_INNER)
_ANY_ARRAY = _list_of(b"[", _FREE_INNER, b"]")
_ANY_VALUE = Choice((_FREE_INNER, _ANY_OBJECT, _ANY_ARRAY))


class _Compiler:
    """One schema. `_path` names the place in it for the customer."""

    def __init__(self, untrusted_root: Any) -> None:
        self._root = untrusted_root
        self._definitions: dict[str, Any] = {}
        self._open: list[str] = []  # definitions being read
        self._nodes = 0

    def root(self) -> Node:
        schema = self._root
        if isinstance(schema, dict):
            for place in DEFINITIONS:
                named = schema.get(place, {})
                if not isinstance(named, dict):
                    raise SchemaRefused(f"{place} must be an object")
                self._definitions |= {f"#/{place}/{name}": inner for name, inner in named.items()}
            schema = {name: value for name, value in schema.items() if name not in DEFINITIONS}
        return self._value(schema, 0)

    def _value(self, schema: Any, depth: int) -> Node:
        self._count(1)
        if depth > DEPTH_LIMIT:
            raise SchemaRefused(f"the schema is more than {DEPTH_LIMIT} levels deep")
        if schema is True:
            return _ANY_VALUE
        if not isinstance(schema, dict):
            raise SchemaRefused("a part of the schema is no object")
        asked = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
        for name in asked:
            if name not in KEYWORDS:
                raise SchemaRefused(f"the schema's keyword {_short(name)} is not supported")
        for alone, compiled in (("$ref", self._reference), ("anyOf", self._any_of)):
            if alone in asked:
                if len(asked) > 1:
                    raise SchemaRefused(f"{alone} beside other keywords is not supported")
                return compiled(asked[alone], depth)
        if "enum" in asked or "const" in asked:
            return self._listed(asked)
        return self._typed(asked, depth)

    def _reference(self, name: Any, depth: int) -> Node:
        if not isinstance(name, str) or name not in self._definitions:
            raise SchemaRefused("a $ref names none of the schema's own $defs")
        if name in self._open:
            raise SchemaRefused("a schema that holds itself ($ref) is not supported")
        self._open.append(name)
        node = self._value(self._definitions[name], depth + 1)
        self._open.pop()
        return node

    def _any_of(self, options: Any, depth: int) -> Node:
        if not isinstance(options, list) or not 1 <= len(options) <= CHOICES_LIMIT:
            raise SchemaRefused(f"anyOf must be a list of 1 to {CHOICES_LIMIT} schemas")
        return Choice(tuple(self._value(option, depth + 1) for option in options))

    def _listed(self, asked: dict[str, Any]) -> Node:
        if set(asked) - {"enum", "const", "type"} or {"enum", "const"} <= set(asked):
            raise SchemaRefused("enum or const beside other keywords than type is not supported")
        values = asked["enum"] if "enum" in asked else [asked["const"]]
        if not isinstance(values, list) or len(values) > CHOICES_LIMIT:
            raise SchemaRefused(f"enum must be a list of at most {CHOICES_LIMIT} values")
        types = _types(asked)
        fitting = [value for value in values if any(_is_a(value, name) for name in types)]
        if not fitting:
            raise SchemaRefused("no value of an enum or const is of the type that the schema names")
        self._count(len(fitting))
        return Choice(tuple(Literal(_written(value)) for value in fitting))

    def _typed(self, asked: dict[str, Any], depth: int) -> Node:
        types = _types(asked)
        if "type" not in asked:
            types = [name for name, keywords in KEYWORDS_OF.items() if keywords & set(asked)]
            if not types:
                return _ANY_VALUE
        used = {"type"}.union(*(KEYWORDS_OF.get(name, ()) for name in types))
        for name in asked:
            if name not in used:
                raise SchemaRefused(f"{name} does not belong to the type {' or '.join(types)}")
        if "number" in types and "integer" in types:
            types.remove("integer")
        return Choice(tuple(self._of_type(name, asked, depth) for name in types))

    def _of_type(self, name: str, asked: dict[str, Any], depth: int) -> Node:
        if name == "object":
            return self._object(asked, depth)
        if name == "array":
            return self._array(asked, depth)
        return _SCALARS[name]

    def _object(self, asked: dict[str, Any], depth: int) -> Node:
        properties, required = asked.get("properties", {}), asked.get("required", [])
        others = asked.get("additionalProperties", True)
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise SchemaRefused("properties must be an object and required a list")
        if len(properties) > CHOICES_LIMIT:
            raise SchemaRefused(f"an object with more than {CHOICES_LIMIT} properties is not supported")
        for name in required:
            if not isinstance(name, str) or name not in properties:
                raise SchemaRefused("required names something that properties does not describe")
        if not properties:
            if others is False:
                return Literal(b"{}")
            return _ANY_OBJECT if others is True else _map_of(self._value(others, depth + 1))
        if not isinstance(others, bool):
            self._value(others, depth + 1)  # nothing is written that it rules, but it must be a schema
        rest_first: Node = Row(())  # what may follow when nothing is written yet, and when something is
        rest_later: Node = rest_first
        for name, schema in reversed(properties.items()):
            self._count(8)
            pair = _row(Literal(_written(name)), _COLON, self._value(schema, depth + 1), rest_later)
            later = _row(_COMMA, pair)
            if name in required:
                rest_first, rest_later = pair, later
            else:
                rest_first, rest_later = Choice((pair, rest_first)), Choice((later, rest_later))
        return _row(Literal(b"{"), _SPACE, rest_first, _SPACE, Literal(b"}"))

    def _array(self, asked: dict[str, Any], depth: int) -> Node:
        least, most = asked.get("minItems", 0), asked.get("maxItems")
        for bound in (least, 0 if most is None else most):
            if type(bound) is not int or not 0 <= bound <= ITEMS_LIMIT:
                raise SchemaRefused(f"minItems and maxItems must be whole numbers from 0 to {ITEMS_LIMIT:,}")
        if most is not None and most < least:
            raise SchemaRefused("maxItems is smaller than minItems")
        item = self._value(asked.get("items", True), depth + 1)
        if most == 0:
            return Literal(b"[]")
        if asked.keys() <= {"type"}:
            return _ANY_ARRAY
        return _list_of(b"[", item, b"]", least, most)

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > NODES_LIMIT:
            raise SchemaRefused("the schema is too large, counting each $ref anew")


def _types(asked: dict[str, Any]) -> list[str]:
    names = asked.get("type", list(TYPES))
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name in TYPES for name in names):
        raise SchemaRefused(f"type must be among {', '.join(TYPES)}")
    return list(dict.fromkeys(names))


def _is_a(value: Any, name: str) -> bool:
    match name:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "integer":
            return type(value) is int or (type(value) is float and value.is_integer())
        case _:
            return type(value) in (int, float)


def _written(value: Any) -> bytes:
    """JSON's shortest form of `value`."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):  # NaN, half a character, or lists in lists without end
        raise SchemaRefused("a name or value in the schema cannot be written as JSON") from None


def _short(name: str) -> str:
    return ascii(name[:40])
