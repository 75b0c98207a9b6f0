"""The demo network's customers: they ask through the same HTTP door as anyone, at a rate that can be changed."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp

from mulberry.demo.exchanges import Exchanges
from mulberry.demo.questions import Question, any_question
from mulberry.demo.traffic import TrafficFile
from mulberry.model.network import Traffic

AT_ONCE = 64  # so many customers wait for answers; more arrivals wait outside
SHARE_OF_STREAMS = 0.5
MAX_TOKENS = 64
PATIENCE_SECONDS = 180.0
FALLBACK_RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


class _NoAnswerError(Exception):
    """Something else than an answer came; its text says what."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where customers ask, and for which model. `opens` returns when asking makes sense: a worker is there."""

    url: str
    model: str
    opens: Callable[[], Awaitable[None]]


async def send_customers(door: Door, traffic: TrafficFile, exchanges: Exchanges, random: Random) -> None:
    """Asks as `traffic` says, for ever. A change starts anew, with its own count of jobs; questions under way go on.

    With a seed, questions and pauses are the same each time.
    """
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    places = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as asking:

        async def visit(question: Question, stream: bool) -> None:
            try:
                await _ask(session, door, question, stream, exchanges)
            finally:
                places.release()

        async def arrive(plan: Traffic) -> None:
            chance = random if plan.seed is None else Random(plan.seed)  # noqa: S311 - questions, no secrets
            left = plan.jobs
            while plan.requests_per_minute > 0 and left != 0:
                left = None if left is None else left - 1
                question, stream = any_question(chance), chance.random() < SHARE_OF_STREAMS
                await door.opens()
                await places.acquire()
                asking.create_task(visit(question, stream))
                await asyncio.sleep(chance.expovariate(plan.requests_per_minute / 60))

        while True:
            arrivals = asking.create_task(arrive(traffic.plan))
            await traffic.changed()
            arrivals.cancel()


async def _ask(session: aiohttp.ClientSession, door: Door, question: Question, stream: bool, into: Exchanges) -> None:
    """Asks until the network takes the question, and notes what came of it."""
    body = {
        "model": door.model,
        "messages": [{"role": "user", "content": question.text}],
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
        "stream": stream,
    }
    clock = asyncio.get_running_loop().time
    while True:
        asked_at = clock()
        answer, error = "", ""
        try:
            async with session.post(f"{door.url}/v1/chat/completions", json=body) as response:
                if response.status == 503:
                    retry_after = response.headers.get("Retry-After", "")
                    await asyncio.sleep(float(retry_after) if retry_after.isdecimal() else FALLBACK_RETRY_SECONDS)
                    await door.opens()
                    continue
                answer = await (_read_stream(response) if stream else _read_document(response))
        except (aiohttp.ClientError, TimeoutError, _NoAnswerError) as problem:
            error = str(problem) or "The answer took too long."
            log.warning("a question of the demo was not answered: %s", error)
        into.add(
            question=question.text,
            answer=answer,
            expected=question.answer,
            latency_ms=(clock() - asked_at) * 1000,
            error=error,
        )
        return


async def _read_document(response: aiohttp.ClientResponse) -> str:
    untrusted = await response.read()
    return _text(_object(untrusted), "message")


async def _read_stream(response: aiohttp.ClientResponse) -> str:
    if response.status != 200:
        return await _read_document(response)
    pieces: list[str] = []
    async for line in _lines(response):
        data = line.removeprefix(b"data: ").strip()
        if data == b"[DONE]":
            return "".join(pieces)
        if data and data != line.strip():
            pieces.append(_text(_object(data), "delta"))
    raise _NoAnswerError("The stream ended in the middle.")


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for line in response.content:
            yield line
    except ValueError as problem:  # aiohttp's word for a line without an end
        raise _NoAnswerError("An event of the stream is too long.") from problem


def _object(untrusted: bytes) -> dict[str, Any]:
    try:
        value = json.loads(untrusted)
    except ValueError as problem:
        raise _NoAnswerError("The answer is not JSON.") from problem
    if not isinstance(value, dict):
        raise _NoAnswerError("The answer is not a JSON object.")
    return value


def _text(untrusted: dict[str, Any], part: str) -> str:
    """The text of the first choice; "" in chunks without one. Raises `_NoAnswerError` for an error object."""
    match untrusted:
        case {"error": {"message": str(message)}}:
            raise _NoAnswerError(message)
        case {"choices": []}:
            return ""
        case {"choices": [dict(choice), *_]}:
            match choice.get(part):
                case {"content": str(text)}:
                    return text
            return ""
    raise _NoAnswerError("The answer has no choices.")
