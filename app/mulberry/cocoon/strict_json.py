"""JSON from strangers: one object, bounded before memory is taken, and nothing that JSON does not have.

Of a duplicate key the last value counts, as the network's public programs do it, or it is refused where that is asked.
"""

import json
import math
import re
from typing import Any

JsonObject = dict[str, Any]

SIZE_LIMIT_BYTES = 2**24  # what a frame can hold
DEPTH_LIMIT = 64
VALUES_LIMIT = 500_000  # brackets and commas; an empty list costs 3 bytes of JSON and 64 of memory
NUMBER_LENGTH_LIMIT = 400  # digits; a double in full has about 320
_STRING = re.compile(r'"(?:[^"\\]+|\\.)*+"', re.DOTALL)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_LARGEST_INTEGER = 2**64 - 1
_SMALLEST_INTEGER = -(2**63)


class JsonError(ValueError):
    """The text is not one JSON object. The message quotes nothing of it."""


class JsonTooLargeError(JsonError):
    """It may be one, but too large, too deep or too many of something."""


def parse_object(untrusted: bytes, *, unique_keys: bool = False) -> JsonObject:
    """The one JSON object that `untrusted` is, `unique_keys`: if each key of an object stands there once.

    Raises `JsonError`, with `JsonTooLargeError` for the limits.
    """
    if len(untrusted) > SIZE_LIMIT_BYTES:
        raise JsonTooLargeError(f"more than {SIZE_LIMIT_BYTES:,} bytes")
    try:
        text = untrusted.decode()
    except UnicodeDecodeError:
        raise JsonError("not UTF-8") from None
    _bound_values(text)
    try:
        value = (_DECODER_OF_UNIQUE_KEYS if unique_keys else _DECODER).decode(text)
    except RecursionError:
        raise JsonTooLargeError(f"nested more than {DEPTH_LIMIT} deep") from None
    except json.JSONDecodeError as problem:
        raise JsonError(f"not JSON at character {problem.pos:,}") from None
    if not isinstance(value, dict):
        raise JsonError("not an object")
    _bound_depth(value)
    if "\\ud" in text or "\\uD" in text:
        _refuse_half_characters(value)
    return value


def dump(value: JsonObject) -> bytes:
    """Compact UTF-8 with sorted keys, as the network's public programs write it. Half characters become `?`."""
    return _ENCODER.encode(value).encode(errors="replace")


def _bound_values(text: str) -> None:
    """Counts at the speed of C. Text inside strings is only told apart when the plain count is too high."""
    if _brackets_and_commas(text) > VALUES_LIMIT and _brackets_and_commas(_STRING.sub("", text)) > VALUES_LIMIT:
        raise JsonTooLargeError(f"more than {VALUES_LIMIT:,} values")


def _brackets_and_commas(text: str) -> int:
    return text.count("[") + text.count("{") + text.count(",")


def _bound_depth(value: JsonObject) -> None:
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        children: list[Any] = []
        for container in level:
            items = container.values() if isinstance(container, dict) else container
            children += [item for item in items if isinstance(item, dict | list)]
        if not children:
            return
        level = children
    raise JsonTooLargeError(f"nested more than {DEPTH_LIMIT} deep")


def _refuse_half_characters(value: JsonObject) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError("half a UTF-16 character") from None


def _integer(digits: str) -> int | float:
    if len(digits) > NUMBER_LENGTH_LIMIT:
        raise JsonTooLargeError("a number with too many digits")
    value = int(digits)
    return value if _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER else _number(digits)


def _number(digits: str) -> float:
    if len(digits) > NUMBER_LENGTH_LIMIT:
        raise JsonTooLargeError("a number with too many digits")
    value = float(digits)
    if math.isinf(value):
        raise JsonTooLargeError("a number too large for a double")
    return value


def _constant(name: str) -> float:
    raise JsonError(f"{name} is not JSON")


def _with_unique_keys(pairs: list[tuple[str, Any]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonError("a key stands twice in an object")
    return value


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_constant)
_DECODER_OF_UNIQUE_KEYS = json.JSONDecoder(
    parse_int=_integer, parse_float=_number, parse_constant=_constant, object_pairs_hook=_with_unique_keys
)
