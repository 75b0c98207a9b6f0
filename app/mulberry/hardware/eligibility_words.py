"""The sentences of the eligibility check, for people who have never heard of attestation."""

from collections.abc import Iterable, Iterator, Sequence

from mulberry.hardware.eligibility_gpus import ANSWERS, CAPABLE, DRIVER, GENERATION, MEMORY, Card
from mulberry.hardware.eligibility_guest import GUEST
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

ONLY = {
    CAPABLE: "which accepts only H100-class GPUs with confidential computing",
    GUEST: "which accepts only Intel TDX guests, and this computer can run none",
}
GPU_NEEDS = (ANSWERS, DRIVER, GENERATION, MEMORY)


def computer_in_words(host: HostReport) -> str:
    """Processor, kernel and what kind of machine it is, as far as they are known."""
    cpu = (host.cpu.value or "").replace("(R)", "").replace("(TM)", "")
    words = [" ".join(cpu.split()), f"Linux {host.kernel.value}" if host.kernel.is_known else "", _kind(host)]
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


def gpu_line(name: str, network: NetworkRules, answer: Answer, needs: Iterable[Requirement]) -> str:
    """One GPU on one network."""
    if network.kind == "mainnet":
        return f"{name} {_on_main(network.title, answer, tuple(needs))}."
    if network.kind == "demo":
        return f"{name} is not needed: the demo's model is tiny and runs on the processor."
    missing = _first(tuple(need for need in needs if need.name in GPU_NEEDS), Standing.NOT_MET)
    if missing is None:
        return f"{name} can compute for {network.title}."
    return f"{name} cannot compute for now: {_lower(missing.evidence)} {missing.next_step}".strip()


def network_line(
    network: NetworkRules, answer: Answer, needs: tuple[Requirement, ...], gpus: Sequence[GpuEligibility]
) -> str:
    """The computer on one network."""
    if network.kind == "demo":
        what = "can try everything on the demo network, with play money"
        return f"This computer {what}." if answer is Answer.CAN else f"This computer {_after(what, needs)}."
    if network.kind == "mainnet":
        best = next((gpu for gpu in gpus if gpu.answer is answer), None)
        every = (*(best.requirements if best else ()), *needs)
        return f"This computer {_on_main(network.title, answer, every)}."
    what = f"can join {network.title}" if network.title != "Test networks" else "can join test networks"
    if answer is Answer.CAN:
        return f"This computer {what}."
    if answer is Answer.CAN_AFTER:
        return f"This computer {_after(what, needs)}."
    return f"This computer {_on_main(network.title, answer, needs)}."


def _on_main(title: str, answer: Answer, needs: tuple[Requirement, ...]) -> str:
    if answer is Answer.CAN:
        return f"can join {title}"
    if answer is Answer.CAN_AFTER:
        return _after(f"can join {title}", needs)
    if answer is Answer.UNKNOWN:
        unknown = _first(needs, Standing.UNKNOWN)
        missing = _first(needs, Standing.NOT_MET)
        first = f"; first: {_lower(missing.next_step).rstrip('.')}" if missing and missing.next_step else ""
        return f"may be able to join {title}, but “{unknown.name if unknown else ''}” is unknown{first}"
    never = next(need for need in needs if need.standing is Standing.NOT_MET and not need.can_change)
    only = ONLY.get(never.name) or f"because {_lower(never.evidence).rstrip('.')}"
    return f"cannot join {title}, {only}"


def _after(what: str, needs: tuple[Requirement, ...]) -> str:
    missing = [need for need in needs if need.standing is Standing.NOT_MET]
    if not missing:
        return what
    more = f" ({len(missing)} things are missing)" if len(missing) > 1 else ""
    return f"{what} after this: {_lower(missing[0].next_step).rstrip('.')}{more}"


def beginners_lines(computer: Computer, cards: Sequence[Card], networks: Sequence[NetworkEligibility]) -> Iterator[str]:
    """A line for each kind of GPU, over all networks; or what is the matter where there is none."""
    main = next((network for network in networks if network.is_main), None)
    test = next((network for network in networks if not network.is_main and not network.is_demo), None)
    if not cards:
        because = computer.gpus.absent_because or "No GPU was found."
        can = f" {_on_test(test)}" if test and test.answer is Answer.CAN else ""
        yield f"{because}{can}"
    told: dict[str, int] = {}
    for number, card in enumerate(cards):
        clauses = []
        if main is not None:
            clauses.append(main.gpus[number].line.rstrip(".").removeprefix(f"{card.name} "))
        if test is not None:
            clauses.append(_with_gpu(card, test, test.gpus[number]))
        line = f"{card.name}: {'; '.join(clauses)}."
        told[line] = told.get(line, 0) + 1
    for line, count in told.items():
        yield f"{count} × {line}" if count > 1 else line


def _with_gpu(card: Card, test: NetworkEligibility, gpu: GpuEligibility) -> str:
    if gpu.answer is Answer.CAN and test.answer is Answer.CAN:
        return f"can join test networks at level {test.level.value}"
    if gpu.answer is Answer.CAN:
        return f"could join test networks, but {_lower(test.line).rstrip('.')}"
    rest = gpu.line.removeprefix(f"{card.name} ").rstrip(".")
    return f"{rest}; the processor can join test networks meanwhile" if test.answer is Answer.CAN else rest


def _on_test(test: NetworkEligibility) -> str:
    return f"Models run on the processor: it can join test networks at level {test.level.value}."


def _first(needs: tuple[Requirement, ...], standing: Standing) -> Requirement | None:
    return next((need for need in needs if need.standing is standing), None)


def _lower(sentence: str) -> str:
    """As the second half of another sentence; names and abbreviations keep their capitals."""
    first = sentence.partition(" ")[0]
    is_ordinary = first[1:].islower() or first in ("A", "It")
    return sentence[:1].lower() + sentence[1:] if is_ordinary else sentence
