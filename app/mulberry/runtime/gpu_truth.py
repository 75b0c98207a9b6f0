"""Why a GPU did not compute, and what its owner can do about it.

What onnxruntime and CUDA say is written for those who built them. The table knows their sentences by what does not
change from version to version: the names of libraries and CUDA's numbers (`cudaError` in `driver_types.h`). It knows
the words of our own watchdog (`card`), too. The first line that fits counts. Missing libraries come last: onnxruntime
complains of those that it could do without, too.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from mulberry.model.gpu import OLDEST_CAPABILITY_OF_ALL, OLDEST_DRIVER, OLDEST_DRIVER_OF_ALL, GpuCondition, GpuInfo
from mulberry.model.gpu_runtime import OF_MULBERRY, GpuNeeds
from mulberry.model.language import tr


class GpuFault(StrEnum):
    NO_DRIVER = "no driver"
    DRIVER_TOO_OLD = "driver too old"
    LIBRARIES_MISSING = "CUDA's libraries missing"
    CARD_TOO_OLD = "card too old"
    CARD_UNKNOWN = "card unknown"
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
    tr("The NVIDIA driver is older than CUDA needs."),
    tr("Install driver {oldest} or newer, and restart the computer.", oldest=OLDEST_DRIVER),
)
_CARD_TOO_OLD = GpuTruth(
    GpuFault.CARD_TOO_OLD,
    tr("This GPU is older than the CUDA that is here supports."),
    tr("It takes a GPU of the Turing generation or newer (GeForce GTX 16, RTX 20, and after)."),
)
_OLD_CARD_FIX = tr("`mulberry gpu-setup` knows the last CUDA for older GPUs.")
_OLD_DRIVER_FIX = tr("Or look with `mulberry gpu-setup`: it knows the last CUDA for older drivers.")

_KNOWN: tuple[tuple[str, GpuTruth], ...] = (
    (
        r"has no CUDAExecutionProvider",
        GpuTruth(
            GpuFault.NOT_BUILT_IN,
            tr("What computes on NVIDIA GPUs is not installed."),
            tr("Install it: `mulberry gpu-setup`, or on the Hardware page."),
        ),
    ),
    (
        r"libcuda\.so\.1: cannot open|nvcuda\.dll",
        GpuTruth(
            GpuFault.NO_DRIVER,
            tr("No NVIDIA driver is installed."),
            tr("Install driver {oldest} or newer.", oldest=OLDEST_DRIVER),
        ),
    ),
    (r"CUDA failure (35|36|803)\b|driver version is insufficient", _DRIVER_TOO_OLD),
    (r"CUDA failure (98|209)\b|no kernel image is available", _CARD_TOO_OLD),
    (
        r"CUDA failure 2\b|CU(BLAS|DNN)_STATUS_ALLOC_FAILED|Failed to allocate memory|Available memory of \d+ is"
        r"|The GPU's memory was almost full",
        GpuTruth(
            GpuFault.OUT_OF_MEMORY,
            tr("The GPU's memory is full."),
            tr("End other programs that use the GPU, or take a smaller model."),
        ),
    ),
    (
        r"CUDA failure (100|101)\b|no CUDA-capable device",
        GpuTruth(
            GpuFault.NO_CARD,
            tr("CUDA sees no GPU, though the driver may."),
            tr("Look whether `nvidia-smi` lists it and whether its device files may be opened."),
        ),
    ),
    (
        r"CUDA failure (46|79|214|719|999)\b|GPU is lost|fallen off the bus"
        r"|This GPU (has stopped answering|must be reset)",
        GpuTruth(
            GpuFault.CARD_LOST,
            tr("The GPU or its driver does not answer as it must."),
            GpuCondition.LOST.next_step,
        ),
    ),
    (
        r"lib(cublas|cudart|curand|cufft|cudnn|nvrtc|nvJitLink)\S*: cannot open|LoadLibrary failed with error 126",
        GpuTruth(
            GpuFault.LIBRARIES_MISSING,
            tr("CUDA's libraries are not all there."),
            tr("Install them: `mulberry gpu-setup`, or on the Hardware page."),
        ),
    ),
)
_UNKNOWN = GpuTruth(
    GpuFault.UNKNOWN,
    tr("The GPU did not compute, for a reason that Mulberry does not know."),
    tr("The agent's log has what onnxruntime said."),
)


def truth_of(untrusted_words: str) -> GpuTruth:
    """`untrusted_words` are what a job process said before it ended: the table's words come back, never its own."""
    return next((truth for pattern, truth in _KNOWN if re.search(pattern, untrusted_words)), _UNKNOWN)


def unfit(gpu: GpuInfo, needs: GpuNeeds = OF_MULBERRY) -> GpuTruth | None:
    """What can be known before anything is tried, by NVML's words; None: nothing stands against it."""
    major, capability = gpu.driver_version.partition(".")[0], gpu.compute_capability
    if major.isdecimal() and int(major) < needs.oldest_driver:
        return _old_driver(gpu, int(major), needs)
    if capability is not None and not needs.has_code_for(capability):
        return _old_card(gpu, capability, needs) if capability < min(needs.machine_code) else _no_code(gpu, capability)
    return None


def _old_driver(gpu: GpuInfo, major: int, needs: GpuNeeds) -> GpuTruth:
    cause = tr(
        "The NVIDIA driver is {driver}, and {cuda} needs {oldest} or newer.",
        driver=gpu.driver_version,
        cuda=needs.cuda_in_words,
        oldest=needs.oldest_driver,
    )
    fix = tr("Install driver {oldest} or newer, and restart the computer.", oldest=needs.oldest_driver)
    return GpuTruth(
        GpuFault.DRIVER_TOO_OLD, cause, f"{fix} {_OLD_DRIVER_FIX}" if major >= OLDEST_DRIVER_OF_ALL else fix
    )


def _old_card(gpu: GpuInfo, capability: tuple[int, int], needs: GpuNeeds) -> GpuTruth:
    cause = tr(
        "By its driver, this GPU has {capability}, and {cuda} begins with {oldest}.",
        capability=_in_words(gpu, capability),
        cuda=needs.cuda_in_words,
        oldest=_dotted(min(needs.machine_code)),
    )
    return replace(
        _CARD_TOO_OLD,
        cause=cause,
        fix=_OLD_CARD_FIX if capability >= OLDEST_CAPABILITY_OF_ALL else _CARD_TOO_OLD.fix,
    )


def _no_code(gpu: GpuInfo, capability: tuple[int, int]) -> GpuTruth:
    return GpuTruth(
        GpuFault.CARD_UNKNOWN,
        tr(
            "By its driver, this GPU has {capability}, and this build of onnxruntime has no machine code for that.",
            capability=_in_words(gpu, capability),
        ),
        tr("A newer Mulberry may bring one that has: look with `mulberry gpu-setup`."),
    )


def _in_words(gpu: GpuInfo, capability: tuple[int, int]) -> str:
    generation = f" ({gpu.architecture})" if gpu.architecture else ""
    return tr("compute capability {number}", number=_dotted(capability)) + generation


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"
