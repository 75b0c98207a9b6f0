"""The ledger is the owner's proof of what was earned: nothing in it may vanish, change or be counted twice."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conftest import SettableClock
from ledger_entries import ACCOUNT, PROXY, edges, finished, payment
from mulberry.agent.ledger import (
    LARGEST_CONFIRMATION,
    KnownProxy,
    Ledger,
    LedgerFull,
    ledgers_set_aside,
    local_midnight,
    open_ledger,
)
from mulberry.agent.ledger_schema import MIGRATIONS
from mulberry.model.errors import UserFacingError
from mulberry.model.money import Nanoton
from mulberry.model.payments import Counters
from time_zones import local_zone

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path, clock: SettableClock) -> Iterator[Ledger]:
    ledger = open_ledger(path, clock)
    yield ledger
    ledger.close()


def test_jobs_are_numbered_from_one_and_come_back_as_they_were_booked(ledger: Ledger) -> None:
    booked = [ledger.book_job(finished(request_id=f"{i:064x}")) for i in range(5)]
    assert [job.number for job in booked] == [1, 2, 3, 4, 5]
    assert ledger.jobs(2, 4) == booked[1:4]
    assert booked[0].finished_at == NOON + timedelta(microseconds=1)  # not a microsecond is lost
    assert booked[0].confirmed_tokens is None and booked[0].earned == 0


def test_a_confirmation_counts_once_and_for_its_own_proxy_only(ledger: Ledger) -> None:
    ledger.book_job(finished(request_id="ab" * 32))
    assert ledger.confirm("cd" * 32, "ab" * 32, 7, NOON) is None
    confirmed = ledger.confirm(PROXY, "ab" * 32, 7, NOON)
    assert confirmed is not None and confirmed.earned == 7 * 20
    assert ledger.confirm(PROXY, "ab" * 32, 9_999, NOON) is None
    assert ledger.jobs(1, 1) == [confirmed]


def test_a_confirmation_that_would_spoil_the_sums_is_refused(ledger: Ledger) -> None:
    ledger.book_job(finished(request_id="ab" * 32))
    for tokens in (-1, LARGEST_CONFIRMATION + 1):
        with pytest.raises(ValueError, match="cannot be worth"):
            ledger.confirm(PROXY, "ab" * 32, tokens, NOON)


def test_a_smaller_payment_is_refused_and_the_same_one_is_kept_once(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT)
    assert ledger.add_payment(payment(100))
    assert not ledger.add_payment(payment(100))
    with pytest.raises(ValueError, match="payment for 99 tokens after one for 100"):
        ledger.add_payment(payment(99))
    assert ledger.newest_payment(ACCOUNT.worker_contract) == payment(100)
    assert ledger.counters(ACCOUNT.worker_contract).committed_to_blockchain == 100


def test_counters_only_grow(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT)
    ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=10, max_known=20)
    ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=5, max_known=25)
    assert ledger.open_account(ACCOUNT).counters == Counters(0, 10, 25)


def test_a_proxy_is_remembered_as_it_was_met_first(ledger: Ledger) -> None:
    first = KnownProxy("aa" * 32, "0:01")
    assert ledger.meet("demo", first, NOON) == first
    assert ledger.meet("demo", KnownProxy("bb" * 32, "0:02"), NOON) == first


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE jobs SET adjusted_tokens = 10 * adjusted_tokens", "jobs are never changed"),
        ("DELETE FROM jobs", "jobs are never deleted"),
        ("UPDATE confirmations SET tokens = 0", "confirmations are never changed"),
        ("DELETE FROM confirmations", "confirmations are never deleted"),
        ("UPDATE payments SET boc = x''", "payments are never changed"),
        ("DELETE FROM payments", "payments are never deleted"),
        ("DELETE FROM accounts", "accounts are never deleted"),
        ("UPDATE accounts SET max_known = 19", "counters only grow"),
        ("UPDATE accounts SET committed_to_db = 9", "counters only grow"),
        ("UPDATE accounts SET worker_fee_per_token = 21", "rest of an account never changes"),
        ("UPDATE proxies SET public_key = 'x'", "proxies are never changed"),
        ("DELETE FROM proxies", "proxies are never deleted"),
        ("UPDATE slots SET tokens = tokens - 1", "sums only grow"),
        ("DELETE FROM slots", "slots are never deleted"),
        ("INSERT INTO payments VALUES (9, '{contract}', 99, x'00', 0)", "smaller than one that is held"),
        (
            "INSERT INTO jobs (number, request_id, proxy, model, outcome, error, received_at, finished_at,"
            " prompt_tokens, completion_tokens, adjusted_tokens, worker_fee_per_token)"
            " SELECT 7, request_id, proxy, model, outcome, error, 0, 0, 0, 0, 0, 0 FROM jobs",
            "gaps",
        ),
    ],
)
def test_the_database_itself_refuses_to_falsify(ledger: Ledger, path: Path, statement: str, rule: str) -> None:
    ledger.open_account(ACCOUNT)
    ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=10, max_known=20)
    ledger.add_payment(payment(100))
    ledger.meet("demo", KnownProxy("aa" * 32, "0:01"), NOON)
    ledger.book_job(finished(request_id="ab" * 32))
    ledger.confirm(PROXY, "ab" * 32, 7, NOON)
    somebody = sqlite3.connect(path)
    try:
        with pytest.raises(sqlite3.IntegrityError, match=rule):
            somebody.execute(statement.format(contract=ACCOUNT.worker_contract))
    finally:
        somebody.close()


@pytest.fixture(params=["UTC", "Asia/Kathmandu", "America/New_York"])
def time_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with local_zone(request.param):
        yield


@pytest.mark.usefixtures("time_zone")
def test_days_are_the_owners_local_days(ledger: Ledger) -> None:
    midnight = local_midnight(NOON, 0)
    moments = [midnight, midnight - timedelta(microseconds=1), local_midnight(NOON, 6), local_midnight(NOON, 29)]
    moments.append(local_midnight(NOON, 29) - timedelta(microseconds=1))  # too long ago for any of the sums
    for i, moment in enumerate(moments):
        ledger.book_job(finished(request_id=f"{i:064x}", finished_at=moment))
        ledger.confirm(PROXY, f"{i:064x}", 10**i, NOON)
    totals = ledger.totals(NOON)
    assert (totals.today, totals.yesterday) == (1 * 20, 10 * 20)
    assert (totals.last_7_days, totals.last_30_days) == (111 * 20, 1111 * 20)
    assert (totals.jobs_today, totals.jobs_total) == (1, 5)


def test_a_day_of_25_hours_begins_at_its_midnight() -> None:
    with local_zone("America/New_York"):
        evening = datetime(2026, 11, 1, 23, 0, tzinfo=UTC)  # clocks went back that morning
        assert local_midnight(evening, 0) == datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
        assert local_midnight(evening, -1) == datetime(2026, 11, 2, 5, 0, tzinfo=UTC)


def test_a_day_without_a_midnight_begins_when_its_first_hour_does() -> None:
    with local_zone("Africa/Cairo"):  # 2026-04-24: from 00:00 to 01:00 at once
        noon = datetime(2026, 4, 24, 9, 0, tzinfo=UTC)
        assert local_midnight(noon, 0) == datetime(2026, 4, 23, 22, 0, tzinfo=UTC)


def test_earned_and_payable_are_the_counters_at_each_accounts_own_price(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT)
    ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=10, max_known=250)
    ledger.add_payment(payment(100))
    totals = ledger.totals(NOON)
    assert (totals.earned, totals.payable) == (250 * 20, 100 * 20)


@pytest.mark.parametrize("bucket_seconds", [300, 7])  # from the sums, and from the jobs themselves
def test_buckets_hold_what_was_earned_in_them(ledger: Ledger, bucket_seconds: int) -> None:
    start = NOON - timedelta(seconds=bucket_seconds)
    for i, moment in enumerate((start - timedelta(microseconds=1), start, NOON - timedelta(microseconds=1), NOON)):
        ledger.book_job(finished(request_id=f"{i:064x}", finished_at=moment))
        ledger.confirm(PROXY, f"{i:064x}", 10**i, NOON)
    first, second, third = ledger.earnings(edges(start, bucket_seconds, 3))
    assert (first.start, first.earned, first.jobs) == (start, Nanoton(110 * 20), 2)
    assert (second.start, second.earned, second.jobs) == (NOON, Nanoton(1000 * 20), 1)
    assert (third.earned, third.jobs) == (0, 0)


def test_sums_stay_cheap_with_a_hundred_thousand_jobs(path: Path, ledger: Ledger) -> None:
    many = sqlite3.connect(path)
    many.executescript(
        "BEGIN; WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 100000)"
        " INSERT INTO jobs SELECT n, n, 'p', 'm', 'done', '', 0, 0,"
        " 1795348800000000 - n * 20000000, 1, 1, 1, 20, 0, 0, 1000 FROM i; COMMIT;"
    )
    many.close()
    began = time.process_time()
    for _ in range(20):
        ledger.totals(NOON)
        ledger.jobs(99_000, 99_999)
        ledger.earnings(edges(NOON - timedelta(days=1), 300, 288))
    assert time.process_time() - began < 5, "a status must be cheap however long the agent has earned"
    assert ledger.totals(NOON).jobs_total == 100_000


def test_what_is_booked_is_there_after_the_ledger_is_opened_again(path: Path, clock: SettableClock) -> None:
    first = open_ledger(path, clock)
    job = first.book_job(finished())
    first.close()
    again = open_ledger(path, clock)
    assert again.jobs(1, 9) == [job]
    again.close()
    assert ledgers_set_aside(path) == []


def test_an_older_ledger_knows_its_proxies_dealings_after_the_move(path: Path, clock: SettableClock) -> None:
    ledger = open_ledger(path, clock)
    for number, adjusted in enumerate((100, 50, 70)):
        ledger.book_job(finished(request_id=f"{number:064x}", adjusted=adjusted))
    ledger.confirm(PROXY, f"{0:064x}", 90, NOON)
    ledger.confirm(PROXY, f"{1:064x}", 60, NOON)
    told = ledger.chain.tallies()
    ledger.close()
    older = sqlite3.connect(path, isolation_level=None)
    older.executescript(
        "ALTER TABLE jobs DROP COLUMN cached_tokens; ALTER TABLE jobs DROP COLUMN reasoning_tokens;"
        "ALTER TABLE jobs DROP COLUMN coefficient; DROP TABLE energy;"
        "DROP TABLE extremes; DROP TRIGGER a_booked_job_moves_extremes; DROP TRIGGER a_confirmed_job_moves_extremes;"
        "DROP TRIGGER a_booked_job_is_tallied; DROP TRIGGER a_confirmed_job_is_tallied;"
        "ALTER TABLE tallies DROP COLUMN requests; ALTER TABLE tallies DROP COLUMN succeeded;"
        "ALTER TABLE tallies DROP COLUMN underpaid;"
        "CREATE TRIGGER a_booked_job_is_tallied AFTER INSERT ON jobs BEGIN SELECT 1; END;"
        "CREATE TRIGGER a_confirmed_job_is_tallied AFTER INSERT ON confirmations BEGIN SELECT 1; END;"
        "PRAGMA user_version = 2"
    )
    older.close()
    with closing(open_ledger(path, clock)) as moved:
        assert moved.chain.tallies() == told
        (tally,) = told
        assert (tally.requests, tally.succeeded, tally.underpaid) == (3, 3, 10 * 20)
        moved.book_job(finished(request_id="ff" * 32, adjusted=5))
        assert moved.chain.tallies()[0].requests == 4


def test_a_newer_ledger_is_left_as_it_is(path: Path, clock: SettableClock) -> None:
    open_ledger(path, clock).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.commit()
    newer.close()
    before = path.read_bytes()
    with pytest.raises(UserFacingError, match="newer Mulberry"):
        open_ledger(path, clock)
    assert path.read_bytes() == before


def damage_the_start(path: Path) -> None:
    path.write_bytes(b"this is no ledger" * 1000)


def damage_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:12288] = os.urandom(8192)
    path.write_bytes(content)


def cut_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10_000])


@pytest.mark.parametrize("damage", [damage_the_start, damage_the_middle, cut_the_end])
def test_a_damaged_ledger_is_kept_aside_whole_and_a_new_one_is_begun(path: Path, clock: SettableClock, damage) -> None:  # type: ignore[no-untyped-def]
    broken = open_ledger(path, clock)
    for i in range(50):
        broken.book_job(finished(request_id=f"{i:064x}"))
    broken.close()
    damage(path)
    damaged = path.read_bytes()
    path.with_name("ledger.sqlite3-wal").write_bytes(b"left over")
    ledger = open_ledger(path, clock)
    try:
        assert ledger.book_job(finished()).number == 1
        (aside,) = ledgers_set_aside(path)
        assert aside.name == "ledger.corrupt-20261122T120000Z.sqlite3"
        assert aside.read_bytes() == damaged
    finally:
        ledger.close()


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path, clock: SettableClock) -> None:
    with pytest.raises(UserFacingError, match="cannot be opened"):
        open_ledger(tmp_path / "missing" / "ledger.sqlite3", clock)


def test_a_full_disk_loses_nothing_that_was_acknowledged(ledger: Ledger) -> None:
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    booked = []
    with pytest.raises(LedgerFull, match="full"):
        for i in range(1000):
            booked.append(ledger.book_job(finished(request_id=f"{i:064x}")))  # noqa: PERF401 - ends by the error
    assert ledger.jobs(1, 1000) == booked
    ledger._connection.execute("PRAGMA max_page_count = 100000")  # room again
    assert ledger.book_job(finished()).number == len(booked) + 1


class LedgerMachine(RuleBasedStateMachine):
    """Any order of events keeps the promises that a simple list in memory keeps."""

    @initialize()
    def begin(self) -> None:
        self.ledger = open_ledger(Path(":memory:"), SettableClock())
        self.ledger.open_account(ACCOUNT)
        self.unconfirmed: list[str] = []
        self.jobs = 0
        self.confirmed = 0
        self.signed = -1
        self.counters = (0, 0)

    @rule(fee=st.integers(0, 10**12), tokens=st.integers(0, 10**9), minutes=st.integers(-100, 100))
    def book(self, fee: int, tokens: int, minutes: int) -> None:
        request_id = f"{self.jobs:064x}"
        moment = NOON + timedelta(minutes=minutes)
        job = self.ledger.book_job(finished(request_id=request_id, fee=fee, adjusted=tokens, finished_at=moment))
        self.jobs += 1
        assert job.number == self.jobs
        self.unconfirmed.append(request_id)

    @precondition(lambda self: self.unconfirmed)
    @rule(tokens=st.integers(0, LARGEST_CONFIRMATION), data=st.data())
    def confirm(self, tokens: int, data: st.DataObject) -> None:
        request_id = data.draw(st.sampled_from(self.unconfirmed))
        self.unconfirmed.remove(request_id)
        job = self.ledger.confirm(PROXY, request_id, tokens, NOON)
        assert job is not None and job.confirmed_tokens == tokens
        self.confirmed += job.earned

    @rule(tokens=st.integers(0, 2**63 - 1))
    def pay(self, tokens: int) -> None:
        if tokens < self.signed:
            with pytest.raises(ValueError, match="after one for"):
                self.ledger.add_payment(payment(tokens))
            return
        assert self.ledger.add_payment(payment(tokens)) is (tokens > self.signed)
        self.signed = tokens

    @rule(committed=st.integers(0, 2**62), known=st.integers(0, 2**62))
    def count(self, committed: int, known: int) -> None:
        self.ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=committed, max_known=known)
        self.counters = (max(self.counters[0], committed), max(self.counters[1], known))

    @invariant()
    def the_ledger_agrees_with_the_list(self) -> None:
        counters = self.ledger.counters(ACCOUNT.worker_contract)
        assert counters == Counters(max(self.signed, 0), *self.counters)
        assert [job.number for job in self.ledger.jobs(1, self.jobs + 1)] == list(range(1, self.jobs + 1))
        for width in (300, 299):
            buckets = self.ledger.earnings(edges(NOON - timedelta(hours=2), width, 50))
            assert sum(bucket.earned for bucket in buckets) == self.confirmed
            assert sum(bucket.jobs for bucket in buckets) == self.jobs
            assert all(0 <= bucket.paid <= bucket.payable <= bucket.earned for bucket in buckets)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=40, stateful_step_count=25)
