"""One session with the NVIDIA driver, by NVML through nvidia-ml-py. What never changes is asked once a session.

Source: NVIDIA, NVML API reference. The driver is believed, but not when it talks nonsense: a value that no card can
have counts as an error. NVML may hang in any call: see `time_limit`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pynvml

from mulberry.model.gpu import DriverState, GpuCondition, GpuInfo, GpuProcess, NotGiven, Throttle
from mulberry.model.language import tr
from mulberry.model.text import plain

Value = TypeVar("Value")

MOST_GPUS = 256
MOST_CELSIUS = 150
MOST_MILLIWATT = 5_000_000
MOST_MHZ = 20_000
MOST_MEMORY_BYTES = 1 << 50
MOST_NAME = 96
LOADS_OF = timedelta(seconds=2)  # the driver samples once or more a second

ARCHITECTURES = {
    pynvml.NVML_DEVICE_ARCH_KEPLER: "Kepler",
    pynvml.NVML_DEVICE_ARCH_MAXWELL: "Maxwell",
    pynvml.NVML_DEVICE_ARCH_PASCAL: "Pascal",
    pynvml.NVML_DEVICE_ARCH_VOLTA: "Volta",
    pynvml.NVML_DEVICE_ARCH_TURING: "Turing",
    pynvml.NVML_DEVICE_ARCH_AMPERE: "Ampere",
    pynvml.NVML_DEVICE_ARCH_ADA: "Ada",
    pynvml.NVML_DEVICE_ARCH_HOPPER: "Hopper",
    pynvml.NVML_DEVICE_ARCH_BLACKWELL: "Blackwell",
    pynvml.NVML_DEVICE_ARCH_RUBIN: "Rubin",
}

THROTTLES = {
    pynvml.nvmlClocksEventReasonGpuIdle: Throttle.IDLE,
    pynvml.nvmlClocksEventReasonApplicationsClocksSetting: Throttle.APPLICATION_CLOCKS,
    pynvml.nvmlClocksEventReasonSwPowerCap: Throttle.POWER_LIMIT,
    pynvml.nvmlClocksEventReasonHwSlowdown: Throttle.HARDWARE_SLOWDOWN,
    pynvml.nvmlClocksEventReasonSyncBoost: Throttle.SYNC_BOOST,
    pynvml.nvmlClocksEventReasonSwThermalSlowdown: Throttle.HOT,
    pynvml.nvmlClocksEventReasonHwThermalSlowdown: Throttle.VERY_HOT,
    pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown: Throttle.POWER_BRAKE,
    pynvml.nvmlClocksEventReasonDisplayClockSetting: Throttle.DISPLAY_CLOCKS,
    pynvml.nvmlClocksThrottleReasonBoardLimit: Throttle.BOARD_LIMIT,
    pynvml.nvmlClocksThrottleReasonReliability: Throttle.RELIABILITY,
}

_CONDITIONS = {
    pynvml.NVML_ERROR_GPU_IS_LOST: GpuCondition.LOST,
    pynvml.NVML_ERROR_RESET_REQUIRED: GpuCondition.RESET_NEEDED,
    pynvml.NVML_ERROR_NO_PERMISSION: GpuCondition.NOT_PERMITTED,
}

_STATES = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: DriverState.NOT_INSTALLED,
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: DriverState.NOT_RUNNING,
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: DriverState.UPDATED,
    pynvml.NVML_ERROR_NO_PERMISSION: DriverState.NOT_PERMITTED,
}

NOT_GIVEN = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: NotGiven.NOT_SUPPORTED,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: NotGiven.NOT_SUPPORTED,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH: NotGiven.NOT_SUPPORTED,
    pynvml.NVML_ERROR_NO_PERMISSION: NotGiven.NOT_PERMITTED,
}


class DriverError(Exception):
    """The driver as a whole answers no questions."""

    def __init__(self, state: DriverState, code: int, said: str) -> None:
        super().__init__(said)
        self.state = state
        self.code = code


@dataclass(frozen=True, slots=True)
class Faulty:
    """A GPU that is enumerated and does not answer. `pci_address` is None where not even that is told."""

    index: int
    pci_address: str | None
    condition: GpuCondition


@dataclass(frozen=True, slots=True)
class Reading:
    """What the driver said once, in its own order."""

    gpus: tuple[GpuInfo, ...]
    faulty: tuple[Faulty, ...]


class NvmlSession:
    """Opens NVML at the first question. For one thread at a time."""

    def __init__(self) -> None:
        self._open = False
        self._known: dict[str, GpuInfo] = {}  # by UUID: as first read in this session

    def read(self, now: datetime) -> Reading:
        """Raises `DriverError`; the session is then closed, since only a fresh start survives an update."""
        try:
            self._start()
            driver = plain(pynvml.nvmlSystemGetDriverVersion(), MOST_NAME)
            cuda = _or_none(pynvml.nvmlSystemGetCudaDriverVersion)
            count = min(int(pynvml.nvmlDeviceGetCount()), MOST_GPUS)
        except (pynvml.NVMLError, ValueError) as problem:
            self.close()
            code = code_of(problem)
            raise DriverError(_STATES.get(code, DriverState.FAILING), code, str(problem)) from problem
        gpus: list[GpuInfo] = []
        faulty: list[Faulty] = []
        for index in range(count):
            address = None
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                address = str(pynvml.nvmlDeviceGetPciInfo(handle).busId)
                gpus.append(self._read_gpu(handle, address, driver, None if cuda is None else _cuda_version(cuda), now))
            except (pynvml.NVMLError, ValueError) as problem:
                faulty.append(Faulty(index, address, _CONDITIONS.get(code_of(problem), GpuCondition.FAILING)))
        return Reading(tuple(gpus), tuple(faulty))

    def ask(self, question: Callable[[], Value]) -> Value:
        """Any other question, with NVML open. Raises `pynvml.NVMLError`."""
        self._start()
        return question()

    def energy(self, uuid: str) -> int | None:
        """What a GPU has drawn since its driver was loaded, in millijoules. None: no meter, or no GPU."""
        try:
            self._start()
            return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(uuid)))
        except pynvml.NVMLError:
            return None

    def close(self) -> None:
        """Lets the driver go until the next question."""
        self._known.clear()
        if self._open:
            self._open = False
            _or_none(pynvml.nvmlShutdown)

    def _start(self) -> None:
        if not self._open:
            pynvml.nvmlInit()
            self._open = True

    def _read_gpu(self, handle: Any, address: str, driver: str, cuda: tuple[int, int] | None, now: datetime) -> GpuInfo:
        uuid = plain(pynvml.nvmlDeviceGetUUID(handle), MOST_NAME)
        known = self._known.get(uuid)
        if known is None or known.pci_address != address:
            known = self._known[uuid] = _read_card(handle, uuid, address, driver, cuda)
        return _read_numbers(handle, known, now)


class _Answers:
    """Asks for values one by one and remembers why some are missing. That the GPU is lost is raised."""

    def __init__(self, not_given: tuple[tuple[str, NotGiven], ...] = ()) -> None:
        self._why = dict(not_given)

    @property
    def not_given(self) -> tuple[tuple[str, NotGiven], ...]:
        return tuple(self._why.items())

    def value(self, field: str, question: Callable[[], Value]) -> Value | None:
        try:
            return question()
        except (pynvml.NVMLError, ValueError, MemoryError) as problem:  # memory: for as many as it says
            if code_of(problem) in (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED):
                raise
            self._why[field] = NOT_GIVEN.get(code_of(problem), NotGiven.FAILED)
            return None

    def number(self, field: str, question: Callable[[], Any], most: int) -> int | None:
        return self.value(field, lambda: _at_most(int(question()), most))


def _read_card(handle: Any, uuid: str, address: str, driver: str, cuda: tuple[int, int] | None) -> GpuInfo:
    """What does not change while a driver runs; the numbers that do are left at nothing."""
    answers = _Answers()
    value, number = answers.value, answers.number
    return GpuInfo(
        uuid=uuid,
        pci_address=address,
        name=plain(pynvml.nvmlDeviceGetName(handle), MOST_NAME),
        driver_version=driver,
        memory_total_bytes=0,
        memory_used_bytes=None,
        load_percent=None,
        power_milliwatt=None,
        power_limit_milliwatt=None,
        temperature_celsius=None,
        pci_device_id=value("pci_device_id", lambda: int(pynvml.nvmlDeviceGetPciInfo(handle).pciDeviceId) >> 16),
        architecture=value("architecture", lambda: _architecture(pynvml.nvmlDeviceGetArchitecture(handle))),
        compute_capability=value(
            "compute_capability", lambda: _pair(pynvml.nvmlDeviceGetCudaComputeCapability(handle))
        ),
        cuda_version=cuda,
        vbios_version=value("vbios_version", lambda: plain(pynvml.nvmlDeviceGetVbiosVersion(handle), MOST_NAME)),
        power_limit_default_milliwatt=number(
            "power_limit_default_milliwatt",
            lambda: pynvml.nvmlDeviceGetPowerManagementDefaultLimit(handle),
            MOST_MILLIWATT,
        ),
        power_limit_range_milliwatt=value(
            "power_limit_range_milliwatt",
            lambda: _limits(pynvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)),
        ),
        slowdown_celsius=number(
            "slowdown_celsius",
            lambda: pynvml.nvmlDeviceGetTemperatureThreshold(handle, pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
            MOST_CELSIUS,
        ),
        shutdown_celsius=number(
            "shutdown_celsius",
            lambda: pynvml.nvmlDeviceGetTemperatureThreshold(handle, pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN),
            MOST_CELSIUS,
        ),
        graphics_most_mhz=number(
            "graphics_most_mhz", lambda: pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_GRAPHICS), MOST_MHZ
        ),
        ecc=value("ecc", lambda: bool(pynvml.nvmlDeviceGetEccMode(handle)[0])),
        mig=value("mig", lambda: bool(pynvml.nvmlDeviceGetMigMode(handle)[0])),
        not_given=answers.not_given,
    )


def _read_numbers(handle: Any, card: GpuInfo, now: datetime) -> GpuInfo:
    answers = _Answers(card.not_given)
    value, number = answers.value, answers.number
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    total = _at_most(int(memory.total), MOST_MEMORY_BYTES)
    load = value("load_percent", lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    clock = pynvml.nvmlDeviceGetClockInfo
    processes = value("processes", lambda: _processes(handle))
    loads = value("process_loads", lambda: _process_loads(handle, now)) if processes else None
    return replace(
        card,
        memory_total_bytes=total,
        memory_used_bytes=_at_most(int(memory.used), total),
        load_percent=None if load is None else number("load_percent", lambda: load.gpu, 100),
        power_milliwatt=number("power_milliwatt", lambda: pynvml.nvmlDeviceGetPowerUsage(handle), MOST_MILLIWATT),
        power_limit_milliwatt=number(
            "power_limit_milliwatt", lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle), MOST_MILLIWATT
        ),
        temperature_celsius=number(
            "temperature_celsius",
            lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
            MOST_CELSIUS,
        ),
        graphics_mhz=number("graphics_mhz", lambda: clock(handle, pynvml.NVML_CLOCK_GRAPHICS), MOST_MHZ),
        memory_mhz=number("memory_mhz", lambda: clock(handle, pynvml.NVML_CLOCK_MEM), MOST_MHZ),
        throttles=value("throttles", lambda: _throttles(handle)),
        display=value("display", lambda: bool(pynvml.nvmlDeviceGetDisplayMode(handle))),
        processes=processes if loads is None else _with_loads(processes or (), loads),
        not_given=answers.not_given,
    )


def _throttles(handle: Any) -> tuple[Throttle, ...]:
    try:
        bits = int(pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle))
    except pynvml.NVMLError as problem:
        if code_of(problem) != pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
            raise
        bits = int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))  # its name before driver 535
    return tuple(throttle for bit, throttle in THROTTLES.items() if bits & bit)


def _processes(handle: Any) -> tuple[GpuProcess, ...]:
    """A process that both computes and draws is listed by NVML twice, and here once."""
    drawing = {process.pid: process for process in pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle)}
    computing = {process.pid: process for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    return tuple(
        GpuProcess(pid, _held(process), pid in drawing) for pid, process in sorted((computing | drawing).items())
    )


def _held(process: Any) -> int | None:
    return None if process.usedGpuMemory is None else _at_most(int(process.usedGpuMemory), MOST_MEMORY_BYTES)


def _process_loads(handle: Any, now: datetime) -> dict[int, int]:
    """By process, in percent. Who is not named did nothing. Samples carry the wall clock's microseconds."""
    since = int((now - LOADS_OF).timestamp() * 1_000_000)
    try:
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle, since)
    except pynvml.NVMLError as problem:
        if code_of(problem) not in (pynvml.NVML_SUCCESS, pynvml.NVML_ERROR_NOT_FOUND):  # both: there is no sample
            raise
        samples = []
    newest: dict[int, Any] = {}
    for sample in samples:
        if sample.timeStamp > max(since, newest[sample.pid].timeStamp if sample.pid in newest else 0):
            newest[sample.pid] = sample
    return {pid: _at_most(int(sample.smUtil), 100) for pid, sample in newest.items()}


