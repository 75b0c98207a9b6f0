"""A model's stored tensors: whether what is announced is what is there. Reads no weights."""

import math
from dataclasses import dataclass

from mulberry.runtime.child.onnx_fields import (
    BITS,
    ENTRY,
    EXTERNAL,
    EXTERNAL_ENTRY,
    INT32,
    INT64,
    NUMBERS_IN,
    TENSOR,
)
from mulberry.runtime.child.protobuf import Malformed, Message, read

ELEMENTS_LIMIT = 1 << 36
CONSTANT_LIMIT_BYTES = 4_096  # numbers of a shape or of rounds
TYPED_DATA = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
EXTERNAL_KEYS = {"location", "offset", "length", "checksum"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """`numbers` are the elements of a small tensor of whole numbers, None for all others."""

    name: str
    dims: tuple[int, ...]
    elements: int
    stored_bytes: int
    location: str | None
    numbers: tuple[int, ...] | None


def read_tensor(untrusted: memoryview, files: dict[str, int], what: str) -> Tensor:
    """`files` are the folder's own, with their sizes. Raises `Malformed`: what it says of itself does not hold."""
    message = read(untrusted, TENSOR, what)
    name = message.text("name")
    what = f"{what} {name!r}" if name else what
    bits = BITS.get(message.number("data_type"))
    if bits is None:
        raise Malformed(f"{what} is of the type {message.number('data_type')}, which is not allowed")
    dims = tuple(message.numbers("dims"))
    if any(dim < 0 for dim in dims) or (elements := math.prod(dims)) > ELEMENTS_LIMIT:
        raise Malformed(f"{what} has the impossible shape {list(dims)}")
    stored_bytes = (elements * bits + 7) // 8
    location = None
    if message.number("data_location") == EXTERNAL:
        location = _in_the_folder(message, stored_bytes, files, what)
    elif message.number("data_location") or "external_data" in message:
        raise Malformed(f"{what} does not say clearly where its data lies")
    else:
        _check_inside(message, elements, stored_bytes, what)
    return Tensor(name, dims, elements, stored_bytes, location, None if location else _numbers(message, elements))


def _in_the_folder(message: Message, stored_bytes: int, files: dict[str, int], what: str) -> str:
    """The name of the neighbour that holds the data."""
    if any(name in message for name in (*TYPED_DATA, "raw_data")):
        raise Malformed(f"{what} has its data in two places")
    entries: dict[str, str] = {}
    for part in message.messages("external_data"):
        entry = read(part, EXTERNAL_ENTRY, f"{what}'s place of data")
        if entry.text("key") in entries or entry.text("key") not in EXTERNAL_KEYS:
            raise Malformed(f"{what} names its place of data in an unknown way, {entry.text('key')!r}")
        entries[entry.text("key")] = entry.text("value")
    location = entries.get("location", "")
    if location not in files:
        raise Malformed(f"{what} has its data in {location[:80]!r}, which is no file of the model")
    offset = _decimal(entries.get("offset", "0"), what)
    length = _decimal(entries.get("length", str(stored_bytes)), what)
    if length != stored_bytes:
        raise Malformed(f"{what} needs {stored_bytes:,} bytes and names {length:,}")
    if offset + length > files[location]:
        raise Malformed(f"{what} lies behind the end of {location}")
    return location


def _decimal(untrusted: str, what: str) -> int:
    if not (untrusted.isascii() and untrusted.isdecimal() and len(untrusted) <= 18):
        raise Malformed(f"{what} has the place {untrusted[:40]!r} in a file")
    return int(untrusted)


def _check_inside(message: Message, elements: int, stored_bytes: int, what: str) -> None:
    if elements == 0:
        return
    if "raw_data" in message:
        found = len(message.bytes("raw_data"))
        if found != stored_bytes or any(name in message for name in TYPED_DATA):
            raise Malformed(f"{what} needs {stored_bytes:,} bytes and has {found:,}")
        return
    kind = message.number("data_type")
    name = NUMBERS_IN.get(kind, "int32_data")
    packed_four_bits = BITS[kind] == 4
    expected = (elements + 1) // 2 if packed_four_bits else elements
    if message.count(name) != expected or any(other in message for other in TYPED_DATA if other != name):
        raise Malformed(f"{what} needs {expected:,} numbers and has {message.count(name):,}")


def _numbers(message: Message, elements: int) -> tuple[int, ...] | None:
    kind = message.number("data_type")
    width = BITS[kind] // 8
    if kind not in (INT32, INT64) or elements * width > CONSTANT_LIMIT_BYTES:
        return None
    if "raw_data" in message:
        raw = message.bytes("raw_data")
        return tuple(
            int.from_bytes(raw[place : place + width], "little", signed=True) for place in range(0, len(raw), width)
        )
    return tuple(message.numbers(NUMBERS_IN.get(kind, "int32_data")))


def check_metadata(entries: list[memoryview], what: str) -> None:
    """Raises `Malformed`: onnxruntime would take settings from it."""
    for part in entries:
        if read(part, ENTRY, f"{what}'s metadata").text("key").startswith(("ort_config", "session.", "ep.")):
            raise Malformed(f"{what} brings settings for onnxruntime")
