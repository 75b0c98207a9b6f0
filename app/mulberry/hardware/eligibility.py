"""May this computer earn on each network? A pure function of what is known; nothing is looked up here.

What a network wants follows from its profile: one that asks for a TDX quote wants a guest whose image it lists, the
main network a GPU in confidential mode besides (study of the protocol, sections 6 and 7). The others want a computer
that can run the model in a sandbox; a GPU makes it faster. Nothing unknown is ever counted as met.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from mulberry.hardware.eligibility_gpus import Card, cards_of, for_any_work, for_confidential_work
from mulberry.hardware.eligibility_guest import of_guest, on_the_list
from mulberry.hardware.eligibility_words import beginners_lines, computer_in_words, gpu_line, network_line
from mulberry.model.attestation import Policy
from mulberry.model.eligibility import (
    Answer,
    Computer,
    EligibilityReport,
    GpuEligibility,
    ModelEligibility,
    NetworkEligibility,
    NetworkRules,
    Requirement,
    Standing,
)
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import ConfidentialMode, DriverState, GpuReport
from mulberry.model.known_errors import of_driver
from mulberry.model.language import tr
from mulberry.model.models import StoredModel, size_in_words
from mulberry.model.proof import Level
from mulberry.model.text import as_a_part

SANDBOX = tr("A sandbox for strangers' jobs")
MODEL = tr("The network's model")
MODEL_LISTED = tr("Its model on the network's list")
ROOM = tr("Room on the disk")
GPU = tr("An NVIDIA GPU")
ROOM_BYTES = 1 << 30  # for ledger and logs, beside the 512 MB that models leave free
RULES = tr(
    "Which GPUs compute confidentially: NVIDIA's documentation for drivers R580 and R590. "
    "What the main network asks of a worker: Cocoon's release of December 2025."
)
BEST_FIRST = (Answer.CAN, Answer.CAN_AFTER, Answer.UNKNOWN, Answer.CANNOT)


def judge(computer: Computer, networks: Sequence[NetworkRules], now: datetime) -> EligibilityReport:
    """`now` is aware."""
    cards = cards_of(computer)
    judged = tuple(_of_network(computer, network, cards) for network in networks)
    summary = tuple(beginners_lines(computer, cards, judged))
    return EligibilityReport(computer_in_words(computer.host), judged, now, summary, RULES)


def answer_to(requirements: Iterable[Requirement]) -> Answer:
    """What is impossible decides, then what is unknown, then what is missing."""
    found = tuple(requirements)
    missing = [one for one in found if one.standing is Standing.NOT_MET]
    if not all(one.can_change for one in missing):
        return Answer.CANNOT
    if any(one.standing is Standing.UNKNOWN for one in found):
        return Answer.UNKNOWN
    return Answer.CAN_AFTER if missing else Answer.CAN


def reachable_level(computer: Computer, network: NetworkRules) -> Level:
    """The highest that this computer's own evidence could reach there, if all of it verifies."""
    host, confidential = computer.host, computer.confidential
    if network.worker_policy is Policy.FAKE_TDX:
        return Level.NOT_ATTESTED  # a TEST proof proves nothing, and nothing else is shown
    if host.tdx_guest.value and computer.image.is_known:
        is_protected = confidential.mode.value is ConfidentialMode.ON and bool(confidential.ready.value)
        all_capable = bool(confidential.gpus) and all(gpu.capable.value for gpu in confidential.gpus)
        return Level.CONFIDENTIAL if is_protected and all_capable else Level.CPU_ENCLAVE
    if host.tpm2.value and host.secure_boot.value:
        return Level.TPM_BACKED
    return Level.SELF_REPORTED


def _of_network(computer: Computer, network: NetworkRules, cards: Sequence[Card]) -> NetworkEligibility:
    is_main = network.kind == "mainnet"
    of_computer = _of_computer(computer, network)
    gpus = tuple(_of_gpu(card, computer, network, of_computer) for card in cards)
    needed = of_computer
    if is_main and not cards:
        needed = (_no_gpu(computer.gpus), *of_computer)
    answer = answer_to(needed)
    if is_main and gpus:
        answer = min((gpu.answer for gpu in gpus), key=BEST_FIRST.index)
    return NetworkEligibility(
        name=network.name,
        title=network.title,
        is_demo=network.kind == "demo",
        answer=answer,
        line=network_line(network, answer, needed, gpus),
        level=reachable_level(computer, network),
        requirements=needed,
        gpus=gpus,
        models=tuple(_of_models(computer, network, cards)),
        root_as_of=network.root.as_of if network.root else None,
        is_main=is_main,
    )


def _no_gpu(report: GpuReport) -> Requirement:
    """That a driver is silent does not mean that there is no GPU, unless the PCI bus says so too."""
    because = report.absent_because or tr("None was found.")
    if report.driver is DriverState.NO_GPU or report.on_pci is not None:
        if report.driver is not DriverState.NO_GPU:
            because = tr("The PCI bus shows no NVIDIA GPU; of the driver: {because}.", because=as_a_part(because))
        step = tr("It takes a GPU with confidential computing, of the H100's class.")
        return Requirement(GPU, Standing.NOT_MET, because, step, can_change=False)
    known = of_driver(report.driver)
    why = tr("unknown, because {because}, and the PCI bus cannot be read", because=as_a_part(because))
    return Requirement(GPU, Standing.UNKNOWN, why, known.next_step, known.whose_turn, known.command)


