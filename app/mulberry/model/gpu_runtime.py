"""What computes on NVIDIA GPUs, installed apart from Mulberry: onnxruntime with CUDA's libraries, in versions.

Machine code for compute capability M.n runs on every M.m with m >= n, and on no other M (CUDA C++ Programming Guide,
"Binary compatibility").
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mulberry.model.gpu import OLDEST_CAPABILITY, OLDEST_DRIVER
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.models import CopyProgress, WorkState

Capability = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GpuNeeds:
    """What a build of onnxruntime wants of driver and card. `oldest_driver` is a driver's first number."""

    cuda: str
    oldest_driver: int
    machine_code: tuple[Capability, ...]

    @property
    def cuda_in_words(self) -> str:
        """As people name it: CUDA 13."""
        return f"CUDA {self.cuda.partition('.')[0]}"

    def has_code_for(self, capability: Capability) -> bool:
        major, minor = capability
        return any(major == has_major and minor >= has_minor for has_major, has_minor in self.machine_code)


# Of the onnxruntime that Mulberry names as a dependency; a test compares it with the table of runtimes.
OF_MULBERRY = GpuNeeds("13.0", OLDEST_DRIVER, (OLDEST_CAPABILITY, (8, 0), (8, 6), (8, 9), (9, 0), (12, 0)))


@dataclass(frozen=True, slots=True)
class GpuComputing:
    """What would compute on this computer's GPUs. `is_here` says whether, and where; `needs` are its own, or those of
    the one that could be installed."""

    needs: GpuNeeds
    is_here: Finding[bool]


IT_CAME_WITH_MULBERRY = GpuComputing(OF_MULBERRY, Finding(True, tr("It came with Mulberry.")))


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file of Python's package index, by its name there, in bytes as it comes and unpacked."""

    name: str
    size_bytes: int
    unpacked_bytes: int
    sha256: str

    @property
    def project(self) -> str:
        return self.name.split("-")[0].replace("_", "-")

    @property
    def version(self) -> str:
        return self.name.split("-")[1]


@dataclass(frozen=True, slots=True)
class GpuRuntime:
    """One that can be installed on this system, for this Python. `version` names its folder, and nothing else has it.
    `name` is what owners call it: `cuda13`."""

    name: str
    version: str
    onnxruntime: str
    needs: GpuNeeds
    wheels: tuple[Wheel, ...]

    @property
    def download_bytes(self) -> int:
        return sum(wheel.size_bytes for wheel in self.wheels)

    @property
    def unpacked_bytes(self) -> int:
        return sum(wheel.unpacked_bytes for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an installation would bring and take. `because` is why this one, in a sentence; `left_bytes` of the download
    are not here yet; the most that lies on the disk meanwhile is `room_bytes`. `is_here`: there is nothing to install.
    """

    runtime: GpuRuntime
    because: str
    left_bytes: int
    room_bytes: int
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class InstalledRuntime:
    """One that lies on the disk. `problem` is a sentence, "" when it may be used."""

    version: str
    onnxruntime: str
    cuda: str
    size_bytes: int
    installed_at: datetime | None
    problem: str = ""

    @property
    def cuda_major(self) -> str:
        return self.cuda.partition(".")[0]


class SetupVerb(StrEnum):
    """What an owner can do with GPU runtimes."""

    INSTALL = "install"
    ROLL_BACK = "roll-back"  # to the one before
    CANCEL = "cancel"  # what has come is kept


@dataclass(frozen=True, slots=True)
class SetupOrder:
    """`POST /v1/gpu-setup`. `folder` has the wheels already (a whole path; "": they are downloaded); `even_if_metered`:
    the owner knows that the connection costs by the byte."""

    verb: SetupVerb
    folder: str = ""
    even_if_metered: bool = False


@dataclass(frozen=True, slots=True)
class SetupWork:
    """The installation that is under way, or how the last one ended. `problem` is for REFUSED: what happened, why, and
    what to do next."""

    version: str
    state: WorkState
    progress: CopyProgress | None = None
    problem: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class GpuSetupStatus:
    """`GET /v1/gpu-setup`. `current` and `previous` are versions; "" is what came with Mulberry. Without an `offer`,
    `no_offer` says why; `trouble` is what is the matter with the current one. `free_bytes` of the disk below `place`.
    `cuda_is_here`: what came with Mulberry finds CUDA without any of this.
    """

    place: Path
    current: str
    previous: str
    installed: tuple[InstalledRuntime, ...]
    offer: Offer | None
    no_offer: str
    trouble: str
    free_bytes: int
    metered: Finding[bool]
    work: SetupWork | None = None
    cuda_is_here: bool = False
