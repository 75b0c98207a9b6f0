"""Synthetic computers: what their drivers and files say, and what must be found. Nothing here was recorded.

PCI ids of capable cards are those of NVIDIA's gpu-admin-tools; the others are from the public list of PCI ids.
"""

from dataclasses import dataclass, field
from pathlib import Path

from mulberry.model.gpu import ConfidentialMode, DriverState

OFF, ON, DEV_TOOLS = ConfidentialMode.OFF, ConfidentialMode.ON, ConfidentialMode.DEV_TOOLS
GIB = 2**30
ADA, HOPPER, BLACKWELL, AMPERE, PASCAL, TURING = 8, 9, 10, 7, 4, 6

INTEL_DESKTOP = "GenuineIntel|12th Gen Intel(R) Core(TM) i7-12700K|fpu sse aes avx2"
INTEL_SERVER = "GenuineIntel|INTEL(R) XEON(R) PLATINUM 8570|fpu sse aes avx512f sgx sgx_lc tdx_host_platform"
INTEL_GUEST = "GenuineIntel|INTEL(R) XEON(R) PLATINUM 8570|fpu sse aes avx512f hypervisor"
TDX_GUEST = INTEL_GUEST + " tdx_guest"
AMD_DESKTOP = "AuthenticAMD|AMD Ryzen 9 7950X 16-Core Processor|fpu sse aes avx2"
AMD_SERVER = "AuthenticAMD|AMD EPYC 9554 64-Core Processor|fpu sse aes avx2 sme sev sev_es sev_snp"
AMD_GUEST = "AuthenticAMD|AMD EPYC 9554 64-Core Processor|fpu sse aes avx2 hypervisor sev sev_es sev_snp"

DESKTOP, LAPTOP, RACK = "3", "10", "23"


@dataclass(frozen=True)
class Card:
    """A card on the PCI bus and, where its kernel driver is nvidia, in NVML. `more` is for the fake driver."""

    name: str
    device_id: int
    arch: int
    capability: tuple[int, int]
    memory_gib: int
    kernel_driver: str | None = "nvidia"
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Computer:
    """`driver` is the fake driver's state besides its cards; None: none is installed. `files` lie below the root."""

    name: str
    cards: tuple[Card, ...] = ()
    driver: tuple[str, ...] | None = ()
    cpu: str | None = INTEL_DESKTOP
    kernel: str | None = "6.8.0-85-generic"
    chassis: str | None = DESKTOP
    others_on_pci: tuple[tuple[int, int, str], ...] = ()  # vendor, device, kernel driver
    has_pci: bool = True
    files: dict[str, str] = field(default_factory=dict)
    # what must be found
    state: DriverState = DriverState.WORKS
    because: str = ""  # part of the sentence
    waits: bool = False
    capable: tuple[bool | None, ...] = ()  # of each NVIDIA card
    mode: ConfidentialMode | None = OFF
    ready: bool | None = None
    host: dict[str, bool | str | None] = field(default_factory=dict)  # findings of HostReport

    def build(self, root: Path) -> str:
        """Writes the files below `root` and returns the state of the fake driver."""
        if self.kernel:
            put(root, "/proc/sys/kernel/osrelease", self.kernel + "\n")
        if self.chassis:
            put(root, "/sys/class/dmi/id/chassis_type", self.chassis + "\n")
        if self.cpu:
            vendor, model, flags = self.cpu.split("|")
            one = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: {model}\nflags\t\t: {flags}\n"
            put(root, "/proc/cpuinfo", f"{one}\n{one}")
        if self.has_pci:
            put_pci(root, "0000:00:00.0", 0x060000, 0x8086, 0x4668, None)
        for path, text in self.files.items():
            put(root, path, text)
        for number, (vendor_id, device_id, kernel_driver) in enumerate(self.others_on_pci):
            put_pci(root, f"0000:00:{number + 2:02x}.0", 0x030000, vendor_id, device_id, kernel_driver)
        lines = list(self.driver or ())
        held = 0
        for number, card in enumerate(self.cards):
            if self.has_pci:
                put_pci(root, f"0000:{number + 1:02x}:00.0", 0x030200, 0x10DE, card.device_id, card.kernel_driver)
            if card.kernel_driver == "nvidia":
                lines += [f"d{held}.{line}" for line in nvml_lines(card, number)]
                held += 1
        return "\n".join([f"count {held}", *lines, ""])


def nvml_lines(card: Card, number: int) -> list[str]:
    return [
        *card.more,
        f"name {card.name}",
        f"bus 00000000:{number + 1:02X}:00.0",
        f"device_id {card.device_id:#x}",
        f"arch {card.arch}",
        f"cc_major {card.capability[0]}",
        f"cc_minor {card.capability[1]}",
        f"mem_total {card.memory_gib * GIB}",
    ]


