"""The door for customers: an OpenAI-compatible HTTP API on this computer, and the demo's own controls beside it.

Loopback does not keep web pages out: a page can post to 127.0.0.1, and with DNS rebinding read the answers, too. So a
request must name a loopback host, and one that comes from a page (it carries an Origin) must come from ours.
"""

import json
import math
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDict
from pydantic import ValidationError

from mulberry.cocoon.messages import HttpResponse
from mulberry.cocoon.requests import Path as ApiPath
from mulberry.cocoon.strict_json import JsonError, parse_object
from mulberry.demo.exchanges import Exchanges
from mulberry.demo.faucet import Faucet, TooSoonError
from mulberry.demo.proxy import DemoProxy
from mulberry.demo.reply import Reply, RequestFailed
from mulberry.demo.traffic import TrafficFile
from mulberry.model.network import Traffic
from mulberry.ton.address import AddressError, parse_address

BODY_LIMIT_BYTES = 15 * 2**20  # with its head it must fit into a frame of 16 MiB
FAUCET_PATH = "/demo/faucet"
ANSWER_LIMIT_BYTES = 64 * 2**20
LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}
# what belongs to one connection, not to the answer; and the length, which we know better
HOP_BY_HOP = {
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Front:
    """The handlers; `application` is what aiohttp serves."""

    def __init__(
        self, proxy: DemoProxy, model: str, traffic: TrafficFile, exchanges: Exchanges, faucet: Faucet
    ) -> None:
        self._proxy = proxy
        self._model = model
        self._traffic = traffic
        self._exchanges = exchanges
        self._faucet = faucet

    def application(self) -> web.Application:
        application = web.Application(middlewares=[_plain_errors, _only_from_here], client_max_size=BODY_LIMIT_BYTES)
        for path in ApiPath:
            application.router.add_post(path, self._relay)
        application.router.add_get("/v1/models", self._models)
        application.router.add_get("/demo/traffic", self._get_traffic)
        application.router.add_post("/demo/traffic", self._set_traffic)
        application.router.add_get("/demo/exchanges", self._get_exchanges)
        application.router.add_post(FAUCET_PATH, self._give)
        return application

    async def _models(self, _request: web.Request) -> web.StreamResponse:
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "mulberry"}
        return web.json_response({"object": "list", "data": [model]})

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        untrusted_body = await request.read()
        self._check_model(untrusted_body)
        reply = self._proxy.ask(request.path, untrusted_body)
        try:
            head = await reply.head()
            headers = _relayed_headers(head)
            if any(header.name.lower() == "content-length" for header in head.headers):
                return web.Response(status=head.status_code, headers=headers, body=await _whole_body(reply))
            return await _relay_stream(request, head.status_code, headers, reply)
        finally:
            reply.abandon()

    def _check_model(self, untrusted_body: bytes) -> None:
        try:
            model = parse_object(untrusted_body).get("model")
        except JsonError as problem:
            raise RequestFailed(400, "invalid_request", f"The body is not a usable JSON object: {problem}.") from None
        if not isinstance(model, str):
            raise RequestFailed(400, "invalid_request", "The body names no model.")
        if model != self._model:
            raise RequestFailed(404, "model_not_found", f"This network serves the model {self._model} only.")

    async def _get_traffic(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(text=self._traffic.plan.model_dump_json())

    async def _set_traffic(self, request: web.Request) -> web.StreamResponse:
        try:
            self._traffic.change(Traffic.model_validate_json(await request.read()))
        except ValidationError as mistakes:
            lines = (f"{'.'.join(map(str, m['loc'])) or 'body'}: {m['msg']}" for m in mistakes.errors())
            raise RequestFailed(400, "invalid_request", "; ".join(lines)) from None
        except OSError as problem:
            raise RequestFailed(507, "not_saved", f"The traffic was not saved: {problem.strerror}.") from problem
        return await self._get_traffic(request)

    async def _get_exchanges(self, request: web.Request) -> web.StreamResponse:
        after = request.query.get("after", "0")
        if not after.isascii() or not after.isdecimal() or len(after) > 18:
            raise RequestFailed(400, "invalid_request", "`after` is not a number.")
        return web.json_response(
            [
                {
                    "number": exchange.number,
                    "question": exchange.question,
                    "answer": exchange.answer,
                    "expected": exchange.expected,
                    "right": exchange.is_right,
                    "latency_ms": round(exchange.latency_ms, 3),
                    "error": exchange.error,
                }
                for exchange in self._exchanges.after(int(after))
            ]
        )

    async def _give(self, request: web.Request) -> web.StreamResponse:
        try:
            untrusted_address = parse_object(await request.read()).get("address")
            if not isinstance(untrusted_address, str):
                raise AddressError("the body names no address")
            given = self._faucet.ask(parse_address(untrusted_address))
        except (JsonError, AddressError) as problem:
            raise RequestFailed(400, "invalid_request", f"No play money: {problem}.") from None
        except TooSoonError as refusal:
            raise RequestFailed(429, "too_soon", str(refusal), math.ceil(refusal.wait_seconds)) from None
        return web.json_response({"nanoton": given})


async def _whole_body(reply: Reply) -> bytes:
    body = bytearray()
    while (data := await reply.more()) is not None:
        body += data
        if len(body) > ANSWER_LIMIT_BYTES:
            raise RequestFailed(502, "worker_error", "The answer is too large.")
    return bytes(body)


async def _relay_stream(
    request: web.Request, status: int, headers: CIMultiDict[str], reply: Reply
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    try:
        while (data := await reply.more()) is not None:
            await response.write(data)
    except RequestFailed as failure:  # too late for another status
        if response.content_type == "text/event-stream":  # OpenAI's clients know such an event
            await response.write(b"data: " + _error_body(failure.status, failure.message, failure.code) + b"\n\n")
        elif request.transport is not None:  # cut, so that nobody takes it for the whole
            request.transport.abort()
    return response


def _relayed_headers(untrusted_head: HttpResponse) -> CIMultiDict[str]:
    """The worker's headers without what is between two ends of one connection. Raises `RequestFailed`: not HTTP."""
    headers: CIMultiDict[str] = CIMultiDict()
    for header in untrusted_head.headers:
        if not HEADER_NAME.fullmatch(header.name) or not HEADER_VALUE.fullmatch(header.value):
            raise RequestFailed(502, "worker_error", "The worker's answer has a header that is not HTTP.")
        if header.name.lower() not in HOP_BY_HOP:
            headers.add(header.name, header.value)
    return headers


def _error_body(status: int, message: str, code: str) -> bytes:
    """An error as OpenAI's API writes it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


def _error(status: int, message: str, code: str) -> web.Response:
    return web.Response(status=status, body=_error_body(status, message, code), content_type="application/json")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal is JSON, like the answers."""
    try:
        return await handler(request)
    except RequestFailed as failure:
        response = _error(failure.status, failure.message, failure.code)
        if failure.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(failure.retry_after_seconds)
        return response
    except web.HTTPException as refusal:
        status = HTTPStatus(refusal.status)
        response = _error(status, f"{status.description or status.phrase}.", status.name.lower())
        if isinstance(refusal, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(refusal.allowed_methods))
        return response


@web.middleware
async def _only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _host_name(f"//{request.host}") not in LOOPBACK_HOSTS:
        raise RequestFailed(403, "foreign_host", "This door is for programs on this computer: ask for 127.0.0.1.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise RequestFailed(403, "foreign_origin", "Web pages of other places cannot ask here.")
    return await handler(request)


def _host_name(untrusted_url: str) -> str | None:
    try:
        return urlsplit(untrusted_url).hostname
    except ValueError:
        return None
