"""Whether anything here computes on GPUs: an installed runtime, or what came with Mulberry where CUDA is there, too.

Told without loading any of it; whether it computes is shown by computing only.
"""

import ctypes.util
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution

from mulberry.model.gpu import GpuReport
from mulberry.model.gpu_runtime import IT_CAME_WITH_MULBERRY, OF_MULBERRY, GpuComputing
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.runtime.gpu_runtimes.choosing import choose_runtime
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.gpu_runtimes.table import runtimes_here


def computing_here(runtimes: GpuRuntimes, report: GpuReport, cuda_is_here: Callable[[], bool]) -> GpuComputing:
    """`cuda_is_here` as below."""
    found = runtimes.look()
    if found.needs is not None:
        return GpuComputing(found.needs, Finding(True, tr("The GPU runtime {version}.", version=found.version)))
    if not found.trouble and cuda_is_here():
        return IT_CAME_WITH_MULBERRY
    runtime = choose_runtime(runtimes_here(), report.gpus).runtime
    why = found.trouble or tr("CUDA, cuDNN and onnxruntime for GPUs are not all installed.")
    return GpuComputing(runtime.needs if runtime else OF_MULBERRY, Finding(False, why))


def cuda_is_here() -> bool:
    """Whether the packages beside Mulberry are made for GPUs, and find CUDA."""
    if not _is_installed("onnxruntime-gpu"):
        return False
    return _is_installed("nvidia-cublas") or ctypes.util.find_library("cublasLt") is not None


def _is_installed(project: str) -> bool:
    try:
        distribution(project)
    except PackageNotFoundError:
        return False
    return True