def put(root: Path, path: str, text: str) -> None:
    """Latin-1, so that a text can say any byte. A path that ends with a slash is an empty folder; an executable
    file begins with `#!`."""
    file = root / path.lstrip("/")
    if path.endswith("/"):
        file.mkdir(parents=True, exist_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("latin-1"))
    if text.startswith("#!"):
        file.chmod(0o755)


def put_pci(root: Path, address: str, kind: int, vendor: int, device: int, kernel_driver: str | None) -> None:
    folder = f"/sys/bus/pci/devices/{address}"
    for name, number in (("class", kind), ("vendor", vendor), ("device", device)):
        put(root, f"{folder}/{name}", f"{number:#06x}\n")
    if kernel_driver:
        (root / folder.lstrip("/") / "driver").symlink_to(f"../../../bus/pci/drivers/{kernel_driver}")


RTX_3060 = Card("NVIDIA GeForce RTX 3060", 0x2503, AMPERE, (8, 6), 12)
RTX_3090 = Card("NVIDIA GeForce RTX 3090", 0x2204, AMPERE, (8, 6), 24)
RTX_4090 = Card("NVIDIA GeForce RTX 4090", 0x2684, ADA, (8, 9), 24, more=("display 1",))
RTX_4060_LAPTOP = Card(
    "NVIDIA GeForce RTX 4060 Laptop GPU", 0x28E0, ADA, (8, 9), 8, more=("err.nvmlDeviceGetEnforcedPowerLimit 3",)
)
RTX_5090 = Card("NVIDIA GeForce RTX 5090", 0x2B85, BLACKWELL, (12, 0), 32)
RTX_5070_LAPTOP = Card("NVIDIA GeForce RTX 5070 Laptop GPU", 0x2D18, BLACKWELL, (12, 0), 8)
GTX_1080 = Card("NVIDIA GeForce GTX 1080", 0x1B80, PASCAL, (6, 1), 8)
A100 = Card("NVIDIA A100-SXM4-80GB", 0x20B2, AMPERE, (8, 0), 80, more=("ecc 1", "mig 1"))
T4 = Card("Tesla T4", 0x1EB8, TURING, (7, 5), 16, more=("ecc 1",))
H100 = Card("NVIDIA H100 80GB HBM3", 0x2330, HOPPER, (9, 0), 80, more=("ecc 1", "mig 0"))
H200 = Card("NVIDIA H200", 0x2335, HOPPER, (9, 0), 141, more=("ecc 1", "mig 0"))
GH200 = Card("NVIDIA GH200 480GB", 0x2342, HOPPER, (9, 0), 96, more=("ecc 1", "mig 0"))
B200 = Card("NVIDIA B200", 0x2901, BLACKWELL, (10, 0), 180, more=("ecc 1", "mig 0"))
PRO_6000_SERVER = Card("NVIDIA RTX PRO 6000 Blackwell Server Edition", 0x2BB5, BLACKWELL, (12, 0), 96, more=("ecc 1",))
PRO_6000_WORKSTATION = Card(
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 0x2BB1, BLACKWELL, (12, 0), 96, more=("ecc 1",)
)


def on(card: Card, kernel_driver: str | None) -> Card:
    return Card(card.name, card.device_id, card.arch, card.capability, card.memory_gib, kernel_driver, card.more)


CC_CAPABLE = ("cc_gpus 1", "cc_environment 2", "cc_feature 0")
CC_ON = ("cc_gpus 1", "cc_environment 2", "cc_feature 1", "cc_ready 1")
SECURE_BOOT_FILE = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
FIRMWARE = {SECURE_BOOT_FILE: "\x06\0\0\0\x01", "/sys/class/tpm/tpm0/tpm_version_major": "2\n"}
QEMU = "#!/bin/sh\necho 'QEMU emulator version 9.2.1 (Debian 1:9.2.1+ds-1)'\n"
TDX_HOST_FILES = {
    "/sys/module/kvm_intel/parameters/tdx": "Y\n",
    "/sys/kernel/iommu_groups/0/": "",
    "/sys/kernel/iommu_groups/1/": "",
    "/sys/module/vfio_pci/": "",
    "/dev/sgx_enclave": "",
    "/usr/bin/qemu-system-x86_64": QEMU,
    **FIRMWARE,
}
SNP_HOST_FILES = {"/sys/module/kvm_amd/parameters/sev_snp": "Y\n", "/sys/kernel/iommu_groups/0/": "", **FIRMWARE}
TDX_GUEST_FILES = {"/dev/tdx_guest": "", "/sys/kernel/config/tsm/report/": "", "/sys/firmware/": "", "/sys/class/": ""}

