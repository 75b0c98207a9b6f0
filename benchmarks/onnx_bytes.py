"""ONNX models written byte by byte, for what is made on the fly: models of tests and benchmarks.

Field numbers: onnx.proto. Nothing here uses the reader that is tested with it.
"""

import struct
from collections.abc import Iterable

FLOAT, INT64, BOOL = 1, 7, 9


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def parts(field: int, contents: Iterable[bytes | str]) -> bytes:
    return b"".join(part(field, content) for content in contents)


def tensor(name: str, kind: int, dims: Iterable[int], raw: bytes | None = None) -> bytes:
    data = b"" if raw is None else part(9, raw)
    return b"".join(number(1, dim) for dim in dims) + number(2, kind) + part(8, name) + data


def integers(name: str, *values: int) -> bytes:
    return tensor(name, INT64, [len(values)], struct.pack(f"<{len(values)}q", *values))


def floats(name: str, *values: float) -> bytes:
    return tensor(name, FLOAT, [len(values)], struct.pack(f"<{len(values)}f", *values))


def attribute(name: str, *, i: int | None = None, t: bytes | None = None, g: bytes | None = None) -> bytes:
    content = part(1, name)
    if i is not None:
        content += number(3, i) + number(20, 2)
    if t is not None:
        content += part(5, t) + number(20, 4)
    if g is not None:
        content += part(6, g) + number(20, 5)
    return content


def node(operator: str, inputs: Iterable[str], outputs: Iterable[str], *attributes: bytes, domain: str = "") -> bytes:
    return parts(1, inputs) + parts(2, outputs) + part(4, operator) + parts(5, attributes) + part(7, domain)


def value(name: str, kind: int = FLOAT, dims: Iterable[int | str] | None = None) -> bytes:
    """An input or output. A named dimension is any number; without `dims` it may have any shape."""
    content = number(1, kind)
    if dims is not None:
        content += part(2, parts(1, (part(2, dim) if isinstance(dim, str) else number(1, dim) for dim in dims)))
    return part(1, name) + part(2, part(1, content))


def graph(
    nodes: Iterable[bytes],
    stored: Iterable[bytes] = (),
    inputs: Iterable[bytes] = (value("x"),),
    outputs: Iterable[bytes] = (value("y"),),
) -> bytes:
    return parts(1, nodes) + part(2, "g") + parts(5, stored) + parts(11, inputs) + parts(12, outputs)


def model(content: bytes, *more: bytes, operators: Iterable[tuple[str, int]] = (("", 17),)) -> bytes:
    sets = parts(8, (part(1, domain) + number(2, version) for domain, version in operators))
    return number(1, 9) + part(7, content) + sets + b"".join(more)
