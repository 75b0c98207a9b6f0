"""What the Hardware page says of the computer around the GPUs. Its system and firmware say it, which proves nothing."""

from mulberry.desktop.network_wording import Fact
from mulberry.model.gpu import ConfidentialMode
from mulberry.model.host import ConfidentialReport, Finding, HostReport, Value
from mulberry.model.text import plain

LONGEST_VALUE = 64  # characters
NOT_PROVEN = "What the system says of itself, for its owner. What is proven of it stands on the Attestation page."
NOT_TOLD_YET = "Unknown, because the agent has not told yet."
MODES = {
    ConfidentialMode.OFF: "off",
    ConfidentialMode.ON: "on",
    ConfidentialMode.DEV_TOOLS: "dev tools: protects nothing",
}


def capability(capable: Finding[bool] | None) -> Fact:
    """Whether a GPU can compute confidentially."""
    name = "Confidential computing"
    if capable is None:
        return Fact(name, "unknown", NOT_TOLD_YET, "muted")
    return _fact(name, capable, "capable" if capable.value else "not capable", "The card's own ability.")


def facts(host: HostReport, confidential: ConfidentialReport) -> tuple[Fact, ...]:
    """The same number each time, so that they stay in their places."""
    mode = confidential.mode
    mode_words = MODES[mode.value] if mode.value is not None else ""
    return (
        _text("Machine", host.machine, "Its maker and product."),
        _text("Processor", host.cpu, ""),
        _text("Kernel", host.kernel, ""),
        _yes("Laptop", host.laptop, ""),
        _yes("Virtual machine", host.virtual_machine, "Whether this system is a guest of another one."),
        _yes("WSL", host.wsl, "Linux within Windows."),
        _yes("Intel TDX guest", host.tdx_guest, "Cocoon's main network asks for one."),
        _yes("AMD SEV-SNP guest", host.snp_guest, "Confidential too, but no network of Cocoon takes it."),
        _yes("Can start TDX guests", host.tdx_host, "What a host needs for a confidential guest."),
        _yes("Can start SEV-SNP guests", host.snp_host, ""),
        _yes("Quotes from the kernel", host.quotes, "How a guest asks for its proof."),
        _yes("IOMMU", host.iommu, "Keeps a GPU to one guest."),
        _yes("VFIO", host.vfio, "Hands a GPU to a guest."),
        _text("QEMU", host.qemu, "Starts guests."),
        _yes("SGX", host.sgx, "Seals a guest's secrets on the host."),
        _yes("Secure Boot", host.secure_boot, "Only signed systems start."),
        _yes("TPM 2.0", host.tpm2, "A chip that signs what was started."),
        _fact("GPUs' confidential mode", mode, mode_words, "Of all GPUs together.", is_bad=_lets_in(mode)),
        _yes("Mode is simulated", confidential.simulated, "A simulation protects nothing.", is_bad=True),
        _yes("Ready for work", confidential.ready, "In confidential mode somebody must attest before GPUs accept any."),
        _yes("GPU bus protected", confidential.protected_pcie, "Several GPUs in one guest."),
        _text("Guest protected by", confidential.cpu, "What the NVIDIA driver says of the processor."),
    )


def _lets_in(mode: Finding[ConfidentialMode]) -> bool:
    return mode.value is ConfidentialMode.DEV_TOOLS


def _yes(name: str, finding: Finding[bool], what: str, *, is_bad: bool = False) -> Fact:
    """`is_bad`: a yes is."""
    return _fact(name, finding, "yes" if finding.value else "no", what, is_bad=is_bad and bool(finding.value))


def _text(name: str, finding: Finding[str], what: str) -> Fact:
    return _fact(name, finding, plain(finding.value or "", LONGEST_VALUE), what)


def _fact(name: str, finding: Finding[Value], words: str, what: str, *, is_bad: bool = False) -> Fact:
    if not finding.is_known:
        return Fact(name, "unknown", f"Unknown, because {plain(finding.evidence)}. {what}".strip(), "muted")
    return Fact(name, words, f"Read from: {plain(finding.evidence)}. {what}".strip(), "bad" if is_bad else "")
