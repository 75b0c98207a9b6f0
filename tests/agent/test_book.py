"""The book believes no proxy: a lie about contracts, keys, payments or counters ends the session and loses nothing."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from agent_workshop import DEMO
from conftest import SettableClock
from mulberry.agent.book import REFUSED_LIMIT, ProxyBook
from mulberry.agent.ledger import LARGEST_CONFIRMATION, open_ledger
from mulberry.agent.till import WORD_SECONDS, Till
from mulberry.cocoon.messages import ProxyParams
from mulberry.cocoon.seams import BookFull, ProxyDistrusted, Served
from mulberry.cocoon.usage import Adjusted, Counted
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.node import ReasonKind
from mulberry.model.payments import SignedPayment
from mulberry.ton.address import Address, parse_address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from mulberry.ton.payment import build_payment

KEY = SigningKey(b"\x01" * 32)
OWNER = parse_address(DEMO.owner_address)
PROXY_OWNER = Address(b"\x22" * 32)
PARAMETERS = DEMO.root_parameters()


def told(key: SigningKey = KEY, owner: Address = PROXY_OWNER, price: int = 24_000) -> tuple[ProxyParams, str]:
    """What a proxy of `key` and `owner` says of itself and of our contract."""
    assert DEMO.chain is not None
    parameters = DEMO.model_copy(update={"chain": DEMO.chain.model_copy(update={"price_per_token": price})})
    root = parameters.root_parameters()
    public = bytes(key.verify_key)
    proxy_contract = proxy_contract_address(root, public, owner)
    ours = worker_contract_address(root, public, proxy_contract, OWNER)
    return ProxyParams(public, owner.friendly(), proxy_contract.friendly(), True, 2), ours.friendly()


def pay(tokens: int, key: SigningKey = KEY, contract: str = "") -> bytes:
    address = parse_address(contract or told()[1])
    return build_payment(key, query_id=1, excess_address=PROXY_OWNER, worker_contract=address, tokens=tokens)


def served(number: int, clock: SettableClock, *, adjusted: int = 10) -> Served:
    now = clock.now()
    return Served(
        request_id=number.to_bytes(32, "big"),
        outcome=JobOutcome.DONE,
        error="",
        received_at=now,
        first_answer_at=now,
        finished_at=now + timedelta(seconds=1),
        counted=Counted(prompt=4, completion=6),
        adjusted=Adjusted(prompt=4, completion=adjusted - 4),
    )


@pytest.fixture
def till(tmp_path: Path, clock: SettableClock) -> Iterator[Till]:
    ledger = open_ledger(tmp_path / "ledger.sqlite3", clock)
    yield Till(ledger, clock)
    ledger.close()


async def turn() -> None:
    """A job is written at the end of a turn of the event loop."""
    await asyncio.sleep(0)


async def word() -> None:
    """A proxy's word is written a little later."""
    await asyncio.sleep(2 * WORD_SECONDS)


class Told:
    """What the book said of one request: one answer, None when it is safe."""

    def __init__(self) -> None:
        self.answers: list[Exception | None] = []

    def __call__(self, problem: Exception | None) -> None:
        self.answers.append(problem)


def open_book(till: Till, clock: SettableClock) -> ProxyBook:
    return ProxyBook(till, name="demo proxy 1", model=DEMO.model, owner=OWNER, parameters=PARAMETERS, clock=clock)


@pytest.fixture
def book(till: Till, clock: SettableClock) -> ProxyBook:
    book = open_book(till, clock)
    book.meet(*told())
    return book


async def test_a_proxy_is_met_and_met_again(book: ProxyBook, till: Till, clock: SettableClock) -> None:
    book.take_counters(30, 40)
    await turn()
    book.take_payment(pay(20))
    again = open_book(till, clock)
    again.meet(*told())
    counters = again.counters()
    assert (counters.committed_to_blockchain, counters.committed_to_db, counters.max_known) == (20, 30, 40)


@pytest.mark.parametrize(
    "lie",
    [
        (told()[0], told(key=SigningKey(b"\x02" * 32))[1]),  # somebody else's contract with us
        (told(owner=Address(b"\x33" * 32))[0], told()[1]),
        (told(price=48)[0], told(price=48)[1]),  # contracts of other prices than the network's
        (told()[0], "not an address"),
        (told()[0], ""),
        (ProxyParams(bytes(KEY.verify_key), "EQ" + "A" * 5000, "x", True, 2), told()[1]),
    ],
)
def test_contracts_that_are_not_the_ones_we_compute_are_distrusted(
    till: Till, clock: SettableClock, lie: tuple[ProxyParams, str]
) -> None:
    with pytest.raises(ProxyDistrusted):
        open_book(till, clock).meet(*lie)
    assert till.ledger.accounts() == []


