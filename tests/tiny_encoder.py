"""An encoder small enough to check by hand: each word has two numbers, and a text has their mean, or their sum.

`good` is (3, 0), `bad` (0, 3), `mulberry` (1, 1); what stands around a text and unknown words are (0, 0). Padding is
(100, 100), so that whoever counts it in notices.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from mulberry.runtime.models import ModelFolder
from onnx_bytes import FLOAT, INT64, attribute, graph, integers, model, node, tensor, value

WORDS = {
    "[PAD]": (100, 100),
    "[UNK]": (0, 0),
    "[CLS]": (0, 0),
    "[SEP]": (0, 0),
    "good": (3, 0),
    "bad": (0, 3),
    "mulberry": (1, 1),
}
LABELS = ("praise", "blame")
EMBEDDING = {"output": "tokens", "width": 2, "pooling": "mean", "scaling": "unit-length", "padding": "[PAD]"}
CLASSIFICATION = {"output": "sums", "width": 2, "scaling": "softmax", "padding": "[PAD]", "labels": list(LABELS)}


def encoder_graph(table: bytes | None = None) -> bytes:
    """Outputs `tokens` [texts, tokens, 2] and `sums` [texts, 2]."""
    numbers = b"".join(struct.pack("<2f", *row) for row in WORDS.values())
    return model(
        graph(
            [
                node("Gather", ["table", "input_ids"], ["tokens"]),
                node("Cast", ["attention_mask"], ["mask"], attribute("to", i=FLOAT)),
                node("Unsqueeze", ["mask", "last"], ["column"]),
                node("Mul", ["tokens", "column"], ["own"]),
                node("ReduceSum", ["own", "middle"], ["sums"], attribute("keepdims", i=0)),
            ],
            [tensor("table", FLOAT, [len(WORDS), 2], table or numbers), integers("last", 2), integers("middle", 1)],
            [value("input_ids", INT64), value("attention_mask", INT64)],
            [value("tokens"), value("sums")],
        )
    )


def word_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.enable_truncation(4)  # as makers leave it
    tokenizer.enable_padding(length=4)
    return tokenizer


def encoder_files(kind: str = "embedding", *, graph_file: bytes | None = None, **changes: Any) -> dict[str, bytes]:
    """A whole model folder; `changes` are the manifest's."""
    files = {
        "model.onnx": graph_file or encoder_graph(),
        "tokenizer.json": word_tokenizer().to_str().encode(),
    }
    manifest = {
        "format": 2,
        "name": "mulberry/tiny-encoder",
        "version": "1",
        "title": "Tiny encoder",
        "licence": "Apache-2.0",
        "source": "Written by hand for Mulberry's tests.",
        "parameters": 14,
        "kind": kind,
        "encoder": EMBEDDING if kind == "embedding" else CLASSIFICATION,
        "context_tokens": 64,
        "variants": [{"provider": "cpu", "precision": "fp32", "graph": "model.onnx", "minimum_vram_bytes": 0}],
        "can": ["Tell praise from blame."],
        "cannot": ["Read."],
        "measured": [],
        "files": [
            {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ],
    }
    return files | {"manifest.json": json.dumps(manifest | changes).encode()}


def tiny_encoder(folder: Path, kind: str = "embedding", **changes: Any) -> ModelFolder:
    """Written into the new `folder`."""
    folder.mkdir()
    for name, content in encoder_files(kind, **changes).items():
        (folder / name).write_bytes(content)
    return ModelFolder.read(folder)
