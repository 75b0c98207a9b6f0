"""What the window says beside the one sentence. Pure functions of the status, so that each can be read and tested."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mulberry.model.control import Command
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.language import dated, number, tr, tr_count
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import NO_SANDBOX, NodeState, ProxyStatus, ReasonKind, Status, Want
from mulberry.model.sentence import pause_end, where_prompts_go

DEMO = "demo"  # as its profile is called
GIBIBYTE = 2**30
JOB_DECIMALS = 8  # one job earns little; amounts under one another are as long as one another
NO_ANSWER_TITLE = tr("No answer")
NO_ANSWER = tr("The agent does not answer; trying again.")
STARTING_TITLE = tr("Starting")
STARTING = tr("Starting the agent, which does the work and keeps the books.")
QUIT_WINDOW = tr("Quit the window (earning goes on)")
STOP_AND_QUIT = tr("Stop earning and quit")
SANDBOX_WAY_OUT = tr("`mulberry sandbox selftest` shows what is missing.")
NO_JOBS = tr("No jobs yet. Press Start earning; each request that this computer answers becomes a row here.")


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing the owner can ask for. `pending` stands on the button until the agent has answered."""

    text: str
    command: Command
    pending: str


START = Verb(tr("Start earning"), Command(Want.START), tr("Starting…"))
TRY_AGAIN = Verb(tr("Try again"), Command(Want.START), tr("Trying again…"))
GO_ON = Verb(tr("Go on earning"), Command(Want.START), tr("Starting…"))
FINISH = Verb(tr("Finish and stop"), Command(Want.FINISH), tr("Finishing…"))
STOP = Verb(tr("Stop now"), Command(Want.STOP), tr("Stopping…"))
CHANGE_RULES = tr("Change your rules")
UNTIL_I_RESUME = Verb(tr("Until I resume (the same as Stop now)"), Command(Want.STOP), tr("Stopping…"))

_MAIN = {
    NodeState.STOPPED: START,
    NodeState.GETTING_READY: STOP,
    NodeState.EARNING: FINISH,
    NodeState.READY: FINISH,
    NodeState.FINISHING: GO_ON,
    NodeState.NEEDS_YOU: TRY_AGAIN,
}
_CAN_STOP_BESIDES = {NodeState.EARNING, NodeState.READY, NodeState.FINISHING, NodeState.NEEDS_YOU}
_CAN_PAUSE = {NodeState.GETTING_READY, NodeState.EARNING, NodeState.READY}


@dataclass(frozen=True, slots=True)
class Offer:
    """What the owner can do now: the one large button, and whether stopping and pausing stand beside it."""

    main: Verb
    can_stop: bool = False
    can_pause: bool = False


def is_held(status: Status) -> bool:
    """Whether a rule of the owner's holds up what the owner wants, or ends it just now."""
    if status.intent.want is not Want.START:
        return False
    waits_for_you = status.state is NodeState.NEEDS_YOU and status.reasons[:1]
    if waits_for_you and status.reasons[0].kind is ReasonKind.PAUSED_BY_RULE:
        return True
    return status.state in (NodeState.PAUSED, NodeState.FINISHING)


def offer(status: Status) -> Offer:
    """From what is observed, not from what was asked for. Whatever runs can be stopped, by one button or the other."""
    state, until = status.state, status.intent.until
    if is_held(status):  # to go on is not for a button to say
        return Offer(STOP, can_pause=True)
    if until is None or state is not NodeState.PAUSED:
        return Offer(_MAIN[state], state in _CAN_STOP_BESIDES, state in _CAN_PAUSE)
    text = tr("Go on now (paused until {time})", time=pause_end(until, status.as_of))
    return Offer(replace(GO_ON, text=text), can_stop=True)


