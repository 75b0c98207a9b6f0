"""A damaged ledger must be noticed before money is booked into it, and a million jobs must not hold up a start."""

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conftest import SettableClock
from ledger_entries import ACCOUNT, finished
from mulberry.agent import ledger_check
from mulberry.agent.ledger import ledger_in_use, ledgers_set_aside, open_ledger

JOBS = 50


@pytest.fixture
def path(tmp_path: Path, clock: SettableClock) -> Path:
    """A ledger after an orderly end."""
    path = tmp_path / "ledger.sqlite3"
    with ledger_in_use(path, clock) as ledger:
        ledger.open_account(ACCOUNT)
        for number in range(JOBS):
            ledger.book_job(finished(request_id=f"{number:064x}"))
    return path


def spoil(path: Path, table: str) -> None:
    """Noise in place of the table's first page, and nothing in the folder tells of it, as when a disk fails."""
    with closing(sqlite3.connect(path)) as connection:
        page, size = connection.execute(
            "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = ?", (table,)
        ).fetchone()
    about = path.stat()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_after_an_orderly_end_no_job_is_looked_at(path: Path, clock: SettableClock) -> None:
    spoil(path, "jobs")
    with closing(open_ledger(path, clock)) as ledger:
        assert ledger.accounts() == [ACCOUNT]
        assert ledgers_set_aside(path) == []
        with pytest.raises(sqlite3.DatabaseError, match="malformed"):
            ledger.jobs(1, JOBS)


@pytest.mark.parametrize("table", ["accounts", "payments", "slots", "transactions"])
def test_what_says_how_much_money_there_is_is_looked_at_every_time(
    path: Path, clock: SettableClock, table: str
) -> None:
    spoil(path, table)
    open_ledger(path, clock).close()
    assert len(ledgers_set_aside(path)) == 1


@pytest.mark.parametrize("table", ["jobs", "confirmations"])
def test_an_end_by_a_bug_makes_the_next_start_look_at_every_job(path: Path, clock: SettableClock, table: str) -> None:
    with pytest.raises(KeyError), ledger_in_use(path, clock):
        raise KeyError
    spoil(path, table)
    open_ledger(path, clock).close()
    assert len(ledgers_set_aside(path)) == 1


def test_a_ledger_of_another_time_is_looked_through_though_it_has_a_note(path: Path, clock: SettableClock) -> None:
    spoil(path, "jobs")
    os.utime(path)
    open_ledger(path, clock).close()
    assert len(ledgers_set_aside(path)) == 1


def test_what_a_dead_process_left_in_the_log_is_no_orderly_end(
    path: Path, clock: SettableClock, tmp_path: Path
) -> None:
    after = tmp_path / "after"
    after.mkdir()
    note = "ledger.left-as.json"
    shutil.copy2(path, after)
    shutil.copy2(path.with_name(note), after)
    assert ledger_check.is_as_left(after / path.name)
    shutil.copy2(path.with_name(note), after)
    with closing(open_ledger(path, clock)) as ledger:
        ledger.book_job(finished(request_id="ff" * 32))
        shutil.copy2(path.with_name("ledger.sqlite3-wal"), after)
    assert not ledger_check.is_as_left(after / path.name)


def test_the_note_counts_once(path: Path) -> None:
    assert ledger_check.is_as_left(path)
    assert not ledger_check.is_as_left(path)


@pytest.mark.parametrize("untrusted", [b"", b"[]", b'{"bytes": "many"}', b"\xff" * 100_000])
def test_a_note_that_is_none_makes_the_start_longer_and_no_more(
    path: Path, clock: SettableClock, untrusted: bytes
) -> None:
    path.with_name("ledger.left-as.json").write_bytes(untrusted)
    assert not ledger_check.is_as_left(path)
    with closing(open_ledger(path, clock)) as ledger:
        assert ledger.newest_job() == JOBS


def test_a_disk_that_takes_no_note_ends_nothing(
    tmp_path: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.sqlite3"
    with ledger_in_use(path, clock):
        path.with_name("ledger.left-as.json").mkdir()
    assert "could not be noted" in caplog.text


def test_more_jobs_than_a_start_can_wait_for_are_not_looked_through(
    path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ledger_check, "LARGEST_BYTES", path.stat().st_size - 1)
    spoil(path, "jobs")
    os.utime(path)
    with caplog.at_level(logging.WARNING), closing(open_ledger(path, clock)) as ledger:
        assert "too many for a start" in caplog.text
        assert ledger.accounts() == [ACCOUNT]
    spoil(path, "accounts")
    open_ledger(path, clock).close()
    assert len(ledgers_set_aside(path)) == 1, "money is looked at in a large one too"
