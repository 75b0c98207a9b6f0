"""Why a GPU did not compute, and what its owner can do about it.

What onnxruntime and CUDA say is written for those who built them. The table knows their sentences by what does not
change from version to version: the names of libraries and CUDA's numbers (`cudaError` in `driver_types.h`). The first
line that fits counts. Missing libraries come last: onnxruntime complains of those that it could do without, too.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from mulberry.model.gpu import OLDEST_CAPABILITY, OLDEST_DRIVER, GpuInfo


class GpuFault(StrEnum):
    NO_DRIVER = "no driver"
    DRIVER_TOO_OLD = "driver too old"
    LIBRARIES_MISSING = "CUDA's libraries missing"
    CARD_TOO_OLD = "card too old"
    OUT_OF_MEMORY = "out of memory"
    NO_CARD = "no card"
    CARD_LOST = "card lost"
    NOT_BUILT_IN = "not built in"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GpuTruth:
    """What is the matter, and the way out: a sentence each."""

    fault: GpuFault
    cause: str
    fix: str

    def __str__(self) -> str:
        return f"{self.cause} {self.fix}"


_DRIVER_TOO_OLD = GpuTruth(
    GpuFault.DRIVER_TOO_OLD,
    "The NVIDIA driver is older than CUDA 13 needs.",
    f"Install driver {OLDEST_DRIVER} or newer, and restart the computer.",
)
_CARD_TOO_OLD = GpuTruth(
    GpuFault.CARD_TOO_OLD,
    "This GPU is older than CUDA 13 supports.",
    "It takes a GPU of the Turing generation or newer (GeForce GTX 16, RTX 20, and after).",
)

_KNOWN: tuple[tuple[str, GpuTruth], ...] = (
    (
        r"has no CUDAExecutionProvider",
        GpuTruth(
            GpuFault.NOT_BUILT_IN,
            "This installation of onnxruntime cannot use NVIDIA GPUs.",
            "On Linux and Windows for x86-64, install Mulberry again: it comes with one that can.",
        ),
    ),
    (
        r"libcuda\.so\.1: cannot open|nvcuda\.dll",
        GpuTruth(GpuFault.NO_DRIVER, "No NVIDIA driver is installed.", f"Install driver {OLDEST_DRIVER} or newer."),
    ),
    (r"CUDA failure (35|36|803)\b|driver version is insufficient", _DRIVER_TOO_OLD),
    (r"CUDA failure (98|209)\b|no kernel image is available", _CARD_TOO_OLD),
    (
        r"CUDA failure 2\b|CU(BLAS|DNN)_STATUS_ALLOC_FAILED|Failed to allocate memory|Available memory of \d+ is",
        GpuTruth(
            GpuFault.OUT_OF_MEMORY,
            "The GPU's memory is full.",
            "End other programs that use the GPU, or take a smaller model.",
        ),
    ),
    (
        r"CUDA failure (100|101)\b|no CUDA-capable device",
        GpuTruth(
            GpuFault.NO_CARD,
            "CUDA sees no GPU, though the driver may.",
            "Look whether `nvidia-smi` lists it and whether its device files may be opened.",
        ),
    ),
    (
        r"CUDA failure (46|79|214|719|999)\b|GPU is lost|fallen off the bus",
        GpuTruth(GpuFault.CARD_LOST, "The GPU or its driver does not answer as it must.", "Restart the computer."),
    ),
    (
        r"lib(cublas|cudart|curand|cufft|cudnn|nvrtc|nvJitLink)\S*: cannot open|LoadLibrary failed with error 126",
        GpuTruth(
            GpuFault.LIBRARIES_MISSING,
            "CUDA's libraries are not all there.",
            "Install CUDA 13 and cuDNN 9; by pip they are `onnxruntime-gpu[cuda,cudnn]`.",
        ),
    ),
)
_UNKNOWN = GpuTruth(
    GpuFault.UNKNOWN,
    "The GPU did not compute, for a reason that Mulberry does not know.",
    "The agent's log has what onnxruntime said.",
)


def truth_of(untrusted_words: str) -> GpuTruth:
    """`untrusted_words` are what a job process said before it ended: the table's words come back, never its own."""
    return next((truth for pattern, truth in _KNOWN if re.search(pattern, untrusted_words)), _UNKNOWN)


def unfit(gpu: GpuInfo) -> GpuTruth | None:
    """What can be known before anything is tried, by NVML's words; None: nothing stands against it."""
    major = gpu.driver_version.partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST_DRIVER:
        cause = f"The NVIDIA driver is {gpu.driver_version}, and CUDA 13 needs {OLDEST_DRIVER} or newer."
        return replace(_DRIVER_TOO_OLD, cause=cause)
    if gpu.compute_capability is not None and gpu.compute_capability < OLDEST_CAPABILITY:
        found, oldest = (".".join(map(str, pair)) for pair in (gpu.compute_capability, OLDEST_CAPABILITY))
        generation = f" ({gpu.architecture})" if gpu.architecture else ""
        cause = f"By its driver, this GPU has compute capability {found}{generation}, and CUDA 13 begins with {oldest}."
        return replace(_CARD_TOO_OLD, cause=cause)
    return None
