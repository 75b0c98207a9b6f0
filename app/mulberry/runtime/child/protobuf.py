"""Reads protobuf messages by a table of their fields, and nothing else. Source: protobuf's public encoding guide.

For bytes of strangers: every count and length has a limit before memory is taken, nothing nests by itself (a message
inside comes out as its bytes), and what two readers could understand differently is refused: fields that the table
does not have, a single field that comes twice, groups, numbers of more than 64 bits.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
VARINT_LIMIT_BYTES = 10


class Malformed(Exception):
    """The bytes are no such message, or one beyond its limits. The text is a part of a sentence."""


class Kind(Enum):
    NUMBER = auto()  # int64 and enums; repeated ones packed or not
    FLOAT = auto()  # four bytes; repeated ones packed or not
    DOUBLE = auto()
    TEXT = auto()
    BYTES = auto()  # messages too


_WIRE_TYPE = {Kind.NUMBER: VARINT, Kind.FLOAT: FOUR_BYTES, Kind.DOUBLE: EIGHT_BYTES}
_WIDTH = {FOUR_BYTES: 4, EIGHT_BYTES: 8}


@dataclass(frozen=True, slots=True)
class Field:
    """`most` is how often it may come (1: a single one), `longest` the bytes of each text or message."""

    name: str
    kind: Kind
    most: int = 1
    longest: int = 1 << 31


Value = int | float | str | memoryview
Schema = Mapping[int, Field]


class Message:
    """The fields that came, by name."""

    def __init__(self, fields: dict[str, list[Value]]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def number(self, name: str) -> int:
        """0 where it is not there, as protobuf has it; so with the others."""
        value = self._fields.get(name, (0,))[0]
        assert isinstance(value, int)  # noqa: S101 - the table's kind
        return value

    def text(self, name: str) -> str:
        value = self._fields.get(name, ("",))[0]
        assert isinstance(value, str)  # noqa: S101 - the table's kind
        return value

    def bytes(self, name: str) -> memoryview:
        value = self._fields.get(name, (memoryview(b""),))[0]
        assert isinstance(value, memoryview)  # noqa: S101 - the table's kind
        return value

    def numbers(self, name: str) -> list[int]:
        return [value for value in self._fields.get(name, ()) if isinstance(value, int)]

    def texts(self, name: str) -> list[str]:
        return [value for value in self._fields.get(name, ()) if isinstance(value, str)]

    def messages(self, name: str) -> list[memoryview]:
        return [value for value in self._fields.get(name, ()) if isinstance(value, memoryview)]

    def count(self, name: str) -> int:
        return len(self._fields.get(name, ()))


def read(untrusted: memoryview, schema: Schema, what: str) -> Message:
    """The message in `untrusted`, all of it. `what` names it in complaints. Raises `Malformed`."""
    fields: dict[str, list[Value]] = {}
    place, end = 0, len(untrusted)
    while place < end:
        tag, place = _varint(untrusted, place, what)
        field = schema.get(tag >> 3)
        if field is None:
            raise Malformed(f"{what} has a field {tag >> 3} that nobody here knows")
        values = fields.setdefault(field.name, [])
        place = _take(untrusted, place, tag & 7, field, values, what)
        if len(values) > field.most:
            raise Malformed(f"{what} has more than {field.most:,} × {field.name}")
    return Message(fields)


def _take(untrusted: memoryview, place: int, wire_type: int, field: Field, values: list[Value], what: str) -> int:
    wanted = _WIRE_TYPE.get(field.kind, LENGTH)
    if wire_type == LENGTH:
        length, place = _varint(untrusted, place, what)
        if length > len(untrusted) - place:
            raise Malformed(f"{what} ends before its {field.name}")
        if length > field.longest:
            raise Malformed(f"{what} has a {field.name} of {length:,} bytes, allowed are {field.longest:,}")
        part = untrusted[place : place + length]
        if wanted == LENGTH:
            values.append(_text(part, field, what) if field.kind is Kind.TEXT else part)
        elif field.most == 1:
            raise Malformed(f"{what} has a {field.name} of the wrong kind")
        else:
            _unpack(part, wanted, field, values, what)
        return place + length
    if wire_type != wanted:
        raise Malformed(f"{what} has a {field.name} of the wrong kind")
    value, place = _plain(untrusted, place, wanted, what)
    values.append(value)
    return place


def _unpack(packed: memoryview, wire_type: int, field: Field, values: list[Value], what: str) -> None:
    place = 0
    while place < len(packed):
        if len(values) > field.most:
            raise Malformed(f"{what} has more than {field.most:,} × {field.name}")
        value, place = _plain(packed, place, wire_type, what)
        values.append(value)


def _plain(untrusted: memoryview, place: int, wire_type: int, what: str) -> tuple[int | float, int]:
    if wire_type == VARINT:
        value, place = _varint(untrusted, place, what)
        return (value - (1 << 64) if value >> 63 else value), place
    width = _WIDTH[wire_type]
    if width > len(untrusted) - place:
        raise Malformed(f"{what} ends too early")
    return struct.unpack_from("<f" if width == 4 else "<d", untrusted, place)[0], place + width


def _varint(untrusted: memoryview, place: int, what: str) -> tuple[int, int]:
    value = 0
    for number, byte in enumerate(untrusted[place : place + VARINT_LIMIT_BYTES]):
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            if value >> 64:
                raise Malformed(f"{what} has a number of more than 64 bits")
            return value, place + number + 1
    raise Malformed(f"{what} has a number without an end")


def _text(part: memoryview, field: Field, what: str) -> str:
    try:
        return str(part, "utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"{what} has a {field.name} that is no text") from None
