"""Every step of the handshake can be wrong: the owner must read why, and the worker must dial again and forget nothing.

What TLS can be told wrongly is tested where it is spoken: tests/demo/test_gate.py and tests/attestation.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SettableClock
from hostile_proxy import (
    Departure,
    HostileProxy,
    Step,
    after,
    byte_by_byte,
    cut_short,
    hangs_up,
    late,
    misnumbered,
    nothing,
    of_length,
    refuses,
    resets,
    says,
    says_bytes,
    to_another_question,
    twice,
    with_more_behind,
)
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    EnabledDisabled,
    PaymentStatus,
    SignedPaymentEmpty,
    TcpConnected,
    TcpPing,
    TcpPong,
    UpdatePaymentStatus,
    WorkerRequestPayment,
)
from mulberry.cocoon.tl import Message
from mulberry.model.node import ProxyState
from small_proxy import request_id
from worker_at_work import FEE, working_for

QUESTIONS = {
    Step.CONNECT: "worker.connectToProxy",
    Step.COMPARE: "worker.compareBalanceWithProxy",
    Step.EXTENDED: "worker.extendedCompareBalanceWithProxy",
    Step.COMPLETE: "worker.proxyHandshakeComplete",
    Step.STATUS: "worker.updatePaymentStatus",
}
FATAL: dict[str, tuple[Departure, str]] = {
    "missing": (nothing, "no answer to {question} within 30 seconds"),
    "too late": (late(31), "no answer to {question} within 30 seconds"),
    "to another question": (to_another_question, "no answer to {question} within 30 seconds"),
    "another message": (says(EnabledDisabled(1)), "worker.enabledDisabled in answer to {question}"),
    "out of place": (lambda door, right: door.frame(TcpConnected(1)), "tcp.connected out of place"),
    "no message": (says_bytes(b"junk"), "broke the protocol: unexpected constructor"),
    "empty": (says_bytes(b""), "broke the protocol: the data ends early"),
    "more behind it": (with_more_behind, "broke the protocol: 4 bytes behind the object"),
    "16 MiB of nothing": (says_bytes(bytes(2**24 - 24)), "broke the protocol: unexpected constructor"),
    "oversized": (of_length(2**24 + 1), "broke the protocol: a frame of 16,777,217 bytes"),
    "undersized": (of_length(3), "broke the protocol: a frame of 3 bytes"),
    "misnumbered": (misnumbered, "broke the protocol: frame number"),
    "cut short": (cut_short, "the other side closed the connection"),
    "hung up": (hangs_up, "the other side closed the connection"),
    "reset": (resets, "the connection broke"),
    "a byte a second": (byte_by_byte(1), "nothing was heard for 20 seconds"),
}
HARMLESS: dict[str, Departure] = {
    "late": late(29),
    "repeated": twice,
    "behind 10,000 pings": after(10_000, TcpPing(1)),
    "behind 10,000 pongs": after(10_000, TcpPong(1)),
    "20 bytes a second": byte_by_byte(0.05),
}
HELLOS: dict[str, tuple[Departure, str]] = {
    "missing": (nothing, "did not answer within 10 seconds"),
    "late": (late(11), "did not answer within 10 seconds"),
    "a byte a second": (byte_by_byte(1), "did not answer within 10 seconds"),
    "repeated": (twice, "tcp.connected out of place"),
    "with another id": (to_another_question, "the first frame is not tcp.connected with our id"),
    "a ping": (says(TcpPing(1)), "the first frame is not tcp.connected with our id"),
    "behind a ping": (after(1, TcpPing(1)), "the first frame is not tcp.connected with our id"),
    "no message": (lambda door, right: door.raw(bytes([4, 0, 0, 0, 0, 0, 0, 0]) + b"junk"), "unexpected constructor"),
    "HTTP": (lambda door, right: door.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "a frame of 1,347,703,880 bytes"),
    "oversized": (of_length(2**24 + 1), "a frame of 16,777,217 bytes"),
    "undersized": (of_length(3), "a frame of 3 bytes"),
    "misnumbered": (misnumbered, "frame number 1 where 0 was due"),
    "more behind it": (with_more_behind, "4 bytes behind the object"),
    "cut short": (cut_short, "the other side closed the connection"),
    "hung up": (hangs_up, "the other side closed the connection"),
    "reset": (resets, "the other side closed the connection"),
}
SHAKEN = [step for step in QUESTIONS if step is not Step.STATUS]


def departing(step: Step, departure: Departure) -> HostileProxy:
    proxy = HostileProxy({step: departure})
    if step is Step.EXTENDED:  # is asked for only when counters differ
        proxy.answers[CompareBalanceWithProxy] = CompareBalanceWithProxyResult(SignedPaymentEmpty(), 0, 0, 1)
    return proxy


@pytest.mark.virtual_time
@pytest.mark.parametrize(("departure", "words"), HELLOS.values(), ids=HELLOS.keys())
async def test_a_wrong_hello_is_said_and_dialled_again(
    departure: Departure, words: str, tmp_path: Path, clock: SettableClock
) -> None:
    proxy = HostileProxy({Step.HELLO: departure})
    async with working_for(proxy, root=tmp_path, clock=clock) as work:
        await work.until_told(words)
        assert work.told.startswith("The proxy proxy ") and "could not be reached (" in work.told
        assert work.link.state in (ProxyState.WAITING, ProxyState.CONNECTING)
        assert proxy.questions == [] or departure is twice, "nothing is asked before the agreement"
        proxy.script.clear()
        await work.until_connected()
        await work.still_serves(proxy, work.link)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("departure", "words"), FATAL.values(), ids=FATAL.keys())
@pytest.mark.parametrize("step", QUESTIONS)
async def test_a_wrong_answer_is_said_and_dialled_again(
    step: Step, departure: Departure, words: str, tmp_path: Path, clock: SettableClock
) -> None:
    proxy = departing(step, departure)
    async with working_for(proxy, root=tmp_path, clock=clock) as work:
        await work.until_told(words.format(question=QUESTIONS[step]))
        assert "could not be reached (" in work.told
        assert not work.link.session.is_connected
        assert work.link.state in (ProxyState.WAITING, ProxyState.CONNECTING), "it may be better the next time"
        proxy.script.clear()
        await work.until_connected()
        await work.still_serves(proxy, work.link)


@pytest.mark.virtual_time
@pytest.mark.parametrize("departure", HARMLESS.values(), ids=HARMLESS.keys())
@pytest.mark.parametrize("step", QUESTIONS)
async def test_an_answer_that_is_only_odd_is_taken(
    step: Step, departure: Departure, tmp_path: Path, clock: SettableClock
) -> None:
    proxy = departing(step, departure)
    async with working_for(proxy, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        await asyncio.sleep(60)
        await work.still_serves(proxy, work.link)
        assert len(proxy.doors) == 1
        assert work.told == ""


@pytest.mark.virtual_time
@pytest.mark.parametrize("step", SHAKEN)
async def test_a_refusal_is_told_in_the_proxys_words_made_clean(
    step: Step, tmp_path: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    hostile_words = "go\x00away\r\n\x1b[31mnow\u202etxt.exe\u2066\u200b " + "é" * 1000
    proxy = departing(step, refuses(-7, hostile_words))
    async with working_for(proxy, root=tmp_path, clock=clock) as work:
        await work.until_told("go away [31mnow txt.exe é")
        assert f"refused this worker: the proxy refused {QUESTIONS[step]}: " in work.told
        assert "(code -7)" in work.told and len(work.told) < 500
        assert work.told.isprintable()
        assert all(record.getMessage().isprintable() for record in caplog.records)
        proxy.script.clear()
        await work.until_connected()


@pytest.mark.virtual_time
@pytest.mark.parametrize("field", ["proxy_owner_address", "proxy_sc_address", "worker_sc_address"])
@pytest.mark.parametrize("lie", ["", "\u202eEQ\x1b]0;owned\x07", "A" * 2**20, "-1:" + "55" * 32, "EQ" + "é" * 46])
async def test_names_that_are_no_addresses_put_the_proxy_aside_and_are_not_repeated(
    field: str, lie: str, tmp_path: Path, clock: SettableClock
) -> None:
    proxy = HostileProxy()
    contract = lie if field == "worker_sc_address" else proxy.worker_contract.friendly()
    params = proxy.params if field == "worker_sc_address" else replace(proxy.params, **{field: lie})  # type: ignore[arg-type]
    proxy.script[Step.CONNECT] = says(ConnectedToProxy(params, contract))
    async with working_for(proxy, root=tmp_path, clock=clock) as work:
        await work.until_told("it sent an address that is none")
        assert work.link.state is ProxyState.PUT_ASIDE
        assert work.told.isprintable() and (not lie or lie not in work.told) and len(work.told) < 300
        assert work.ledger.accounts() == []


@pytest.mark.virtual_time
async def test_a_handshake_of_29_seconds_a_step_holds_up_nobody_else(tmp_path: Path, clock: SettableClock) -> None:
    slow = HostileProxy(dict.fromkeys(SHAKEN, late(29)))
    quick = HostileProxy(key=6)
    async with working_for(slow, quick, root=tmp_path, clock=clock) as work:
        await work.until(lambda: work.links[1].session.is_connected, seconds=1)
        await work.still_serves(quick, work.links[1])
        assert work.link.state is ProxyState.CONNECTING
        await work.until_connected()


@pytest.mark.virtual_time
async def test_a_proxy_that_lost_what_it_had_not_saved_and_cannot_talk_about_it_is_worked_for(
    tmp_path: Path, clock: SettableClock
) -> None:
    """The public proxy answers the extended comparison with "not implemented yet", for ever."""
    proxy = Forgetful({Step.EXTENDED: refuses(0, "not implemented yet")})
    async with working_for(proxy, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        proxy.confirm(1, tokens=7, max_known=90)
        await work.until(lambda: work.ledger.totals(clock.now()).earned == 90 * FEE)
        proxy.max_known = 95  # it grew, and less of it than we know was saved
        proxy.send(WorkerRequestPayment(request_id(2), SignedPaymentEmpty(), 90, 95, 5, ""))
        await work.until(lambda: work.ledger.totals(clock.now()).earned == 95 * FEE)
        for remembered in (90, 93, 92):
            proxy.max_known = remembered
            proxy.door.transport.close()
            await work.until(lambda: not work.link.session.is_connected)
            await work.until_connected()
            await work.still_serves(proxy, work.link)
        assert any("refused worker.extendedCompareBalanceWithProxy: not implemented yet" in note for note in work.read)
        assert work.ledger.totals(clock.now()).earned == 95 * FEE, "what it once said it owes, it said"


class Forgetful(HostileProxy):
    """Compares as the public proxy does: who claims more than it knows is asked further."""

    max_known = 0

    async def answer(self, message: Message) -> Message:
        if isinstance(message, CompareBalanceWithProxy):
            claims_more = int(message.max_tokens > self.max_known)
            return CompareBalanceWithProxyResult(self.signed, min(90, self.max_known), self.max_known, claims_more)
        if isinstance(message, UpdatePaymentStatus):
            return PaymentStatus(self.signed, min(90, self.max_known), self.max_known)
        return await super().answer(message)


@pytest.mark.parametrize(
    ("step", "departure", "words"),
    [
        (Step.HELLO, hangs_up, "it may not accept our certificate"),
        (Step.HELLO, of_length(2**24 + 1), "a frame of 16,777,217 bytes"),
        (Step.CONNECT, says_bytes(b"junk"), "unexpected constructor"),
        (Step.COMPARE, cut_short, "the other side closed the connection"),
        (Step.COMPLETE, resets, "the connection broke"),
    ],
)
async def test_a_proven_proxy_may_be_as_wrong_as_any_other(
    step: Step, departure: Departure, words: str, tmp_path: Path, clock: SettableClock
) -> None:
    proxy = departing(step, departure)
    async with working_for(proxy, root=tmp_path, clock=clock, proven=True) as work:
        await work.until_told(words, seconds=10)
        proxy.script.clear()
        await work.until_connected()
        assert work.link.session.evidence is not None
        await work.still_serves(proxy, work.link)
