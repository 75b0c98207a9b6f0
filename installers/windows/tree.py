"""The folder that the Windows installer unpacks: Python, the lock's packages for Windows, Mulberry, and their licences.

    program/python/     CPython's embeddable package; its ._pth file alone says where it looks for modules
    program/packages/   the wheels, pruned
    program/pip/        pip, for gpu-setup
    program/app/        Mulberry, with its resources inside
    program/licences/   of all of it
    program/mulberry.cmd, mulberry.ico, version.txt

Built on any system: wheels for Windows are only unpacked here, never run. What cannot be tried out is read instead
(`dll_imports`): no library of the tree may want one that is neither there nor part of Windows.
"""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from installers.base_requirements import Target, write_base_requirements
from installers.licences import collect
from installers.pinned import PinnedFile, read_pins
from installers.project import ROOT
from installers.prune import prune
from installers.stage import copy_app
from installers.windows.dll_imports import missing_libraries
from installers.windows.pictures import write_icon

INPUTS = Path(__file__).with_name("inputs.toml")
PIP_LOCK = ROOT / "installers" / "requirements-pip.lock"

COMMAND = '@"%~dp0python\\python.exe" -P -m mulberry %*\r\n'
# Of what the embeddable package brings, the libraries that others want; so that a tree without it can be judged too.
OF_PYTHON = ("python3.dll", "vcruntime140.dll", "vcruntime140_1.dll", "libffi-8.dll", "libcrypto-3.dll", "libssl-3.dll")
# Microsoft's C++ library, which CPython's package lacks and onnxruntime wants. PySide6 brings it; all find it beside
# python.exe.
CPLUSPLUS = ("msvcp140.dll", "msvcp140_1.dll", "msvcp140_2.dll")
# Parts of Microsoft's C++ library for graphics cards and for COM, which shiboken6 brings and does not use.
NEVER_RUN_ON_WINDOWS = ("shiboken6/vcamp140.dll", "shiboken6/vccorlib140.dll", "shiboken6/concrt140.dll")


def pinned_python() -> PinnedFile:
    """CPython's embeddable package for 64-bit Windows."""
    return read_pins(INPUTS)["python"]


def target_of(python: PinnedFile) -> Target:
    return Target("win32", "nt", "AMD64", python.version)


def library_of(python: PinnedFile) -> str:
    """`python314`: what its DLL, its zip and its ._pth file are called after."""
    return "python" + "".join(python.version.split(".")[:2])


def put_python(python: PinnedFile, archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    name = library_of(python)
    lines = (f"{name}.zip", ".", r"..\packages", r"..\pip", r"..\app")
    (folder / f"{name}._pth").write_bytes("".join(f"{line}\r\n" for line in lines).encode())


def put_packages(python: PinnedFile, folder: Path, work: Path) -> None:
    """The lock's wheels for Windows, unpacked and pruned."""
    wanted = work / "requirements.txt"
    write_base_requirements(wanted, target_of(python))
    unpack(python, wanted, folder)
    for pattern in NEVER_RUN_ON_WINDOWS:
        for path in folder.glob(pattern):
            path.unlink()
    prune(folder)


def put_pip(python: PinnedFile, folder: Path) -> None:
    """What `mulberry gpu-setup` asks where a GPU's libraries can be had; the embeddable package has none."""
    unpack(python, PIP_LOCK, folder)
    for launcher in folder.glob("pip/_vendor/distlib/*.exe"):  # 32-bit and ARM ones too; it makes no launchers here
        launcher.unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)


def unpack(python: PinnedFile, requirements: Path, folder: Path) -> None:
    """pip does it, with wheels for Windows from the builder's own index."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp"),
            *("--platform", "win_amd64", "--python-version", ".".join(python.version.split(".")[:2])),
            "--ignore-requires-python",  # pip asks that of the Python it runs on
            *("--target", folder, "-r", requirements),
        ],
        check=True,
    )


def put_cplusplus(packages: Path, python: Path) -> None:
    python.mkdir(exist_ok=True)
    for name in CPLUSPLUS:
        shutil.copyfile(packages / "PySide6" / name, python / name)


def refuse_missing_libraries(program: Path, python: PinnedFile) -> None:
    given = frozenset((f"{library_of(python)}.dll", *OF_PYTHON))
    if missing := missing_libraries(program, given=given):
        lines = [f"{name}, which {', '.join(wanted_by)} want" for name, wanted_by in missing.items()]
        raise SystemExit("Mulberry would not start on Windows. These libraries are missing:\n" + "\n".join(lines))


def build_program(program: Path, python: PinnedFile, archive: Path | None, work: Path) -> None:
    """Fills `program`, a new folder. Without `archive` it has no Python, and can be installed but not started."""
    program.mkdir(parents=True)
    packages = program / "packages"
    if archive is not None:
        put_python(python, archive, program / "python")
    put_packages(python, packages, work)
    put_pip(python, program / "pip")
    put_cplusplus(packages, program / "python")
    copy_app(program / "app" / "mulberry", installed_by="windows")
    collect(packages, program / "licences")
    (pips,) = (program / "pip").glob("pip-*.dist-info")
    shutil.copytree(pips / "licenses", program / "licences" / "pip")
    if archive is not None:
        shutil.copyfile(program / "python" / "LICENSE.txt", program / "licences" / "python.txt")
    write_icon(ROOT / "resources" / "icons" / "mulberry.svg", program / "mulberry.ico")
    (program / "mulberry.cmd").write_bytes(COMMAND.encode())
    refuse_missing_libraries(program, python)
