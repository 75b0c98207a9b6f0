"""The one sentence. Window header, tray, notifications and `mulberry status` print this and nothing else."""

from mulberry.model.money import format_ton
from mulberry.model.node import NodeState, OwnServer, ReasonKind, Status, StepState

TITLES = {
    NodeState.STOPPED: "Stopped",
    NodeState.GETTING_READY: "Getting ready",
    NodeState.EARNING: "Earning",
    NodeState.READY: "Ready",
    NodeState.PAUSED: "Paused",
    NodeState.FINISHING: "Finishing",
    NodeState.NEEDS_YOU: "Needs you",
}


def title(status: Status) -> str:
    """The state in one or two words."""
    return TITLES[status.state]


def sentence(status: Status) -> str:
    """What is going on, in one line without jargon. Depends on `status` alone."""
    today = f"{format_ton(status.earnings.today)} today"
    if status.network.is_demo:
        today += " (play money)"
    match status.state:
        case NodeState.STOPPED:
            return f"Stopped. {today}."
        case NodeState.GETTING_READY:
            return f"Getting ready: {_step(status)}."
        case NodeState.EARNING if not status.running_requests:
            return f"Between two requests on {status.runs_on}. {today}."
        case NodeState.EARNING:
            return f"{_requests(status.running_requests)} now on {status.runs_on}. {today}."
        case NodeState.READY:
            return f"Ready, no requests right now. {today}."
        case NodeState.FINISHING if not status.running_requests:
            return f"Putting things away. {today}."
        case NodeState.FINISHING:
            return f"Finishing {_requests(status.running_requests)}, taking no new ones. {today}."
        case NodeState.PAUSED | NodeState.NEEDS_YOU:
            return _because(status)


def where_prompts_go(servers: tuple[OwnServer, ...]) -> str:
    """What an owner who has strangers' prompts answered by other servers must know of it."""
    if all(server.is_here for server in servers):
        return f"Prompts go to your own servers on this computer ({names(servers)}), which no sandbox of ours reaches."
    far = tuple(server for server in servers if not server.is_here)
    open_ways = tuple(server for server in far if not server.is_encrypted)
    readable = f" Everybody on the way to {names(open_ways)} can read them." if open_ways else ""
    return f"Prompts leave this computer for {names(far)}, which no sandbox of ours reaches.{readable}"


def names(servers: tuple[OwnServer, ...]) -> str:
    return ", ".join(server.name for server in servers)


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def _step(status: Status) -> str:
    for number, step in enumerate(status.steps, 1):
        if step.state is StepState.RUNNING:
            note = f" ({step.note})" if step.note else ""
            return f"{step.name[0].lower()}{step.name[1:]}, step {number} of {len(status.steps)}{note}"
    return "starting"


def _because(status: Status) -> str:
    if status.state is NodeState.PAUSED and status.intent.until is not None:
        until = status.intent.until.astimezone()
        return f"Paused by you until {until:%H:%M}, goes on by itself."
    for reason in status.reasons:
        if reason.stops_work and reason.kind is not ReasonKind.NO_REQUESTS:
            return f"{reason.evidence} {reason.next_step}"
    return title(status) + "."
