"""Frames of JSON that carry dataclasses: the grammar of what agent and job process say (`wire` has the words).

A frame is a little-endian uint32 with the number of bytes that follow, then one JSON object: the fields of a
dataclass and `kind`, the class's name. The annotations of the dataclasses *are* the format: what does not fit them
is refused with `WireError`, whoever sent it, for the job process runs strangers' prompts and may lie.
"""

import json
import struct
import types
from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

_LENGTH = struct.Struct("<I")


class WireError(ValueError):
    """The other side did not keep the format. Says where, never quotes what it sent."""


_Check = Callable[[Any], Any]


class FrameReader:
    """Cuts a byte stream into frames. Takes no memory for a frame that announces more than `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()

    def feed(self, untrusted_bytes: bytes) -> list[bytes]:
        """The frames that are complete now, without their length. Raises `WireError` at an oversize length."""
        buffer = self._buffer
        buffer += untrusted_bytes
        frames = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > self._limit_bytes:
                raise WireError(f"a frame of {length:,} bytes, allowed are {self._limit_bytes:,}")
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[start + _LENGTH.size : end]))
            start = end
        if start:
            del buffer[:start]
        return frames


def pack_frame(message: Any, limit_bytes: int) -> bytes:
    """One whole frame of a dataclass. Raises `WireError` when it would be larger than `limit_bytes`."""
    body = _ENCODER.encode({"kind": type(message).__name__, **_as_object(message)}).encode()
    if len(body) > limit_bytes:
        raise WireError(f"a frame of {len(body):,} bytes, allowed are {limit_bytes:,}")
    return _LENGTH.pack(len(body)) + body


def kinds_of(union: Any) -> dict[str, _Check]:
    """The dataclasses of `union` by name, compiled into functions that check and build."""
    return {cls.__name__: _object_checker(cls, cls.__name__) for cls in get_args(union)}


def unpack_frame(untrusted_frame: bytes, kinds: dict[str, _Check]) -> Any:
    """The message in a frame's content, of one of `kinds`. Raises `WireError`."""
    try:
        untrusted = _DECODER.decode(untrusted_frame.decode())
    except WireError:
        raise
    except (ValueError, RecursionError):
        raise WireError("a frame that is not JSON") from None
    kind = untrusted.pop("kind", None) if isinstance(untrusted, dict) else None
    check = kinds.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise WireError("a frame of unknown kind")
    return check(untrusted)


def _refuse_constant(name: str) -> None:
    raise WireError(f"{name} is not JSON")


def _as_object(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_as_object)


# The annotations, compiled once into functions that check and build


def _checker(annotation: Any, place: str) -> _Check:
    origin = get_origin(annotation)
    if origin is tuple:
        return _tuple_checker(get_args(annotation), place)
    if origin in (Union, types.UnionType):
        return _union_checker(get_args(annotation), place)
    if hasattr(annotation, "__dataclass_fields__"):
        return _object_checker(annotation, place)
    if issubclass(annotation, StrEnum):
        return _enum_checker(annotation, place)
    return _plain_checker(annotation, place)


def _plain_checker(expected: type, place: str) -> _Check:
    def check(untrusted: Any) -> Any:
        if type(untrusted) is expected:  # exactly: to Python, True is an int
            return untrusted
        if expected is float and type(untrusted) is int and abs(untrusted) < 2**53:
            return float(untrusted)
        raise WireError(f"{place} is not {expected.__name__}")

    return check


def _enum_checker(enum: type[StrEnum], place: str) -> _Check:
    members = {member.value: member for member in enum}

    def check(untrusted: Any) -> Any:
        if isinstance(untrusted, str) and untrusted in members:
            return members[untrusted]
        raise WireError(f"{place} is not one of {', '.join(members)}")

    return check


def _tuple_checker(parts: tuple[Any, ...], place: str) -> _Check:
    if parts[-1] is Ellipsis:
        each = _checker(parts[0], place)

        def check_many(untrusted: Any) -> Any:
            if not isinstance(untrusted, list):
                raise WireError(f"{place} is not a list")
            return tuple([each(item) for item in untrusted])

        return check_many

    checks = [_checker(part, place) for part in parts]

    def check_fixed(untrusted: Any) -> Any:
        if not isinstance(untrusted, list) or len(untrusted) != len(checks):
            raise WireError(f"{place} is not a list of {len(checks)}")
        return tuple([check(item) for check, item in zip(checks, untrusted, strict=True)])

    return check_fixed


def _union_checker(parts: tuple[Any, ...], place: str) -> _Check:
    checks = [_checker(part, place) for part in parts]

    def check(untrusted: Any) -> Any:
        for attempt in checks:
            try:
                return attempt(untrusted)
            except WireError:
                continue
        raise WireError(f"{place} fits none of its forms")

    return check


def _object_checker(cls: Any, place: str) -> _Check:
    hints = get_type_hints(cls)
    checks = [(field.name, _checker(hints[field.name], f"{place}.{field.name}")) for field in fields(cls)]

    def check(untrusted: Any) -> Any:
        if not isinstance(untrusted, dict) or len(untrusted) != len(checks):
            raise WireError(f"{place} has missing or unknown fields")
        try:
            return cls(*[attempt(untrusted[name]) for name, attempt in checks])
        except KeyError as missing:
            raise WireError(f"{place} lacks {missing}") from None

    return check
