"""One worker's connection as the demo proxy sees it: handshake, requests out, answers in.

Source: protocol page, sections 3 and 4. What a worker does against the protocol closes its connection with the reason;
the proxy goes on, and so do other workers.
"""

import asyncio
import logging
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from mulberry.cocoon.channel import Channel, ProtocolError, QueryRefused, foreign_text
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    EnabledDisabled,
    ExtendedCompareBalanceWithProxy,
    ExtendedCompareBalanceWithProxyResult,
    HttpResponse,
    NewCoefficient,
    PaymentStatus,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    QueryAnswerErrorEx,
    QueryAnswerEx,
    QueryAnswerPartEx,
    QueryFinalInfo,
    RunQueryEx,
    SignedPayment,
    UpdatePaymentStatus,
    WorkerParams,
    WorkerRequestPayment,
)
from mulberry.cocoon.requests import REFUSED_CODE
from mulberry.cocoon.seams import COEFFICIENT_LIMIT
from mulberry.cocoon.serving import CANCELLED_CODE, NOT_READY_CODE, TIMEOUT_CODE
from mulberry.cocoon.tl import Message, TlError, decode_as
from mulberry.demo.accounts import Account
from mulberry.demo.reply import Reply, RequestFailed
from mulberry.ton.address import Address, AddressError, parse_address

PROTOCOL_VERSIONS = (1, 2)  # protocol 0 has other answers, and no worker speaks it any more
HANDSHAKE_SECONDS = 30.0
REQUEST_SECONDS = 120.0
GRACE_SECONDS = 10.0  # a worker ends a request by itself before its time is over
RETRY_AFTER_SECONDS = 2
PROXY_ROLLED_BACK = 1  # the error code that asks a worker for the extended comparison
BODILESS_STATUS = (204, 205, 304)

log = logging.getLogger(__name__)


class Proxy(Protocol):
    """What a link needs of the proxy it belongs to."""

    client_owner: str  # who pays for the requests, as an address

    def introduce(self, version: int) -> ProxyParams:
        """The proxy's side of the handshake, in the protocol's `version`."""
        ...

    def check(self, params: WorkerParams) -> None:
        """Raises `QueryRefused`: this worker has no place in this network."""

    def account_of(self, owner: Address) -> Account:
        """The account of the worker of `owner`, opened when it is new."""
        ...

    def account(self, worker_contract: Address) -> Account:
        """An open account as it is now."""
        ...

    def earn(self, worker_contract: Address, tokens: int) -> Account:
        """The account after one more request, written down."""
        ...

    def link_changed(self, link: "WorkerLink") -> None:
        """A slot may be free, or the link is gone."""


class Stage(Enum):
    """What the worker has to say next."""

    CONNECT = auto()
    COMPARE = auto()
    EXTENDED_COMPARE = auto()
    COMPLETE = auto()
    WORK = auto()
    CLOSED = auto()


@dataclass(slots=True)
class _Running:
    reply: Reply
    deadline: asyncio.TimerHandle
    has_head: bool = False


