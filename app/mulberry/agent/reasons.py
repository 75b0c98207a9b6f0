"""The words for every reason. One function a kind, so that all of them can be read, and tested, in one place."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import number, tr, tr_count
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import Reason, ReasonKind
from mulberry.model.rules import Hold, Rule
from mulberry.runtime.engine import EngineState, EngineStatus

NOT_TRUSTED = (ReasonKind.PROXY_DISTRUSTED,)
# What happened, why and what to do next, of a bug in the agent.
OWN_MISTAKE = (tr("The agent made a mistake of its own."), tr("The details are in agent.log."), tr("Try again."))


def stopped_by_owner() -> Reason:
    return Reason(ReasonKind.STOPPED_BY_OWNER, tr("Nothing runs."), tr("Press Start to earn."), WhoseTurn.YOU)


def paused_by_owner(until: datetime) -> Reason:
    return Reason(
        ReasonKind.PAUSED_BY_OWNER,
        tr("You paused it until {until}.", until=_local(until)),
        tr("It goes on by itself then; press Start to go on now."),
        WhoseTurn.NOBODY,
    )


def paused_by_rule(hold: Hold, free_at: datetime | None) -> Reason:
    """`free_at` is when the rules of the clock end; the others end when what they see ends."""
    if hold.next_step:
        return Reason(ReasonKind.PAUSED_BY_RULE, hold.why, hold.next_step, WhoseTurn.YOU)
    by_the_clock = hold.rule in (Rule.SCHEDULE, Rule.QUIET_HOURS, Rule.TARIFF)
    if not by_the_clock:
        next_step = tr("It goes on by itself when this is over; your rules are on the Settings page.")
    elif free_at is not None:
        next_step = tr("It goes on by itself at {time}; your rules are on the Settings page.", time=_local(free_at))
    else:
        next_step = tr("Your rules leave no hour of the next 7 days; change them on the Settings page.")
    return Reason(ReasonKind.PAUSED_BY_RULE, hold.why, next_step, WhoseTurn.NOBODY)


def updating(version: str) -> Reason:
    return Reason(
        ReasonKind.UPDATING,
        tr("Version {version} of Mulberry is put in place when no request runs any more.", version=version),
        tr("It then goes on as you wished. `mulberry update cancel` keeps this version."),
        WhoseTurn.NOBODY,
    )


def replaced() -> Reason:
    return Reason(
        ReasonKind.UPDATING,
        tr("The system's package manager replaces Mulberry when no request runs any more."),
        tr("It then goes on as you wished, with the version that is installed then."),
        WhoseTurn.NOBODY,
    )


def finishing_for_owner(running_requests: int) -> Reason:
    evidence = tr("The last things are put away.")
    if running_requests:
        evidence = tr_count(
            "{count} request is still running; no new ones are taken.",
            "{count} requests are still running; no new ones are taken.",
            running_requests,
        )
    next_step = tr("It stops by itself when they are done; press Stop to stop at once.")
    return Reason(ReasonKind.FINISHING_FOR_OWNER, evidence, next_step, WhoseTurn.NOBODY)


def no_requests() -> Reason:
    return Reason(
        ReasonKind.NO_REQUESTS,
        tr("The network sends no requests right now."),
        tr("Nothing to do: they come when customers ask."),
        WhoseTurn.NETWORK,
        stops_work=False,
    )


def proxy_unreachable(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_UNREACHABLE,
        tr("The proxy {proxy} could not be reached ({why}).", proxy=proxy, why=why),
        tr("Mulberry tries again by itself."),
        WhoseTurn.NETWORK,
    )


def proxy_refused(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_REFUSED,
        tr("The proxy {proxy} refused this worker: {why}.", proxy=proxy, why=why),
        tr("Mulberry asks again by itself, less and less often."),
        WhoseTurn.NETWORK,
    )


def proxy_distrusted(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_DISTRUSTED,
        tr("Mulberry does not work for the proxy {proxy}: {why}.", proxy=proxy, why=why),
        tr("What is booked stays yours. Mulberry looks again from time to time."),
        WhoseTurn.NETWORK,
    )


def proxy_not_proven(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_DISTRUSTED,
        tr(
            "The proxy {proxy} did not prove what this network's rules ask for: {why}.",
            proxy=proxy,
            why=why.rstrip("."),
        ),
        tr("Nothing was sent to it. Mulberry looks again from time to time."),
        WhoseTurn.NETWORK,
    )


def proxy_owes_too_much(proxy: str, owed: Nanoton, limit: Nanoton) -> Reason:
    return Reason(
        ReasonKind.UNDERPAID,
        tr(
            "The proxy {proxy} owes {owed} that it has not signed for; your limit is {limit}.",
            proxy=proxy,
            owed=format_ton(owed),
            limit=format_ton(limit),
        ),
        tr("Mulberry works for it again as soon as it has signed."),
        WhoseTurn.NETWORK,
    )


def proxy_pays_too_little(proxy: str, underpaid: Nanoton, limit: Nanoton) -> Reason:
    return Reason(
        ReasonKind.UNDERPAID,
        tr(
            "The proxy {proxy} confirmed {underpaid} less than this computer counted; your limit is {limit}.",
            proxy=proxy,
            underpaid=format_ton(underpaid),
            limit=format_ton(limit),
        ),
        tr("What it signed stays yours. To work for it again, raise `underpaid_limit` in the settings."),
        WhoseTurn.YOU,
    )


def engine_restarts(note: str, next_step: str = "", whose_turn: WhoseTurn = WhoseTurn.NOBODY) -> Reason:
    """`note` is the engine's own sentence, `next_step` what may help."""
    goes_on = tr("Requests are taken again as soon as the model is loaded.")
    if next_step:
        goes_on = f"{next_step} {goes_on}"
    return Reason(ReasonKind.ENGINE_FAILED, note, goes_on, whose_turn)


