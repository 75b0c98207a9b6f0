"""A language model of chosen size with random weights, in the layout of onnxruntime-genai's builder.

As fast as a trained one of its shape and as wise as dice. The graph is a Llama: norms, attention with rotary positions
and a cache, a gated feed-forward part. Query, key and value are one product, as the builder makes it for the CPU. Its
tokenizer is the demo model's, with invented words up to the vocabulary.
"""

import json
import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mulberry.model.places import resource
from onnx_bytes import FLOAT, INT64, attribute, graph, integers, model, node, number, part, parts, tensor, value

BYTE, INT32 = 2, 6  # TensorProto's UINT8 and INT32
FLOAT_BITS = 32
ROWS = "last_positions", "longest"
MICROSOFT = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Shape:
    """The default has 151 million weights in its layers and twice 33 million for its vocabulary.

    `bits` of a weight are 4, 8 or 32; of the first two, `block` share a scale. `last_only`: the graph has logits of the
    last token alone, as with the builder's `prune_lm_head`.
    """

    layers: int = 12
    hidden: int = 1024
    heads: int = 16
    cached_heads: int = 8
    inner: int = 3072
    vocabulary: int = 32_000
    context: int = 2048
    bits: int = 4
    block: int = 32
    last_only: bool = False

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads

    @property
    def parameters(self) -> int:
        attention = 2 * self.hidden * (self.hidden + self.cached_heads * self.head_size)
        return self.layers * (attention + 3 * self.hidden * self.inner) + 2 * self.vocabulary * self.hidden


def write_model(folder: Path, shape: Shape) -> None:
    """Fills `folder`, which must exist."""
    with (folder / "model.onnx.data").open("wb") as data:
        (folder / "model.onnx").write_bytes(_Graph(shape, data).whole())
    (folder / "genai_config.json").write_text(json.dumps(_configuration(shape)))
    tokenizer = json.loads(resource("models/tiny-lm/tokenizer.json").read_text("utf-8"))
    known = tokenizer["model"]["vocab"].values(), (token["id"] for token in tokenizer["added_tokens"])
    invented = range(1 + max(map(max, known)), shape.vocabulary)
    tokenizer["model"]["vocab"] |= {f"word{word}": word for word in invented}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(resource(f"models/tiny-lm/{name}"), folder / name)


