"""Sessions of onnxruntime that compute where they were asked to, or none.

Left alone, onnxruntime runs on the CPU when a GPU does not work, and tells nobody: the list of providers of a build
says nothing about this computer. So a GPU has to compute a sum first, in a session that may not fall back. The
model's own session may: onnxruntime keeps the arithmetic of shapes on the CPU by design, and would refuse every
language model otherwise. Why a GPU did not work is told on standard error and by exceptions; `runtime.gpu_truth`
reads both.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from mulberry.runtime.wire import Provider

NAMES = {Provider.CPU: "CPUExecutionProvider", Provider.CUDA: "CUDAExecutionProvider"}
ERRORS_ONLY = 3

# An ONNX model of one node, y = x + x, as `onnx.helper` writes it: opset 17.
DOUBLING_MODEL = bytes.fromhex(
    "08083a350a0e0a01780a0178120179220341646412016d5a0f0a0178120a0a08080112040a02080262"
    "0f0a0179120a0a08080112040a02080242040a001011"
)


class ProviderUnusable(Exception):
    """Nothing computes there."""


def prove(provider: Provider) -> None:
    """Lets `provider` compute, without any other to fall back to.

    Raises `ProviderUnusable`, or onnxruntime's own errors, with what onnxruntime says of the cause.
    """
    if NAMES[provider] not in onnxruntime.get_available_providers():
        raise ProviderUnusable(f"this build of onnxruntime has no {NAMES[provider]}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if provider is Provider.CUDA:
        with contextlib.redirect_stdout(sys.stderr):
            onnxruntime.preload_dlls()  # NVIDIA's libraries, where pip has put them; it prints what is missing
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    session = onnxruntime.InferenceSession(DOUBLING_MODEL, options, providers=[NAMES[provider]], enable_fallback=False)
    doubled = session.run(None, {"x": np.array([3, 4], np.float32)})[0]
    if doubled.tolist() != [6, 8]:
        raise ProviderUnusable("it computed something else than was asked for")


def open_session(graph: Path, provider: Provider, threads: int, changed: bytes | None = None) -> Any:
    """The model in the file `graph`, on a `provider` that was proven; `changed` is taken instead of the file's content.
    Raises as `prove` does.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a waiting core is the owner's
    if changed is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(graph.parent))
    source = str(graph) if changed is None else changed
    session = onnxruntime.InferenceSession(source, options, providers=[NAMES[provider]], enable_fallback=False)
    if session.get_providers()[0] != NAMES[provider]:
        raise ProviderUnusable(f"onnxruntime put the model on {session.get_providers()[0]}")
    return session
