"""The folder that the Windows installer unpacks: Python, the lock's packages for Windows, Mulberry, and their licences.

    program/python/     CPython's embeddable package; its ._pth file alone says where it looks for modules
    program/packages/   the wheels, pruned
    program/app/        Mulberry, with its resources inside
    program/licences/   of all of it
    program/mulberry.cmd, mulberry.ico, version.txt

Built on any system: wheels for Windows are only unpacked here, never run. What cannot be tried out is read instead
(`dll_imports`): no library of the tree may want one that is neither there nor part of Windows.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from installers.base_requirements import Target, write_base_requirements
from installers.licences import collect
from installers.project import ROOT
from installers.prune import prune
from installers.stage import copy_app
from installers.windows.dll_imports import missing_libraries
from installers.windows.pictures import write_icon

INPUTS = Path(__file__).with_name("inputs.toml")

COMMAND = '@"%~dp0python\\python.exe" -P -m mulberry %*\r\n'
# Of what the embeddable package brings, the libraries that others want; so that a tree without it can be judged too.
OF_PYTHON = ("python3.dll", "vcruntime140.dll", "vcruntime140_1.dll", "libffi-8.dll", "libcrypto-3.dll", "libssl-3.dll")
# Microsoft's C++ library, which CPython's package lacks and onnxruntime wants. PySide6 brings it; all find it beside
# python.exe.
CPLUSPLUS = ("msvcp140.dll", "msvcp140_1.dll", "msvcp140_2.dll")
# Parts of Microsoft's C++ library for graphics cards and for COM, which shiboken6 brings and does not use.
NEVER_RUN_ON_WINDOWS = ("shiboken6/vcamp140.dll", "shiboken6/vccorlib140.dll", "shiboken6/concrt140.dll")


@dataclass(frozen=True, slots=True)
class PythonPackage:
    """CPython's embeddable package for 64-bit Windows, as `inputs.toml` pins it."""

    version: str
    url: str
    sha256: str
    bytes: int

    @property
    def target(self) -> Target:
        return Target("win32", "nt", "AMD64", self.version)

    @property
    def library(self) -> str:
        """`python314`: what its DLL, its zip and its ._pth file are called after."""
        return "python" + "".join(self.version.split(".")[:2])


def pinned_python(path: Path = INPUTS) -> PythonPackage:
    return PythonPackage(**tomllib.loads(path.read_text())["python"])


def fetch_python(package: PythonPackage, archive: Path) -> Path:
    """`archive`, fetched unless it is there. SystemExit: it cannot be had, or is not the file that was pinned."""
    if not archive.is_file():
        archive.parent.mkdir(parents=True, exist_ok=True)
        try:
            with urllib.request.urlopen(package.url, timeout=60) as answer:  # noqa: S310 - the pinned address, https
                untrusted = answer.read(package.bytes + 1)
        except OSError as error:
            raise SystemExit(
                f"Windows' Python cannot be fetched from {package.url}: {error}.\n"
                "Fetch it elsewhere and name it with --python-archive, or make an installer that can only be tried "
                "out, with --without-python."
            ) from None
        refuse_other_content(package, untrusted)
        archive.write_bytes(untrusted)
    refuse_other_content(package, archive.read_bytes())
    return archive


def refuse_other_content(package: PythonPackage, untrusted: bytes) -> None:
    found = hashlib.sha256(untrusted).hexdigest()
    if found != package.sha256:
        raise SystemExit(
            f"This is not CPython {package.version} as it was pinned: SHA-256 {found}, not {package.sha256}."
        )


def put_python(package: PythonPackage, archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    lines = (f"{package.library}.zip", ".", r"..\packages", r"..\app")
    (folder / f"{package.library}._pth").write_bytes("".join(f"{line}\r\n" for line in lines).encode())


def put_packages(package: PythonPackage, folder: Path, work: Path) -> None:
    """The lock's wheels for Windows, unpacked by pip and pruned. pip takes them from the builder's own index."""
    wanted = work / "requirements.txt"
    write_base_requirements(wanted, package.target)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp"),
            *("--platform", "win_amd64", "--python-version", ".".join(package.version.split(".")[:2])),
            "--ignore-requires-python",  # pip asks that of the Python it runs on
            *("--target", folder, "-r", wanted),
        ],
        check=True,
    )
    for pattern in NEVER_RUN_ON_WINDOWS:
        for path in folder.glob(pattern):
            path.unlink()
    prune(folder)


def put_cplusplus(packages: Path, python: Path) -> None:
    python.mkdir(exist_ok=True)
    for name in CPLUSPLUS:
        shutil.copyfile(packages / "PySide6" / name, python / name)


def refuse_missing_libraries(program: Path, package: PythonPackage) -> None:
    given = frozenset((f"{package.library}.dll", *OF_PYTHON))
    if missing := missing_libraries(program, given=given):
        lines = [f"{name}, which {', '.join(wanted_by)} want" for name, wanted_by in missing.items()]
        raise SystemExit("Mulberry would not start on Windows. These libraries are missing:\n" + "\n".join(lines))


def build_program(program: Path, package: PythonPackage, archive: Path | None, work: Path) -> None:
    """Fills `program`, a new folder. Without `archive` it has no Python, and can be installed but not started."""
    program.mkdir(parents=True)
    python, packages = program / "python", program / "packages"
    if archive is not None:
        put_python(package, archive, python)
    put_packages(package, packages, work)
    put_cplusplus(packages, python)
    copy_app(program / "app" / "mulberry", installed_by="windows")
    collect(packages, program / "licences")
    if archive is not None:
        shutil.copyfile(python / "LICENSE.txt", program / "licences" / "python.txt")
    write_icon(ROOT / "resources" / "icons" / "mulberry.svg", program / "mulberry.ico")
    (program / "mulberry.cmd").write_bytes(COMMAND.encode())
    refuse_missing_libraries(program, package)
