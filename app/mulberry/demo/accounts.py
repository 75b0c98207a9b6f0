"""What the demo proxy owes each worker: three counters that only grow, and the newest payment it signed. On disk.

One SQLite file, opened exclusively, so it is also the lock: a second demo network on the same folder cannot open it.
Every growth is written before a worker hears of it. An answered request survives the end of this process (not of the
power, which would cost a sync a request); a signed payment survives both.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from mulberry.model.errors import UserFacingError
from mulberry.model.payments import Counters
from mulberry.ton.address import Address

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE account (
    worker_contract TEXT PRIMARY KEY,
    committed_to_blockchain INTEGER NOT NULL,
    committed_to_db INTEGER NOT NULL,
    max_known INTEGER NOT NULL,
    payment BLOB NOT NULL,
    CHECK (0 <= committed_to_blockchain AND committed_to_blockchain <= committed_to_db AND committed_to_db <= max_known)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER counters_only_grow BEFORE UPDATE ON account
WHEN new.committed_to_blockchain < old.committed_to_blockchain
  OR new.committed_to_db < old.committed_to_db OR new.max_known < old.max_known
BEGIN SELECT RAISE(ABORT, 'a counter fell'); END;
PRAGMA user_version = 1;
"""
LARGEST_COUNTER = 2**63 - 1  # the wire's int64, and SQLite's


@dataclass(frozen=True, slots=True)
class Account:
    """One worker's standing. `payment` is the newest signed one: it covers `counters.committed_to_blockchain`.

    The contract's address follows from the proxy's key, too: another key has other accounts.
    """

    worker_contract: Address
    counters: Counters
    payment: bytes

    @property
    def owed(self) -> int:
        """Tokens that no signed payment covers."""
        return self.counters.max_known - self.counters.committed_to_blockchain

    def after_earning(self, tokens: int) -> "Account":
        """After one more request. At the end of the wire's numbers it stays there."""
        most = min(self.counters.max_known + tokens, LARGEST_COUNTER)
        return replace(self, counters=replace(self.counters, max_known=most))

    def after_paying(self, payment: bytes) -> "Account":
        """After `payment` was signed for all that is known."""
        tokens = self.counters.max_known
        return replace(self, counters=Counters(tokens, tokens, tokens), payment=payment)


class Accounts:
    """The file. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it. Raises `UserFacingError`: in use, of a newer version, damaged, or not writable."""
        try:
            self._database = _open(path)
        except sqlite3.Error as problem:
            raise _unusable(path, problem) from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def find(self, worker_contract: Address) -> Account | None:
        row = self._database.execute(
            "SELECT committed_to_blockchain, committed_to_db, max_known, payment FROM account"
            " WHERE worker_contract = ?",
            (worker_contract.raw,),
        ).fetchone()
        return Account(worker_contract, Counters(*row[:3]), row[3]) if row else None

    def all_tokens(self) -> int:
        """What all workers together have ever earned: what the customers used. Not above `LARGEST_COUNTER`."""
        with closing(self._database.execute("SELECT max_known FROM account")) as rows:
            total: int = sum(known for (known,) in rows)
        return min(total, LARGEST_COUNTER)

    def save(self, account: Account, *, survives_power_loss: bool) -> None:
        """Raises `sqlite3.Error`: not written (the disk is full), or a counter would fall."""
        counters = account.counters
        self._database.execute(f"PRAGMA synchronous = {'FULL' if survives_power_loss else 'NORMAL'}")
        self._database.execute(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?) ON CONFLICT (worker_contract) DO UPDATE SET"
            " committed_to_blockchain = excluded.committed_to_blockchain,"
            " committed_to_db = excluded.committed_to_db, max_known = excluded.max_known, payment = excluded.payment",
            (
                account.worker_contract.raw,
                counters.committed_to_blockchain,
                counters.committed_to_db,
                counters.max_known,
                account.payment,
            ),
        )


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
            with closing(database.execute(f"PRAGMA {setting}")) as cursor:
                cursor.fetchall()
        ((version,),) = database.execute("PRAGMA user_version").fetchall()
        if version == 0:
            database.executescript(f"BEGIN EXCLUSIVE; {SCHEMA} COMMIT;")
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"version {version}, this Mulberry reads {SCHEMA_VERSION}")
        else:
            database.execute("BEGIN EXCLUSIVE")  # takes the lock also when nothing is written
            database.execute("COMMIT")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _unusable(path: Path, problem: sqlite3.Error) -> UserFacingError:
    if getattr(problem, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
        return UserFacingError(
            what="Another demo network runs on this folder.",
            why=f"It holds {path}.",
            next_step="End it, or name another folder.",
        )
    return UserFacingError(
        what="The demo network's accounts could not be opened.",
        why=f"{path}: {problem}.",
        next_step=f"If it is damaged, delete the folder {path.parent} to start over with play money.",
    )
