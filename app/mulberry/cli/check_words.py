"""What `mulberry check` prints: the answer for each GPU first, then each network with what stands in the way."""

import shutil
from collections.abc import Iterable, Iterator
from textwrap import wrap

from mulberry.cli.words import for_a_terminal
from mulberry.model.eligibility import Answer, EligibilityReport, NetworkEligibility, Requirement, Standing
from mulberry.model.errors import WhoseTurn

WIDEST = 100
MARKS = {Answer.CAN: "✓", Answer.CAN_AFTER: "…", Answer.CANNOT: "✗", Answer.UNKNOWN: "?"}
ANSWERS = {
    Answer.CAN: "yes",
    Answer.CAN_AFTER: "not yet: something is for you to do",
    Answer.CANNOT: "no",
    Answer.UNKNOWN: "not known yet",
}
STANDINGS = {Standing.MET: "✓", Standing.NOT_MET: "✗", Standing.UNKNOWN: "?"}


@for_a_terminal
def of_report(report: EligibilityReport, *, everything: bool = False, width: int | None = None) -> Iterator[str]:
    """One screen; `everything` shows also what is met. `width` in characters; None: the terminal's, up to a hundred."""
    wide = width or min(shutil.get_terminal_size().columns, WIDEST)
    yield report.computer
    for line in report.summary:
        yield ""
        yield from wrap(line, wide)
    for network in report.networks:
        yield ""
        yield from _of_network(network, wide, everything=everything)
    yield ""
    yield f"as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC"
    yield from wrap(report.rules, wide)


def _of_network(network: NetworkEligibility, width: int, *, everything: bool) -> Iterator[str]:
    yield f"[{MARKS[network.answer]}] {network.title} ({_pays(network)}): {ANSWERS[network.answer]}"
    yield from _indented(network.line, width, 4)
    for requirement in _worth_telling(network, everything=everything):
        yield from _of_requirement(requirement, width, stands_in_the_way=network.answer is not Answer.CAN)
    if everything:
        for model in network.models:
            yield from _indented(f"model  {model.line}", width, 4)
    if network.answer is not Answer.CANNOT and not network.is_demo:
        title = network.level.title
        yield f"    could reach level {network.level.value} at most, if all that it shows is verified: {title}"


def _pays(network: NetworkEligibility) -> str:
    if network.is_main:
        return "real Toncoin"
    return "play money" if network.is_demo else "test money"


def _worth_telling(network: NetworkEligibility, *, everything: bool) -> Iterable[Requirement]:
    """Each once, whichever GPU it is of. Of a network that is out of reach only what puts it there."""
    of_gpus = [requirement for gpu in network.gpus for requirement in gpu.requirements]
    found = dict.fromkeys([*of_gpus, *network.requirements])
    if everything:
        return found
    unmet = [requirement for requirement in found if requirement.standing is not Standing.MET]
    if network.answer is Answer.CANNOT:
        return [requirement for requirement in unmet if not requirement.can_change]
    return unmet


def _of_requirement(requirement: Requirement, width: int, *, stands_in_the_way: bool) -> Iterator[str]:
    """What is missing where nothing stands in the way concerns a GPU only, and the processor does without."""
    is_met = requirement.standing is Standing.MET
    mark = STANDINGS[requirement.standing] if is_met or stands_in_the_way else "-"
    yield from _indented(f"{mark} {requirement.name}: {requirement.evidence}", width, 4, hanging=2)
    if is_met:
        return
    turn = "" if requirement.whose_turn in (WhoseTurn.YOU, WhoseTurn.NOBODY) else f" ({requirement.whose_turn}'s turn)"
    if requirement.next_step:
        yield from _indented(f"→ {requirement.next_step}{turn}", width, 6, hanging=2)
    if requirement.command:
        yield f"        {requirement.command}"


def _indented(text: str, width: int, indent: int, hanging: int = 0) -> list[str]:
    begin, rest = " " * indent, " " * (indent + hanging)
    return wrap(text, width, initial_indent=begin, subsequent_indent=rest, break_on_hyphens=False)
