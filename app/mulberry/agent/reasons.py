"""The words for every reason. One function a kind, so that all of them can be read, and tested, in one place."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import Reason, ReasonKind
from mulberry.runtime.engine import EngineState, EngineStatus

NOT_TRUSTED = (ReasonKind.PROXY_DISTRUSTED,)


def stopped_by_owner() -> Reason:
    return Reason(ReasonKind.STOPPED_BY_OWNER, "Nothing runs.", "Press Start to earn.", WhoseTurn.YOU)


def paused_by_owner(until: datetime) -> Reason:
    return Reason(
        ReasonKind.PAUSED_BY_OWNER,
        f"You paused it until {_local(until)}.",
        "It goes on by itself then; press Start to go on now.",
        WhoseTurn.NOBODY,
    )


def finishing_for_owner(running_requests: int) -> Reason:
    left = "1 request is" if running_requests == 1 else f"{running_requests} requests are"
    evidence = f"{left} still running; no new ones are taken." if running_requests else "The last things are put away."
    next_step = "It stops by itself when they are done; press Stop to stop at once."
    return Reason(ReasonKind.FINISHING_FOR_OWNER, evidence, next_step, WhoseTurn.NOBODY)


def no_requests() -> Reason:
    return Reason(
        ReasonKind.NO_REQUESTS,
        "The network sends no requests right now.",
        "Nothing to do: they come when customers ask.",
        WhoseTurn.NETWORK,
        stops_work=False,
    )


def proxy_unreachable(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_UNREACHABLE,
        f"The proxy {proxy} could not be reached ({why}).",
        "Mulberry tries again by itself.",
        WhoseTurn.NETWORK,
    )


def proxy_refused(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_REFUSED,
        f"The proxy {proxy} refused this worker: {why}.",
        "Mulberry asks again by itself, less and less often.",
        WhoseTurn.NETWORK,
    )


def proxy_distrusted(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_DISTRUSTED,
        f"Mulberry does not work for the proxy {proxy}: {why}.",
        "What is booked stays yours. Mulberry looks again from time to time.",
        WhoseTurn.NETWORK,
    )


def proxy_not_proven(proxy: str, why: str) -> Reason:
    return Reason(
        ReasonKind.PROXY_DISTRUSTED,
        f"The proxy {proxy} did not prove what this network's rules ask for: {why.rstrip('.')}.",
        "Nothing was sent to it. Mulberry looks again from time to time.",
        WhoseTurn.NETWORK,
    )


def proxy_owes_too_much(proxy: str, owed: Nanoton, limit: Nanoton) -> Reason:
    return Reason(
        ReasonKind.UNDERPAID,
        f"The proxy {proxy} owes {format_ton(owed)} that it has not signed for; your limit is {format_ton(limit)}.",
        "Mulberry works for it again as soon as it has signed.",
        WhoseTurn.NETWORK,
    )


def proxy_pays_too_little(proxy: str, underpaid: Nanoton, limit: Nanoton) -> Reason:
    return Reason(
        ReasonKind.UNDERPAID,
        f"The proxy {proxy} confirmed {format_ton(underpaid)} less than this computer counted; your limit is "
        f"{format_ton(limit)}.",
        "What it signed stays yours. To work for it again, raise `underpaid_limit` in the settings.",
        WhoseTurn.YOU,
    )


def engine_restarts(note: str, next_step: str = "", whose_turn: WhoseTurn = WhoseTurn.NOBODY) -> Reason:
    """`note` is the engine's own sentence, `next_step` what may help."""
    goes_on = f"{next_step} Requests are taken again as soon as the model is loaded.".strip()
    return Reason(ReasonKind.ENGINE_FAILED, note, goes_on, whose_turn)


def of_engine(status: EngineStatus) -> Iterator[Reason]:
    """What an engine that starts, or serves in part only, has to say: its own sentences."""
    if status.state is EngineState.RESTARTING:
        yield engine_restarts(status.note, status.next_step, status.whose_turn)
    elif status.state is EngineState.READY and status.note:
        yield Reason(ReasonKind.ENGINE_FAILED, status.note, status.next_step, status.whose_turn, stops_work=False)


def engine_gave_up(note: str) -> Reason:
    """`note` is the engine's own sentence."""
    return Reason(ReasonKind.ENGINE_FAILED, note, "See agent.log, then press Start to try once more.", WhoseTurn.YOU)


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
    evidence = f"TON cannot be read: {why.rstrip('.')}."
    next_step = "Mulberry tries again by itself; see that this computer is online."
    return Reason(ReasonKind.CHAIN_UNREACHABLE, evidence, next_step, WhoseTurn.NETWORK)


def wallet_empty(balance: Nanoton, minimum: Nanoton, address: str) -> Reason:
    return Reason(
        ReasonKind.WALLET_EMPTY,
        f"The node wallet holds {format_ton(balance)} and needs {format_ton(minimum)} for gas.",
        f"Send at least {format_ton(Nanoton(minimum - balance))} to {address}. Mulberry then goes on by itself.",
        WhoseTurn.YOU,
    )


def disk_full(why: str) -> Reason:
    return Reason(
        ReasonKind.DISK_FULL,
        f"The ledger cannot be written ({why}), so no new work is taken.",
        "Make room on its disk; Mulberry then goes on by itself.",
        WhoseTurn.YOU,
    )


def ledger_set_aside(aside: Path) -> Reason:
    return Reason(
        ReasonKind.LEDGER_SET_ASIDE,
        f"The ledger was damaged and is kept as {aside.name}; a new one was begun.",
        "What proxies owe is still in their counters. Move or delete that file to end this notice.",
        WhoseTurn.YOU,
        stops_work=False,
    )


def settings_set_aside(aside: Path) -> Reason:
    return Reason(
        ReasonKind.SETTINGS_SET_ASIDE,
        f"A settings file could not be read and is kept as {aside.name}; the defaults hold.",
        "Move or delete that file to end this notice.",
        WhoseTurn.YOU,
        stops_work=False,
    )


def stats_page_unavailable(port: int, why: str) -> Reason:
    return Reason(
        ReasonKind.STATS_PAGE_UNAVAILABLE,
        f"The stats page is not served: port {port} of this computer cannot be used ({why}).",
        "Work goes on. Free the port or choose another `stats_port`, then start the agent again.",
        WhoseTurn.YOU,
        stops_work=False,
    )


def underpaid(jobs: int, tokens: int) -> Reason:
    of_jobs = "1 job" if jobs == 1 else f"{jobs:,} jobs"
    return Reason(
        ReasonKind.UNDERPAID,
        f"For {of_jobs} the proxy confirmed fewer tokens than this computer counted, {tokens:,} in all.",
        "The jobs list shows both numbers.",
        WhoseTurn.NETWORK,
        stops_work=False,
    )


def bug(problem: BaseException, again_at: datetime) -> Reason:
    return Reason(
        ReasonKind.BUG,
        f"Mulberry made a mistake of its own ({type(problem).__name__}); agent.log has the details.",
        f"It tries again at {_local(again_at)}. Please report it if it comes back.",
        WhoseTurn.NOBODY,
    )


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M}"
