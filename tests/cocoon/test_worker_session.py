"""The handshake decides whom we work for, the counters what we are owed: neither may rest on the proxy's word alone."""

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest

from conftest import SettableClock
from loopback import until
from mulberry.cocoon.channel import Channel, ChannelClosed, QueryRefused
from mulberry.cocoon.dues import CountersFell
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    EnabledDisabled,
    ExtendedCompareBalanceWithProxy,
    ExtendedCompareBalanceWithProxyResult,
    NewCoefficient,
    PaymentStatus,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    QueryAnswerEx,
    SignedPayment,
    SignedPaymentEmpty,
    UpdatePaymentStatus,
    WorkerParams,
    WorkerRequestPayment,
)
from mulberry.cocoon.seams import Identity, ProxyDistrusted, ProxyRefused
from mulberry.cocoon.tl import Message
from mulberry.model.payments import Counters
from small_proxy import ANSWER, IDENTITY, MemoryBook, Scripted, SmallProxy, Stepwise, at_work, request_id, run_query

Parts = tuple[SmallProxy, MemoryBook, SettableClock]


@pytest.fixture
def parts(clock: SettableClock) -> Parts:
    return SmallProxy(), MemoryBook(), clock


def payment(db_tokens: int, max_tokens: int, tokens: int = 134, number: int = 1) -> WorkerRequestPayment:
    signed = SignedPayment(b"signed")
    return WorkerRequestPayment(request_id(number), signed, db_tokens, max_tokens, tokens, "client")


async def fails(parts: Parts, kind: type[Exception], text: str) -> None:
    """The session ends by itself, so."""
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        with pytest.raises(kind, match=text):
            await work.running
        assert not work.session.is_connected


async def test_the_handshake_says_what_the_public_worker_says(parts: Parts) -> None:
    proxy, book, clock = parts
    book.known = Counters(1, 2, 3)
    proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(SignedPayment(b"signed"), 5, 8, 0)
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        assert work.session.is_connected
        assert work.session.proxy == proxy.params
    assert proxy.questions == [
        ConnectToProxy(WorkerParams("owner", "Qwen/Qwen3-8B@commit:hash", 1000, True, 1, 3, 1, 2)),
        CompareBalanceWithProxy(1, 2, 3),
        ProxyHandshakeComplete(False),
    ]
    assert book.met == ["worker contract"]
    assert book.payments == [b"signed"]
    assert book.counted == [(5, 8)]
    assert work.running.exception() is None
    assert not work.session.is_connected


async def test_without_a_chain_nothing_is_claimed_and_a_proxy_that_began_anew_is_told_from_one_that_goes_on(
    parts: Parts,
) -> None:
    """The public proxy ends itself at a claim of more than it knows."""
    proxy, book, clock = parts
    book.known = Counters(1, 2, 3)
    identity = replace(IDENTITY, has_chain=False)
    proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(SignedPayment(b"signed"), 5, 8, 0)
    async with at_work(proxy, Scripted(ANSWER), book, clock, identity=identity) as work:
        assert work.session.is_connected
    assert proxy.questions[1] == CompareBalanceWithProxy(0, 0, 0)
    proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(SignedPaymentEmpty(), 0, 0, 0)
    async with at_work(proxy, Scripted(ANSWER), book, clock, identity=identity) as work:
        with pytest.raises(ProxyDistrusted, match="it was set back"):
            await work.running


async def test_a_proxy_that_lost_unsaved_work_is_asked_further(parts: Parts) -> None:
    proxy, book, clock = parts
    book.known = Counters(0, 2, 9)
    proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(SignedPaymentEmpty(), 2, 2, 1)
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        assert proxy.questions[2] == ExtendedCompareBalanceWithProxy(2, b"")
        proxy.send(payment(2, 3, 1))  # less than we knew before the handshake, more than was agreed in it
        await until(lambda: bool(book.confirmed))
    assert book.counted == [(2, 2), (2, 3)]


async def test_a_proxy_that_does_not_settle_refuses_us(parts: Parts) -> None:
    parts[0].answers |= {
        CompareBalanceWithProxy: CompareBalanceWithProxyResult(SignedPaymentEmpty(), 0, 0, 1),
        ExtendedCompareBalanceWithProxy: ExtendedCompareBalanceWithProxyResult(5),
    }
    await fails(parts, ProxyRefused, r"does not agree with what we earned \(code 5\)")


