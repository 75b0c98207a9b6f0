"""What the terminal prints of the agent's nouns. Pure: values in, lines out."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import ParamSpec

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.jobs import Job
from mulberry.model.jobs_csv import COLUMNS, csv_of_job
from mulberry.model.money import format_ton
from mulberry.model.node import NodeState, ProxyStatus, Reason, ReasonKind, Status, Step, StepState
from mulberry.model.sentence import sentence, title, where_prompts_go
from mulberry.model.text import plain

MARKS = {
    StepState.WAITING: " ",
    StepState.RUNNING: "…",
    StepState.DONE: "✓",
    StepState.SKIPPED: "-",
    StepState.BLOCKED: "✗",
}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Parameters = ParamSpec("Parameters")


def for_a_terminal(words: Callable[Parameters, Iterable[str]]) -> Callable[Parameters, Iterator[str]]:
    """Lines that do nothing to a terminal but stand there, whatever strangers wrote into them."""

    @wraps(words)
    def harmless_words(*values: Parameters.args, **options: Parameters.kwargs) -> Iterator[str]:
        return map(plain, words(*values, **options))

    return harmless_words


@for_a_terminal
def of_status(status: Status) -> Iterator[str]:
    """`mulberry status`: the sentence, all other reasons, the steps while they matter, the money and its sources."""
    said = sentence(status)
    yield said if title(status) in said else f"{title(status)}. {said}"
    for reason in status.reasons:
        if reason.kind is not ReasonKind.PAUSED_BY_RULE or f"{reason.evidence} {reason.next_step}" not in said:
            yield f"  {of_reason(reason)}"
    if status.state in (NodeState.GETTING_READY, NodeState.NEEDS_YOU):
        yield from (of_step(step) for step in status.steps)
    money = status.earnings
    play = " (play money)" if status.network.is_demo else ""
    yield f"{status.network.title}{play}, {status.model} on {status.runs_on}"
    yield f"  earned   {format_ton(money.earned)}, the proxies' word"
    yield f"  payable  {format_ton(money.payable)}, signed payments in the ledger"
    yield f"  paid     {format_ton(money.paid)}, payouts seen on TON"
    yield f"  7 days   {format_ton(money.last_7_days)}    30 days  {format_ton(money.last_30_days)}"
    yield f"  jobs     {money.jobs_today:,} today, {money.jobs_total:,} in all"
    if status.estimate is not None:
        yield f"  estimate {status.estimate.amount}. {status.estimate.source}"
    for proxy in status.proxies:
        line = "connected" if proxy.connected else proxy.note or "not connected"
        proof = f" ({proxy.attestation})" if proxy.attestation else ""
        yield f"  proxy    {proxy.name}: {line}{proof}"
    if status.sandbox:
        yield f"  sandbox  {status.sandbox}"
    if status.own_servers:
        yield f"  servers  {where_prompts_go(status.own_servers)}"
    yield from _of_gpus(status.gpus)
    if status.network.front_url:
        yield f"  customers may ask at {status.network.front_url}/v1/chat/completions"
    if status.newer_version:
        yield f"Version {status.newer_version} of Mulberry is there: `mulberry update` says what is new."
    yield f"as of {status.as_of.astimezone():%Y-%m-%d %H:%M:%S}"


def _of_gpus(gpus: GpuReport) -> Iterator[str]:
    for gpu in gpus.gpus:
        yield f"  GPU      {gpu.name} at {gpu.pci_address}"
        if gpu.condition.told:
            yield f"           {gpu.condition.told}"
    for unread in gpus.unread:
        yield f"  GPU      at {unread.pci_address or 'an unknown place'}: {unread.condition.told}"
    if gpus.absent_because and not gpus.unread:
        yield f"  no GPU   {gpus.absent_because}"
    if gpus.waiting_until is not None:
        yield f"           waiting for it until {gpus.waiting_until.astimezone():%H:%M}"


def of_proxies(proxies: Iterable[ProxyStatus]) -> Iterator[str]:
    """`mulberry proxies`: a few lines for each, those that we are connected to first."""
    found = sorted(proxies, key=lambda proxy: not proxy.connected)
    if not found:
        yield "No proxy was met yet."
    for proxy in found:
        since = f" since {proxy.connected_since.astimezone():%Y-%m-%d %H:%M:%S}" if proxy.connected_since else ""
        where = f" at {proxy.address}" if proxy.address not in ("", proxy.name) else ""
        yield f"{proxy.name}{where} ({proxy.transport}): {proxy.state}{since}"
        if proxy.note:
            again = f" Next attempt {proxy.next_attempt_at.astimezone():%H:%M:%S}." if proxy.next_attempt_at else ""
            yield f"  {proxy.note}{again}"
        yield f"  key      {proxy.public_key or 'not known yet'}"
        if proxy.attestation:
            yield f"  proof    {proxy.attestation}"
        yield f"  model    {proxy.model}, price factor {proxy.coefficient / 1000:.3f}"
        yield f"  requests {proxy.requests:,}, {proxy.succeeded:,} served, {proxy.running_requests:,} running"
        yield f"  earned   {format_ton(proxy.earned)}, of which {format_ton(proxy.owed)} not signed yet"
        yield f"  payable  {format_ton(proxy.payable)}, paid {format_ton(proxy.paid)}"
        if proxy.underpaid:
            yield f"  short    {format_ton(proxy.underpaid)} less confirmed than this computer counted"


def of_reason(reason: Reason) -> str:
    turn = "It is your turn." if reason.whose_turn is WhoseTurn.YOU else ""
    return f"{reason.evidence} {reason.next_step} {turn}".rstrip()


def of_step(step: Step) -> str:
    note = f" ({step.note})" if step.note else ""
    return f"  [{MARKS[step.state]}] {step.name}{note}"


@for_a_terminal
def of_error(error: UserFacingError) -> Iterator[str]:
    yield error.what
    yield error.why
    yield error.next_step
    if error.detail:
        yield f"({error.detail})"


@for_a_terminal
def of_jobs(jobs: Iterable[Job]) -> Iterator[str]:
    """A table, the newest job last."""
    yield f"{'job':>7}  {'finished':19}  {'tokens':>11}  {'seconds':>8}  {'earned':>18}  outcome"
    for job in jobs:
        tokens = f"{job.prompt_tokens} + {job.completion_tokens}"
        money = format_ton(job.earned) if job.confirmed_tokens is not None else f"~{format_ton(job.estimated)}"
        when = f"{job.finished_at.astimezone():%Y-%m-%d %H:%M:%S}"
        outcome = f"{job.outcome}: {job.error}" if job.error else job.outcome
        if job.underpaid:
            outcome += f" (the proxy confirmed {format_ton(job.underpaid)} less than this computer counted)"
        yield f"{job.number:>7}  {when}  {tokens:>11}  {job.latency_seconds:>8.3f}  {money:>18}  {outcome}"


def of_jobs_as_csv(jobs: Iterable[Job]) -> Iterator[str]:
    """Comma-separated, with a line of names; money empty until the proxy confirmed it."""
    yield ",".join(COLUMNS)
    yield from map(csv_of_job, jobs)


def seconds(duration: str) -> float:
    """`90s`, `30m`, `1h`, `1.5h`, `2d` in seconds. Raises `ValueError`."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])", duration.strip())
    if found is None:
        raise ValueError(f"{duration!r} is no duration; write 30m, 1h or 2d")
    return float(found[1]) * UNITS[found[2]]
