"""What the Hardware page says of GPUs and of the computer around them. Pure functions, each read and tested.

A value that is not known is never a zero: its place says "unknown", and the line behind it why.
"""

from collections.abc import Callable

from mulberry.desktop.hardware_history import Quantity
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.wording import GIBIBYTE, clock_time, count
from mulberry.model.gpu import (
    DriverState,
    GpuCondition,
    GpuInfo,
    GpuProcess,
    GpuReport,
    NotGiven,
    PciGpu,
    Throttle,
    UnreadGpu,
    same_address,
)
from mulberry.model.text import plain

LONGEST_NAME = 64  # characters
PROCESSES_SHOWN = 8
UNKNOWN = "unknown"
NAMES = {
    Quantity.LOAD: "Load",
    Quantity.MEMORY: "Memory",
    Quantity.POWER: "Power",
    Quantity.TEMPERATURE: "Temperature",
}
HOTTEST_CELSIUS = 100
NOT_HEARD_YET = "The agent has not answered yet; what this computer has is not known."
THE_DRIVER = "The NVIDIA driver's word, read with the other values of this page."
NOT_IN_USE = "GPUs that cannot be used as they are"
MAKERS = {0x10DE: "NVIDIA", 0x1002: "AMD", 0x8086: "Intel"}
DRIVER_TITLES = {
    DriverState.NOT_INSTALLED: "No NVIDIA driver",
    DriverState.NOT_RUNNING: "The NVIDIA driver is not running",
    DriverState.UPDATED: "The NVIDIA driver was updated",
    DriverState.NOT_PERMITTED: "The NVIDIA driver may not be asked",
    DriverState.NOT_ANSWERING: "The NVIDIA driver does not answer",
    DriverState.NO_GPU: "No NVIDIA GPU",
    DriverState.FAILING: "The NVIDIA driver gives errors",
    DriverState.WORKS: "No GPU could be read",
}
SENSORS = {"power_milliwatt": "power", "temperature_celsius": "temperature"}


def name(gpu: GpuInfo) -> str:
    return plain(gpu.name, LONGEST_NAME)


def head_line(report: GpuReport, *, is_stale: bool) -> str:
    """Beside the page's title: how many GPUs, their driver, and as of when."""
    if report.gpus:
        parts = [count(len(report.gpus), "NVIDIA GPU"), f"driver {plain(report.gpus[0].driver_version, 24)}"]
        in_trouble = sum(gpu.condition is not GpuCondition.WORKS for gpu in report.gpus) + len(report.unread)
        if in_trouble:
            parts.append(f"{in_trouble} in trouble")
    else:
        parts = [no_gpu_title(report)]
    if is_stale:
        parts.append(f"as of {clock_time(report.as_of)}")
    return " · ".join(parts)


def no_gpu_title(report: GpuReport) -> str:
    """Of a report without a GPU that works."""
    if report.driver is DriverState.NO_GPU and any(gpu.is_nvidia for gpu in report.on_pci or ()):
        return "No NVIDIA GPU that this system can use"
    return DRIVER_TITLES[report.driver]


# The quantities over time


def value_words(gpu: GpuInfo, quantity: Quantity, value: float | None) -> str:
    """One value with its unit."""
    if value is None:
        return UNKNOWN
    if quantity is Quantity.MEMORY:
        return f"{value / GIBIBYTE:.1f} of {gpu.memory_total_bytes / GIBIBYTE:.0f} GB"
    if quantity is Quantity.POWER:
        limit = gpu.power_limit_milliwatt
        return f"{value / 1000:.0f} of {limit / 1000:.0f} W" if limit else f"{value / 1000:.0f} W"
    return f"{value:.0f} %" if quantity is Quantity.LOAD else f"{value:.0f} °C"


def why_nothing(gpu: GpuInfo, quantity: Quantity) -> str:
    """Where a graph has no line."""
    why = gpu.why_unknown(quantity.value)
    return "Nothing was read in this time." if why is None else f"Unknown, because it is {_because(why)}."


def highest(gpu: GpuInfo, quantity: Quantity, seen: float) -> float:
    """What the upper edge of the graph stands for, in the quantity's unit."""
    if quantity is Quantity.LOAD:
        return 100.0
    if quantity is Quantity.MEMORY:
        return float(max(gpu.memory_total_bytes, 1))
    if quantity is Quantity.TEMPERATURE:
        return float(max(HOTTEST_CELSIUS, gpu.slowdown_celsius or 0, seen))
    return float(max(gpu.power_limit_milliwatt or 0, seen, 1.0))


