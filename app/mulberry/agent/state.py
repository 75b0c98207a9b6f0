"""From facts to the one state. A pure function: whoever doubts a state can read here why it is what it is."""

from dataclasses import dataclass, replace

from mulberry.agent import reasons
from mulberry.model.errors import WhoseTurn
from mulberry.model.node import Intent, NodeState, Reason, Step, StepState, Want


@dataclass(frozen=True, slots=True)
class Facts:
    """What the parts of the agent know at one moment.

    `working`: something that was started for work still runs or is being taken down. `busy`: a request runs, or ended
    so shortly ago that the next is likely. `found`: what the parts have to say, `of_proxies`: what the proxies' links
    have; while one proxy is connected, another one's trouble stops nothing. `held`: the owner's rules that hold it up.
    """

    intent: Intent
    working: bool
    steps: tuple[Step, ...]
    running_requests: int
    busy: bool
    connected_proxies: int
    found: tuple[Reason, ...] = ()
    of_proxies: tuple[Reason, ...] = ()
    held: tuple[Reason, ...] = ()


def derive_state(facts: Facts) -> tuple[NodeState, tuple[Reason, ...]]:
    """The state and all reasons that hold, the one that explains the state first."""
    notices = tuple(reason for reason in facts.found if not reason.stops_work)
    match facts.intent.want:
        case Want.START if facts.held and not facts.working:
            ends_by_itself = any(reason.whose_turn is not WhoseTurn.YOU for reason in facts.held)
            return NodeState.PAUSED if ends_by_itself else NodeState.NEEDS_YOU, (*facts.held, *notices)
        case Want.START if facts.held:
            return NodeState.FINISHING, (*facts.held, *notices)
        case Want.START:
            return _earning_wanted(facts)
        case Want.PAUSE if facts.intent.until is not None and not facts.working:
            return NodeState.PAUSED, (reasons.paused_by_owner(facts.intent.until), *notices)
        case Want.FINISH | Want.STOP if not facts.working:
            return NodeState.STOPPED, (reasons.stopped_by_owner(), *notices)
        case _:
            return NodeState.FINISHING, (reasons.finishing_for_owner(facts.running_requests), *notices)


def _earning_wanted(facts: Facts) -> tuple[NodeState, tuple[Reason, ...]]:
    of_proxies = facts.of_proxies
    if facts.connected_proxies:
        of_proxies = tuple(replace(reason, stops_work=False) for reason in of_proxies)
    holding = sorted((*facts.found, *of_proxies), key=_weight)
    if holding and _weight(holding[0]) == 0:
        return NodeState.NEEDS_YOU, tuple(holding)
    ready = facts.steps and all(step.state in (StepState.DONE, StepState.SKIPPED) for step in facts.steps)
    if not ready or not facts.connected_proxies or (holding and holding[0].stops_work):
        return NodeState.GETTING_READY, tuple(holding)
    if facts.busy or facts.running_requests:
        return NodeState.EARNING, tuple(holding)
    return NodeState.READY, (reasons.no_requests(), *holding)


def _weight(reason: Reason) -> int:
    """0 for what waits for the owner, 1 for what stops work otherwise, 2 for a notice."""
    if not reason.stops_work:
        return 2
    return 0 if reason.whose_turn is WhoseTurn.YOU else 1
