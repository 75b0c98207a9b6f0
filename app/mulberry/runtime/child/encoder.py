"""One ONNX encoder and its tokenizer: texts in, a row of numbers for each out, however many are read at once.

Rows are the same alone and in company up to the last digits: short texts are filled up with padding, which the
attention mask hides. One long text would make all others as slow as itself, so texts of like length are read together.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mulberry.runtime.child.prompt import PromptRefused
from mulberry.runtime.child.provider import open_session
from mulberry.runtime.wire import LoadEncoder, Pooling, Provider, Scaling

Rows = NDArray[np.float32]

BATCH_TEXTS = 32
# With padding; one text may have more. No sign of life comes while they are read, and with a large encoder on two cores
# a thousand of them take ten seconds.
BATCH_TOKENS = {Provider.CPU: 1_024, Provider.CUDA: 16_384}
TEXT_LIMIT_BYTES = 1 << 18  # longer texts that cannot fit are not tokenised only to be counted

_NUMPY_TYPES: dict[str, type[np.generic]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class TextReader:
    """The tokenizer of the model in `folder`. A customer cannot type control tokens: in texts they are plain text.

    Raises `OSError`, `KeyError` or `ValueError`, or what `tokenizers` raises, at an unusable file.
    """

    def __init__(self, folder: Path, context_tokens: int, padding: str) -> None:
        text = (folder / "tokenizer.json").read_text("utf-8")
        self._context_tokens = context_tokens
        self._tokenizer = Tokenizer.from_str(text)
        self._tokenizer.no_truncation()  # makers often leave both on, and texts would end early without a word
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        added = self._tokenizer.get_added_tokens_decoder()
        self._control = {number for number, token in added.items() if token.special} - _unknown(self._tokenizer, text)
        number = self._tokenizer.token_to_id(padding)
        if number is None:
            raise ValueError(f"the tokenizer does not know the token {padding}")
        self.padding: int = number

    def ids(self, text: str) -> list[int]:
        """With what the tokenizer itself puts around a text. Raises `PromptRefused`."""
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise PromptRefused("no_text", "it has half a character in it") from None
        if size > TEXT_LIMIT_BYTES:
            raise PromptRefused("text_too_long", f"it has {size:,} bytes, allowed are {TEXT_LIMIT_BYTES:,}")
        encoding = self._tokenizer.encode(text)
        ids: list[int] = encoding.ids
        typed = [number for number, ours in zip(ids, encoding.special_tokens_mask, strict=True) if not ours]
        if not typed:
            raise PromptRefused("empty_text", "it has no tokens")
        if not self._control.isdisjoint(typed):  # the tokenizer broke its promise; better no answer
            raise PromptRefused("control_token", "it holds one of the model's control tokens")
        if len(ids) > self._context_tokens:
            told = f"it has {len(ids):,} tokens, this model reads {self._context_tokens:,}"
            raise PromptRefused("context_length_exceeded", told)
        return ids


class OnnxEncoder:
    """The provider must be proven. Raises `ValueError` or onnxruntime's own errors when graph and order do not fit."""

    def __init__(self, load: LoadEncoder, padding: int) -> None:
        self._session = open_session(Path(load.folder) / load.graph, load.provider, load.threads)
        self._inputs = {value.name: _NUMPY_TYPES.get(value.type) for value in self._session.get_inputs()}
        unknown = self._inputs.keys() - {"input_ids", "attention_mask", "token_type_ids"}
        if "input_ids" not in self._inputs or unknown or None in self._inputs.values():
            raise ValueError(f"the graph's inputs are not an encoder's: {', '.join(sorted(self._inputs))}")
        if load.output not in {value.name for value in self._session.get_outputs()}:
            raise ValueError(f"the graph has no output {load.output}")
        self._load = load
        self._padding = padding

    def warm_up(self) -> None:
        """Computes once: some graphs load on a provider that cannot run them, or give something else than numbers."""
        self.rows([[self._padding], [self._padding, self._padding]][: self._load.context_tokens])

    def rows(self, texts: Sequence[Sequence[int]]) -> Rows:
        """[texts, width], from the texts' tokens. Raises `ValueError` at another shape, and onnxruntime's errors."""
        longest = max(map(len, texts))
        ids = np.full((len(texts), longest), self._padding, np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(texts):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        values = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        feed = {name: values[name].astype(kind) for name, kind in self._inputs.items()}
        found: NDArray[Any] = self._session.run([self._load.output], feed)[0]
        if self._load.pooling is Pooling.MEAN:
            _expect(found, (*ids.shape, self._load.width))
            found = (found * mask[:, :, np.newaxis]).sum(1) / mask.sum(1, keepdims=True)
        _expect(found, (len(texts), self._load.width))
        return _scaled(found.astype(np.float32), self._load.scaling)


def batches(lengths: Sequence[int], tokens_limit: int) -> list[list[int]]:
    """Places of texts that are read together, by their lengths in tokens: each text once, the short ones first."""
    found: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        last = found[-1] if found else []
        if last and len(last) < BATCH_TEXTS and lengths[place] * (len(last) + 1) <= tokens_limit:
            last.append(place)
        else:
            found.append([place])
    return found


def _scaled(rows: Rows, scaling: Scaling) -> Rows:
    scaled: Rows = rows
    if scaling is Scaling.UNIT_LENGTH:
        scaled = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    elif scaling is Scaling.SOFTMAX:
        risen = np.exp(rows - rows.max(1, keepdims=True))
        scaled = risen / risen.sum(1, keepdims=True)
    return scaled


def _expect(found: NDArray[Any], shape: tuple[int, ...]) -> None:
    if found.shape != shape or found.dtype.kind != "f":
        raise ValueError(f"the graph gives {found.dtype} of the shape {found.shape}, expected are floats of {shape}")


def _unknown(tokenizer: Tokenizer, text: str) -> set[int]:
    """The token for what the vocabulary lacks: a control token that every text may hold."""
    model = json.loads(text)["model"]
    name, number = model.get("unk_token"), model.get("unk_id")
    found = tokenizer.token_to_id(name) if isinstance(name, str) else number
    return set() if found is None else {found}
