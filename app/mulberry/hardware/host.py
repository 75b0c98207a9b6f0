"""What this computer could prove or protect: its processor, kernel, firmware and the tools to run confidential guests.

Sources: Linux, Documentation/arch/x86/{tdx,amd-memory-encryption,sgx}.rst and Documentation/ABI/testing/
{configfs-tsm-report,sysfs-class-tpm}; UEFI 2.10 §3.3 (SecureBoot); SMBIOS 3.7 §7.4.1 (chassis types). Only Linux tells
these things in files; elsewhere they are unknown. No processor instruction is tried: it is faked as easily as a file.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mulberry.hardware.files import SystemFiles, UnreadableError
from mulberry.hardware.system import AMD, INTEL, Processor, is_wsl, read_processor
from mulberry.model.host import Finding, HostReport
from mulberry.model.language import tr, tr_count
from mulberry.model.text import plain

Value = TypeVar("Value")

TDX_PARAMETER = "/sys/module/kvm_intel/parameters/tdx"
SNP_PARAMETER = "/sys/module/kvm_amd/parameters/sev_snp"
TSM_REPORTS = "/sys/kernel/config/tsm/report"
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
QEMU_PLACES = ("/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm")
QEMU_SECONDS = 2.0
KERNEL_RELEASE = re.compile(r"\w[\w.+~-]{0,99}")  # it becomes a part of a path
CHASSIS_TYPE = re.compile(r"[0-9]{1,3}")
LAPTOP_CHASSIS = {8, 9, 10, 14, 30, 31, 32}  # portable, laptop, notebook, sub notebook, tablet, convertible, detachable


def read_host(files: SystemFiles) -> HostReport:
    """All of it, in a few milliseconds, and up to `QEMU_SECONDS` for QEMU. Never raises for what a system may do."""
    try:
        processor = read_processor(files)
        why = tr("only Linux on x86 tells its processor's abilities in /proc/cpuinfo")
    except UnreadableError as problem:
        processor, why = None, str(problem)

    def of_processor(look: Callable[[SystemFiles, Processor], Finding[bool]]) -> Finding[bool]:
        return Finding(None, why) if processor is None else _look(lambda: look(files, processor))

    return HostReport(
        kernel=_look(lambda: _text(files, "/proc/sys/kernel/osrelease")),
        cpu=Finding(None, why) if processor is None else Finding(plain(processor.name), "/proc/cpuinfo"),
        wsl=_look(lambda: _wsl(files)),
        virtual_machine=of_processor(_virtual_machine),
        machine=_look(lambda: _machine(files)),
        laptop=_look(lambda: _laptop(files)),
        tdx_host=of_processor(_tdx_host),
        snp_host=of_processor(_snp_host),
        tdx_guest=of_processor(_tdx_guest),
        snp_guest=of_processor(_snp_guest),
        quotes=_look(lambda: _quotes(files)),
        iommu=_look(lambda: _iommu(files)),
        vfio=_look(lambda: _vfio(files)),
        qemu=_look(lambda: _qemu(files)),
        sgx=of_processor(_sgx),
        secure_boot=_look(lambda: _secure_boot(files)),
        tpm2=_look(lambda: _tpm2(files)),
    )


def _look(question: Callable[[], Finding[Value]]) -> Finding[Value]:
    try:
        return question()
    except UnreadableError as problem:
        return Finding(None, str(problem))


def _text(files: SystemFiles, path: str) -> Finding[str]:
    text = files.text(path)
    return Finding(plain(text), path) if text else Finding(None, tr("there is no {path}", path=path))


def _wsl(files: SystemFiles) -> Finding[bool]:
    kernel = _text(files, "/proc/sys/kernel/osrelease")
    return Finding(is_wsl(files), f"kernel {kernel.value}") if kernel.is_known else Finding(None, kernel.evidence)


def _virtual_machine(files: SystemFiles, processor: Processor) -> Finding[bool]:
    return Finding(
        processor.is_virtual,
        tr("flag “hypervisor” is in /proc/cpuinfo")
        if processor.is_virtual
        else tr("flag “hypervisor” not in /proc/cpuinfo"),
    )


def _machine(files: SystemFiles) -> Finding[str]:
    folder = "/sys/class/dmi/id"
    said = [files.text(f"{folder}/{name}") for name in ("sys_vendor", "product_name")]
    known = [plain(text) for text in said if text]
    return (
        Finding(" ".join(known), folder) if known else Finding(None, tr("there is nothing in {folder}", folder=folder))
    )


def _laptop(files: SystemFiles) -> Finding[bool]:
    path = "/sys/class/dmi/id/chassis_type"
    said = files.text(path)
    if said is None or not CHASSIS_TYPE.fullmatch(said):
        return Finding(
            None, tr("there is no {path}", path=path) if said is None else tr("{path} is no number", path=path)
        )
    return Finding(
        int(said) in LAPTOP_CHASSIS, tr("chassis type {chassis_type} of its firmware", chassis_type=int(said))
    )


def _tdx_host(files: SystemFiles, processor: Processor) -> Finding[bool]:
    if processor.vendor != INTEL:
        return Finding(False, tr("the processor is not made by Intel"))
    return _host_of_guests(files, processor, TDX_PARAMETER, "kvm_intel", "6.16")


def _snp_host(files: SystemFiles, processor: Processor) -> Finding[bool]:
    if processor.vendor != AMD:
        return Finding(False, tr("the processor is not made by AMD"))
    return _host_of_guests(files, processor, SNP_PARAMETER, "kvm_amd", "6.11")


def _host_of_guests(
    files: SystemFiles, processor: Processor, parameter: str, module: str, kernel: str
) -> Finding[bool]:
    said = files.text(parameter)
    if said is not None:
        return Finding(said in ("Y", "1"), f"{parameter} is {plain(said, 8)}")
    if processor.is_virtual:
        return Finding(False, tr("this system is itself a guest, and confidential guests do not nest"))
    if files.exists(f"/sys/module/{module}"):
        return Finding(
            False, tr("{module} has no such parameter: Linux {kernel} or later is needed", module=module, kernel=kernel)
        )
    return Finding(None, tr("{module} is not loaded, and only it knows", module=module))


def _tdx_guest(files: SystemFiles, processor: Processor) -> Finding[bool]:
    if "tdx_guest" in processor.flags:
        return Finding(True, tr("flag “tdx_guest” in /proc/cpuinfo; only a verified quote proves it"))
    if files.exists("/dev/tdx_guest"):
        return Finding(True, tr("/dev/tdx_guest is there; only a verified quote proves it"))
    return Finding(False, tr("neither the flag “tdx_guest” nor /dev/tdx_guest"))


def _snp_guest(files: SystemFiles, processor: Processor) -> Finding[bool]:
    if processor.is_virtual and files.exists("/dev/sev-guest"):
        return Finding(True, tr("/dev/sev-guest is there; only a verified report proves it"))
    return Finding(False, tr("there is no /dev/sev-guest"))


def _quotes(files: SystemFiles) -> Finding[bool]:
    there = files.exists(TSM_REPORTS)
    return Finding(
        there, tr("{folder} is there", folder=TSM_REPORTS) if there else tr("{folder} is not there", folder=TSM_REPORTS)
    )


def _iommu(files: SystemFiles) -> Finding[bool]:
    path = "/sys/kernel/iommu_groups"
    groups = files.names(path)
    if groups is None:
        return Finding(None, tr("there is no {path}", path=path))
    if groups:
        return Finding(True, tr_count("{count} group in {path}", "{count} groups in {path}", len(groups), path=path))
    return Finding(False, tr("{path} is empty: it is off in the firmware or for the kernel", path=path))


def _vfio(files: SystemFiles) -> Finding[bool]:
    if files.exists("/sys/module/vfio_pci"):
        return Finding(True, tr("vfio_pci is loaded"))
    kernel = files.text("/proc/sys/kernel/osrelease")
    folder = f"/lib/modules/{kernel}"
    if not kernel or not KERNEL_RELEASE.fullmatch(kernel) or not files.exists(folder):
        return Finding(None, tr("vfio_pci is not loaded, and the kernel's modules are not to be seen"))
    for module in files.names(f"{folder}/kernel/drivers/vfio/pci") or ():
        if module.startswith("vfio-pci.ko"):
            return Finding(True, tr("the kernel has the module vfio-pci, not loaded now"))
    return Finding(False, tr("there is no vfio-pci in {folder}", folder=folder))


def _qemu(files: SystemFiles) -> Finding[str]:
    place = next((place for place in QEMU_PLACES if files.exists(place)), None)
    if place is None:
        return Finding(None, tr("QEMU is not in any of its usual places"))
    return _qemu_version(files.at(place), place)


def _qemu_version(program: Path, place: str) -> Finding[str]:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, timeout=QEMU_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError) as problem:
        return Finding(
            None, tr("{place} does not tell its version: {error}", place=place, error=type(problem).__name__)
        )
    found = re.search(rb"version (\d+\.\d+(\.\d+)?)", said[:4096])
    return Finding(found[1].decode(), place) if found else Finding(None, tr("{place} names no version", place=place))


def _sgx(files: SystemFiles, processor: Processor) -> Finding[bool]:
    if files.exists("/dev/sgx_enclave"):
        return Finding(True, tr("/dev/sgx_enclave is there"))
    if "sgx" in processor.flags:
        return Finding(
            False, tr("the processor has SGX, but there is no /dev/sgx_enclave: look in the firmware's settings")
        )
    return Finding(False, tr("no flag “sgx” in /proc/cpuinfo"))


def _secure_boot(files: SystemFiles) -> Finding[bool]:
    if not files.exists("/sys/firmware"):
        return Finding(None, tr("there is no /sys/firmware"))
    if not files.exists("/sys/firmware/efi"):
        return Finding(False, tr("the system was not started by UEFI"))
    variable = files.read(SECURE_BOOT)  # four bytes of attributes, then one of value
    if variable is None or len(variable) != 5:
        return Finding(None, tr("UEFI shows no variable SecureBoot"))
    return Finding(variable[4] == 1, tr("the UEFI variable SecureBoot is {value}", value=variable[4]))


def _tpm2(files: SystemFiles) -> Finding[bool]:
    folder = "/sys/class/tpm/tpm0"
    if not files.exists("/sys/class"):
        return Finding(None, tr("there is no /sys/class"))
    if not files.exists(folder):
        return Finding(False, tr("there is no {folder}", folder=folder))
    version = files.text(f"{folder}/tpm_version_major")
    if version is None:
        return Finding(None, tr("{folder} does not tell its version", folder=folder))
    return Finding(version == "2", tr("TPM of version {version} at {folder}", version=plain(version, 8), folder=folder))
