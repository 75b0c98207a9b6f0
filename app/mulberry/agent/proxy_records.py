"""What the ledger holds of each proxy, and what the faces show of it together with its connection."""

from collections.abc import Sequence
from dataclasses import dataclass

from mulberry.agent.ledger import Ledger
from mulberry.agent.proxies import Place, Proxies
from mulberry.agent.workshop import Workshop
from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.node import ProxyState, ProxyStatus

NOTHING = Nanoton(0)


@dataclass(frozen=True, slots=True)
class ProxyRecord:
    """One proxy, by its key. `names` are those under which it was met, `owed` is what it says and has not signed."""

    public_key: str
    names: tuple[str, ...] = ()
    requests: int = 0
    succeeded: int = 0
    earned: Nanoton = NOTHING
    payable: Nanoton = NOTHING
    paid: Nanoton = NOTHING
    underpaid: Nanoton = NOTHING

    @property
    def owed(self) -> Nanoton:
        return Nanoton(max(self.earned - self.payable, 0))


def proxy_records(ledger: Ledger) -> list[ProxyRecord]:
    """All proxies that were ever met."""
    accounts, contracts = ledger.accounts(), ledger.chain.contracts()
    names, paid = ledger.known_proxies(), ledger.chain.paid()
    tallies = {tally.proxy: tally for tally in ledger.chain.tallies()}
    keys = dict.fromkeys([*names.values(), *(item.proxy for item in accounts), *(item.proxy for item in contracts)])

    def record(key: str) -> ProxyRecord:
        own = [account for account in accounts if account.proxy == key]
        payers = {item.proxy_contract for item in own}
        payers |= {contract.proxy_contract for contract in contracts if contract.proxy == key}
        tally = tallies.get(key)
        return ProxyRecord(
            public_key=key,
            names=tuple(name for name, known in names.items() if known == key),
            requests=tally.requests if tally else 0,
            succeeded=tally.succeeded if tally else 0,
            earned=Nanoton(sum(account.earned for account in own)),
            payable=Nanoton(sum(account.payable for account in own)),
            paid=Nanoton(sum(paid.get(payer, NOTHING) for payer in payers)),
            underpaid=tally.underpaid if tally else NOTHING,
        )

    return list(map(record, keys))


def proxy_statuses(
    proxies: Proxies | None, records: Sequence[ProxyRecord], workshop: Workshop
) -> tuple[ProxyStatus, ...]:
    """First those that we are connected to, or would like to be; then those that we were."""
    by_key = {record.public_key: record for record in records}
    by_name = {name: record for record in records for name in record.names}
    shown = proxies.shown if proxies else []
    found = []
    for place in shown:
        record = by_key.get(place.link.proxy_key) or by_name.get(place.name) or ProxyRecord("")
        found.append(_of_place(place, record, workshop))
    told = {status.public_key for status in found}
    rest = [_at_rest(record, proxies, workshop) for record in records if record.public_key not in told]
    return (*found, *rest)


def _of_place(place: Place, record: ProxyRecord, workshop: Workshop) -> ProxyStatus:
    link, session = place.link, place.link.session
    return ProxyStatus(
        name=link.name,
        public_key=record.public_key,
        connected=session.is_connected,
        running_requests=session.running_requests,
        earned=record.earned,
        payable=record.payable,
        attestation=_verdict(place),
        note=link.note or (_GONE if place.state is ProxyState.GONE else ""),
        state=place.state,
        address=link.address,
        transport=workshop.profile.transport,
        model=workshop.profile.model,
        coefficient=workshop.settings.coefficient,
        requests=record.requests,
        succeeded=record.succeeded,
        owed=record.owed,
        paid=record.paid,
        underpaid=record.underpaid,
        connected_since=link.connected_since,
        next_attempt_at=None if place.leaves_as else link.next_attempt_at,
        is_proven=session.evidence is not None and session.evidence.is_proven,
    )


_GONE = tr("It left the network's list. What it signed is kept and paid out.")


def _at_rest(record: ProxyRecord, proxies: Proxies | None, workshop: Workshop) -> ProxyStatus:
    """A proxy that we are not connected to."""
    name = record.names[-1] if record.names else f"{record.public_key[:8]}…"
    state, note = ProxyState.WAITING, tr("Nothing runs.")
    if proxies is not None:
        listed = any(proxies.is_registered(known) for known in record.names)
        state = ProxyState.WAITING if listed else ProxyState.GONE
        note = tr("Other proxies were chosen. What it signed is kept and paid out.") if listed else _GONE
    return ProxyStatus(
        name=name,
        public_key=record.public_key,
        connected=False,
        running_requests=0,
        earned=record.earned,
        payable=record.payable,
        attestation="",
        note=note,
        state=state,
        transport=workshop.profile.transport,
        model=workshop.profile.model,
        coefficient=workshop.settings.coefficient,
        requests=record.requests,
        succeeded=record.succeeded,
        owed=record.owed,
        paid=record.paid,
        underpaid=record.underpaid,
    )


def _verdict(place: Place) -> str:
    """What was proven of the proxy, "" while nobody is there."""
    session = place.link.session
    if session.evidence is not None:
        return session.evidence.verdict
    return tr("TEST, nothing proven") if session.is_connected else ""  # plain TCP, which the main network has not
