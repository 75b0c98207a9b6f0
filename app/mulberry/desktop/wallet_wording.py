"""What the Wallet page says of addresses, balances, payouts and transactions. Pure functions, each read and tested."""

import base64
import re
from datetime import datetime, timedelta

from mulberry.desktop.wording import clock_time
from mulberry.model.language import dated, number, tr, tr_count
from mulberry.model.money import NANOTON_PER_TON, Nanoton, format_ton
from mulberry.model.node import NodeState, Status
from mulberry.model.wallet import (
    AccountRole,
    Balance,
    ChainTransaction,
    Payout,
    PayoutState,
    WalletStatus,
)

NOT_READ_YET = tr("not read yet")
NO_OWNER = tr("nobody is named yet: `mulberry owner ADDRESS`")
SCAN = tr("Scan to top up")
NO_ACCOUNT_YET = tr("No wallet is known yet. It is made and read from TON when you start earning.")
NO_TRANSACTIONS = tr("No transactions yet. The first one is the top-up of the node wallet.")
PLAY_ADDRESSES = tr(
    "These addresses hold play money on this computer only: never send real TON to them. No explorer knows them, "
    "because this network's chain runs nowhere else; the table below shows all that happens there."
)
LONGEST_COMMENT = 200  # characters shown; strangers write it
LONGEST_ESTIMATE_SECONDS = 3650 * 86_400
WORKING = {NodeState.EARNING, NodeState.READY}  # an estimate holds while work goes on
NOT_READ_NOW = tr("TON is read while the node works")
TEST_FIRST_LETTERS = ("0Q", "kQ")  # of the friendly form on test networks: TEP-2
_FRIENDLY = re.compile(r"[A-Za-z0-9_-]{48}", re.ASCII)

UNVERIFIED = tr("Not from an account that Mulberry knows, or not in its ways. It counts for nothing; trust no comment.")
PAYOUT_STATES = {
    PayoutState.COLLECTING: tr("Collecting"),
    PayoutState.READY: tr("Ready to be sent"),
    PayoutState.SENT: tr("Sent, waiting for the chain"),
    PayoutState.BLOCKED: tr("Held up"),
}


def balance_number(balance: Balance | None) -> tuple[str, str]:
    """The amount and its time; a dash and no time where it was not read yet."""
    if balance is None:
        return "–", ""
    return format_ton(balance.amount), clock_time(balance.as_of)


def balance_source(balance: Balance | None, now: datetime) -> str:
    """When the balance was read, and who proves it."""
    if balance is None:
        return NOT_READ_YET
    return tr_count(
        "as of {as_of}, proven by {count} server",
        "as of {as_of}, proven by {count} servers",
        balance.proven_by,
        as_of=clock_time(balance.as_of, now),
    )


def minimum_line(wallet: WalletStatus) -> str:
    return tr(
        "needs {least}, low below {warned_below}",
        least=short_ton(wallet.minimum),
        warned_below=short_ton(wallet.warning_below),
    )


def waiting_text(payout: Payout) -> str:
    """`0.0189 of 0.0300 TON`."""
    return tr(
        "{waiting} of {threshold}",
        waiting=format_ton(payout.waiting).removesuffix(" TON"),
        threshold=format_ton(payout.threshold),
    )


def share_waiting(payout: Payout) -> float:
    """0 to 1; full where there is no threshold."""
    return min(1.0, payout.waiting / payout.threshold) if payout.threshold > 0 else 1.0


def next_payout(wallet: WalletStatus) -> Payout | None:
    """The one that will be sent first."""
    return max(wallet.payouts, key=share_waiting, default=None)


def can_pay_out(payout: Payout) -> bool:
    return payout.waiting > 0 and payout.state is not PayoutState.SENT


def payout_estimate(payout: Payout, now: datetime) -> datetime | None:
    """When the threshold is reached if money goes on coming as it has so far; None where that cannot be said."""
    since = payout.collecting_since
    missing = payout.threshold - payout.waiting
    if payout.state is not PayoutState.COLLECTING or since is None or payout.waiting <= 0 or missing <= 0:
        return None
    collecting_seconds = (now - since).total_seconds()
    seconds = missing / payout.waiting * collecting_seconds
    return now + timedelta(seconds=seconds) if 0 < seconds < LONGEST_ESTIMATE_SECONDS else None


