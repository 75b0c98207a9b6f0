"""What an agent answers on a desktop with an RTX 4090: no main network, test networks after an import, and the demo."""

from mulberry.model.eligibility import (
    Answer,
    Computer,
    EligibilityReport,
    GpuEligibility,
    ModelEligibility,
    NetworkEligibility,
    Requirement,
    Standing,
)
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import ConfidentialMode, GpuReport
from mulberry.model.host import ConfidentialReport, Finding, GpuConfidentiality, HostReport
from mulberry.model.proof import Level
from samples import NOON, RTX_4090

YES, NO = Finding(True, "/proc/cpuinfo"), Finding(False, "/proc/cpuinfo")
UNKNOWN: Finding[bool] = Finding(None, "no file says")
HOST = HostReport(
    kernel=Finding("6.8.0-85-generic", "/proc/sys/kernel/osrelease"),
    cpu=Finding("12th Gen Intel(R) Core(TM) i7-12700K", "/proc/cpuinfo"),
    wsl=NO,
    virtual_machine=NO,
    machine=Finding(None, "there is nothing in /sys/class/dmi/id"),
    laptop=NO,
    tdx_host=UNKNOWN,
    snp_host=NO,
    tdx_guest=NO,
    snp_guest=NO,
    quotes=NO,
    iommu=UNKNOWN,
    vfio=UNKNOWN,
    qemu=Finding(None, "QEMU is not in any of its usual places"),
    sgx=NO,
    secure_boot=YES,
    tpm2=YES,
)
CONFIDENTIAL = ConfidentialReport(
    gpus=(GpuConfidentiality(RTX_4090.pci_address, Finding(False, "the architecture Ada has none")),),
    mode=Finding(ConfidentialMode.OFF, "NVML"),
    simulated=NO,
    protected_pcie=UNKNOWN,
    ready=UNKNOWN,
    cpu=Finding(None, "the driver does not say"),
)
COMPUTER = Computer(
    gpus=GpuReport((RTX_4090,), None, NOON),
    host=HOST,
    confidential=CONFIDENTIAL,
    sandbox=YES,
    image=Finding(None, "this is no TDX guest"),
    models=(),
    free_bytes=2**36,
)

GUEST = Requirement(
    "An Intel TDX guest", Standing.NOT_MET, "The processor has no TDX.", "It takes another computer.", can_change=False
)
RULES = Requirement(
    "The network's rules",
    Standing.UNKNOWN,
    "unknown, because its root contract was never read on this computer",
    "Ask the chain now.",
    WhoseTurn.YOU,
    "mulberry check --fresh",
)
SANDBOX = Requirement("A sandbox for strangers' jobs", Standing.MET, "bubblewrap held in its self-test.")
DRIVER = Requirement("The driver answers for it", Standing.MET, "NVML, driver 580.95.05.")
MODEL = Requirement(
    "The network's model",
    Standing.NOT_MET,
    "It is not imported.",
    "Import it.",
    WhoseTurn.YOU,
    "mulberry models import FOLDER-OR-ADDRESS",
)


def a_gpu(
    answer: Answer, line: str, *requirements: Requirement, name: str = "RTX 4090", number: int = 0
) -> GpuEligibility:
    return GpuEligibility(f"GPU-{number}", f"00000000:{number + 1:02x}:00.0", name, answer, line, requirements)


MAIN = NetworkEligibility(
    name="mainnet",
    title="Cocoon on TON",
    is_demo=False,
    answer=Answer.CANNOT,
    line="This computer cannot join Cocoon on TON.",
    level=Level.TPM_BACKED,
    requirements=(GUEST, RULES, SANDBOX),
    gpus=(a_gpu(Answer.CANNOT, "RTX 4090 cannot join Cocoon on TON."),),
    models=(ModelEligibility("qwen", Answer.UNKNOWN, "Whether the network takes it is unknown."),),
    is_main=True,
)
DEMO = NetworkEligibility(
    name="demo",
    title="Demo network",
    is_demo=True,
    answer=Answer.CAN,
    line="This computer can try everything on the demo network, with play money.",
    level=Level.NOT_ATTESTED,
    requirements=(SANDBOX,),
    gpus=(a_gpu(Answer.CAN, "RTX 4090 is not needed."),),
    models=(),
)
TEST = NetworkEligibility(
    name="test",
    title="Test networks",
    is_demo=False,
    answer=Answer.CAN_AFTER,
    line="This computer can join test networks when a model is imported.",
    level=Level.TPM_BACKED,
    requirements=(SANDBOX, MODEL),
    gpus=(a_gpu(Answer.CAN, "RTX 4090 can compute for test networks.", DRIVER),),
    models=(),
    root_as_of=NOON,
)
ELIGIBILITY = EligibilityReport(
    "12th Gen Intel Core i7-12700K, Linux 6.8.0-85-generic",
    (MAIN, DEMO, TEST),
    NOON,
    ("RTX 4090: cannot join Cocoon on TON; can join test networks at level 2.",),
)