def pauses(now: datetime) -> tuple[Verb, ...]:
    """The pauses on offer at the local time `now` (aware)."""
    local = now.astimezone()
    tomorrow = (local + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    choices = (
        (tr("For 1 hour"), timedelta(hours=1)),
        (tr("For 3 hours"), timedelta(hours=3)),
        (tr("Until tomorrow 8:00"), tomorrow - local),
    )
    with_an_end = (Verb(text, Command(Want.PAUSE, length.total_seconds()), tr("Pausing…")) for text, length in choices)
    return (*with_an_end, UNTIL_I_RESUME)


def clock_time(moment: datetime, now: datetime | None = None) -> str:
    """The local time of `moment`, with its date where that is not the day of `now`."""
    local = moment.astimezone()
    if now is not None and local.date() != now.astimezone().date():
        return dated(local, "%d %b %H:%M")
    return f"{local:%H:%M:%S}"


def since_line(status: Status) -> str:
    """The small line under the sentence."""
    since = status.state_since.astimezone()
    same_day = since.date() == status.as_of.astimezone().date()
    parts = [
        tr("Since {time}", time=dated(since, "%H:%M" if same_day else "%d %b %H:%M")),
        jobs_text(status.earnings.jobs_total),
    ]
    own_wishes = (ReasonKind.STOPPED_BY_OWNER, ReasonKind.PAUSED_BY_OWNER, ReasonKind.FINISHING_FOR_OWNER)
    waiting = sum(r.whose_turn is WhoseTurn.YOU and r.kind not in own_wishes for r in status.reasons)
    if waiting:
        parts.append(tr_count("{count} thing waits for you", "{count} things wait for you", waiting))
    else:
        parts.append(tr("nothing waits for you"))
    return " · ".join(parts)


def source_line(status: Status) -> str:
    """Where the number above comes from, and when."""
    return tr("the proxy's word, as of {as_of}", as_of=clock_time(status.as_of))


def beside_today(status: Status) -> str:
    """Today's jobs, and how today compares with yesterday where there was a yesterday."""
    jobs = jobs_text(status.earnings.jobs_today)
    if status.earnings.yesterday <= 0:
        return jobs
    change = round((status.earnings.today / status.earnings.yesterday - 1) * 100)
    return f"{jobs} · {tr('{change} % on yesterday', change=number(f'{change:+,}'))}"


def proxies_line(status: Status) -> str:
    """Who signs: the connected proxies and what was proven of them."""
    connected = [proxy for proxy in status.proxies if proxy.connected]
    if not connected:
        return tr("no proxy connected")
    return ", ".join(f"{proxy.name} · {proxy.attestation}" for proxy in connected)


def percent_signed(status: Status) -> int:
    """The part of everything earned that signed payments cover, rounded down: 100 means all of it."""
    earned = status.earnings.earned
    return min(100, status.earnings.payable * 100 // earned) if earned > 0 else 0


def jobs_text(jobs: int) -> str:
    return tr_count("{count} job", "{count} jobs", jobs)


def gpu_details(gpu: GpuInfo) -> str:
    """Memory, driver and the short PCI address: `24 GB · driver 580.95 · 01:00.0`."""
    address = gpu.pci_address.partition(":")[2] or gpu.pci_address
    return tr(
        "{memory} GB · driver {version} · {address}",
        memory=round(gpu.memory_total_bytes / GIBIBYTE),
        version=gpu.driver_version,
        address=address,
    )


def watts_text(milliwatt: float, limit_milliwatt: int | None) -> str:
    watts = f"{milliwatt / 1000:.0f}"
    if not limit_milliwatt:
        return tr("{watts} W", watts=watts)
    return tr("{watts} of {limit} W", watts=watts, limit=f"{limit_milliwatt / 1000:.0f}")


def why_no_gpu(report: GpuReport) -> str:
    """Why, and how long it may still come: `It is not running. Waiting for it until 12:05.`"""
    if report.waiting_until is None:
        return report.absent_because or ""
    return f"{report.absent_because} {tr('Waiting for it until {time}.', time=clock_time(report.waiting_until))}"


def network_title(name: str, title: str) -> str:
    """Our own network's name in the owner's language; any other is its profile's."""
    return tr("Demo network") if name == DEMO else title


def demo_banner(status: Status | None) -> str:
    if status is not None and any(not server.is_here for server in status.own_servers):
        return tr("Demo network: the money is play money.")
    return tr("Demo network: everything runs on this computer and the money is play money.")


def no_gpu_title(status: Status) -> str:
    runs_here = status.network.is_demo and not status.own_servers
    return tr("No GPU: running the demo on the CPU") if runs_here else tr("No NVIDIA GPU")


def sandbox_line(status: Status) -> str:
    """What stands around the jobs, or where they are run instead; "" while nothing of ours runs them."""
    if status.own_servers:
        return where_prompts_go(status.own_servers)
    if status.sandbox == NO_SANDBOX:
        return f"{tr('No sandbox holds here: only jobs of this computer are run.')} {SANDBOX_WAY_OUT}"
    if not status.sandbox:
        return ""
    return tr("Jobs run in a sandbox, tested at its last start: {sandbox}.", sandbox=status.sandbox)


def earned_text(job: Job) -> str:
    """What a job brought: the proxy's word, or our estimate and that it is one."""
    if job.outcome is not JobOutcome.DONE and not job.confirmed_tokens:
        return "–"
    if job.confirmed_tokens is None:
        return tr("about {amount}", amount=format_ton(job.estimated, at_least_decimals=JOB_DECIMALS))
    return format_ton(job.earned, at_least_decimals=JOB_DECIMALS)


def latency_text(seconds: float) -> str:
    if seconds < 10:
        return tr("{milliseconds} ms", milliseconds=number(f"{seconds * 1000:,.0f}"))
    return tr("{seconds} s", seconds=number(f"{seconds:,.1f}"))


def proxy_name(public_key: str, proxies: tuple[ProxyStatus, ...], *, is_demo: bool) -> str:
    """The proxy's name where it is known, else the start of its key; marked TEST where the network is one."""
    names = (proxy.name for proxy in proxies if proxy.public_key == public_key)
    name = next(names, f"{public_key[:8]}…")
    return f"{name} · TEST" if is_demo else name


def money_or_unknown(amount: Nanoton | None) -> str:
    """An amount, or a dash where nothing is known: unknown is never shown as zero."""
    return "–" if amount is None else format_ton(amount)
