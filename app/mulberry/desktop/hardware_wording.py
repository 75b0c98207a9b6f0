"""What the Hardware page says of GPUs and of the computer around them. Pure functions, each read and tested.

A value that is not known is never a zero: its place says "unknown", and the line behind it why.
"""

from collections.abc import Callable

from mulberry.desktop.hardware_history import Quantity
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.wording import GIBIBYTE, clock_time, watts_text
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
from mulberry.model.language import number, tr, tr_count
from mulberry.model.text import plain

LONGEST_NAME = 64  # characters
PROCESSES_SHOWN = 8
UNKNOWN = tr("unknown")
NAMES = {
    Quantity.LOAD: tr("Load"),
    Quantity.MEMORY: tr("Memory"),
    Quantity.POWER: tr("Power"),
    Quantity.TEMPERATURE: tr("Temperature"),
}
HOTTEST_CELSIUS = 100
NOT_HEARD_YET = tr("The agent has not answered yet; what this computer has is not known.")
THE_DRIVER = tr("The NVIDIA driver's word, read with the other values of this page.")
NOT_IN_USE = tr("GPUs that cannot be used as they are")
MAKERS = {0x10DE: "NVIDIA", 0x1002: "AMD", 0x8086: "Intel"}
DRIVER_TITLES = {
    DriverState.NOT_INSTALLED: tr("No NVIDIA driver"),
    DriverState.NOT_RUNNING: tr("The NVIDIA driver is not running"),
    DriverState.UPDATED: tr("The NVIDIA driver was updated"),
    DriverState.NOT_PERMITTED: tr("The NVIDIA driver may not be asked"),
    DriverState.NOT_ANSWERING: tr("The NVIDIA driver does not answer"),
    DriverState.NO_GPU: tr("No NVIDIA GPU"),
    DriverState.FAILING: tr("The NVIDIA driver gives errors"),
    DriverState.WORKS: tr("No GPU could be read"),
}
DRIVER_STATES = {
    DriverState.NOT_INSTALLED: tr("not installed"),
    DriverState.NOT_RUNNING: tr("not running"),
    DriverState.UPDATED: tr("updated"),
    DriverState.NOT_PERMITTED: tr("not permitted"),
    DriverState.NOT_ANSWERING: tr("not answering"),
    DriverState.NO_GPU: tr("no GPU"),
    DriverState.FAILING: tr("failing"),
    DriverState.WORKS: tr("works"),
}
POWER_LIMIT_IS = tr("What the driver lets it draw now. For less, choose a power cap on the Settings page.")
NOT_GIVEN = {
    NotGiven.NOT_SUPPORTED: tr("Unknown, because it is not supported by this card or driver."),
    NotGiven.NOT_PERMITTED: tr("Unknown, because it is not permitted to this user."),
    NotGiven.FAILED: tr("Unknown, because it is not told: the driver gave an error."),
}
THROTTLES = {
    Throttle.IDLE: tr("idle"),
    Throttle.APPLICATION_CLOCKS: tr("clocks set by the user"),
    Throttle.POWER_LIMIT: tr("power limit reached"),
    Throttle.HARDWARE_SLOWDOWN: tr("slowed down by its hardware: heat or power"),
    Throttle.SYNC_BOOST: tr("in step with another GPU"),
    Throttle.HOT: tr("too hot, slowed down by the driver"),
    Throttle.VERY_HOT: tr("too hot, slowed down by its hardware"),
    Throttle.POWER_BRAKE: tr("slowed down by the power supply"),
    Throttle.DISPLAY_CLOCKS: tr("clocks set for the display"),
    Throttle.BOARD_LIMIT: tr("a limit of the board reached"),
    Throttle.RELIABILITY: tr("voltage held down for reliability"),
}
SENSORS = {
    "power_milliwatt": tr("It is the sensor of power."),
    "temperature_celsius": tr("It is the sensor of temperature."),
}


