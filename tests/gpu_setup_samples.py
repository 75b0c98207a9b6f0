"""How the GPU runtime may stand on an RTX 4090's computer: what faces are shown with."""

from dataclasses import replace
from pathlib import Path

from mulberry.model.gpu_runtime import (
    GpuRuntime,
    GpuSetupStatus,
    InstalledRuntime,
    Offer,
    SetupWork,
    Wheel,
)
from mulberry.model.host import Finding
from mulberry.model.models import CopyProgress, WorkState
from samples import NOON
from wheel_samples import NEEDS

WHEELS = (
    Wheel("onnxruntime_gpu-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl", 255_560_985, 410_000_000, "a" * 64),
    Wheel("nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl", 1_346_753_685, 2_234_819_313, "b" * 64),
)
RUNTIME = GpuRuntime("cuda13", "1.31.1-cuda13-cp311-551663e6", "1.31.1", NEEDS, WHEELS)
OFFER = Offer(
    RUNTIME,
    "It is the newest for NVIDIA GeForce RTX 4090 (compute capability 8.9) with driver 580.95.05.",
    RUNTIME.download_bytes,
    RUNTIME.download_bytes + RUNTIME.unpacked_bytes,
)
INSTALLED = InstalledRuntime(RUNTIME.version, "1.31.1", "13.0", 2_644_984_373, NOON)
OLDER = InstalledRuntime("1.26.0-cuda12-cp311-f1a03dca", "1.26.0", "12.8", 3_118_000_000, NOON)

NOTHING = GpuSetupStatus(
    place=Path("/home/ana/.local/share/mulberry/gpu_runtimes"),
    current="",
    previous="",
    installed=(),
    offer=OFFER,
    no_offer="",
    trouble="",
    free_bytes=120_000_000_000,
    metered=Finding(False, "NetworkManager"),
)
NO_GPU = replace(NOTHING, offer=None, no_offer="This computer has no NVIDIA GPU.")
METERED = replace(NOTHING, metered=Finding(True, "NetworkManager"))
RUNNING = replace(
    NOTHING,
    work=SetupWork(RUNTIME.version, WorkState.RUNNING, CopyProgress(WHEELS[1].name, 600_000_000, 1_602_314_670)),
)
REFUSED = replace(
    NOTHING,
    offer=replace(OFFER, left_bytes=1_000_000_000),
    work=SetupWork(
        RUNTIME.version,
        WorkState.REFUSED,
        problem=(
            "There is no room for the GPU runtime.",
            "It needs 3.64 GB for a while, and the disk has 2.10 GB free, of which 0.54 GB stay yours.",
            "Make room, then install it again: what is here already is kept.",
        ),
    ),
)
THERE = replace(
    NOTHING, current=RUNTIME.version, installed=(INSTALLED,), offer=replace(OFFER, is_here=True, left_bytes=0)
)
LACKS = f"The GPU runtime {RUNTIME.version} lacks nvidia/cu13/lib/libcublas.so.13."
BROKEN = replace(THERE, offer=OFFER, trouble=LACKS, installed=(replace(INSTALLED, problem=LACKS),))
NEWER = replace(NOTHING, current=OLDER.version, installed=(OLDER,))
WENT_BACK = replace(THERE, current="", previous=RUNTIME.version)