def estimate_line(payout: Payout, status: Status) -> str:
    """The next payout's date, said as an estimate with its basis; "" where there is none."""
    due = payout_estimate(payout, status.as_of)
    if due is None or payout.collecting_since is None or status.state not in WORKING:
        return ""
    since = rough_moment(payout.collecting_since, status.as_of)
    if due - status.as_of < timedelta(minutes=1):
        return tr("estimated within a minute at the pace since {since}", since=since)
    return tr("estimated for {due} at the pace since {since}", due=rough_moment(due, status.as_of), since=since)


def rough_moment(moment: datetime, now: datetime) -> str:
    """`14:05`, `25 Nov 14:05`, `Mar 2027`: as exactly as one can mean it from `now`."""
    local = moment.astimezone()
    days = abs((local.date() - now.astimezone().date()).days)
    if days <= 1:
        return dated(local, "%H:%M" if days == 0 else "%d %b %H:%M")
    return dated(local, "%d %b" if days < 300 else "%b %Y")


def short_ton(amount: Nanoton) -> str:
    """Round amounts without zeros after the point: `2.1 TON`."""
    return format_ton(amount, at_least_decimals=1 if amount % NANOTON_PER_TON else 0)


def signed_ton(amount: Nanoton) -> str:
    """With its sign, also where it is a plus."""
    return f"+{format_ton(amount)}" if amount > 0 else format_ton(amount)


def kind_text(transaction: ChainTransaction) -> str:
    """What it was; where nobody that we know is behind it, that is all there is to say."""
    kind = transaction.kind.words
    return kind if transaction.success else tr("{kind}, failed", kind=kind)


def raw_account(friendly: str) -> str | None:
    """`0:` and 64 hexadecimal digits of an address in its friendly form; None where it is none."""
    if not _FRIENDLY.fullmatch(friendly):
        return None
    return f"0:{base64.urlsafe_b64decode(friendly)[2:34].hex()}"


def known_accounts(wallet: WalletStatus) -> dict[str, str]:
    """The names of our own accounts by their raw addresses."""
    named = [(wallet.owner, AccountRole.OWNER), (wallet.node_wallet, AccountRole.NODE_WALLET)]
    named += [(payout.worker_contract, AccountRole.WORKER_CONTRACT) for payout in wallet.payouts]
    return {raw: role.words for address, role in named if (raw := raw_account(address)) is not None}


def short_address(raw: str) -> str:
    """`0:ed1691…4bf8`, by which two addresses can be told apart at a glance."""
    return f"{raw[:8]}…{raw[-4:]}" if len(raw) > 16 else raw


def explorer_url(friendly: str) -> str | None:
    """The account at tonviewer; None where `friendly` is no address."""
    if raw_account(friendly) is None:
        return None
    host = "testnet.tonviewer.com" if friendly.startswith(TEST_FIRST_LETTERS) else "tonviewer.com"
    return f"https://{host}/{friendly}"


def payment_link(friendly: str) -> str:
    """What a wallet app on a phone reads out of the QR code."""
    return f"ton://transfer/{friendly}"


def chain_line(wallet: WalletStatus, now: datetime) -> str:
    """What of the chain was read last, and which servers are in trouble."""
    parts = [] if wallet.servers else [NOT_READ_NOW]
    if wallet.head_seqno is not None and wallet.head_at is not None:
        parts.append(
            tr(
                "TON block {number} of {time}",
                number=number(f"{wallet.head_seqno:,}"),
                time=clock_time(wallet.head_at, now),
            )
        )
    good = sum(server.is_good for server in wallet.servers)
    if wallet.servers:
        servers = len(wallet.servers)
        parts.append(tr_count("{good} of {count} server good", "{good} of {count} servers good", servers, good=good))
    parts += [f"{server.name}: {server.note}" for server in wallet.servers if server.note]
    return " · ".join(parts)


def last_paid_line(payout: Payout, now: datetime) -> str:
    if payout.last_paid_at is None:
        return tr("No payout yet.")
    age = now - payout.last_paid_at
    if age < timedelta(minutes=1):
        return tr("Last paid just now.")
    return tr("Last paid at {time}.", time=clock_time(payout.last_paid_at, now))
