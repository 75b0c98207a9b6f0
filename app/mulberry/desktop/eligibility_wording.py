"""What the page "Can it earn?" says beside the words of the check itself. Pure functions, each read and tested."""

from collections import Counter
from dataclasses import dataclass

from mulberry.desktop.icons import Sign
from mulberry.desktop.progress_cards import TURNS
from mulberry.desktop.wording import clock_time
from mulberry.model.eligibility import (
    Answer,
    EligibilityReport,
    GpuEligibility,
    NetworkEligibility,
    Requirement,
    Standing,
)
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import dated, number, tr, tr_count

NOT_CHECKED_YET = tr("Looking at this computer and at what each network asks for.")
CHECK_AGAIN, CHECKING = tr("Check again"), tr("Checking…")


@dataclass(frozen=True, slots=True)
class Look:
    """How something stands: a shape, its colour's role, and the words without which neither would do."""

    sign: Sign
    role: str
    words: str


ANSWERS = {
    Answer.CAN: Look(Sign.HOLDS, "earn", tr("Can work there")),
    Answer.CAN_AFTER: Look(Sign.TO_DO, "warn", tr("Can, when something is done")),
    Answer.CANNOT: Look(Sign.FAILS, "bad", tr("Cannot work there")),
    Answer.UNKNOWN: Look(Sign.UNKNOWN, "warn", tr("Not known")),
}
STANDINGS = {
    Standing.MET: Look(Sign.HOLDS, "earn", tr("met")),
    Standing.NOT_MET: Look(Sign.FAILS, "bad", tr("not met")),
    Standing.UNKNOWN: Look(Sign.UNKNOWN, "warn", tr("unknown")),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Requirements of one thing: of the network (no heading), or of GPUs that stand alike."""

    heading: str
    requirements: tuple[Requirement, ...]


def computer(report: EligibilityReport) -> str:
    return tr("{computer} · as of {as_of}", computer=report.computer, as_of=clock_time(report.as_of))


def about(network: NetworkEligibility) -> str:
    """Under a network's line: what could be proven there, and from when its rules are."""
    level, title = int(network.level), network.level.title
    if network.root_as_of is None:
        return tr("Highest level that could be reached here: {level} ({title}).", level=level, title=title)
    return tr(
        "Highest level that could be reached here: {level} ({title}) · its root contract as of {time}.",
        level=level,
        title=title,
        time=dated(network.root_as_of.astimezone(), "%d %b %H:%M"),
    )


def gpu_lines(network: NetworkEligibility) -> tuple[tuple[Look, str], ...]:
    """A line for each kind of GPU, so that a rack of like ones is one line; none that only repeats the network's."""
    alike = Counter((gpu.answer, gpu.line) for gpu in network.gpus)
    if network.answer is Answer.CANNOT and [answer for answer, _ in alike] == [Answer.CANNOT]:
        return ()
    return tuple((ANSWERS[answer], _of_alike(line, gpus)) for (answer, line), gpus in alike.items())


def model_lines(network: NetworkEligibility) -> tuple[tuple[Look, str], ...]:
    return tuple((ANSWERS[model.answer], model.line) for model in network.models)


def groups(network: NetworkEligibility) -> tuple[Group, ...]:
    """All requirements, the network's own first."""
    alike: dict[tuple[str, tuple[Requirement, ...]], list[GpuEligibility]] = {}
    for gpu in network.gpus:
        if gpu.requirements:
            alike.setdefault((gpu.name, gpu.requirements), []).append(gpu)
    of_gpus = (
        Group("" if len(alike) == 1 else _heading(name, len(gpus)), requirements)
        for (name, requirements), gpus in alike.items()
    )
    return (Group("", network.requirements), *of_gpus)


def _of_alike(line: str, gpus: int) -> str:
    return line if gpus == 1 else tr("{line} ({number} of them)", line=line, number=number(f"{gpus:,}"))


def _heading(name: str, gpus: int) -> str:
    return name if gpus == 1 else tr("{name}, {number} of them", name=name, number=number(f"{gpus:,}"))


def decides(requirement: Requirement, answer: Answer) -> bool:
    """Whether it is shown at once. Where a computer cannot work at all, only what nobody here can change decides."""
    if answer is Answer.CANNOT:
        return requirement.standing is Standing.NOT_MET and not requirement.can_change
    return requirement.standing is not Standing.MET


def all_button(requirements: int, *, is_open: bool) -> str:
    if is_open:
        return tr("Show less")
    return tr_count("Show all {count} requirement", "Show all {count} requirements", requirements)


def evidence(requirement: Requirement) -> str:
    return requirement.evidence[:1].upper() + requirement.evidence[1:]


def next_line(requirement: Requirement) -> str:
    """What to do next and whose turn it is; "" where it is met."""
    if requirement.standing is Standing.MET:
        return ""
    turn = "" if requirement.whose_turn is WhoseTurn.NOBODY else TURNS[requirement.whose_turn]
    return f"{requirement.next_step} {turn}".strip()


def home_line(report: EligibilityReport, network: str) -> str:
    """For the Home page: what its network asks for and this computer has not; "" where nothing is missing."""
    for one in report.networks:
        if one.name == network and one.answer is not Answer.CAN:
            return one.line
    return ""
