"""What a network wants of a GPU, and what this computer's GPUs have of it.

A GPU counts as one whether the driver tells of it or only the PCI bus does: its owner sees it in the case.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mulberry.hardware.confidential import CAPABLE_IDS
from mulberry.model.eligibility import Computer, Requirement, Standing
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import (
    ConfidentialMode,
    DriverState,
    GpuCondition,
    GpuInfo,
    PciGpu,
    UnreadGpu,
    same_address,
)
from mulberry.model.gpu_runtime import GpuComputing, GpuNeeds
from mulberry.model.host import Finding
from mulberry.model.known_errors import of_condition, of_driver
from mulberry.model.language import tr
from mulberry.model.models import StoredModel, size_in_words
from mulberry.model.text import plain

CAPABLE = tr("A GPU with confidential computing")
MODE = tr("Its confidential mode")
READY = tr("Its readiness for work")
ANSWERS = tr("The driver answers for it")
GENERATION = tr("A generation that CUDA supports")
COMPUTING = tr("What computes on GPUs")
MEMORY = tr("Memory for the model")
GPU_MODEL = tr("A model made for GPUs")
UNTOLD: Finding[bool] = Finding(None, tr("neither the driver nor the PCI bus tells which card it is"))
MODE_TOOL = "sudo python3 nvidia_gpu_tools.py --gpu-bdf={address}"  # of NVIDIA's gpu-admin-tools


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU. `info` None: the driver tells nothing of it. `uuid` is then empty."""

    uuid: str
    pci_address: str
    name: str
    capable: Finding[bool]
    info: GpuInfo | None = None
    pci: PciGpu | None = None
    condition: GpuCondition = GpuCondition.WORKS

    @property
    def is_passed_through(self) -> bool:
        return self.pci is not None and self.pci.is_passed_through


def cards_of(computer: Computer) -> list[Card]:
    """Those that the driver told of, in its order, then the others on the PCI bus; where no bus can be read, those that
    never said more than that they are there."""
    report = computer.gpus
    told = [
        Card(gpu.uuid, gpu.pci_address, short(gpu.name), _capable(computer, gpu.pci_address), gpu, None, gpu.condition)
        for gpu in report.gpus
    ]
    seen = [gpu for gpu in report.on_pci or () if gpu.is_nvidia]
    hidden = [gpu for gpu in seen if not any(same_address(gpu.address, card.pci_address) for card in told)]
    for gpu in hidden:
        condition = _condition(gpu, hidden, report.unread)
        name = CAPABLE_IDS.get(gpu.device_id, f"NVIDIA GPU (10de:{gpu.device_id:04x})")
        told.append(Card("", gpu.address, name, _capable(computer, gpu.address), None, gpu, condition))
    if report.on_pci is None:
        told += (
            Card("", one.pci_address or "", tr("NVIDIA GPU"), UNTOLD, condition=one.condition) for one in report.unread
        )
    return told


def _condition(gpu: PciGpu, hidden: Sequence[PciGpu], unread: Sequence[UnreadGpu]) -> GpuCondition:
    """Of one that only the bus knows: by the driver's error at its place, or by what it says of those without a place,
    where these must be the cards that it holds."""
    at_its_place = [one.condition for one in unread if same_address(one.pci_address or "", gpu.address)]
    nameless = [one.condition for one in unread if one.pci_address is None]
    held = [one for one in hidden if one.kernel_driver == "nvidia"]
    if not at_its_place and gpu in held and len(nameless) == len(held) and len(set(nameless)) == 1:
        return nameless[0]
    return at_its_place[0] if at_its_place else GpuCondition.WORKS


def short(untrusted_name: str) -> str:
    """As people call it: RTX 4090, not NVIDIA GeForce RTX 4090."""
    return plain(untrusted_name, 60).removeprefix("NVIDIA ").removeprefix("GeForce ")


def _capable(computer: Computer, address: str) -> Finding[bool]:
    for gpu in computer.confidential.gpus:
        if same_address(gpu.pci_address, address):
            return gpu.capable
    return UNTOLD


