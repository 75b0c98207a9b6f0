"""What the base packages carry: requirements.lock with onnxruntime for the CPU in place of the one for GPUs.

The GPU build is ten times as large and needs NVIDIA's CUDA libraries besides; `mulberry gpu-setup` brings both to
those who have a GPU. Both builds are in the lock with their hashes, so there is no second lock to keep true. Markers
are decided here, for the computer that the package is *for*: pip decides them for the one it runs on, which is wrong
for a Windows installer built on Linux.

python -m installers.base_requirements debian-12     prints the list for pip --require-hashes --no-deps -r
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from installers.project import ROOT

# typer draws help and errors with rich where it finds it, unless it is told not to, as ours is (cli/main.py). So it and
# what it brings are never imported: a quarter of all Python code, to download and to compile at each install.
NEVER_IMPORTED = ("rich", "pygments", "markdown-it-py", "mdurl")
GPU_BUILD = "onnxruntime-gpu"
CPU_BUILD = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Target:
    """The computer a package is for, in the words of Python's environment markers."""

    sys_platform: str
    os_name: str
    platform_machine: str
    python_full_version: str

    def markers(self) -> dict[str, str]:
        return {
            "sys_platform": self.sys_platform,
            "os_name": self.os_name,
            "platform_machine": self.platform_machine,
            "python_full_version": self.python_full_version,
            "python_version": self.python_full_version.rpartition(".")[0],
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
        }


TARGETS = {
    "debian-12": Target("linux", "posix", "x86_64", "3.11.2"),
    "linux-3.12": Target("linux", "posix", "x86_64", "3.12.0"),
    "windows-3.12": Target("win32", "nt", "AMD64", "3.12.0"),
}


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of the lock: its name as PyPI normalises it, its version, the SHA-256 of each file that may be it."""

    name: str
    version: str
    hashes: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}" + "".join(f" \\\n    --hash=sha256:{h}" for h in sorted(self.hashes))


def blocks(lock: Path) -> list[str]:
    """One text a package: its requirement, and its hashes on the lines below."""
    return re.split(r"\n(?=\S)", lock.read_text().strip())


def read_names(lock: Path) -> frozenset[tuple[str, str]]:
    """Name and version of everything in `lock`, for whichever computer."""
    lines = (block.partition(" ")[0].partition("==") for block in blocks(lock))
    return frozenset((canonicalize_name(name), version) for name, _, version in lines)


def read_lock(lock: Path, target: Target) -> list[Locked]:
    """The packages of `lock` that `target` needs, by name."""
    needed = []
    for block in blocks(lock):
        requirement = Requirement(block.partition("--hash")[0].rstrip("\\ \n"))
        if requirement.marker is None or requirement.marker.evaluate(dict(target.markers())):
            (version,) = requirement.specifier
            hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
            needed.append(Locked(canonicalize_name(requirement.name), version.version, hashes))
    return sorted(needed, key=lambda locked: locked.name)


def base_requirements(target: Target, lock: Path = ROOT / "requirements.lock") -> list[Locked]:
    """What the base package for `target` carries, by name."""
    anywhere = Target(
        "any", "posix", "any", target.python_full_version
    )  # here onnxruntime's marker says: the CPU build
    (cpu_build,) = (locked for locked in read_lock(lock, anywhere) if locked.name == CPU_BUILD)
    replaced = (GPU_BUILD, CPU_BUILD, *NEVER_IMPORTED)
    others = [locked for locked in read_lock(lock, target) if locked.name not in replaced]
    return sorted([*others, cpu_build], key=lambda locked: locked.name)


def write_base_requirements(path: Path, target: Target) -> None:
    """Writes a file for `pip install --require-hashes --no-deps -r`. It names no host and has no markers."""
    path.write_text("".join(f"{locked}\n" for locked in base_requirements(target)))


if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in TARGETS:
        raise SystemExit(f"say for what: {', '.join(TARGETS)}")
    sys.stdout.write("".join(f"{locked}\n" for locked in base_requirements(TARGETS[sys.argv[1]])))
