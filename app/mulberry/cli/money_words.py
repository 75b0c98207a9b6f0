"""What the terminal prints of the money on TON. Pure: values in, lines out. A stranger's comment is shown as text."""

from collections.abc import Iterable, Iterator

from mulberry.cli.words import for_a_terminal
from mulberry.model.jobs_csv import csv_line, harmless
from mulberry.model.key import KeyState, KeyStatus
from mulberry.model.money import format_ton
from mulberry.model.text import plain
from mulberry.model.wallet import Balance, ChainTransaction, Payout, WalletStatus

COLUMNS = (
    "time",
    "kind",
    "account",
    "amount_nanoton",
    "fee_nanoton",
    "counterparty",
    "success",
    "lt",
    "hash",
    "comment",
)
COMMENT_LETTERS = 60


@for_a_terminal
def of_wallet(wallet: WalletStatus) -> Iterator[str]:
    """`mulberry wallet`: what is not read yet is not called zero."""
    yield f"node wallet  {wallet.node_wallet or 'no key yet'}"
    yield f"             {_balance(wallet.node_wallet_balance)}"
    yield f"             at least {format_ton(wallet.minimum)} to start, better {format_ton(wallet.warning_below)}"
    if wallet.top_up_advice:
        yield f"             {wallet.top_up_advice}"
    yield f"owner        {wallet.owner or 'nobody is named: `mulberry owner ADDRESS`'}"
    yield f"             {_balance(wallet.owner_balance)}"
    yield f"paid so far  {format_ton(wallet.paid)}, payouts seen on TON"
    yield from (of_payout(payout) for payout in wallet.payouts)
    if wallet.key.kept:
        yield f"key          {wallet.key.kept}"
    if not wallet.servers:
        yield "lite server  none is asked: TON is read while the node works"
    for server in wallet.servers:
        yield f"lite server  {server.name}: {'good' if server.is_good else server.note}"
    if wallet.head_seqno is not None and wallet.head_at is not None:
        yield f"block        {wallet.head_seqno:,} of {wallet.head_at.astimezone():%Y-%m-%d %H:%M:%S}"
    if wallet.note:
        yield wallet.note


@for_a_terminal
def of_owner(wallet: WalletStatus, *, is_new: bool) -> Iterator[str]:
    """`mulberry owner`: who is paid, and what that address must be able to do."""
    yield f"Payouts go to {wallet.owner}." if wallet.owner else "Nobody is named who is to be paid."
    yield f"Node wallet: {wallet.node_wallet or 'no key yet'}"
    if is_new:
        yield (
            "A node wallet belongs to its key and its owner: an owner who was not the one before has a node wallet of "
            "his own, which needs money for fees. What lies in the one before stays the former owner's, and what was "
            "signed for him is paid out only while this node works for him: pay out before you change."
        )
    yield (
        "The proxies' contracts pay this address, and it commands the node wallet: name a wallet whose key you hold, "
        "no exchange's. It lies in workchain 0 (UQ…, EQ… or 0:…); for real money none that is marked for test networks."
    )


def of_key(key: KeyStatus) -> Iterator[str]:
    """Where the node wallet's key lies, how it is, and whose it is; never the key."""
    match key.state:
        case KeyState.OPEN:
            yield f"The key is kept {key.kept}."
        case KeyState.LOCKED:
            yield f"The key is locked. It lies {key.kept}. Unlock it with `mulberry key unlock`."
        case KeyState.UNAVAILABLE:
            yield f"The key is not available. {key.note}"
        case KeyState.UNREAD:
            yield "The key was not read yet; that happens when the node starts."
    if key.wallet:
        yield f"Node wallet: {key.wallet}"


def of_payout(payout: Payout) -> str:
    """One line on the next payout of one proxy."""
    money = f"{format_ton(payout.waiting)} of {format_ton(payout.threshold)}"
    return plain(f"payout       {payout.proxy[:8]}…: {money}, {payout.state}. {payout.note}")


@for_a_terminal
def of_history(transactions: Iterable[ChainTransaction]) -> Iterator[str]:
    """A table, the newest first."""
    yield f"{'time':19}  {'account':15}  {'kind':15}  {'amount':>20}  {'fee':>14}  comment"
    for item in transactions:
        sign = "+" if item.amount > 0 else ""
        when = f"{item.at.astimezone():%Y-%m-%d %H:%M:%S}"
        failed = "" if item.success else " (failed)"
        money = f"{sign + format_ton(item.amount):>20}  {format_ton(item.fee):>14}"
        comment = plain(item.comment, COMMENT_LETTERS)
        yield f"{when}  {item.role.words:15}  {item.kind.words + failed:15}  {money}  {comment}".rstrip()


def of_history_as_csv(transactions: Iterable[ChainTransaction]) -> Iterator[str]:
    """Comma-separated, with a line of names."""
    yield ",".join(COLUMNS)
    for item in transactions:
        values = (
            item.at.isoformat(),
            item.kind,
            item.role,
            item.amount,
            item.fee,
            item.counterparty,
            item.success,
            item.lt,
            item.hash,
            harmless(item.comment),
        )
        yield csv_line(values)


def _balance(balance: Balance | None) -> str:
    if balance is None:
        return "not read yet"
    servers = "1 server" if balance.proven_by == 1 else f"{balance.proven_by} servers"
    return f"{format_ton(balance.amount)} at {balance.as_of.astimezone():%H:%M:%S}, proven by {servers}"