def for_confidential_work(card: Card, computer: Computer) -> list[Requirement]:
    """What the main network wants of a GPU, the impossible first."""
    found = [_capability(card)]
    if card.capable.value is False:
        return found
    return [*found, _mode(card, computer), *([_ready(computer)] if computer.host.tdx_guest.value else [])]


def for_any_work(card: Card, computer: Computer, models: Sequence[StoredModel]) -> list[Requirement]:
    """What our engine wants of a GPU on every network. `models`: those that may serve there."""
    answers = _answers(card, computer)
    if card.info is None:
        return [answers]
    needs = computer.computing.needs
    generation = _generation(card.info, needs)
    if not generation.can_change:
        return [answers, generation]
    installed = _installed(computer.computing)
    return [answers, generation, _driver(card.info, needs), *_memory(card.info, models), installed]


def _capability(card: Card) -> Requirement:
    capable = card.capable
    if capable.value is None:
        step = tr("A newer Mulberry may know this card.")
        return Requirement(
            CAPABLE,
            Standing.UNKNOWN,
            tr("unknown, because {evidence}", evidence=capable.evidence),
            step,
            WhoseTurn.NOBODY,
        )
    if capable.value:
        return Requirement(CAPABLE, Standing.MET, f"{card.name}: {capable.evidence}.")
    return Requirement(
        CAPABLE,
        Standing.NOT_MET,
        f"{card.name}: {capable.evidence}.",
        tr("It takes another GPU: H100, H200, B200, B300 or RTX PRO 6000 Blackwell Server Edition."),
        can_change=False,
    )


def _mode(card: Card, computer: Computer) -> Requirement:
    mode, tool = computer.confidential.mode, MODE_TOOL.format(address=_linux(card.pci_address))
    switch = f"{tool} --set-cc-mode=on --reset-after-cc-mode-switch"
    if mode.value is ConfidentialMode.ON and not card.is_passed_through:
        return Requirement(MODE, Standing.MET, tr("It is on, says {evidence}.", evidence=mode.evidence))
    if mode.value is None or card.info is None:
        why = tr("it is kept for a virtual machine") if card.is_passed_through else mode.evidence
        return Requirement(
            MODE,
            Standing.UNKNOWN,
            tr("unknown, because {why}", why=why),
            tr("Ask the GPU."),
            WhoseTurn.YOU,
            f"{tool} --query-cc-mode",
        )
    evidence = tr("It is off.")
    if mode.value is ConfidentialMode.DEV_TOOLS:
        evidence = tr("It is in dev-tools mode, which lets a debugger in and protects nothing.")
    return Requirement(
        MODE, Standing.NOT_MET, evidence, tr("Switch it on, on the host that owns the GPU."), WhoseTurn.YOU, switch
    )


def _ready(computer: Computer) -> Requirement:
    ready = computer.confidential.ready
    if ready.value is None:
        return Requirement(READY, Standing.UNKNOWN, tr("unknown, because {evidence}", evidence=ready.evidence))
    if ready.value:
        return Requirement(READY, Standing.MET, tr("Its ready state is set, says {evidence}.", evidence=ready.evidence))
    return Requirement(
        READY,
        Standing.NOT_MET,
        tr("In confidential mode it takes no work before somebody has verified it and set its ready state."),
        tr("Verify the GPU, then set its ready state."),
        WhoseTurn.YOU,
        "sudo nvidia-smi conf-compute -srs 1",
    )


def _answers(card: Card, computer: Computer) -> Requirement:
    report = computer.gpus
    if card.is_passed_through:
        return Requirement(
            ANSWERS,
            Standing.NOT_MET,
            tr("It is kept for a virtual machine (vfio-pci), so this system cannot use it."),
            tr("Run Mulberry inside that machine, or give the GPU back to the NVIDIA driver."),
            WhoseTurn.YOU,
            f"lspci -nnk -s {_linux(card.pci_address)}",
        )
    if card.condition.problem is not None:
        of_it = of_condition(card.condition)
        return Requirement(ANSWERS, Standing.NOT_MET, of_it.cause, of_it.next_step, of_it.whose_turn, of_it.command)
    if card.info is not None:
        return Requirement(ANSWERS, Standing.MET, tr("NVML, driver {version}.", version=card.info.driver_version))
    known = of_driver(report.driver)
    if report.waiting_until is not None and report.driver is not DriverState.UPDATED:
        step = tr("It may come by itself within five minutes; then look again.")
        return Requirement(ANSWERS, Standing.NOT_MET, report.absent_because or known.cause, step, WhoseTurn.NOBODY)
    because = report.absent_because or known.cause
    return Requirement(ANSWERS, Standing.NOT_MET, because, known.next_step, known.whose_turn, known.command)