async def test_a_refusal_carries_the_proxys_words(parts: Parts) -> None:
    parts[0].refusal = QueryRefused(621, "invalid worker hash or worker type")
    await fails(parts, ProxyRefused, "refused worker.connectToProxy: invalid worker hash or worker type")


def connected(**changes: Any) -> ConnectedToProxy:
    return ConnectedToProxy(replace(SmallProxy().params, **changes), "worker contract")


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (ConnectedToProxy(SmallProxy().params, "foreign"), ProxyDistrusted, "not our contract"),
        (connected(is_test=False), ProxyDistrusted, "another network"),
        (connected(is_test=None), ProxyDistrusted, "another network"),
        (connected(proto_version=3), ProxyRefused, "speaks protocol 3"),
        (connected(proto_version=-1), ProxyRefused, "speaks protocol -1"),
        (ProxyHandshakeCompleted(), ChannelClosed, "broke the protocol: worker.proxyHandshakeCompleted in answer"),
    ],
    ids=["foreign contract", "real network", "no network named", "newer", "negative", "out of order"],
)
async def test_a_proxy_that_is_not_ours_is_left(
    parts: Parts, answer: Message, kind: type[Exception], text: str
) -> None:
    parts[0].answers[ConnectToProxy] = answer
    await fails(parts, kind, text)


@pytest.mark.parametrize(
    ("compared", "text"),
    [
        (CompareBalanceWithProxyResult(SignedPayment(b"signed"), 4, 9, 0), "it was set back"),
        (CompareBalanceWithProxyResult(SignedPaymentEmpty(), 5, 9, 0), "forgot the payments"),
        (CompareBalanceWithProxyResult(SignedPayment(b"forged"), 5, 9, 0), "a wrong signature"),
        (CompareBalanceWithProxyResult(SignedPayment(b"signed"), 9, 8, 0), "contradict one another"),
    ],
    ids=["set back", "forgetful", "forged", "contradiction"],
)
async def test_a_proxy_that_knows_less_than_it_signed_is_not_worked_for(
    parts: Parts, compared: Message, text: str
) -> None:
    parts[1].known = Counters(1, 5, 9)
    parts[0].answers[CompareBalanceWithProxy] = compared
    await fails(parts, ProxyDistrusted, text)
    assert ProxyHandshakeComplete(False) not in parts[0].questions


