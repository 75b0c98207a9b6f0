"""TL, the network's binary format: a codec made from the annotations of the message classes.

Source: the protocol page, section 1. A class of `messages.py` is the table row: its annotations are the fields in wire
order, `Annotated[Int32 | None, flag(1)]` is `flags.1?int`, `flags: ClassVar[Flags]` is where `flags:#` stands, another
message class is a *bare* field, a union of message classes a *boxed* one, `tuple[X, ...]` a `vector X`.

Stricter than the public programs, which read more than they would write: exactly one encoding is accepted for each
value. Longer forms of a length than needed, padding that is not zero, unknown flag bits and bytes behind the object are
refused. So whatever `decode` accepts, `encode` writes back byte for byte.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

BYTES_LIMIT = 2**24  # a longer one would need the 8-byte form of a length and would not fit into a frame
TRUE = bytes.fromhex("b5757299")
FALSE = bytes.fromhex("379779bc")


class TlError(ValueError):
    """Bytes that are not one object of ours, or a value that has no encoding. The text holds no payload."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one type looks on the wire. `read` takes the data and an offset, and gives the value and the next offset."""

    read: Callable[[bytes, int], tuple[Any, int]]
    write: Callable[[list[bytes], Any], None]
    least_bytes: int  # no value is shorter: bounds a vector's count before memory is taken


@dataclass(frozen=True, slots=True)
class Flag:
    """The field is there only when this bit of `flags` is set. Fields of one bit come and go together."""

    bit: int


def flag(bit: int) -> Flag:
    return Flag(bit)


def _fixed(layout: str) -> Shape:
    packing = struct.Struct(layout)
    unpack_from, pack, size = packing.unpack_from, packing.pack, packing.size

    def read(data: bytes, offset: int) -> tuple[Any, int]:
        return unpack_from(data, offset)[0], offset + size

    def write(parts: list[bytes], value: Any) -> None:
        parts.append(pack(value))

    return Shape(read, write, size)


def _read_bool(data: bytes, offset: int) -> tuple[bool, int]:
    end = offset + 4
    word = data[offset:end]
    if word == TRUE:
        return True, end
    if word == FALSE:
        return False, end
    raise TlError("neither true nor false")


def _write_bool(parts: list[bytes], value: bool) -> None:
    parts.append(TRUE if value else FALSE)


def _read_int256(data: bytes, offset: int) -> tuple[bytes, int]:
    end = offset + 32
    if end > len(data):
        raise TlError("the data ends early")
    return data[offset:end], end


def _write_int256(parts: list[bytes], value: bytes) -> None:
    if len(value) != 32:
        raise TlError(f"an int256 has 32 bytes, not {len(value)}")
    parts.append(value)


def _read_bytes(data: bytes, offset: int) -> tuple[bytes, int]:
    length, start = data[offset], offset + 1
    if length == 254:
        length, start = int.from_bytes(data[start : offset + 4], "little"), offset + 4
        if length < 254:
            raise TlError("a length takes more bytes than it needs")
    elif length == 255:
        raise TlError(f"a text or byte string of {BYTES_LIMIT:,} bytes or more")
    end = start + length
    next_offset = end + (offset - end) % 4
    if next_offset > len(data):
        raise TlError("the data ends early")
    if any(data[end:next_offset]):
        raise TlError("padding that is not zero")
    return data[start:end], next_offset


def _write_bytes(parts: list[bytes], value: bytes) -> None:
    length = len(value)
    if length < 254:
        prefix = bytes((length,))
    elif length < BYTES_LIMIT:
        prefix = b"\xfe" + length.to_bytes(3, "little")
    else:
        raise TlError(f"a text or byte string of {BYTES_LIMIT:,} bytes or more")
    parts += (prefix, value, b"\0" * (-(len(prefix) + length) % 4))


def _read_string(data: bytes, offset: int) -> tuple[str, int]:
    value, next_offset = _read_bytes(data, offset)
    return value.decode(), next_offset


