"""The sandboxes of this computer, for tests: each that is there, and the best that holds."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mulberry.runtime.sandbox.choose import choose
from mulberry.runtime.sandbox.provider import NOBODY, Sandbox, is_root


@cache
def best_sandbox() -> Sandbox:
    """Tried out once, in a loop of its own."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, choose()).result().sandbox


@contextmanager
def ordinary_users_python() -> Iterator[Path | None]:
    """An interpreter that nobody may start, with our packages; None where there is none like ours."""
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    wheels = Path(np.__file__).parents[1]
    folder = Path(tempfile.mkdtemp(prefix="ordinary-"))
    try:
        packages = folder / "lib" / system.name / "site-packages"
        for made in (folder / "bin", packages):
            made.mkdir(parents=True)
        (folder / "pyvenv.cfg").write_text(f"home = {system.parent}\n", "utf-8")
        (packages / "wheels.pth").write_text(f"{wheels}\n", "utf-8")
        python = folder / "bin" / "python"
        python.symlink_to(system)
        for made in (folder, *folder.rglob("*")):
            made.chmod(0o755)
        usable = is_root() and system.exists() and not as_nobody(python, "-c", "import onnxruntime").returncode
        yield python if usable else None
    finally:
        shutil.rmtree(folder)


def as_nobody(*words: str | Path, user: int = NOBODY) -> subprocess.CompletedProcess[str]:
    """Runs a program as an ordinary user. Only root can."""
    environment = {"ORT_DISABLE_TELEMETRY": "1", "PATH": os.environ["PATH"]}
    return subprocess.run(
        words, user=user, group=user, extra_groups=[], env=environment, cwd="/", capture_output=True, text=True
    )


HARNESS = Path(__file__).with_name("escape_harness.py")
ROOM_HARNESS = Path(__file__).with_name("room_harness.py")
SOMEBODY = 4321  # a user whom nobody is
WHOEVER = "root" if is_root() else "an ordinary user"
TIERS = {
    "bare": "no sandbox",
    "a": f"A, started by {WHOEVER}",
    "b": f"B, started by {WHOEVER}",
    "a as a user": "A, started by an ordinary user",
    "b as a user": "B, started by an ordinary user",
}


@cache
def escapes(tier: str, without: str = "", profile: str = "cpu") -> dict[str, tuple[bool, str]] | str:
    """What each probe found in one of `TIERS`: whether it got through, and what. Or why it cannot be tried here.

    `without` names what the process does not give up this time: "Landlock" or "seccomp".
    """
    name, _, user = tier.partition(" ")
    if name == "a" and shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    if not user:
        words = [sys.executable, str(HARNESS), name, without, profile]
        return _found(subprocess.run(words, capture_output=True, text=True))
    with ordinary_users_python() as python:
        if python is None:
            return NO_USER
        return _found(as_nobody(python, HARNESS, name, without, profile))


def _found(ended: subprocess.CompletedProcess[str]) -> dict[str, tuple[bool, str]] | str:
    if ended.returncode:
        raise AssertionError(f"the probes did not run: {ended.stderr}")
    return {name: (bool(through), str(what)) for name, (through, what) in json.loads(ended.stdout).items()}


NO_USER = "not root, or no interpreter like this one that an ordinary user may start"
STARTERS = ("root", "an ordinary user")


@dataclass(frozen=True)
class Rooms:
    """What a process found in bubblewrap's room without an option: with no other wall, and with all. A text: why there
    was no room."""

    alone: frozenset[str] | str
    all_walls: frozenset[str] | str


@cache
def rooms_without_options(starter: str) -> dict[str, Rooms] | str:
    """For each option's words, and "" for none, when one of `STARTERS` starts it. Or why that cannot be tried here."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    if starter == WHOEVER:
        return _rooms(subprocess.run([sys.executable, ROOM_HARNESS], capture_output=True, text=True))
    if not is_root():
        return "only root can start it as root"
    with ordinary_users_python() as python:
        return NO_USER if python is None else _rooms(as_nobody(python, ROOM_HARNESS, user=SOMEBODY))


def _rooms(ended: subprocess.CompletedProcess[str]) -> dict[str, Rooms]:
    if ended.returncode:
        raise AssertionError(f"the rooms did not come about: {ended.stderr}")

    def seen(found: list[str] | str) -> frozenset[str] | str:
        return found if isinstance(found, str) else frozenset(found)

    return {words: Rooms(seen(row["alone"]), seen(row["all"])) for words, row in json.loads(ended.stdout).items()}
