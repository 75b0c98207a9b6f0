"""A proxy with as little as the worker's tests need, a book in memory, and engines that do as told."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from loopback import listening
from mulberry.cocoon.channel import Channel
from mulberry.cocoon.frames import MOST_BODY_BYTES
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    ExtendedCompareBalanceWithProxy,
    ExtendedCompareBalanceWithProxyResult,
    HttpRequest,
    PaymentStatus,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    RunQuery,
    RunQueryEx,
    SignedPaymentEmpty,
    UpdatePaymentStatus,
)
from mulberry.cocoon.requests import CheckedRequest, Path
from mulberry.cocoon.seams import Booked, BookFull, Identity, ProxyDistrusted, Served
from mulberry.cocoon.strict_json import JsonObject
from mulberry.cocoon.tl import Message, encode
from mulberry.cocoon.usage import Prices
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.clock import Clock
from mulberry.model.money import Nanoton
from mulberry.model.payments import Counters
from mulberry.model.root_contract import ProxyAddress

MODEL = "Qwen/Qwen3-8B"
PRICES = Prices(10_000, 10_000, 10_000, 10_000, worker_fee_per_token=Nanoton(20), price_per_token=Nanoton(2))
IDENTITY = Identity("owner", MODEL + "@commit:hash", 1000, is_test=True, proxy_count=1, max_active_requests=3)
USAGE = {
    "prompt_tokens": 34,
    "prompt_tokens_details": {"cached_tokens": 11},
    "completion_tokens": 100,
    "completion_tokens_details": {"reasoning_tokens": 10},
}
COSTS = {"prompt_total_cost": 68, "completion_total_cost": 200, "total_cost": 268}
ANSWER: JsonObject = {"id": "1", "choices": [{"message": {"content": "hello"}}], "usage": USAGE}


def run_query(
    number: int = 1,
    *,
    body: JsonObject | bytes | None = None,
    timeout: float = 100.0,
    stream: bool = False,
    **more: Any,
) -> RunQueryEx:
    """A chat request; `number` becomes its id."""
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    payload = body if isinstance(body, bytes) else json.dumps(chat if body is None else body).encode()
    query = encode(HttpRequest("POST", Path.CHAT, "HTTP/1.1", (), payload))
    fields: dict[str, Any] = {"signed_payment": SignedPaymentEmpty(), "coefficient": 1000, "enable_debug": False} | more
    return RunQueryEx(query=query, timeout=timeout, request_id=request_id(number), **fields)


def run_query_of_old(number: int = 1, *, stream: bool = False) -> RunQuery:
    new = run_query(number, stream=stream)
    return RunQuery(new.query, new.signed_payment, new.coefficient, new.timeout, new.request_id)


def request_id(number: int) -> bytes:
    return number.to_bytes(32, "big")


class SmallProxy:
    """Answers the handshake as its attributes say and keeps all that comes."""

    def __init__(self) -> None:
        self.params = ProxyParams(bytes(32), "proxy owner", "proxy contract", is_test=True, proto_version=2)
        self.answers: dict[type[Message], Message] = {
            CompareBalanceWithProxy: CompareBalanceWithProxyResult(SignedPaymentEmpty(), 0, 0, 0),
            ExtendedCompareBalanceWithProxy: ExtendedCompareBalanceWithProxyResult(0),
            ProxyHandshakeComplete: ProxyHandshakeCompleted(),
            UpdatePaymentStatus: PaymentStatus(SignedPaymentEmpty(), 0, 0),
        }
        self.refusal: Exception | None = None
        self.questions: list[Message] = []
        self.packets: asyncio.Queue[Message] = asyncio.Queue()
        self.channels: list[Channel] = []
        self.at_once: list[Message] = []  # sent in one piece with the handshake's last answer
        self.behind_status: list[Message] = []  # the same with a payment status

    def listener(self) -> Callable[[], asyncio.Protocol]:
        """For a port of this computer."""
        return Channel.listener(self.accept, random=Random(4))

    def accept(self, channel: Channel) -> "SmallProxy":
        self.channels.append(channel)
        return self

    async def hang_up(self) -> None:
        for channel in self.channels:
            channel.close("the test is over")
            await channel.wait_closed()

    @property
    def channel(self) -> Channel:
        return self.channels[-1]

    def send(self, message: Message) -> None:
        self.channel.send(message)

    async def next(self) -> Any:
        """The worker's next packet; Any, so that a test may read the fields it expects."""
        return await self.packets.get()

    def received(self, message: Message) -> None:
        self.packets.put_nowait(message)

    async def answer(self, message: Message) -> Message:
        self.questions.append(message)
        if self.refusal is not None:
            raise self.refusal
        if isinstance(message, ConnectToProxy):
            return self.answers.get(ConnectToProxy) or ConnectedToProxy(self.params, "worker contract")
        packets = {ProxyHandshakeComplete: self.at_once, UpdatePaymentStatus: self.behind_status}.get(type(message), [])
        for packet in packets:
            asyncio.get_running_loop().call_soon(self.send, packet)
        return self.answers[type(message)]

    def closed(self, why: str) -> None:
        pass


