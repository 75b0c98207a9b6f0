"""What the Hardware page says of the computer around the GPUs. Its system and firmware say it, which proves nothing."""

from mulberry.desktop.network_wording import Fact
from mulberry.model.gpu import ConfidentialMode
from mulberry.model.host import ConfidentialReport, Finding, HostReport, Value
from mulberry.model.language import tr
from mulberry.model.text import plain

LONGEST_VALUE = 64  # characters
NOT_PROVEN = tr("What the system says of itself, for its owner. What is proven of it stands on the Attestation page.")
NOT_TOLD_YET = tr("Unknown, because the agent has not told yet.")
MODES = {
    ConfidentialMode.OFF: tr("off"),
    ConfidentialMode.ON: tr("on"),
    ConfidentialMode.DEV_TOOLS: tr("dev tools: protects nothing"),
}


def capability(capable: Finding[bool] | None) -> Fact:
    """Whether a GPU can compute confidentially."""
    name = tr("Confidential computing")
    if capable is None:
        return Fact(name, tr("unknown"), NOT_TOLD_YET, "muted")
    words = tr("capable") if capable.value else tr("not capable")
    return _fact(name, capable, words, tr("The card's own ability."))


def facts(host: HostReport, confidential: ConfidentialReport) -> tuple[Fact, ...]:
    """The same number each time, so that they stay in their places."""
    mode = confidential.mode
    mode_words = MODES[mode.value] if mode.value is not None else ""
    return (
        _text(tr("Machine"), host.machine, tr("Its maker and product.")),
        _text(tr("Processor"), host.cpu, ""),
        _text(tr("Kernel"), host.kernel, ""),
        _yes(tr("Laptop"), host.laptop, ""),
        _yes(tr("Virtual machine"), host.virtual_machine, tr("Whether this system is a guest of another one.")),
        _yes("WSL", host.wsl, tr("Linux within Windows.")),
        _yes(tr("Intel TDX guest"), host.tdx_guest, tr("Cocoon's main network asks for one.")),
        _yes(tr("AMD SEV-SNP guest"), host.snp_guest, tr("Confidential too, but no network of Cocoon takes it.")),
        _yes(tr("Can start TDX guests"), host.tdx_host, tr("What a host needs for a confidential guest.")),
        _yes(tr("Can start SEV-SNP guests"), host.snp_host, ""),
        _yes(tr("Quotes from the kernel"), host.quotes, tr("How a guest asks for its proof.")),
        _yes("IOMMU", host.iommu, tr("Keeps a GPU to one guest.")),
        _yes("VFIO", host.vfio, tr("Hands a GPU to a guest.")),
        _text("QEMU", host.qemu, tr("Starts guests.")),
        _yes("SGX", host.sgx, tr("Seals a guest's secrets on the host.")),
        _yes(tr("Secure Boot"), host.secure_boot, tr("Only signed systems start.")),
        _yes("TPM 2.0", host.tpm2, tr("A chip that signs what was started.")),
        _fact(tr("GPUs' confidential mode"), mode, mode_words, tr("Of all GPUs together."), is_bad=_lets_in(mode)),
        _yes(tr("Mode is simulated"), confidential.simulated, tr("A simulation protects nothing."), is_bad=True),
        _yes(
            tr("Ready for work"),
            confidential.ready,
            tr("In confidential mode somebody must attest before GPUs accept any."),
        ),
        _yes(tr("GPU bus protected"), confidential.protected_pcie, tr("Several GPUs in one guest.")),
        _text(tr("Guest protected by"), confidential.cpu, tr("What the NVIDIA driver says of the processor.")),
    )


def _lets_in(mode: Finding[ConfidentialMode]) -> bool:
    return mode.value is ConfidentialMode.DEV_TOOLS


def _yes(name: str, finding: Finding[bool], what: str, *, is_bad: bool = False) -> Fact:
    """`is_bad`: a yes is."""
    return _fact(name, finding, tr("yes") if finding.value else tr("no"), what, is_bad=is_bad and bool(finding.value))


def _text(name: str, finding: Finding[str], what: str) -> Fact:
    return _fact(name, finding, plain(finding.value or "", LONGEST_VALUE), what)


def _fact(name: str, finding: Finding[Value], words: str, what: str, *, is_bad: bool = False) -> Fact:
    evidence = plain(finding.evidence)
    if not finding.is_known:
        why = tr("Unknown, because {evidence}.", evidence=evidence)
        return Fact(name, tr("unknown"), f"{why} {what}".strip(), "muted")
    source = tr("Read from: {evidence}.", evidence=evidence)
    return Fact(name, words, f"{source} {what}".strip(), "bad" if is_bad else "")