def of_engine(status: EngineStatus) -> Iterator[Reason]:
    """What an engine that starts, or serves in part only, has to say: its own sentences."""
    if status.state is EngineState.RESTARTING:
        yield engine_restarts(status.note, status.next_step, status.whose_turn)
    elif status.state is EngineState.READY and status.note:
        yield Reason(ReasonKind.ENGINE_FAILED, status.note, status.next_step, status.whose_turn, stops_work=False)


def engine_gave_up(note: str) -> Reason:
    """`note` is the engine's own sentence."""
    return Reason(
        ReasonKind.ENGINE_FAILED, note, tr("See agent.log, then press Start to try once more."), WhoseTurn.YOU
    )


def servers_unusable(problem: UserFacingError) -> Reason:
    evidence = f"{problem.what} {problem.why}"
    return Reason(ReasonKind.ENGINE_FAILED, evidence, problem.next_step, problem.whose_turn)


def model_unusable(problem: UserFacingError) -> Reason:
    evidence = f"{problem.what} {problem.why}"
    return Reason(ReasonKind.MODEL_UNUSABLE, evidence, problem.next_step, problem.whose_turn)


def network_unusable(problem: UserFacingError) -> Reason:
    evidence = f"{problem.what} {problem.why}"
    return Reason(ReasonKind.NETWORK_UNUSABLE, evidence, problem.next_step, problem.whose_turn)


def key_unavailable(problem: UserFacingError) -> Reason:
    evidence = f"{problem.what} {problem.why}"
    return Reason(ReasonKind.KEY_UNAVAILABLE, evidence, problem.next_step, problem.whose_turn)


def chain_unreachable(why: str) -> Reason:
    """`why` is a sentence."""
    evidence = tr("TON cannot be read: {why}.", why=why.rstrip("."))
    next_step = tr("Mulberry tries again by itself; see that this computer is online.")
    return Reason(ReasonKind.CHAIN_UNREACHABLE, evidence, next_step, WhoseTurn.NETWORK)


def wallet_empty(balance: Nanoton, minimum: Nanoton, address: str) -> Reason:
    return Reason(
        ReasonKind.WALLET_EMPTY,
        tr(
            "The node wallet holds {balance} and needs {minimum} for gas.",
            balance=format_ton(balance),
            minimum=format_ton(minimum),
        ),
        tr(
            "Send at least {amount} to {address}. Mulberry then goes on by itself.",
            amount=format_ton(Nanoton(minimum - balance)),
            address=address,
        ),
        WhoseTurn.YOU,
    )


def disk_full(why: str) -> Reason:
    return Reason(
        ReasonKind.DISK_FULL,
        tr("The ledger cannot be written ({why}), so no new work is taken.", why=why),
        tr("Make room on its disk; Mulberry then goes on by itself."),
        WhoseTurn.YOU,
    )


def ledger_set_aside(aside: Path) -> Reason:
    return Reason(
        ReasonKind.LEDGER_SET_ASIDE,
        tr("The ledger was damaged and is kept as {name}; a new one was begun.", name=aside.name),
        tr("What proxies owe is still in their counters. Move or delete that file to end this notice."),
        WhoseTurn.YOU,
        stops_work=False,
    )


def settings_set_aside(aside: Path) -> Reason:
    return Reason(
        ReasonKind.SETTINGS_SET_ASIDE,
        tr("A settings file could not be read and is kept as {name}; the defaults hold.", name=aside.name),
        tr("Move or delete that file to end this notice."),
        WhoseTurn.YOU,
        stops_work=False,
    )


def stats_page_unavailable(port: int, why: str) -> Reason:
    return Reason(
        ReasonKind.STATS_PAGE_UNAVAILABLE,
        tr("The stats page is not served: port {port} of this computer cannot be used ({why}).", port=port, why=why),
        tr("Work goes on. Free the port or choose another `stats_port`, then start the agent again."),
        WhoseTurn.YOU,
        stops_work=False,
    )


def underpaid(jobs: int, tokens: int) -> Reason:
    return Reason(
        ReasonKind.UNDERPAID,
        tr_count(
            "For {number} job the proxy confirmed fewer tokens than this computer counted, {tokens} in all.",
            "For {number} jobs the proxy confirmed fewer tokens than this computer counted, {tokens} in all.",
            jobs,
            number=number(f"{jobs:,}"),
            tokens=number(f"{tokens:,}"),
        ),
        tr("The jobs list shows both numbers."),
        WhoseTurn.NETWORK,
        stops_work=False,
    )


def bug(problem: BaseException, again_at: datetime) -> Reason:
    return Reason(
        ReasonKind.BUG,
        tr(
            "Mulberry made a mistake of its own ({mistake}); agent.log has the details.", mistake=type(problem).__name__
        ),
        tr("It tries again at {time}. Please report it if it comes back.", time=_local(again_at)),
        WhoseTurn.NOBODY,
    )


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M}"
