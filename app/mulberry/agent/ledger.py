"""Jobs and money of one network, in SQLite. What is written here is what the owner can count on.

A write returns when it outlives the death of this process (WAL: the kernel holds it). A payment is money, so it is
also forced to the disk before it counts as received: it outlives the loss of power too. Losing the last jobs with
the power loses no money, because the proxy's counters hold them and only grow.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from mulberry.agent import ledger_rows as rows
from mulberry.agent.energy_rows import EnergyRows
from mulberry.agent.history_rows import HistoryRows
from mulberry.agent.ledger_check import is_as_left, look_through, note_orderly_end
from mulberry.agent.ledger_schema import MICROSECONDS, MIGRATIONS, SLOT_SECONDS
from mulberry.model.clock import Clock, local_moment
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import EarningsBucket, Job, JobOutcome
from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.node import Earnings
from mulberry.model.payments import Counters, ProxyAccount, SignedPayment

LARGEST_INTEGER = 2**63 - 1  # of SQLite: no count and no fee may be larger
ROOM_BYTES = 64 * 2**10  # a few dozen jobs
CHECKPOINT_PAGES = 4000  # 16 MB; SQLite's 1000 made every hundredth request wait 5 ms for the disk
LARGEST_CONFIRMATION = 2**40  # tokens of one job; what is larger is nonsense and must not spoil the sums


class LedgerFull(Exception):
    """The ledger cannot grow: the disk is full or does not take writes. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that has ended and is not booked yet. The fields are those of `model.jobs.Job`."""

    request_id: str
    proxy: str
    model: str
    outcome: JobOutcome
    error: str
    received_at: datetime
    first_answer_at: datetime | None
    finished_at: datetime
    prompt_tokens: int
    completion_tokens: int
    adjusted_tokens: int
    worker_fee_per_token: Nanoton
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    coefficient: int | None = None


@dataclass(frozen=True, slots=True)
class KnownProxy:
    """Who a proxy was when we met it first. Its contracts are not here: they change with the network's prices."""

    public_key: str
    owner: str  # raw address


