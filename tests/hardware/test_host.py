"""What a computer says of itself decides what its owner is told to buy or change: unknown must not become yes or no."""

import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mulberry.hardware import host
from mulberry.hardware.files import MOST_BYTES, SystemFiles, UnreadableError
from mulberry.hardware.host import SECURE_BOOT, SNP_PARAMETER, TDX_PARAMETER, TSM_REPORTS, read_host
from mulberry.hardware.system import is_wsl, read_processor
from synthetic_computers import AMD_SERVER, INTEL_SERVER, put

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has none of these files")

QEMU = "/usr/bin/qemu-system-x86_64"
READ = (
    "/proc/cpuinfo",
    "/proc/sys/kernel/osrelease",
    "/sys/class/dmi/id/chassis_type",
    "/sys/class/dmi/id/sys_vendor",
    TDX_PARAMETER,
    SNP_PARAMETER,
    SECURE_BOOT,
    "/sys/class/tpm/tpm0/tpm_version_major",
)


def cpu(flags: str, vendor: str = "GenuineIntel") -> str:
    return f"processor : 0\nvendor_id : {vendor}\nmodel name : One\nflags : {flags}\n"


def test_a_file_that_cannot_be_read_is_unknown_and_named(tmp_path: Path) -> None:
    for path in READ:
        put(tmp_path, path + "/", "")  # a folder in its place: reading it fails, whoever asks
    report = read_host(SystemFiles(tmp_path))
    for name, path in (
        ("kernel", "/proc/sys/kernel/osrelease"),
        ("tdx_host", "/proc/cpuinfo"),
        ("sgx", "/proc/cpuinfo"),
        ("laptop", "/sys/class/dmi/id/chassis_type"),
        ("secure_boot", SECURE_BOOT),
        ("tpm2", "/sys/class/tpm/tpm0/tpm_version_major"),
    ):
        finding = getattr(report, name)
        assert finding.value is None and path in finding.evidence, name
        assert str(finding).startswith("unknown, because ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@example("/proc/sys/kernel/osrelease", b"6.8\x00.0")
@example("/proc/sys/kernel/osrelease", b"../../..")
@given(st.sampled_from(READ), st.binary(max_size=300))
def test_no_file_can_make_it_fail(tmp_path: Path, path: str, untrusted: bytes) -> None:
    root = Path(tempfile.mkdtemp(dir=tmp_path))  # what another example wrote is not there
    put(root, path, untrusted.decode("latin-1") if not untrusted.startswith(b"#!") else "x")
    report = read_host(SystemFiles(root))
    assert all(getattr(report, one.name).evidence for one in fields(report))


def test_a_file_without_an_end_is_cut(tmp_path: Path) -> None:
    put(tmp_path, "/proc/cpuinfo", cpu("sgx") + "x" * 2 * MOST_BYTES)
    read = SystemFiles(tmp_path).read("/proc/cpuinfo")
    assert read is not None and len(read) == MOST_BYTES


@pytest.mark.parametrize(
    ("said", "value"),
    [("\x06\0\0\0\x01", True), ("\x06\0\0\0\0", False), ("\x06\0\0\0", None), ("\x01", None), ("", None)],
)
def test_secure_boot_is_the_fifth_byte_of_its_variable(tmp_path: Path, said: str, value: bool | None) -> None:
    put(tmp_path, SECURE_BOOT, said)
    assert read_host(SystemFiles(tmp_path)).secure_boot.value is value


@pytest.mark.parametrize("said", ["9" * 5_000, "\xd9\xa9", "-9", "", "9 9"])
def test_a_chassis_that_is_no_number_is_unknown(tmp_path: Path, said: str) -> None:
    put(tmp_path, "/sys/class/dmi/id/chassis_type", said)
    assert read_host(SystemFiles(tmp_path)).laptop.value is None


def test_a_tpm_of_version_one_is_no_tpm_2(tmp_path: Path) -> None:
    put(tmp_path, "/sys/class/tpm/tpm0/tpm_version_major", "1\n")
    assert read_host(SystemFiles(tmp_path)).tpm2.value is False


@pytest.mark.parametrize(
    ("processor", "files", "tdx", "snp"),
    [
        (INTEL_SERVER, {}, None, False),
        (INTEL_SERVER, {"/sys/module/kvm_intel/": ""}, False, False),
        (INTEL_SERVER, {TDX_PARAMETER: "N\n"}, False, False),
        (INTEL_SERVER, {TDX_PARAMETER: "Y\n"}, True, False),
        (AMD_SERVER, {}, False, None),
        (AMD_SERVER, {"/sys/module/kvm_amd/": ""}, False, False),
        (AMD_SERVER, {SNP_PARAMETER: "N\n"}, False, False),
        (AMD_SERVER, {SNP_PARAMETER: "Y\n"}, False, True),
    ],
)
def test_only_the_kernel_knows_whether_it_starts_confidential_guests(
    tmp_path: Path, processor: str, files: dict[str, str], tdx: bool | None, snp: bool | None
) -> None:
    vendor, _, flags = processor.split("|")
    put(tmp_path, "/proc/cpuinfo", cpu(flags, vendor))
    for path, text in files.items():
        put(tmp_path, path, text)
    report = read_host(SystemFiles(tmp_path))
    assert (report.tdx_host.value, report.snp_host.value) == (tdx, snp)


def test_a_guest_is_told_by_its_device_and_that_this_proves_nothing(tmp_path: Path) -> None:
    put(tmp_path, "/proc/cpuinfo", cpu("hypervisor"))
    put(tmp_path, "/dev/tdx_guest", "")
    put(tmp_path, TSM_REPORTS + "/", "")
    report = read_host(SystemFiles(tmp_path))
    assert report.tdx_guest.value is True and "only a verified quote proves it" in report.tdx_guest.evidence
    assert report.quotes.value is True


def test_sgx_needs_the_device_and_not_only_the_processor(tmp_path: Path) -> None:
    put(tmp_path, "/proc/cpuinfo", cpu("sgx sgx_lc"))
    report = read_host(SystemFiles(tmp_path))
    assert report.sgx.value is False and "firmware's settings" in report.sgx.evidence


def test_an_iommu_without_groups_is_off(tmp_path: Path) -> None:
    put(tmp_path, "/sys/kernel/iommu_groups/", "")
    assert read_host(SystemFiles(tmp_path)).iommu.value is False


@pytest.mark.parametrize(("module", "value"), [("vfio-pci.ko.zst", True), ("other.ko", False)])
def test_vfio_may_lie_ready_without_being_loaded(tmp_path: Path, module: str, value: bool) -> None:
    put(tmp_path, "/proc/sys/kernel/osrelease", "6.8.0\n")
    put(tmp_path, f"/lib/modules/6.8.0/kernel/drivers/vfio/pci/{module}", "")
    assert read_host(SystemFiles(tmp_path)).vfio.value is value


@pytest.mark.parametrize(
    ("script", "version", "evidence"),
    [
        ("#!/bin/sh\necho QEMU emulator version 8.2.2\n", "8.2.2", QEMU),
        ("#!/bin/sh\necho something else\n", None, "names no version"),
        ("#!/bin/sh\nexit 1\n", None, "CalledProcessError"),
        ("#!/bin/sh\nexec sleep 60\n", None, "TimeoutExpired"),
        ("#!/there/is/no/such/interpreter\n", None, "FileNotFoundError"),
    ],
)
def test_qemu_is_asked_for_its_version_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, version: str | None, evidence: str
) -> None:
    if "sleep" in script:
        monkeypatch.setattr(host, "QEMU_SECONDS", 0.05)
    put(tmp_path, QEMU, script)
    qemu = read_host(SystemFiles(tmp_path)).qemu
    assert qemu.value == version and evidence in qemu.evidence


def test_wsl_is_known_by_its_kernel(tmp_path: Path) -> None:
    files = SystemFiles(tmp_path)
    assert not is_wsl(files)
    put(tmp_path, "/proc/sys/kernel/osrelease", "5.15.167.4-Microsoft-standard-WSL2\n")
    assert is_wsl(files)


def test_the_first_processor_stands_for_all(tmp_path: Path) -> None:
    put(tmp_path, "/proc/cpuinfo", cpu("one two") + "\n" + cpu("three"))
    processor = read_processor(SystemFiles(tmp_path))
    assert processor is not None and processor.flags == {"one", "two"}


def test_a_folder_that_is_none_is_no_folder(tmp_path: Path) -> None:
    put(tmp_path, "/sys/class", "")
    files = SystemFiles(tmp_path)
    assert files.names("/sys/class") is None and not files.exists("/sys/class/tpm")
    put(tmp_path, "/sys/folder/", "")
    with pytest.raises(UnreadableError, match="/sys/folder cannot be read"):
        files.read("/sys/folder")
