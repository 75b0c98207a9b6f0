"""The account of all: what we counted, what the proxies said, what they signed, what the chain paid. Pure.

Each proxy's lines begin with what was counted here, end with what was paid, and sum to zero: whatever lies between has
a sentence of its own.
"""

from dataclasses import dataclass
from datetime import datetime

from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.wallet import Difference, Reconciliation

NOTHING = Nanoton(0)


@dataclass(frozen=True, slots=True)
class ProxyFigures:
    """All that is known of one proxy, in nanoton, all told."""

    proxy: str
    counted: Nanoton  # by us, job by job
    answered: Nanoton  # the part of `counted` for which the proxy named a number
    confirmed: Nanoton  # the proxy's own numbers for these jobs
    earned: Nanoton  # the proxy's counters
    payable: Nanoton  # the signed payments that we hold
    cashed: Nanoton  # what the worker's contracts have asked the proxy's for
    sent: Nanoton  # of `payable`, what was handed to the chain, which does not show it yet
    paid: Nanoton  # what arrived at the owner's address


def reconcile(
    figures: tuple[ProxyFigures, ...], *, is_compared: bool, is_complete: bool, as_of: datetime
) -> Reconciliation:
    """`is_compared`: the chain was read in this run, `is_complete`: without gaps. Only then can it be settled."""
    differences = tuple(line for proxy in figures for line in _lines(proxy))
    arrived = all(proxy.cashed == proxy.paid for proxy in figures)
    return Reconciliation(
        counted=Nanoton(sum(proxy.counted for proxy in figures)),
        earned=Nanoton(sum(proxy.earned for proxy in figures)),
        payable=Nanoton(sum(proxy.payable for proxy in figures)),
        paid=Nanoton(sum(proxy.paid for proxy in figures)),
        differences=differences,
        is_compared=is_compared,
        is_settled=is_compared and is_complete and arrived and sum(line.amount for line in differences) == 0,
        as_of=as_of,
    )


def _lines(proxy: ProxyFigures) -> list[Difference]:
    beyond = proxy.earned - proxy.confirmed
    unsigned = proxy.earned - proxy.payable
    uncashed = proxy.payable - proxy.cashed
    sent = min(max(uncashed, 0), proxy.sent)
    on_its_way = proxy.cashed - proxy.paid
    lines = [
        (tr("Counted by this computer, job by job."), proxy.counted),
        (tr("Not confirmed by the proxy yet."), proxy.answered - proxy.counted),
        (tr("Counted differently by the proxy."), proxy.confirmed - proxy.answered),
        (tr("In the proxy's counters, but not confirmed job by job to this computer."), max(beyond, 0)),
        (tr("Confirmed job by job, but not in the proxy's counters yet."), min(beyond, 0)),
        (tr("Earned by the proxy's word, not signed yet."), -max(unsigned, 0)),
        (tr("Signed, though the proxy's counters said less."), -min(unsigned, 0)),
        (tr("Signed, waits for the next payout."), -(max(uncashed, 0) - sent)),
        (tr("Handed to the chain, which does not show it yet."), -sent),
        (tr("Paid for payments that this computer does not hold."), -min(uncashed, 0)),
        (tr("Asked for by your contract, not arrived at your address yet."), -max(on_its_way, 0)),
        (tr("Arrived at your address, your contract not read since."), -min(on_its_way, 0)),
        (tr("Paid on the chain."), -proxy.paid),
    ]
    return [Difference(proxy.proxy, text, Nanoton(amount)) for text, amount in lines if amount]
