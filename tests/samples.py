"""Statuses and jobs as an agent reports them, for tests of everything that shows them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import DriverState, GpuInfo, GpuReport
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.key import KeyState, KeyStatus
from mulberry.model.money import Nanoton
from mulberry.model.node import (
    Earnings,
    Intent,
    NetworkInfo,
    NodeState,
    ProxyStatus,
    Reason,
    ReasonKind,
    Status,
    Step,
    StepState,
    Want,
)
from mulberry.model.wallet import (
    AccountRole,
    Balance,
    ChainTransaction,
    Difference,
    Payout,
    PayoutState,
    Reconciliation,
    ServerStanding,
    TransactionKind,
    WalletStatus,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROXY_KEY = "d0" * 32
OWNER = "UQBKgXCNLPexWhs2L79kiARR1phGH1LwXxRbNsCFF9doc2lN"
NODE_WALLET = "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA"
WORKER_CONTRACT = "EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2"

WANTS = {
    NodeState.STOPPED: Want.STOP,
    NodeState.FINISHING: Want.FINISH,
    NodeState.PAUSED: Want.PAUSE,
}
STEPS = (
    Step("Read the network profile", StepState.DONE),
    Step("Look for GPUs", StepState.SKIPPED, "No NVIDIA driver is installed."),
    Step("Load the model", StepState.RUNNING, "tiny-lm"),
    Step("Connect to a proxy", StepState.WAITING),
)
RTX_4090 = GpuInfo(
    uuid="GPU-6c1f8d0e-9f53-4f1b-8a43-0d8f4f6a2b11",
    pci_address="00000000:01:00.0",
    name="NVIDIA GeForce RTX 4090",
    driver_version="580.95.05",
    memory_total_bytes=24 * 2**30,
    memory_used_bytes=10 * 2**30,
    load_percent=71,
    power_milliwatt=212_000,
    power_limit_milliwatt=450_000,
    temperature_celsius=63,
)
NO_GPU = GpuReport((), "No NVIDIA driver was found on this computer.", NOON, DriverState.NOT_INSTALLED)
UNREACHABLE = Reason(
    ReasonKind.PROXY_UNREACHABLE,
    "No proxy answers at 127.0.0.1:4000.",
    "Mulberry tries again by itself.",
    WhoseTurn.NETWORK,
)


def a_status(state: NodeState = NodeState.EARNING, *, jobs: int = 12, running: int = 3) -> Status:
    """The demo network on the CPU at noon; change what matters with `dataclasses.replace`."""
    want = WANTS.get(state, Want.START)
    until = NOON + timedelta(hours=1) if want is Want.PAUSE else None
    return Status(
        state=state,
        reasons=(UNREACHABLE,) if state is NodeState.NEEDS_YOU else (),
        steps=STEPS if state is NodeState.GETTING_READY else (),
        intent=Intent(want, NOON - timedelta(hours=1), until),
        network=NetworkInfo("demo", "Demo network", is_demo=True, front_url="http://127.0.0.1:8080"),
        model="mulberry/tiny-lm",
        runs_on="the CPU",
        running_requests=running if state in (NodeState.EARNING, NodeState.FINISHING) else 0,
        proxies=(
            ProxyStatus(
                "demo-proxy", PROXY_KEY, True, running, Nanoton(32_160), Nanoton(26_800), "TEST, nothing proven"
            ),
        ),
        earnings=Earnings(
            today=Nanoton(32_160),
            yesterday=Nanoton(0),
            last_7_days=Nanoton(32_160),
            last_30_days=Nanoton(32_160),
            earned=Nanoton(32_160),
            payable=Nanoton(26_800),
            jobs_today=jobs,
            jobs_total=jobs,
        ),
        gpus=NO_GPU,
        state_since=NOON - timedelta(minutes=10),
        as_of=NOON,
        version="0.1.0",
    )


def on_a_gpu(status: Status) -> Status:
    return replace(status, runs_on=RTX_4090.name, gpus=GpuReport((RTX_4090,), None, NOON))


def a_job(number: int, *, confirmed: bool = True, outcome: JobOutcome = JobOutcome.DONE) -> Job:
    """Job `number`, told apart from its neighbours by its token counts and its time."""
    received = NOON - timedelta(days=1) + timedelta(seconds=number % 80_000)
    completion = 10 + number % 90
    tokens = 23 + completion
    return Job(
        number=number,
        request_id=f"{number:064x}",
        proxy=PROXY_KEY,
        model="mulberry/tiny-lm",
        outcome=outcome,
        error="" if outcome is JobOutcome.DONE else "The engine died.",
        received_at=received,
        first_answer_at=received + timedelta(milliseconds=12),
        finished_at=received + timedelta(milliseconds=212),
        prompt_tokens=23,
        completion_tokens=completion,
        adjusted_tokens=tokens,
        worker_fee_per_token=Nanoton(20),
        confirmed_tokens=tokens if confirmed else None,
    )


def a_wallet(*, waiting: int = 18_900_000) -> WalletStatus:
    """The demo network's wallet at noon: one payout seen, the next one collecting."""
    return WalletStatus(
        owner=OWNER,
        owner_balance=Balance(OWNER, Nanoton(30_140_000), NOON - timedelta(seconds=3), 3),
        node_wallet=NODE_WALLET,
        node_wallet_balance=Balance(NODE_WALLET, Nanoton(4_612_345_678), NOON - timedelta(seconds=3), 3),
        minimum=Nanoton(1_000_000_000),
        warning_below=Nanoton(1_500_000_000),
        payouts=(
            Payout(
                PROXY_KEY,
                WORKER_CONTRACT,
                Nanoton(waiting),
                Nanoton(30_000_000),
                PayoutState.COLLECTING,
                "It is paid out by itself at 0.0300 TON.",
                last_paid_at=NOON - timedelta(minutes=7),
                collecting_since=NOON - timedelta(minutes=7),
            ),
        ),
        paid=Nanoton(30_140_000),
        head_seqno=4_711,
        head_at=NOON - timedelta(seconds=3),
        servers=tuple(ServerStanding(f"127.0.0.1:{port}", True, "") for port in (4711, 4712, 4713)),
        note="",
        top_up_url="http://127.0.0.1:8080/demo/faucet",
        as_of=NOON,
        key=KeyStatus(KeyState.OPEN, "in a file of the data folder, because this is play money", NODE_WALLET),
    )


