"""The one sentence. Window header, tray, notifications and `mulberry status` print this and nothing else."""

from datetime import datetime

from mulberry.model.language import dated, tr, tr_count
from mulberry.model.money import format_ton
from mulberry.model.node import NodeState, OwnServer, ReasonKind, Status, StepState
from mulberry.model.text import as_a_part

TITLES = {
    NodeState.STOPPED: tr("Stopped"),
    NodeState.GETTING_READY: tr("Getting ready"),
    NodeState.EARNING: tr("Earning"),
    NodeState.READY: tr("Ready"),
    NodeState.PAUSED: tr("Paused"),
    NodeState.FINISHING: tr("Finishing"),
    NodeState.NEEDS_YOU: tr("Needs you"),
}


def title(status: Status) -> str:
    """The state in one or two words."""
    return TITLES[status.state]


def sentence(status: Status) -> str:
    """What is going on, in one line without jargon. Depends on `status` alone."""
    earned = format_ton(status.earnings.today)
    today = (
        tr("{earned} today (play money)", earned=earned)
        if status.network.is_demo
        else tr("{earned} today", earned=earned)
    )
    running = status.running_requests
    match status.state:
        case NodeState.STOPPED:
            return tr("Stopped. {today}.", today=today)
        case NodeState.GETTING_READY:
            return tr("Getting ready: {step}.", step=_step(status))
        case NodeState.EARNING if not running:
            return tr("Between two requests on {runs_on}. {today}.", runs_on=status.runs_on, today=today)
        case NodeState.EARNING:
            return tr_count(
                "{count} request now on {runs_on}. {today}.",
                "{count} requests now on {runs_on}. {today}.",
                running,
                runs_on=status.runs_on,
                today=today,
            )
        case NodeState.READY:
            return tr("Ready, no requests right now. {today}.", today=today)
        case NodeState.FINISHING if not running:
            return tr("Putting things away. {today}.", today=today)
        case NodeState.FINISHING:
            return tr_count(
                "Finishing {count} request, taking no new ones. {today}.",
                "Finishing {count} requests, taking no new ones. {today}.",
                running,
                today=today,
            )
        case NodeState.PAUSED | NodeState.NEEDS_YOU:
            return _because(status)


def pause_end(until: datetime, now: datetime) -> str:
    """The local time at which a pause ends, with its day where that is not the day of `now` (both aware)."""
    local = until.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else dated(local, "%d %b %H:%M")


def where_prompts_go(servers: tuple[OwnServer, ...]) -> str:
    """What an owner who has strangers' prompts answered by other servers must know of it."""
    if all(server.is_here for server in servers):
        return tr(
            "Prompts go to your own servers on this computer ({servers}), which no sandbox of ours reaches.",
            servers=names(servers),
        )
    far = tuple(server for server in servers if not server.is_here)
    open_ways = tuple(server for server in far if not server.is_encrypted)
    leave = tr("Prompts leave this computer for {servers}, which no sandbox of ours reaches.", servers=names(far))
    if not open_ways:
        return leave
    return f"{leave} {tr('Everybody on the way to {servers} can read them.', servers=names(open_ways))}"


def names(servers: tuple[OwnServer, ...]) -> str:
    return ", ".join(server.name for server in servers)


def _step(status: Status) -> str:
    for number, step in enumerate(status.steps, 1):
        if step.state is StepState.RUNNING:
            place = tr(
                "{step}, step {number} of {steps}", step=as_a_part(step.name), number=number, steps=len(status.steps)
            )
            return f"{place} ({step.note})" if step.note else place
    return tr("starting")


def _because(status: Status) -> str:
    if status.state is NodeState.PAUSED and status.intent.until is not None:
        return tr("Paused by you until {until}, goes on by itself.", until=pause_end(status.intent.until, status.as_of))
    for reason in status.reasons:
        if reason.stops_work and reason.kind is not ReasonKind.NO_REQUESTS:
            said = f"{reason.evidence} {reason.next_step}"
            return tr("Paused by your rules. {said}", said=said) if reason.kind is ReasonKind.PAUSED_BY_RULE else said
    return title(status) + "."
