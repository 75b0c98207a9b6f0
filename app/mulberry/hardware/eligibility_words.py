"""The sentences of the eligibility check, for people who have never heard of attestation."""

from collections.abc import Iterator, Sequence

from mulberry.hardware.eligibility_gpus import CAPABLE, GPU_MODEL, Card
from mulberry.hardware.eligibility_guest import GUEST, cpu_in_words
from mulberry.model.eligibility import (
    Answer,
    Computer,
    GpuEligibility,
    NetworkEligibility,
    NetworkRules,
    Requirement,
    Standing,
)
from mulberry.model.host import HostReport
from mulberry.model.text import as_a_part

ONLY = {
    CAPABLE: "which accepts only H100-class GPUs with confidential computing",
    GUEST: "which accepts only Intel TDX guests, and this computer can run none",
}


def computer_in_words(host: HostReport) -> str:
    """Processor, kernel and what kind of machine it is, as far as they are known."""
    words = [
        cpu_in_words(host.cpu.value or ""),
        f"Linux {host.kernel.value}" if host.kernel.is_known else "",
        _kind(host),
    ]
    return ", ".join(word for word in words if word) or "A computer that tells nothing of itself"


def _kind(host: HostReport) -> str:
    kinds = (
        (host.wsl, "inside Windows (WSL)"),
        (host.tdx_guest, "an Intel TDX guest"),
        (host.snp_guest, "an AMD SEV-SNP guest"),
        (host.virtual_machine, "a virtual machine"),
        (host.laptop, "a laptop"),
    )
    return next((words for found, words in kinds if found.value), "")


def gpu_line(name: str, network: NetworkRules, answer: Answer, needs: tuple[Requirement, ...]) -> str:
    """One GPU on one network."""
    if network.kind == "mainnet":
        return f"{name} {_on_main(network.title, answer, needs)}."
    if network.kind == "demo":
        return f"{name} is not needed: the demo's model is tiny and runs on the processor."
    if answer is Answer.CAN:
        return f"{name} can compute for {_called(network.title)}."
    return f"{name} {_idle(needs)}."


def network_line(
    network: NetworkRules, answer: Answer, needs: tuple[Requirement, ...], gpus: Sequence[GpuEligibility]
) -> str:
    """The computer on one network."""
    if network.kind == "mainnet":
        best = next((gpu for gpu in gpus if gpu.answer is answer), None)
        every = (*(best.requirements if best else ()), *needs)
        if answer is Answer.UNKNOWN:
            return f"This computer may be able to join {network.title}: {_counted(every)}."
        return f"This computer {_on_main(network.title, answer, every)}."
    if network.kind == "demo" and answer is Answer.CAN:
        return "This computer can try everything on the demo network, with play money."
    return f"This computer {_on_main(_called(network.title), answer, needs)}."


def beginners_lines(computer: Computer, cards: Sequence[Card], networks: Sequence[NetworkEligibility]) -> Iterator[str]:
    """A line for each kind of GPU, over all networks; or what is the matter where there is none."""
    main = next((network for network in networks if network.is_main), None)
    test = next((network for network in networks if not network.is_main and not network.is_demo), None)
    if not cards:
        because = computer.gpus.absent_because or "No GPU was found."
        can = f" Models run on the processor: it {_joins(test)}." if test and test.answer is Answer.CAN else ""
        yield f"{because}{can}"
    told: dict[str, int] = {}
    for number, card in enumerate(cards):
        clauses = []
        if main is not None:
            clauses.append(main.gpus[number].line.rstrip(".").removeprefix(f"{card.name} "))
        if test is not None:
            clauses.append(_on_test(test, test.gpus[number]))
        line = f"{card.name}: {'; '.join(clauses)}."
        told[line] = told.get(line, 0) + 1
    for line, count in told.items():
        yield f"{count} × {line}" if count > 1 else line


def _on_main(title: str, answer: Answer, needs: tuple[Requirement, ...]) -> str:
    missing, unknown = _names(needs, Standing.NOT_MET), _names(needs, Standing.UNKNOWN)
    if answer is Answer.CAN:
        return f"can join {title}"
    if answer is Answer.CAN_AFTER:
        return f"can join {title} when this is there: {missing}"
    if answer is Answer.UNKNOWN:
        is_of_the_class = any(need.name == CAPABLE and need.standing is Standing.MET for need in needs)
        begins = f"is of the class that {title} accepts" if is_of_the_class else f"may be able to join {title}"
        return f"{begins}{f'; still missing: {missing}' if missing else ''}; not known yet: {unknown}"
    never = next(need for need in needs if need.standing is Standing.NOT_MET and not need.can_change)
    only = ONLY.get(never.name) or f"because {as_a_part(never.evidence)}"
    return f"cannot join {title}, {only}"


def _on_test(test: NetworkEligibility, gpu: GpuEligibility) -> str:
    """The GPU on a test network, where the processor may do without it."""
    if test.answer is not Answer.CAN:
        return as_a_part(test.line)
    if gpu.answer is Answer.CAN:
        return _joins(test)
    missing = [need for need in gpu.requirements if need.standing is not Standing.MET]
    if [need.name for need in missing] == [GPU_MODEL]:
        return f"{_joins(test)}, on the processor until a model made for GPUs is imported"
    return f"{_idle(gpu.requirements)}; without it this computer {_joins(test)}"


def _idle(needs: tuple[Requirement, ...]) -> str:
    first = next(need for need in needs if need.standing is not Standing.MET)
    return f"cannot compute now: {as_a_part(first.evidence)}"


def _joins(test: NetworkEligibility) -> str:
    return f"can join test networks at level {test.level.value}"


def _called(title: str) -> str:
    return "test networks" if title == "Test networks" else title


def _counted(needs: tuple[Requirement, ...]) -> str:
    missing = sum(need.standing is Standing.NOT_MET for need in needs)
    unknown = sum(need.standing is Standing.UNKNOWN for need in needs)
    return f"{missing} of {len(needs)} things are missing, {unknown} not known yet"


def _names(needs: tuple[Requirement, ...], standing: Standing) -> str:
    return ", ".join(dict.fromkeys(as_a_part(need.name) for need in needs if need.standing is standing))
