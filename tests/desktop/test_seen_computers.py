"""What people see on the computers they ask about: from files and a driver to the window, no word cut off."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from agent_workshop import need_none
from conftest import SettableClock
from cut_texts import assert_nothing_is_cut
from fake_driver import build_library
from mulberry.desktop.connection import Link, View
from mulberry.desktop.hardware_history import Histories
from mulberry.desktop.hardware_page import HardwarePage, Part
from mulberry.desktop.theme import Theme
from samples import a_status
from seen_computers import see
from synthetic_computers import COMPUTERS


@pytest.fixture(scope="module")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = build_library(tmp_path_factory.mktemp("fake-nvml"))
    if library is None:
        pytest.skip("needs a C compiler to build the fake driver")
    return library


@pytest.mark.parametrize("name", [computer.name for computer in COMPUTERS])
def test_the_page_of(
    name: str,
    qtbot: QtBot,
    theme: Theme,
    clock: SettableClock,
    nvml_library: Path,
    tmp_path: Path,
    settle: Callable[[], None],
) -> None:
    computer = see(name, nvml_library, tmp_path, clock, need_none)
    page = HardwarePage(theme, clock, Histories())
    qtbot.addWidget(page)
    page.resize(720, 600)
    page.show_part(Part.ELIGIBILITY)
    page.show()
    page.eligibility.show_report(computer.eligibility)
    settle()
    assert_nothing_is_cut(page)
    page.show_part(Part.GPUS)
    page.show_view(View(Link.ANSWERS, replace(a_status(), gpus=computer.gpus)))
    page.gpus.show_computer(computer.host, computer.confidential)
    settle()
    assert_nothing_is_cut(page)
    assert list(page.gpus.gpus) == [gpu.uuid for gpu in computer.gpus.gpus]
    assert page.gpus.no_gpu.isVisible() is not bool(computer.gpus.gpus)
    hidden = len(computer.gpus.on_pci or ()) - len(computer.gpus.gpus)
    names = [label.text() for label in page.gpus.elsewhere.findChildren(QLabel) if label.property("look") == "strong"]
    assert len(names) == max(0, hidden)
