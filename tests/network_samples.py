"""A network and its proxies in every state, as an agent reports them, for tests of what shows them."""

from dataclasses import replace
from datetime import timedelta

from mulberry.model.attestation import Policy
from mulberry.model.money import Nanoton
from mulberry.model.node import NOTHING, NetworkInfo, NodeState, ProxyState, ProxyStatus, RootInfo, Status
from samples import NOON, PROXY_KEY, WORKER_CONTRACT, a_status

A_ROOT = RootInfo(
    address=WORKER_CONTRACT,
    version=7,
    params_version=3,
    price_per_token=Nanoton(24_000),
    worker_fee_per_token=Nanoton(20_000),
    prompt_multiplier=10_000,
    cached_multiplier=1_000,
    completion_multiplier=40_000,
    reasoning_multiplier=40_000,
    proxies=5,
    as_of=NOON - timedelta(seconds=12),
)
DEMO = NetworkInfo(
    "demo",
    "Demo network",
    is_demo=True,
    kind="demo",
    transport="ratls",
    proxy_policy=Policy.FAKE_TDX,
    worker_policy=Policy.FAKE_TDX,
    check_hashes=True,
    connections=3,
    root=A_ROOT,
)
WORKING = ProxyStatus(
    name="demo proxy 1",
    public_key=PROXY_KEY,
    connected=True,
    running_requests=2,
    earned=Nanoton(49_400_000),
    payable=Nanoton(49_040_000),
    attestation="TEST, nothing proven",
    state=ProxyState.WORKING,
    address="127.0.0.1:40001",
    transport="ratls",
    model="mulberry/tiny-lm",
    coefficient=1000,
    requests=1_240,
    succeeded=1_239,
    owed=Nanoton(360_000),
    paid=Nanoton(30_140_000),
    connected_since=NOON - timedelta(hours=2),
)


def a_proxy(number: int, state: ProxyState) -> ProxyStatus:
    """Proxy `number` in `state`, with what belongs to it."""
    one = replace(
        WORKING,
        name=f"demo proxy {number}",
        public_key=f"{number:02x}" * 32,
        address=f"127.0.0.1:{40_000 + number}",
        state=state,
    )
    away = replace(one, connected=False, running_requests=0, attestation="", connected_since=None)
    match state:
        case ProxyState.WORKING:
            return one
        case ProxyState.CONNECTING:
            never_met = replace(
                away, requests=0, succeeded=0, earned=NOTHING, payable=NOTHING, owed=NOTHING, paid=NOTHING
            )
            return replace(never_met, public_key="", note="Proof of work: about 3 s.")
        case ProxyState.WAITING:
            note = f"The proxy {one.name} could not be reached: the connection was refused."
            return replace(away, note=note, next_attempt_at=NOON + timedelta(seconds=17))
        case ProxyState.PUT_ASIDE:
            note = f"The proxy {one.name} is not trusted: its counters fell. It was to be paid 49,040,000 nanoton."
            return replace(away, note=note, underpaid=Nanoton(120_000), next_attempt_at=NOON + timedelta(minutes=9))
        case ProxyState.GONE:
            return replace(away, note="It left the network's list. What it signed is kept and paid out.")


ONE_OF_EACH = tuple(a_proxy(number, state) for number, state in enumerate(ProxyState, 1))


def on_the_network(*proxies: ProxyStatus, state: NodeState = NodeState.EARNING, network: NetworkInfo = DEMO) -> Status:
    return replace(a_status(state), network=network, proxies=proxies)
