#!/usr/bin/env python3
"""The one entry for everything a developer or packager runs: `python3 dev.py --help`.

The standard library alone: it must start on a computer that has only Python 3.11 and git. It makes `.venv`,
installs the hash-locked requirements into it and runs what was asked for. Every command it runs is printed first.
"""

import argparse
import ctypes
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
OLDEST_PYTHON = (3, 11)

# Shared libraries that Qt opens, and the Debian and Ubuntu packages that bring them.
QT_LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
}
QT_X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
QT_WAYLAND_LIBRARIES = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}


def run(*command: str | Path, check: bool = True, environment: dict[str, str] | None = None) -> int:
    """Prints the command and runs it in the project's folder. Exits with its status when `check` and it failed."""
    words = [str(word) for word in command]
    print("+", shlex.join(words), flush=True)
    process = subprocess.Popen(words, cwd=ROOT, env=os.environ | (environment or {}))
    try:
        status = process.wait()
    except KeyboardInterrupt:  # the child got the same Ctrl-C and is ending by itself
        status = process.wait()
    if check and status:
        raise SystemExit(status)
    return status


def python(*arguments: str | Path, environment: dict[str, str] | None = None) -> int:
    return run(PYTHON, *arguments, environment=environment)


# Set-up


def missing_packages(libraries: dict[str, str]) -> list[str]:
    """The Debian packages of those `libraries` that the loader does not find. Empty on other systems than Linux."""
    if not sys.platform.startswith("linux"):
        return []
    missing = []
    for library, package in libraries.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


def install_system_packages(packages: list[str], needed_for: str) -> None:
    """As root on Debian and its kin: installs them. Else: names them with the line that installs them, and exits."""
    line = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get", "update", "-q")
        run(*line, environment={"DEBIAN_FRONTEND": "noninteractive"})
        return
    names = " ".join(packages)
    raise SystemExit(
        f"{needed_for} needs system packages that are missing: {names}\n"
        f"Install them with\n\n    sudo {shlex.join(line)}\n\n"
        "(the names are Debian's and Ubuntu's; other systems call them differently), then run this command again."
    )


