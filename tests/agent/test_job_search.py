"""Whoever looks for a job among millions must find exactly it, in the order asked for, without holding up work."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import SettableClock
from jobs_by_hand import found_by_hand
from ledger_entries import ACCOUNT, NOON, PROXY, finished, payment
from mulberry.agent import job_search
from mulberry.agent.history_rows import SeenContract
from mulberry.agent.job_search import JobSearch
from mulberry.agent.ledger import Finished, Ledger, open_ledger
from mulberry.agent.ledger_schema import MIGRATIONS, STRETCH
from mulberry.model.clock import SystemClock
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import JobOutcome, ProxyWord
from mulberry.model.jobs_question import JobOrder, JobsQuestion, JobsWish
from mulberry.model.money import Nanoton

OTHER_PROXY = "77" * 32
JOBS = 40


def a_mixed_ledger(path: Path, clock: SettableClock) -> Ledger:
    """Jobs of two proxies and models with every outcome and every word of the proxy."""
    ledger = open_ledger(path, clock)
    for number in range(1, JOBS + 1):
        outcome = list(JobOutcome)[number % 4] if number % 3 == 0 else JobOutcome.DONE
        job = replace(
            finished(f"{number * 7919:064x}", adjusted=100 + number % 7, fee=20 + number % 2),
            proxy=PROXY if number % 5 else OTHER_PROXY,
            model="mulberry/tiny-lm" if number % 2 else "Qwen/Qwen3-32B",
            outcome=outcome,
            prompt_tokens=number % 11,
            received_at=NOON + timedelta(minutes=number),
            finished_at=NOON + timedelta(minutes=number, milliseconds=number * 37 % 500),
        )
        ledger.book_job(job)
        if number % 4:
            ledger.confirm(job.proxy, job.request_id, 100 + number % 6, NOON)
    return ledger


@pytest.fixture
def ledger(tmp_path: Path, clock: SettableClock) -> Iterator[Ledger]:
    with closing(a_mixed_ledger(tmp_path / "ledger.sqlite3", clock)) as made:
        yield made


@pytest.fixture
def search(ledger: Ledger) -> Iterator[JobSearch]:
    with closing(JobSearch(ledger.path)) as made:
        yield made


QUESTIONS = st.builds(
    JobsQuestion,
    text=st.sampled_from(["", "0", "1f", "1F", "%", "' OR 1=1 --"]),
    model=st.sampled_from(["", "Qwen/Qwen3-32B", "nobody's"]),
    proxy=st.sampled_from(["", PROXY, OTHER_PROXY]),
    outcome=st.none() | st.sampled_from(JobOutcome),
    word=st.none() | st.sampled_from(ProxyWord),
    since=st.none() | st.just(NOON + timedelta(minutes=9)),
    until=st.none() | st.just(NOON + timedelta(minutes=30)),
    upto=st.none() | st.integers(0, JOBS + 5),
    order=st.sampled_from(JobOrder),
    is_descending=st.booleans(),
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=QUESTIONS, offset=st.integers(0, 12))
async def test_what_is_found_is_what_python_would_find(
    ledger: Ledger, search: JobSearch, question: JobsQuestion, offset: int
) -> None:
    jobs = ledger.jobs(1, JOBS)
    first, page = JobsWish(question, 0, 10, is_whole=False), JobsWish(question, offset, 10)
    assert (await search.find(first)).jobs == found_by_hand(jobs, first).jobs
    assert await search.find(page) == found_by_hand(jobs, page)


def jobs_of_many_stretches() -> Iterator[tuple[Finished, int]]:
    """Each with the proxy's word. In the first stretch, what counted most is worth nothing, so that what is kept of the
    stretch promises too much; in the fourth some are worth more than was counted; in the fifth all failed."""
    drawn = random.Random(7)
    for number in range(1, 5 * STRETCH):
        stretch, is_special = number // STRETCH, number % 40 == 0
        counted = 200 if stretch == 0 and is_special else drawn.randrange(1, 50) + 900 * (stretch == 4)
        job = replace(
            finished(f"{number:064x}", adjusted=counted, fee=drawn.choice((20, 21))),
            outcome=JobOutcome.FAILED if stretch == 4 else JobOutcome.DONE,
            prompt_tokens=drawn.randrange(300),
            received_at=NOON - timedelta(milliseconds=drawn.randrange(100)),
        )
        yield job, {0: 0, 3: counted + 500}.get(stretch, counted) if is_special else counted


def book_all(ledger: Ledger) -> None:
    with ledger.together():
        for job, word in jobs_of_many_stretches():
            ledger.book_job(job)
            ledger.confirm(job.proxy, job.request_id, word, NOON)


@pytest.fixture(scope="module")
def long_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with closing(open_ledger(tmp_path_factory.mktemp("long") / "ledger.sqlite3", SystemClock())) as made:
        book_all(made)
        yield made


@pytest.mark.parametrize("order", [JobOrder.EARNED, JobOrder.TOKENS, JobOrder.LATENCY])
@pytest.mark.parametrize("is_descending", [True, False])
@pytest.mark.parametrize("upto", [None, 2 * STRETCH + 5])
def test_the_first_page_is_the_same_whichever_stretches_are_read(
    long_ledger: Ledger, order: JobOrder, is_descending: bool, upto: int | None
) -> None:
    jobs = long_ledger.jobs(1, 5 * STRETCH)
    with closing(JobSearch(long_ledger.path)) as search:
        for limit in (1, 2, 3, 50, 1000):
            question = JobsQuestion(order=order, is_descending=is_descending, upto=upto)
            wish = JobsWish(question, 0, limit, is_whole=False)
            assert search._reader.find(wish).jobs == found_by_hand(jobs, wish).jobs


async def test_jobs_that_earned_the_same_come_in_their_order_whichever_stretch_is_read_first(
    tmp_path: Path, clock: SettableClock
) -> None:
    with closing(open_ledger(tmp_path / "same.sqlite3", clock)) as ledger, closing(JobSearch(ledger.path)) as search:
        with ledger.together():
            for number in range(1, 2 * STRETCH):
                ledger.book_job(finished(f"{number:064x}", adjusted={1: 99, 200: 1}.get(number, 10)))
            for number in (1, 200):  # not worth what was counted
                ledger.confirm(PROXY, f"{number:064x}", 10, NOON)
        for is_descending, number in ((True, 2 * STRETCH - 1), (False, 1)):
            question = JobsQuestion(order=JobOrder.EARNED, is_descending=is_descending)
            first = await search.find(JobsWish(question, 0, 1, is_whole=False))
            assert [job.number for job in first.jobs] == [number]


def earned_in_stretches(ledger: Ledger) -> list[tuple[int, int, int]]:
    """Of each stretch its number, and the least and the most that a job of it earned."""
    found: dict[int, list[int]] = {}
    for job in ledger.jobs(1, 5 * STRETCH):
        found.setdefault(job.number // STRETCH, []).append(int(job.earned))
    return [(stretch, min(earned), max(earned)) for stretch, earned in found.items()]


KEPT = "SELECT stretch, least_earned, most_earned FROM extremes ORDER BY stretch"


def test_what_is_kept_of_a_stretch_is_never_narrower_than_its_jobs(long_ledger: Ledger) -> None:
    kept = long_ledger._connection.execute(KEPT).fetchall()
    for (stretch, least, most), found in zip(kept, earned_in_stretches(long_ledger), strict=True):
        assert (stretch, min(least, found[1]), max(most, found[2])) == (found[0], least, most)


def test_a_ledger_of_before_has_its_jobs_looked_through_once(tmp_path: Path, clock: SettableClock) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(open_ledger(path, clock)) as ledger:
        book_all(ledger)
    with closing(sqlite3.connect(path)) as old:
        old.executescript("DROP TRIGGER a_booked_job_moves_extremes; DROP TRIGGER a_confirmed_job_moves_extremes;")
        old.executescript(f"DROP TABLE extremes; PRAGMA user_version = {len(MIGRATIONS) - 1};")
    with closing(open_ledger(path, clock)) as ledger:
        assert ledger._connection.execute(KEPT).fetchall() == earned_in_stretches(ledger)
        ledger.book_job(finished("ff" * 32))
        assert len(ledger._connection.execute(KEPT).fetchall()) == 6


async def test_a_job_that_is_worth_more_than_any_integer_is_booked_and_comes_first(
    ledger: Ledger, search: JobSearch
) -> None:
    job = ledger.book_job(finished("ee" * 32, adjusted=2**40, fee=2**40))
    first = await search.find(JobsWish(JobsQuestion(order=JobOrder.EARNED), 0, 1, is_whole=False))
    assert first.jobs == (job,)


async def test_the_first_page_comes_before_the_jobs_are_counted(search: JobSearch) -> None:
    question = JobsQuestion(order=JobOrder.EARNED)
    first = await search.find(JobsWish(question, 0, 5, is_whole=False))
    assert first.total is None and len(first.jobs) == 5
    assert (await search.find(JobsWish(question, 5, 5))).total == JOBS
    assert (await search.find(JobsWish(question, 0, 5, is_whole=False))).total == JOBS  # it is known now


async def test_jobs_that_come_meanwhile_move_nothing(ledger: Ledger, search: JobSearch) -> None:
    question = JobsQuestion(upto=JOBS, order=JobOrder.TOKENS)
    before = await search.find(JobsWish(question))
    ledger.book_job(replace(finished("ff" * 32), prompt_tokens=10**6))
    assert await search.find(JobsWish(question)) == before
    other = await search.find(JobsWish(replace(question, is_descending=False), 0, 3, is_whole=False))
    assert all(job.number <= JOBS for job in other.jobs)


async def test_a_search_that_is_looked_through_stays_while_another_is_saved(search: JobSearch) -> None:
    looked, saved = JobsQuestion(order=JobOrder.LATENCY), JobsQuestion(order=JobOrder.MODEL)
    pages = [await search.find(JobsWish(looked if turn % 2 else saved, turn * 2, 2)) for turn in range(10)]
    assert all(page.total == JOBS for page in pages)
    third = await search.find(JobsWish(JobsQuestion(order=JobOrder.PROXY), 0, 2))
    assert third.total == JOBS


@pytest.mark.parametrize(
    "wish",
    [
        JobsWish(JobsQuestion(), offset=-1),
        JobsWish(JobsQuestion(), limit=0),
        JobsWish(JobsQuestion(), limit=1001),
        JobsWish(JobsQuestion(text="f" * 65)),
        JobsWish(JobsQuestion(model="m" * 1001)),
        JobsWish(JobsQuestion(upto=2**63)),
        JobsWish(JobsQuestion(since=NOON.replace(tzinfo=None))),
    ],
)
async def test_a_wish_beyond_its_bounds_is_refused(search: JobSearch, wish: JobsWish) -> None:
    with pytest.raises(ValueError, match=r"jobs|job's|long|zone"):
        await search.find(wish)


async def test_a_search_that_takes_too_long_ends_in_words(search: JobSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_search, "LONGEST_SECONDS", -1.0)
    monkeypatch.setattr(job_search, "STEPS_BETWEEN_LOOKS", 1)
    with pytest.raises(UserFacingError, match="not searched to the end"):
        await search.find(JobsWish(JobsQuestion(order=JobOrder.TOKENS)))
    monkeypatch.setattr(job_search, "LONGEST_SECONDS", 60.0)
    assert (await search.find(JobsWish(JobsQuestion(order=JobOrder.TOKENS)))).total == JOBS


async def test_the_search_cannot_write(ledger: Ledger, search: JobSearch) -> None:
    await search.choices()
    connection = search._reader._connection
    assert connection is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO proxies VALUES ('a', 'b', 'c', 0)")


async def test_choices_are_what_occurs(search: JobSearch) -> None:
    choices = await search.choices()
    assert choices.models == ("Qwen/Qwen3-32B", "mulberry/tiny-lm")
    assert choices.proxies == tuple(sorted((PROXY, OTHER_PROXY)))


async def test_a_model_that_comes_later_becomes_a_choice(ledger: Ledger, search: JobSearch) -> None:
    before = await search.choices()
    ledger.book_job(replace(finished("ff" * 32), model="a/newer-one"))
    assert (await search.choices()).models == ("Qwen/Qwen3-32B", "a/newer-one", "mulberry/tiny-lm")
    assert len(before.models) == 2


async def test_the_whole_of_an_id_finds_its_job_by_the_index(ledger: Ledger, search: JobSearch) -> None:
    (job,) = ledger.jobs(5, 5)
    whole = JobsQuestion(text=job.request_id.upper())
    assert (await search.find(JobsWish(whole))).jobs == (job,)
    rest, values = job_search._sql(whole)
    plan = ledger._connection.execute(f"EXPLAIN QUERY PLAN SELECT jobs.number {rest}", values).fetchall()
    assert "jobs_by_request" in plan[0][3]


async def test_a_payment_covers_the_oldest_jobs_first(tmp_path: Path, clock: SettableClock) -> None:
    with closing(open_ledger(tmp_path / "paid.sqlite3", clock)) as ledger, closing(JobSearch(ledger.path)) as search:
        ledger.open_account(ACCOUNT)
        for number in range(1, 6):
            ledger.book_job(finished(f"{number:064x}", adjusted=10))
            if number < 5:
                ledger.confirm(PROXY, f"{number:064x}", 10, NOON)
        ledger.grow_counters(ACCOUNT.worker_contract, committed_to_db=100, max_known=140)  # 100 before this ledger
        for tokens in (110, 125):
            ledger.add_payment(payment(tokens))
        ledger.chain.see(
            SeenContract(ACCOUNT.worker_contract, PROXY, ACCOUNT.proxy_contract, Nanoton(20), 110, True, NOON)
        )
        told = [await search.details(number) for number in range(1, 7)]
        covering = [one.covering and (one.covering.tokens, one.covering.is_on_chain) for one in told if one]
        assert covering == [(110, True), (125, False), None, None, None]
        assert told[5] is None


async def test_after_the_end_nothing_is_searched(search: JobSearch) -> None:
    search.close()
    with pytest.raises(UserFacingError):
        await search.choices()