def _write_string(parts: list[bytes], value: str) -> None:
    _write_bytes(parts, value.encode())


Int32 = Annotated[int, _fixed("<i")]
Int64 = Annotated[int, _fixed("<q")]
Double = Annotated[float, _fixed("<d")]
Bool = Annotated[bool, Shape(_read_bool, _write_bool, 4)]
Int256 = Annotated[bytes, Shape(_read_int256, _write_int256, 32)]
BYTES = Shape(_read_bytes, _write_bytes, 4)
Bytes = Annotated[bytes, BYTES]
String = Annotated[str, Shape(_read_string, _write_string, 4)]
_FLAGS = _fixed("<I")
Flags = Annotated[int, _FLAGS]


class Message:
    """Base of all rows of the table. Its text form is the name alone: a message may carry a stranger's prompt."""

    __slots__ = ()
    tl_name: ClassVar[str]
    tl_id: ClassVar[int]
    bare: ClassVar[Shape]

    def __repr__(self) -> str:
        return f"<{self.tl_name}>"


MESSAGES: dict[int, type[Message]] = {}  # filled by `constructor` while messages.py is imported, constant afterwards
AnyMessage = TypeVar("AnyMessage", bound=Message)


@dataclass_transform(frozen_default=True)
def constructor(name: str, identifier: int) -> Callable[[type[AnyMessage]], type[AnyMessage]]:
    """Makes the class a frozen dataclass and the row `name#identifier` of the table."""

    def register(plain: type[AnyMessage]) -> type[AnyMessage]:
        row = dataclass(frozen=True, slots=True, repr=False)(plain)
        row.tl_name, row.tl_id, row.bare = name, identifier, _bare_shape(row)
        if MESSAGES.setdefault(identifier, row) is not row:
            raise TypeError(f"two rows of the table have the id {identifier:08x}")
        return row

    return register


def encode(message: Message) -> bytes:
    """The message, boxed. Raises `TlError` for a value that its field cannot hold."""
    parts: list[bytes] = []
    try:
        _BOXED.write(parts, message)
    except (struct.error, UnicodeEncodeError) as problem:
        raise TlError(f"{message.tl_name}: {problem}") from None
    return b"".join(parts)


def decode(untrusted: bytes) -> Message:
    """The one boxed message that `untrusted` is, whole. Raises `TlError` for anything else."""
    try:
        message, end = _BOXED.read(untrusted, 0)
    except (struct.error, IndexError):
        raise TlError("the data ends early") from None
    except UnicodeDecodeError:
        raise TlError("a text that is not UTF-8") from None
    if end != len(untrusted):
        raise TlError(f"{len(untrusted) - end:,} bytes behind the object")
    return message  # type: ignore[no-any-return]


def decode_as(kind: type[AnyMessage], untrusted: bytes) -> AnyMessage:
    """Like `decode`, for data that may hold only a `kind`."""
    message = decode(untrusted)
    if not isinstance(message, kind):
        raise TlError(f"{message.tl_name} where {kind.tl_name} was expected")
    return message


@dataclass(frozen=True, slots=True)
class _Step:
    """One field, or with an empty name the place of `flags:#`."""

    name: str
    mask: int  # in flags; 0: always there
    shape: Shape


def _bare_shape(row: type[Message]) -> Shape:
    steps = tuple(_steps(row))
    names_of_mask = {
        mask: [step.name for step in steps if step.mask == mask] for mask in {step.mask for step in steps} - {0}
    }
    unknown_bits = ~sum(names_of_mask)

    readers = [(step.name, step.mask, step.shape.read) for step in steps]  # once: a quarter of the time
    writers = [(step.name, step.mask, step.shape.write) for step in steps]

    def read(data: bytes, offset: int) -> tuple[Message, int]:
        values: list[Any] = []
        flags = 0
        for name, mask, read_field in readers:
            if mask and not flags & mask:
                values.append(None)
                continue
            value, offset = read_field(data, offset)
            if name:
                values.append(value)
            elif value & unknown_bits:
                raise TlError(f"{row.tl_name} with unknown flags {value:#x}")
            else:
                flags = value
        return row(*values), offset

    def write(parts: list[bytes], message: Message) -> None:
        for name, mask, write_field in writers:
            value = getattr(message, name) if name else _flags_of(message, names_of_mask)
            if not mask or value is not None:
                write_field(parts, value)

    return Shape(read, write, sum(step.shape.least_bytes for step in steps if not step.mask))


