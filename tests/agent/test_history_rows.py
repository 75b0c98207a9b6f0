"""What the chain has shown is money's proof, and what we signed must be known after a crash: the ledger keeps both."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SettableClock
from ledger_entries import ACCOUNT, PROXY, edges, finished, payment
from mulberry.agent.history_rows import EXCESSES, PAYOUT, CashOut, Gap, SeenContract, SignedRequest
from mulberry.agent.ledger import Ledger, covered, open_ledger
from mulberry.agent.ledger_schema import MIGRATIONS
from mulberry.agent.totals import reconciliation
from mulberry.model.money import Nanoton
from mulberry.model.wallet import AccountRole, ChainTransaction, TransactionKind

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OWNER, WALLET = "0:" + "aa" * 32, "0:" + "bb" * 32
CONTRACT = SeenContract(ACCOUNT.worker_contract, PROXY, ACCOUNT.proxy_contract, Nanoton(20), 0, True, NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path, clock: SettableClock) -> Iterator[Ledger]:
    with closing(open_ledger(path, clock)) as ledger:
        yield ledger


def a_transaction(
    lt: int, *, amount: int = 40, kind: TransactionKind = TransactionKind.FOREIGN, at: datetime = NOON
) -> ChainTransaction:
    return ChainTransaction(
        role=AccountRole.OWNER,
        account=OWNER,
        lt=lt,
        hash=f"{lt:064x}",
        at=at,
        kind=kind,
        amount=Nanoton(amount),
        fee=Nanoton(0),
        counterparty=ACCOUNT.proxy_contract,
        comment="",
        success=True,
    )


def keep(ledger: Ledger, *transactions: ChainTransaction, operation: int | None = PAYOUT) -> None:
    newest = max(item.lt for item in transactions)
    gap = Gap(OWNER, newest, bytes(32), 0)
    ledger.chain.open_gap(gap)
    ledger.chain.fill(gap, [(item, operation) for item in transactions], None)


def a_request(*cash_outs: CashOut) -> SignedRequest:
    return SignedRequest(0, WALLET, 7, NOON + timedelta(seconds=60), b"boc", NOON, cash_outs)


def test_transactions_come_back_as_they_were_newest_first_and_once(ledger: Ledger) -> None:
    kept = [a_transaction(lt) for lt in (5, 9, 7)]
    keep(ledger, *kept)
    keep(ledger, *kept)
    assert [item.lt for item in ledger.chain.transactions(0, 10)] == [9, 7, 5]
    assert ledger.chain.transactions(1, 1) == [kept[2]]
    assert ledger.chain.transactions(3, 10) == []
    assert (ledger.chain.newest_known(OWNER), ledger.chain.oldest(OWNER), ledger.chain.gaps()) == (9, 5, [])


def test_what_is_missing_is_remembered_through_a_restart(ledger: Ledger, path: Path, clock: SettableClock) -> None:
    gap = Gap(OWNER, 90, b"\x01" * 32, 0)
    ledger.chain.open_gap(gap)
    rest = Gap(OWNER, 40, b"\x02" * 32, 0)
    ledger.chain.fill(gap, [(a_transaction(90), None), (a_transaction(50), None)], rest)
    ledger.close()
    with closing(open_ledger(path, clock)) as again:
        assert again.chain.gaps(OWNER) == [rest]
        assert again.chain.newest_known(OWNER) == 90
        again.chain.open_gap(Gap(OWNER, 120, b"\x03" * 32, 90))
        assert [gap.lt for gap in again.chain.gaps()] == [120, 40]


def test_a_payout_whose_proxy_becomes_known_later_counts_from_then_on(ledger: Ledger) -> None:
    keep(ledger, a_transaction(1), a_transaction(2))
    keep(ledger, a_transaction(3), operation=EXCESSES)
    assert ledger.totals(NOON).paid == 0
    ledger.chain.see(CONTRACT)
    assert ledger.totals(NOON).paid == 80
    assert ledger.chain.transactions(0, 1)[0].kind is TransactionKind.EXCESS
    assert ledger.chain.last_paid_at(ACCOUNT.proxy_contract) == NOON


def test_a_contracts_paid_tokens_never_shrink(ledger: Ledger) -> None:
    for tokens in (5, 9, 7):
        ledger.chain.see(replace(CONTRACT, tokens=tokens))
    assert [contract.tokens for contract in ledger.chain.contracts()] == [9]


def test_a_signed_request_is_on_disk_with_its_payments(ledger: Ledger, path: Path, clock: SettableClock) -> None:
    cash_out = CashOut(ACCOUNT.worker_contract, 70)
    signed = ledger.chain.add_request(a_request(cash_out))
    ledger.close()
    with closing(open_ledger(path, clock)) as again:
        assert again.chain.newest_request(WALLET) == signed
        assert again.chain.newest_request(OWNER) is None
        assert again.chain.attempts(cash_out) == 1
        assert again.chain.attempts(CashOut(ACCOUNT.worker_contract, 71)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE requests SET seqno = 8",
        "DELETE FROM requests",
        "UPDATE cash_outs SET tokens = 1",
        "DELETE FROM cash_outs",
        "DELETE FROM transactions",
        "UPDATE transactions SET amount = 10000",
        "UPDATE transactions SET counterparty = ''",
        "UPDATE contracts SET tokens = 0",
    ],
)
def test_the_database_itself_refuses_to_falsify(ledger: Ledger, path: Path, statement: str) -> None:
    keep(ledger, a_transaction(1))
    ledger.chain.see(replace(CONTRACT, tokens=5))
    ledger.chain.add_request(a_request(CashOut(ACCOUNT.worker_contract, 5)))
    with closing(sqlite3.connect(path)) as stranger, pytest.raises(sqlite3.IntegrityError):
        stranger.execute(statement)


def earn(ledger: Ledger, *amounts: int) -> None:
    """A job of that many tokens in each hour from noon on, all confirmed."""
    for hour, tokens in enumerate(amounts):
        ledger.book_job(finished(request_id=f"{hour:064x}", finished_at=NOON + timedelta(hours=hour)))
        ledger.confirm(PROXY, f"{hour:064x}", tokens, NOON)


@pytest.mark.parametrize("shift_seconds", [0, 7])  # from the sums, and from the jobs themselves
def test_payments_cover_the_oldest_earnings_first(ledger: Ledger, shift_seconds: int) -> None:
    ledger.open_account(ACCOUNT)
    earn(ledger, 60, 50, 40)
    ledger.add_payment(payment(100))
    ledger.add_payment(payment(120))
    keep(ledger, a_transaction(1, amount=70 * 20, kind=TransactionKind.PAYOUT))
    steps = ledger.earnings(edges(NOON - timedelta(seconds=shift_seconds), 3600, 3))
    assert [(step.earned, step.payable, step.paid) for step in steps] == [
        (60 * 20, 60 * 20, 60 * 20),
        (50 * 20, 50 * 20, 10 * 20),
        (40 * 20, 10 * 20, 0),
    ]
    assert [step.payouts for step in steps] == [70 * 20, 0, 0]
    (last,) = ledger.earnings(edges(NOON + timedelta(hours=2, seconds=-shift_seconds), 3600, 1))
    assert last.payable == 10 * 20, "what is older than the chart is covered before it"


def test_what_another_computer_earned_covers_no_bar_of_this_one(ledger: Ledger) -> None:
    """A new computer finds old payouts on the chain and larger counters at the proxy, and no jobs for either."""
    old = replace(CONTRACT, worker_contract="0:" + "0d" * 32, tokens=500)
    ledger.chain.see(old)
    keep(ledger, a_transaction(1, amount=500 * 20, kind=TransactionKind.PAYOUT))
    ledger.open_account(ACCOUNT)
    ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=300, max_known=350)
    ledger.add_payment(payment(300))
    earn(ledger, 50)
    (noon,) = ledger.earnings(edges(NOON, 3600, 1))
    assert (noon.earned, noon.payable, noon.paid) == (50 * 20, 0, 0)
    ledger.add_payment(payment(320))
    assert ledger.earnings(edges(NOON, 3600, 1))[0].payable == 20 * 20


@given(st.lists(st.integers(0, 10**12), max_size=40), st.integers(0, 10**13), st.integers(0, 10**13))
def test_no_nanoton_is_covered_twice_or_forgotten(amounts: list[int], before: int, total: int) -> None:
    parts = covered(amounts, before, total)
    assert all(0 <= part <= amount for part, amount in zip(parts, amounts, strict=True))
    assert sum(parts) == min(sum(amounts), max(0, total - before))
    assert covered(amounts, before, total + 1) >= parts


def test_an_older_ledger_takes_its_jobs_into_the_account(path: Path, clock: SettableClock) -> None:
    """As a Mulberry before TON left it."""
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        for number, tokens in ((1, 134), (2, 100)):
            row = (number, f"{number:064x}", PROXY, "mulberry/tiny-lm", "done", "", 0, None, 0, 34, 100, tokens, 20)
            old.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - as many marks as values
        old.execute("INSERT INTO confirmations VALUES (1, 130, 0)")
        old.commit()
    with closing(open_ledger(path, clock)) as ledger:
        ledger.book_job(finished(request_id="ff" * 32, adjusted=6))
        ledger.confirm(PROXY, "ff" * 32, 6, NOON)
        assert [job.coefficient for job in ledger.jobs(1, 2)] == [None, None]  # nobody noted it then
        (tally,) = ledger.chain.tallies()
        assert (tally.counted, tally.answered, tally.confirmed) == (240 * 20, 140 * 20, 136 * 20)


def test_the_account_of_all_follows_money_from_the_job_to_the_chain(ledger: Ledger) -> None:
    ledger.open_account(ACCOUNT)
    ledger.book_job(finished(request_id="ab" * 32, adjusted=10))
    ledger.confirm(PROXY, "ab" * 32, 10, NOON)
    ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=10, max_known=10)
    ledger.add_payment(payment(10))
    in_flight = {CashOut(ACCOUNT.worker_contract, 10)}
    texts = [line.text for line in reconciliation(ledger, in_flight, NOON).differences]
    assert texts[1:] == ["Handed to the chain, which does not show it yet."]
    ledger.chain.see(replace(CONTRACT, tokens=10))
    assert not reconciliation(ledger, set(), NOON).is_settled
    keep(ledger, a_transaction(1, amount=200))
    ledger.chain.see(CONTRACT)
    told = reconciliation(ledger, set(), NOON)
    assert told.is_settled and told.counted == told.earned == told.payable == told.paid == 200
    ledger.chain.open_gap(Gap(OWNER, 99, bytes(32), 1))
    assert not reconciliation(ledger, set(), NOON).is_settled
