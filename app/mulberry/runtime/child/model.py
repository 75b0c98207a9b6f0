"""One ONNX language model and its attention cache, as the builder of onnxruntime-genai exports them.

The graph's attention (GroupQueryAttention) reads and writes the cache in place: past and present are bound to the
same memory. It takes each row's length from the row's sum in `attention_mask`, so rows of different lengths run in
one batch. Token ids, masks and logits lie in main memory; onnxruntime carries them to a GPU and back, inputs when they
are bound.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mulberry.runtime.child.cache import CACHES
from mulberry.runtime.child.last_only import with_last_only
from mulberry.runtime.child.provider import open_session
from mulberry.runtime.wire import Load

Logits = NDArray[np.float32]

_NUMPY_TYPES: dict[str, type[np.generic]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
FATAL_ONLY = 4
CHANGED_LIMIT_BYTES = 64 << 20  # larger graphs have their weights inside, and would lie in memory twice


class Stopped(Exception):
    """A run was ended before its time."""


class StopSign:
    """Ends one run from another thread, before its next operator begins."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = FATAL_ONLY  # being stopped is no error; others come as exceptions anyway

    def show(self) -> None:
        self.options.terminate = True

    @property
    def is_shown(self) -> bool:
        return bool(self.options.terminate)


class OnnxModel:
    """`slots` rows with a cache of `context_tokens` positions each: [layers x 2, slots, heads, context, head size].

    The provider must be proven.

    Raises `KeyError`, `ValueError`, `Malformed` or onnxruntime's own errors when the folder's files do not fit.
    """

    def __init__(self, load: Load) -> None:
        folder, context_tokens, slots = Path(load.folder), load.context_tokens, load.slots
        config = json.loads((folder / load.configuration).read_text("utf-8"))["model"]
        decoder = config["decoder"]
        if context_tokens > config["context_length"]:
            raise ValueError(f"the model was made for {config['context_length']} tokens, not {context_tokens}")
        self.vocabulary: int = config["vocab_size"]
        self._context = context_tokens
        graph = folder / decoder["filename"]
        changed = with_last_only(graph.read_bytes()) if graph.stat().st_size <= CHANGED_LIMIT_BYTES else None
        self._session = open_session(graph, load.provider, load.threads, changed)
        self._names = _cache_names(decoder)
        outputs = {value.name: value for value in self._session.get_outputs()}
        kinds = {value.name: value.type for value in (*self._session.get_inputs(), *outputs.values())}
        self._cache_type = _NUMPY_TYPES[kinds[self._names[0][0]]]
        self._logits_type = _NUMPY_TYPES[kinds["logits"]]
        self._tells_last_only: bool = changed is not None or outputs["logits"].shape[1] == 1
        self._row_shape = decoder["num_key_value_heads"], context_tokens, decoder["head_size"]
        self._cache = CACHES[load.provider](
            (len(self._names), slots, *self._row_shape), self._cache_type, load.provider
        )
        self.lengths = np.zeros(slots, np.int64)  # tokens in the cache, row by row
        self.next_tokens = np.zeros((slots, 1), np.int64)  # what `decode` feeds, row by row
        self._positions = np.arange(context_tokens, dtype=np.int64)
        self._mask = np.zeros(slots * context_tokens, np.int64)
        self._logits = np.zeros((slots, 1, self.vocabulary), self._logits_type)
        self._prefill_bindings: dict[int, Any] = {}  # by row
        self._decode_bindings: dict[int, Any] = {}  # by number of rows

    def warm_up(self) -> None:
        """Computes once: some graphs load on a provider that cannot run them. Raises onnxruntime's own errors."""
        self.read(0, 0, [0])
        self.lengths[0] = 0

    def read(self, row: int, start: int, tokens: Sequence[int], sign: StopSign | None = None) -> Logits:
        """Reads a part of a prompt into `row`, which holds the `start` tokens before it; together they are fewer than
        `context_tokens`. Returns the logits after it: [1, vocabulary].

        Raises `Stopped`: `sign` was shown; the row holds what it held before.
        """
        count = len(tokens)
        ids = np.array([tokens], np.int64)
        mask = np.ones((1, start + count), np.int64)
        logits = np.empty((1, 1 if self._tells_last_only else count, self.vocabulary), self._logits_type)
        binding = self._prefill_bindings.get(row)
        if binding is None:
            binding = self._prefill_bindings[row] = self._cache_binding(row, row + 1)
        _bind(binding.bind_input, "input_ids", ids)
        _bind(binding.bind_input, "attention_mask", mask)
        _bind(binding.bind_output, "logits", logits)
        try:
            self._session.run_with_iobinding(binding, None if sign is None else sign.options)
        except Exception:
            if sign is not None and sign.is_shown:
                raise Stopped from None
            raise
        self.lengths[row] = start + count
        return logits[:, -1].astype(np.float32, copy=False)

    def decode(self, rows: int) -> Logits:
        """Feeds `next_tokens` to the first `rows` rows, each shorter than the context. Returns [rows, vocabulary]."""
        binding = self._decode_bindings.get(rows)
        if binding is None:
            binding = self._decode_bindings[rows] = self._cache_binding(0, rows)
            _bind(binding.bind_input, "input_ids", self.next_tokens[:rows])
            _bind(binding.bind_output, "logits", self._logits[:rows])
        lengths = self.lengths[:rows]
        widest = int(lengths.max()) + 1
        mask = self._mask[: rows * widest].reshape(rows, widest)
        np.less_equal(self._positions[:widest], lengths[:, None], out=mask, casting="unsafe")
        if self._cache.is_far:
            _bind(binding.bind_input, "input_ids", self.next_tokens[:rows])
        _bind(binding.bind_input, "attention_mask", mask)
        self._session.run_with_iobinding(binding)
        lengths += 1
        return self._logits[:rows, 0].astype(np.float32, copy=False)

    def share(self, source: int, target: int, count: int) -> None:
        """Copies the first `count` tokens of a row's cache to a free row."""
        self._cache.copy(source, target, count)
        self.lengths[target] = count

    def move(self, source: int, target: int) -> None:
        """Copies a row's cache, length and next token to a free row."""
        self.share(source, target, int(self.lengths[source]))
        self.next_tokens[target] = self.next_tokens[source]

    def _cache_binding(self, first: int, end: int) -> Any:
        """A binding whose past and present are the rows `first` to `end` of the cache, without `end`."""
        binding = self._session.io_binding()
        shape = end - first, *self._row_shape
        for part, names in enumerate(self._names):
            place = self._cache.device, 0, self._cache_type, shape, self._cache.address(part, first)
            for bind, name in zip((binding.bind_input, binding.bind_output), names, strict=True):
                bind(name, *place)
        return binding


def _cache_names(decoder: dict[str, Any]) -> list[tuple[str, str]]:
    """The cache's (input, output) names, two a layer."""
    inputs, outputs = decoder["inputs"], decoder["outputs"]
    return [
        (inputs[f"past_{what}_names"] % layer, outputs[f"present_{what}_names"] % layer)
        for layer in range(decoder["num_hidden_layers"])
        for what in ("key", "value")
    ]


def _bind(bind: Any, name: str, array: NDArray[Any]) -> None:
    """Binds memory as it lies: `array` must be contiguous and outlive the run."""
    bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
