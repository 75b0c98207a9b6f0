"""Where a model's attention cache lies: in main memory, or in the memory of the GPU that computes.

One block of memory holds it all, [parts, slots, heads, context, head size] with a key and a value part for each layer,
so a row of a part is one run of bytes and the first rows of a part are one tensor. onnxruntime is told addresses.

What is in a GPU's memory cannot be copied from here. A graph of one node does it there: `Identity` from one row to
another, a whole row at a time, whatever is in it. The same code runs on the CPU, where tests run all of it; on a GPU
it has not been run yet.
"""

import contextlib
import math
import mmap
import sys
from typing import Any, Protocol

import numpy as np
import onnxruntime

from mulberry.runtime.child.provider import ERRORS_ONLY, NAMES
from mulberry.runtime.wire import Provider

CacheShape = tuple[int, int, int, int, int]

# y = Identity(x) for bytes of any number, as `onnx.helper` writes it: opset 17.
COPYING_MODEL = bytes.fromhex(
    "08093a3b0a120a017812017922084964656e746974793a001201675a100a0178120b0a09080212050a0312016e"
    "62100a0179120b0a09080212050a0312016e42040a001011"
)


class Cache(Protocol):
    """`device` is its name for onnxruntime; `is_far`: what is computed on lies there too, so inputs are carried."""

    device: str
    is_far: bool

    def address(self, part: int, row: int) -> int:
        """Where the row begins in this part; the next one follows it."""
        ...

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Gives `target` the first `tokens` of `source`'s, in every part."""
        ...


class HostCache:
    """In main memory, in small pages, as they are used. Rows lie far apart: in large pages each beginning of one would
    take a whole page, and computing was slower, too.
    """

    device = "cpu"
    is_far = False

    def __init__(self, shape: CacheShape, kind: type[np.generic], provider: Provider = Provider.CPU) -> None:
        self._numbers = np.frombuffer(_in_small_pages(math.prod(shape) * np.dtype(kind).itemsize), kind).reshape(shape)

    def address(self, part: int, row: int) -> int:
        return int(self._numbers[part, row].ctypes.data)

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._numbers[:, target, :, :tokens] = self._numbers[:, source, :, :tokens]


def _in_small_pages(size_bytes: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, size_bytes)
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a kernel that has no large ones
            memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory


class DeviceCache:
    """In the memory of `provider`, all of it from the start."""

    is_far = True

    def __init__(self, shape: CacheShape, kind: type[np.generic], provider: Provider = Provider.CUDA) -> None:
        self.device = provider.value
        self._memory = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, kind, self.device, 0)
        self._row_bytes = math.prod(shape[2:]) * np.dtype(kind).itemsize
        self._parts, self._slots = shape[:2]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        self._copying: Any = onnxruntime.InferenceSession(
            COPYING_MODEL, options, providers=[NAMES[provider]], enable_fallback=False
        )

    def address(self, part: int, row: int) -> int:
        return int(self._memory.data_ptr()) + (part * self._slots + row) * self._row_bytes

    def copy(self, source: int, target: int, tokens: int) -> None:
        binding = self._copying.io_binding()
        shape = [self._row_bytes]
        for part in range(self._parts):
            binding.bind_input("x", self.device, 0, np.uint8, shape, self.address(part, source))
            binding.bind_output("y", self.device, 0, np.uint8, shape, self.address(part, target))
            self._copying.run_with_iobinding(binding)


CACHES: dict[Provider, type[HostCache] | type[DeviceCache]] = {Provider.CPU: HostCache, Provider.CUDA: DeviceCache}
