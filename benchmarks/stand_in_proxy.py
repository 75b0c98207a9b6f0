"""A proxy and its customers for measuring a worker: real frames, counters and signatures, as little work as it can be.

Requests leave as frames that were encoded once, with only id, sequence number and counters written into them. As with
the public binaries, a request has a body of 110 bytes and an answer one of 468, each answer is followed by what it was
worth, and the next request comes in a frame of its own.
"""

import asyncio
import json
import re
import struct
import time
from typing import cast

from nacl.signing import SigningKey

from mulberry.cocoon.frames import FrameReader, FrameWriter
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    HttpRequest,
    HttpResponse,
    PaymentStatus,
    ProxyHandshakeComplete,
    ProxyHandshakeCompleted,
    ProxyParams,
    QueryAnswerEx,
    RunQueryEx,
    SignedPayment,
    TcpConnect,
    TcpConnected,
    TcpPacket,
    TcpPing,
    TcpPong,
    TcpQuery,
    TcpQueryAnswer,
    UpdatePaymentStatus,
    WorkerRequestPayment,
)
from mulberry.cocoon.tl import Message, decode, decode_as, encode
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from mulberry.ton.payment import build_payment

MODEL = "mulberry/tiny-lm"
REQUEST_BYTES, ANSWER_BYTES = 110, 468  # seen with the public binaries
REQUEST_TOKENS = 34 + 100
SIGN_SECONDS = 1.0  # the public proxy signs anew every 30 to 60 s
STAMP = re.compile(rb"@(\d+);")  # when the engine wrote a piece, nanoseconds of the monotonic clock

_OWNER = Address(b"\x22" * 32)
_PACKET = struct.pack("<I", TcpPacket.tl_id)
_ID = b"\xa5" * 32  # stands in a form where each message has its own
_COUNTERS = struct.Struct("<qqq")
_BLANK_COUNTERS = (0x1111111111111111, 0x2222222222222222, 0x3333333333333333)


