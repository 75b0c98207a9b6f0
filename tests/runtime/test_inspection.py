"""Loading a model is the dangerous step, so what a stranger's file may contain is decided before, by our own reader."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile_models import HARMLESS, HOSTILE, outside
from mulberry.model.places import resource
from mulberry.runtime.child.inspection import GraphInspection, inspect
from mulberry.runtime.child.operators import ALLOWED
from mulberry.runtime.child.protobuf import Field, Kind, Malformed, read
from mulberry.runtime.wire import Inspect, Inspected
from onnx_bytes import attribute, graph, integers, model, node, part, tensor, value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "m"
    shutil.copytree(resource("models/tiny-lm"), copy)
    (copy / "data").write_bytes(bytes(64))
    return copy


def order(folder: Path) -> Inspect:
    plain = [entry for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    files = tuple((entry.name, entry.stat().st_size) for entry in plain)
    return Inspect(str(folder), ("model.onnx",), ("genai_config.json",), files)


def judged(folder: Path, untrusted: bytes) -> Inspected:
    (folder / "model.onnx").write_bytes(untrusted)
    return inspect(order(folder))


def test_the_demo_model_passes() -> None:
    verdict = inspect(order(resource("models/tiny-lm")))
    assert verdict.reasons == ()
    assert dict(verdict.operators)["com.microsoft.GroupQueryAttention"] == 4
    assert verdict.weights > 600_000


def test_the_harmless_model_passes(folder: Path) -> None:
    assert judged(folder, HARMLESS) == Inspected((), (("Add", 1),), 1)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_model_is_refused_with_the_reason(folder: Path, name: str) -> None:
    (folder.parent / "secret.bin").write_bytes(bytes(64))
    (folder / "link").symlink_to(folder.parent / "secret.bin")
    os.mkfifo(folder / "pipe")
    build, reason = HOSTILE[name]
    refused = judged(folder, build())
    assert refused.reasons, "it was let through"
    assert any(reason in said for said in refused.reasons), refused.reasons
    assert all(said.isprintable() and said.startswith("model.onnx: ") for said in refused.reasons)


@pytest.mark.parametrize(
    "name",
    [
        "64 GiB of ones, size from outside",
        "a size that the customer can replace",
        "a size that is written down, and given all the same",
        "Resize",
        "a loop of 2⁶² rounds",
        "a loop of rounds from outside",
        "the same data a thousand times",
        "a name that comes twice",
    ],
)
def test_onnxruntime_itself_would_load_it(folder: Path, name: str) -> None:
    """So these are refused for what they do, and nobody else refuses them."""
    (folder / "model.onnx").write_bytes(HOSTILE[name][0]())
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # computes nothing yet
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].name == "y"


def test_what_models_need_is_allowed(folder: Path) -> None:
    branch = graph([node("Identity", ["x"], ["z"])])
    body = graph([node("Identity", ["x"], ["z"])])
    needed = graph(
        [
            node("Expand", ["x", "shape"], ["a"]),
            node("If", ["c"], ["b"], attribute("then_branch", g=branch), attribute("else_branch", g=branch)),
            node("Loop", ["rounds", "", "x"], ["d"], attribute("body", g=body)),
            node("Constant", [], ["e"], attribute("value", t=integers("", 3))),
            node("ConstantOfShape", ["e"], ["y"]),
        ],
        [integers("shape", 4, 4), integers("rounds", 8), outside("data")],
    )
    verdict = judged(folder, model(needed))
    assert verdict.reasons == ()
    assert dict(verdict.operators)["Identity"] == 3


def test_small_numbers_written_one_by_one_are_read_too(folder: Path) -> None:
    packed = tensor("s", 7, [2]) + part(7, b"\x04\x04")
    assert judged(folder, model(graph([node("Expand", ["x", "s"], ["y"])], [packed]))).reasons == ()
    short = tensor("s", 7, [3]) + part(7, b"\x04\x04")
    assert "needs 3 numbers" in judged(folder, model(graph([], [short]))).reasons[0]


TO_INT64 = node("Cast", ["u"], ["s"], attribute("to", i=7))


def sized_by(*nodes: bytes, stored: tuple[bytes, ...] = ()) -> bytes:
    """Expands x to what the nodes make as `s`."""
    return model(graph([*nodes, node("Expand", ["x", "s"], ["y"])], stored))


def test_a_size_that_is_put_together_from_shapes_is_allowed(folder: Path) -> None:
    masks = sized_by(
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "first"], ["rows"]),
        node("Cast", ["rows"], ["fewer"], attribute("to", i=6)),
        node("Cast", ["fewer"], ["u"], attribute("to", i=7)),
        node("Unsqueeze", ["u", "first"], ["row"]),
        node("Concat", ["row", "heads"], ["s"]),
        stored=(integers("first", 0), integers("heads", 16, -1)),
    )
    assert judged(folder, masks).reasons == ()


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ((node("Shape", ["x"], ["shape"]), node("Mul", ["shape", "big"], ["s"])), "computes its size"),
        ((node("Gather", ["big", "often"], ["s"]),), "has a size or a number of rounds of 18,446,744,073,709,551,616"),
        ((node("Gather", ["big", "x"], ["s"]),), "computes its size"),
        ((node("Concat", ["big", "big", "big"], ["s"]),), "1,152,921,504,606,846,976"),
        ((node("Cast", ["x"], ["s"]),), "computes its size"),
        ((node("Cast", ["less"], ["u"], attribute("to", i=2)), TO_INT64), "computes its size"),  # uint8: 255 × 255
        ((node("Cast", ["less"], ["u"], attribute("to", i=13)), TO_INT64), "computes its size"),  # uint64
        ((node("Cast", ["less"], ["u"]), TO_INT64), "computes its size"),
    ],
)
def test_a_size_that_multiplies_on_the_way_is_not(folder: Path, nodes: tuple[bytes, ...], reason: str) -> None:
    stored = (integers("big", 1 << 20), integers("often", *[0] * 8), integers("less", -1, -1))
    assert reason in judged(folder, sized_by(*nodes, stored=stored)).reasons[0]


def test_rounds_are_never_put_together(folder: Path) -> None:
    body = graph([node("Identity", ["x"], ["z"])])
    loop = node("Loop", ["n", "", "x"], ["y"], attribute("body", g=body))
    verdict = judged(folder, model(graph([node("Identity", ["few"], ["n"]), loop], [integers("few", 2)])))
    assert "number of rounds while it runs" in verdict.reasons[0]


def test_all_reasons_are_told_up_to_a_limit(folder: Path) -> None:
    many = judged(folder, model(graph(node(f"Op{i}", ["x"], [f"y{i}"]) for i in range(100))))
    assert len(many.reasons) == 20


def test_a_constant_of_outside_is_hidden_by_an_inner_name(folder: Path) -> None:
    inner = graph([node("Expand", ["x", "s"], ["z"])], inputs=[value("s", 7)])
    choice = node("If", ["c"], ["y"], attribute("then_branch", g=inner), attribute("else_branch", g=graph([])))
    assert "computes its size" in judged(folder, model(graph([choice], [integers("s", 2)]))).reasons[0]


def test_a_constant_of_outside_is_hidden_by_what_is_computed_inside(folder: Path) -> None:
    inner = graph([node("Cast", ["x"], ["s"]), node("Expand", ["x", "s"], ["z"])])
    choice = node("If", ["c"], ["y"], attribute("then_branch", g=inner), attribute("else_branch", g=graph([])))
    assert "computes its size" in judged(folder, model(graph([choice], [integers("s", 2)]))).reasons[0]


def change(key: str, untrusted: Any) -> Callable[[Any], None]:
    def edit(config: Any) -> None:
        *above, last = key.split(".")
        for name in above:
            config = config[name]
        config[last] = untrusted

    return edit


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (change("model.decoder.filename", "../../other.onnx"), "no graph of the manifest"),
        (change("model.decoder.filename", "tokenizer.json"), "no graph of the manifest"),
        (change("model.decoder.inputs.past_key_names", "%1000000000d"), "no pattern"),
        (change("model.decoder.outputs.present_value_names", "%d%d"), "no pattern"),
        (change("model.decoder.outputs.present_value_names", 7), "no pattern"),
        (change("model.decoder.num_hidden_layers", 10**9), "num_hidden_layers must be"),
        (change("model.decoder.head_size", True), "head_size must be"),
        (change("model.vocab_size", 1e300), "vocab_size must be"),
        (change("model.context_length", 0), "context_length must be"),
        (change("model.decoder", []), "not what onnxruntime-genai writes"),
    ],
)
def test_a_configuration_that_would_mislead_the_engine(
    folder: Path, edit: Callable[[Any], None], complaint: str
) -> None:
    config = json.loads((folder / "genai_config.json").read_text("utf-8"))
    edit(config)
    (folder / "genai_config.json").write_text(json.dumps(config), "utf-8")
    (reason,) = inspect(order(folder)).reasons
    assert reason.startswith("genai_config.json: ") and complaint in reason


@pytest.mark.parametrize("text", [b"", b"[" * 100_000, b"\xff", b"9" * 10_000, b" " * (1 << 20) + b"{}"])
def test_a_configuration_that_is_none(folder: Path, text: bytes) -> None:
    (folder / "genai_config.json").write_bytes(text)
    assert inspect(order(folder)).reasons


def test_a_configuration_without_an_end_is_refused_however_well_it_begins(folder: Path) -> None:
    good = (folder / "genai_config.json").read_bytes()
    assert inspect(order(folder)).reasons == ()
    (folder / "genai_config.json").write_bytes(good.ljust((1 << 20) + 1))
    assert "larger than 1,048,576 bytes" in inspect(order(folder)).reasons[0]


@given(st.binary(max_size=300))
def test_no_bytes_at_all_make_the_reader_fail_otherwise(untrusted: bytes) -> None:
    for start in (b"", HARMLESS[: len(untrusted)]):
        try:
            GraphInspection({}).look_at(memoryview(start + untrusted))
        except Malformed as problem:
            assert str(problem)


@given(st.data())
def test_a_changed_byte_never_makes_the_reader_fail_otherwise(data: st.DataObject) -> None:
    original = HOSTILE["a loop of 2⁶² rounds"][0]()
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    inspection = GraphInspection({})
    try:
        inspection.look_at(memoryview(bytes(changed)))
    except Malformed as problem:
        assert str(problem)


def test_a_list_that_is_packed_ends_at_its_limit() -> None:
    few = {1: Field("n", Kind.NUMBER, 3)}
    assert read(memoryview(part(1, b"\x01\x02\xff\x01")), few, "it").numbers("n") == [1, 2, 255]
    with pytest.raises(Malformed, match="more than 3 × n"):
        read(memoryview(part(1, bytes(10**6))), few, "it")


def test_every_operator_has_its_reason() -> None:
    assert all(operator.reason for operator in ALLOWED.values())
    assert all(operator.largest > 0 for operator in ALLOWED.values() if operator.sized_by is not None)
    assert not {("", "Scan"), ("", "Resize"), ("com.microsoft", "EPContext")} & ALLOWED.keys()
