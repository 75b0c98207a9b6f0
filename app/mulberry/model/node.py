"""The agent's one state, and what its owner wants. Everything that any face shows comes from `Status`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.money import Nanoton

NOTHING = Nanoton(0)


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


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """One proxy connection. `attestation` says what was proven of the proxy, in words: `TEST, nothing proven`."""

    name: str
    public_key: str  # "" before the handshake
    connected: bool
    running_requests: int
    earned: Nanoton
    payable: Nanoton
    attestation: str
    note: str = ""


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
class NetworkInfo:
    """Which network this is. On the demo network the money is play money and every page says so."""

    name: str
    title: str
    is_demo: bool
    front_url: str | None = None  # the demo network's own door for customers, where there is one


@dataclass(frozen=True, slots=True)
class Status:
    """The whole truth at `as_of`, as the agent knows it."""

    state: NodeState
    reasons: tuple[Reason, ...]
    steps: tuple[Step, ...]
    intent: Intent
    network: NetworkInfo
    model: str
    runs_on: str  # "NVIDIA GeForce RTX 4090", or "the CPU"
    running_requests: int
    proxies: tuple[ProxyStatus, ...]
    earnings: Earnings
    gpus: GpuReport
    state_since: datetime
    as_of: datetime
    version: str
    sandbox: str = ""  # what stands around strangers' jobs, and how it was tested; "": nothing runs
