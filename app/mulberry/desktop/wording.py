"""What the window says beside the one sentence. Pure functions of the status, so that each can be read and tested."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mulberry.model.control import Command
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import NO_SANDBOX, NodeState, ProxyStatus, ReasonKind, Status, Want
from mulberry.model.sentence import where_prompts_go

GIBIBYTE = 2**30
JOB_DECIMALS = 8  # one job earns little; amounts under one another are as long as one another
NO_ANSWER_TITLE = "No answer"
NO_ANSWER = "The agent does not answer; trying again."
STARTING_TITLE = "Starting"
STARTING = "Starting the agent, which does the work and keeps the books."
SANDBOX_WAY_OUT = "`mulberry sandbox selftest` shows what is missing."
NO_JOBS = "No jobs yet. Press Start earning; each request that this computer answers becomes a row here."


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing the owner can ask for. `pending` stands on the button until the agent has answered."""

    text: str
    command: Command
    pending: str


START = Verb("Start earning", Command(Want.START), "Starting…")
TRY_AGAIN = Verb("Try again", Command(Want.START), "Trying again…")
GO_ON = Verb("Go on earning", Command(Want.START), "Starting…")
FINISH = Verb("Finish and stop", Command(Want.FINISH), "Finishing…")
STOP = Verb("Stop now", Command(Want.STOP), "Stopping…")

_MAIN = {
    NodeState.STOPPED: START,
    NodeState.GETTING_READY: STOP,
    NodeState.EARNING: FINISH,
    NodeState.READY: FINISH,
    NodeState.PAUSED: GO_ON,
    NodeState.FINISHING: GO_ON,
    NodeState.NEEDS_YOU: TRY_AGAIN,
}
_CAN_STOP_BESIDES = {
    NodeState.EARNING,
    NodeState.READY,
    NodeState.PAUSED,
    NodeState.FINISHING,
    NodeState.NEEDS_YOU,
}
_CAN_PAUSE = {NodeState.GETTING_READY, NodeState.EARNING, NodeState.READY}


def main_verb(state: NodeState) -> Verb:
    """What the one large button does, from what is observed, not from what was asked for."""
    return _MAIN[state]


def can_stop_besides(state: NodeState) -> bool:
    """Whether "Stop now" stands beside the large button. Where it does not, it is the large one or all is stopped."""
    return state in _CAN_STOP_BESIDES


def can_pause(state: NodeState) -> bool:
    return state in _CAN_PAUSE