class _Graph:
    """Writes weights into `data` as their nodes are made."""

    def __init__(self, shape: Shape, data: BinaryIO) -> None:
        self._shape = shape
        self._data = data
        self._dice = np.random.default_rng(0)
        self._nodes: list[bytes] = []
        self._stored: list[bytes] = []

    def whole(self) -> bytes:
        shape = self._shape
        self._positions_and_lengths()
        self._store("embedding", self._dice.normal(0, 1, (shape.vocabulary, shape.hidden)).astype(np.float32))
        self._store("ones", np.ones(shape.hidden, np.float32))
        self._add("Gather", ["embedding", "input_ids"], ["residual"])
        self._add("SimplifiedLayerNormalization", ["residual", "ones"], ["normal"])
        residual, normal = "residual", "normal"
        for layer in range(shape.layers):
            residual, normal = self._layer(layer, residual, normal)
        if shape.last_only:
            self._stored.append(integers("last", -1))
            self._add("Gather", [normal, "last"], ["final"], axis=1)
        self._product("final" if shape.last_only else normal, "logits", shape.hidden, shape.vocabulary)
        layers = range(shape.layers)
        cached = "rows", shape.cached_heads, "context", shape.head_size
        inputs = [value("input_ids", INT64, ("rows", "new")), value("attention_mask", INT64, ("rows", "all"))]
        inputs += [value(name, FLOAT, cached) for layer in layers for name in _cache("past_key_values", layer)]
        outputs = [value("logits", FLOAT, ("rows", 1 if shape.last_only else "new", shape.vocabulary))]
        outputs += [value(name, FLOAT, cached) for layer in layers for name in _cache("present", layer)]
        content = graph(self._nodes, self._stored, inputs, outputs)
        return model(content, operators=[("", 21), (MICROSOFT, 1)])

    def _layer(self, layer: int, residual: str, normal: str) -> tuple[str, str]:
        shape, own = self._shape, f"layer{layer}"
        self._product(normal, f"{own}.asked", shape.hidden, shape.hidden + 2 * shape.cached_heads * shape.head_size)
        self._add(
            "GroupQueryAttention",
            [
                f"{own}.asked",
                "",
                "",
                *_cache("past_key_values", layer),
                "last_positions",
                "longest",
                "cosines",
                "sines",
            ],
            [f"{own}.seen", *_cache("present", layer)],
            MICROSOFT,
            num_heads=shape.heads,
            kv_num_heads=shape.cached_heads,
            do_rotary=1,
        )
        self._product(f"{own}.seen", f"{own}.attended", shape.hidden, shape.hidden)
        residual, normal = self._norm(residual, f"{own}.attended")
        for name in ("gate", "up"):
            self._product(normal, f"{own}.{name}", shape.hidden, shape.inner)
        self._add("Sigmoid", [f"{own}.gate"], [f"{own}.open"])
        self._add("Mul", [f"{own}.gate", f"{own}.open"], [f"{own}.passed"])
        self._add("Mul", [f"{own}.passed", f"{own}.up"], [f"{own}.wide"])
        self._product(f"{own}.wide", f"{own}.down", shape.inner, shape.hidden)
        return self._norm(residual, f"{own}.down")

    def _norm(self, residual: str, added: str) -> tuple[str, str]:
        summed, normal = f"{added}.summed", f"{added}.normal"
        inputs, outputs = [residual, added, "ones"], [normal, "", "", summed]
        self._add("SkipSimplifiedLayerNormalization", inputs, outputs, MICROSOFT)
        return summed, normal

    def _positions_and_lengths(self) -> None:
        """What attention needs: rotations of every position, each row's last position, the longest row's length."""
        shape = self._shape
        turns = 10_000.0 ** (-np.arange(0, shape.head_size, 2) / shape.head_size)
        angles = np.outer(np.arange(shape.context), turns)
        self._store("cosines", np.cos(angles).astype(np.float32))
        self._store("sines", np.sin(angles).astype(np.float32))
        self._stored += [integers("ones_axis", 1), tensor("one", INT64, [], struct.pack("<q", 1))]
        self._add("ReduceSum", ["attention_mask", "ones_axis"], ["lengths"], keepdims=0)
        self._add("Sub", ["lengths", "ones_axis"], ["positions"])
        self._add("Cast", ["positions"], [ROWS[0]], to=INT32)
        self._add("Shape", ["attention_mask"], ["mask_shape"])
        self._add("Gather", ["mask_shape", "one"], ["widest"])
        self._add("Cast", ["widest"], [ROWS[1]], to=INT32)

    def _product(self, given: str, result: str, rows: int, columns: int) -> None:
        """`result` = `given` times a random matrix that keeps the size of numbers."""
        name = f"{result}.weight"
        bits, block = self._shape.bits, self._shape.block
        if bits == FLOAT_BITS:
            self._store(name, self._dice.normal(0, rows**-0.5, (rows, columns)).astype(np.float32))
            self._add("MatMul", [given, name], [result])
            return
        blocks = rows // block
        self._store(name, self._dice.integers(0, 256, (columns, blocks, block * bits // 8), np.uint8))
        spread = 2**bits / 12**0.5 * rows**0.5  # of whole numbers drawn evenly
        self._store(f"{name}.scales", np.full(columns * blocks, 1 / spread, np.float32))
        inputs = [given, name, f"{name}.scales"]
        sizes = {"K": rows, "N": columns, "bits": bits, "block_size": block, "accuracy_level": 4}
        self._add("MatMulNBits", inputs, [result], MICROSOFT, **sizes)

    def _store(self, name: str, numbers: NDArray[Any]) -> None:
        place = {"location": "model.onnx.data", "offset": str(self._data.tell()), "length": str(numbers.nbytes)}
        listed = parts(13, (part(1, key) + part(2, text) for key, text in place.items()))
        kind = BYTE if numbers.dtype == np.uint8 else FLOAT
        self._stored.append(tensor(name, kind, numbers.shape) + listed + number(14, 1))
        self._data.write(numbers.tobytes())

    def _add(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **settings: int
    ) -> None:
        attributes = (attribute(name, i=setting) for name, setting in settings.items())
        self._nodes.append(node(operator, inputs, outputs, *attributes, domain=domain))


def _cache(prefix: str, layer: int) -> tuple[str, str]:
    return f"{prefix}.{layer}.key", f"{prefix}.{layer}.value"


def _configuration(shape: Shape) -> dict[str, Any]:
    """As the builder writes it, for onnxruntime-genai and for us."""
    whole: dict[str, Any] = json.loads(resource("models/tiny-lm/genai_config.json").read_text("utf-8"))
    whole["model"] |= {"context_length": shape.context, "type": "llama", "vocab_size": shape.vocabulary}
    whole["model"]["decoder"] |= {
        "head_size": shape.head_size,
        "hidden_size": shape.hidden,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.cached_heads,
    }
    whole["search"]["max_length"] = shape.context
    return whole
