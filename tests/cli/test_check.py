"""`mulberry check` is the first thing people run: it must answer quickly on a bare computer; scripts rely on it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checked_computers import DEMO, FOR_GPUS, MAIN, TEST, TINY, as_checked
from conftest import SettableClock
from fake_driver import build_library
from mulberry.cli.check import can_work
from mulberry.cli.check_words import of_report
from mulberry.hardware.eligibility import judge
from mulberry.model.eligibility import Computer, EligibilityReport
from synthetic_computers import COMPUTERS

CHECK = [sys.executable, "-m", "mulberry", "check"]


@pytest.fixture(scope="module")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = build_library(tmp_path_factory.mktemp("fake-nvml"))
    if library is None:
        pytest.skip("needs a C compiler to build the fake driver")
    return library


class CheckCommand:
    """`mulberry check` beside a fake driver that says `state`."""

    def __init__(self, data: Path, library: Path) -> None:
        self._state = data / "driver-state"
        self._environment = os.environ | {
            "MULBERRY_DATA": str(data / "data"),
            "LD_LIBRARY_PATH": str(library.parent),
            "FAKE_NVML_STATE": str(self._state),
            "COLUMNS": "100",
        }
        self.seconds = 0.0

    def __call__(self, *words: str, state: str, status: int) -> str:
        self._state.write_text(state, encoding="latin-1")
        began = time.monotonic()
        done = subprocess.run([*CHECK, *words], capture_output=True, text=True, env=self._environment, timeout=150)
        self.seconds = time.monotonic() - began
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr


@pytest.fixture
def check(tmp_path: Path, nvml_library: Path) -> CheckCommand:
    return CheckCommand(tmp_path, nvml_library)


RTX_4090 = "count 1\nname NVIDIA GeForce RTX 4090\narch 8\ncc_major 8\ncc_minor 9\n"


def test_a_gamers_card_gets_a_straight_answer(check: CheckCommand) -> None:
    said = check(state=RTX_4090, status=1)
    assert "RTX 4090 (fake): cannot join Cocoon on TON, which accepts only H100-class GPUs with confidential" in said
    assert "[✓] Demo network (play money): yes" in said
    assert max(map(len, said.splitlines())) <= 100


def test_scripts_get_all_of_it_as_json_and_an_exit_code(check: CheckCommand) -> None:
    found = json.loads(check("--network", "demo", "--json", state=RTX_4090, status=0))
    assert found["can_work"] is True and [network["name"] for network in found["networks"]] == ["demo"]
    assert found["networks"][0]["gpus"][0]["name"] == "RTX 4090 (fake)"
    everywhere = json.loads(check("--json", state=RTX_4090, status=1))
    assert everywhere["can_work"] is False, "play money and test money are not earned"
    assert {"computer", "networks", "as_of", "summary", "rules"} < everywhere.keys()
    requirement = everywhere["networks"][0]["requirements"][0]
    assert requirement.keys() == {
        "name",
        "standing",
        "evidence",
        "next_step",
        "whose_turn",
        "command",
        "can_change",
    }


def test_a_network_that_nobody_knows_is_refused_in_words(check: CheckCommand) -> None:
    assert "Give the name of a bundled network" in check("--network", "nowhere", state="", status=1)


def test_a_driver_that_hangs_costs_seconds_not_the_answer(check: CheckCommand) -> None:
    said = check(state="count 1\nhang.nvmlInitWithFlags 1\nhang.nvmlInit_v2 1\n", status=1)
    assert "The NVIDIA driver does not answer." in said
    assert check.seconds < 10, "three for the driver, and what a busy computer takes besides"


def of_computer(name: str, library: Path, folder: Path, clock: SettableClock) -> Computer:
    return as_checked(next(one for one in COMPUTERS if one.name == name), library, folder, clock)


@pytest.fixture
def guest(nvml_library: Path, tmp_path: Path, clock: SettableClock) -> EligibilityReport:
    """A computer that has everything the main network asks for."""
    computer = of_computer("H100 in a TDX guest, confidential computing on", nvml_library, tmp_path, clock)
    return judge(replace(computer, models=(TINY, FOR_GPUS)), (MAIN, DEMO, TEST), clock.now())


def test_the_exit_code_is_about_real_money_or_the_network_that_was_named(
    guest: EligibilityReport, nvml_library: Path, tmp_path: Path, clock: SettableClock
) -> None:
    assert can_work(guest, is_one=False)
    (tmp_path / "other").mkdir()
    gamer = of_computer("RTX 3060 desktop", nvml_library, tmp_path / "other", clock)
    assert not can_work(judge(gamer, (MAIN, DEMO, TEST), clock.now()), is_one=False)
    assert can_work(judge(gamer, (TEST,), clock.now()), is_one=True)
    assert not can_work(judge(gamer, (MAIN,), clock.now()), is_one=True)


def test_what_is_met_is_shown_when_one_network_is_asked_about(guest: EligibilityReport) -> None:
    all_of_it = "\n".join(of_report(guest, everything=True, width=100))
    assert "✓ An Intel TDX guest: flag “tdx_guest” in /proc/cpuinfo; only a verified quote proves it" in all_of_it
    assert "as of 2026-11-22 09:30 UTC" in all_of_it, "the list's date"
    assert "✓ An Intel TDX guest" not in "\n".join(of_report(guest, width=100))
    assert "[✓] Cocoon on TON (real Toncoin): yes" in all_of_it


def test_a_strangers_name_does_nothing_to_a_terminal(guest: EligibilityReport) -> None:
    hostile = replace(guest, computer="\x1b[2Jcleared", summary=("\x07bell",))
    assert not any("\x1b" in line or "\x07" in line for line in of_report(hostile, width=100))
