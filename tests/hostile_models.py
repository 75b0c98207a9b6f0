"""ONNX models written byte by byte: a harmless one, and the hostile ones that onnxruntime took or choked on."""

from collections.abc import Callable

from onnx_bytes import (
    BOOL,
    FLOAT,
    INT64,
    attribute,
    floats,
    graph,
    integers,
    model,
    node,
    number,
    part,
    parts,
    tensor,
    value,
)


def outside(location: str, **more: str) -> bytes:
    """Sixteen floats that lie in another file."""
    entries = {"location": location, **more}
    listed = parts(13, (part(1, key) + part(2, value) for key, value in entries.items()))
    return tensor("w", FLOAT, [16]) + listed + number(14, 1)


HARMLESS = model(graph([node("Add", ["x", "one"], ["y"])], [floats("one", 1.0)]))


def _loop(trips: bytes | None) -> bytes:
    body = graph(
        [node("Identity", ["c"], ["co"]), node("Identity", ["a"], ["ao"])],
        inputs=[value("i", INT64), value("c", BOOL), value("a")],
        outputs=[value("co", BOOL), value("ao")],
    )
    loop = node("Loop", ["trips", "go", "x"], ["y"], attribute("body", g=body))
    inputs = [value("x"), value("go", BOOL)] + ([value("trips", INT64)] if trips is None else [])
    return model(graph([loop], [] if trips is None else [trips], inputs))


def _nested_loops(depth: int, trips: int) -> bytes:
    body = graph([node("Identity", ["x"], ["z"])])
    for _ in range(depth):
        body = graph([node("Loop", ["trips", "go", "x"], ["y"], attribute("body", g=body))])
    return model(part(5, integers("trips", trips)) + body)


def _nested_ifs(depth: int) -> bytes:
    inner = graph([node("Identity", ["x"], ["o"])])
    for _ in range(depth):
        choice = node("If", ["c"], ["o"], attribute("then_branch", g=inner), attribute("else_branch", g=graph([])))
        inner = graph([choice])
    return model(inner)


def _sized(operator: str, inputs: list[str], stored: list[bytes], given: list[bytes] | None = None) -> bytes:
    return model(graph([node(operator, inputs, ["y"])], stored, given if given is not None else [value("x")]))


def _written_down_and_given() -> bytes:
    """onnxruntime takes what is given for what is written down."""
    written = node("Constant", [], ["s"], attribute("value", t=integers("", 2)))
    return model(graph([written, node("Expand", ["x", "s"], ["y"])], inputs=[value("x"), value("s", INT64)]))


def _two_bodies() -> bytes:
    body = attribute("body", g=graph([node("Identity", ["x"], ["z"])]))
    return model(graph([node("Loop", ["trips", "", "x"], ["y"], body, body)], [integers("trips", 2)]))


def _quantised_weights_from_outside() -> bytes:
    settings = {"bits": 4, "block_size": 32, "N": 64, "K": 64}
    listed = (attribute(name, i=setting) for name, setting in settings.items())
    product = node("MatMulNBits", ["x", "w", "s"], ["y"], *listed, domain="com.microsoft")
    given = [value("x"), value("w", 2), value("s")]
    return model(graph([product], inputs=given), operators=[("", 17), ("com.microsoft", 1)])


def _function_that_calls_itself() -> bytes:
    again = node("Again", ["x"], ["y"], domain="own")
    function = part(1, "Again") + part(4, "x") + part(5, "y") + part(7, again) + part(10, "own")
    return model(graph([again]), part(25, function), operators=[("", 17), ("own", 1)])


def _quantised(bits: int, block: int, rows: int, columns: int, stored_bytes: int, *first: tuple[str, int]) -> bytes:
    settings = (*first, ("bits", bits), ("block_size", block), ("N", rows), ("K", columns))
    product = node(
        "MatMulNBits",
        ["x", "w", "s"],
        ["y"],
        *(attribute(name, i=setting) for name, setting in settings),
        domain="com.microsoft",
    )
    weights = tensor("w", 2, [stored_bytes], bytes(stored_bytes))
    return model(graph([product], [weights]), operators=[("", 17), ("com.microsoft", 1)])