def _of_gpu(
    card: Card, computer: Computer, network: NetworkRules, of_computer: tuple[Requirement, ...]
) -> GpuEligibility:
    """On the main network a GPU answers for the whole computer; on the others for itself, since none is needed."""
    own: list[Requirement] = []
    if network.kind == "mainnet":
        own += for_confidential_work(card, computer)
    is_where_jobs_run = network.kind == "test" or (network.kind == "mainnet" and computer.host.tdx_guest.value)
    if is_where_jobs_run and answer_to(own) is not Answer.CANNOT:
        own += for_any_work(card, computer, _models_for(computer, network))
    answer = answer_to([*own, *of_computer]) if network.kind == "mainnet" else answer_to(own)
    line = gpu_line(card.name, network, answer, (*own, *of_computer))
    return GpuEligibility(card.uuid, card.pci_address, card.name, answer, line, tuple(own))


def _of_computer(computer: Computer, network: NetworkRules) -> tuple[Requirement, ...]:
    found: list[Requirement] = []
    if network.worker_policy is Policy.TDX:
        found += of_guest(computer, network)
    if network.kind == "mainnet" and network.root is not None:
        digest = sha256(network.model.encode()).hexdigest()
        found.append(on_the_list(MODEL_LISTED, "model", digest, network.root.model_hashes, network.root))
    if not network.jobs_from_here:
        found.append(_sandbox(computer))
    return (*found, _model(computer, network), _room(computer))


def _sandbox(computer: Computer) -> Requirement:
    sandbox = computer.sandbox
    if sandbox.value:
        return Requirement(SANDBOX, Standing.MET, f"{sandbox.evidence}.")
    standing = Standing.UNKNOWN if sandbox.value is None else Standing.NOT_MET
    evidence = (
        tr("unknown, because {evidence}", evidence=sandbox.evidence) if sandbox.value is None else sandbox.evidence
    )
    step = tr("See what is missing; on Debian and Ubuntu, bubblewrap helps.")
    if sandbox.value is False and not computer.host.kernel.is_known:
        step = tr("Run Mulberry on Linux: so far only there it has a tested sandbox.")
    return Requirement(SANDBOX, standing, evidence, step, WhoseTurn.YOU, "mulberry sandbox selftest")


def _models_for(computer: Computer, network: NetworkRules) -> list[StoredModel]:
    """Those here that may serve on it, the one of its name first."""
    usable = [model for model in computer.models if not model.problem]
    usable.sort(key=lambda model: model.name != network.model_base_name)
    return [model for model in usable if network.any_model or model.name == network.model_base_name]


def _model(computer: Computer, network: NetworkRules) -> Requirement:
    for model in _models_for(computer, network)[:1]:
        return Requirement(MODEL, Standing.MET, f"{model.title}, {size_in_words(model.size_bytes)}.")
    return Requirement(
        MODEL,
        Standing.NOT_MET,
        tr("{model} is not imported.", model=network.model_base_name),
        tr("Import it, from a folder or an address."),
        WhoseTurn.YOU,
        "mulberry models import FOLDER-OR-ADDRESS",
    )


def _room(computer: Computer) -> Requirement:
    free = computer.free_bytes
    if free is None:
        return Requirement(ROOM, Standing.UNKNOWN, tr("unknown, because the disk does not tell"))
    if free >= ROOM_BYTES:
        return Requirement(ROOM, Standing.MET, tr("{free} are free.", free=size_in_words(free)))
    step = tr("Make room: {size} at least.", size=size_in_words(ROOM_BYTES))
    return Requirement(
        ROOM, Standing.NOT_MET, tr("Only {free} are free.", free=size_in_words(free)), step, WhoseTurn.YOU
    )


def _of_models(computer: Computer, network: NetworkRules, cards: Sequence[Card]) -> Iterable[ModelEligibility]:
    """The network's own first, then those that are imported."""
    if not _models_for(computer, network):
        line = tr("{model}: is not imported.", model=network.model_base_name)
        yield ModelEligibility(network.model_base_name, Answer.CAN_AFTER, line)
    for model in computer.models:
        answer, line = _of_model(model, network, cards)
        yield ModelEligibility(model.name, answer, f"{model.title} ({model.name}): {line}")


def _of_model(model: StoredModel, network: NetworkRules, cards: Sequence[Card]) -> tuple[Answer, str]:
    if model.problem:
        return Answer.CANNOT, model.problem
    if model.name != network.model_base_name and not network.any_model:
        if network.kind != "mainnet":
            return Answer.CANNOT, tr("this network runs {model} only.", model=network.model_base_name)
        if network.root is None:
            return Answer.UNKNOWN, tr(
                "whether the network takes it is unknown, because {why}.", why=network.why_no_root
            )
        if sha256(model.name.encode()).hexdigest() not in network.root.model_hashes:
            return Answer.CANNOT, tr("its name is not on the network's list of models.")
    return _fits(model, cards)


def _fits(model: StoredModel, cards: Sequence[Card]) -> tuple[Answer, str]:
    for way in model.ways:
        if way.provider == "cpu":
            return Answer.CAN, tr("runs on the processor.")
        for card in cards:
            if card.info is not None and card.info.memory_total_bytes >= way.minimum_vram_bytes:
                return Answer.CAN, tr("fits {gpu}.", gpu=card.name)
    needed = min((way.minimum_vram_bytes for way in model.ways), default=0)
    return Answer.CANNOT, tr("needs a GPU with {memory}, and none here has that.", memory=size_in_words(needed))
