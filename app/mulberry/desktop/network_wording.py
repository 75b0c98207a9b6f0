"""What the Network page says of a network, its root contract and its proxies. Pure functions, each read and tested.

Names, addresses and errors are strangers' words: they are cut and made plain here, before anything shows them.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.desktop.wording import clock_time
from mulberry.model.attestation import Policy
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import NetworkInfo, NodeState, ProxyState, ProxyStatus, RootInfo, Status
from mulberry.model.text import plain

LONGEST_NAME = 48  # characters shown
LONGEST_NOTE = 400
LONGEST_PROOF = 100
LONGEST_WORD = 48  # a longer one would make its line wider than the window
ONE_COEFFICIENT = 1000
ONE_MULTIPLIER = 10_000

NOT_HEARD_YET = "Nothing is known of the network yet: the agent has not answered."
ROOT_NOT_READ = "The root contract is read when you start earning."
ROOT_WITHOUT_CHAIN = "This network has no chain: its profile says what a root contract would."
NOT_KNOWN = "not known yet"

KINDS = {
    "demo": "play money",
    "test": "test network, its money is worth nothing",
    "mainnet": "real money",
}
STATES = {
    ProxyState.WORKING: "Working",
    ProxyState.CONNECTING: "Connecting",
    ProxyState.WAITING: "Waiting",
    ProxyState.PUT_ASIDE: "Put aside",
    ProxyState.GONE: "Gone",
}
MEANINGS = {
    ProxyState.WORKING: "Connected, and may send requests.",
    ProxyState.CONNECTING: "Being dialled, or proving itself.",
    ProxyState.WAITING: "No requests come from it now.",
    ProxyState.PUT_ASIDE: "Not trusted, or over a limit of yours: no work for it. What it signed is kept and paid out.",
    ProxyState.GONE: "No longer on the network's list. What it signed is kept and paid out.",
}
_SHORT_TRANSPORTS = {"plain": "plain TCP", "ratls": "RA-TLS", "socks5": "RA-TLS by a router"}
_TRANSPORTS = {
    "plain": "plain TCP, not encrypted",
    "ratls": "RA-TLS, dialled directly",
    "socks5": "RA-TLS by a local SOCKS5 router",
}
_POLICIES = {
    Policy.ANY: "nothing asked for, nothing proven",
    Policy.FAKE_TDX: "fake TDX: TEST, nothing proven",
    Policy.TDX: "a genuine Intel TDX quote",
}
_WE_SHOW = {
    Policy.ANY: "no quote",
    Policy.FAKE_TDX: "fake TDX: TEST, proves nothing",
    Policy.TDX: "a genuine Intel TDX quote",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One value under its name. `source` says what it is, from where and as of when; `tone` names its colour's role."""

    name: str
    value: str
    source: str
    tone: str = ""


def cut_name(untrusted: str) -> str:
    """A name or an address on one line, short enough for every place where it stands."""
    return plain(untrusted, LONGEST_NAME).strip()