def scale_words(quantity: Quantity, most: float) -> str:
    """The same in words."""
    if quantity is Quantity.MEMORY:
        return f"{most / GIBIBYTE:.0f} GB"
    if quantity is Quantity.POWER:
        return f"{most / 1000:.0f} W"
    return f"{most:.0f} %" if quantity is Quantity.LOAD else f"{most:.0f} °C"


def numbers_line(gpu: GpuInfo) -> str:
    """All of it now, on one line: what a card says that is not opened."""
    values = ((quantity, getattr(gpu, quantity.value)) for quantity in Quantity)
    known = [value_words(gpu, quantity, value) for quantity, value in values if value is not None]
    return " · ".join(known) or "no numbers"


# One GPU


def condition_line(gpu: GpuInfo) -> tuple[str, str]:
    """Where it is, whether it can be relied on, what slows it down; and the look that this text deserves."""
    words, look = _condition(gpu)
    return f"{_short(gpu.pci_address)} · {words}", look


def _condition(gpu: GpuInfo) -> tuple[str, str]:
    if gpu.condition is not GpuCondition.WORKS:
        sensors = " and ".join(SENSORS.get(sensor, sensor) for sensor in gpu.stuck)
        which = f" It is the sensor of {sensors}." if sensors else ""
        return f"{gpu.condition.problem}{which}", "bad"
    if gpu.throttles is None:
        return "works", "source"
    slowed = [throttle.value for throttle in gpu.throttles if throttle is not Throttle.IDLE]
    if slowed:
        return f"works, slower than it could: {', '.join(slowed)}", "warn"
    return ("works, idle" if Throttle.IDLE in gpu.throttles else "works, at full speed"), "source"


def facts(gpu: GpuInfo) -> tuple[Fact, ...]:
    """Everything else that the driver tells of it."""

    def fact(title: str, field: str, words: Callable[[], str], what: str) -> Fact:
        if getattr(gpu, field) is not None:
            return Fact(title, words(), f"{what} {THE_DRIVER}")
        why = gpu.why_unknown(field) or NotGiven.NOT_SUPPORTED
        return Fact(title, UNKNOWN, f"Unknown, because it is {_because(why)}. {what}", "muted")

    return (
        Fact("Identity (UUID)", plain(gpu.uuid, 12), f"{plain(gpu.uuid, 64)}, the same in every slot. {THE_DRIVER}"),
        Fact("PCI address", _short(gpu.pci_address), f"In full {plain(gpu.pci_address, 32)}. {THE_DRIVER}"),
        fact("PCI id", "pci_device_id", lambda: f"10de:{gpu.pci_device_id:04x}", "What kind of card it is."),
        fact("Architecture", "architecture", lambda: plain(str(gpu.architecture), 32), "NVIDIA's name for its make."),
        fact("Compute capability", "compute_capability", lambda: _version(gpu.compute_capability), "What it can do."),
        Fact("Driver", plain(gpu.driver_version, 32), THE_DRIVER),
        fact("CUDA", "cuda_version", lambda: f"up to {_version(gpu.cuda_version)}", "The newest the driver can run."),
        fact("VBIOS", "vbios_version", lambda: plain(str(gpu.vbios_version), 32), "The firmware on the card."),
        fact("Power limit", "power_limit_milliwatt", lambda: _power_limit(gpu), "What it may draw now."),
        fact("Clock", "graphics_mhz", lambda: _clock(gpu), "Of its processors, now and at most."),
        fact("Memory clock", "memory_mhz", lambda: f"{gpu.memory_mhz:,} MHz", "Now."),
        fact("Slows down at", "slowdown_celsius", lambda: f"{gpu.slowdown_celsius} °C", "The card protects itself."),
        fact("Shuts down at", "shutdown_celsius", lambda: f"{gpu.shutdown_celsius} °C", "The card protects itself."),
        fact("Slowed by", "throttles", lambda: _throttles(gpu), "Why its clock is lower than it could be."),
        fact("Memory checked (ECC)", "ecc", lambda: _on_off(gpu.ecc), "Errors in its memory are found and mended."),
        fact("Divided (MIG)", "mig", lambda: _on_off(gpu.mig), "One card that works as several."),
        fact("Screen", "display", lambda: "attached" if gpu.display else "none", "A screen takes some of its memory."),
    )