def name(gpu: GpuInfo) -> str:
    return plain(gpu.name, LONGEST_NAME)


def more_button(gpu: GpuInfo, *, is_open: bool) -> str:
    """What a screen reader says of the button that opens a card or closes it."""
    if is_open:
        return tr("Show less of {name} at {address}", name=name(gpu), address=gpu.pci_address)
    return tr("Show more of {name} at {address}", name=name(gpu), address=gpu.pci_address)


def head_line(report: GpuReport, *, is_stale: bool) -> str:
    """Beside the page's title: how many GPUs, their driver, and as of when."""
    if report.gpus:
        parts = [
            tr_count("{count} NVIDIA GPU", "{count} NVIDIA GPUs", len(report.gpus)),
            tr("driver {version}", version=plain(report.gpus[0].driver_version, 24)),
        ]
        in_trouble = sum(gpu.condition is not GpuCondition.WORKS for gpu in report.gpus) + len(report.unread)
        if in_trouble:
            parts.append(tr_count("{count} in trouble", "{count} in trouble", in_trouble))
    else:
        parts = [no_gpu_title(report)]
    if is_stale:
        parts.append(tr("as of {time}", time=clock_time(report.as_of)))
    return " · ".join(parts)


def no_gpu_title(report: GpuReport) -> str:
    """Of a report without a GPU that works."""
    if report.driver is DriverState.NO_GPU and any(gpu.is_nvidia for gpu in report.on_pci or ()):
        return tr("No NVIDIA GPU that this system can use")
    return DRIVER_TITLES[report.driver]


# The quantities over time


def value_words(gpu: GpuInfo, quantity: Quantity, value: float | None) -> str:
    """One value with its unit."""
    if value is None:
        return UNKNOWN
    if quantity is Quantity.MEMORY:
        return tr(
            "{used} of {total} GB",
            used=number(f"{value / GIBIBYTE:.1f}"),
            total=number(f"{gpu.memory_total_bytes / GIBIBYTE:,.0f}"),
        )
    if quantity is Quantity.POWER:
        return watts_text(value, gpu.power_limit_milliwatt)
    return f"{value:.0f} %" if quantity is Quantity.LOAD else f"{value:.0f} °C"


def why_nothing(gpu: GpuInfo, quantity: Quantity) -> str:
    """Where a graph has no line."""
    why = gpu.why_unknown(quantity.value)
    return tr("Nothing was read in this time.") if why is None else NOT_GIVEN[why]


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
        return tr("{memory} GB", memory=number(f"{most / GIBIBYTE:,.0f}"))
    if quantity is Quantity.POWER:
        return watts_text(most, None)
    return f"{most:.0f} %" if quantity is Quantity.LOAD else f"{most:.0f} °C"


def numbers_line(gpu: GpuInfo) -> str:
    """All of it now, on one line: what a card says that is not opened."""
    values = ((quantity, getattr(gpu, quantity.value)) for quantity in Quantity)
    known = [value_words(gpu, quantity, value) for quantity, value in values if value is not None]
    return " · ".join(known) or tr("no numbers")


# One GPU


def condition_line(gpu: GpuInfo) -> tuple[str, str]:
    """Where it is, whether it can be relied on, what slows it down; and the look that this text deserves."""
    words, look = _condition(gpu)
    return f"{_short(gpu.pci_address)} · {words}", look


def _condition(gpu: GpuInfo) -> tuple[str, str]:
    if gpu.condition is not GpuCondition.WORKS:
        which = (SENSORS[sensor] for sensor in gpu.stuck if sensor in SENSORS)
        return " ".join((gpu.condition.problem or "", *which, gpu.condition.next_step)), "bad"
    if gpu.throttles is None:
        return tr("works"), "source"
    slowed = [THROTTLES[throttle] for throttle in gpu.throttles if throttle is not Throttle.IDLE]
    if slowed:
        return tr("works, slower than it could: {reasons}", reasons=", ".join(slowed)), "warn"
    return (tr("works, idle") if Throttle.IDLE in gpu.throttles else tr("works, at full speed")), "source"