def _one_stored(stored: bytes) -> bytes:
    return model(graph([node("Identity", ["w"], ["y"])], [stored]))


# name → (the file, a part of the reason against it). The folder has `model.onnx`, `data` (64 bytes) and the rest of
# a model; `link` and `pipe` lie in it too, and no manifest may name them.
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "data above the folder": (lambda: _one_stored(outside("../secret.bin")), "no file of the model"),
    "data by an absolute path": (lambda: _one_stored(outside("/etc/passwd")), "no file of the model"),
    "data behind a link": (lambda: _one_stored(outside("link")), "no file of the model"),
    "data in a pipe": (lambda: _one_stored(outside("pipe")), "no file of the model"),
    "data by a Windows path": (lambda: _one_stored(outside("C:\\secret.bin")), "no file of the model"),
    "data in another letter case": (lambda: _one_stored(outside("DATA")), "no file of the model"),
    "a terabyte of data": (lambda: _one_stored(outside("data", length=str(1 << 40))), "needs 64 bytes and names"),
    "data before the file": (lambda: _one_stored(outside("data", offset="-16")), "has the place '-16'"),
    "data behind the file": (lambda: _one_stored(outside("data", offset="16")), "behind the end of data"),
    "settings among the data": (lambda: _one_stored(outside("data", raw_data="x")), "unknown way, 'raw_data'"),
    "two places of data": (
        lambda: _one_stored(outside("data") + part(9, bytes(64))),
        "has its data in two places",
    ),
    "the same data a thousand times": (
        lambda: model(
            graph(
                [node("Identity", ["x"], ["y"])],
                [outside("data").replace(part(8, "w"), part(8, f"w{i}")) for i in range(1000)],
            )
        ),
        "claim 64,000 bytes of data",
    ),
    "64 GiB of ones, size from outside": (
        lambda: _sized("ConstantOfShape", ["s"], [], [value("s", INT64)]),
        "computes its size",
    ),
    "64 GiB of ones": (lambda: _sized("ConstantOfShape", ["s"], [integers("s", 1 << 34)]), "17,179,869,184"),
    "64 GiB by Expand": (lambda: _sized("Expand", ["x", "s"], [integers("s", 1 << 20, 1 << 14)]), "17,179,869,184"),
    "64 GiB by Expand, written down by Constant": (
        lambda: model(
            graph(
                [
                    node("Constant", [], ["s"], attribute("value", t=integers("", 1 << 20, 1 << 14))),
                    node("Expand", ["x", "s"], ["y"]),
                ]
            )
        ),
        "17,179,869,184",
    ),
    "a size that the customer can replace": (
        lambda: _sized("Expand", ["x", "s"], [integers("s", 2)], [value("x"), value("s", INT64)]),
        "computes its size",
    ),
    "a size that is written down, and given all the same": (_written_down_and_given, "'s' is made twice"),
    "Tile": (lambda: _sized("Tile", ["x", "s"], [integers("s", 1 << 40)]), "1,099,511,627,776"),
    "Resize": (lambda: _sized("Resize", ["x", "", "s"], [floats("s", 65536.0)]), "'Resize' is not allowed"),
    "Scan": (lambda: model(graph([node("Scan", ["x"], ["y"])])), "'Scan' is not allowed"),
    "a loop of 2⁶² rounds": (lambda: _loop(integers("trips", 1 << 62)), "4,611,686,018,427,387,904"),
    "a loop of rounds from outside": (lambda: _loop(None), "computes its size or its number of rounds"),
    "loops in loops": (lambda: _nested_loops(4, 1000), "operators would run"),
    "a chain of more operators than any model has": (
        lambda: model(graph(node("Relu", [f"t{i}"], [f"t{i + 1}"]) for i in range(20_001))),
        "more than 20,000 × node",
    ),
    "ninety choices in one another": (lambda: _nested_ifs(90), "deep in one another"),
    "operators of a strange domain": (
        lambda: model(graph([node("Evil", ["x"], ["y"], domain="com.evil")]), operators=[("", 17), ("com.evil", 1)]),
        "wants operators of 'com.evil'",
    ),
    "a contrib operator that is not on the list": (
        lambda: model(
            graph([node("EmbedLayerNormalization", ["x"], ["y"], domain="com.microsoft")]),
            operators=[("", 17), ("com.microsoft", 1)],
        ),
        "'com.microsoft.EmbedLayerNormalization' is not allowed",
    ),
    "an engine that was compiled elsewhere": (
        lambda: model(graph([node("EPContext", ["x"], ["y"], domain="com.microsoft")])),
        "EPContext' is not allowed",
    ),
    "an operator whose name moves the cursor": (
        lambda: model(graph([node("\x1b[2J", ["x"], ["y"])])),
        "\\x1b[2J",
    ),
    "operators of the future": (lambda: model(graph([]), operators=[("", 99)]), "version 99"),
    "operators of no version": (lambda: model(graph([]), operators=[]), "does not say which version"),
    "a function that calls itself": (_function_that_calls_itself, "field 25"),
    "training information": (lambda: model(graph([]), part(20, b"")), "field 20"),
    "a sparse tensor": (lambda: model(graph([]) + part(15, b"")), "field 15"),
    "a sequence as input": (
        lambda: model(graph([], inputs=[part(1, "x") + part(2, part(4, b""))])),
        "field 4",
    ),
    "settings for onnxruntime": (
        lambda: model(graph([]), part(14, part(1, "ort_config") + part(2, "{}"))),
        "brings settings",
    ),
    "settings for onnxruntime at an operator": (
        lambda: model(graph([node("Identity", ["x"], ["y"]) + part(9, part(1, "ep.context") + part(2, "x"))])),
        "a node brings settings",
    ),
    "two bodies of one loop": (_two_bodies, "Loop has the setting 'body' twice"),
    "quantised weights of two widths": (
        lambda: _quantised(4, 32, 64, 64, 2048, ("N", 1 << 30)),
        "the setting 'N' twice",
    ),
    "quantised weights from outside": (_quantised_weights_from_outside, "do not fit to its settings"),
    "two graphs": (lambda: HARMLESS + part(7, graph([])), "more than 1 × graph"),
    "a body in an operator that has none": (
        lambda: model(graph([node("Add", ["x", "x"], ["y"], attribute("body", g=graph([])))])),
        "Add has a body 'body'",
    ),
    "a tensor without its data": (lambda: _one_stored(tensor("w", FLOAT, [1 << 30])), "has 0"),
    "a tensor of 2⁶⁰ elements": (lambda: _one_stored(tensor("w", FLOAT, [1 << 30, 1 << 30])), "impossible shape"),
    "a tensor of negative size": (lambda: _one_stored(tensor("w", FLOAT, [-1])), "impossible shape"),
    "a tensor of texts": (lambda: _one_stored(tensor("w", 8, [1])), "of the type 8"),
    "a tensor of nine dimensions": (lambda: _one_stored(tensor("w", FLOAT, [1] * 9)), "more than 8 × dims"),
    "a name that comes twice": (
        lambda: model(graph([node("Identity", ["x"], ["y"])], [floats("w", 1.0), floats("w", 2.0)])),
        "comes twice",
    ),
    "a stored name that is computed too": (
        lambda: model(graph([node("Identity", ["x"], ["w"])], [floats("w", 1.0)])),
        "is made twice",
    ),
    "quantised weights that are too short": (lambda: _quantised(4, 32, 64, 64, 10), "do not fit to its settings"),
    "quantised weights in blocks of one": (lambda: _quantised(4, 1, 64, 64, 2048), "impossible settings"),
    "a name of a megabyte": (lambda: model(graph([node("A" * (1 << 20), ["x"], ["y"])])), "1,048,576 bytes"),
    "a name that is no text": (lambda: model(graph([node("", [], []) + part(3, b"\xff")])), "that is no text"),
    "a number without an end": (lambda: b"\x08" + b"\x80" * 20, "without an end"),
    "a number of 70 bits": (lambda: b"\x08" + b"\xff" * 9 + b"\x7f", "more than 64 bits"),
    "a length behind the end": (lambda: b"\x3a\xff\xff\xff\xff\x0f", "ends before its graph"),
    "a group": (lambda: b"\x0b\x0c", "wrong kind"),
    "garbage": (lambda: bytes(range(256)) * 16, "a field"),
    "nothing": (lambda: b"", "it is empty"),
}
