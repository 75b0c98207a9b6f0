"""Logits that nobody needs are left out, and prompts are read sooner: what is left must be what was last before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose

from endless_model import write_endless_model
from mulberry.runtime.child.last_only import with_last_only
from mulberry.runtime.child.model import Logits, OnnxModel
from mulberry.runtime.wire import Load
from onnx_bytes import graph, model, node, value
from random_model import Shape, write_model

SHAPE = Shape(bits=32, layers=1, hidden=64, heads=2, cached_heads=1, inner=64, vocabulary=520, context=32)
CACHED = 1, SHAPE.cached_heads, SHAPE.context, SHAPE.head_size


def opened(folder: Path) -> OnnxModel:
    return OnnxModel(Load(str(folder), SHAPE.context, ("<|im_end|>",), slots=2, waiting_limit=0, threads=1))


def all_logits(folder: Path, tokens: list[int]) -> Logits:
    """[tokens, vocabulary], by onnxruntime from the file as it is."""
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    given = {"input_ids": [tokens], "attention_mask": [[1] * len(tokens)]}
    empty = {f"past_key_values.0.{what}": np.zeros(CACHED, np.float32) for what in ("key", "value")}
    found: Logits = session.run(["logits"], {name: np.array(ids) for name, ids in given.items()} | empty)[0][0]
    return found


@pytest.mark.parametrize("last_only", [False, True], ids=["as the builder does", "with prune_lm_head"])
def test_every_step_has_the_logits_that_the_whole_graph_has_there(tmp_path: Path, last_only: bool) -> None:
    whole, own = tmp_path / "whole", tmp_path / "own"
    for folder, shape in ((whole, SHAPE), (own, replace(SHAPE, last_only=last_only))):
        folder.mkdir()
        write_model(folder, shape)
    tokens = [5, 6, 7, 8, 9, 10]
    expected = all_logits(whole, tokens)
    assert np.abs(expected[2] - expected[4]).max() > 0.1, "places that are taken for each other would be seen"
    reading = opened(own)
    assert_allclose(reading.read(0, 0, tokens[:3]), expected[2:3], atol=1e-4)
    assert_allclose(reading.read(0, 3, tokens[3:5]), expected[4:5], atol=1e-4)
    reading.next_tokens[0] = tokens[5]
    assert_allclose(reading.decode(1), expected[5:6], atol=1e-4)


def test_what_does_not_end_in_a_product_stays_as_it_is(tmp_path: Path) -> None:
    write_endless_model(tmp_path / "endless")
    assert with_last_only((tmp_path / "endless" / "model.onnx").read_bytes()) is None
    assert with_last_only(model(graph([node("MatMul", ["x", "y"], ["others"])]))) is None
    assert with_last_only(b"") is None


def test_a_name_that_the_model_has_is_not_taken() -> None:
    product = node("MatMul", ["given", "words"], ["logits"])
    changed = with_last_only(model(graph([node("Abs", ["x"], ["give'"]), product], outputs=[value("logits")])))
    assert changed is not None
    assert node("MatMul", ["give~", "words"], ["logits"]) in changed
    assert with_last_only(model(graph([product], inputs=[value(f"give{end}") for end in "'~^|"]))) is None
    assert with_last_only(model(graph([node("MatMul", ["gegeben für", "words"], ["logits"])]))) is None
