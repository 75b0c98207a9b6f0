"""What is known of this computer's GPUs at one moment: by the NVIDIA driver, and by the PCI bus where it is silent."""

import sys
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mulberry.model.language import tr


class DriverState(Enum):
    """How the NVIDIA driver answers. Every state but WORKS leaves the computer without a usable GPU."""

    WORKS = "works"
    NOT_INSTALLED = "not installed"
    NOT_RUNNING = "not running"
    UPDATED = "updated"  # library and kernel module differ: an update is under way, or waits for a restart
    NOT_PERMITTED = "not permitted"
    NOT_ANSWERING = "not answering"
    NO_GPU = "no GPU"
    FAILING = "failing"


class GpuCondition(Enum):
    """Whether one GPU can be relied on. Only WORKS and NOT_PERMITTED come with fresh numbers."""

    WORKS = "works"
    SENSOR_STUCK = "sensor stuck"
    NOT_PERMITTED = "not permitted"
    LOST = "lost"
    RESET_NEEDED = "reset needed"
    UNPLUGGED = "unplugged"
    FAILING = "failing"

    @property
    def problem(self) -> str | None:
        """A sentence for people; None of a GPU that works."""
        return _WORDS[self][0] if self in _WORDS else None

    @property
    def next_step(self) -> str:
        """What its owner can do, a sentence; "" of a GPU that works."""
        return _WORDS[self][1] if self in _WORDS else ""

    @property
    def told(self) -> str:
        """Both; "" of a GPU that works."""
        return " ".join(_WORDS.get(self, ()))


_RESTART = tr("Restart the computer.")
_WORDS = {
    GpuCondition.SENSOR_STUCK: (
        tr("A sensor of this GPU has stopped changing: its numbers cannot be trusted."),
        tr("Restart the computer; if it happens again, ask the GPU's seller."),
    ),
    GpuCondition.NOT_PERMITTED: (
        tr("This user may not talk to this GPU."),
        tr("See who may open its devices, and put yourself in that group."),
    ),
    GpuCondition.LOST: (
        tr("This GPU has stopped answering."),
        tr("Restart the computer; if it happens again, look at power cables and heat."),
    ),
    GpuCondition.RESET_NEEDED: (tr("This GPU must be reset."), _RESTART),
    GpuCondition.UNPLUGGED: (tr("This GPU is no longer connected."), tr("Connect it again.")),
    GpuCondition.FAILING: (tr("The NVIDIA driver gives errors for this GPU."), _RESTART),
}


class NotGiven(Enum):
    """Why a value is None."""

    NOT_SUPPORTED = "not supported by this card or driver"
    NOT_PERMITTED = "not permitted to this user"
    FAILED = "the driver gave an error"