def test_a_proxy_of_another_root_contract_is_told_apart_from_one_of_other_prices(
    till: Till, clock: SettableClock
) -> None:
    """On a test network without a chain, where the root contract lies is the one thing that no file says."""
    public = bytes(KEY.verify_key)
    elsewhere = proxy_contract_address(replace(PARAMETERS, root_address=Address(b"\x44" * 32).raw), public, PROXY_OWNER)
    ours = worker_contract_address(PARAMETERS, public, elsewhere, OWNER)
    params = ProxyParams(public, PROXY_OWNER.friendly(), elsewhere.friendly(), True, 2)
    with pytest.raises(ProxyDistrusted, match=r"another root contract.*--root-contract"):
        open_book(till, clock).meet(params, ours.friendly())
    with pytest.raises(ProxyDistrusted, match="of this network's prices"):
        open_book(till, clock).meet(*told(price=48))


@pytest.mark.parametrize("other", [told(key=SigningKey(b"\x02" * 32)), told(owner=Address(b"\x33" * 32))])
def test_a_proxy_that_became_another_one_is_distrusted(
    book: ProxyBook, till: Till, clock: SettableClock, other: tuple[ProxyParams, str]
) -> None:
    with pytest.raises(ProxyDistrusted, match="changed"):
        open_book(till, clock).meet(*other)


@pytest.mark.parametrize(
    ("boc", "why"),
    [
        (b"", "not well formed"),
        (b"\x00" * 2000, "not well formed"),
        (pay(10, key=SigningKey(b"\x02" * 32)), "signature"),
        (pay(10, contract="0:" + "77" * 32), "contract"),
        (pay(2**63), "more tokens than can be"),
        (pay(4), "4 tokens after 5"),
    ],
)
def test_a_payment_that_is_none_is_distrusted_and_the_one_we_hold_stays(
    book: ProxyBook, till: Till, boc: bytes, why: str
) -> None:
    book.take_payment(pay(5))
    with pytest.raises(ProxyDistrusted, match=why):
        book.take_payment(boc)
    held = till.ledger.newest_payment(book.worker_contract)
    assert held is not None and held.boc == pay(5)


def test_the_same_payment_again_is_nothing_new(book: ProxyBook, till: Till) -> None:
    for _ in range(3):
        book.take_payment(pay(5))
    (account,) = till.ledger.accounts()
    assert account.payable == 5 * 20_000


@pytest.mark.virtual_time
async def test_counters_that_fell_leave_ours_as_they_were(book: ProxyBook) -> None:
    book.take_counters(10, 20)
    await word()
    book.take_counters(10, 15)  # the proxy lost what it had not saved; it said 20 once
    await word()
    assert book.counters().max_known == 20


@pytest.mark.parametrize("tokens", [-1, LARGEST_CONFIRMATION + 1, 2**63 - 1])
async def test_a_job_worth_nonsense_is_distrusted(book: ProxyBook, clock: SettableClock, tokens: int) -> None:
    book.book(served(1, clock), Told())
    await turn()
    with pytest.raises(ProxyDistrusted, match="worth"):
        book.confirm(served(1, clock).request_id, tokens)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("tokens", "is_said"), [(5, True), (0, False)], ids=["strange", "of a request not taken"])
async def test_a_confirmation_of_nothing_we_know_is_no_money(
    book: ProxyBook,
    till: Till,
    clock: SettableClock,
    caplog: pytest.LogCaptureFixture,
    tokens: int,
    is_said: bool,
) -> None:
    book.confirm(b"\x09" * 32, tokens)
    await word()
    assert till.ledger.totals(clock.now()).today == 0
    assert ("no such job" in caplog.text) == is_said