def facts(gpu: GpuInfo) -> tuple[Fact, ...]:
    """Everything else that the driver tells of it."""

    def fact(title: str, field: str, words: Callable[[], str], what: str) -> Fact:
        if getattr(gpu, field) is not None:
            return Fact(title, words(), f"{what} {THE_DRIVER}")
        why = gpu.why_unknown(field) or NotGiven.NOT_SUPPORTED
        return Fact(title, UNKNOWN, f"{NOT_GIVEN[why]} {what}", "muted")

    same_in_every_slot = tr("{uuid}, the same in every slot.", uuid=plain(gpu.uuid, 64))
    in_full = tr("In full {address}.", address=plain(gpu.pci_address, 32))
    return (
        Fact(
            tr("Identity (UUID)"),
            plain(gpu.uuid, 12),
            f"{same_in_every_slot} {THE_DRIVER}",
        ),
        Fact(
            tr("PCI address"),
            _short(gpu.pci_address),
            f"{in_full} {THE_DRIVER}",
        ),
        fact(tr("PCI id"), "pci_device_id", lambda: f"10de:{gpu.pci_device_id:04x}", tr("What kind of card it is.")),
        fact(
            tr("Architecture"),
            "architecture",
            lambda: plain(str(gpu.architecture), 32),
            tr("NVIDIA's name for its make."),
        ),
        fact(
            tr("Compute capability"),
            "compute_capability",
            lambda: _version(gpu.compute_capability),
            tr("What it can do."),
        ),
        Fact(tr("Driver"), plain(gpu.driver_version, 32), THE_DRIVER),
        fact(
            "CUDA",
            "cuda_version",
            lambda: tr("up to {version}", version=_version(gpu.cuda_version)),
            tr("The newest the driver can run."),
        ),
        fact("VBIOS", "vbios_version", lambda: plain(str(gpu.vbios_version), 32), tr("The firmware on the card.")),
        fact(tr("Power limit"), "power_limit_milliwatt", lambda: _power_limit(gpu), POWER_LIMIT_IS),
        fact(tr("Clock"), "graphics_mhz", lambda: _clock(gpu), tr("Of its processors, now and at most.")),
        fact(
            tr("Memory clock"),
            "memory_mhz",
            lambda: tr("{megahertz} MHz", megahertz=number(f"{gpu.memory_mhz:,}")),
            tr("Now."),
        ),
        fact(
            tr("Slows down at"),
            "slowdown_celsius",
            lambda: f"{gpu.slowdown_celsius} °C",
            tr("The card protects itself."),
        ),
        fact(
            tr("Shuts down at"),
            "shutdown_celsius",
            lambda: f"{gpu.shutdown_celsius} °C",
            tr("The card protects itself."),
        ),
        fact(tr("Slowed by"), "throttles", lambda: _throttles(gpu), tr("Why its clock is lower than it could be.")),
        fact(
            tr("Memory checked (ECC)"),
            "ecc",
            lambda: _on_off(gpu.ecc),
            tr("Errors in its memory are found and mended."),
        ),
        fact(tr("Divided (MIG)"), "mig", lambda: _on_off(gpu.mig), tr("One card that works as several.")),
        fact(
            tr("Screen"),
            "display",
            lambda: tr("attached") if gpu.display else tr("none"),
            tr("A screen takes some of its memory."),
        ),
    )