class Throttle(Enum):
    """Why a GPU runs slower than it could, in words. IDLE is no fault."""

    IDLE = "idle"
    APPLICATION_CLOCKS = "clocks set by the user"
    POWER_LIMIT = "power limit reached"
    HARDWARE_SLOWDOWN = "slowed down by its hardware: heat or power"
    SYNC_BOOST = "in step with another GPU"
    HOT = "too hot, slowed down by the driver"
    VERY_HOT = "too hot, slowed down by its hardware"
    POWER_BRAKE = "slowed down by the power supply"
    DISPLAY_CLOCKS = "clocks set for the display"
    BOARD_LIMIT = "a limit of the board reached"
    RELIABILITY = "voltage held down for reliability"


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that uses a GPU; `memory_bytes` is None where the driver does not tell, as always on Windows.

    `load_percent`: the share of the last seconds in which it computed or drew. None: the driver tells it of none.
    """

    pid: int
    memory_bytes: int | None
    draws: bool  # graphics, not only computing
    load_percent: int | None = None


@dataclass(frozen=True, slots=True)
class GpuInfo:
    """One GPU. `None` means that no value is known, never that it is zero; `why_unknown` says why."""

    uuid: str
    pci_address: str  # as the driver writes it: 00000000:01:00.0
    name: str
    driver_version: str
    memory_total_bytes: int
    memory_used_bytes: int | None
    load_percent: int | None
    power_milliwatt: int | None
    power_limit_milliwatt: int | None
    temperature_celsius: int | None
    condition: GpuCondition = GpuCondition.WORKS
    pci_device_id: int | None = None  # 0x2684 of 10de:2684
    architecture: str | None = None
    compute_capability: tuple[int, int] | None = None
    cuda_version: tuple[int, int] | None = None  # the newest that the driver can run
    vbios_version: str | None = None
    power_limit_default_milliwatt: int | None = None
    power_limit_range_milliwatt: tuple[int, int] | None = None
    slowdown_celsius: int | None = None
    shutdown_celsius: int | None = None
    graphics_mhz: int | None = None
    graphics_most_mhz: int | None = None
    memory_mhz: int | None = None
    throttles: tuple[Throttle, ...] | None = None
    ecc: bool | None = None
    mig: bool | None = None
    display: bool | None = None  # a screen is attached
    processes: tuple[GpuProcess, ...] | None = None
    stuck: tuple[str, ...] = ()  # names of fields whose sensor has stopped changing
    not_given: tuple[tuple[str, NotGiven], ...] = ()

    def why_unknown(self, field: str) -> NotGiven | None:
        """Why `field` is None; None when it is known."""
        return dict(self.not_given).get(field)


@dataclass(frozen=True, slots=True)
class PciGpu:
    """A graphics or compute card on the PCI bus, whether or not a driver knows it."""

    address: str  # as Linux writes it: 0000:01:00.0
    vendor_id: int
    device_id: int
    kernel_driver: str | None  # nvidia, nouveau, vfio-pci, amdgpu …; None: no driver has taken it
    boot_display: bool | None
    asleep: bool | None

    @property
    def is_nvidia(self) -> bool:
        return self.vendor_id == NVIDIA_VENDOR

    @property
    def is_passed_through(self) -> bool:
        """Kept for a virtual machine: the driver of this system cannot see it."""
        return self.kernel_driver == "vfio-pci"


NVIDIA_VENDOR = 0x10DE
AMD_VENDOR = 0x1002

OLDEST_DRIVER = 580  # of CUDA 13, for which our onnxruntime is built
OLDEST_CAPABILITY = (7, 5)  # CUDA 13 begins with Turing
OLDEST_DRIVER_OF_ALL = 525  # of CUDA 12, the last for cards before Turing, which `mulberry gpu-setup` can install
OLDEST_CAPABILITY_OF_ALL = (5, 2) if sys.platform == "win32" else (6, 0)  # of the last onnxruntime for CUDA 12


def same_address(one: str, other: str) -> bool:
    """Whether NVML's 00000000:01:00.0 and Linux's 0000:01:00.0 are one place."""
    return _parts(one) == _parts(other)


def _parts(address: str) -> tuple[int, ...] | str:
    try:
        return tuple(int(part, 16) for part in address.replace(".", ":").split(":"))
    except ValueError:
        return address


@dataclass(frozen=True, slots=True)
class UnreadGpu:
    """A GPU that the driver counts and that never told who it is."""

    pci_address: str | None
    condition: GpuCondition


@dataclass(frozen=True, slots=True)
class GpuReport:
    """All GPUs of this computer, or why there is none. `as_of` is when the driver was asked."""

    gpus: tuple[GpuInfo, ...]
    absent_because: str | None
    as_of: datetime
    driver: DriverState = DriverState.WORKS
    on_pci: tuple[PciGpu, ...] | None = None  # None: the bus could not be read
    waiting_until: datetime | None = None  # until then a missing driver or GPU may still come by itself
    unread: tuple[UnreadGpu, ...] = ()


class ConfidentialMode(Enum):
    """How the driver runs its GPUs. DEV_TOOLS encrypts but lets a debugger in: it protects nothing."""

    OFF = "off"
    ON = "on"
    DEV_TOOLS = "dev tools"
