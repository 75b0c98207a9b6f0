"""Customers of a network that breaks: each asks, waits, asks again, and remembers what it got."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import aiohttp

from mulberry.demo.questions import any_question

MODEL = "mulberry/tiny-lm"
MAX_TOKENS = 24
AT_ONCE = 16
PATIENCE_SECONDS = 150.0  # above the proxy's own
NEVER_SENT = ("no_worker", "busy")  # the proxy's codes for a request that no worker has seen
PAUSE_SECONDS = 0.2  # after anything but an answer


class Customers:
    """`url` says where the door is now; `requests` is how many they ask, all told."""

    def __init__(self, url: Callable[[], str], requests: int, random: Random) -> None:
        self._requests = requests
        self.ended = 0  # requests that are over
        self.answers = 0
        self.tokens = 0  # of all answers
        self.lost: Counter[str] = Counter()  # requests without a whole answer, by the reason
        self.not_taken = 0  # asked again, for no worker was there
        self._url = url
        self._random = random
        self._begun = 0
        self._one_more = asyncio.Condition()

    async def ask_all(self) -> None:
        """Returns when every request is over."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._ask_again_and_again(session))

    async def until(self, ended: int) -> None:
        """Returns when so many requests are over."""
        async with self._one_more:
            await self._one_more.wait_for(lambda: self.ended >= ended)

    async def _ask_again_and_again(self, session: aiohttp.ClientSession) -> None:
        while self._begun < self._requests:
            self._begun += 1
            await self._ask(session)
            async with self._one_more:
                self.ended += 1
                self._one_more.notify_all()

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        stream = self._random.random() < 0.5
        question = any_question(self._random).text
        messages = [{"role": "user", "content": question}]
        body = {"model": MODEL, "messages": messages, "max_tokens": MAX_TOKENS, "stream": stream}
        while True:
            try:
                async with session.post(f"{self._url()}/v1/chat/completions", json=body) as answer:
                    if answer.status == 200:
                        tokens = await (_streamed(answer) if stream else _whole(answer))
                        self.tokens += tokens
                        self.answers += 1
                        return
                    code = (await answer.json())["error"]["code"]
            except aiohttp.ClientConnectorError:  # the door is not there
                code = NEVER_SENT[0]
            except (aiohttp.ClientError, OSError, ValueError) as problem:
                code = type(problem).__name__
            await asyncio.sleep(PAUSE_SECONDS)
            if code not in NEVER_SENT:
                self.lost[code] += 1
                return
            self.not_taken += 1


async def _whole(answer: aiohttp.ClientResponse) -> int:
    """The tokens of an answer in one piece."""
    return _tokens(await answer.json())


async def _streamed(answer: aiohttp.ClientResponse) -> int:
    """Those of a stream. Raises `ValueError`: it is not whole."""
    last = b""
    async for line in answer.content:
        if line == b"data: [DONE]\n":
            return _tokens(json.loads(last.removeprefix(b"data: ")))
        if line.strip():
            last = line
    raise ValueError("a stream without an end")


def _tokens(answer: dict[str, Any]) -> int:
    tokens: int = answer["usage"]["total_tokens"]
    return tokens