def _steps(row: type[Message]) -> Iterator[_Step]:
    """The fields of `row` in wire order, as its annotations say."""
    for name, annotation in get_type_hints(row, include_extras=True).items():
        if annotation == ClassVar[Flags]:
            yield _Step("", 0, _FLAGS)
        elif get_origin(annotation) is not ClassVar:
            mask, shape = _field(annotation)
            yield _Step(name, mask, shape)


def _flags_of(message: Message, names_of_mask: dict[int, list[str]]) -> int:
    """The bits follow from which optional fields are there."""
    flags = 0
    for mask, names in names_of_mask.items():
        there = [getattr(message, name) is not None for name in names]
        if any(there):
            flags |= mask
            if not all(there):
                raise TlError(f"{message.tl_name}: {', '.join(names)} come and go together")
    return flags


def _field(annotation: Any) -> tuple[int, Shape]:
    """The mask in `flags` (0 when the field is always there) and the shape."""
    if get_origin(annotation) is Annotated:
        inner, mark = get_args(annotation)
        if isinstance(mark, Flag):
            (present,) = (option for option in get_args(inner) if option is not type(None))
            return 1 << mark.bit, _shape(present)
    return 0, _shape(annotation)


def _shape(annotation: Any) -> Shape:
    if get_origin(annotation) is Annotated:
        shape = get_args(annotation)[1]
        if isinstance(shape, Shape):
            return shape
    if get_origin(annotation) in (Union, UnionType):
        return _boxed_shape(get_args(annotation))
    if get_origin(annotation) is tuple:
        return _vector_shape(_shape(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return annotation.bare
    raise TypeError(f"{annotation} has no form on the wire")


def _boxed_shape(kinds: tuple[type[Message], ...] = ()) -> Shape:
    """One of `kinds` with its id ahead; without `kinds`, any row of the table."""
    identifier = struct.Struct("<I")
    allowed = {kind.tl_id: kind for kind in kinds} if kinds else MESSAGES

    def read(data: bytes, offset: int) -> tuple[Message, int]:
        (number,) = identifier.unpack_from(data, offset)
        kind = allowed.get(number)
        if kind is None:
            raise TlError(f"unexpected constructor {number:08x}")
        message, end = kind.bare.read(data, offset + 4)
        return message, end

    def write(parts: list[bytes], message: Message) -> None:
        parts.append(identifier.pack(message.tl_id))
        message.bare.write(parts, message)

    return Shape(read, write, 4)


def _vector_shape(item: Shape) -> Shape:
    if not item.least_bytes:
        raise TypeError("a vector of empty items cannot be bounded")
    count_shape = _FLAGS  # also a uint32

    def read(data: bytes, offset: int) -> tuple[tuple[Any, ...], int]:
        count, offset = count_shape.read(data, offset)
        if count * item.least_bytes > len(data) - offset:
            raise TlError(f"a vector of {count:,} items in {len(data) - offset:,} bytes")
        items = []
        for _ in range(count):
            value, offset = item.read(data, offset)
            items.append(value)
        return tuple(items), offset

    def write(parts: list[bytes], items: tuple[Any, ...]) -> None:
        count_shape.write(parts, len(items))
        for value in items:
            item.write(parts, value)

    return Shape(read, write, 4)


_BOXED = _boxed_shape()