async def test_nobody_at_the_address_is_a_closed_channel(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        address = work.address
        work.session.close("moving")
        await work.running
    with pytest.raises(ChannelClosed, match="cannot be reached"):
        await work.session.run(address)


async def test_a_session_can_run_again(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        proxy.channel.close("restarting")
        with pytest.raises(ChannelClosed, match="the other side closed the connection"):
            await work.running
        again = asyncio.ensure_future(work.session.run(work.address))
        await until(lambda: work.session.is_connected)
        work.session.close("enough")
        await again


async def test_work_before_the_handshake_is_a_breach(parts: Parts) -> None:
    proxy, book, clock = parts
    answer = proxy.answer

    async def work_at_once(message: Message) -> Message:
        proxy.send(run_query())
        return await answer(message)

    proxy.answer = work_at_once  # type: ignore[method-assign]  # a proxy that cannot wait
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        with pytest.raises(ChannelClosed, match=r"proxy.runQueryEx before the handshake is through"):
            await work.running
    assert book.served == []


async def test_work_in_one_piece_with_the_last_answer_is_served(parts: Parts) -> None:
    proxy, book, clock = parts
    proxy.at_once = [run_query()]
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        assert (await proxy.next()).request_id == request_id(1)


async def test_confirmations_counters_and_payments_reach_the_book_once(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        for message in [payment(0, 134), payment(0, 134, 0, 2), SignedPayment(b"newer"), SignedPaymentEmpty()]:
            proxy.send(message)
        proxy.send(payment(134, 200, 66, 3))
        await until(lambda: len(book.confirmed) == 3)
    assert book.confirmed == {request_id(1): 134, request_id(2): 0, request_id(3): 66}
    assert book.counted == [(0, 0), (0, 134), (134, 200)]
    assert book.payments == [b"signed", b"newer", b"signed"]


@pytest.mark.parametrize("later", [payment(9, 20), payment(10, 19)], ids=["saved", "known"])
async def test_falling_counters_end_the_session_for_a_new_handshake(parts: Parts, later: Message) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        proxy.send(payment(10, 20))
        proxy.send(later)
        with pytest.raises(CountersFell, match="went back"):
            await work.running
    assert book.counted == [(0, 0), (10, 20)]


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        (SignedPayment(b"forged"), ProxyDistrusted, "a wrong signature"),
        (payment(30, 20), ProxyDistrusted, "contradict one another"),
        (payment(0, 1, -1), ChannelClosed, "less than nothing"),
        (UpdatePaymentStatus(), ChannelClosed, "is not for a worker"),
        (run_query(timeout=math.nan), ChannelClosed, "without a time limit"),
        (run_query(timeout=math.inf), ChannelClosed, "without a time limit"),
        (run_query(timeout=0), ChannelClosed, "without a time limit"),
        (run_query(coefficient=-1), ChannelClosed, "impossible coefficient"),
        (run_query(coefficient=10**9), ChannelClosed, "impossible coefficient"),
    ],
    ids=["forged", "contradiction", "negative", "wrong way", "nan", "inf", "zero", "coefficient", "large coefficient"],
)
async def test_what_a_proxy_must_not_say_ends_the_session(
    parts: Parts, message: Message, kind: type[Exception], text: str
) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        proxy.send(message)
        with pytest.raises(kind, match=text):
            await work.running
    assert book.served == []


async def test_a_worker_answers_no_questions(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        with pytest.raises(QueryRefused, match=r"does not answer worker.updatePaymentStatus"):
            await proxy.channel.query(UpdatePaymentStatus())


@pytest.mark.virtual_time
async def test_the_payment_status_is_asked_for_every_ten_to_twenty_seconds(parts: Parts) -> None:
    proxy, book, clock = parts
    proxy.answers[UpdatePaymentStatus] = PaymentStatus(SignedPayment(b"newer"), 5, 6)
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        await asyncio.sleep(600)
        assert 30 <= proxy.questions.count(UpdatePaymentStatus()) <= 60
    assert book.payments == [b"newer"]
    assert book.counted == [(0, 0), (5, 6)]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (PaymentStatus(SignedPaymentEmpty(), 4, 9), CountersFell),
        (PaymentStatus(SignedPayment(b"forged"), 5, 9), ProxyDistrusted),
        (ProxyHandshakeCompleted(), ChannelClosed),
    ],
    ids=["fell", "forged", "another answer"],
)
async def test_a_payment_status_is_believed_no_more_than_the_rest(
    parts: Parts, status: Message, kind: type[Exception]
) -> None:
    proxy, book, clock = parts
    proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(SignedPaymentEmpty(), 5, 9, 0)
    proxy.answers[UpdatePaymentStatus] = status
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        with pytest.raises(kind):
            await work.running


