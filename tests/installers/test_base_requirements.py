"""The base packages carry the CPU build of onnxruntime, by the same lock; a wrong list ships the wrong code."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from installers.base_requirements import (
    NEVER_IMPORTED,
    TARGETS,
    Locked,
    Target,
    base_requirements,
    read_lock,
    read_names,
    write_base_requirements,
)
from installers.project import ROOT

LOCK = ROOT / "requirements.lock"


def by_name(requirements: list[Locked]) -> Mapping[str, Locked]:
    return {locked.name: locked for locked in requirements}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_exactly_the_cpu_build_takes_the_place_of_the_gpu_build(target: Target) -> None:
    locked, base = by_name(read_lock(LOCK, target)), by_name(base_requirements(target))
    assert set(locked) - set(base) == {"onnxruntime-gpu", *NEVER_IMPORTED}
    assert set(base) - set(locked) == {"onnxruntime"}
    assert base["onnxruntime"].version == locked["onnxruntime-gpu"].version
    assert all(base[name] == locked[name] for name in set(base) & set(locked))


def test_markers_are_decided_for_the_computer_that_the_package_is_for() -> None:
    windows, debian = (
        by_name(base_requirements(TARGETS["windows-3.12"])),
        by_name(base_requirements(TARGETS["debian-12"])),
    )
    assert {"colorama", "pywin32-ctypes"} <= set(windows) - set(debian)
    assert {"uvloop", "jeepney", "secretstorage"} <= set(debian) - set(windows)
    assert windows["numpy"].version != debian["numpy"].version  # the lock has one for each side of Python 3.12


def test_the_written_list_pins_and_hashes_everything_and_names_no_host(tmp_path: Path) -> None:
    path = tmp_path / "base.txt"
    write_base_requirements(path, TARGETS["debian-12"])
    text = path.read_text()
    assert "://" not in text
    assert ";" not in text
    requirements = [line for line in text.splitlines() if not line.startswith(" ")]
    assert len(requirements) == len(base_requirements(TARGETS["debian-12"]))
    assert all(line.endswith(" \\") for line in requirements), "a requirement without a hash"
    assert {tuple(line.removesuffix(" \\").split("==")) for line in requirements} <= read_names(LOCK)


SPEAK = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
from typer.testing import CliRunner
from mulberry.cli.main import application
for words in ("--help", "models --help", "models import --help", "nonsense", "jobs --last many", "models import"):
    told = CliRunner().invoke(application, words.split())
    print(words, told.exit_code, told.output)
"""


def test_the_command_line_says_the_same_without_what_is_left_out() -> None:
    blocked = [name.removesuffix("-py").replace("-", "_") for name in NEVER_IMPORTED]
    with_them, without = (
        subprocess.check_output([sys.executable, "-c", SPEAK, *names], text=True) for names in ((), blocked)
    )
    assert "Traceback" not in without
    assert without == with_them
