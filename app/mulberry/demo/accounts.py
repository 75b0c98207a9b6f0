"""What the demo proxy owes each worker: three counters that only grow, and the newest payment it signed. On disk.

One SQLite file, opened exclusively, so it is also the lock: a second demo network on the same folder cannot open it.
Every growth is written before a worker hears of it. An answered request survives the end of this process (not of the
power, which would cost a sync a request); a signed payment survives both.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from mulberry.model.errors import UserFacingError
from mulberry.model.payments import Counters
from mulberry.ton.address import Address

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE account (
    proxy_key BLOB NOT NULL,
    worker_contract TEXT NOT NULL,
    committed_to_blockchain INTEGER NOT NULL,
    committed_to_db INTEGER NOT NULL,
    max_known INTEGER NOT NULL,
    payment BLOB NOT NULL,
    PRIMARY KEY (proxy_key, worker_contract),
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
    """One worker's standing. `payment` is the newest signed one: it covers `counters.committed_to_blockchain`."""

    worker_contract: Address
    counters: Counters
    payment: bytes


class Accounts:
    """The accounts of one proxy key. Close it, or use it as a context manager."""

    def __init__(self, path: Path, proxy_key: bytes) -> None:
        """Opens or makes the file. Raises `UserFacingError`: in use, of a newer version, damaged, or not writable."""
        self._proxy_key = proxy_key
        try:
            self._database = _open(path)
        except sqlite3.Error as problem:
            raise _unusable(path, problem) from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def find(self, worker_contract: Address) -> Account | None:
        row = self._database.execute(
            "SELECT committed_to_blockchain, committed_to_db, max_known, payment FROM account"
            " WHERE proxy_key = ? AND worker_contract = ?",
            (self._proxy_key, worker_contract.raw),
        ).fetchone()
        return Account(worker_contract, Counters(*row[:3]), row[3]) if row else None

    def open(self, worker_contract: Address, payment: bytes) -> Account:
        """A new account with `payment`, which covers nothing yet."""
        account = Account(worker_contract, Counters(), payment)
        self._database.execute(
            "INSERT INTO account VALUES (?, ?, 0, 0, 0, ?)", (self._proxy_key, worker_contract.raw, payment)
        )
        return account

    def earn(self, account: Account, tokens: int) -> Account:
        """`account` after a request worth `tokens`."""
        counters = replace(account.counters, max_known=min(account.counters.max_known + tokens, LARGEST_COUNTER))
        self._database.execute(
            "UPDATE account SET max_known = ? WHERE proxy_key = ? AND worker_contract = ?",
            (counters.max_known, self._proxy_key, account.worker_contract.raw),
        )
        return replace(account, counters=counters)

    def commit(self, account: Account, payment: bytes) -> Account:
        """`account` after `payment`, which covers all that is known, was signed."""
        tokens = account.counters.max_known
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(
            "UPDATE account SET committed_to_blockchain = ?, committed_to_db = ?, payment = ?"
            " WHERE proxy_key = ? AND worker_contract = ?",
            (tokens, tokens, payment, self._proxy_key, account.worker_contract.raw),
        )
        self._database.execute("PRAGMA synchronous = NORMAL")
        return replace(account, counters=Counters(tokens, tokens, tokens), payment=payment)


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
