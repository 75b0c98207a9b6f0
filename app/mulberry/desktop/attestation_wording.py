"""What the Attestation page says: what is proven, and with the same weight what is not. Pure functions."""

from datetime import datetime

from mulberry.desktop.eligibility_wording import Look
from mulberry.desktop.icons import Sign
from mulberry.desktop.network_wording import Fact as ShownFact
from mulberry.desktop.progress_cards import TURNS
from mulberry.model.collateral import CollateralStatus
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import dated, english, tr
from mulberry.model.proof import AttestationStatus, Check, Fact, Hindrance, Level, Outcome, Verdict
from mulberry.model.text import plain

LONGEST_VALUE = 80  # characters
LONGEST_PROBLEM = 300
NOT_LOOKED_YET = tr("Not looked at since the agent started.")
NOT_HEARD_YET = tr("The agent has not answered yet; what this computer proves is not known.")
LOOK_AGAIN, LOOKING = tr("Check again"), tr("Checking…")
MAY_FETCH = tr("Also asks Intel, or the cache in the settings, for collateral that a proof needs and that is not here.")
TEST_TITLE = tr("TEST: nothing is proven")
EVERYTHING = tr("Everything: nothing here is proven.")
TEST_WORDS = tr("Fake evidence was shown. It has the form of a proof and is none.")
JUDGED_HERE = tr(
    "Judged by this computer's own verifier. Others judge the exported file themselves: `mulberry attest verify FILE`."
)
WHO_CAN_READ = tr(
    "Jobs cannot read your files. You, and software that runs as you, can technically read the jobs. "
    "Mulberry tells nobody anything else."
)
OUTCOMES = {
    Outcome.HOLDS: Look(Sign.HOLDS, "earn", tr("holds")),
    Outcome.FAILED: Look(Sign.FAILS, "bad", tr("failed")),
    Outcome.MISSING: Look(Sign.MISSING, "muted", tr("missing")),
    Outcome.TEST: Look(Sign.TEST, "bad", "TEST"),
}
SERVICES = {
    True: tr("Intel's collateral, by {service}, which answers ({asked})"),
    False: tr("Intel's collateral, by {service}, which does not answer ({asked})"),
    None: tr("Intel's collateral, by {service}, which may answer or not ({asked})"),
}
ITS_LEVEL = Look(Sign.HERE, "accent", tr("this computer's level"))
OTHER_LEVEL = Look(Sign.MISSING, "muted", tr("not its level"))
TEXT_LOOKS = {"earn": "strong", "bad": "bad", "muted": "source"}  # a colour's role as a text's look


def title(verdict: Verdict) -> str:
    return TEST_TITLE if verdict.is_test else verdict.level.title


def number(verdict: Verdict) -> str:
    return tr("Level {level}", level=int(verdict.level))


def shown(verdict: Verdict) -> tuple[str, str]:
    """What the level rests on, under its heading."""
    if verdict.is_test:
        return tr("What was shown"), TEST_WORDS
    return tr("What it takes"), verdict.level.evidence


def open_line(verdict: Verdict) -> str:
    """What nobody should conclude from the level."""
    return EVERYTHING if verdict.level is Level.NOT_ATTESTED else verdict.level.does_not_prove


def times(verdict: Verdict) -> str:
    """Beside the page's title: as of when, and until when it holds."""
    until = (
        tr("nothing in it expires")
        if verdict.valid_until is None
        else tr("valid until {time}", time=_moment(verdict.valid_until))
    )
    return tr("as of {time} · {until}", time=_moment(verdict.as_of), until=until)


def collateral(status: CollateralStatus | None) -> str:
    """What is here of Intel's word on TDX platforms, and whether its service answers; empty where nothing needs it."""
    if status is None or not status.platforms:
        return ""
    service, asked = plain(status.service, LONGEST_VALUE), plain(status.reachable.evidence, LONGEST_PROBLEM)
    lines = [SERVICES[status.reachable.value].format(service=service, asked=asked)]
    for each in status.platforms:
        holds = tr("valid until {time}", time=_moment(each.expires)) if each.expires else tr("not here")
        lines.append(f"{each.fmspc} ({each.ca}): {holds}. {plain(each.problem, LONGEST_PROBLEM)}".strip())
    return "\n".join(lines)


def rungs(verdict: Verdict | None) -> tuple[tuple[Look, str, str], ...]:
    """Each level with whether it is this computer's, its title, and what it takes. A higher one does not include a
    TPM, so only one level is ever marked."""
    reached = verdict.level if verdict is not None else None
    return tuple(
        (ITS_LEVEL if level is reached else OTHER_LEVEL, f"{int(level)}  {level.title}", level.evidence)
        for level in Level
    )


def needs_a_look(check: Check) -> bool:
    """Whether it, or a part of it, is not simply fine."""
    return check.outcome is not Outcome.HOLDS or any(needs_a_look(part) for part in check.parts)


def whose(check: Check) -> str:
    return tr("word of {whom}", whom=plain(check.whose_word, LONGEST_VALUE)) if check.whose_word else ""


def hindrance_lines(hindrance: Hindrance) -> tuple[str, str]:
    """What could not be gathered; why, what to do next, and whose turn it is where it is somebody's."""
    turn = "" if hindrance.whose_turn is WhoseTurn.NOBODY else TURNS[hindrance.whose_turn]
    rest = f"{hindrance.why} {hindrance.next_step} {turn}"
    return hindrance.what, " ".join(rest.split())


def statement_fact(fact: Fact) -> ShownFact:
    source = tr(
        "In the signed statement. Whose word it is: {whom}. {value}.",
        whom=plain(fact.whose_word, LONGEST_VALUE),
        value=plain(fact.value),
    )
    return ShownFact(plain(fact.name, LONGEST_VALUE), plain(fact.value, LONGEST_VALUE), source)


def share_text(status: AttestationStatus) -> str:
    """A few lines for a forum or a friend, so in English: nothing in it says who or where this computer is."""
    verdict = status.verdict
    if verdict is None:
        return english(NOT_LOOKED_YET)
    title, judged = english(verdict.level.title), f"{verdict.as_of:%Y-%m-%d %H:%M} UTC"
    if verdict.is_test:
        return f"Mulberry: {english(TEST_TITLE)}. {english(TEST_WORDS)} As of {judged}."
    return (
        f"Mulberry: level {verdict.level:d} of {max(Level):d} ({title}).\n"
        f"It takes: {english(verdict.level.evidence)}\n"
        f"It does not prove: {english(verdict.level.does_not_prove)}\n"
        f"Judged by this computer itself, {judged}."
    )


def _moment(moment: datetime) -> str:
    return dated(moment.astimezone(), "%d %b %Y %H:%M")
