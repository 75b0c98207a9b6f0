"""A real worker session with an engine and a book that live in memory, for tests of the demo network's side."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from mulberry.cocoon.channel import Channel, QueryRefused
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    ConnectedToProxy,
    ConnectToProxy,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    RunQueryEx,
    WorkerParams,
)
from mulberry.cocoon.requests import CheckedRequest
from mulberry.cocoon.seams import Booked, Identity, ProxyDistrusted, Served
from mulberry.cocoon.strict_json import JsonObject
from mulberry.cocoon.tl import Message
from mulberry.cocoon.transports import Transport
from mulberry.cocoon.usage import Prices
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.clock import SystemClock
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.payments import Counters
from mulberry.model.root_contract import ProxyAddress, RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from mulberry.ton.payment import VerifiedPayment, verify_payment

DEMO = load_profile("demo")
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


class Echo:
    """Answers at once with the customer's last words, or what `knows` says to them; a stream word by word.

    `gate` holds it back while it is clear.
    """

    def __init__(self, knows: Mapping[str, str] | None = None) -> None:
        self.knows = knows or {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = 0

    async def answer(self, request: CheckedRequest) -> AsyncGenerator[JsonObject, None]:
        text = request.body["messages"][-1]["content"] if "messages" in request.body else request.body["prompt"]
        text = self.knows.get(text, text)
        kind = "chat.completion.chunk" if request.stream else "chat.completion"
        base = {"id": "1", "object": kind, "created": 1, "model": request.body["model"]}
        try:
            if not request.stream:
                await self.gate.wait()
                message = {"role": "assistant", "content": text}
                choice = {"index": 0, "message": message, "text": text, "finish_reason": "stop"}
                yield {**base, "choices": [choice], "usage": USAGE}
                return
            for word in text.split(" "):
                delta = {"content": f"{word} "}
                yield {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
                await self.gate.wait()
            yield {**base, "choices": [], "usage": USAGE}
        finally:
            self.closed += 1


@dataclass
class MemoryBook:
    """Checks what a real book checks, and keeps everything for the test to look at."""

    profile: NetworkProfile
    parameters: RootParameters | None = None  # None: as the profile says
    known: Counters = field(default_factory=Counters)
    proxy: ProxyParams | None = None
    contract: Address | None = None
    payments: list[VerifiedPayment] = field(default_factory=list)
    bocs: list[bytes] = field(default_factory=list)
    confirmed: dict[bytes, int] = field(default_factory=dict)
    served: list[Served] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def counters(self) -> Counters:
        return self.known

    def meet(self, proxy: ProxyParams, untrusted_worker_contract: str) -> None:
        parameters = self.parameters or self.profile.root_parameters()
        owner = parse_address(proxy.proxy_owner_address)
        proxy_contract = proxy_contract_address(parameters, proxy.proxy_public_key, owner)
        if proxy_contract != parse_address(proxy.proxy_sc_address):
            raise ProxyDistrusted("another proxy contract")
        ours = parse_address(self.profile.owner_address)
        self.contract = worker_contract_address(parameters, proxy.proxy_public_key, proxy_contract, ours)
        if self.contract != parse_address(untrusted_worker_contract):
            raise ProxyDistrusted("another worker contract")
        self.proxy = proxy

    def take_payment(self, untrusted_boc: bytes) -> None:
        assert self.proxy is not None
        assert self.contract is not None
        payment = verify_payment(untrusted_boc, proxy_key=self.proxy.proxy_public_key, worker_contract=self.contract)
        if payment.tokens < self.known.committed_to_blockchain:
            raise ProxyDistrusted("a payment fell")
        self.payments.append(payment)
        self.bocs.append(untrusted_boc)
        self.known = replace(self.known, committed_to_blockchain=payment.tokens)
        self.changed.set()

    def take_counters(self, committed_to_db: int, max_known: int) -> None:
        self.known = replace(self.known, committed_to_db=committed_to_db, max_known=max_known)
        self.changed.set()

    def confirm(self, request_id: bytes, tokens: int) -> None:
        self.confirmed[request_id] = tokens
        self.changed.set()

    def book(self, served: Served, booked: Booked) -> None:
        self.served.append(served)
        booked(None)

    async def until_paid(self, tokens: int) -> None:
        """Returns when a signed payment of so many tokens is there."""
        while not self.payments or self.payments[-1].tokens < tokens:
            self.changed.clear()
            await self.changed.wait()

    async def until_confirmed(self, requests: int) -> None:
        while len(self.confirmed) < requests:
            self.changed.clear()
            await self.changed.wait()


@dataclass
class Worker:
    session: WorkerSession
    book: MemoryBook
    engine: Echo
    run: asyncio.Task[None]
    changed: asyncio.Event

    async def until_running(self, requests: int) -> None:
        while self.session.running_requests != requests:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def connected_worker(
    profile: NetworkProfile,
    port: int,
    *,
    slots: int = 4,
    book: MemoryBook | None = None,
    engine: Echo | None = None,
    transport: Transport | None = None,
    **other: Any,
) -> AsyncIterator[Worker]:
    """A worker that has shaken hands; it is gone when the block ends. `other` goes before the rest of its identity.

    Without a `transport` it speaks plain TCP, whatever the profile says.
    """
    book = book or MemoryBook(profile)
    engine = engine or Echo()
    identity = Identity(
        owner_address=profile.owner_address,
        model=profile.model,
        coefficient=1000,
        is_test=True,
        proxy_count=1,
        max_active_requests=slots,
    )
    identity = replace(identity, **other)
    ready, changed = asyncio.Event(), asyncio.Event()

    def on_change() -> None:
        changed.set()
        if session.is_connected:
            ready.set()

    session = WorkerSession(
        identity,
        Prices.of(book.parameters or profile.root_parameters()),
        engine,
        book,
        clock=SystemClock(),
        random=Random(1),
        on_change=on_change,
    )
    run = asyncio.create_task(session.run(ProxyAddress("127.0.0.1", port), transport))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({run, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if run.done():
        run.result()
    try:
        yield Worker(session, book, engine, run, changed)
    finally:
        session.close("the test is over")
        await asyncio.wait({run})
        if not run.cancelled() and run.exception() is None:
            run.result()


PARAMS = WorkerParams(
    worker_owner_address=DEMO.owner_address,
    model=DEMO.model,
    coefficient=1000,
    is_test=True,
    proxy_cnt=1,
    max_active_requests=4,
    min_proto_version=1,
    max_proto_version=2,
)


class ByHand:
    """A worker of which the test says every word."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()

    def received(self, message: Message) -> None:
        self.inbox.put_nowait(message)

    async def answer(self, message: Message) -> Message:
        raise QueryRefused(1, "no")

    def closed(self, why: str) -> None:
        pass

    async def asked(self) -> RunQueryEx:
        """The next message, which must be a request."""
        message = await self.inbox.get()
        assert isinstance(message, RunQueryEx)
        return message


async def worker_by_hand(port: int, params: WorkerParams = PARAMS) -> tuple[Channel, ByHand]:
    """One that has shaken hands."""
    worker = ByHand()
    channel = await Channel.dial(ProxyAddress("127.0.0.1", port), worker, random=Random(1))
    assert isinstance(await channel.query(ConnectToProxy(params)), ConnectedToProxy)
    await channel.query(CompareBalanceWithProxy(0, 0, 0))
    assert isinstance(await channel.query(ProxyHandshakeComplete(False)), ProxyHandshakeCompleted)
    return channel, worker
