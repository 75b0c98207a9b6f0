"""From a customer's question over HTTP to money in the owner's ledger, with every process as a user would start it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import psutil

from mulberry.client.control import ControlClient
from mulberry.model.control import Command
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.network import Traffic
from mulberry.model.node import NodeState, Want
from own_mulberry import Mulberry

MODEL = "mulberry/tiny-lm"
FEE_NANOTON = 20_000


@asynccontextmanager
async def door_of(mulberry: Mulberry) -> AsyncIterator[aiohttp.ClientSession]:
    """Started by its owner, without customers of its own: a session at the door of the demo network."""
    mulberry.set_traffic(Traffic(requests_per_minute=0))
    started = mulberry.command("start")
    assert started.returncode == 0, started.stdout + started.stderr
    front_url = mulberry.json("status")["network"]["front_url"]
    async with aiohttp.ClientSession(front_url) as door:
        yield door


async def ask(door: aiohttp.ClientSession, question: str, **options: Any) -> Any:
    body = {"model": MODEL, "messages": [{"role": "user", "content": question}], **options}
    async with door.post("/v1/chat/completions", json=body) as answer:
        return answer.status, await answer.json()


async def confirmed_jobs(mulberry: Mulberry, count: int) -> list[Job]:
    """The first `count` jobs, once the proxy has said what each is worth and signed for all of it."""
    async with mulberry.events() as events:
        async for event in events:
            earnings = event.status.earnings
            if earnings.jobs_total >= count and earnings.payable == earnings.earned > 0:
                jobs = await ControlClient(mulberry.folder).jobs(1, count)
                if all(job.confirmed_tokens is not None for job in jobs):
                    return list(jobs)
    raise AssertionError("the events ended")


async def test_a_customer_gets_the_right_answer_and_the_owner_is_paid_for_it(mulberry: Mulberry) -> None:
    async with door_of(mulberry) as door:
        for question, expected in (
            ("What is 7 + 5?", "7 + 5 = 12."),
            ("Translate to Indonesian: I drink coffee", "Saya minum kopi"),
            ("Count from 3 to 9", "3, 4, 5, 6, 7, 8, 9."),
            ("Capital of Norway", "The capital of Norway is Oslo."),
        ):
            status, answer = await ask(door, question)
            assert (status, answer["choices"][0]["message"]["content"]) == (200, expected)
            assert answer["usage"]["total_cost"] == 24_000 * answer["usage"]["total_tokens"], "24,000 nanoton a token"

        jobs = await confirmed_jobs(mulberry, 4)
        assert [job.outcome for job in jobs] == [JobOutcome.DONE] * 4
        assert all(job.confirmed_tokens == job.adjusted_tokens > 0 for job in jobs), "the proxy counts as we do"
        earned = sum(job.earned for job in jobs)
        assert (
            mulberry.json("status")["earnings"]["payable"]
            == earned
            == FEE_NANOTON * sum(job.prompt_tokens + job.completion_tokens for job in jobs)
        )
        assert [job["number"] for job in mulberry.json("jobs")] == [1, 2, 3, 4]


async def test_a_streamed_answer_comes_as_events_and_is_counted(mulberry: Mulberry) -> None:
    # How many pieces there are is the computer's business: a busy one sends several tokens in one. That none is held
    # back is shown in tests/cocoon, where the engine waits for its first piece to arrive.
    async with door_of(mulberry) as door:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Count from 1 to 8"}], "stream": True}
        async with door.post("/v1/chat/completions", json=body) as answer:
            assert answer.content_type == "text/event-stream"
            events = [line.removeprefix(b"data: ") async for line in answer.content if line.strip()]
        assert events[-1].strip() == b"[DONE]"
        chunks = [json.loads(event) for event in events[:-1]]
        pieces = [choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]]
        assert "".join(pieces) == "1, 2, 3, 4, 5, 6, 7, 8."
        usage = chunks[-1]["usage"]
        [job] = await confirmed_jobs(mulberry, 1)
        assert (job.prompt_tokens, job.completion_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"tools": []}, 400, "unknown option 'tools'"),
    ({"model": "somebody/else"}, 404, "mulberry/tiny-lm only"),
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "user", "content": "word " * 10_000}]}, 400, "256"),
    ({"messages": [{"role": "user", "content": "word " * 100_000}]}, 400, "what this model's context holds"),
    ({"temperature": "warm"}, 400, "temperature must be a number"),
]


async def test_what_cannot_be_answered_is_refused_with_the_reason(mulberry: Mulberry) -> None:
    async with door_of(mulberry) as door:
        for change, expected_status, said in REFUSALS:
            status, answer = await ask(door, "Hello!", **change)
            assert status == expected_status, answer
            assert said in answer["error"]["message"]
        status, answer = await ask(door, "Hello!")
        assert status == 200, "bad requests harm nobody else"
        assert answer["choices"][0]["message"]["content"] == "Hello! How can I help you today?"


async def test_finish_then_quit_leaves_nothing_running(mulberry: Mulberry) -> None:
    async with door_of(mulberry) as door:
        await ask(door, "Hello!")
        await confirmed_jobs(mulberry, 1)
    await ControlClient(mulberry.folder).command(Command(Want.FINISH))
    async with mulberry.events() as events:
        async for event in events:
            if event.status.state is NodeState.STOPPED:
                break
    assert mulberry.command("quit").returncode == 0
    _, left = psutil.wait_procs(mulberry.processes(), timeout=20)
    assert not left
    after = mulberry.command("status")
    assert after.returncode == 1
    assert "The agent is not running." in after.stderr
    assert "Traceback" not in after.stderr
