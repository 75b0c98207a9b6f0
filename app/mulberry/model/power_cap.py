"""The most that its owner wants a GPU to draw, beside what its driver lets it draw: is it kept, and what can be done?

Only an administrator may change the driver's limit (NVIDIA, NVML API reference, nvmlDeviceSetPowerManagementLimit), and
a restart forgets it. So a GPU that may draw more than its owner wants does no work until somebody has set its limit.
"""

import re
import sys
from dataclasses import dataclass
from enum import Enum, auto

from mulberry.model.gpu import GpuInfo
from mulberry.model.language import number, tr

LEAST_CAP, MOST_CAP = 10, 5000  # watts that an owner may choose, whatever the GPU
UUID = re.compile(r"GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PowerCap:
    """The most watts that its owner wants that GPU to draw."""

    uuid: str
    watt: int


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """In milliwatts: what the driver lets a GPU draw now, and the least and the most that it can be told to. None: it
    does not say."""

    now: int | None = None
    settable: tuple[int, int] | None = None

    @classmethod
    def of(cls, gpu: GpuInfo) -> "PowerLimit":
        return cls(gpu.power_limit_milliwatt, gpu.power_limit_range_milliwatt)


NOT_TOLD = PowerLimit()


class Keeping(Enum):
    """How a cap stands to the driver's limit."""

    KEPT = auto()
    TO_BE_SET = auto()  # the driver allows more, and can be told to allow less
    TOO_LOW = auto()  # it cannot be told to allow so little
    FIXED = auto()  # it allows more, and does not say that this can be changed
    UNKNOWN = auto()  # it does not say what it allows


def keeping(watt: int, limit: PowerLimit) -> Keeping:
    if not limit.now:
        return Keeping.UNKNOWN
    if limit.now <= watt * 1000:
        return Keeping.KEPT
    if limit.settable is None:
        return Keeping.FIXED
    return Keeping.TOO_LOW if watt * 1000 < limit.settable[0] else Keeping.TO_BE_SET


def over_the_cap(gpu: str, watt: int, limit: PowerLimit) -> str:
    """That the GPU of that name may draw more than its owner wants."""
    return tr(
        "The driver lets {gpu} draw {limit} W; you want at most {cap} W.",
        gpu=gpu,
        limit=in_watts(limit.now or 0),
        cap=number(f"{watt:,}"),
    )


def way_out(cap: PowerCap, limit: PowerLimit) -> str:
    """What its owner can do so that this GPU works again."""
    match keeping(cap.watt, limit), limit.settable:
        case Keeping.TOO_LOW, (least, _):
            return tr(
                "The driver takes no limit below {least} W: choose a higher cap on the Settings page, or keep this "
                "GPU for yourself.",
                least=in_watts(least),
            )
        case Keeping.FIXED, _:
            return tr(
                "This GPU's limit cannot be changed, so the cap cannot be kept: on the Settings page choose {limit} W "
                "or more, switch the cap off, or keep this GPU for yourself.",
                limit=in_watts(limit.now or 0),
            )
    if setting_command(cap) is None:
        return tr("An administrator can change that with nvidia-smi.")
    return tr(
        "Set it on the Hardware page, or with {command}; the driver forgets it when the computer restarts.",
        command=f"`{command_line(cap)}`",
    )


def setting_command(cap: PowerCap) -> tuple[str, ...] | None:
    """What an administrator runs to set the limit. None: no command is made of what is no GPU's UUID, since people
    would run it."""
    if not UUID.fullmatch(cap.uuid) or not LEAST_CAP <= cap.watt <= MOST_CAP:
        return None
    return ("nvidia-smi", "-i", cap.uuid, "-pl", str(int(cap.watt)))


def command_line(cap: PowerCap) -> str:
    """As it is typed, on Windows in a terminal of an administrator. "": there is none."""
    words = setting_command(cap) or ()
    return " ".join(words if sys.platform == "win32" or not words else ("sudo", *words))


def in_watts(milliwatt: int) -> str:
    return number(f"{milliwatt / 1000:,g}")