class WorkerLink:
    """The handler of one channel. `slots` is how many requests the worker takes over this connection at once."""

    def __init__(self, proxy: Proxy, channel: Channel) -> None:
        self._proxy = proxy
        self._channel = channel
        self._stage = Stage.CONNECT
        self._contract: Address | None = None
        self._is_enabled = False
        self._running: dict[bytes, _Running] = {}
        self.slots = 0
        self.coefficient = 0  # thousandths
        self._handshake_deadline = asyncio.get_running_loop().call_later(
            HANDSHAKE_SECONDS, channel.close, "the worker did not complete the handshake"
        )

    @property
    def is_ready(self) -> bool:
        """Work can be sent, as far as there are slots."""
        return self._is_working and self._is_enabled

    @property
    def is_gone(self) -> bool:
        return self._stage is Stage.CLOSED

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def load(self) -> tuple[float, int]:
        """Smaller is better: how full the worker is, then what it asks for."""
        return len(self._running) / self.slots, self.coefficient

    def run(self, request_id: bytes, query: bytes, reply: Reply) -> None:
        """Sends a request, an encoded `http.request`, to this ready worker, whose answer goes into `reply`."""
        message = RunQueryEx(
            query=query,
            signed_payment=SignedPayment(self._account.payment),
            coefficient=self.coefficient,
            timeout=REQUEST_SECONDS,
            request_id=request_id,
            enable_debug=False,
        )
        try:
            self._channel.send(message)
        except ValueError:  # larger than a frame
            reply.end(RequestFailed(413, "request_too_large", "The request does not fit into the protocol."))
            return
        deadline = asyncio.get_running_loop().call_later(
            REQUEST_SECONDS + GRACE_SECONDS, self._channel.close, "the worker did not answer a request in time"
        )
        self._running[request_id] = _Running(reply, deadline)

    def pay(self, account: Account) -> None:
        """Tells the worker of a newly signed payment, if it is for this worker."""
        if self._is_working and account.worker_contract == self._contract:
            self._channel.send(SignedPayment(account.payment))

    # What the channel calls

    async def answer(self, message: Message) -> Message:
        match self._stage, message:
            case Stage.CONNECT, ConnectToProxy():
                return self._connect(message.params)
            case Stage.COMPARE, CompareBalanceWithProxy():
                return self._compare(message)
            case Stage.EXTENDED_COMPARE, ExtendedCompareBalanceWithProxy():
                return self._compare_again(message)
            case Stage.COMPLETE, ProxyHandshakeComplete():
                self._handshake_deadline.cancel()
                self._stage = Stage.WORK
                self._is_enabled = not message.is_disabled
                log.info("a worker is connected, %d slots", self.slots)
                asyncio.get_running_loop().call_soon(self._proxy.link_changed, self)  # work comes after this answer
                return ProxyHandshakeCompleted()
            case Stage.WORK, UpdatePaymentStatus():
                account = self._account
                counters = account.counters
                return PaymentStatus(SignedPayment(account.payment), counters.committed_to_db, counters.max_known)
        self._channel.close(f"the worker broke the protocol: {message.tl_name} out of place")
        raise QueryRefused(REFUSED_CODE, "out of place")

    def received(self, message: Message) -> None:
        if self._stage is not Stage.WORK:
            raise ProtocolError(f"{message.tl_name} before the end of the handshake")
        match message:
            case QueryAnswerPartEx():
                self._take_part(message)
            case QueryAnswerEx():
                self._take_head(message)
            case QueryAnswerErrorEx():
                self._take_error(message)
            case EnabledDisabled(disabled=disabled):
                self._is_enabled = disabled == 0
                self._proxy.link_changed(self)
            case NewCoefficient(new_coefficient=coefficient):
                if not 0 <= coefficient < COEFFICIENT_LIMIT:
                    raise ProtocolError(f"a coefficient of {coefficient}")
                self.coefficient = coefficient
            case _:
                raise ProtocolError(f"{message.tl_name} out of place")

    def closed(self, why: str) -> None:
        self._stage = Stage.CLOSED
        self._handshake_deadline.cancel()
        for running in self._running.values():
            running.deadline.cancel()
            running.reply.end(RequestFailed(502, "worker_gone", f"The connection to the worker ended: {why}."))
        self._running.clear()
        self._proxy.link_changed(self)

    # The handshake

    def _connect(self, params: WorkerParams) -> Message:
        self._proxy.check(params)
        connections = 1 if params.proxy_cnt is None else params.proxy_cnt
        at_once = 1 if params.max_active_requests is None else params.max_active_requests
        version = min(params.max_proto_version or 0, PROTOCOL_VERSIONS[1])
        if connections < 1 or at_once < 1 or not 0 <= params.coefficient < COEFFICIENT_LIMIT:
            raise QueryRefused(REFUSED_CODE, "a number is out of range")
        if version < max(params.min_proto_version or 0, PROTOCOL_VERSIONS[0]):
            raise QueryRefused(REFUSED_CODE, "no common protocol version")
        try:
            account = self._proxy.account_of(parse_address(params.worker_owner_address))
        except AddressError as problem:
            raise QueryRefused(REFUSED_CODE, f"owner: {problem}") from problem
        self._contract = account.worker_contract
        self.slots = -(-at_once // connections)  # this connection's share, rounded up
        self.coefficient = params.coefficient
        self._stage = Stage.COMPARE
        return ConnectedToProxy(self._proxy.introduce(version), account.worker_contract.friendly())

    def _compare(self, theirs: CompareBalanceWithProxy) -> Message:
        account = self._account
        ours = account.counters
        knows_less = theirs.tokens_committed_to_db > ours.committed_to_db or theirs.max_tokens > ours.max_known
        self._stage = Stage.EXTENDED_COMPARE if knows_less else Stage.COMPLETE
        return CompareBalanceWithProxyResult(
            SignedPayment(account.payment),
            ours.committed_to_db,
            ours.max_known,
            error_code=PROXY_ROLLED_BACK if knows_less else 0,
        )

    def _compare_again(self, theirs: ExtendedCompareBalanceWithProxy) -> Message:
        """Promises that were never committed may be lost, with what was earned by them; committed ones never."""
        if theirs.tokens_committed_to_db > self._account.counters.committed_to_db:
            return ExtendedCompareBalanceWithProxyResult(PROXY_ROLLED_BACK)
        self._stage = Stage.COMPLETE
        return ExtendedCompareBalanceWithProxyResult(0)

    # Answers

    def _take_head(self, message: QueryAnswerEx) -> None:
        running = self._find(message.request_id)
        if running.has_head:
            raise ProtocolError("a second head of one answer")
        try:
            head = decode_as(HttpResponse, message.answer)
        except TlError as problem:
            raise ProtocolError(f"the head of an answer: {problem}") from problem
        if not 200 <= head.status_code <= 599 or head.status_code in BODILESS_STATUS:
            raise ProtocolError(f"an answer with HTTP status {head.status_code}")
        tokens = _tokens(message.final_info)
        running.has_head = True
        running.reply.put_head(head)
        if tokens is not None:
            self._finish(message.request_id, tokens)

    def _take_part(self, message: QueryAnswerPartEx) -> None:
        running = self._find(message.request_id)
        if not running.has_head:
            raise ProtocolError("the body of an answer before its head")
        tokens = _tokens(message.final_info)
        running.reply.put_part(message.answer)
        if tokens is not None:
            self._finish(message.request_id, tokens)

    def _take_error(self, message: QueryAnswerErrorEx) -> None:
        self._find(message.request_id)
        tokens = _tokens(message.final_info)
        if tokens is None:
            raise ProtocolError("an error without its final info")
        self._finish(message.request_id, tokens, _failure(message.error_code, message.error))

    def _find(self, request_id: bytes) -> _Running:
        running = self._running.get(request_id)
        if running is None:
            raise ProtocolError("an answer to a request that does not run")
        return running

    def _finish(self, request_id: bytes, tokens: int, failure: RequestFailed | None = None) -> None:
        running = self._running.pop(request_id)
        running.deadline.cancel()
        running.reply.end(failure)
        account = self._proxy.earn(self._account.worker_contract, tokens)
        counters = account.counters
        self._channel.send(
            WorkerRequestPayment(
                request_id=request_id,
                signed_payment=SignedPayment(account.payment),
                db_tokens=counters.committed_to_db,
                max_tokens=counters.max_known,
                request_tokens=tokens,
                request_client_owner=self._proxy.client_owner,
            )
        )
        self._proxy.link_changed(self)

    @property
    def _is_working(self) -> bool:
        return self._stage is Stage.WORK and not self._channel.is_closed

    @property
    def _account(self) -> Account:
        if self._contract is None:
            raise RuntimeError("the worker has not said who it is")
        return self._proxy.account(self._contract)


def _tokens(info: QueryFinalInfo | None) -> int | None:
    """What the request is worth, in adjusted tokens; None: it goes on. Raises `ProtocolError`: it does not add up."""
    if info is None:
        return None
    used = info.tokens_used
    parts = (used.prompt, used.cached, used.completion, used.reasoning)
    if min(parts) < 0 or sum(parts) != used.total:
        raise ProtocolError("token counts that do not add up")
    return used.total


# What the worker's codes mean to a customer. Anything else is the worker's own failure.
FAILURES = {
    REFUSED_CODE: (400, "invalid_request"),
    NOT_READY_CODE: (503, "worker_not_ready"),
    TIMEOUT_CODE: (504, "worker_timeout"),
    CANCELLED_CODE: (503, "worker_stopped"),
}


def _failure(code: int, untrusted_text: str) -> RequestFailed:
    status, name = FAILURES.get(code, (502, "worker_error"))
    text = foreign_text(untrusted_text) or "The worker gave no reason."
    return RequestFailed(status, name, text, RETRY_AFTER_SECONDS if status == 503 else None)
