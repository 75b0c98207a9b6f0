"""What the protocol costs, without an engine: requests through one connection, both ends in this process on one core.

The worker's session is the real one: check, count, price, book (in memory), answer. The engine answers at once. The
other end is as small as a proxy can be, so about half of the time is the worker's.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from random import Random

from mulberry.cocoon.channel import Channel
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    HttpRequest,
    PaymentStatus,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    QueryAnswerEx,
    QueryAnswerPartEx,
    RunQueryEx,
    SignedPayment,
    SignedPaymentEmpty,
    UpdatePaymentStatus,
)
from mulberry.cocoon.requests import CheckedRequest
from mulberry.cocoon.seams import Identity, Served
from mulberry.cocoon.strict_json import JsonObject
from mulberry.cocoon.tl import Message, encode
from mulberry.cocoon.usage import Prices
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.clock import SystemClock
from mulberry.model.money import Nanoton
from mulberry.model.payments import Counters
from mulberry.model.root_contract import ProxyAddress

GOAL_PER_SECOND = 1_000
SECONDS = 2.0
AT_ONCE = 16
CHUNKS = 10
USAGE = {"prompt_tokens": 34, "completion_tokens": 100, "total_tokens": 134}
PLAIN: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "tiny",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "7 + 5 = 12."}, "finish_reason": "stop"}],
    "usage": USAGE,
}
CHUNK: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "tiny",
    "choices": [{"index": 0, "delta": {"content": "7"}, "finish_reason": None}],
}


class AtOnce:
    """The engine."""

    async def answer(self, request: CheckedRequest) -> AsyncGenerator[JsonObject, None]:
        if not request.stream:
            yield PLAIN
            return
        for _ in range(CHUNKS):
            yield CHUNK
        yield {**CHUNK, "choices": [], "usage": USAGE}


class CountingBook:
    """The book; a real one adds what its disk costs."""

    def __init__(self) -> None:
        self.tokens = 0

    def counters(self) -> Counters:
        return Counters()

    def meet(self, proxy: ProxyParams, untrusted_worker_contract: str) -> None:
        pass

    def take_payment(self, untrusted_boc: bytes) -> None:
        pass

    def take_counters(self, committed_to_db: int, max_known: int) -> None:
        pass

    def confirm(self, request_id: bytes, tokens: int) -> None:
        pass

    def book(self, served: Served) -> None:
        self.tokens += served.adjusted.total


class BusyProxy:
    """Keeps `AT_ONCE` requests under way from the handshake on."""

    def __init__(self, *, stream: bool) -> None:
        body = {"model": "tiny", "messages": [{"role": "user", "content": "What is 7 + 5?"}], "stream": stream}
        request = HttpRequest("POST", "/v1/chat/completions", "HTTP/1.1", (), json.dumps(body).encode())
        self.query = encode(request)
        self.finished = 0
        self.sent = 0
        self.channel: Channel | None = None

    def accept(self, channel: Channel) -> "BusyProxy":
        self.channel = channel
        return self

    def send_request(self) -> None:
        assert self.channel is not None
        self.sent += 1
        payment = SignedPayment(bytes(180))
        self.channel.send(RunQueryEx(self.query, payment, 1000, 100.0, self.sent.to_bytes(32, "big"), False))

    def received(self, message: Message) -> None:
        if isinstance(message, QueryAnswerEx | QueryAnswerPartEx) and message.final_info is not None:
            assert message.final_info.tokens_used.total == 134
            self.finished += 1
            self.send_request()

    async def answer(self, message: Message) -> Message:
        match message:
            case ConnectToProxy():
                return ConnectedToProxy(ProxyParams(bytes(32), "owner", "proxy", True, 2), "worker")
            case CompareBalanceWithProxy():
                return CompareBalanceWithProxyResult(SignedPaymentEmpty(), 0, 0, 0)
            case ProxyHandshakeComplete():
                return ProxyHandshakeCompleted()
            case UpdatePaymentStatus():
                return PaymentStatus(SignedPaymentEmpty(), 0, 0)
        raise AssertionError(message)

    def closed(self, why: str) -> None:
        pass


async def measure(*, stream: bool) -> tuple[float, float]:
    """Requests a second of one core's time, and CPU milliseconds a request."""
    proxy, connected = BusyProxy(stream=stream), asyncio.Event()
    flat = Prices(10_000, 10_000, 10_000, 10_000, worker_fee_per_token=Nanoton(20), price_per_token=Nanoton(24))
    identity = Identity("owner", "tiny@1:2", 1000, is_test=True, proxy_count=1, max_active_requests=AT_ONCE)
    session = WorkerSession(
        identity,
        flat,
        AtOnce(),
        CountingBook(),
        clock=SystemClock(),
        random=Random(1),
        on_change=connected.set,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Channel.listener(proxy.accept, random=Random(2)), "127.0.0.1", 0)
    running = loop.create_task(session.run(ProxyAddress("127.0.0.1", server.sockets[0].getsockname()[1])))
    await connected.wait()
    for _ in range(AT_ONCE):
        proxy.send_request()
    await asyncio.sleep(0.2)
    finished, started = proxy.finished, time.process_time()
    await asyncio.sleep(SECONDS)
    requests, cpu_seconds = proxy.finished - finished, time.process_time() - started
    session.close("measured")
    await running
    server.close()
    await server.wait_closed()
    return requests / cpu_seconds, cpu_seconds / requests * 1000


def main() -> None:
    print(f"protocol only, {AT_ONCE} requests at once, both ends on one core")
    for stream in (False, True):
        per_second, milliseconds = asyncio.run(measure(stream=stream))
        what = f"streamed, {CHUNKS + 2} parts" if stream else "plain"
        ratio = per_second / GOAL_PER_SECOND
        print(f"{what:20}{per_second:8,.0f} requests/s of CPU {milliseconds:8.2f} ms a request {ratio:6.1f} x the goal")


if __name__ == "__main__":
    main()