def make_venv() -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise SystemExit(f"Mulberry needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    if not importlib.util.find_spec("ensurepip"):  # Debian splits it off into python3-venv
        install_system_packages(["python3-venv"], needed_for="The virtual environment")
    run(sys.executable, "-m", "venv", "--clear", VENV)


def stamp(lock: Path) -> str:
    """Changes whenever the environment must be made anew: with the lock file, the interpreter, the checkout's place."""
    content = lock.read_bytes() + sys.version.encode() + str(ROOT).encode()
    return hashlib.sha256(content).hexdigest()


def set_up(*, development: bool) -> None:
    """Makes `.venv` with exactly the locked packages. Does nothing, quickly, when that has been done before."""
    lock = ROOT / ("requirements-dev.lock" if development else "requirements.lock")
    stamps = {name: VENV / f"{name}.stamp" for name in ("requirements", "requirements-dev")}
    wanted = stamp(lock)
    satisfied_by = [lock.stem] if development else ["requirements", "requirements-dev"]
    for name in satisfied_by:
        made_of = ROOT / f"{name}.lock"
        if stamps[name].is_file() and stamps[name].read_text() == (wanted if made_of == lock else stamp(made_of)):
            return
    make_venv()
    # --no-deps: the lock is complete, and leaves out on purpose what some packages ask for and we never use.
    quietly = ("--quiet", "--disable-pip-version-check")
    python("-m", "pip", "install", *quietly, "--no-deps", "--require-hashes", "-r", lock)
    link_the_source()
    stamps[lock.stem].write_text(wanted)


def link_the_source() -> None:
    """Makes `import mulberry` and the `mulberry` command work in `.venv`, straight from the checkout."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([PYTHON, "-c", ask], text=True).strip())
    # relative, for it is read as ASCII where the locale is C, and no Python would start that finds another letter in it
    (packages / "mulberry.pth").write_text(os.path.relpath(ROOT / "app", packages) + "\n")
    if WINDOWS:
        (BIN / "mulberry.cmd").write_text('@"%~dp0python.exe" -P -m mulberry %*\n')
    else:
        launcher = BIN / "mulberry"
        launcher.write_bytes(os.fsencode(f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} -P -m mulberry "$@"\n'))
        launcher.chmod(0o755)


def has_display() -> bool:
    return WINDOWS or sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def need_qt() -> None:
    libraries = dict(QT_LIBRARIES)
    if os.environ.get("DISPLAY"):
        libraries |= QT_X11_LIBRARIES
    if os.environ.get("WAYLAND_DISPLAY"):
        libraries |= QT_WAYLAND_LIBRARIES
    if missing := missing_packages(libraries):
        install_system_packages(missing, needed_for="The window")


# What can be asked for


def demo(arguments: list[str]) -> None:
    """Opens the app on the demo network; in a terminal without a display it does the same job there."""
    set_up(development=False)
    terminal_only = "--headless" in arguments or not has_display()
    if terminal_only:
        arguments = ["--headless", *(word for word in arguments if word != "--headless")]
    else:
        need_qt()
    python("-P", "-m", "mulberry", "demo", *arguments)


def lint(arguments: list[str]) -> None:
    """Style, types and import rules."""
    set_up(development=True)
    python("-m", "ruff", "check", ".")
    python("-m", "ruff", "format", "--check", ".")
    python("-m", "mypy")
    run(BIN / "lint-imports", "--no-logo")


def test(arguments: list[str]) -> None:
    """Everything CI demands: lint, then all tests in random order, headless. Arguments go to pytest."""
    need_qt()
    lint([])
    # two processes, for the two cores of CI; a file's tests stay in one, because they may share what is dear to make
    whole = [] if arguments else ["-n", "2", "--dist", "loadfile"]
    python("-m", "pytest", *whole, *arguments, environment={"QT_QPA_PLATFORM": "offscreen"})


def fuzz(arguments: list[str]) -> None:
    """Fuzzes what strangers' bytes reach (docs/fuzzing.md). Linux on x86-64 only."""
    set_up(development=True)
    python("-m", "fuzz.run", *arguments, environment={"PYTHONPATH": str(ROOT / "tests")})


def bench(arguments: list[str]) -> None:
    """The benchmarks of docs/performance.md; an argument picks some by name. Prints ratios, never fails on a time."""
    set_up(development=True)
    need_qt()
    for script in sorted((ROOT / "benchmarks").glob("bench_*.py")):
        if not arguments or any(word in script.stem for word in arguments):
            python(script)


def images(arguments: list[str]) -> None:
    """Draws the pictures under docs/images/ from the real app on the demo network."""
    set_up(development=True)
    need_qt()
    python(ROOT / "tools" / "images.py", *arguments, environment={"QT_QPA_PLATFORM": "offscreen"})


def wheel(arguments: list[str]) -> None:
    """Builds the wheel and the source distribution into dist/, with SBOM and checksums (docs/packaging.md)."""
    set_up(development=True)
    python("-m", "installers.wheel", *arguments)


def windows(arguments: list[str]) -> None:
    """Builds the Windows installer into dist/ (docs/packaging.md). Needs `makensis`; works on Linux too."""
    set_up(development=True)
    need_qt()  # it draws the icon
    python("-m", "installers.windows.build", *arguments, environment={"QT_QPA_PLATFORM": "offscreen"})


def deb(arguments: list[str]) -> None:
    """Builds the Debian package into dist/, with SBOM and checksums (docs/packaging.md). `--draft` takes a minute."""
    set_up(development=True)
    need_qt()
    tools = {"dpkg-deb": "dpkg-dev", "g++": "build-essential", "make": "make", "python3-config": "python3-dev"}
    if missing := [package for tool, package in tools.items() if not shutil.which(tool, path="/usr/bin")]:
        install_system_packages([*missing, "python3-venv"], needed_for="The Debian package")
    python("-m", "installers.deb", *arguments, environment={"QT_QPA_PLATFORM": "offscreen"})


def lock(arguments: list[str]) -> None:
    """Writes the hash-locked requirement files anew, with --keep only what is missing (needs `uv` on the PATH)."""
    set_up(development=True)
    python(ROOT / "tools" / "lock.py", *arguments)


COMMANDS = {command.__name__: command for command in (demo, test, lint, fuzz, bench, images, wheel, windows, deb, lock)}


def main() -> None:
    described = "\n".join(f"  {name:8}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        description="Set up, try, test and package Mulberry.",
        epilog=f"commands:\n{described}\n\nWhat follows a command goes to it, e.g. dev.py demo --headless --jobs 20.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parsed, rest = parser.parse_known_args()
    COMMANDS[parsed.command](rest)


if __name__ == "__main__":
    main()
