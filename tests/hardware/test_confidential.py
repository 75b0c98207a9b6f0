"""Whether a GPU keeps secrets must not be guessed: it is the driver's word, a table with its source, or unknown."""

from pathlib import Path

import pytest

from conftest import SettableClock
from fake_driver import FakeDriver, without
from mulberry.hardware.confidential import CAPABLE_IDS
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import ConfidentialMode
from mulberry.model.host import ConfidentialReport
from synthetic_computers import put_pci

H100 = "name NVIDIA H100 80GB HBM3\narch 9\ndevice_id 0x2330\n"


def ask(root: Path, clock: SettableClock, seconds: float = 10.0) -> ConfidentialReport:
    gpus = Gpus(clock, SystemFiles(root), seconds)
    report = gpus.confidential()
    gpus.close()
    return report


def test_a_driver_that_denies_is_believed_before_the_table(
    driver: FakeDriver, tmp_path: Path, clock: SettableClock
) -> None:
    driver.says(H100 + "cc_gpus 0\ncc_feature 0\n")
    (gpu,) = ask(tmp_path, clock).gpus
    assert gpu.capable.value is False and gpu.capable.evidence == "the NVIDIA driver"


def test_an_older_driver_is_asked_in_its_own_way(driver: FakeDriver, tmp_path: Path, clock: SettableClock) -> None:
    said = H100 + "cc_feature 1\ncc_gpus 1\ncc_environment 1\n"
    driver.says(said)
    with without("nvmlSystemGetConfComputeSettings"):
        before_550 = ask(tmp_path, clock)
    driver.says(said + "err.nvmlSystemGetConfComputeSettings 25\n")  # it does not know this structure's version
    for report in (before_550, ask(tmp_path, clock)):
        assert (report.mode.value, report.simulated.value) == (ConfidentialMode.ON, True)
        assert report.protected_pcie.value is None and "too old" in report.protected_pcie.evidence


@pytest.mark.parametrize(("code", "said"), [(4, "not permitted"), (3, "not supported"), (999, "gave an error")])
def test_an_error_is_unknown_with_its_reason(
    driver: FakeDriver, tmp_path: Path, clock: SettableClock, code: int, said: str
) -> None:
    names = ("Settings", "GpusReadyState", "Capabilities")
    driver.says(H100 + "cc_feature 1\n" + "".join(f"err.nvmlSystemGetConfCompute{name} {code}\n" for name in names))
    report = ask(tmp_path, clock)
    for finding in (report.mode, report.ready, report.cpu, report.simulated):
        assert finding.value is None and said in finding.evidence
    assert report.gpus[0].capable.value is True, "the table knows the H100"
    assert "did not say" in report.gpus[0].capable.evidence


def test_a_driver_that_hangs_is_unknown_at_once(driver: FakeDriver, tmp_path: Path, clock: SettableClock) -> None:
    driver.says(H100 + "cc_feature 1\nhang.nvmlSystemGetConfComputeCapabilities 1\n")
    report = ask(tmp_path, clock, seconds=0.5)  # enough for what does answer, on a busy computer too
    driver.says("")
    for finding in (report.mode, report.ready, report.cpu):
        assert finding.value is None and "does not answer" in finding.evidence


def test_a_protection_that_is_newer_than_this_version_is_unknown(
    driver: FakeDriver, tmp_path: Path, clock: SettableClock
) -> None:
    driver.says(H100 + "cc_gpus 1\ncc_feature 0\ncc_cpu 77\n")
    report = ask(tmp_path, clock)
    assert report.cpu.value is None and "77" in report.cpu.evidence


@pytest.mark.parametrize(
    ("device_id", "capable"),
    [
        *((device_id, True) for device_id in CAPABLE_IDS),
        (0x1B80, False),  # GTX 1080
        (0x20B2, False),  # A100
        (0x2684, False),  # RTX 4090
        (0x2B85, False),  # RTX 5090
        (0x2322, None),  # H800: an H100 for another market, on no list
        (0x2342, None),  # GH200
        (0x3182, None),  # the data centre's Blackwell Ultra
        (0x4000, None),  # not made yet
    ],
)
def test_a_card_without_a_driver_is_known_by_its_pci_id(
    driver: FakeDriver, tmp_path: Path, clock: SettableClock, device_id: int, capable: bool | None
) -> None:
    put_pci(tmp_path, "0000:41:00.0", 0x030200, 0x10DE, device_id, "vfio-pci")
    driver.says("err.nvmlInitWithFlags 9\n")
    (gpu,) = ask(tmp_path, clock).gpus
    assert gpu.capable.value is capable and f"10de:{device_id:04x}" in gpu.capable.evidence


def test_without_a_driver_only_the_tables_speak(driver: FakeDriver, tmp_path: Path, clock: SettableClock) -> None:
    driver.says("err.nvmlInitWithFlags 9\n")
    assert str(ask(tmp_path, clock).mode) == "unknown, because the NVIDIA driver is not running"


@pytest.mark.parametrize("name", ["NVIDIA GH200 480GB", "NVIDIA GB200"])
def test_a_name_that_contains_anothers_is_not_taken_for_it(
    driver: FakeDriver, tmp_path: Path, clock: SettableClock, name: str
) -> None:
    driver.says(f"name {name}\narch 9\ndevice_id 0x2342\n")
    assert ask(tmp_path, clock).gpus[0].capable.value is None
