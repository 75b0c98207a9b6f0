"""Owners and their scripts install the GPU runtime by this command: it says what it takes, and never begins unasked."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_setup_samples import BROKEN, METERED, NEWER, NO_GPU, NOTHING, THERE, WENT_BACK
from mulberry.cli.gpu_setup_words import of_outcome, of_plan
from mulberry.model.gpu_runtime import GpuSetupStatus
from mulberry.runtime.gpu_runtimes.table import runtimes_here

pytestmark = pytest.mark.skipif(not runtimes_here(), reason="there is no GPU runtime for this system and Python")


def gpu_setup(data: Path, *words: str, status: int = 0) -> str:
    """What the command said, errors included."""
    command = [sys.executable, "-m", "mulberry", "gpu-setup", *words]
    environment = os.environ | {"MULBERRY_DATA": str(data)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=150
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_plan_is_only_a_plan(tmp_path: Path) -> None:
    newest = runtimes_here()[0]
    said = gpu_setup(tmp_path / "dätä folder", "--plan", "--runtime", newest.name)
    assert newest.version in said and all(wheel.name in said for wheel in newest.wheels)
    assert not (tmp_path / "dätä folder").exists()
    told = json.loads(gpu_setup(tmp_path, "--plan", "--json", "--runtime", newest.name))
    assert told["offer"]["runtime"]["version"] == newest.version


def test_who_cannot_be_asked_has_not_agreed(tmp_path: Path) -> None:
    said = gpu_setup(tmp_path, "--runtime", runtimes_here()[0].name, status=1)
    assert "to download: 1." in said and "Say --yes to begin." in said
    assert not list(tmp_path.iterdir())


def test_a_program_that_reads_json_shows_its_owner_what_they_agree_to(tmp_path: Path) -> None:
    """On standard error: what it takes is said before anybody is asked, and the JSON stays alone."""
    command = [sys.executable, "-m", "mulberry", "gpu-setup", "--json", "--runtime", runtimes_here()[0].name]
    environment = os.environ | {"MULBERRY_DATA": str(tmp_path)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=150
    )
    assert "to download: 1." in done.stderr and "Say --yes to begin." in done.stderr
    assert (done.returncode, done.stdout) == (1, "")


def test_a_folder_without_the_files_is_told_which_it_lacks(tmp_path: Path) -> None:
    newest = runtimes_here()[0]
    said = gpu_setup(tmp_path, "--yes", "--runtime", newest.name, "--from", str(tmp_path), status=1)
    assert "does not have all files" in said and newest.wheels[0].name in said


def test_what_cannot_be_done_is_said_in_words(tmp_path: Path) -> None:
    assert "There are: cuda13, cuda12." in gpu_setup(tmp_path, "--yes", "--runtime", "cuda99", status=1)
    assert "nothing to go back to" in gpu_setup(tmp_path, "--roll-back", status=1)


def plan(status: GpuSetupStatus) -> str:
    return "\n".join(of_plan(status, with_files=False))


def test_the_words_of_each_standing() -> None:
    assert "The index learns your IP" in plan(NOTHING)
    from_a_folder = "\n".join(of_plan(NOTHING, with_files=False, from_index=False))
    assert "learns" not in from_a_folder and "learns" not in plan(THERE), "nobody is asked"
    assert "RTX 4090" in plan(NOTHING) and "to download: 1.60 GB in 2 files" in plan(NOTHING)
    assert "metered" in plan(METERED) and "metered" not in plan(NOTHING)
    assert plan(NO_GPU) == "There is nothing to install. This computer has no NVIDIA GPU."
    assert "in use" in plan(THERE) and "It is here." in plan(THERE)
    assert "cannot be used" in plan(BROKEN)
    assert "1.26.0-cuda12" in plan(NEWER)
    half = replace(NOTHING, offer=replace(NOTHING.offer, left_bytes=600_000_000)) if NOTHING.offer else NOTHING
    assert "0.60 GB not here yet" in plan(half)


def test_the_words_at_the_end() -> None:
    assert "is used from the next Start on" in "\n".join(of_outcome(THERE))
    assert "What came with Mulberry is used" in "\n".join(of_outcome(WENT_BACK))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_ctrl_c_says_that_nothing_is_lost(tmp_path: Path) -> None:
    """Stopped while pip, here one that never answers, looks for the files."""
    (tmp_path / "pip.py").write_text("import time; print('asked', flush=True); time.sleep(600)", "utf-8")
    program = (
        "import signal, sys, mulberry.cli.main as main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job has it ignored
        "import mulberry.runtime.gpu_runtimes.addresses as addresses\n"
        f"addresses.ask_pip.__defaults__ = ((sys.executable, {str(tmp_path / 'pip.py')!r}),)\n"
        "sys.argv = ['mulberry', 'gpu-setup', '--yes', '--runtime', 'cuda13']\n"
        "main.main()\n"
    )
    environment = os.environ | {"MULBERRY_DATA": str(tmp_path / "data")}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        assert "Looking where the files can be had" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        assert "What has come so far is kept" in running.stderr.read()
        assert running.wait(20) == 130