COMPUTERS = (
    Computer("RTX 3060 desktop", (RTX_3060,), capable=(False,), host={"laptop": False, "tdx_host": None, "wsl": False}),
    Computer("two RTX 3090", (RTX_3090, RTX_3090), cpu=AMD_DESKTOP, capable=(False, False), host={"tdx_host": False}),
    Computer(
        "RTX 4090 desktop with Secure Boot and TPM",
        (RTX_4090,),
        files=FIRMWARE,
        capable=(False,),
        host={"secure_boot": True, "tpm2": True, "sgx": False},
    ),
    Computer("RTX 5090 desktop", (RTX_5090,), cpu=AMD_DESKTOP, capable=(False,), host={"snp_host": None}),
    Computer(
        "RTX 5090 whose driver answers questions about confidential computing",
        (RTX_5090,),
        driver=("cc_gpus 1", "cc_feature 0"),
        capable=(False,),
        ready=False,
    ),
    Computer(
        "laptop with two GPUs, Intel and RTX 4060",
        (RTX_4060_LAPTOP,),
        chassis=LAPTOP,
        others_on_pci=((0x8086, 0x46A6, "i915"),),
        capable=(False,),
        host={"laptop": True},
    ),
    Computer(
        "laptop with AMD graphics and RTX 5070",
        (RTX_5070_LAPTOP,),
        cpu=AMD_DESKTOP,
        chassis=LAPTOP,
        others_on_pci=((0x1002, 0x150E, "amdgpu"),),
        capable=(False,),
        host={"laptop": True},
    ),
    Computer("GTX 1080", (GTX_1080,), driver=("driver 535.183.01", "cuda 12020"), capable=(False,)),
    Computer("A100 with MIG on", (A100,), cpu=AMD_SERVER, chassis=RACK, capable=(False,)),
    Computer(
        "H100 host, confidential computing off",
        (H100,),
        driver=CC_CAPABLE,
        cpu=INTEL_SERVER,
        kernel="6.16.3-tdx",
        chassis=RACK,
        files=TDX_HOST_FILES,
        capable=(True,),
        ready=False,
        host={
            "tdx_host": True,
            "snp_host": False,
            "tdx_guest": False,
            "iommu": True,
            "vfio": True,
            "qemu": "9.2.1",
            "sgx": True,
            "secure_boot": True,
        },
    ),
    Computer(
        "H100 in a TDX guest, confidential computing on",
        (H100,),
        driver=(*CC_ON, "cc_cpu 2"),
        cpu=TDX_GUEST,
        files=TDX_GUEST_FILES,
        capable=(True,),
        mode=ON,
        ready=True,
        host={"tdx_guest": True, "tdx_host": False, "virtual_machine": True, "quotes": True, "secure_boot": False},
    ),
    Computer(
        "H100 in a TDX guest, dev tools on",
        (H100,),
        driver=(*CC_ON, "cc_devtools 1", "cc_cpu 2"),
        cpu=TDX_GUEST,
        files=TDX_GUEST_FILES,
        capable=(True,),
        mode=DEV_TOOLS,
        ready=True,
        host={"tdx_guest": True, "tpm2": False},
    ),
    Computer(
        "H200 in a TDX guest, nobody has attested yet",
        (H200,),
        driver=("cc_gpus 1", "cc_environment 2", "cc_feature 1", "cc_cpu 2"),
        cpu=TDX_GUEST,
        files=TDX_GUEST_FILES,
        capable=(True,),
        mode=ON,
        ready=False,
        host={"tdx_guest": True, "quotes": True},
    ),
    Computer(
        "eight H100 in an SEV-SNP guest, bus protected",
        (H100,) * 8,
        driver=(*CC_ON, "cc_cpu 3", "cc_multi 1"),
        cpu=AMD_GUEST,
        files={"/dev/sev-guest": "", "/sys/kernel/config/tsm/report/": ""},
        capable=(True,) * 8,
        mode=ON,
        ready=True,
        host={"snp_guest": True, "tdx_guest": False, "snp_host": False},
    ),
    Computer(
        "H100 on a driver too old to speak of confidential computing",
        (H100,),
        driver=(
            "driver 525.147.05",
            "cuda 12000",
            *(
                f"err.nvmlSystemGetConfCompute{name} 13"
                for name in ("Capabilities", "State", "Settings", "GpusReadyState")
            ),
        ),
        cpu=INTEL_SERVER,
        files={"/sys/module/kvm_intel/": ""},
        capable=(True,),
        mode=None,
        host={"tdx_host": False},
    ),
    Computer("GH200, in no list", (GH200,), cpu=None, capable=(None,), mode=None, host={"tdx_host": None, "sgx": None}),
    Computer(
        "B200 on an EPYC host",
        (B200,),
        driver=CC_CAPABLE,
        cpu=AMD_SERVER,
        files=SNP_HOST_FILES,
        capable=(True,),
        ready=False,
        host={"snp_host": True, "tdx_host": False, "iommu": True},
    ),
    Computer(
        "RTX PRO 6000 Server Edition",
        (PRO_6000_SERVER,),
        cpu=INTEL_SERVER,
        files={"/sys/module/kvm_intel/parameters/tdx": "N\n"},
        capable=(True,),
        mode=None,
        host={"tdx_host": False, "sgx": False},
    ),
    Computer("RTX PRO 6000 Workstation Edition", (PRO_6000_WORKSTATION,), capable=(False,)),
    Computer("no GPU at all", driver=None, state=DriverState.NO_GPU, because="no NVIDIA GPU", mode=None),
    Computer(
        "AMD only",
        driver=None,
        cpu=AMD_DESKTOP,
        others_on_pci=((0x1002, 0x744C, "amdgpu"),),
        state=DriverState.NO_GPU,
        because="a GPU of AMD",
        mode=None,
    ),
    Computer(
        "H100 kept for a virtual machine",
        (on(H100, "vfio-pci"),),
        driver=None,
        cpu=INTEL_SERVER,
        files=TDX_HOST_FILES,
        state=DriverState.NO_GPU,
        because="kept for a virtual machine",
        capable=(True,),
        mode=None,
        host={"tdx_host": True, "vfio": True},
    ),
    Computer(
        "RTX 4090 for the desktop, RTX 3090 kept for a virtual machine",
        (RTX_4090, on(RTX_3090, "vfio-pci")),
        capable=(False, False),
    ),
    Computer(
        "RTX 4090 without a driver",
        (on(RTX_4090, None),),
        driver=None,
        state=DriverState.NOT_INSTALLED,
        because="No NVIDIA driver is installed",
        capable=(False,),
    ),
    Computer(
        "RTX 3060 run by nouveau",
        (on(RTX_3060, "nouveau"),),
        driver=None,
        state=DriverState.NOT_INSTALLED,
        because="nouveau",
        capable=(False,),
    ),
    Computer(
        "RTX 4090, its driver updated under way",
        (RTX_4090,),
        driver=("err.nvmlSystemGetDriverVersion 18",),
        state=DriverState.UPDATED,
        because="must be restarted",
        waits=True,
        capable=(False,),
    ),
    Computer(
        "RTX 4090, its driver not loaded yet",
        (RTX_4090,),
        driver=("err.nvmlInitWithFlags 9",),
        state=DriverState.NOT_RUNNING,
        because="not running",
        waits=True,
        capable=(False,),
    ),
    Computer(
        "RTX 4090 whose device files are closed to this user",
        (RTX_4090,),
        driver=("err.nvmlInitWithFlags 4",),
        state=DriverState.NOT_PERMITTED,
        because="may not talk",
        capable=(False,),
    ),
    Computer(
        "RTX 4090 that fell off the bus",
        (RTX_4090,),
        driver=("err.nvmlDeviceGetHandleByIndex_v2 15",),
        state=DriverState.FAILING,
        because="stopped answering",
        capable=(False,),
    ),
    Computer(
        "WSL with an RTX 4090",
        (RTX_4090,),
        kernel="5.15.167.4-microsoft-standard-WSL2",
        has_pci=False,
        capable=(False,),
        host={"wsl": True},
    ),
    Computer(
        "WSL without a driver in Windows",
        driver=None,
        kernel="5.15.167.4-microsoft-standard-WSL2",
        has_pci=False,
        state=DriverState.NOT_INSTALLED,
        because="driver in Windows",
        mode=None,
        host={"wsl": True},
    ),
    Computer(
        "cloud virtual machine with a T4",
        (T4,),
        cpu=INTEL_GUEST,
        files={"/sys/class/dmi/id/sys_vendor": "Google\n", "/sys/class/dmi/id/product_name": "Google Compute Engine\n"},
        chassis="1",
        capable=(False,),
        host={
            "virtual_machine": True,
            "tdx_host": False,
            "tdx_guest": False,
            "machine": "Google Google Compute Engine",
        },
    ),
    Computer(
        "Windows, where no file tells anything",
        (RTX_4090,),
        cpu=None,
        kernel=None,
        has_pci=False,
        chassis=None,
        capable=(False,),
        host={"wsl": None, "kernel": None, "secure_boot": None, "tpm2": None, "iommu": None, "tdx_guest": None},
    ),
    Computer("mining rack with 64 cards", (RTX_3060,) * 64, cpu=AMD_DESKTOP, capable=(False,) * 64),
)