def a_transaction(number: int, kind: TransactionKind = TransactionKind.PAYOUT) -> ChainTransaction:
    """Transaction `number` of the owner, later the higher the number."""
    return ChainTransaction(
        role=AccountRole.OWNER,
        account="0:" + "4a" * 32,
        lt=1_000_000 + number,
        hash=f"{number:064x}",
        at=NOON - timedelta(days=1) + timedelta(seconds=number),
        kind=kind,
        amount=Nanoton(30_000_000 + number),
        fee=Nanoton(123_456),
        counterparty="0:" + "ed" * 32,
        comment="",
        success=True,
    )


def an_account() -> Reconciliation:
    """App, proxy and chain with a job on its way: every difference is explained."""
    return Reconciliation(
        counted=Nanoton(51_020_000),
        earned=Nanoton(49_400_000),
        payable=Nanoton(49_040_000),
        paid=Nanoton(30_140_000),
        differences=(
            Difference(PROXY_KEY, "Counted by this computer, job by job.", Nanoton(51_020_000)),
            Difference(PROXY_KEY, "Not confirmed by the proxy yet.", Nanoton(-1_620_000)),
            Difference(PROXY_KEY, "Earned by the proxy's word, not signed yet.", Nanoton(-360_000)),
            Difference(PROXY_KEY, "Signed, waits for the next payout.", Nanoton(-18_900_000)),
            Difference(PROXY_KEY, "Paid on the chain.", Nanoton(-30_140_000)),
        ),
        is_compared=True,
        is_settled=True,
        as_of=NOON,
    )