def pauses(now: datetime) -> tuple[Verb, ...]:
    """The pauses on offer at the local time `now` (aware)."""
    local = now.astimezone()
    tomorrow = (local + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    choices = (
        ("For 1 hour", timedelta(hours=1)),
        ("For 4 hours", timedelta(hours=4)),
        ("Until tomorrow 8:00", tomorrow - local),
    )
    return tuple(Verb(text, Command(Want.PAUSE, length.total_seconds()), "Pausing…") for text, length in choices)


def clock_time(moment: datetime, now: datetime | None = None) -> str:
    """The local time of `moment`, with its date where that is not the day of `now`."""
    local = moment.astimezone()
    if now is not None and local.date() != now.astimezone().date():
        return f"{local:%d %b %H:%M}"
    return f"{local:%H:%M:%S}"


def since_line(status: Status) -> str:
    """The small line under the sentence."""
    since = status.state_since.astimezone()
    same_day = since.date() == status.as_of.astimezone().date()
    parts = [
        f"Since {since:%H:%M}" if same_day else f"Since {since:%d %b %H:%M}",
        count(status.earnings.jobs_total, "job"),
    ]
    own_wishes = (ReasonKind.STOPPED_BY_OWNER, ReasonKind.PAUSED_BY_OWNER, ReasonKind.FINISHING_FOR_OWNER)
    waiting = sum(r.whose_turn is WhoseTurn.YOU and r.kind not in own_wishes for r in status.reasons)
    if waiting:
        parts.append("1 thing waits for you" if waiting == 1 else f"{waiting} things wait for you")
    else:
        parts.append("nothing waits for you")
    return " · ".join(parts)


def source_line(status: Status) -> str:
    """Where the number above comes from, and when."""
    return f"the proxy's word, as of {clock_time(status.as_of)}"


def beside_today(status: Status) -> str:
    """Today's jobs, and how today compares with yesterday where there was a yesterday."""
    jobs = count(status.earnings.jobs_today, "job")
    if status.earnings.yesterday <= 0:
        return jobs
    change = round((status.earnings.today / status.earnings.yesterday - 1) * 100)
    return f"{jobs} · {change:+,} % on yesterday"


def proxies_line(status: Status) -> str:
    """Who signs: the connected proxies and what was proven of them."""
    connected = [proxy for proxy in status.proxies if proxy.connected]
    if not connected:
        return "no proxy connected"
    return ", ".join(f"{proxy.name} · {proxy.attestation}" for proxy in connected)


def percent_signed(status: Status) -> int:
    """The part of everything earned that signed payments cover, rounded down: 100 means all of it."""
    earned = status.earnings.earned
    return min(100, status.earnings.payable * 100 // earned) if earned > 0 else 0


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def gpu_details(gpu: GpuInfo) -> str:
    """Memory, driver and the short PCI address: `24 GB · driver 580.95 · 01:00.0`."""
    address = gpu.pci_address.partition(":")[2] or gpu.pci_address
    return f"{round(gpu.memory_total_bytes / GIBIBYTE)} GB · driver {gpu.driver_version} · {address}"


def why_no_gpu(report: GpuReport) -> str:
    """Why, and how long it may still come: `It is not running. Waiting for it until 12:05.`"""
    if report.waiting_until is None:
        return report.absent_because or ""
    return f"{report.absent_because} Waiting for it until {clock_time(report.waiting_until)}."


def demo_banner(status: Status | None) -> str:
    if status is not None and any(not server.is_here for server in status.own_servers):
        return "Demo network: the money is play money."
    return "Demo network: everything runs on this computer and the money is play money."


def no_gpu_title(status: Status) -> str:
    runs_here = status.network.is_demo and not status.own_servers
    return "No GPU: running the demo on the CPU" if runs_here else "No NVIDIA GPU"


def sandbox_line(status: Status) -> str:
    """What stands around the jobs, or where they are run instead; "" while nothing of ours runs them."""
    if status.own_servers:
        return where_prompts_go(status.own_servers)
    if status.sandbox == NO_SANDBOX:
        return f"No sandbox holds here: only jobs of this computer are run. {SANDBOX_WAY_OUT}"
    return f"Jobs run in a sandbox, tested at its last start: {status.sandbox}." if status.sandbox else ""


def earned_text(job: Job) -> str:
    """What a job brought: the proxy's word, or our estimate and that it is one."""
    if job.outcome is not JobOutcome.DONE and not job.confirmed_tokens:
        return "–"
    if job.confirmed_tokens is None:
        return f"about {format_ton(job.estimated, at_least_decimals=JOB_DECIMALS)}"
    return format_ton(job.earned, at_least_decimals=JOB_DECIMALS)


def latency_text(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds < 10 else f"{seconds:,.1f} s"


def proxy_name(public_key: str, proxies: tuple[ProxyStatus, ...], *, is_demo: bool) -> str:
    """The proxy's name where it is known, else the start of its key; marked TEST where the network is one."""
    names = (proxy.name for proxy in proxies if proxy.public_key == public_key)
    name = next(names, f"{public_key[:8]}…")
    return f"{name} · TEST" if is_demo else name


def money_or_unknown(amount: Nanoton | None) -> str:
    """An amount, or a dash where nothing is known: unknown is never shown as zero."""
    return "–" if amount is None else format_ton(amount)
