"""What the NVIDIA driver says of the GPUs, by NVML. A GPU is known by its UUID, never by an index that a reboot moves.

NVML is loaded when first asked and let go by `close`: the library alone costs memory that an idle agent has no use for.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

from mulberry.model.clock import Clock
from mulberry.model.gpu import GpuInfo, GpuReport

Value = TypeVar("Value")


class Gpus:
    """All NVIDIA GPUs of this computer. Blocking: the first question may take a second while the driver wakes up.

    May be used from several threads.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open = False
        self._lock = threading.RLock()

    def read(self) -> GpuReport:
        """The GPUs now. Never raises for what a driver may do: then there are none, and the report says why."""
        with self._lock:
            try:
                if not self._open:
                    pynvml.nvmlInit()
                    self._open = True
                driver = pynvml.nvmlSystemGetDriverVersion()
                handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
                gpus = tuple(_read(handle, driver) for handle in handles)
            except pynvml.NVMLError as problem:
                self.close()  # after an update of the driver only a fresh start of the library works again
                return GpuReport((), _absent_because(problem), self._clock.now())
        return GpuReport(gpus, None if gpus else "The NVIDIA driver sees no GPU.", self._clock.now())

    def close(self) -> None:
        """Lets the driver go until the next `read`."""
        with self._lock:
            if self._open:
                self._open = False
                _or_none(pynvml.nvmlShutdown)


def _read(handle: Any, driver: str) -> GpuInfo:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    load = _or_none(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    return GpuInfo(
        uuid=pynvml.nvmlDeviceGetUUID(handle),
        pci_address=pynvml.nvmlDeviceGetPciInfo(handle).busId,
        name=pynvml.nvmlDeviceGetName(handle),
        driver_version=driver,
        memory_total_bytes=int(memory.total),
        memory_used_bytes=int(memory.used),
        load_percent=None if load is None else int(load.gpu),
        power_milliwatt=_or_none(lambda: int(pynvml.nvmlDeviceGetPowerUsage(handle))),
        power_limit_milliwatt=_or_none(lambda: int(pynvml.nvmlDeviceGetEnforcedPowerLimit(handle))),
        temperature_celsius=_or_none(lambda: int(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))),
    )


def _or_none(question: Callable[[], Value]) -> Value | None:
    """The driver's answer; None when this card or this driver has none."""
    try:
        return question()
    except pynvml.NVMLError:
        return None


def _absent_because(problem: pynvml.NVMLError) -> str:
    code = problem.value
    if code == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return "No NVIDIA driver is installed."
    if code == pynvml.NVML_ERROR_DRIVER_NOT_LOADED:
        return "The NVIDIA driver is installed but not running."
    if code == pynvml.NVML_ERROR_NO_PERMISSION:
        return "This user may not talk to the NVIDIA driver."
    if code in (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED):
        return "A GPU has stopped answering; the computer must be restarted."
    if code == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return "The NVIDIA driver was updated; the computer must be restarted."
    return f"The NVIDIA driver gave an error: {problem}."
