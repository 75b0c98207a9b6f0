"""What the Network page says of its proxies. Pure functions, each read and tested."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.desktop.network_wording import NOT_KNOWN, Fact, cut_name, cut_note
from mulberry.desktop.wording import clock_time
from mulberry.model.language import number, tr, tr_count
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import NodeState, ProxyState, ProxyStatus, Status
from mulberry.model.text import plain

LONGEST_PROOF = 100
ONE_COEFFICIENT = 1000

NOT_HEARD_YET = tr("Nothing is known of the network yet: the agent has not answered.")
STATES = {
    ProxyState.WORKING: tr("Working"),
    ProxyState.CONNECTING: tr("Connecting"),
    ProxyState.WAITING: tr("Waiting"),
    ProxyState.PUT_ASIDE: tr("Put aside"),
    ProxyState.GONE: tr("Gone"),
}
MEANINGS = {
    ProxyState.WORKING: tr("Connected, and may send requests."),
    ProxyState.CONNECTING: tr("Being dialled, or proving itself."),
    ProxyState.WAITING: tr("No requests come from it now."),
    ProxyState.PUT_ASIDE: tr(
        "Not trusted, or over a limit of yours: no work for it. What it signed is kept and paid out."
    ),
    ProxyState.GONE: tr("No longer on the network's list. What it signed is kept and paid out."),
}


def summary(status: Status, *, is_stale: bool) -> str:
    """How many proxies are in which state: `1 working, 2 waiting`; "" where there are none."""
    counted = Counter(proxy.state for proxy in status.proxies)
    parts = [_so_many(state, counted[state]) for state in STATES if counted[state]]
    if is_stale and parts:
        parts.append(tr("as of {as_of}", as_of=clock_time(status.as_of)))
    return ", ".join(parts)


def _so_many(state: ProxyState, proxies: int) -> str:
    match state:
        case ProxyState.WORKING:
            return tr_count("{count} working", "{count} working", proxies)
        case ProxyState.CONNECTING:
            return tr_count("{count} connecting", "{count} connecting", proxies)
        case ProxyState.WAITING:
            return tr_count("{count} waiting", "{count} waiting", proxies)
        case ProxyState.PUT_ASIDE:
            return tr_count("{count} put aside", "{count} put aside", proxies)
        case ProxyState.GONE:
            return tr_count("{count} gone", "{count} gone", proxies)


def nobody_line(status: Status | None) -> str:
    """Why the table is empty."""
    if status is None:
        return NOT_HEARD_YET
    match status.state:
        case NodeState.STOPPED | NodeState.PAUSED:
            return tr("No proxy was met yet. Start earning, and the proxies that this computer works for stand here.")
        case NodeState.GETTING_READY:
            return tr("No proxy yet: what is being made ready comes first. Proxies are dialled after it.")
        case NodeState.NEEDS_YOU:
            return tr("No proxy yet: something waits for you first. The Home page says what.")
        case _:
            return tr("No proxy yet: the network lists none. Mulberry looks again by itself.")


def countdown(proxy: ProxyStatus, now: datetime | None) -> str:
    """`in 12 s`, `now`; "" where no attempt is to come, or nobody knows the time (`now` is None)."""
    if proxy.next_attempt_at is None or proxy.connected or now is None:
        return ""
    seconds = round((proxy.next_attempt_at - now).total_seconds())
    if seconds <= 0:
        return tr("now")
    return tr("in {seconds} s", seconds=seconds) if seconds < 100 else in_minutes(seconds // 60)


def in_minutes(minutes: int) -> str:
    return tr("in {minutes} min", minutes=number(f"{minutes:,}"))


def state_text(proxy: ProxyStatus, now: datetime | None) -> str:
    """`Waiting, in 12 s`."""
    soon = countdown(proxy, now)
    return f"{STATES[proxy.state]}, {soon}" if soon else STATES[proxy.state]


def state_line(proxy: ProxyStatus) -> str:
    """What the state means, and the last error in words."""
    return " ".join(part for part in (MEANINGS[proxy.state], cut_note(proxy.note)) if part)


def proof_text(proxy: ProxyStatus) -> str:
    return plain(proxy.attestation, LONGEST_PROOF) or (tr("nothing shown") if proxy.connected else tr("not connected"))


def success_text(proxy: ProxyStatus) -> str:
    """The part of all requests that was served, rounded down: 100 % means every one. A dash where none came."""
    if proxy.requests <= 0:
        return "–"
    return f"{number(f'{proxy.succeeded * 1000 // proxy.requests / 10:.1f}'.removesuffix('.0'))} %"


def price_factor(proxy: ProxyStatus) -> str:
    return number(f"{proxy.coefficient / ONE_COEFFICIENT:.3f}")


def short_key(public_key: str) -> str:
    return f"{public_key[:8]}…{public_key[-8:]}" if public_key else NOT_KNOWN


class Quality(StrEnum):
    """What there is to say of a proxy."""

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


NAMES = {
    Quality.STATE: tr("State"),
    Quality.PROXY: tr("Proxy"),
    Quality.PROOF: tr("Proof"),
    Quality.MODEL: tr("Model"),
    Quality.PRICE: tr("Price factor"),
    Quality.REQUESTS: tr("Requests"),
    Quality.SUCCESS: tr("Success"),
    Quality.EARNED: tr("Earned"),
    Quality.OWED: tr("Owed"),
    Quality.PAYABLE: tr("Payable"),
    Quality.PAID: tr("Paid"),
    Quality.UNDERPAID: tr("Underpaid"),
    Quality.SINCE: tr("Connected since"),
    Quality.NEXT: tr("Next attempt"),
    Quality.WHERE: tr("Address"),
    Quality.KEY: tr("Key"),
}


@dataclass(frozen=True, slots=True)
class _Telling:
    value: Callable[[ProxyStatus, datetime | None], str]
    what: str  # and from where
    is_counted: bool = True  # and changes, so that its time matters


def _amount(of: Callable[[ProxyStatus], Nanoton]) -> Callable[[ProxyStatus, datetime | None], str]:
    return lambda proxy, _: format_ton(of(proxy))


_TELLINGS: Mapping[Quality, _Telling] = {
    Quality.STATE: _Telling(state_text, tr("How the connection is, as this computer sees it.")),
    Quality.PROXY: _Telling(lambda proxy, _: cut_name(proxy.name), tr("Its name, from the network's list."), False),
    Quality.PROOF: _Telling(
        lambda proxy, _: proof_text(proxy),
        tr("What the proxy showed, checked at connecting, before anything was sent."),
    ),
    Quality.MODEL: _Telling(
        lambda proxy, _: cut_name(proxy.model), tr("What this computer serves there, from your settings."), False
    ),
    Quality.PRICE: _Telling(
        lambda proxy, _: price_factor(proxy),
        tr("Times the network's price: what you ask for, from your settings."),
        False,
    ),
    Quality.REQUESTS: _Telling(
        lambda proxy, _: number(f"{proxy.requests:,}"),
        tr("Requests that ended since the books began, counted by this computer."),
    ),
    Quality.SUCCESS: _Telling(
        lambda proxy, _: success_text(proxy), tr("The part of them that was answered, counted by this computer.")
    ),
    Quality.EARNED: _Telling(_amount(lambda proxy: proxy.earned), tr("All that it says this computer earned there.")),
    Quality.OWED: _Telling(_amount(lambda proxy: proxy.owed), tr("Earned by the proxy's word, and not signed yet.")),
    Quality.PAYABLE: _Telling(
        _amount(lambda proxy: proxy.payable), tr("Covered by its signed payments, verified and held on this computer.")
    ),
    Quality.PAID: _Telling(_amount(lambda proxy: proxy.paid), tr("Payouts of its signed payments, seen on TON.")),
    Quality.UNDERPAID: _Telling(
        _amount(lambda proxy: proxy.underpaid),
        tr("Counted by this computer, job by job, and not confirmed by the proxy."),
    ),
    Quality.SINCE: _Telling(
        lambda proxy, now: clock_time(proxy.connected_since, now) if proxy.connected_since else tr("not connected"),
        tr("By this computer's clock."),
    ),
    Quality.NEXT: _Telling(
        lambda proxy, now: countdown(proxy, now) or "–", tr("When Mulberry dials it again, by this computer's clock.")
    ),
    Quality.WHERE: _Telling(
        lambda proxy, _: cut_name(proxy.address) or NOT_KNOWN, tr("Where it listens, from the network's list.")
    ),
    Quality.KEY: _Telling(
        lambda proxy, _: short_key(proxy.public_key),
        tr("The key that its payments are signed with, as it told."),
        False,
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
    return f"{NAMES[quality]},{UNIT}" if quality in AMOUNTS else NAMES[quality]


def source(proxy: ProxyStatus, quality: Quality, as_of: datetime) -> str:
    """What the value is, from where, and as of when."""
    telling = _TELLINGS[quality]
    parts = [telling.what]
    if quality is Quality.STATE:
        parts = [state_line(proxy)]
    elif quality is Quality.KEY and proxy.public_key:
        parts.append(tr("In full: {public_key}.", public_key=plain(proxy.public_key, 64)))
    elif quality is Quality.REQUESTS and proxy.running_requests:
        parts.append(tr_count("{count} more runs now.", "{count} more run now.", proxy.running_requests))
    if telling.is_counted:
        parts.append(tr("As of {as_of}.", as_of=clock_time(as_of)))
    return " ".join(part for part in parts if part)


def tone(proxy: ProxyStatus, quality: Quality) -> str:
    """The role of the colour that a value is written in; "" for the usual one."""
    if quality is Quality.STATE:
        return {ProxyState.WORKING: "earn", ProxyState.PUT_ASIDE: "bad", ProxyState.CONNECTING: "accent"}.get(
            proxy.state, "muted"
        )
    if quality is Quality.UNDERPAID and proxy.underpaid > 0:
        return "bad"
    if quality is Quality.PROOF and not proxy.connected:
        return "muted"
    if quality is Quality.PROOF and not proxy.is_proven:
        return "warn"
    return ""


def proxy_facts(proxy: ProxyStatus, now: datetime | None, as_of: datetime) -> tuple[Fact, ...]:
    return tuple(
        Fact(NAMES[quality], value(proxy, quality, now), source(proxy, quality, as_of), tone(proxy, quality))
        for quality in DETAILS
    )
