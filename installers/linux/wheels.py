"""The lock's wheels for a Linux Python, unpacked by pip and pruned: for packages that bring all of them along."""

import subprocess
import sys
from pathlib import Path

from installers.base_requirements import Target, write_base_requirements
from installers.project import ROOT
from installers.prune import prune

PIP_LOCK = ROOT / "installers" / "requirements-pip.lock"  # what `mulberry gpu-setup` asks, where Python brings none
# What wheels may have been built for, in pip's words: it knows no "this and older" for another Python than its own.
PLATFORMS = tuple(
    f"manylinux{name}_x86_64" for name in ("_2_34", "_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "_2_5", "1")
)


def put_packages(packages: Path, work: Path, python_version: str | None) -> None:
    """Adds what the base package carries to `packages`, for `python_version` (three numbers).

    Where that is None, for the Python that runs this.
    """
    wanted, new = work / "requirements.txt", work / "new"
    version = python_version or ".".join(map(str, sys.version_info[:3]))
    write_base_requirements(wanted, Target("linux", "posix", "x86_64", version))
    unpack(wanted, new, python_version)
    prune(new)
    for path in new.iterdir():
        path.rename(packages / path.name)
    new.rmdir()


def unpack(requirements: Path, target: Path, python_version: str | None) -> None:
    """The wheels of a hash-locked list, into `target`; for which Python: as for `put_packages`."""
    another: list[str] = []
    if python_version:
        minor = python_version.rpartition(".")[0]
        another = ["--implementation", "cp", "--python-version", minor, "--ignore-requires-python"]
        another += [word for platform in PLATFORMS for word in ("--platform", platform)]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", *another),
            *("--target", target, "-r", requirements),
        ],
        check=True,
    )