async def test_a_proxy_that_confirms_less_than_we_counted_is_told_on(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    for number, tokens in ((1, 10), (2, 7), (3, 9)):
        book.book(served(number, clock), Told())
        book.confirm(served(number, clock).request_id, tokens)
    await turn()
    (reason,) = till.reasons()
    assert reason.kind is ReasonKind.UNDERPAID
    assert "2 jobs" in reason.evidence and "4 in all" in reason.evidence
    assert not reason.stops_work


async def test_a_full_disk_loses_no_job_no_confirmation_and_no_payment(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    seen: list[Job | None] = []
    till.on_change = seen.append
    execute = till.ledger._connection.execute
    execute(f"PRAGMA max_page_count = {execute('PRAGMA page_count').fetchone()[0]}")
    number = 0
    while not till.full:
        number += 1
        told = Told()
        book.book(served(number, clock), told)
        await turn()
        (problem,) = told.answers
        assert (isinstance(problem, BookFull) and "full" in str(problem)) == till.full
    book.confirm(served(number, clock).request_id, 10)
    book.take_payment(pay(10))
    book.take_counters(10, 10)
    await turn()
    assert till.ledger.newest_job() == number - 1
    assert book.counters().committed_to_blockchain == 0, "a payment that is not on disk does not count"
    assert [reason.kind for reason in till.reasons()] == [ReasonKind.DISK_FULL]
    assert not till.try_again()
    execute("PRAGMA max_page_count = 100000")
    assert till.try_again()
    (job,) = till.ledger.jobs(number, number)
    assert job.confirmed_tokens == 10
    assert book.counters().committed_to_blockchain == 10
    assert till.reasons() == ()
    assert seen[-1] is None, "nobody was told that work may go on"


async def test_what_comes_in_one_turn_is_one_transaction_and_nobody_hears_of_it_before(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    statements: list[str] = []
    till.ledger._connection.set_trace_callback(statements.append)
    heard: list[tuple[int, bool]] = []
    for number in range(1, 4):
        book.book(served(number, clock), lambda _: heard.append((len(statements), statements[-1] == "COMMIT")))
        book.take_counters(number, 2 * number)
    assert statements == []
    await turn()
    assert statements.count("COMMIT") == 1
    assert heard == [(len(statements), True)] * 3
    assert (till.ledger.newest_job(), book.counters().max_known) == (3, 6)


async def test_a_bug_that_keeps_a_job_off_the_book_is_told_and_reported(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    till.ledger._connection.execute("DROP TABLE slots")
    told = Told()
    book.book(served(1, clock), told)
    await turn()
    assert told.answers == [reported[0]["exception"]] and not isinstance(told.answers[0], BookFull)


def test_a_payment_among_others_is_on_disk_like_a_payment_alone(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    statements: list[str] = []
    till.ledger._connection.set_trace_callback(statements.append)
    book.take_payment(pay(5))
    assert "PRAGMA synchronous = FULL" in statements[: statements.index("COMMIT")]
    with pytest.raises(RuntimeError, match="on disk"), till.ledger.together():
        till.ledger.add_payment(SignedPayment(KEY.verify_key.encode().hex(), book.worker_contract, 6, b"", clock.now()))


@pytest.mark.virtual_time
async def test_a_proxys_word_goes_with_the_next_job_or_a_little_later(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    commits: list[str] = []
    till.ledger._connection.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)
    for number in (1, 2, 3):
        book.book(served(number, clock), Told())
        await turn()
        book.confirm(served(number, clock).request_id, 10)
        book.take_counters(number, 10 * number)
        await turn()
    assert len(commits) == 3
    assert [job.confirmed_tokens for job in till.ledger.jobs(1, 3)] == [10, 10, None]
    await word()
    assert len(commits) == 4
    assert till.ledger.jobs(3, 3)[0].confirmed_tokens == 10
    assert book.counters().max_known == 30


async def test_what_waits_at_the_end_is_written(book: ProxyBook, till: Till) -> None:
    book.take_counters(1, 2)
    till.flush()
    assert book.counters().max_known == 2


async def test_refused_requests_without_end_do_not_grow_the_ledger(
    book: ProxyBook, till: Till, clock: SettableClock
) -> None:
    told = Told()
    refused = replace(served(0, clock), outcome=JobOutcome.REFUSED, counted=Counted(), adjusted=Adjusted())
    for number in range(REFUSED_LIMIT + 50):
        book.book(replace(refused, request_id=number.to_bytes(32, "big")), told)
    await turn()
    assert told.answers == [None] * (REFUSED_LIMIT + 50)
    assert till.ledger.newest_job() == REFUSED_LIMIT
    book.book(served(1000, clock), told)
    clock.pass_time(seconds=3600)
    book.book(replace(refused, request_id=b"\x09" * 32), told)
    await turn()
    assert till.ledger.newest_job() == REFUSED_LIMIT + 2
