"""The agent's one state, and what its owner wants. Everything that any face shows comes from `Status`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.attestation import Policy
from mulberry.model.benchmark import Estimate
from mulberry.model.ending import Ending
from mulberry.model.engine import EngineStats
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.money import Nanoton
from mulberry.model.power_cap import PowerCap

NOTHING = Nanoton(0)
NO_SANDBOX = "no sandbox"  # `Status.sandbox` where none holds: only jobs of this computer are run then


class NodeState(StrEnum):
    STOPPED = "stopped"
    GETTING_READY = "getting ready"
    EARNING = "earning"
    READY = "ready"  # connected, no requests
    PAUSED = "paused"
    FINISHING = "finishing"
    NEEDS_YOU = "needs you"


class Want(StrEnum):
    """What the owner asked for last."""

    START = "start"
    FINISH = "finish"  # no new work, complete what runs, then stopped
    STOP = "stop"  # at once
    PAUSE = "pause"  # until `Intent.until`


@dataclass(frozen=True, slots=True)
class Intent:
    """The owner's wish, kept on disk: it outlives crash, reboot and update. A pause always has an end."""

    want: Want
    since: datetime
    until: datetime | None = None  # for PAUSE only

    def __post_init__(self) -> None:
        if (self.want is Want.PAUSE) != (self.until is not None):
            raise ValueError(f"a pause, and only a pause, has an end: {self.want}, {self.until}")


class ReasonKind(StrEnum):
    """Why the node is not simply earning. Several may hold at once, all are shown."""

    STOPPED_BY_OWNER = "stopped by you"
    PAUSED_BY_OWNER = "paused by you"
    PAUSED_BY_RULE = "paused by your rules"
    UPDATING = "being updated"
    FINISHING_FOR_OWNER = "finishing for you"
    NO_REQUESTS = "no requests"
    PROXY_UNREACHABLE = "proxy unreachable"
    PROXY_REFUSED = "proxy refused"
    PROXY_DISTRUSTED = "proxy distrusted"
    ENGINE_FAILED = "engine failed"
    MODEL_UNUSABLE = "model unusable"
    NETWORK_UNUSABLE = "network unusable"
    KEY_UNAVAILABLE = "key unavailable"
    CHAIN_UNREACHABLE = "chain unreachable"
    WALLET_EMPTY = "wallet empty"
    DISK_FULL = "disk full"
    LEDGER_SET_ASIDE = "ledger set aside"
    SETTINGS_SET_ASIDE = "settings set aside"
    UNDERPAID = "underpaid"
    STATS_PAGE_UNAVAILABLE = "stats page unavailable"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds, with its evidence, the next step and whose turn it is. Texts are plain sentences."""

    kind: ReasonKind
    evidence: str
    next_step: str
    whose_turn: WhoseTurn
    stops_work: bool = True  # False: worth knowing, work goes on


class StepState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Step:
    """One named task of the start-up, as CLI and window draw it."""

    name: str
    state: StepState
    note: str = ""  # progress while running, the reason when skipped or blocked


class ProxyState(StrEnum):
    CONNECTING = "connecting"
    WORKING = "working"
    WAITING = "waiting"  # for the next attempt, or for our own readiness
    PUT_ASIDE = "put aside"  # not trusted: what it signed is kept and cashed, no work is done for it
    GONE = "gone"  # no longer in the root contract; what it signed is kept and cashed


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """One proxy we are, or were, connected to. `attestation` says what was proven of it: `TEST, nothing proven`.

    `model` as we serve it there, `coefficient` in thousandths. `requests` and `succeeded` count since the ledger began.
    `owed` is what the proxy says it owes and has not signed, `underpaid` what we counted and it did not confirm.
    `is_proven`: a genuine quote was verified, by us or by a router of ours.
    `note` is the last error in words, `next_attempt_at` when we try again.
    """

    name: str
    public_key: str  # "" before the handshake
    connected: bool
    running_requests: int
    earned: Nanoton
    payable: Nanoton
    attestation: str
    note: str = ""
    state: ProxyState = ProxyState.CONNECTING
    address: str = ""
    transport: str = ""
    model: str = ""
    coefficient: int = 0
    requests: int = 0
    succeeded: int = 0
    owed: Nanoton = NOTHING
    paid: Nanoton = NOTHING
    underpaid: Nanoton = NOTHING
    connected_since: datetime | None = None
    next_attempt_at: datetime | None = None
    is_proven: bool = False


@dataclass(frozen=True, slots=True)
class Earnings:
    """The money of one network. `earned` is the proxies' word, `payable` is covered by signed payments that we hold."""

    today: Nanoton
    yesterday: Nanoton
    last_7_days: Nanoton
    last_30_days: Nanoton
    earned: Nanoton
    payable: Nanoton
    jobs_today: int
    jobs_total: int  # also the number of the newest job
    paid: Nanoton = NOTHING  # payouts seen on the chain, all told


@dataclass(frozen=True, slots=True)
class RootInfo:
    """The root contract at `address` (friendly) as it was read last. Fees in nanoton, multipliers in ten-thousandths.

    `as_of` is the time of the block that proves it; None: the network has no chain, its profile says all this.
    """

    address: str
    version: int
    params_version: int
    price_per_token: Nanoton
    worker_fee_per_token: Nanoton
    prompt_multiplier: int
    cached_multiplier: int
    completion_multiplier: int
    reasoning_multiplier: int
    proxies: int  # registered
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """Which network this is. On the demo network the money is play money and every page says so.

    `transport` is how proxies are reached ("": not known), `proxy_policy` what they must show, `worker_policy` what we
    show; `connections` to how many at once. `root` is None until the root contract was read.
    """

    name: str
    title: str
    is_demo: bool
    front_url: str | None = None  # the demo network's own door for customers, where there is one
    kind: str = "demo"  # or "test", "mainnet"
    transport: str = ""
    proxy_policy: Policy = Policy.ANY
    worker_policy: Policy = Policy.ANY
    check_hashes: bool = False  # whether what is shown must be on the root contract's lists
    connections: int = 1
    root: RootInfo | None = None


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A server of the owner's that runs the jobs in place of a job process. `name` is its host, and port where needed.

    `is_here`: on this computer; `is_encrypted`: nobody on the way reads the prompts.
    """

    name: str
    is_here: bool
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The whole truth at `as_of`, as the agent knows it."""

    state: NodeState
    reasons: tuple[Reason, ...]
    steps: tuple[Step, ...]
    intent: Intent
    network: NetworkInfo
    model: str
    runs_on: str  # "NVIDIA GeForce RTX 4090", "the CPU", "your own servers"
    running_requests: int
    proxies: tuple[ProxyStatus, ...]
    earnings: Earnings
    gpus: GpuReport
    state_since: datetime
    as_of: datetime
    version: str
    sandbox: str = ""  # what stands around strangers' jobs, and how it was tested; "": nothing of ours runs
    own_servers: tuple[OwnServer, ...] = ()  # where prompts go instead of a job process
    ending: Ending | None = None  # of the last stretch of work; None while one lasts, and before the first
    engines: tuple[EngineStats, ...] = ()  # each job process, or each own server; none while nothing of them runs
    newer_version: str = ""  # that its owner may be told of; "": none is known, or they want to hear no more of it
    power_caps: tuple[PowerCap, ...] = ()  # of the GPUs that are here and may be used
    estimate: Estimate | None = None  # None: the last benchmark is of another model or another GPU, or there is none
