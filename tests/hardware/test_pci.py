"""A GPU that no driver holds is seen only on the PCI bus; two spellings of one place must not become two cards."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.hardware.files import SystemFiles
from mulberry.hardware.pci import read_pci_gpus
from mulberry.model.gpu import same_address
from synthetic_computers import put, put_pci

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux's names of devices are no file names there")

DEVICE = "/sys/bus/pci/devices/0000:01:00.0"


def test_a_card_is_read_with_its_driver_and_its_sleep(tmp_path: Path) -> None:
    put_pci(tmp_path, "0000:01:00.0", 0x030000, 0x10DE, 0x28E0, "nvidia")
    put_pci(tmp_path, "0000:00:02.0", 0x030000, 0x8086, 0x46A6, None)
    put(tmp_path, f"{DEVICE}/boot_vga", "1\n")
    put(tmp_path, f"{DEVICE}/power/runtime_status", "suspended\n")
    other, nvidia = read_pci_gpus(SystemFiles(tmp_path)) or ()
    assert (nvidia.device_id, nvidia.kernel_driver, nvidia.boot_display, nvidia.asleep) == (
        0x28E0,
        "nvidia",
        True,
        True,
    )
    assert (other.kernel_driver, other.boot_display, other.asleep, other.is_nvidia) == (None, None, None, False)


def test_what_is_no_display_or_no_number_is_left_out(tmp_path: Path) -> None:
    put_pci(tmp_path, "0000:01:00.0", 0x030000, 0x10DE, 0x28E0, "nvidia")
    put_pci(tmp_path, "0000:01:00.1", 0x040300, 0x10DE, 0x22BE, "snd_hda_intel")
    put(tmp_path, "/sys/bus/pci/devices/0000:02:00.0/class", "nonsense")
    put(tmp_path, "/sys/bus/pci/devices/0000:03:00.0/class", "0x030000\n")
    put(tmp_path, "/sys/bus/pci/devices/0000:04:00.0/class/", "")
    assert [gpu.address for gpu in read_pci_gpus(SystemFiles(tmp_path)) or ()] == ["0000:01:00.0"]


def test_no_bus_is_not_an_empty_bus(tmp_path: Path) -> None:
    assert read_pci_gpus(SystemFiles(tmp_path)) is None
    put(tmp_path, "/sys/bus/pci/devices/", "")
    assert read_pci_gpus(SystemFiles(tmp_path)) == ()


@given(st.tuples(*(st.integers(0, most) for most in (0xFFFF, 0xFF, 0x1F, 7))))
def test_the_drivers_spelling_and_the_kernels_are_one_place(place: tuple[int, int, int, int]) -> None:
    domain, bus, device, function = place
    kernel = f"{domain:04x}:{bus:02x}:{device:02x}.{function}"
    assert same_address(f"{domain:08X}:{bus:02X}:{device:02X}.{function}", kernel)
    assert not same_address(f"{domain:08X}:{bus ^ 1:02X}:{device:02X}.{function}", kernel)


def test_what_is_no_address_is_only_like_itself() -> None:
    assert same_address("nonsense", "nonsense") and not same_address("nonsense", "0000:01:00.0")
