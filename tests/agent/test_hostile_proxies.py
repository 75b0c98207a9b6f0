"""Of three proxies two are hostile: the owner must see clean words, right sums and the third one at work."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SettableClock
from hostile_proxy import Departure, HostileProxy, Step, late, nothing, of_length, refuses, says, says_bytes
from mulberry.cocoon.messages import ConnectedToProxy, SignedPayment, SignedPaymentEmpty, WorkerRequestPayment
from mulberry.model.encoding import from_json, to_json
from mulberry.model.node import NodeState, ProxyState, Status
from small_proxy import request_id, run_query
from working_node import QUESTION, node_at_work

pytestmark = pytest.mark.virtual_time
EVIL = "\u202egnp.exe\x1b]0;owned\x07\x00\r\nINFO all is well\u2028\u2066\ufeff\ud7ff" + "A\u0300" * 5000
LARGEST = 2**63 - 1


def other_names(proxy: HostileProxy) -> Departure:
    return says(ConnectedToProxy(replace(proxy.params, proxy_owner_address=EVIL, proxy_sc_address=EVIL), EVIL))


async def test_whatever_two_proxies_say_the_third_is_worked_for_and_the_words_are_clean(
    tmp_path: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    good, rude, liar = HostileProxy(key=1), HostileProxy(key=2), HostileProxy(key=3)
    rude.script[Step.CONNECT] = refuses(-(2**31), EVIL)
    liar.script[Step.CONNECT] = other_names(liar)
    async with node_at_work((good, rude, liar), tmp_path, clock) as work:
        number = 0
        for step, departure in (
            (Step.COMPARE, says_bytes(b"junk")),
            (Step.COMPLETE, of_length(2**31)),
            (Step.HELLO, nothing),
            (Step.STATUS, refuses(1, EVIL)),
            (Step.STATUS, late(29)),
        ):
            for _ in range(20):
                number += 1
                await work.serve(good, number)
                await asyncio.sleep(5)
            for proxy in (rude, liar):
                proxy.script = {step: departure}
                proxy.door.transport.abort()
        status = work.node.status()
        assert status.state in (NodeState.READY, NodeState.EARNING)
        assert work.shown(good).state is ProxyState.WORKING
        assert work.shown(good).requests == work.shown(good).succeeded == number
        assert len(good.doors) == 1, "its connection was never disturbed"
        said = [text for proxy in status.proxies for text in (proxy.name, proxy.note, proxy.address, proxy.attestation)]
        said += [text for reason in status.reasons for text in (reason.evidence, reason.next_step)]
        assert all(text.isprintable() and len(text) < 600 for text in said)
        assert any("gnp.exe ]0;owned INFO all is well" in record.getMessage() for record in caplog.records)
        assert all(record.getMessage().isprintable() for record in caplog.records)


async def test_the_largest_debt_there_can_be_is_shown_and_hides_no_other_sum(
    tmp_path: Path, clock: SettableClock
) -> None:
    good, boaster = HostileProxy(key=1), HostileProxy(key=2)
    fee = good.parameters.worker_fee_per_token
    async with node_at_work((good, boaster), tmp_path, clock) as work:
        await work.until(lambda: all(proxy.connected for proxy in work.node.status().proxies))
        boaster.send(WorkerRequestPayment(request_id(1), SignedPaymentEmpty(), LARGEST, LARGEST, 0, EVIL))
        good.sign(7)
        await work.until(lambda: work.shown(boaster).owed == LARGEST * fee)
        assert (work.shown(good).payable, work.shown(boaster).payable) == (7 * fee, 0)
        status = work.node.status()
        assert from_json(Status, to_json(Status, status)) == status, "and so it reaches the window"


async def test_a_forger_loses_its_work_and_keeps_no_money_back(tmp_path: Path, clock: SettableClock) -> None:
    good, forger = HostileProxy(key=1), HostileProxy(key=2)
    fee = good.parameters.worker_fee_per_token
    async with node_at_work((good, forger), tmp_path, clock) as work:
        await work.until(lambda: all(proxy.connected for proxy in work.node.status().proxies))
        await work.serve(forger, 1)
        forger.sign(7)
        await work.until(lambda: work.shown(forger).payable == 7 * fee)
        work.engine.gate.clear()
        forger.send(run_query(2, body=QUESTION))
        good.send(run_query(2, body=QUESTION))
        await work.until(lambda: work.node.status().running_requests == 2)
        forger.send(SignedPayment(bytes(200)))
        await work.until(lambda: work.shown(forger).state is ProxyState.PUT_ASIDE)
        assert ": it sent a payment that is not well formed" in work.shown(forger).note
        assert work.node.status().running_requests == 1
        work.engine.gate.set()
        await good.answers_of(1)
        assert work.shown(forger).payable == 7 * fee
        assert work.node.status().state in (NodeState.READY, NodeState.EARNING)
