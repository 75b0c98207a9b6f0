"""The sentences of the eligibility check, for people who have never heard of attestation."""

from collections.abc import Iterator, Sequence

from mulberry.hardware.eligibility_gpus import CAPABLE, COMPUTING, GPU_MODEL, Card
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
from mulberry.model.language import tr
from mulberry.model.text import as_a_part

ONLY = {
    CAPABLE: tr("which accepts only H100-class GPUs with confidential computing"),
    GUEST: tr("which accepts only Intel TDX guests, and this computer can run none"),
}


def computer_in_words(host: HostReport) -> str:
    """Processor, kernel and what kind of machine it is, as far as they are known."""
    words = [
        cpu_in_words(host.cpu.value or ""),
        f"Linux {host.kernel.value}" if host.kernel.is_known else "",
        _kind(host),
    ]
    return ", ".join(word for word in words if word) or tr("A computer that tells nothing of itself")


def _kind(host: HostReport) -> str:
    kinds = (
        (host.wsl, tr("inside Windows (WSL)")),
        (host.tdx_guest, tr("an Intel TDX guest")),
        (host.snp_guest, tr("an AMD SEV-SNP guest")),
        (host.virtual_machine, tr("a virtual machine")),
        (host.laptop, tr("a laptop")),
    )
    return next((words for found, words in kinds if found.value), "")


def gpu_line(name: str, network: NetworkRules, answer: Answer, needs: tuple[Requirement, ...]) -> str:
    """One GPU on one network."""
    if network.kind == "mainnet":
        return f"{name} {_on_main(network.title, answer, needs)}."
    if network.kind == "demo":
        return tr("{name} is not needed: the demo's model is tiny and runs on the processor.", name=name)
    if answer is Answer.CAN:
        return tr("{name} can compute for {title}.", name=name, title=_called(network.title))
    return f"{name} {_idle(needs)}."


def network_line(
    network: NetworkRules, answer: Answer, needs: tuple[Requirement, ...], gpus: Sequence[GpuEligibility]
) -> str:
    """The computer on one network."""
    if network.kind == "mainnet":
        best = next((gpu for gpu in gpus if gpu.answer is answer), None)
        every = (*(best.requirements if best else ()), *needs)
        if answer is Answer.UNKNOWN:
            return tr(
                "This computer may be able to join {title}: {what_lacks}.",
                title=network.title,
                what_lacks=_counted(every),
            )
        return tr("This computer {can_or_cannot}.", can_or_cannot=_on_main(network.title, answer, every))
    if network.kind == "demo" and answer is Answer.CAN:
        return tr("This computer can try everything on the demo network, with play money.")
    return tr("This computer {can_or_cannot}.", can_or_cannot=_on_main(_called(network.title), answer, needs))


def beginners_lines(computer: Computer, cards: Sequence[Card], networks: Sequence[NetworkEligibility]) -> Iterator[str]:
    """A line for each kind of GPU, over all networks; or what is the matter where there is none."""
    main = next((network for network in networks if network.is_main), None)
    test = next((network for network in networks if not network.is_main and not network.is_demo), None)
    if not cards:
        because = computer.gpus.absent_because or tr("No GPU was found.")
        if test and test.answer is Answer.CAN:
            because += " " + tr("Models run on the processor: it {can_join}.", can_join=_joins(test))
        yield because
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
        return tr("can join {title}", title=title)
    if answer is Answer.CAN_AFTER:
        return tr("can join {title} when this is there: {missing}", title=title, missing=missing)
    if answer is Answer.UNKNOWN:
        is_of_the_class = any(need.name == CAPABLE and need.standing is Standing.MET for need in needs)
        clauses = [
            tr("is of the class that {title} accepts", title=title)
            if is_of_the_class
            else tr("may be able to join {title}", title=title),
            *([tr("still missing: {missing}", missing=missing)] if missing else []),
            tr("not known yet: {unknown}", unknown=unknown),
        ]
        return "; ".join(clauses)
    never = next(need for need in needs if need.standing is Standing.NOT_MET and not need.can_change)
    only = ONLY.get(never.name) or tr("because {evidence}", evidence=as_a_part(never.evidence))
    return tr("cannot join {title}, {because}", title=title, because=only)


def _on_test(test: NetworkEligibility, gpu: GpuEligibility) -> str:
    """The GPU on a test network, where the processor may do without it."""
    if test.answer is not Answer.CAN:
        return as_a_part(test.line)
    if gpu.answer is Answer.CAN:
        return _joins(test)
    missing = [need for need in gpu.requirements if need.standing is not Standing.MET]
    names = {need.name for need in missing}
    if names == {GPU_MODEL}:
        return tr("{can_join}, on the processor until a model made for GPUs is imported", can_join=_joins(test))
    if names == {COMPUTING}:
        return tr("{can_join}, on the processor until you run `mulberry gpu-setup`", can_join=_joins(test))
    if names == {GPU_MODEL, COMPUTING}:
        return tr(
            "{can_join}, on the processor until a model made for GPUs is imported and you run `mulberry gpu-setup`",
            can_join=_joins(test),
        )
    return tr("{cannot}; without it this computer {can_join}", cannot=_idle(gpu.requirements), can_join=_joins(test))


def _idle(needs: tuple[Requirement, ...]) -> str:
    first = next(need for need in needs if need.standing is not Standing.MET)
    return tr("cannot compute now: {evidence}", evidence=as_a_part(first.evidence))


def _joins(test: NetworkEligibility) -> str:
    return tr("can join test networks at level {level}", level=test.level.value)


def _called(title: str) -> str:
    return tr("test networks") if title == tr("Test networks") else title


def _counted(needs: tuple[Requirement, ...]) -> str:
    missing = sum(need.standing is Standing.NOT_MET for need in needs)
    unknown = sum(need.standing is Standing.UNKNOWN for need in needs)
    return tr(
        "{missing} of {needs} things are missing, {unknown} not known yet",
        missing=missing,
        unknown=unknown,
        needs=len(needs),
    )


def _names(needs: tuple[Requirement, ...], standing: Standing) -> str:
    return ", ".join(dict.fromkeys(as_a_part(need.name) for need in needs if need.standing is standing))
