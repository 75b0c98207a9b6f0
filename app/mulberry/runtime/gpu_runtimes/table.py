"""`resources/gpu-runtimes.json`: every file of every runtime, as `tools/gpu_runtimes.py` found it in the package index.

It comes with Mulberry, so its hashes decide what is installed, wherever the files come from.
"""

import hashlib
import platform
import sys
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mulberry.model.files import read_bounded
from mulberry.model.gpu_runtime import GpuNeeds, GpuRuntime, Wheel
from mulberry.model.places import resource
from mulberry.runtime.manifest import FileName

TABLE = "gpu-runtimes.json"
TABLE_LIMIT_BYTES = 256 << 10
DIGEST_CHARACTERS = 8
ANY_PYTHON = "py3"
SYSTEMS = {("linux", "x86_64"): "linux", ("win32", "AMD64"): "windows"}

Words = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.]{0,19}$")]
Size = Annotated[int, Field(gt=0, le=1 << 34)]


class TableWheel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: FileName
    system: Literal["linux", "windows"]
    python: Words
    size: Size
    unpacked: Size
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class TableRuntime(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Words
    onnxruntime: Words
    cuda: Words
    oldest_driver: int = Field(ge=1)
    machine_code: dict[Literal["linux", "windows"], tuple[tuple[int, int], ...]]
    wheels: tuple[TableWheel, ...]

    def of(self, system: str, python: str) -> GpuRuntime | None:
        """For one system and Python; None where it has no onnxruntime."""
        fitting = [wheel for wheel in self.wheels if wheel.system == system and wheel.python in (python, ANY_PYTHON)]
        if not any(wheel.python == python for wheel in fitting):
            return None
        wheels = tuple(Wheel(wheel.name, wheel.size, wheel.unpacked, wheel.sha256) for wheel in fitting)
        digest = hashlib.sha256("".join(sorted(wheel.sha256 for wheel in wheels)).encode()).hexdigest()
        code = next(code for of_system, code in self.machine_code.items() if of_system == system)
        return GpuRuntime(
            name=self.name,
            version=f"{self.onnxruntime}-{self.name}-{python}-{digest[:DIGEST_CHARACTERS]}",
            onnxruntime=self.onnxruntime,
            needs=GpuNeeds(self.cuda, self.oldest_driver, code),
            wheels=wheels,
        )


class Table(BaseModel):
    """The newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1]
    runtimes: tuple[TableRuntime, ...]


def this_python() -> str:
    """As wheels name it: cp311."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


def this_system() -> str:
    """As the table names it; "": it has nothing for such a computer."""
    return SYSTEMS.get((sys.platform, platform.machine()), "")


def runtimes_for(system: str, python: str, untrusted_table: bytes | None = None) -> tuple[GpuRuntime, ...]:
    """Those that could be installed, the newest first. Raises `ValueError`: the table is none."""
    content = read_bounded(resource(TABLE), TABLE_LIMIT_BYTES) if untrusted_table is None else untrusted_table
    table = Table.model_validate_json(content or b"")
    found = (runtime.of(system, python) for runtime in table.runtimes)
    return tuple(runtime for runtime in found if runtime is not None)


def runtimes_here() -> tuple[GpuRuntime, ...]:
    """For this computer and Python."""
    return runtimes_for(this_system(), this_python())
