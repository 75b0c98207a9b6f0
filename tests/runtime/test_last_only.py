"""Makers leave out logits that nobody needs, and a prompt is read much sooner: such a model must answer the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from mulberry.runtime.child.model import OnnxModel
from mulberry.runtime.wire import Load
from random_model import Shape, write_model

SHAPE = Shape(bits=32, layers=1, hidden=64, heads=2, cached_heads=1, inner=64, vocabulary=520, context=32)


def opened(folder: Path, *, last_only: bool) -> OnnxModel:
    folder.mkdir()
    write_model(folder, replace(SHAPE, last_only=last_only))
    return OnnxModel(Load(str(folder), SHAPE.context, ("<|im_end|>",), slots=2, waiting_limit=0, threads=1))


def test_logits_of_the_last_token_are_those_that_the_whole_model_has_last(tmp_path: Path) -> None:
    whole, last = opened(tmp_path / "whole", last_only=False), opened(tmp_path / "last", last_only=True)
    # not to the bit: one row and several are multiplied in another order
    assert_allclose(last.read(0, 0, [5, 6, 7]), whole.read(0, 0, [5, 6, 7]), rtol=1e-3, atol=1e-4)
    assert_allclose(last.read(0, 3, [8, 9]), whole.read(0, 3, [8, 9]), rtol=1e-3, atol=1e-4)
    for model in (whole, last):
        model.read(1, 0, [11])
        model.next_tokens[:, 0] = 3, 4
    written = whole.decode(2)
    assert np.abs(written[0] - written[1]).max() > 0.01, "the rows say different things"
    assert_array_equal(last.decode(2), written)