def processes(gpu: GpuInfo) -> tuple[str, ...]:
    """Who uses it, the largest first, a line each."""
    if gpu.processes is None:
        why = gpu.why_unknown("processes") or NotGiven.NOT_SUPPORTED
        return (NOT_GIVEN[why],)
    if not gpu.processes:
        return (tr("Nothing uses it."),)
    by_size = sorted(gpu.processes, key=lambda process: (-(process.memory_bytes or 0), process.pid))
    lines = [_process(process) for process in by_size[:PROCESSES_SHOWN]]
    more = len(by_size) - PROCESSES_SHOWN
    return (*lines, tr_count("and {count} more", "and {count} more", more)) if more > 0 else tuple(lines)


def _process(process: GpuProcess) -> str:
    memory = (
        tr("memory not told")
        if process.memory_bytes is None
        else tr("{memory} GB", memory=number(f"{process.memory_bytes / GIBIBYTE:.1f}"))
    )
    use = tr("draws") if process.draws else tr("computes")
    load = () if process.load_percent is None else (f"{process.load_percent} %",)
    return " · ".join((tr("process {number}", number=process.pid), memory, use, *load))


def _version(pair: tuple[int, int] | None) -> str:
    return UNKNOWN if pair is None else f"{pair[0]}.{pair[1]}"


def _on_off(is_on: bool | None) -> str:
    return tr("on") if is_on else tr("off")


def _power_limit(gpu: GpuInfo) -> str:
    parts = [watts_text(gpu.power_limit_milliwatt or 0, None)]
    if gpu.power_limit_default_milliwatt is not None:
        parts.append(tr("usually {watts}", watts=f"{gpu.power_limit_default_milliwatt / 1000:.0f}"))
    if gpu.power_limit_range_milliwatt is not None:
        least, most = gpu.power_limit_range_milliwatt
        parts.append(tr("{least} to {most} possible", least=f"{least / 1000:.0f}", most=f"{most / 1000:.0f}"))
    return ", ".join(parts)


def _clock(gpu: GpuInfo) -> str:
    now = number(f"{gpu.graphics_mhz:,}")
    if gpu.graphics_most_mhz is None:
        return tr("{megahertz} MHz", megahertz=now)
    return tr("{megahertz} of {most} MHz", megahertz=now, most=number(f"{gpu.graphics_most_mhz:,}"))


def _throttles(gpu: GpuInfo) -> str:
    return ", ".join(THROTTLES[throttle] for throttle in gpu.throttles or ()) or tr("nothing")


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
    name = (
        tr("NVIDIA GPU at an unknown address")
        if unread.pci_address is None
        else tr("NVIDIA GPU at {address}", address=_short(unread.pci_address))
    )
    return name, unread.condition.told or tr("The driver counts it, and it tells nothing of itself.")


def _pci_name(gpu: PciGpu) -> str:
    pci_id, address = f"{gpu.vendor_id:04x}:{gpu.device_id:04x}", _short(gpu.address)
    if (maker := MAKERS.get(gpu.vendor_id)) is None:
        return tr("Unknown maker's GPU {pci_id} at {address}", pci_id=pci_id, address=address)
    return tr("{maker} GPU {pci_id} at {address}", maker=maker, pci_id=pci_id, address=address)


def _why_only_on_pci(gpu: PciGpu, driver: DriverState) -> str:
    if not gpu.is_nvidia:
        sentences = [tr("Mulberry works on NVIDIA GPUs only.")]
        if gpu.boot_display:
            sentences.append(tr("It draws the screen."))
        return " ".join(sentences)
    if gpu.is_passed_through:
        return tr("Kept for a virtual machine (driver vfio-pci): this system's NVIDIA driver cannot see it.")
    if gpu.kernel_driver is None:
        return tr("No driver has taken it.")
    if gpu.kernel_driver == "nvidia":
        state = DRIVER_STATES[driver]
        if gpu.asleep:
            return tr(
                "NVIDIA's driver has taken it and does not tell of it now ({state}), and it is asleep.", state=state
            )
        return tr("NVIDIA's driver has taken it and does not tell of it now ({state}).", state=state)
    return tr("Another driver has taken it: {driver}.", driver=plain(gpu.kernel_driver, 32))
