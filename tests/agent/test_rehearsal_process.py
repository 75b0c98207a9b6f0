"""The child runs what strangers wrote: late, dead, endless or lying, it costs one rehearsal and leaves nothing."""

import asyncio
import base64
import sys
from dataclasses import replace
from typing import Any

import psutil
import pytest
from pytoniq_core.boc.cell import Cell

from contract_network import ContractNetwork
from mulberry.agent import rehearsal_process
from mulberry.agent.rehearsal_process import MAX_ANSWER_BYTES, ask_a_process
from mulberry.model.rehearsal import RehearsalImpossible, RehearsalQuestion
from mulberry.ton.boc import write_boc
from mulberry.ton.messages import cash_out
from mulberry.ton.rehearsal import MAX_QUESTION_BYTES, answer
from rehearsal_stage import parties, proven_accounts, proven_config, rehearsed


def text(cell: Cell) -> str:
    return base64.b64encode(write_boc(cell)).decode()


@pytest.fixture
def request_boc(network: ContractNetwork) -> bytes:
    network.start()
    payment = network.payment(1_000_000)
    return network.request(cash_out(payment, network.worker.address, excess_address=network.wallet.address))


@pytest.fixture
def question(network: ContractNetwork, request_boc: bytes) -> RehearsalQuestion:
    accounts = proven_accounts(network.chain, parties(network))
    return RehearsalQuestion(
        config=text(proven_config(network.chain)),
        accounts={address.raw: text(cell) for address, cell in accounts.items()},
        messages=(base64.b64encode(request_boc).decode(),),
        unixtime=int(network.clock.now().timestamp()),
    )


def python(program: str) -> list[str]:
    return [sys.executable, "-I", "-c", program]


async def test_another_process_finds_the_same(
    network: ContractNetwork, question: RehearsalQuestion, request_boc: bytes
) -> None:
    assert await ask_a_process(question) == rehearsed(network, Cell.one_from_boc(request_boc))
    assert not psutil.Process().children()


@pytest.mark.parametrize(
    "changed",
    [
        {"config": ""},
        {"config": "no base64"},
        {"messages": (base64.b64encode(b"no bag").decode(),)},
        {"unixtime": 2**70},
        {"accounts": {"nobody": ""}},
    ],
)
def test_a_question_that_is_none_is_answered_in_words(
    network: ContractNetwork, question: RehearsalQuestion, changed: dict[str, Any]
) -> None:
    answered = answer(network.chain.emulator, replace(question, **changed))
    assert answered.rehearsal is None
    assert answered.impossible


async def test_a_question_too_long_for_any_message_is_refused(question: RehearsalQuestion) -> None:
    with pytest.raises(RehearsalImpossible, match="too long"):
        await ask_a_process(replace(question, config="A" * MAX_QUESTION_BYTES))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
        ("print('no json')", "ended with status 0"),
        ("""print('{"rehearsal": {"transactions": 7}, "impossible": ""}')""", "ended with status 0"),
        ("""print('{"rehearsal": null, "impossible": "no memory"}')""", "no memory"),
        (f"import sys; sys.stdout.write('x' * {2 * MAX_ANSWER_BYTES})", "without end"),
    ],
)
async def test_a_child_that_fails_costs_one_rehearsal(question: RehearsalQuestion, program: str, words: str) -> None:
    with pytest.raises(RehearsalImpossible, match=words):
        await ask_a_process(question, python(program))
    assert not psutil.Process().children()


async def test_a_child_that_is_late_is_killed(question: RehearsalQuestion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal_process, "TIME_LIMIT_SECONDS", 0.3)
    with pytest.raises(RehearsalImpossible, match="took longer"):
        await ask_a_process(question, python("import time; time.sleep(60)"))
    assert not psutil.Process().children()


async def test_who_stops_waiting_leaves_no_child(question: RehearsalQuestion, monkeypatch: pytest.MonkeyPatch) -> None:
    started, start = asyncio.Event(), asyncio.create_subprocess_exec

    async def start_and_tell(*command: str, **how: Any) -> asyncio.subprocess.Process:
        process = await start(*command, **how)
        started.set()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_tell)
    asking = asyncio.create_task(ask_a_process(question, python("import time; time.sleep(60)")))
    await started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not psutil.Process().children()


async def test_a_program_that_is_not_there_is_said(question: RehearsalQuestion) -> None:
    with pytest.raises(RehearsalImpossible, match="did not start"):
        await ask_a_process(question, ["/no/such/program"])
