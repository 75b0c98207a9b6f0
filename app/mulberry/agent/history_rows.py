"""The chain's part of the ledger: transactions, what is missing of them, contracts as last seen, requests we signed.

What the chain has shown is proven before it comes here. A request of the node wallet is on disk before it is sent.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mulberry.agent import ledger_rows as rows
from mulberry.model.money import Nanoton
from mulberry.model.wallet import AccountRole, ChainTransaction, TransactionKind

PAYOUT, EXCESSES = 0xC59A7CD3, 0x2565934C  # of ton.messages.Operation, as they are stored
KIND_IS_KNOWN_NOW = """
UPDATE transactions SET kind = ? WHERE kind IN ('foreign', 'spam') AND operation = ? AND counterparty = ?
AND (? <> 'payout' OR role = ?)
"""
NOTHING = Nanoton(0)
COLUMNS = "role, account, lt, hash, at, kind, amount, fee, counterparty, comment, success"


@dataclass(frozen=True, slots=True)
class Gap:
    """What is not read yet of an account: from `lt` (and its `hash`, 32 bytes) down to `held`, which we have."""

    account: str
    lt: int
    hash: bytes
    held: int  # 0: down to the account's birth


@dataclass(frozen=True, slots=True)
class SeenContract:
    """A worker contract as the chain showed it at `as_of`. `tokens` have been paid for, all told."""

    worker_contract: str
    proxy: str
    proxy_contract: str
    worker_fee_per_token: Nanoton
    tokens: int
    is_open: bool
    as_of: datetime

    @property
    def cashed(self) -> Nanoton:
        return Nanoton(self.tokens * self.worker_fee_per_token)


@dataclass(frozen=True, slots=True)
class CashOut:
    """A payment for `tokens` handed to its contract."""

    worker_contract: str
    tokens: int


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """An external message for the node wallet. `valid_until` is the chain's time."""

    number: int
    wallet: str
    seqno: int
    valid_until: datetime
    boc: bytes
    made_at: datetime
    cash_outs: tuple[CashOut, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """The jobs of one proxy, in nanoton: counted by us; the part that it answered for; its own numbers for that; what
    these fell short, job by job. And how many jobs there were, and how many of them went well."""

    proxy: str
    counted: Nanoton
    answered: Nanoton
    confirmed: Nanoton
    underpaid: Nanoton
    requests: int
    succeeded: int


class HistoryRows:
    """Part of a `Ledger`, whose connection and way of writing it uses."""

    def __init__(self, connection: sqlite3.Connection, writing: Callable[..., AbstractContextManager[None]]) -> None:
        self._connection = connection
        self._writing = writing

    # Transactions and gaps

    def newest_known(self, account: str) -> int:
        """The logical time of the account's newest transaction that we hold or know to be missing; 0: none."""
        return self._one("SELECT max(lt) FROM read_up_to WHERE account = ?", account) or 0

    def oldest(self, account: str) -> int | None:
        """The logical time of the oldest transaction that we hold."""
        return self._one("SELECT min(lt) FROM transactions WHERE account = ?", account)

    def open_gap(self, gap: Gap) -> None:
        """From now on everything above `gap.held` is known to be missing."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO gaps VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (gap.account, gap.lt, gap.hash, gap.held),
            )
            self._connection.execute(
                "INSERT INTO read_up_to VALUES (?, ?) ON CONFLICT DO UPDATE SET lt = max(lt, excluded.lt)",
                (gap.account, gap.lt),
            )

    def gaps(self, account: str | None = None) -> list[Gap]:
        """The newest first."""
        query = "SELECT account, lt, hash, held FROM gaps WHERE ?1 IS NULL OR account = ?1 ORDER BY lt DESC"
        return [Gap(*row) for row in self._connection.execute(query, (account,))]

    def fill(self, gap: Gap, page: Iterable[tuple[ChainTransaction, int | None]], rest: Gap | None) -> None:
        """Adds a page (each transaction with its operation) from the top of `gap`; `rest` is what is left of it."""
        with self._writing():
            self._connection.executemany(
                f"INSERT INTO transactions ({COLUMNS}, operation) VALUES ({', '.join('?' * 12)}) ON CONFLICT DO NOTHING",  # noqa: S608, E501
                [(*_of_transaction(transaction), operation) for transaction, operation in page],
            )
            self._connection.execute("DELETE FROM gaps WHERE account = ? AND lt = ?", (gap.account, gap.lt))
            if rest is not None:
                self._connection.execute(
                    "INSERT INTO gaps VALUES (?, ?, ?, ?)", (rest.account, rest.lt, rest.hash, rest.held)
                )

    def transactions(self, offset: int, limit: int) -> list[ChainTransaction]:
        """The newest first, of all accounts."""
        query = f"SELECT {COLUMNS} FROM transactions ORDER BY lt DESC, account LIMIT ? OFFSET ?"  # noqa: S608
        return [_transaction(row) for row in self._connection.execute(query, (limit, offset))]

    def counterparties(self, account: str, *kinds: TransactionKind) -> set[str]:
        """With whom `account` had transactions of these kinds."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT DISTINCT counterparty FROM transactions WHERE account = ? AND kind IN ({marks})"  # noqa: S608
        return {row[0] for row in self._connection.execute(query, (account, *kinds)) if row[0]}

    # Payouts

    def paid(self) -> dict[str, Nanoton]:
        """What each proxy contract has paid to the owner, all told."""
        query = "SELECT counterparty, sum(amount) FROM transactions WHERE kind = ? GROUP BY counterparty"
        return {row[0]: Nanoton(row[1]) for row in self._connection.execute(query, (TransactionKind.PAYOUT,))}

    def last_paid_at(self, proxy_contract: str) -> datetime | None:
        query = "SELECT max(at) FROM transactions WHERE kind = ? AND counterparty = ?"
        moment = self._one(query, TransactionKind.PAYOUT, proxy_contract)
        return None if moment is None else rows.when(moment)

    def first_signed_at(self, worker_contract: str) -> datetime | None:
        """When the first payment for this contract came."""
        moment = self._one("SELECT min(received_at) FROM payments WHERE worker_contract = ?", worker_contract)
        return None if moment is None else rows.when(moment)

    def paid_in(self, spans: str) -> dict[int, int]:
        """The payouts in nanoton by the number of the span; `spans` is JSON: `[[begin, end], …]` in microseconds."""
        return dict(self._connection.execute(rows.SPANS_OF_PAYOUTS, (spans,)))

    # Contracts

    def see(self, contract: SeenContract) -> None:
        """Keeps what the chain says of a contract. Payouts of its proxy's contract that came before are known now."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO contracts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " tokens = max(tokens, excluded.tokens), is_open = excluded.is_open, as_of = excluded.as_of",
                (
                    contract.worker_contract,
                    contract.proxy,
                    contract.proxy_contract,
                    contract.worker_fee_per_token,
                    contract.tokens,
                    contract.is_open,
                    rows.moment(contract.as_of),
                ),
            )
            for kind, operation, sender in (
                (TransactionKind.PAYOUT, PAYOUT, contract.proxy_contract),
                (TransactionKind.EXCESS, EXCESSES, contract.proxy_contract),
                (TransactionKind.EXCESS, EXCESSES, contract.worker_contract),
            ):
                self._connection.execute(KIND_IS_KNOWN_NOW, (kind, operation, sender, kind, AccountRole.OWNER))

    def contracts(self) -> list[SeenContract]:
        found = self._connection.execute("SELECT * FROM contracts ORDER BY rowid")
        return [
            SeenContract(contract, proxy, proxy_contract, Nanoton(fee), tokens, bool(is_open), rows.when(as_of))
            for contract, proxy, proxy_contract, fee, tokens, is_open, as_of in found
        ]

    # Requests of the node wallet

    def add_request(self, request: SignedRequest) -> SignedRequest:
        """On disk when this returns, under a number of its own."""
        with self._writing(durably=True):
            cursor = self._connection.execute(
                "INSERT INTO requests (wallet, seqno, valid_until, boc, made_at) VALUES (?, ?, ?, ?, ?)"
                " RETURNING number",
                (
                    request.wallet,
                    request.seqno,
                    rows.moment(request.valid_until),
                    request.boc,
                    rows.moment(request.made_at),
                ),
            )
            number = cursor.fetchone()[0]
            self._connection.executemany(
                "INSERT INTO cash_outs VALUES (?, ?, ?)",
                [(number, item.worker_contract, item.tokens) for item in request.cash_outs],
            )
        return self._request(number)

    def newest_request(self, wallet: str) -> SignedRequest | None:
        number = self._one("SELECT max(number) FROM requests WHERE wallet = ?", wallet)
        return None if number is None else self._request(number)

    def attempts(self, cash_out: CashOut) -> int:
        """How often this payment was handed to the chain."""
        query = "SELECT count(*) FROM cash_outs WHERE worker_contract = ? AND tokens = ?"
        return self._one(query, cash_out.worker_contract, cash_out.tokens) or 0

    def _request(self, number: int) -> SignedRequest:
        query = "SELECT wallet, seqno, valid_until, boc, made_at FROM requests WHERE number = ?"
        wallet, seqno, valid_until, boc, made_at = self._connection.execute(query, (number,)).fetchone()
        parts = self._connection.execute("SELECT worker_contract, tokens FROM cash_outs WHERE request = ?", (number,))
        cash_outs = tuple(CashOut(*row) for row in parts)
        return SignedRequest(number, wallet, seqno, rows.when(valid_until), boc, rows.when(made_at), cash_outs)

    # Jobs, all told

    def tallies(self) -> list[Tally]:
        """One for each proxy that ever sent a request. Summed here: SQLite's integers end at 2⁶³."""
        query = """
        SELECT proxy, worker_fee_per_token, counted, answered, confirmed, underpaid, requests, succeeded
        FROM tallies ORDER BY proxy
        """
        found: dict[str, Tally] = {}
        for proxy, fee, counted, answered, confirmed, underpaid, requests, succeeded in self._connection.execute(query):
            before = found.get(proxy, Tally(proxy, NOTHING, NOTHING, NOTHING, NOTHING, 0, 0))
            found[proxy] = Tally(
                proxy,
                Nanoton(before.counted + counted * fee),
                Nanoton(before.answered + answered * fee),
                Nanoton(before.confirmed + confirmed * fee),
                Nanoton(before.underpaid + underpaid * fee),
                before.requests + requests,
                before.succeeded + succeeded,
            )
        return list(found.values())

    def _one(self, query: str, *values: Any) -> int | None:
        found: int | None = self._connection.execute(query, values).fetchone()[0]
        return found


def _of_transaction(transaction: ChainTransaction) -> tuple[Any, ...]:
    return (
        transaction.role,
        transaction.account,
        transaction.lt,
        transaction.hash,
        rows.moment(transaction.at),
        transaction.kind,
        transaction.amount,
        transaction.fee,
        transaction.counterparty,
        transaction.comment,
        transaction.success,
    )


def _transaction(row: tuple[Any, ...]) -> ChainTransaction:
    role, account, lt, hash_, at, kind, amount, fee, counterparty, comment, success = row
    return ChainTransaction(
        role=AccountRole(role),
        account=account,
        lt=lt,
        hash=hash_,
        at=rows.when(at),
        kind=TransactionKind(kind),
        amount=Nanoton(amount),
        fee=Nanoton(fee),
        counterparty=counterparty,
        comment=comment,
        success=bool(success),
    )
