"""Which runtime fits this computer's GPUs: the newest that fits the most of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mulberry.model.gpu import GpuInfo
from mulberry.model.gpu_runtime import GpuRuntime
from mulberry.model.language import tr
from mulberry.runtime.gpu_truth import unfit


@dataclass(frozen=True, slots=True)
class Choice:
    """`runtime` None: none fits, and `because` says why; else why this one. `gpus` are the UUIDs of those it fits."""

    runtime: GpuRuntime | None
    because: str
    gpus: tuple[str, ...] = ()


def choose_runtime(runtimes: Sequence[GpuRuntime], gpus: Sequence[GpuInfo], absent_because: str = "") -> Choice:
    """`runtimes` are the newest first."""
    if not runtimes:
        return Choice(
            None, tr("There is no GPU runtime for this system and this Python: it takes Linux or Windows on x86-64.")
        )
    if not gpus:
        return Choice(None, absent_because or tr("No NVIDIA GPU was found."))
    fitting = [(runtime, [gpu for gpu in gpus if unfit(gpu, runtime.needs) is None]) for runtime in runtimes]
    runtime, fits = max(fitting, key=lambda pair: len(pair[1]))  # the first of several
    if not fits:
        return Choice(None, " ".join(dict.fromkeys(f"{gpu.name}: {_nearest(gpu, runtimes)}" for gpu in gpus)))
    because = tr(
        "It is the newest for {gpus} with driver {driver}.",
        gpus=", ".join(dict.fromkeys(_with_capability(gpu) for gpu in fits)),
        driver=fits[0].driver_version,
    )
    left_out = [gpu for gpu in gpus if gpu not in fits]
    if left_out:
        told = " ".join(dict.fromkeys(f"{gpu.name}: {unfit(gpu, runtime.needs)}" for gpu in left_out))
        because = f"{because} {told}"
    return Choice(runtime, because, tuple(gpu.uuid for gpu in fits))


def _with_capability(gpu: GpuInfo) -> str:
    if gpu.compute_capability is None:
        return gpu.name
    return tr("{gpu} (compute capability {major}.{minor})", gpu=gpu.name, **_numbers(gpu.compute_capability))


def _numbers(capability: tuple[int, int]) -> dict[str, int]:
    return {"major": capability[0], "minor": capability[1]}


def _nearest(gpu: GpuInfo, runtimes: Sequence[GpuRuntime]) -> str:
    """What stands in the way, by the newest runtime that has machine code for it: a driver can be changed."""
    capability = gpu.compute_capability
    with_code = [each for each in runtimes if capability is None or each.needs.has_code_for(capability)]
    return str(unfit(gpu, (with_code or runtimes)[0].needs))
