"""Of a prompt's logits only the last token's are wanted, and computing all takes up to a quarter of the reading.

Graphs that were built with `prune_lm_head` compute no others. Into the rest this puts a node that picks the last token
before the product with the vocabulary. The bytes stay where they are: the product's input gets another name of the same
length, and the node comes in a second graph behind the first. Readers of protobuf make one of both; its encoding guide
demands it.
"""

import struct

from mulberry.runtime.child.onnx_fields import GRAPH, MODEL, NODE
from mulberry.runtime.child.protobuf import read

LOGITS = "logits"
PRODUCTS = ("MatMul", "MatMulNBits")
OTHER_ENDINGS = (b"'", b"~", b"^", b"|")
INDEX = b"the last token's index"
AXIS_1 = bytes.fromhex("1801 a00102")  # an attribute's number 1, and that it is a number
ONE_INT64 = bytes.fromhex("0801 1007")  # a tensor's dimension and type


def with_last_only(model: bytes) -> bytes | None:
    """`model`, an ONNX file, changed so that its logits are [rows, 1, vocabulary]. None: it does not end in a product.

    Raises `Malformed`.
    """
    graph = read(read(memoryview(model), MODEL, "the model").bytes("graph"), GRAPH, "the graph")
    for place in graph.messages("node"):
        node = read(place, NODE, "a node")
        if node.texts("output") == [LOGITS] and node.text("op_type") in PRODUCTS and node.texts("input"):
            return _changed(model, bytes(place), node.texts("input")[0])
    return None


def _changed(model: bytes, product: bytes, all_tokens: str) -> bytes | None:
    before = all_tokens.encode()
    names = [name for ending in OTHER_ENDINGS if (name := before[:-1] + ending) not in model]
    if not names or not all_tokens.isascii():
        return None
    last_token = names[0]
    renamed = product.replace(_part(1, before), _part(1, last_token), 1)
    axis = _part(1, b"axis") + AXIS_1
    picking = _part(1, before) + _part(1, INDEX) + _part(2, last_token) + _part(4, b"Gather") + _part(5, axis)
    index = ONE_INT64 + _part(8, INDEX) + _part(9, struct.pack("<q", -1))
    return model.replace(product, renamed, 1) + _part(7, _part(1, picking) + _part(5, index))


def _part(field: int, content: bytes) -> bytes:
    """A text or message of at most 16,383 bytes in the field."""
    length = len(content)
    written = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return bytes([field << 3 | 2]) + written + content
