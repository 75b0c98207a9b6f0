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


def as_nobody(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a program as an ordinary user. Only root can."""
    environment = {"ORT_DISABLE_TELEMETRY": "1", "PATH": os.environ["PATH"]}
    return subprocess.run(
        words, user=NOBODY, group=NOBODY, extra_groups=[], env=environment, cwd="/", capture_output=True, text=True
    )


HARNESS = Path(__file__).with_name("escape_harness.py")
WHOEVER = "root" if is_root() else "an ordinary user"
TIERS = {
    "bare": "no sandbox",
    "a": f"A, started by {WHOEVER}",
    "b": f"B, started by {WHOEVER}",
    "a as a user": "A, started by an ordinary user",
    "b as a user": "B, started by an ordinary user",
}


def escapes(tier: str) -> dict[str, tuple[bool, str]] | str:
    """What each probe found in one of `TIERS`: whether it got through, and what. Or why it cannot be tried here."""
    name, _, user = tier.partition(" ")
    if name == "a" and shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    if not user:
        return _found(subprocess.run([sys.executable, HARNESS, name], capture_output=True, text=True))
    with ordinary_users_python() as python:
        if python is None:
            return "not root, or no interpreter like this one that an ordinary user may start"
        return _found(as_nobody(python, HARNESS, name))


def _found(ended: subprocess.CompletedProcess[str]) -> dict[str, tuple[bool, str]] | str:
    if ended.returncode:
        raise AssertionError(f"the probes did not run: {ended.stderr}")
    return {name: (bool(through), str(what)) for name, (through, what) in json.loads(ended.stdout).items()}
