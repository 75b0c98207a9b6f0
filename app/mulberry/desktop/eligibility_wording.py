"""What the page "Can it earn?" says beside the words of the check itself. Pure functions, each read and tested."""

from collections import Counter
from dataclasses import dataclass

from mulberry.desktop.icons import Sign
from mulberry.desktop.progress_cards import TURNS
from mulberry.desktop.wording import clock_time, count
from mulberry.model.eligibility import (
    Answer,
    EligibilityReport,
    GpuEligibility,
    NetworkEligibility,
    Requirement,
    Standing,
)
from mulberry.model.errors import WhoseTurn

NOT_CHECKED_YET = "Looking at this computer and at what each network asks for."
CHECK_AGAIN, CHECKING = "Check again", "Checking…"


@dataclass(frozen=True, slots=True)
class Look:
    """How something stands: a shape, its colour's role, and the words without which neither would do."""

    sign: Sign
    role: str
    words: str


ANSWERS = {
    Answer.CAN: Look(Sign.HOLDS, "earn", "Can work there"),
    Answer.CAN_AFTER: Look(Sign.TO_DO, "warn", "Can, when something is done"),
    Answer.CANNOT: Look(Sign.FAILS, "bad", "Cannot work there"),
    Answer.UNKNOWN: Look(Sign.UNKNOWN, "warn", "Not known"),
}
STANDINGS = {
    Standing.MET: Look(Sign.HOLDS, "earn", "met"),
    Standing.NOT_MET: Look(Sign.FAILS, "bad", "not met"),
    Standing.UNKNOWN: Look(Sign.UNKNOWN, "warn", "unknown"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Requirements of one thing: of the network (no heading), or of GPUs that stand alike."""

    heading: str
    requirements: tuple[Requirement, ...]


def computer(report: EligibilityReport) -> str:
    return f"{report.computer} · as of {clock_time(report.as_of)}"


def about(network: NetworkEligibility) -> str:
    """Under a network's line: what could be proven there, and from when its rules are."""
    level = f"Highest level that could be reached here: {int(network.level)} ({network.level.title})"
    if network.root_as_of is None:
        return f"{level}."
    return f"{level} · its root contract as of {network.root_as_of.astimezone():%d %b %H:%M}."


def gpu_lines(network: NetworkEligibility) -> tuple[tuple[Look, str], ...]:
    """A line for each kind of GPU, so that a rack of like ones is one line; none that only repeats the network's."""
    alike = Counter((gpu.answer, gpu.line) for gpu in network.gpus)
    if network.answer is Answer.CANNOT and [answer for answer, _ in alike] == [Answer.CANNOT]:
        return ()
    return tuple(
        (ANSWERS[answer], line if number == 1 else f"{line} ({number:,} of them)")
        for (answer, line), number in alike.items()
    )


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


def _heading(name: str, number: int) -> str:
    return name if number == 1 else f"{name}, {number:,} of them"


def decides(requirement: Requirement, answer: Answer) -> bool:
    """Whether it is shown at once. Where a computer cannot work at all, only what nobody here can change decides."""
    if answer is Answer.CANNOT:
        return requirement.standing is Standing.NOT_MET and not requirement.can_change
    return requirement.standing is not Standing.MET


def all_button(number: int, *, is_open: bool) -> str:
    return "Show less" if is_open else f"Show all {count(number, 'requirement')}"


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
