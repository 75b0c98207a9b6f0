"""Before anything is bought or downloaded its owner asks whether this computer can earn: no answer may be a guess."""

from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

import pytest

from conftest import SettableClock
from fake_driver import loaded, no_library
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.host import read_host
from mulberry.model.gpu import GpuCondition
from synthetic_computers import COMPUTERS, Computer


@pytest.mark.parametrize("computer", COMPUTERS, ids=lambda computer: computer.name)
def test_what_is_found_on(computer: Computer, nvml_library: Path, tmp_path: Path, clock: SettableClock) -> None:
    files = SystemFiles(tmp_path / "root")
    state = computer.build(tmp_path / "root")
    gpus = Gpus(clock, files)
    with ExitStack() as stack:
        if computer.driver is None:
            stack.enter_context(no_library())
        else:
            stack.enter_context(loaded(nvml_library, tmp_path / "driver-state")).says(state)
        stack.callback(gpus.close)
        report = gpus.read()
        confidential = gpus.confidential()
    held = [card for card in computer.cards if card.kernel_driver == "nvidia"]
    expected = held if computer.state.value == "works" else []
    assert report.driver is computer.state
    assert [gpu.name for gpu in report.gpus] == [f"{card.name} (fake)" for card in expected]
    assert [gpu.compute_capability for gpu in report.gpus] == [card.capability for card in expected]
    assert all(gpu.condition is GpuCondition.WORKS for gpu in report.gpus)
    assert computer.because in (report.absent_because or "") and bool(report.absent_because) == (not report.gpus)
    assert (report.waiting_until is not None) == computer.waits
    if computer.has_pci:
        assert report.on_pci is not None
        assert sum(gpu.is_nvidia for gpu in report.on_pci) == len(computer.cards)
        assert len(report.on_pci) == len(computer.cards) + len(computer.others_on_pci), "a bridge counted as a GPU"
    else:
        assert report.on_pci is None
    assert tuple(gpu.capable.value for gpu in confidential.gpus) == computer.capable
    assert (confidential.mode.value, confidential.ready.value) == (computer.mode, computer.ready)
    assert all(gpu.capable.evidence for gpu in confidential.gpus)

    host = read_host(files)
    for name, value in computer.host.items():
        assert getattr(host, name).value == value, f"{name}: {getattr(host, name)}"
    for one in fields(host):
        assert getattr(host, one.name).evidence, f"{one.name} is said without a reason"


def test_the_table_has_the_computers_that_people_ask_about() -> None:
    assert len(COMPUTERS) >= 25
    assert len({computer.name for computer in COMPUTERS}) == len(COMPUTERS)