class MemoryBook:
    """Remembers everything; distrusts payments that say so."""

    def __init__(self) -> None:
        self.known = Counters()
        self.met: list[str] = []
        self.payments: list[bytes] = []
        self.counted: list[tuple[int, int]] = []
        self.confirmed: dict[bytes, int] = {}
        self.served: list[Served] = []
        self.is_full = False
        self.bug: Exception | None = None

    def counters(self) -> Counters:
        return self.known

    def meet(self, proxy: ProxyParams, untrusted_worker_contract: str) -> None:
        if untrusted_worker_contract == "foreign":
            raise ProxyDistrusted("not our contract")
        self.met.append(untrusted_worker_contract)

    def take_payment(self, untrusted_boc: bytes) -> None:
        if untrusted_boc == b"forged":
            raise ProxyDistrusted("a payment with a wrong signature")
        self.payments.append(untrusted_boc)

    def take_counters(self, committed_to_db: int, max_known: int) -> None:
        self.counted.append((committed_to_db, max_known))

    def confirm(self, request_id: bytes, tokens: int) -> None:
        self.confirmed[request_id] = tokens

    def book(self, served: Served, booked: Booked) -> None:
        self.served.append(served)
        booked(BookFull("no space left on the disk") if self.is_full else self.bug)


class Scripted:
    """Gives the same objects for every request, or ends as told."""

    def __init__(self, *answers: JsonObject, end: Exception | None = None) -> None:
        self.answers = answers
        self.end = end
        self.requests: list[CheckedRequest] = []

    async def answer(self, request: CheckedRequest) -> AsyncGenerator[JsonObject, None]:
        self.requests.append(request)
        for answer in self.answers:
            yield answer
        if self.end is not None:
            raise self.end


class Stepwise:
    """Gives what the test puts into `answers`; None ends it. Counts how many run and how many were left early."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        self.running = 0
        self.left = 0

    async def answer(self, request: CheckedRequest) -> AsyncGenerator[JsonObject, None]:
        self.running += 1
        is_done = False
        try:
            while (answer := await self.answers.get()) is not None:
                yield answer
            is_done = True
        finally:
            self.running -= 1
            self.left += not is_done


@dataclass
class Work:
    """One session at one proxy."""

    session: WorkerSession
    running: asyncio.Task[None]
    address: ProxyAddress
    changes: list[bool] = field(default_factory=list)


@asynccontextmanager
async def at_work(
    proxy: SmallProxy,
    backend: Any,
    book: MemoryBook,
    clock: Clock,
    *,
    identity: Identity = IDENTITY,
    on_change: Callable[[], None] = lambda: None,
    largest_request_bytes: int = MOST_BODY_BYTES,
) -> AsyncIterator[Work]:
    """A session that has shaken hands, or failed to: then `running` is done."""
    connected = asyncio.Event()

    def changed() -> None:
        on_change()
        connected.set()

    session = WorkerSession(
        identity,
        PRICES,
        backend,
        book,
        clock=clock,
        random=Random(3),
        on_change=changed,
        largest_request_bytes=largest_request_bytes,
    )
    async with listening(proxy.listener()) as port:
        address = ProxyAddress("127.0.0.1", port)
        running = asyncio.ensure_future(session.run(address))
        waiting = asyncio.ensure_future(connected.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            yield Work(session, running, address)
        finally:
            session.close("the test is over")
            await asyncio.gather(running, return_exceptions=True)
            await proxy.hang_up()
