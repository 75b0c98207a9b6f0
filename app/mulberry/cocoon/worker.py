"""The worker's side of one proxy connection: handshake, work, payments.

Source: the protocol page, sections 3 to 5. The session knows neither who runs jobs (`Backend`) nor who keeps the money
(`Book`).

Where the page leaves a choice: a request id that is already running is a breach of the protocol, because no answer to
it could be told from the other one's; too many requests at once are refused without being booked.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import Random

from mulberry.cocoon.asked_price import AskedPrice
from mulberry.cocoon.channel import Channel, ChannelClosed, ProtocolError, QueryRefused
from mulberry.cocoon.dues import CountersFell, Dues
from mulberry.cocoon.frames import MOST_BODY_BYTES
from mulberry.cocoon.handshake import ask, compared, introduced, settled
from mulberry.cocoon.messages import (
    EnabledDisabled,
    NewCoefficient,
    PaymentStatus,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    RunQuery,
    RunQueryEx,
    SignedPayment,
    SignedPaymentEmpty,
    UpdatePaymentStatus,
    WorkerRequestPayment,
)
from mulberry.cocoon.seams import (
    COEFFICIENT_LIMIT,
    Backend,
    Book,
    BookFull,
    Identity,
    ProxyDistrusted,
    Served,
)
from mulberry.cocoon.serving import NOT_READY_CODE, Serving, Terms
from mulberry.cocoon.tl import Message
from mulberry.cocoon.transports import OnProgress, Transport
from mulberry.cocoon.usage import Prices
from mulberry.model.attestation import PeerEvidence
from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.model.payments import Counters
from mulberry.model.root_contract import ProxyAddress

PAYMENT_STATUS_SECONDS = (10.0, 20.0)  # asked for after a random time between these

log = logging.getLogger(__name__)


class WorkerSession:
    """Work for one proxy: `run` connects and serves until the connection ends, and may be called again after that.

    `on_change` is called whenever one of the properties may have changed, up to several times a request.
    """

    def __init__(
        self,
        identity: Identity,
        prices: Prices,
        backend: Backend,
        book: Book,
        *,
        clock: Clock,
        random: Random,
        on_change: Callable[[], None] = lambda: None,
        largest_request_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self._identity = identity
        self._prices = prices
        self._backend = backend
        self._book = book
        self._clock = clock
        self._random = random
        self._on_change = on_change
        self._largest_request_bytes = largest_request_bytes
        self._price = AskedPrice(identity.coefficient)
        self._wanted = True  # by the owner
        self._book_full = False
        self._is_connected = False
        self._channel: Channel | None = None
        self._terms: Terms | None = None  # from the handshake's last step on
        self._proxy: ProxyParams | None = None
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._booking: set[bytes] = set()  # those of them that the book has and has not written yet
        self._idle = asyncio.Event()
        self._idle.set()
        self._told_enabled = True
        self._dues = Dues(book)
        self._failure: ProxyDistrusted | CountersFell | None = None
        self._closed_by_owner = False

    # What the owner sees and does

    @property
    def is_connected(self) -> bool:
        """The handshake is through and the connection stands."""
        return self._is_connected

    @property
    def proxy(self) -> ProxyParams | None:
        """Who is at the other end, while connected."""
        return self._proxy

    @property
    def evidence(self) -> PeerEvidence | None:
        """What the other end showed, while connected; None also where it was asked for nothing."""
        return self._channel.evidence if self._channel is not None else None

    @property
    def running_requests(self) -> int:
        return len(self._running)

    @property
    def is_enabled(self) -> bool:
        """Requests are taken. False when the owner does not want them or the book is full."""
        return self._wanted and not self._book_full

    @property
    def is_book_full(self) -> bool:
        """Requests are not taken since `BookFull`, until `set_enabled(True)`."""
        return self._book_full

    def set_enabled(self, wanted: bool) -> None:
        """Takes requests, or no new ones. Enabling also forgives a full book."""
        self._wanted = wanted
        self._book_full = self._book_full and not wanted
        self._tell_enabled()

    def set_coefficient(self, coefficient: int) -> None:
        """In thousandths. Raises `ValueError` when out of range."""
        self._identity = replace(self._identity, coefficient=coefficient)
        self._price.change(coefficient, asyncio.get_running_loop().time())
        self._send(NewCoefficient(coefficient))

    async def finish(self) -> None:
        """Takes no new requests and returns when none runs. The connection stays: confirmations may still come."""
        self.set_enabled(False)
        await self._idle.wait()

    def cancel_all(self) -> None:
        """Ends all running requests at once; the proxy is told."""
        for task in self._running.values():
            if not task.cancelling():  # a second cancellation would cut the first one's tidying short
                task.cancel()

    def close(self, why: str) -> None:
        """Ends the session; `run` returns."""
        self._closed_by_owner = True
        if self._channel is not None:
            self._channel.close(why)

    async def run(
        self,
        endpoint: ProxyAddress,
        transport: Transport | None = None,
        on_progress: OnProgress = lambda said: None,
    ) -> None:
        """Connects, shakes hands and serves. Returns when `close` was called; otherwise ends with `ChannelClosed`,
        `PeerNotProven`, `CountersFell`, `ProxyRefused` or `ProxyDistrusted`. `transport` as in `Channel.dial`."""
        self._failure = None
        self._closed_by_owner = False
        channel = await Channel.dial(endpoint, self, random=self._random, transport=transport, on_progress=on_progress)
        self._channel = channel
        try:
            if self._closed_by_owner:
                return
            await self._shake_hands(channel)
            self._is_connected = True
            log.info("serving for the proxy at %s", endpoint)
            self._on_change()
            await self._keep_payment_status(channel)
        except CountersFell:
            raise
        except ChannelClosed:
            if not self._closed_by_owner:
                raise self._failure or ChannelClosed(await channel.wait_closed()) from None
        except ProtocolError as problem:
            raise ChannelClosed(tr("the proxy broke the protocol: {problem}", problem=problem)) from None
        finally:
            channel.close(tr("the session ended"))
            self.cancel_all()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await self._idle.wait()  # until they are booked
            await channel.wait_closed()
            self._channel = None

    # The handshake

    async def _shake_hands(self, channel: Channel) -> None:
        connected, protocol = await introduced(channel, self._identity)
        self._book.meet(connected.params, connected.worker_sc_address)
        self._proxy = connected.params

        known = self._book.counters()
        claimed = self._dues.claimed(known) if self._identity.has_chain else Counters()
        theirs = await compared(channel, claimed, known)
        self._dues.begin(theirs)
        if theirs.error_code:
            await self._settle(channel)

        self._told_enabled = self.is_enabled
        self._terms = Terms(
            model_base_name=self._identity.model_base_name,
            prices=self._prices,
            protocol=protocol,
            backend=self._backend,
            clock=self._clock,
            channel=channel,
            book=self._book_served,
            largest_request_bytes=self._largest_request_bytes,
        )  # before the question: the first request may come in one piece with its answer
        await ask(channel, ProxyHandshakeComplete(not self._told_enabled), ProxyHandshakeCompleted)

    async def _settle(self, channel: Channel) -> None:
        """Asks the proxy to go on although it lost what it had not saved. The public proxy refuses to talk about it,
        so the next attempt claims no more than it knows."""
        self._dues.gives_in = True
        await settled(channel, self._dues.committed_to_db)
        self._dues.gives_in = False

    # What the proxy sends

    def received(self, message: Message) -> None:
        if self._terms is None:
            raise ProtocolError(f"{message.tl_name} before the handshake is through")
        with self._failing(self._terms.channel):
            self._take(self._terms, message)

    def _take_status(self, channel: Channel, answer: Message) -> None:
        """Called at its arrival: a payment right behind the answer knows more than the answer does."""
        if isinstance(answer, PaymentStatus):  # what is none, `ask` refuses
            with self._failing(channel):
                self._dues.take_payment(answer.signed_payment)
                self._dues.take_counters(answer.db_tokens, answer.max_tokens)

    @contextmanager
    def _failing(self, channel: Channel) -> Iterator[None]:
        """What proves the proxy wrong ends the session and is its reason."""
        try:
            yield
        except (ProxyDistrusted, CountersFell) as failure:
            self._failure = failure
            channel.close(str(failure))

    async def answer(self, message: Message) -> Message:
        raise QueryRefused(NOT_READY_CODE, f"a worker does not answer {message.tl_name}")

    def closed(self, why: str) -> None:
        log.info("the session ended: %s", why)
        self._is_connected = False
        self._terms = None
        self._proxy = None
        self.cancel_all()
        self._on_change()

    def _take(self, terms: Terms, message: Message) -> None:
        match message:
            case RunQueryEx() | RunQuery():
                self._dues.take_payment(message.signed_payment)
                self._take_request(terms, message)
            case WorkerRequestPayment():
                self._dues.take_payment(message.signed_payment)
                self._dues.take_counters(message.db_tokens, message.max_tokens)
                if message.request_tokens < 0:
                    raise ProtocolError("a request that earned less than nothing")
                self._book.confirm(message.request_id, message.request_tokens)
            case SignedPayment() | SignedPaymentEmpty():
                self._dues.take_payment(message)
            case _:
                raise ProtocolError(f"{message.tl_name} is not for a worker")

    def _take_request(self, terms: Terms, query: RunQueryEx | RunQuery) -> None:
        if not 0 < query.timeout < math.inf:
            raise ProtocolError("a request without a time limit")
        if not 0 <= query.coefficient < COEFFICIENT_LIMIT:
            raise ProtocolError("a request with an impossible coefficient")
        asked = self._price.least(asyncio.get_running_loop().time())
        if query.coefficient < asked:
            raise ProxyDistrusted(
                tr(
                    "it offered a coefficient of {coefficient}, below the {asked} that you ask",
                    coefficient=query.coefficient,
                    asked=asked,
                )
            )
        if query.request_id in self._running:
            raise ProtocolError("a request that is already running")
        serving = Serving(query, terms)
        if len(self._running) >= self._identity.max_active_requests:
            terms.channel.send(serving.not_taken("too many active queries"))
        elif not self.is_enabled:
            terms.channel.send(serving.not_taken("the worker is disabled"))
        else:
            task = asyncio.get_running_loop().create_task(serving.run())
            self._running[query.request_id] = task
            self._idle.clear()
            task.add_done_callback(partial(self._ended, query.request_id))
            self._on_change()

    def _ended(self, request_id: bytes, task: asyncio.Task[None]) -> None:
        """Of the task; the request ends when it is booked."""
        bug = None if task.cancelled() else task.exception()
        if bug is not None:
            problem = {"message": "a request could not be booked", "exception": bug}
            asyncio.get_running_loop().call_exception_handler(problem)
            self._booking.discard(request_id)
            self._break()
        if self._running.get(request_id) is task and request_id not in self._booking:  # cancelled before its first step
            self._free(request_id)
            self._on_change()

    def _book_served(self, served: Served, say_last: Callable[[], None]) -> None:
        self._booking.add(served.request_id)
        self._book.book(served, partial(self._booked, served.request_id, say_last))

    def _booked(self, request_id: bytes, say_last: Callable[[], None], problem: Exception | None) -> None:
        """Frees the request's place before its last message: the proxy may fill it as soon as it reads that."""
        self._booking.discard(request_id)
        if isinstance(problem, BookFull):  # the book keeps the fact in memory; what must not happen is more work
            log.warning("taking no requests: %s", problem)
            self._book_full = True
            self._tell_enabled()
        elif problem is not None:
            self._break()
        self._free(request_id)
        say_last()
        self._on_change()

    def _break(self) -> None:
        """A bug of ours: what the proxy would be told next may be wrong."""
        if self._channel is not None:
            self._channel.close(tr("an error in Mulberry, see its log"))

    def _free(self, request_id: bytes) -> None:
        self._running.pop(request_id, None)
        if not self._running:
            self._idle.set()

    # What we send by ourselves

    async def _keep_payment_status(self, channel: Channel) -> None:
        """Asks from time to time. Raises `ChannelClosed` when the connection ends."""
        while True:
            try:
                async with asyncio.timeout(self._random.uniform(*PAYMENT_STATUS_SECONDS)):
                    raise ChannelClosed(await channel.wait_closed())
            except TimeoutError:
                await ask(channel, UpdatePaymentStatus(), PaymentStatus, partial(self._take_status, channel))

    def _tell_enabled(self) -> None:
        if self._terms is not None and self._told_enabled != self.is_enabled:
            self._told_enabled = self.is_enabled
            self._send(EnabledDisabled(int(not self._told_enabled)))
        self._on_change()

    def _send(self, message: Message) -> None:
        """For what only matters while there is a connection."""
        if self._terms is not None and not self._terms.channel.is_closed:
            self._terms.channel.send(message)