class Ledger:
    """The open ledger. Every method may raise `LedgerFull` if it writes. Used from one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.chain = HistoryRows(connection, self._writing)
        self.energy = EnergyRows(connection, self._writing)
        self._is_durable: bool | None = None  # how the last write was made safe
        self._is_together = False

    def close(self) -> None:
        self._connection.close()

    @property
    def path(self) -> Path:
        return Path(self._connection.execute("PRAGMA database_list").fetchone()[2])

    # Jobs

    def book_job(self, finished: Finished) -> Job:
        """Writes the job under the next number."""
        with self._writing():
            (number,) = self._connection.execute(rows.BOOK_JOB, rows.of_finished(finished)).fetchone()
        return rows.numbered(number, finished)

    def confirm(self, proxy: str, request_id: str, tokens: int, now: datetime) -> Job | None:
        """Writes what `proxy` says its newest job `request_id` is worth; the job as it is now.

        None: we never booked it, or it was confirmed before; the first word stands.
        """
        if not 0 <= tokens <= LARGEST_CONFIRMATION:
            raise ValueError(f"a job cannot be worth {tokens} tokens")
        with self._writing():
            found = self._connection.execute(rows.UNCONFIRMED_JOB, (request_id, proxy)).fetchone()
            if found is None:
                return None
            self._connection.execute("INSERT INTO confirmations VALUES (?, ?, ?)", (found[0], tokens, rows.moment(now)))
        return rows.job((*found, tokens))

    def jobs(self, first: int, last: int) -> list[Job]:
        """The jobs numbered `first` to `last`, both included, ascending."""
        return [rows.job(row) for row in self._connection.execute(rows.JOBS, (first, last))]

    def newest_job(self) -> int:
        """The newest job's number, which is also how many there are."""
        return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM jobs").fetchone()[0])

    # Money

    def meet(self, name: str, met: KnownProxy, now: datetime) -> KnownProxy:
        """Who the proxy called `name` was when it was met first: `met`, if it never was before."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO proxies VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (name, met.public_key, met.owner, rows.moment(now)),
            )
        known = "SELECT public_key, owner FROM proxies WHERE name = ?"
        return KnownProxy(*self._connection.execute(known, (name,)).fetchone())

    def known_proxies(self) -> dict[str, str]:
        """The public key of each proxy that was ever met, by its name."""
        return dict(self._connection.execute("SELECT name, public_key FROM proxies ORDER BY met_at"))

    def open_account(self, account: ProxyAccount) -> ProxyAccount:
        """The account of `account.worker_contract` with the counters we hold; made, at zero, if there is none."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING",
                (account.worker_contract, account.proxy, account.proxy_contract, account.worker_fee_per_token),
            )
        return next(held for held in self.accounts() if held.worker_contract == account.worker_contract)

    def accounts(self) -> list[ProxyAccount]:
        """All accounts this ledger ever had: contracts change with prices, what was earned under old ones stays."""
        return [rows.account(row) for row in self._connection.execute(rows.ACCOUNTS)]

    def grow_counters(self, worker_contract: str, *, committed_to_db: int, max_known: int) -> None:
        """Takes the proxy's counters where they are larger than ours. A smaller one is left for the caller to judge."""
        with self._writing():
            self._connection.execute(rows.GROW_COUNTERS, (committed_to_db, max_known, worker_contract))

    def counters(self, worker_contract: str) -> Counters:
        """All zero for a contract without an account."""
        return next((a.counters for a in self.accounts() if a.worker_contract == worker_contract), Counters())

    def newest_payment(self, worker_contract: str) -> SignedPayment | None:
        row = self._connection.execute(rows.NEWEST_PAYMENT, (worker_contract,)).fetchone()
        return None if row is None else rows.payment(row)

    def add_payment(self, payment: SignedPayment) -> bool:
        """Keeps a verified payment, on disk when this returns. False: one for as many tokens is held already.

        Raises `ValueError` for one that is smaller than what we hold.
        """
        newest = self.newest_payment(payment.worker_contract)
        if newest is not None and payment.tokens <= newest.tokens:
            if payment.tokens < newest.tokens:
                raise ValueError(f"a payment for {payment.tokens} tokens after one for {newest.tokens}")
            return False
        with self._writing(durably=True):
            self._connection.execute(
                "INSERT INTO payments (worker_contract, tokens, boc, received_at) VALUES (?, ?, ?, ?)",
                (payment.worker_contract, payment.tokens, payment.boc, rows.moment(payment.received_at)),
            )
        return True

    # Sums

    def totals(self, now: datetime) -> Earnings:
        """What all faces show. Days are the computer's local days; cheap however many jobs there are."""
        accounts = self.accounts()
        earned = today = yesterday = week = month = jobs_today = 0
        midnights = [int(local_midnight(now, days_back).timestamp()) for days_back in (0, 1, 6, 29)]
        for fee, *tokens, jobs in self._connection.execute(rows.SUMS_BY_FEE, midnights):
            today, yesterday, week, month = (
                total + (part or 0) * fee for total, part in zip((today, yesterday, week, month), tokens, strict=True)
            )
            jobs_today += jobs or 0
        earned = sum(account.earned for account in accounts)
        return Earnings(
            today=Nanoton(today),
            yesterday=Nanoton(yesterday),
            last_7_days=Nanoton(week),
            last_30_days=Nanoton(month),
            earned=Nanoton(earned),
            payable=Nanoton(sum(account.payable for account in accounts)),
            jobs_today=jobs_today,
            jobs_total=self.newest_job(),
            paid=Nanoton(sum(self.chain.paid().values())),
        )

    def earnings(self, edges: Sequence[datetime]) -> list[EarningsBucket]:
        """The buckets between neighbouring `edges` (aware, ascending), by the end of the jobs, empty ones too."""
        begins = [rows.moment(edge) for edge in edges]
        whole_slots = all(begin % (SLOT_SECONDS * MICROSECONDS) == 0 for begin in begins)
        since = [*pairwise(begins), (begins[-1], LARGEST_INTEGER)]  # the last one for what came after the buckets
        spans = json.dumps(since)
        amounts, jobs = [0] * len(since), [0] * len(since)
        query = rows.SPANS_OF_SLOTS if whole_slots else rows.SPANS_OF_JOBS
        for number, fee, tokens, count in self._connection.execute(query, (spans,)):
            amounts[number] += tokens * fee
            jobs[number] += count
        earned, payable, paid = self._all_told()
        before = max(earned, sum(tally.confirmed for tally in self.chain.tallies())) - sum(amounts)
        of_payable = covered(amounts, before, max(payable, paid))
        of_paid = covered(amounts, before, paid)
        payouts = self.chain.paid_in(spans)
        return [
            EarningsBucket(
                start=edge.astimezone(UTC),
                earned=Nanoton(amounts[number]),
                jobs=jobs[number],
                payable=of_payable[number],
                paid=of_paid[number],
                payouts=Nanoton(payouts.get(number, 0)),
            )
            for number, edge in enumerate(edges[:-1])
        ]

    def _all_told(self) -> tuple[int, int, int]:
        """Earned, payable and paid in nanoton, also where only the chain still knows of it: on a new computer."""
        cashed = {contract.worker_contract: contract.cashed for contract in self.chain.contracts()}
        earned = payable = 0
        for account in self.accounts():
            from_chain = cashed.pop(account.worker_contract, 0)
            earned += max(account.earned, from_chain)
            payable += max(account.payable, from_chain)
        alone = sum(cashed.values())
        return earned + alone, payable + alone, sum(self.chain.paid().values())

    def check_room(self) -> None:
        """Raises `LedgerFull` when not even a little could be written."""
        with self._writing():
            self._connection.execute("CREATE TABLE room (bytes BLOB)")
            self._connection.execute("INSERT INTO room VALUES (zeroblob(?))", (ROOM_BYTES,))
            self._connection.execute("DROP TABLE room")

    @contextmanager
    def together(self, *, durably: bool = False) -> Iterator[None]:
        """All or nothing of what is written inside, in one transaction. A payment inside wants it `durably`."""
        with self._writing(durably=durably):
            self._is_together = True
            try:
                yield
            finally:
                self._is_together = False

    @contextmanager
    def _writing(self, *, durably: bool = False) -> Iterator[None]:
        if self._is_together:
            if durably and not self._is_durable:
                raise RuntimeError("what is inside must be on disk, and the whole will not be")
            yield
            return
        execute = self._connection.execute
        try:
            if durably != self._is_durable:
                execute(f"PRAGMA synchronous = {'FULL' if durably else 'NORMAL'}")
                self._is_durable = durably
            execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    execute("ROLLBACK")
                raise
            execute("COMMIT")
        except sqlite3.OperationalError as problem:
            if self._connection.in_transaction:  # the COMMIT failed
                execute("ROLLBACK")
            if problem.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                raise LedgerFull(str(problem)) from problem
            raise


