"""What the Network page says of a network, its root contract and its proxies. Pure functions, each read and tested.

Names, addresses and errors are strangers' words: they are cut and made plain here, before anything shows them.
"""

from dataclasses import dataclass

from mulberry.desktop.wording import clock_time, network_title
from mulberry.model.attestation import Policy
from mulberry.model.language import number, tr
from mulberry.model.money import Nanoton
from mulberry.model.node import NetworkInfo, RootInfo, Status
from mulberry.model.text import plain

LONGEST_NAME = 48  # characters shown
LONGEST_NOTE = 400
LONGEST_WORD = 48  # a longer one would make its line wider than the window
ONE_MULTIPLIER = 10_000

ROOT_NOT_READ = tr("The root contract is read when you start earning.")
ROOT_WITHOUT_CHAIN = tr("This network has no chain: its profile says what a root contract would.")
NOT_KNOWN = tr("not known yet")
NOTHING_PROVEN = tr("TEST, nothing proven")

KINDS = {
    "demo": tr("play money"),
    "test": tr("test network, its money is worth nothing"),
    "mainnet": tr("real money"),
}
_SHORT_TRANSPORTS = {"plain": tr("plain TCP"), "ratls": "RA-TLS", "socks5": tr("RA-TLS by a router")}
_TRANSPORTS = {
    "plain": tr("plain TCP, not encrypted"),
    "ratls": tr("RA-TLS, dialled directly"),
    "socks5": tr("RA-TLS by a local SOCKS5 router"),
}
_POLICIES = {
    Policy.ANY: tr("nothing asked for, nothing proven"),
    Policy.FAKE_TDX: tr("fake TDX: TEST, nothing proven"),
    Policy.TDX: tr("a genuine Intel TDX quote"),
}
_WE_SHOW = {
    Policy.ANY: tr("no quote"),
    Policy.FAKE_TDX: tr("fake TDX: TEST, proves nothing"),
    Policy.TDX: tr("a genuine Intel TDX quote"),
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


def proxies_show(network: NetworkInfo) -> str:
    """What a proxy must show before anything is sent to it."""
    if network.transport == "plain":
        return NOTHING_PROVEN
    shown = _POLICIES[network.proxy_policy]
    return tr("{proof}, checked by the router", proof=shown) if network.transport == "socks5" else shown


def head_line(status: Status, *, is_stale: bool) -> str:
    """Beside the page's title: which network, and what its transport proves."""
    network = status.network
    parts = [cut_name(network_title(network.name, network.title)), KINDS.get(network.kind, NOT_KNOWN)]
    if network.transport:
        parts.append(f"{_SHORT_TRANSPORTS.get(network.transport, network.transport)}, {proxies_show(network)}")
    if is_stale:
        parts.append(tr("as of {as_of}", as_of=clock_time(status.as_of)))
    return " · ".join(parts)


def network_facts(status: Status) -> tuple[Fact, ...]:
    network, profile = status.network, tr("From the network's profile.")
    connected = sum(proxy.connected for proxy in status.proxies)
    is_plain = network.transport == "plain"
    lists = tr("must be on the root contract's lists") if network.check_hashes else tr("any; the lists are not asked")
    return (
        Fact(
            tr("Name"),
            cut_name(network_title(network.name, network.title)),
            f"{tr('Its profile is called {name}.', name=cut_name(network.name))} {profile}",
        ),
        Fact(tr("Money"), KINDS.get(network.kind, NOT_KNOWN), profile, "warn" if network.kind != "mainnet" else ""),
        Fact(
            tr("Reached by"),
            _TRANSPORTS.get(network.transport, network.transport or NOT_KNOWN),
            tr("How this computer's bytes get to a proxy.") + " " + profile,
        ),
        Fact(
            tr("A proxy shows"),
            proxies_show(network),
            f"{tr('Nothing is sent to a proxy that does not show it.')} {profile}",
            "warn" if is_plain or network.proxy_policy is not Policy.TDX else "",
        ),
        Fact(
            tr("We show"),
            tr("nothing") if is_plain else _WE_SHOW[network.worker_policy],
            tr("What this computer's certificate proves to a proxy.") + " " + profile,
        ),
        Fact(
            tr("Images"),
            tr("not asked") if is_plain else lists,
            f"{tr('Which programs a quote may name.')} {profile}",
        ),
        Fact(
            tr("Connections"),
            tr(
                "{connected} of {wanted} wanted",
                connected=number(f"{connected:,}"),
                wanted=number(f"{network.connections:,}"),
            ),
            tr(
                "Proxies connected now, counted by this computer as of {as_of}; wanted: from the network's profile.",
                as_of=clock_time(status.as_of),
            ),
        ),
    )


def root_read_line(root: RootInfo, status: Status) -> str:
    """When the root contract was read, or why there is none."""
    if root.as_of is None:
        return ROOT_WITHOUT_CHAIN
    return tr("read from TON, proven, as of {as_of}", as_of=clock_time(root.as_of, status.as_of))


def root_facts(root: RootInfo, status: Status) -> tuple[Fact, ...]:
    source = ROOT_WITHOUT_CHAIN
    if root.as_of is not None:
        as_of = clock_time(root.as_of, status.as_of)
        source = tr("From the root contract, read from TON, proven, as of {as_of}.", as_of=as_of)
    factors = (root.prompt_multiplier, root.cached_multiplier, root.completion_multiplier, root.reasoning_multiplier)
    return (
        Fact(
            tr("Version"),
            number(f"{root.version:,}"),
            f"{tr('Grows with every change, also of the list of proxies.')} {source}",
        ),
        Fact(
            tr("Parameters"),
            number(f"{root.params_version:,}"),
            f"{tr('Their version. When it changes, all connections are made anew with new contracts.')} {source}",
        ),
        Fact(tr("A token costs"), token_price(root.price_per_token), f"{tr('What customers pay.')} {source}"),
        Fact(tr("A token earns"), token_price(root.worker_fee_per_token), f"{tr('What workers get.')} {source}"),
        Fact(
            tr("Weights"),
            " · ".join(number(f"{factor / ONE_MULTIPLIER:g}") for factor in factors),
            f"{tr('How prompt, cached, completion and reasoning tokens are weighed, in this order.')} {source}",
        ),
        Fact(tr("Proxies listed"), number(f"{root.proxies:,}"), f"{tr('Registered with the network.')} {source}"),
    )


def token_price(amount: Nanoton) -> str:
    return tr("{amount} nanoton", amount=number(f"{amount:,}"))