async def test_a_place_is_free_before_the_last_message_leaves(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found under load: the proxy filled the place as soon as it read the answer, and was told "too many"."""
    proxy, book, clock = parts
    taken: list[int] = []
    send = Channel.send

    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:

        def watched(channel: Channel, message: Message) -> None:
            if isinstance(message, QueryAnswerEx):
                taken.append(work.session.running_requests)
            send(channel, message)

        monkeypatch.setattr(Channel, "send", watched)
        proxy.send(run_query())
        assert isinstance(await proxy.next(), QueryAnswerEx)
    assert taken == [0]
    assert len(book.served) == 1, "and it is booked by then"


@pytest.mark.virtual_time
async def test_a_payment_right_behind_the_status_does_not_look_like_a_fall(parts: Parts) -> None:
    """Found under load: both came in one piece, and the older numbers were looked at last."""
    proxy, book, clock = parts
    proxy.answers[UpdatePaymentStatus] = PaymentStatus(SignedPayment(b"older"), 5, 6)
    proxy.behind_status = [WorkerRequestPayment(request_id(1), SignedPayment(b"newer"), 7, 8, 2, "client")]
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        await asyncio.sleep(25)
        assert work.session.is_connected
    assert book.payments[:2] == [b"older", b"newer"]
    assert book.counted[:3] == [(0, 0), (5, 6), (7, 8)]


async def test_the_proxy_hears_of_every_change(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        work.session.set_enabled(False)
        work.session.set_enabled(False)
        work.session.set_coefficient(1500)
        with pytest.raises(ValueError, match="coefficient must be"):
            work.session.set_coefficient(10**9)
        work.session.set_enabled(True)
        assert [await proxy.next() for _ in range(3)] == [EnabledDisabled(1), NewCoefficient(1500), EnabledDisabled(0)]
        assert proxy.packets.empty()


async def test_a_disabled_worker_says_so_in_the_handshake_and_takes_nothing(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Scripted(ANSWER)
    async with at_work(proxy, backend, book, clock) as work:
        work.session.set_enabled(False)
        work.session.set_coefficient(7)
        proxy.channel.close("restarting")
        await asyncio.gather(work.running, return_exceptions=True)
        again = asyncio.ensure_future(work.session.run(work.address))
        await until(lambda: work.session.is_connected)
        assert proxy.questions[-1] == ProxyHandshakeComplete(True)
        assert proxy.questions[-3] == ConnectToProxy(WorkerParams("owner", IDENTITY.model, 7, True, 1, 3, 1, 2))
        while not proxy.packets.empty():
            proxy.packets.get_nowait()
        proxy.send(run_query())
        refused = await proxy.next()
        assert (refused.error_code, refused.error) == (651, "worker: the worker is disabled")
        assert refused.final_info.tokens_used.total == 0
        work.session.close("enough")
        await again
    assert backend.requests == []
    assert book.served == []


async def test_finishing_lets_the_running_end_and_takes_no_new(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    async with at_work(proxy, backend, book, clock) as work:
        proxy.send(run_query(1))
        await until(lambda: backend.running > 0)
        finishing = asyncio.ensure_future(work.session.finish())
        assert await proxy.next() == EnabledDisabled(1)
        proxy.send(run_query(2))
        assert (await proxy.next()).error == "worker: the worker is disabled"
        assert not finishing.done()
        backend.answers.put_nowait(ANSWER)
        backend.answers.put_nowait(None)
        await finishing
        assert (await proxy.next()).final_info.tokens_used.total == 134
        assert work.session.is_connected
        assert work.session.running_requests == 0


async def test_a_full_book_ends_the_taking_of_work_but_not_the_answer(parts: Parts) -> None:
    proxy, book, clock = parts
    book.is_full = True
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        proxy.send(run_query(1))
        assert await proxy.next() == EnabledDisabled(1)
        assert (await proxy.next()).final_info is not None
        assert work.session.is_book_full
        assert not work.session.is_enabled
        proxy.send(run_query(2))
        assert (await proxy.next()).error == "worker: the worker is disabled"
        book.is_full = False
        work.session.set_enabled(True)
        assert await proxy.next() == EnabledDisabled(0)
        assert not work.session.is_book_full
        proxy.send(run_query(3))
        assert (await proxy.next()).request_id == request_id(3)


async def test_a_request_that_a_bug_keeps_off_the_book_ends_the_session_unanswered(parts: Parts) -> None:
    proxy, book, clock = parts
    book.bug = RuntimeError("no such table")
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        proxy.send(run_query())
        with pytest.raises(ChannelClosed, match="an error in Mulberry"):
            await work.running
        assert work.session.running_requests == 0
    assert proxy.packets.empty(), "the proxy would pay for what we do not know of"


async def test_a_request_cancelled_before_its_first_step_leaves_no_place_taken(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        work.session.received(run_query())
        work.session.cancel_all()
        await work.session.finish()
        assert work.session.running_requests == 0
    assert book.served == []


async def test_the_owner_hears_of_every_change(parts: Parts) -> None:
    proxy, book, clock = parts
    seen: list[tuple[bool, int]] = []
    backend = Stepwise()
    async with at_work(
        proxy,
        backend,
        book,
        clock,
        on_change=lambda: seen.append(
            (work.session.is_connected, work.session.running_requests) if seen else (True, 0)
        ),
    ) as work:
        proxy.send(run_query())
        await until(lambda: backend.running > 0)
        backend.answers.put_nowait(ANSWER)
        backend.answers.put_nowait(None)
        await proxy.next()
    assert seen == [(True, 0), (True, 1), (True, 0), (False, 0)]


@pytest.mark.parametrize(
    "wrong", [{"coefficient": -1}, {"coefficient": 10**9}, {"proxy_count": 0}, {"max_active_requests": 0}]
)
def test_a_worker_that_no_proxy_would_take_is_not_built(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"coefficient|at least one"):
        replace(IDENTITY, **wrong)  # type: ignore[arg-type]


def test_the_base_name_is_what_precedes_the_commit() -> None:
    assert IDENTITY.model_base_name == "Qwen/Qwen3-8B"
    assert Identity("", "tiny", 0, True, 1, 1).model_base_name == "tiny"


async def test_a_proxy_of_protocol_0_names_no_version(parts: Parts) -> None:
    proxy, book, clock = parts
    proxy.params = ProxyParams(bytes(32), "proxy owner", "proxy contract", is_test=True)
    async with at_work(proxy, Scripted(ANSWER), book, clock) as work:
        assert work.session.is_connected