def covered(amounts: Iterable[int], before: int, total: int) -> list[Nanoton]:
    """How much of each amount `total` covers, the oldest first, after the `before` that is older than all of them."""
    left = max(0, total - before)
    parts = []
    for amount in amounts:
        parts.append(Nanoton(min(amount, left)))
        left -= parts[-1]
    return parts


def local_midnight(now: datetime, days_back: int) -> datetime:
    """When the local day began that is `days_back` days before the one of `now`. Right on days of 23 and 25 hours."""
    return local_moment(now.astimezone().date() - timedelta(days=days_back))


@contextmanager
def ledger_in_use(path: Path, clock: Clock) -> Iterator[Ledger]:
    """The open ledger, until an orderly end; that spares the next start a look at all jobs. Raises as `open_ledger`."""
    with closing(open_ledger(path, clock)) as ledger:
        yield ledger
    note_orderly_end(path)


def open_ledger(path: Path, clock: Clock) -> Ledger:
    """Opens or makes the ledger. One that is damaged is kept aside under a name with the time, and a new one begun.

    Raises `UserFacingError`: a newer Mulberry wrote it (it stays untouched), or the disk does not take it.
    """
    try:
        return _open(path)
    except sqlite3.OperationalError as problem:
        raise UserFacingError(
            what=tr("The ledger cannot be opened."),
            why=f"{path}: {problem}.",
            next_step=tr("See that the folder exists, is yours and that its disk has room, then start again."),
            detail=repr(problem),
        ) from problem
    except sqlite3.DatabaseError:  # what is there is no ledger, or no longer
        set_aside(path, clock)
        return _open(path)


def set_aside(path: Path, clock: Clock) -> Path:
    """Renames a damaged ledger, with the files that SQLite keeps beside it, and returns its new place."""
    aside = path.with_name(f"{path.stem}.corrupt-{clock.now():%Y%m%dT%H%M%SZ}{path.suffix}")
    for ending in ("", "-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + ending))
    return aside


def ledgers_set_aside(path: Path) -> list[Path]:
    """The damaged ledgers that lie beside `path`, oldest first. Whoever has dealt with one deletes or moves it."""
    return sorted(path.parent.glob(f"{path.stem}.corrupt-*{path.suffix}"))


def _open(path: Path) -> Ledger:
    as_left = is_as_left(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise UserFacingError(
                what=tr("The ledger was written by a newer Mulberry."),
                why=tr(
                    "It has version {version}, this program knows {newest}.", version=version, newest=len(MIGRATIONS)
                ),
                next_step=tr("Install the newer Mulberry again. The ledger was left as it is."),
                detail=str(path),
            )
        look_through(connection, jobs_too=not as_left)
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {migration} PRAGMA user_version = {number}; COMMIT;")
        connection.execute("PRAGMA foreign_keys = ON")
        return Ledger(connection)
    except BaseException:
        connection.close()
        raise
