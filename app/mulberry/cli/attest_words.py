"""What the terminal prints of statements and verdicts. Pure: values in, lines out."""

from collections.abc import Iterable, Iterator

from mulberry.cli.words import for_a_terminal
from mulberry.model.collateral import CollateralStatus
from mulberry.model.proof import AttestationStatus, Check, Fact, Outcome, Verdict

MARKS = {Outcome.HOLDS: "✓", Outcome.FAILED: "✗", Outcome.MISSING: "-", Outcome.TEST: "T"}
NOT_LOOKED = "Not looked at yet."
IS_LOOKED_AT = "It is being looked at."
COULD_NOT_LOOK = "It could not be looked at."


@for_a_terminal
def of_attestation(status: AttestationStatus) -> Iterator[str]:
    """`mulberry attest show`: the level, why it is no higher, and what is seen of this computer."""
    if status.verdict is None:
        yield IS_LOOKED_AT if status.is_checking else COULD_NOT_LOOK if status.hindrances else NOT_LOOKED
    else:
        yield from of_verdict(status.verdict)
        yield "What this computer says of itself:"
        yield from of_facts(status.facts)
    if status.hindrances:
        yield "What is not shown, and why:"
    for each in status.hindrances:
        yield f"  {each.what} {each.why} {each.next_step}"
    yield "What the network sees, and what you see:"
    for subject in status.seen:
        yield f"  {subject.subject}"
        yield f"    network  {subject.by_network}"
        yield f"    you      {subject.by_you}"
    if status.collateral is not None and status.collateral.platforms:
        yield from of_collateral(status.collateral)
    if status.next_step:
        yield f"Next: {status.next_step}"


@for_a_terminal
def of_collateral(collateral: CollateralStatus) -> Iterator[str]:
    """What is here of Intel's word on TDX platforms, until when it holds, and whether its service answers."""
    answers = {True: "it answers", False: "it does not answer", None: "whether it answers is unknown"}
    reachable = collateral.reachable
    yield f"Intel's word on TDX platforms, by {collateral.service}: {answers[reachable.value]} ({reachable.evidence})"
    for each in collateral.platforms:
        state = f"holds until {each.expires:%Y-%m-%d %H:%M} UTC" if each.expires else "not here, or broken"
        yield f"  FMSPC {each.fmspc} ({each.ca}): {state}"
        if each.problem:
            yield f"    {each.problem}"


@for_a_terminal
def of_verdict(verdict: Verdict) -> Iterator[str]:
    """The level in words, and every check that led to it with whose word it rests on."""
    level = verdict.level
    yield f"{'TEST. ' if verdict.is_test else ''}Level {level.value} of 4: {level.title}"
    yield f"  rests on        {level.evidence}"
    yield f"  does not prove  {level.does_not_prove}"
    for check in verdict.checks:
        yield from _of_check(check, "  ")
    until = f", good until {verdict.valid_until:%Y-%m-%d %H:%M} UTC" if verdict.valid_until else ""
    yield f"as of {verdict.as_of:%Y-%m-%d %H:%M} UTC{until}"


@for_a_terminal
def of_facts(facts: Iterable[Fact]) -> Iterator[str]:
    for fact in facts:
        yield f"  {fact.name}: {fact.value}"


def _of_check(check: Check, margin: str) -> Iterator[str]:
    whose = f" ({check.whose_word})" if check.whose_word and not check.parts else ""
    yield f"{margin}[{MARKS[check.outcome]}] {check.name}: {check.told}{whose}"
    for part in check.parts:
        yield from _of_check(part, f"{margin}    ")
