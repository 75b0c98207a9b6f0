"""Whatever a proxy claims about money: what it signed stays ours, what it did not sign is never more than a promise."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from conftest import SettableClock
from hostile_proxy import HostileProxy
from mulberry.cocoon.asked_price import FORMER_PRICE_SECONDS
from mulberry.cocoon.dues import PAYMENTS_LIMIT
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    PaymentStatus,
    SignedPayment,
    SignedPaymentEmpty,
    UpdatePaymentStatus,
    WorkerRequestPayment,
)
from mulberry.model.jobs import JobOutcome
from mulberry.model.node import ProxyState
from mulberry.ton.address import Address
from mulberry.ton.payment import build_payment
from paying_proxy import PROXY_OWNER
from small_proxy import IDENTITY, Stepwise, request_id, run_query
from worker_at_work import EARNING, FEE, TOKENS, AtWork, working_for

pytestmark = pytest.mark.virtual_time
LARGEST = 2**63 - 1


@pytest.fixture
def hostile() -> HostileProxy:
    return HostileProxy()


@pytest.fixture
def neighbour() -> HostileProxy:
    return HostileProxy(key=6)


def payment(proxy: HostileProxy, tokens: int, *, key: SigningKey | None = None, to: Address | None = None) -> bytes:
    return build_payment(
        key or proxy.key,
        query_id=1,
        excess_address=PROXY_OWNER,
        worker_contract=to or proxy.worker_contract,
        tokens=tokens,
    )


BROKEN: dict[str, tuple[Callable[[HostileProxy], bytes], str]] = {
    "another key": (lambda proxy: payment(proxy, 90, key=SigningKey(bytes(32))), "a payment with a wrong signature"),
    "another contract": (lambda proxy: payment(proxy, 90, to=PROXY_OWNER), "a payment for somebody else's contract"),
    "fewer tokens": (lambda proxy: payment(proxy, 69), "it signed for 69 tokens after 70"),
    "no tokens": (lambda proxy: payment(proxy, 0), "it signed for 0 tokens after 70"),
    "too many tokens": (lambda proxy: payment(proxy, 2**64 - 1), "it signed for more tokens than can be"),
    "nothing": (lambda proxy: b"", "a payment that is not well formed"),
    "cut": (lambda proxy: payment(proxy, 90)[:-1], "a payment that is not well formed"),
    "a byte more": (lambda proxy: payment(proxy, 90) + b"\0", "a payment that is not well formed"),
    "junk": (lambda proxy: b"\xb5\xee\x9c\x72" + b"\xff" * 200, "a payment that is not well formed"),
}


def sends(message: Callable[[SignedPayment], Any]) -> Callable[[HostileProxy, SignedPayment], None]:
    return lambda proxy, signed: proxy.send(message(signed))


def in_the_status(proxy: HostileProxy, signed: SignedPayment) -> None:
    proxy.answers[UpdatePaymentStatus] = PaymentStatus(signed, 70, 70)


def in_the_next_handshake(proxy: HostileProxy, signed: SignedPayment) -> None:
    proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(signed, 70, 70, 0)
    proxy.door.transport.close()


PLACES: dict[str, Callable[[HostileProxy, SignedPayment], None]] = {
    "alone": sends(lambda signed: signed),
    "with a request": sends(lambda signed: run_query(5, signed_payment=signed)),
    "with a word on a job": sends(lambda signed: WorkerRequestPayment(request_id(1), signed, 70, 70, 7, "")),
    "in the status": in_the_status,
    "in the handshake": in_the_next_handshake,
}


async def signs_and_is_believed(work: AtWork, proxy: HostileProxy, tokens: int = 70) -> None:
    await work.until_connected()
    proxy.answers[UpdatePaymentStatus] = PaymentStatus(SignedPaymentEmpty(), tokens, tokens)
    proxy.send(WorkerRequestPayment(request_id(1), SignedPaymentEmpty(), tokens, tokens, 7, ""))
    proxy.sign(tokens)
    proxy.remembers(tokens, tokens)
    await work.until(lambda: work.ledger.totals(work.clock.now()).payable == tokens * FEE)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize(("broken", "words"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_payment_that_is_none_puts_the_proxy_aside_and_the_good_one_stays(
    broken: Callable[[HostileProxy], bytes],
    words: str,
    place: Callable[[HostileProxy, SignedPayment], None],
    hostile: HostileProxy,
    neighbour: HostileProxy,
    tmp_path: Path,
    clock: SettableClock,
) -> None:
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await signs_and_is_believed(work, hostile)
        good = work.ledger.newest_payment(work.link.worker_contract)
        place(hostile, SignedPayment(broken(hostile)))
        await work.until_told(words)
        assert work.told.startswith("Mulberry does not work for the proxy ")
        assert work.link.state is ProxyState.PUT_ASIDE
        assert work.ledger.newest_payment(work.link.worker_contract) == good
        assert work.ledger.newest_job() == 0, "no work for who cannot pay"
        assert work.ledger.totals(clock.now()).payable == 70 * FEE
        await work.still_serves(neighbour, work.links[1])


@pytest.mark.parametrize(
    ("db_tokens", "max_tokens", "words"),
    [
        (69, 90, "the proxy's counters went back"),
        (70, 69, "the proxy's counters went back"),
        (-LARGEST - 1, -LARGEST - 1, "the proxy's counters went back"),
        (90, 80, "the proxy's counters contradict one another"),
        (LARGEST, 90, "the proxy's counters contradict one another"),
    ],
)
@pytest.mark.parametrize("is_asked", [False, True], ids=["with a job", "in the status"])
async def test_counters_that_fall_or_contradict_end_the_session_and_take_nothing_away(
    db_tokens: int,
    max_tokens: int,
    words: str,
    is_asked: bool,
    hostile: HostileProxy,
    neighbour: HostileProxy,
    tmp_path: Path,
    clock: SettableClock,
) -> None:
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await signs_and_is_believed(work, hostile)
        if is_asked:
            hostile.answers[UpdatePaymentStatus] = PaymentStatus(hostile.signed, db_tokens, max_tokens)
        else:
            hostile.send(WorkerRequestPayment(request_id(1), hostile.signed, db_tokens, max_tokens, 7, ""))
        await work.until_told(words)
        totals = work.ledger.totals(clock.now())
        assert (totals.earned, totals.payable) == (70 * FEE, 70 * FEE)
        await work.still_serves(neighbour, work.links[1])


async def test_a_proxy_that_falls_back_again_and_again_is_dialled_less_and_less(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await signs_and_is_believed(work, hostile)
        hostile.answers[UpdatePaymentStatus] = PaymentStatus(hostile.signed, 1, 1)
        await asyncio.sleep(3600)
        assert len(hostile.doors) < 3600 / 10
        hostile.remembers(1, 1)
        await work.until_told("the proxy remembers less than it had saved, so it was set back")
        assert work.link.state is ProxyState.PUT_ASIDE


async def test_the_largest_numbers_there_are_are_only_numbers(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """In nanoton they are more than 64 bits can hold."""
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        hostile.send(WorkerRequestPayment(request_id(1), SignedPaymentEmpty(), LARGEST, LARGEST, 0, ""))
        hostile.answers[UpdatePaymentStatus] = PaymentStatus(SignedPaymentEmpty(), LARGEST, LARGEST)
        await work.until(lambda: work.ledger.totals(clock.now()).earned == LARGEST * FEE)
        assert work.ledger.totals(clock.now()).payable == 0
        hostile.send(SignedPayment(payment(hostile, LARGEST)))
        await work.until(lambda: work.ledger.totals(clock.now()).payable == LARGEST * FEE)
        await asyncio.sleep(60)
        await work.still_serves(hostile, work.link)


async def test_ten_thousand_good_payments_hold_nobody_up_and_the_newest_taken_is_kept(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """Each is forced to the disk: all of them in one piece would stop the loop for half a minute."""
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        flood = [payment(hostile, tokens) for tokens in range(1, 201)]
        for number in range(10_000):
            hostile.send(SignedPayment(flood[number % 200]))
        await work.still_serves(neighbour, work.links[1])
        await work.until_told("the other side broke the protocol: more than 30 new payments in 10 seconds")
        assert work.ledger.totals(clock.now()).payable == PAYMENTS_LIMIT * FEE


async def test_a_proxy_that_signs_every_second_is_a_good_one(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        for tokens in range(1, 101):
            hostile.sign(tokens)
            await asyncio.sleep(1)
        assert work.ledger.totals(clock.now()).payable == 100 * FEE
        assert len(hostile.doors) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timeout": math.nan}, "a request without a time limit"),
        ({"timeout": math.inf}, "a request without a time limit"),
        ({"timeout": -math.inf}, "a request without a time limit"),
        ({"timeout": -1.0}, "a request without a time limit"),
        ({"timeout": 0.0}, "a request without a time limit"),
        ({"coefficient": -1}, "a request with an impossible coefficient"),
        ({"coefficient": 10**9}, "a request with an impossible coefficient"),
        ({"coefficient": LARGEST}, "a request with an impossible coefficient"),
        ({"coefficient": -LARGEST - 1}, "a request with an impossible coefficient"),
    ],
)
async def test_a_request_at_an_impossible_price_or_time_is_a_breach(
    changes: dict[str, Any],
    words: str,
    hostile: HostileProxy,
    neighbour: HostileProxy,
    tmp_path: Path,
    clock: SettableClock,
) -> None:
    engine = Stepwise()
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        hostile.send(run_query(1))
        await work.until(lambda: engine.running == 1)
        hostile.send(run_query(2, **changes))
        await work.until_told(f"the other side broke the protocol: {words}")
        await work.until(lambda: work.ledger.newest_job() == 1)
        (job,) = work.ledger.jobs(1, 9)
        assert (job.request_id, job.outcome) == (request_id(1).hex(), JobOutcome.CANCELLED)
        assert work.links[1].session.is_connected


@pytest.mark.parametrize("seconds", [5e-324, 1e-9, 1.7e308])
async def test_a_strange_time_limit_is_kept_to(
    seconds: float, hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    engine = Stepwise()
    async with working_for(hostile, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        hostile.send(run_query(1, timeout=seconds))
        if seconds < 1:
            (answer,) = await hostile.answers_of(1)
            assert (answer.error_code, answer.error) == (652, "worker: timeout")
        else:
            await asyncio.sleep(3600)
            assert engine.running == 1
            engine.answers.put_nowait(EARNING)
            engine.answers.put_nowait(None)
            await hostile.answers_of(1)


@pytest.mark.parametrize("offered", [0, 1, 999])
async def test_a_request_below_the_owners_price_is_not_run(
    offered: int, hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """What a request is worth follows from its own coefficient: with 0 a proxy would have its work for nothing."""
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        hostile.send(run_query(1, coefficient=offered))
        await work.until_told(f"it offered a coefficient of {offered}, below the {IDENTITY.coefficient} that you ask")
        assert work.link.state is ProxyState.PUT_ASIDE
        assert work.ledger.newest_job() == 0
        await work.still_serves(neighbour, work.links[1])


async def test_the_price_before_a_raise_holds_a_little_longer(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """Requests at the old price may be on their way when the owner asks for more."""
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        session = work.link.session
        session.set_coefficient(2000)
        session.set_coefficient(3000)
        await work.still_serves(hostile, work.link, 1)
        await asyncio.sleep(FORMER_PRICE_SECONDS - 1)
        await work.still_serves(hostile, work.link, 2)
        session.set_coefficient(500)
        session.set_coefficient(1000)
        await asyncio.sleep(FORMER_PRICE_SECONDS + 1)
        await work.still_serves(hostile, work.link, 3)
        session.set_coefficient(1001)
        await asyncio.sleep(FORMER_PRICE_SECONDS + 1)
        hostile.send(run_query(4))
        await work.until_told("it offered a coefficient of 1000, below the 1001 that you ask")


@pytest.mark.parametrize(
    ("tokens", "words", "state"),
    [
        (-1, "a request that earned less than nothing", None),
        (-LARGEST - 1, "a request that earned less than nothing", None),
        (2**40 + 1, "it says that one request is worth 1,099,511,627,777 tokens", ProxyState.PUT_ASIDE),
        (LARGEST, "it says that one request is worth 9,223,372,036,854,775,807 tokens", ProxyState.PUT_ASIDE),
    ],
)
async def test_a_job_cannot_be_worth_anything(
    tokens: int,
    words: str,
    state: ProxyState | None,
    hostile: HostileProxy,
    neighbour: HostileProxy,
    tmp_path: Path,
    clock: SettableClock,
) -> None:
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        hostile.send(run_query(1))
        await hostile.answers_of(1)
        hostile.confirm(1, tokens=tokens, max_known=TOKENS)
        await work.until_told(words)
        assert state is None or work.link.state is state
        await work.until(lambda: work.ledger.totals(clock.now()).earned == TOKENS * FEE)
        assert work.ledger.totals(clock.now()).today == 0
        await work.still_serves(neighbour, work.links[1])


async def test_nobody_confirms_a_neighbours_job(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        neighbour.send(run_query(1))
        await neighbour.answers_of(1)
        hostile.confirm(1, tokens=1, max_known=1)
        neighbour.confirm(1, tokens=TOKENS, max_known=TOKENS)
        await work.until(lambda: work.ledger.totals(clock.now()).today > 0)
        (job,) = work.ledger.jobs(1, 9)
        assert job.confirmed_tokens == TOKENS


async def test_a_proxy_that_names_other_contracts_after_a_break_gets_no_work_and_the_money_stays(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await signs_and_is_believed(work, hostile)
        params = replace(hostile.params, proxy_sc_address=PROXY_OWNER.friendly())
        hostile.answers[ConnectToProxy] = ConnectedToProxy(params, hostile.worker_contract.friendly())
        hostile.door.transport.close()
        await work.until_told("its contracts are not those of this network's prices and of your address")
        assert work.link.state is ProxyState.PUT_ASIDE
        assert work.ledger.totals(clock.now()).payable == 70 * FEE