def cut_note(untrusted: str) -> str:
    """An error in words; a word that no line can hold is cut."""
    words = plain(untrusted, LONGEST_NOTE).split()
    return " ".join(word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…" for word in words)


# The network


def proxies_show(network: NetworkInfo) -> str:
    """What a proxy must show before anything is sent to it."""
    if network.transport == "plain":
        return "TEST, nothing proven"
    checked_by = ", checked by the router" if network.transport == "socks5" else ""
    return _POLICIES[network.proxy_policy] + checked_by


def head_line(status: Status, *, is_stale: bool) -> str:
    """Beside the page's title: which network, and what its transport proves."""
    network = status.network
    parts = [cut_name(network.title), KINDS.get(network.kind, NOT_KNOWN)]
    if network.transport:
        parts.append(f"{_SHORT_TRANSPORTS.get(network.transport, network.transport)}, {proxies_show(network)}")
    if is_stale:
        parts.append(f"as of {clock_time(status.as_of)}")
    return " · ".join(parts)


def network_facts(status: Status) -> tuple[Fact, ...]:
    network, profile = status.network, "From the network's profile."
    connected = sum(proxy.connected for proxy in status.proxies)
    is_plain = network.transport == "plain"
    lists = "must be on the root contract's lists" if network.check_hashes else "any; the lists are not asked"
    return (
        Fact("Name", cut_name(network.title), f"Its profile is called {cut_name(network.name)}. {profile}"),
        Fact("Money", KINDS.get(network.kind, NOT_KNOWN), profile, "warn" if network.kind != "mainnet" else ""),
        Fact(
            "Reached by",
            _TRANSPORTS.get(network.transport, network.transport or NOT_KNOWN),
            f"How this computer's bytes get to a proxy. {profile}",
        ),
        Fact(
            "A proxy shows",
            proxies_show(network),
            f"Nothing is sent to a proxy that does not show it. {profile}",
            "warn" if is_plain or network.proxy_policy is not Policy.TDX else "",
        ),
        Fact(
            "We show",
            "nothing" if is_plain else _WE_SHOW[network.worker_policy],
            f"What this computer's certificate proves to a proxy. {profile}",
        ),
        Fact("Images", "not asked" if is_plain else lists, f"Which programs a quote may name. {profile}"),
        Fact(
            "Connections",
            f"{connected:,} of {network.connections:,} wanted",
            f"Proxies connected now, counted by this computer as of {clock_time(status.as_of)}; wanted: {profile}",
        ),
    )


def root_read_line(root: RootInfo, status: Status) -> str:
    """When the root contract was read, or why there is none."""
    if root.as_of is None:
        return ROOT_WITHOUT_CHAIN
    return f"read from TON, proven, as of {clock_time(root.as_of, status.as_of)}"


def root_facts(root: RootInfo, status: Status) -> tuple[Fact, ...]:
    source = f"From the root contract, {root_read_line(root, status)}."
    if root.as_of is None:
        source = ROOT_WITHOUT_CHAIN
    factors = (root.prompt_multiplier, root.cached_multiplier, root.completion_multiplier, root.reasoning_multiplier)
    return (
        Fact("Version", f"{root.version:,}", f"Grows with every change, also of the list of proxies. {source}"),
        Fact(
            "Parameters",
            f"{root.params_version:,}",
            f"Their version. When it changes, all connections are made anew with new contracts. {source}",
        ),
        Fact("A token costs", token_price(root.price_per_token), f"What customers pay. {source}"),
        Fact("A token earns", token_price(root.worker_fee_per_token), f"What workers get. {source}"),
        Fact(
            "Weights",
            " · ".join(f"{factor / ONE_MULTIPLIER:g}" for factor in factors),
            f"How prompt, cached, completion and reasoning tokens are weighed, in this order. {source}",
        ),
        Fact("Proxies listed", f"{root.proxies:,}", f"Registered with the network. {source}"),
    )


def token_price(amount: Nanoton) -> str:
    return f"{amount:,} nanoton"


# The proxies


def summary(status: Status, *, is_stale: bool) -> str:
    """How many proxies are in which state: `1 working, 2 waiting`; "" where there are none."""
    counted = Counter(proxy.state for proxy in status.proxies)
    parts = [f"{counted[state]:,} {text.lower()}" for state, text in STATES.items() if counted[state]]
    if is_stale and parts:
        parts.append(f"as of {clock_time(status.as_of)}")
    return ", ".join(parts)


def nobody_line(status: Status | None) -> str:
    """Why the table is empty."""
    if status is None:
        return NOT_HEARD_YET
    match status.state:
        case NodeState.STOPPED | NodeState.PAUSED:
            return "No proxy was met yet. Start earning, and the proxies that this computer works for stand here."
        case NodeState.GETTING_READY:
            return "No proxy yet: what is being made ready comes first. Proxies are dialled after it."
        case NodeState.NEEDS_YOU:
            return "No proxy yet: something waits for you first. The Home page says what."
        case _:
            return "No proxy yet: the network lists none. Mulberry looks again by itself."


def countdown(proxy: ProxyStatus, now: datetime | None) -> str:
    """`in 12 s`, `now`; "" where no attempt is to come, or nobody knows the time (`now` is None)."""
    if proxy.next_attempt_at is None or proxy.connected or now is None:
        return ""
    seconds = round((proxy.next_attempt_at - now).total_seconds())
    if seconds <= 0:
        return "now"
    return f"in {seconds} s" if seconds < 100 else f"in {seconds // 60} min"


def state_text(proxy: ProxyStatus, now: datetime | None) -> str:
    """`Waiting, in 12 s`."""
    soon = countdown(proxy, now)
    return f"{STATES[proxy.state]}, {soon}" if soon else STATES[proxy.state]


def state_line(proxy: ProxyStatus) -> str:
    """What the state means, and the last error in words."""
    return " ".join(part for part in (MEANINGS[proxy.state], cut_note(proxy.note)) if part)


def proof_text(proxy: ProxyStatus) -> str:
    return plain(proxy.attestation, LONGEST_PROOF) or ("nothing shown" if proxy.connected else "not connected")


def success_text(proxy: ProxyStatus) -> str:
    """The part of all requests that was served, rounded down: 100 % means every one. A dash where none came."""
    if proxy.requests <= 0:
        return "–"
    return f"{proxy.succeeded * 1000 // proxy.requests / 10:.1f} %".replace(".0 %", " %")


def price_factor(proxy: ProxyStatus) -> str:
    return f"{proxy.coefficient / ONE_COEFFICIENT:.3f}"


def short_key(public_key: str) -> str:
    return f"{public_key[:8]}…{public_key[-8:]}" if public_key else NOT_KNOWN


class Quality(StrEnum):
    """What there is to say of a proxy, by the name that stands over it."""

    STATE = "State"
    PROXY = "Proxy"
    PROOF = "Proof"
    MODEL = "Model"
    PRICE = "Price factor"
    REQUESTS = "Requests"
    SUCCESS = "Success"
    EARNED = "Earned"
    OWED = "Owed"
    PAYABLE = "Payable"
    PAID = "Paid"
    UNDERPAID = "Underpaid"
    SINCE = "Connected since"
    NEXT = "Next attempt"
    WHERE = "Address"
    KEY = "Key"


@dataclass(frozen=True, slots=True)
class _Telling:
    value: Callable[[ProxyStatus, datetime | None], str]
    what: str  # and from where
    is_counted: bool = True  # and changes, so that its time matters


def _amount(of: Callable[[ProxyStatus], Nanoton]) -> Callable[[ProxyStatus, datetime | None], str]:
    return lambda proxy, _: format_ton(of(proxy))


_TELLINGS: Mapping[Quality, _Telling] = {
    Quality.STATE: _Telling(state_text, "How the connection is, as this computer sees it."),
    Quality.PROXY: _Telling(lambda proxy, _: cut_name(proxy.name), "Its name, from the network's list.", False),
    Quality.PROOF: _Telling(
        lambda proxy, _: proof_text(proxy), "What the proxy showed, checked at connecting, before anything was sent."
    ),
    Quality.MODEL: _Telling(
        lambda proxy, _: cut_name(proxy.model), "What this computer serves there, from your settings.", False
    ),
    Quality.PRICE: _Telling(
        lambda proxy, _: price_factor(proxy), "Times the network's price: what you ask for, from your settings.", False
    ),
    Quality.REQUESTS: _Telling(
        lambda proxy, _: f"{proxy.requests:,}", "Requests that ended since the books began, counted by this computer."
    ),
    Quality.SUCCESS: _Telling(
        lambda proxy, _: success_text(proxy), "The part of them that was answered, counted by this computer."
    ),
    Quality.EARNED: _Telling(_amount(lambda proxy: proxy.earned), "All that it says this computer earned there."),
    Quality.OWED: _Telling(_amount(lambda proxy: proxy.owed), "Earned by the proxy's word, and not signed yet."),
    Quality.PAYABLE: _Telling(
        _amount(lambda proxy: proxy.payable), "Covered by its signed payments, verified and held on this computer."
    ),
    Quality.PAID: _Telling(_amount(lambda proxy: proxy.paid), "Payouts of its signed payments, seen on TON."),
    Quality.UNDERPAID: _Telling(
        _amount(lambda proxy: proxy.underpaid), "Counted by this computer, job by job, and not confirmed by the proxy."
    ),
    Quality.SINCE: _Telling(
        lambda proxy, now: clock_time(proxy.connected_since, now) if proxy.connected_since else "not connected",
        "By this computer's clock.",
    ),
    Quality.NEXT: _Telling(
        lambda proxy, now: countdown(proxy, now) or "–", "When Mulberry dials it again, by this computer's clock."
    ),
    Quality.WHERE: _Telling(
        lambda proxy, _: cut_name(proxy.address) or NOT_KNOWN, "Where it listens, from the network's list."
    ),
    Quality.KEY: _Telling(
        lambda proxy, _: short_key(proxy.public_key), "The key that its payments are signed with, as it told.", False
    ),
}
AMOUNTS = {Quality.OWED, Quality.PAYABLE, Quality.PAID, Quality.UNDERPAID}
UNIT = " TON"
DETAILS = tuple(quality for quality in Quality if quality not in (Quality.STATE, Quality.PROXY))


def value(proxy: ProxyStatus, quality: Quality, now: datetime | None) -> str:
    """`now` is None where the time does not matter any more: the agent is silent."""
    return _TELLINGS[quality].value(proxy, now)


def cell(proxy: ProxyStatus, quality: Quality, now: datetime | None) -> str:
    """As `value`, but short: the unit of money stands in the heading."""
    return value(proxy, quality, now).removesuffix(UNIT) if quality in AMOUNTS else value(proxy, quality, now)


def heading(quality: Quality) -> str:
    """What stands over a column of `cell`s."""
    return f"{quality.value},{UNIT}" if quality in AMOUNTS else quality.value


def source(proxy: ProxyStatus, quality: Quality, as_of: datetime) -> str:
    """What the value is, from where, and as of when."""
    telling = _TELLINGS[quality]
    parts = [telling.what]
    if quality is Quality.STATE:
        parts = [state_line(proxy)]
    elif quality is Quality.KEY and proxy.public_key:
        parts.append(f"In full: {plain(proxy.public_key, 64)}.")
    elif quality is Quality.REQUESTS and proxy.running_requests:
        parts.append(f"{proxy.running_requests:,} more run now.")
    if telling.is_counted:
        parts.append(f"As of {clock_time(as_of)}.")
    return " ".join(part for part in parts if part)


def tone(proxy: ProxyStatus, quality: Quality) -> str:
    """The role of the colour that a value is written in; "" for the usual one."""
    if quality is Quality.STATE:
        return {ProxyState.WORKING: "earn", ProxyState.PUT_ASIDE: "bad", ProxyState.CONNECTING: "accent"}.get(
            proxy.state, "muted"
        )
    if quality is Quality.UNDERPAID and proxy.underpaid > 0:
        return "bad"
    if quality is Quality.PROOF and "nothing" in proof_text(proxy):
        return "warn"
    if quality is Quality.PROOF and not proxy.connected:
        return "muted"
    return ""


def proxy_facts(proxy: ProxyStatus, now: datetime | None, as_of: datetime) -> tuple[Fact, ...]:
    return tuple(
        Fact(quality.value, value(proxy, quality, now), source(proxy, quality, as_of), tone(proxy, quality))
        for quality in DETAILS
    )