def _with_loads(processes: tuple[GpuProcess, ...], loads: dict[int, int]) -> tuple[GpuProcess, ...]:
    return tuple(replace(process, load_percent=loads.get(process.pid, 0)) for process in processes)


def _architecture(number: int) -> str:
    return ARCHITECTURES.get(number) or tr(
        "newer than this version of Mulberry knows (NVML number {number})", number=number
    )


def _cuda_version(number: int) -> tuple[int, int]:
    return number // 1000, number % 1000 // 10


def _pair(untrusted: Any) -> tuple[int, int]:
    first, second = untrusted
    return int(first), int(second)


def _limits(untrusted: Any) -> tuple[int, int]:
    least, most = _pair(untrusted)
    if not 0 < least <= _at_most(most, MOST_MILLIWATT):
        raise ValueError(f"the driver says that its power limit can be from {least} to {most} mW")
    return least, most


def _at_most(value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise ValueError(f"the driver says {value}, and {most} is the most that can be")
    return value


def _or_none(question: Callable[[], Value]) -> Value | None:
    try:
        return question()
    except pynvml.NVMLError:
        return None


def code_of(problem: Exception) -> int:
    """NVML's number for an error; that of an unknown error for nonsense."""
    return int(getattr(problem, "value", pynvml.NVML_ERROR_UNKNOWN))