def _driver(gpu: GpuInfo, needs: GpuNeeds) -> Requirement:
    major, oldest = gpu.driver_version.partition(".")[0], needs.oldest_driver
    name = tr("NVIDIA driver {version} or newer", version=oldest)
    if not major.isdecimal():
        return Requirement(name, Standing.UNKNOWN, tr("unknown, because the driver's version is no number"))
    if int(major) >= oldest:
        return Requirement(name, Standing.MET, tr("Driver {version}.", version=gpu.driver_version))
    return Requirement(
        name,
        Standing.NOT_MET,
        tr("Driver {version} is older than {cuda} needs.", version=gpu.driver_version, cuda=needs.cuda_in_words),
        tr("Install driver {version} or newer, and restart the computer.", version=oldest),
        WhoseTurn.YOU,
    )


def _generation(gpu: GpuInfo, needs: GpuNeeds) -> Requirement:
    capability = gpu.compute_capability
    if capability is None:
        return Requirement(GENERATION, Standing.UNKNOWN, tr("unknown, because the driver does not tell"))
    told = tr("compute capability {number}", number=f"{capability[0]}.{capability[1]}")
    if needs.has_code_for(capability):
        return Requirement(GENERATION, Standing.MET, f"{gpu.architecture or tr('Unknown architecture')}, {told}.")
    named = f"{gpu.architecture or tr('Its architecture')} ({told})"
    if capability < min(needs.machine_code):
        return Requirement(
            GENERATION,
            Standing.NOT_MET,
            tr("{gpu} is older than {cuda} supports.", gpu=named, cuda=needs.cuda_in_words),
            tr("It takes a GeForce GTX 16, RTX 20 or newer; until then models run on the processor."),
            can_change=False,
        )
    return Requirement(
        GENERATION,
        Standing.NOT_MET,
        tr("onnxruntime has no machine code for {gpu}.", gpu=named),
        tr("A newer Mulberry may bring one that has; until then models run on the processor."),
        can_change=False,
    )


def _installed(computing: GpuComputing) -> Requirement:
    if computing.is_here.value:
        return Requirement(COMPUTING, Standing.MET, computing.is_here.evidence)
    return Requirement(
        COMPUTING,
        Standing.NOT_MET,
        computing.is_here.evidence,
        tr("Install it, with the button under “GPUs and computer” or from a terminal."),
        WhoseTurn.YOU,
        "mulberry gpu-setup",
    )


def _memory(gpu: GpuInfo, models: Sequence[StoredModel]) -> Iterator[Requirement]:
    """For the model that needs the least. That there is no model at all is not the GPU's matter."""
    if not models:
        return
    ways = [(way.minimum_vram_bytes, model.title) for model in models for way in model.ways if way.provider == "cuda"]
    if not ways:
        yield Requirement(
            GPU_MODEL,
            Standing.NOT_MET,
            tr("The models that are here run on the processor only."),
            tr("Import a model with a variant for GPUs."),
            WhoseTurn.YOU,
            "mulberry models import FOLDER-OR-ADDRESS",
        )
        return
    needed, title = min(ways)
    told = tr(
        "{memory_total_bytes} of memory; {title} needs {needed}.",
        memory_total_bytes=size_in_words(gpu.memory_total_bytes),
        title=title,
        needed=size_in_words(needed),
    )
    if gpu.memory_total_bytes >= needed:
        yield Requirement(MEMORY, Standing.MET, told)
    else:
        yield Requirement(MEMORY, Standing.NOT_MET, told, tr("Take a smaller model."), WhoseTurn.YOU)


def _linux(pci_address: str) -> str:
    """NVML writes eight digits of the domain, Linux's tools four."""
    return pci_address[-12:].lower()