def processes(gpu: GpuInfo) -> tuple[str, ...]:
    """Who uses it, the largest first, a line each."""
    if gpu.processes is None:
        why = gpu.why_unknown("processes") or NotGiven.NOT_SUPPORTED
        return (f"Unknown, because it is {_because(why)}.",)
    if not gpu.processes:
        return ("Nothing uses it.",)
    by_size = sorted(gpu.processes, key=lambda process: (-(process.memory_bytes or 0), process.pid))
    lines = [_process(process) for process in by_size[:PROCESSES_SHOWN]]
    more = len(by_size) - PROCESSES_SHOWN
    return (*lines, f"and {count(more, 'more', 'more')}") if more > 0 else tuple(lines)


def _process(process: GpuProcess) -> str:
    memory = "memory not told" if process.memory_bytes is None else f"{process.memory_bytes / GIBIBYTE:.1f} GB"
    return f"process {process.pid} · {memory} · {'draws' if process.draws else 'computes'}"


def _because(why: NotGiven) -> str:
    return "not told: the driver gave an error" if why is NotGiven.FAILED else why.value


def _version(pair: tuple[int, int] | None) -> str:
    return UNKNOWN if pair is None else f"{pair[0]}.{pair[1]}"


def _on_off(is_on: bool | None) -> str:
    return "on" if is_on else "off"


def _power_limit(gpu: GpuInfo) -> str:
    words = f"{(gpu.power_limit_milliwatt or 0) / 1000:.0f} W"
    if gpu.power_limit_default_milliwatt is not None:
        words += f", usually {gpu.power_limit_default_milliwatt / 1000:.0f}"
    if gpu.power_limit_range_milliwatt is not None:
        least, most = gpu.power_limit_range_milliwatt
        words += f", {least / 1000:.0f} to {most / 1000:.0f} possible"
    return words


def _clock(gpu: GpuInfo) -> str:
    most = "" if gpu.graphics_most_mhz is None else f" of {gpu.graphics_most_mhz:,}"
    return f"{gpu.graphics_mhz:,}{most} MHz"


def _throttles(gpu: GpuInfo) -> str:
    return ", ".join(throttle.value for throttle in gpu.throttles or ()) or "nothing"


def _short(address: str) -> str:
    return plain(address.partition(":")[2] or address, 32)


# What the driver does not know


def elsewhere(report: GpuReport) -> tuple[tuple[str, str], ...]:
    """Each GPU that the driver counts and cannot read, and each that only the bus knows: what it is, and why."""
    placed = [gpu.pci_address for gpu in report.gpus]
    placed += [unread.pci_address for unread in report.unread if unread.pci_address is not None]
    hidden = [gpu for gpu in report.on_pci or () if not any(same_address(gpu.address, address) for address in placed)]
    nameless = sum(one.pci_address is None for one in report.unread)
    if nameless == sum(gpu.kernel_driver == "nvidia" for gpu in hidden):  # then they are the same
        hidden = [gpu for gpu in hidden if gpu.kernel_driver != "nvidia"]
    return (*map(_unread, report.unread), *((_pci_name(gpu), _why_only_on_pci(gpu, report.driver)) for gpu in hidden))


def _unread(unread: UnreadGpu) -> tuple[str, str]:
    where = "at an unknown address" if unread.pci_address is None else f"at {_short(unread.pci_address)}"
    return f"NVIDIA GPU {where}", unread.condition.problem or "The driver counts it, and it tells nothing of itself."


def _pci_name(gpu: PciGpu) -> str:
    maker = MAKERS.get(gpu.vendor_id, "Unknown maker's")
    return f"{maker} GPU {gpu.vendor_id:04x}:{gpu.device_id:04x} at {_short(gpu.address)}"


def _why_only_on_pci(gpu: PciGpu, driver: DriverState) -> str:
    if not gpu.is_nvidia:
        screen = " It draws the screen." if gpu.boot_display else ""
        return f"Mulberry works on NVIDIA GPUs only.{screen}"
    if gpu.is_passed_through:
        return "Kept for a virtual machine (driver vfio-pci): this system's NVIDIA driver cannot see it."
    if gpu.kernel_driver is None:
        return "No driver has taken it."
    if gpu.kernel_driver == "nvidia":
        asleep = ", and it is asleep" if gpu.asleep else ""
        return f"NVIDIA's driver has taken it and does not tell of it now ({driver.value}){asleep}."
    return f"Another driver has taken it: {plain(gpu.kernel_driver, 32)}."
