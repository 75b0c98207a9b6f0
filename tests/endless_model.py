"""A model that answers after a prompt of one token, and reads one of two tokens for ever: what a large one does in the
seconds that it takes for a part of a prompt.
"""

import json
import shutil
import struct
from pathlib import Path

import numpy as np

from mulberry.model.places import resource
from onnx_bytes import BOOL, FLOAT, INT64, attribute, graph, integers, model, node, tensor, value

VOCABULARY = 512  # the demo model's
EVER = 10**15


def write_endless_model(folder: Path) -> None:
    """Fills `folder`, which must not exist. After each token it says the next one."""
    shutil.copytree(resource("models/tiny-lm"), folder)
    configuration = json.loads((folder / "genai_config.json").read_text("utf-8"))
    configuration["model"]["decoder"] |= {"num_hidden_layers": 1, "num_key_value_heads": 1, "head_size": 4}
    (folder / "genai_config.json").write_text(json.dumps(configuration))
    (folder / "model.onnx").write_bytes(_endless())


def _endless() -> bytes:
    body = graph(
        [node("Identity", ["going"], ["goes on"]), node("Identity", ["nothing"], ["still nothing"])],
        inputs=[value("round", INT64, []), value("going", BOOL, []), value("nothing", FLOAT, [])],
        outputs=[value("goes on", BOOL, []), value("still nothing", FLOAT, [])],
    )
    following = np.roll(np.eye(VOCABULARY, dtype=np.float32), 1, axis=1)
    names = [(f"past_key_values.0.{what}", f"present.0.{what}") for what in ("key", "value")]
    nodes = [
        node("Shape", ["input_ids"], ["shape"]),
        node("Gather", ["shape", "one"], ["new"]),
        node("Sub", ["new", "one"], ["others"]),
        node("Mul", ["others", "ever"], ["rounds"]),
        node("Loop", ["rounds", "true", "zero"], ["end"], attribute("body", g=body)),
        node("Gather", ["following", "input_ids"], ["guesses"]),
        node("Add", ["guesses", "end"], ["logits"]),
        *(node("Identity", [past], [present]) for past, present in names),
    ]
    stored = [
        tensor("one", INT64, [], struct.pack("<q", 1)),
        integers("ever", EVER),
        tensor("true", BOOL, [], b"\1"),
        tensor("zero", FLOAT, [], bytes(4)),
        tensor("following", FLOAT, following.shape, following.tobytes()),
    ]
    inputs = [value("input_ids", INT64, ("rows", "new")), value("attention_mask", INT64, ("rows", "all"))]
    cached = "rows", 1, "context", 4
    return model(
        graph(
            nodes,
            stored,
            [*inputs, *(value(past, FLOAT, cached) for past, _ in names)],
            [value("logits", FLOAT, ("rows", "new", VOCABULARY)), *(value(name, FLOAT, cached) for _, name in names)],
        )
    )
