"""The parts of the ONNX file format that a model may use, by field number, each with its limit.

Source: onnx.proto of the ONNX project (IR version 13). What is left out is refused wherever it comes: training
information, local functions, sparse tensors, types that are no tensors, settings for several devices.
"""

from mulberry.runtime.child.protobuf import Field, Kind

NODES = 20_000
TENSORS = 20_000
PORTS = 4_096  # inputs or outputs of a graph or node
NUMBERS = 65_536  # written out one by one; more than a few belong into raw bytes
DIMENSIONS = 8
NAME_BYTES = 512
DOCUMENTATION_BYTES = 1 << 20


def _name(name: str, most: int = 1) -> Field:
    return Field(name, Kind.TEXT, most, NAME_BYTES)


_DOCUMENTATION = Field("doc_string", Kind.BYTES, longest=DOCUMENTATION_BYTES)
_METADATA = Field("metadata_props", Kind.BYTES, 256, DOCUMENTATION_BYTES)

MODEL = {
    1: Field("ir_version", Kind.NUMBER),
    2: _name("producer_name"),
    3: _name("producer_version"),
    4: _name("domain"),
    5: Field("model_version", Kind.NUMBER),
    6: _DOCUMENTATION,
    7: Field("graph", Kind.BYTES),
    8: Field("opset_import", Kind.BYTES, 16, NAME_BYTES),
    14: _METADATA,
}
OPERATOR_SET = {1: _name("domain"), 2: Field("version", Kind.NUMBER)}
ENTRY = {1: _name("key"), 2: Field("value", Kind.BYTES, longest=DOCUMENTATION_BYTES)}
EXTERNAL_ENTRY = {1: _name("key"), 2: _name("value")}
GRAPH = {
    1: Field("node", Kind.BYTES, NODES),
    2: _name("name"),
    5: Field("initializer", Kind.BYTES, TENSORS),
    10: _DOCUMENTATION,
    11: Field("input", Kind.BYTES, PORTS, DOCUMENTATION_BYTES),
    12: Field("output", Kind.BYTES, PORTS, DOCUMENTATION_BYTES),
    13: Field("value_info", Kind.BYTES, 4 * NODES, DOCUMENTATION_BYTES),
    14: Field("quantization_annotation", Kind.BYTES, TENSORS, DOCUMENTATION_BYTES),
    16: _METADATA,
}
NODE = {
    1: _name("input", PORTS),
    2: _name("output", PORTS),
    3: _name("name"),
    4: _name("op_type"),
    5: Field("attribute", Kind.BYTES, 64),
    6: _DOCUMENTATION,
    7: _name("domain"),
    9: _METADATA,
}
ATTRIBUTE = {
    1: _name("name"),
    2: Field("f", Kind.FLOAT),
    3: Field("i", Kind.NUMBER),
    4: Field("s", Kind.BYTES, longest=65_536),
    5: Field("t", Kind.BYTES),
    6: Field("g", Kind.BYTES),
    7: Field("floats", Kind.FLOAT, NUMBERS),
    8: Field("ints", Kind.NUMBER, NUMBERS),
    9: Field("strings", Kind.BYTES, 1_024, NAME_BYTES),
    13: _DOCUMENTATION,
    20: Field("type", Kind.NUMBER),
}
TENSOR = {
    1: Field("dims", Kind.NUMBER, DIMENSIONS),
    2: Field("data_type", Kind.NUMBER),
    4: Field("float_data", Kind.FLOAT, NUMBERS),
    5: Field("int32_data", Kind.NUMBER, NUMBERS),
    7: Field("int64_data", Kind.NUMBER, NUMBERS),
    8: _name("name"),
    9: Field("raw_data", Kind.BYTES),
    10: Field("double_data", Kind.DOUBLE, NUMBERS),
    11: Field("uint64_data", Kind.NUMBER, NUMBERS),
    12: _DOCUMENTATION,
    13: Field("external_data", Kind.BYTES, 8, 4 * NAME_BYTES),
    14: Field("data_location", Kind.NUMBER),
    16: _METADATA,
}
VALUE = {1: _name("name"), 2: Field("type", Kind.BYTES), 3: _DOCUMENTATION, 4: _METADATA}
TYPE = {1: Field("tensor_type", Kind.BYTES), 6: _name("denotation")}

EXTERNAL = 1  # data_location
INT32, INT64 = 6, 7

# Bits of one element, by `data_type`. Texts and complex numbers are left out: no model of ours computes with them.
BITS = {
    1: 32,  # float
    2: 8,  # uint8
    3: 8,  # int8
    4: 16,  # uint16
    5: 16,  # int16
    INT32: 32,
    INT64: 64,
    9: 8,  # bool
    10: 16,  # float16
    11: 64,  # double
    12: 32,  # uint32
    13: 64,  # uint64
    16: 16,  # bfloat16
    17: 8,  # float8, four kinds
    18: 8,
    19: 8,
    20: 8,
    21: 4,  # uint4
    22: 4,  # int4
    23: 4,  # float4
}
# Where the elements lie that are written out one by one, and how many bits of a number each takes.
NUMBERS_IN = {1: "float_data", INT64: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
