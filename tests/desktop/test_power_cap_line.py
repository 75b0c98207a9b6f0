"""The one place from which a program of root's is started: only by the owner's word, and never told as done on its own
word. What asks for the password is played by a script, as are nvidia-smi and, in C, the driver behind it.
"""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from fake_driver import FakeDriver
from mulberry.desktop.administrator import Administrator, Ending
from mulberry.desktop.connection import Link, View
from mulberry.desktop.hardware_history import Histories
from mulberry.desktop.hardware_page import HardwarePage
from mulberry.desktop.power_cap_line import IS_READ, RESTS, PowerCapLine
from mulberry.desktop.theme import Theme
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.model.power_cap import PowerCap
from samples import RTX_4090, a_status

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="polkit is Linux's")

CARD = replace(RTX_4090, power_limit_range_milliwatt=(150_000, 600_000))
CAP = PowerCap(CARD.uuid, 300)
PATIENCE_MILLISECONDS = 60_000  # of a test on a busy computer; nothing waits that long


class Stage:
    """A folder with programs of the test's, and what was said to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.argv = folder / "argv"
        folder.mkdir()
        self.has(
            "pkexec", f'printf "%s\\n" "$@" > "{self.argv}"; [ "$1" = --disable-internal-agent ] && shift; exec "$@"'
        )
        self.has("nvidia-smi", "exit 0")

    def has(self, program: str, script: str) -> None:
        path = self.folder / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)

    @property
    def said(self) -> list[str]:
        return self.argv.read_text().splitlines()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "bin")


Make = Callable[[GpuInfo, PowerCap | None], PowerCapLine]


@pytest.fixture
def make(qtbot: QtBot, theme: Theme, clock: SettableClock, stage: Stage) -> Make:
    def made(gpu: GpuInfo = CARD, cap: PowerCap | None = CAP) -> PowerCapLine:
        line = PowerCapLine(clock, Administrator((str(stage.folder),)))
        qtbot.addWidget(line)
        line.show_cap(gpu, cap, clock.now())
        line.show_readiness(is_stale=False)
        return line

    return made


def press(qtbot: QtBot, line: PowerCapLine) -> None:
    """Returns when the command has ended."""
    with qtbot.waitSignal(line.administrator.ended, timeout=PATIENCE_MILLISECONDS):
        line.set.click()


def test_the_owners_word_runs_nvidia_smi_as_administrator_and_without_a_shell(
    qtbot: QtBot, make: Make, stage: Stage
) -> None:
    line = make(CARD, CAP)
    assert line.standing.text() == "The driver lets NVIDIA GeForce RTX 4090 draw 450 W; you want at most 300 W."
    assert line.consequence.text() == RESTS
    assert line.set.text() == "Set it to 300 W…"
    assert line.set.accessibleName() == "NVIDIA GeForce RTX 4090: Set it to 300 W…", "which one of several"
    assert line.command.isHidden()
    press(qtbot, line)
    assert stage.said == ["--disable-internal-agent", f"{stage.folder}/nvidia-smi", "-i", CARD.uuid, "-pl", "300"]


def test_that_it_is_kept_is_said_when_the_driver_says_so(qtbot: QtBot, make: Make, clock: SettableClock) -> None:
    line = make(CARD, CAP)
    press(qtbot, line)
    assert line.note.text() == IS_READ
    line.show_cap(CARD, CAP, clock.now() - timedelta(seconds=1))
    assert line.note.text() == IS_READ, "what was read before says nothing"
    line.show_cap(replace(CARD, power_limit_milliwatt=300_000), CAP, clock.now() + timedelta(seconds=1))
    assert line.standing.text() == "Your power cap of 300 W is kept: the driver allows 300 W."
    assert line.set.isHidden() and line.note.isHidden() and line.consequence.isHidden()


def test_a_limit_that_the_driver_did_not_take_is_told(qtbot: QtBot, make: Make, clock: SettableClock) -> None:
    line = make(CARD, CAP)
    press(qtbot, line)
    line.show_cap(CARD, CAP, clock.now() + timedelta(seconds=1))
    assert line.note.text() == "It was set without an error, and the driver still allows more."
    assert not line.set.isHidden() and line.set.isEnabled()


@pytest.mark.parametrize(
    ("program", "script", "note", "by_hand"),
    [
        ("pkexec", "exit 126", "", False),  # its owner has closed the question
        ("pkexec", "echo Not authorized >&2; exit 127", "Your system did not allow it", True),
        ("nvidia-smi", "echo 'Not supported'; exit 3", "It could not be set: Not supported", False),
        ("nvidia-smi", "exit 4", "It could not be set.", False),
        ("nvidia-smi", "kill -9 $$", "It could not be set.", False),
        ("nvidia-smi", "printf '\\377\\033[31m'; yes | head -c 100000; exit 1", "It could not be set: \ufffd", False),
    ],
)
def test_each_end_that_is_none_has_its_words(
    qtbot: QtBot, make: Make, stage: Stage, program: str, script: str, note: str, by_hand: bool
) -> None:
    stage.has(program, script)
    line = make(CARD, CAP)
    press(qtbot, line)
    assert line.note.text().startswith(note) and bool(line.note.text()) is bool(note)
    assert len(line.note.text()) < 300 and "\033" not in line.note.text()
    assert line.command.isHidden() is not by_hand
    assert line.set.isEnabled(), "it can be tried again"


def test_what_failed_is_forgotten_when_somebody_else_has_set_the_limit(
    qtbot: QtBot, make: Make, stage: Stage, clock: SettableClock
) -> None:
    stage.has("pkexec", "exit 127")
    line = make(CARD, CAP)
    press(qtbot, line)
    assert not line.command.isHidden()
    line.show_cap(replace(CARD, power_limit_milliwatt=250_000), CAP, clock.now())
    line.show_cap(CARD, CAP, clock.now())
    assert line.note.isHidden() and line.command.isHidden() and not line.set.isHidden()


def test_a_program_that_cannot_be_started_has_words_too(qtbot: QtBot, make: Make, stage: Stage) -> None:
    (stage.folder / "pkexec").write_text("#!/nowhere/at/all\n")
    line = make(CARD, CAP)
    press(qtbot, line)
    assert line.note.text().startswith("It could not be set: ")


def test_a_question_that_nobody_answers_ends(qtbot: QtBot, make: Make, stage: Stage, clock: SettableClock) -> None:
    stage.has("pkexec", "exec sleep 600")
    administrator = Administrator((str(stage.folder),), longest_milliseconds=1)
    line = PowerCapLine(clock, administrator)
    qtbot.addWidget(line)
    line.show_cap(CARD, CAP, clock.now())
    with qtbot.waitSignal(administrator.ended, timeout=PATIENCE_MILLISECONDS) as end:
        line.set.click()
        assert not line.set.isEnabled(), "one question at a time"
        administrator.run(("nvidia-smi",))  # is not heard
    assert end.args == [Ending.TOO_LONG, ""]
    assert line.note.text() == "Nobody answered your system's question, so it was given up."
    qtbot.waitUntil(lambda: not administrator.is_busy, timeout=PATIENCE_MILLISECONDS)
    line.show_cap(CARD, CAP, clock.now())
    assert line.set.isEnabled()


@pytest.mark.parametrize("missing", ["pkexec", "nvidia-smi"])
def test_where_nothing_asks_for_the_password_the_command_stands_there(make: Make, stage: Stage, missing: str) -> None:
    (stage.folder / missing).unlink()
    line = make(CARD, CAP)
    assert line.set.isHidden()
    assert not line.by_hand.isHidden()
    line.command.copy.click()
    assert QApplication.clipboard().text() == f"sudo nvidia-smi -i {CARD.uuid} -pl 300"


def test_on_other_systems_nothing_is_run(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    line = make(CARD, CAP)
    assert line.set.isHidden()
    assert line.by_hand.text() == "This sets it, in a terminal that was opened as administrator:"
    assert line.command.command.text() == f"nvidia-smi -i {CARD.uuid} -pl 300"


def test_programs_of_the_users_own_path_are_not_taken_for_the_systems(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    monkeypatch.setenv("PATH", f"{stage.folder}{os.pathsep}{os.environ['PATH']}")
    stage.has("a-program-of-mulberrys-test", "exit 0")
    assert not Administrator().can_run("a-program-of-mulberrys-test")


@pytest.mark.parametrize(
    ("gpu", "cap", "standing", "consequence"),
    [
        (replace(CARD, power_limit_range_milliwatt=None), CAP, "you want at most 300 W", "cannot be changed"),
        (CARD, replace(CAP, watt=100), "you want at most 100 W", "takes no limit below 150 W"),
        (replace(CARD, uuid="$(reboot)"), PowerCap("$(reboot)", 300), "at most 300 W", "administrator can change"),
        (replace(CARD, power_limit_milliwatt=None), CAP, "cannot be kept: the driver does not say", ""),
    ],
)
def test_what_no_command_can_do_offers_none(
    make: Make, gpu: GpuInfo, cap: PowerCap, standing: str, consequence: str
) -> None:
    line = make(gpu, cap)
    assert standing in line.standing.text()
    assert consequence in line.consequence.text()
    assert line.set.isHidden() and line.command.isHidden()


def test_without_a_cap_there_is_nothing_to_see_and_nothing_to_press(make: Make, stage: Stage) -> None:
    line = make(CARD, None)
    assert line.isHidden()
    line.set.click()
    assert not stage.argv.exists()


def test_from_the_button_to_the_driver_and_back(
    qtbot: QtBot, make: Make, clock: SettableClock, stage: Stage, driver: FakeDriver, tmp_path: Path
) -> None:
    state = os.environ["FAKE_NVML_STATE"]
    stage.has("nvidia-smi", f'[ "$1 $3" = "-i -pl" ] && echo "power_limit ${{4}}000" > "{state}"')
    with closing(Gpus(clock, SystemFiles(tmp_path / "root"))) as gpus:
        line = make(CARD, None)

        def look() -> str:
            clock.pass_time(seconds=1)
            report = gpus.read()
            (gpu,) = report.gpus
            line.show_cap(gpu, PowerCap(gpu.uuid, 300), report.as_of)
            return line.standing.text()

        driver.says("power_limit 450000\n")
        assert "draw 450 W; you want at most 300 W" in look()
        press(qtbot, line)
        assert look() == "Your power cap of 300 W is kept: the driver allows 300 W."
        driver.says("power_limit 450000\n")  # the computer was started anew
        assert "draw 450 W; you want at most 300 W" in look()
        assert not line.set.isHidden()


def test_a_silent_agents_card_takes_no_orders(
    qtbot: QtBot, theme: Theme, clock: SettableClock, settle: Callable[[], None]
) -> None:
    page = HardwarePage(theme, clock, Histories())
    qtbot.addWidget(page)
    page.resize(1040, 740)
    page.show()
    status = replace(a_status(), gpus=GpuReport((CARD,), None, clock.now()), power_caps=(CAP,))
    page.show_view(View(Link.SILENT, status))
    settle()
    page.gpus.tick()
    (card,) = page.gpus.gpus.values()
    assert card.power_cap.isVisible()
    assert not card.power_cap.set.isEnabled()
    page.show_view(View(Link.ANSWERS, status))
    page.gpus.tick()
    assert card.power_cap.set.isEnabled()
    page.show_view(View(Link.ANSWERS, replace(status, power_caps=())))
    page.gpus.tick()
    assert not card.power_cap.isVisible()
