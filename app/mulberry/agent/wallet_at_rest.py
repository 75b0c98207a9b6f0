"""The wallet page while no shift reads the chain: what the ledger knows, and what a shift knew last."""

from dataclasses import replace

from mulberry.agent.workshop import Workshop
from mulberry.model.money import Nanoton
from mulberry.model.wallet import WalletStatus
from mulberry.ton.address import AddressError, parse_address


def nothing_read(workshop: Workshop) -> WalletStatus:
    """Before the first shift has read anything: what the ledger knows from earlier ones."""
    profile = workshop.profile
    return WalletStatus(
        owner=_friendly(workshop.settings.owner_address or profile.owner_address),
        owner_balance=None,
        node_wallet="",
        node_wallet_balance=None,
        minimum=Nanoton(profile.payout.wallet_minimum),
        warning_below=Nanoton(profile.payout.wallet_warning),
        payouts=(),
        paid=Nanoton(sum(workshop.till.ledger.chain.paid().values())),
        head_seqno=None,
        head_at=None,
        servers=(),
        note="",
        top_up_url=None,
        as_of=workshop.clock.now(),
    )


def _friendly(untrusted_address: str) -> str:
    """As it stands, if it is none: the first start-up task tells its owner."""
    try:
        return parse_address(untrusted_address).friendly()
    except AddressError:
        return untrusted_address


def stale(status: WalletStatus) -> WalletStatus:
    """What was known last, once nothing is read any more. The amounts carry their own times."""
    return replace(status, servers=(), note="")
