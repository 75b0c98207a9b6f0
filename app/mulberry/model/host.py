"""What is known of this computer beside its GPUs, and of how they compute confidentially.

All of it is what the system says of itself, which proves nothing to anyone else: a dishonest host can invent it.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from mulberry.model.gpu import ConfidentialMode
from mulberry.model.language import tr

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Finding(Generic[Value]):
    """One answer. `value` None is "unknown", and `evidence` then says why; else it says where the value was read."""

    value: Value | None
    evidence: str

    @property
    def is_known(self) -> bool:
        return self.value is not None

    def __str__(self) -> str:
        return (
            f"{self.value} ({self.evidence})"
            if self.is_known
            else tr("unknown, because {evidence}", evidence=self.evidence)
        )


@dataclass(frozen=True, slots=True)
class HostReport:
    """This computer. A "host" can start confidential guests; a "guest" is one."""

    kernel: Finding[str]
    cpu: Finding[str]
    wsl: Finding[bool]
    virtual_machine: Finding[bool]
    machine: Finding[str]  # maker and product, as its firmware says
    laptop: Finding[bool]
    tdx_host: Finding[bool]
    snp_host: Finding[bool]
    tdx_guest: Finding[bool]
    snp_guest: Finding[bool]
    quotes: Finding[bool]  # the kernel offers configfs-tsm, by which a guest asks for its quote
    iommu: Finding[bool]
    vfio: Finding[bool]
    qemu: Finding[str]
    sgx: Finding[bool]
    secure_boot: Finding[bool]
    tpm2: Finding[bool]


@dataclass(frozen=True, slots=True)
class GpuConfidentiality:
    """Whether one GPU can compute confidentially; known from tables even where no driver runs."""

    pci_address: str
    capable: Finding[bool]


@dataclass(frozen=True, slots=True)
class ConfidentialReport:
    """Confidential computing as the NVIDIA driver runs it; it has one mode for all its GPUs."""

    gpus: tuple[GpuConfidentiality, ...]
    mode: Finding[ConfidentialMode]
    simulated: Finding[bool]
    protected_pcie: Finding[bool]  # several GPUs in one guest, their bus protected
    ready: Finding[bool]  # the GPUs accept work; in mode ON somebody must first attest and then set this
    cpu: Finding[str]  # what the driver says protects the guest: none, Intel TDX, AMD SEV-SNP …