class StandInProxy(asyncio.Protocol):
    """Listens for one worker. `ask` begins requests; each one that ends is followed by the next while `asking`."""

    def __init__(self, parameters: RootParameters, worker_owner: Address) -> None:
        self.ready = asyncio.Event()
        self.idle = asyncio.Event()
        self.asking = False
        self.stream = False
        self.finished = 0
        self.seconds: list[float] = []  # of each request, from its frame to its last one
        self.delays: list[float] = []  # seconds from the engine's writing to here, of each piece of a stream
        key = self._key = SigningKey(b"\x07" * 32)
        public = bytes(key.verify_key)
        contract = proxy_contract_address(parameters, public, _OWNER)
        self._payee = worker_contract_address(parameters, public, contract, worker_owner)
        self._params = ProxyParams(public, _OWNER.friendly(), contract.friendly(), parameters.is_test, 2)
        self._began: dict[bytes, float] = {}
        self._asked = self._tokens = self._signed_tokens = 0
        self._sign()

    def be_streaming(self, stream: bool) -> None:
        """What is asked for from now on; not while requests run."""
        self.stream = stream
        self._sign()

    def ask(self, customers: int) -> None:
        """Lets so many customers ask, each again as soon as it is answered."""
        self.asking = True
        self.idle.clear()
        for _ in range(customers):
            self._ask()

    async def rest(self) -> None:
        """Lets the last requests end."""
        self.asking = False
        await self.idle.wait()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._reader, self._writer = FrameReader(), FrameWriter()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.stream:
            arrived = time.monotonic_ns()
            self.delays += [(arrived - int(stamp)) * 1e-9 for stamp in STAMP.findall(data)]
        for body in self._reader.feed(data):
            if body[:4] == _PACKET:
                self._take_answer(body, now)
            else:
                self._take(decode(body))

    # Requests

    def _ask(self) -> None:
        self._asked += 1
        number = self._asked.to_bytes(32, "big")
        head, tail = self._request
        self._began[number] = time.perf_counter()
        self._transport.write(self._writer.pack(head + number + tail))

    def _take_answer(self, body: bytes, now: float) -> None:
        start = 8 if body[4] == 254 else 5
        number = body[start + 4 : start + 36]
        if self.stream and not _is_last_part(body, start):
            return
        if self.finished % 1000 == 0 and not self.stream:
            _check(body)
        self.seconds.append(now - self._began.pop(number))
        self.finished += 1
        self._tokens += REQUEST_TOKENS
        head, middle, tail = self._worth
        counters = _COUNTERS.pack(self._signed_tokens, self._tokens, REQUEST_TOKENS)
        self._transport.write(self._writer.pack(head + number + middle + counters + tail))
        if self.asking:
            asyncio.get_running_loop().call_soon(self._ask)  # the customer first has to read the answer
        elif not self._began:
            self.idle.set()

    # Money

    def _sign(self) -> None:
        self._signed_tokens = self._tokens
        boc = build_payment(
            self._key, query_id=1, excess_address=_OWNER, worker_contract=self._payee, tokens=self._tokens
        )
        self._payment = SignedPayment(boc)
        question = {"role": "user", "content": ""}
        body = {"model": MODEL, "messages": [question], "stream": self.stream}
        question["content"] = "x" * (REQUEST_BYTES - len(json.dumps(body, separators=(",", ":"))))
        payload = json.dumps(body, separators=(",", ":")).encode()
        query = encode(HttpRequest("POST", "/v1/chat/completions", "HTTP/1.1", (), payload))
        request = encode(TcpPacket(encode(RunQueryEx(query, self._payment, 1000, 100.0, _ID, False))))
        worth = encode(TcpPacket(encode(WorkerRequestPayment(_ID, self._payment, *_BLANK_COUNTERS, "client"))))
        self._request = _around(request, _ID)
        head, rest = _around(worth, _ID)
        self._worth = head, *_around(rest, _COUNTERS.pack(*_BLANK_COUNTERS))

    async def keep_signing(self) -> None:
        """Forever."""
        while True:
            await asyncio.sleep(SIGN_SECONDS)
            self._sign()

    # The rest of the protocol

    def _take(self, message: Message) -> None:
        match message:
            case TcpConnect(id=number):
                self._send(TcpConnected(number))
            case TcpPing(id=number):
                self._send(TcpPong(number))
            case TcpQuery(id=number, data=data):
                self._send(TcpQueryAnswer(number, encode(self._answer(decode(data)))))
            case _:
                raise AssertionError(message)

    def _answer(self, question: Message) -> Message:
        match question:
            case ConnectToProxy():
                return ConnectedToProxy(self._params, self._payee.friendly())
            case CompareBalanceWithProxy():
                return CompareBalanceWithProxyResult(self._payment, self._signed_tokens, self._tokens, 0)
            case ProxyHandshakeComplete():
                asyncio.get_running_loop().call_soon(self.ready.set)
                return ProxyHandshakeCompleted()
            case UpdatePaymentStatus():
                return PaymentStatus(self._payment, self._signed_tokens, self._tokens)
        raise AssertionError(question)

    def _send(self, message: Message) -> None:
        self._transport.write(self._writer.pack(encode(message)))


def _around(form: bytes, blank: bytes) -> tuple[bytes, bytes]:
    head, tail = form.split(blank)
    return head, tail


def _is_last_part(body: bytes, start: int) -> bool:
    """Of a stream's answer: whether it carries the final info."""
    length, prefix = body[start + 36], 1
    if length == 254:
        length, prefix = int.from_bytes(body[start + 37 : start + 40], "little"), 4
    flags = start + 36 + (prefix + length + 3) // 4 * 4
    return body[flags] == 1


def _check(body: bytes) -> None:
    """The answer is the right one, in all its parts."""
    answer = decode_as(QueryAnswerEx, decode_as(TcpPacket, body).data)
    response = decode_as(HttpResponse, answer.answer)
    assert answer.final_info is not None and answer.final_info.tokens_used.total == REQUEST_TOKENS
    assert response.status_code == 200, response.payload
    assert abs(len(response.payload) - ANSWER_BYTES) < 16, len(response.payload)
