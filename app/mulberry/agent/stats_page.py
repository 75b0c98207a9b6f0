"""The stats page that operators' tools know from the reference worker: HTTP on 127.0.0.1, only where its owner asks.

Any web page in the owner's browser can send requests to 127.0.0.1. It cannot read the answers, for no other origin is
allowed to; a name of its own that leads here is refused by the Host header; and what changes anything asks for the
token, which lies in the network's data folder, for its owner's eyes only.
"""

import hmac
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web

from mulberry.agent.listening import SHUTDOWN_SECONDS
from mulberry.agent.stats_words import OperatorFacts, json_stats, metrics, page
from mulberry.model.errors import UserFacingError
from mulberry.model.files import write_whole
from mulberry.model.node import Want
from mulberry.ton.address import AddressError, parse_address

HOST = "127.0.0.1"
LOOPBACK_NAMES = (HOST, "localhost", "::1")
COEFFICIENT_LIMIT = 10**9
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}

log = logging.getLogger(__name__)


class Desk(Protocol):
    """What the page shows and whom it tells: the node."""

    def operator_facts(self) -> OperatorFacts: ...

    async def obey(self, want: Want, pause: timedelta | None) -> None: ...

    async def pay_out(self, proxy: str | None) -> None: ...

    def change_coefficient(self, coefficient: int) -> None: ...


@asynccontextmanager
async def stats_page(
    desk: Desk, port: int | None, token_file: Path, on_problem: Callable[[str], None]
) -> AsyncIterator[None]:
    """Serves inside the block; without a port nothing. A port that is taken stops no work: `on_problem` is told."""
    if port is None:
        yield
        return
    token = secrets.token_urlsafe(32)
    runner = web.AppRunner(
        make_application(desk, token), handle_signals=False, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        try:
            write_whole(token_file, token.encode() + b"\n")
            await web.TCPSite(runner, HOST, port).start()
            log.info("the stats page is at http://%s:%d/stats", HOST, port)
        except OSError as problem:
            on_problem(os.strerror(problem.errno) if problem.errno else str(problem))
        yield
    finally:
        await runner.cleanup()
        _forget(token_file)


def _forget(token_file: Path) -> None:
    token_file.unlink(missing_ok=True)


def make_application(desk: Desk, token: str) -> web.Application:
    """The page as an aiohttp application."""
    answers = _Answers(desk)
    guarded = _guarded(token)
    application = web.Application(middlewares=[_for_this_computer, _in_words])
    application.add_routes(
        [
            web.get("/stats", answers.stats),
            web.get("/jsonstats", answers.json_stats),
            web.get("/metrics", answers.metrics),
        ]
    )
    for name, action in (
        ("payout", answers.payout),
        ("enable", answers.enable),
        ("disable", answers.disable),
        ("change_coefficient", answers.change_coefficient),
    ):
        for method in ("GET", "POST"):  # the reference worker takes GET
            application.router.add_route(method, f"/request/{name}", guarded(action))
    return application


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Answers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def stats(self, _: web.Request) -> web.Response:
        return web.Response(text=page(self._desk.operator_facts()), content_type="text/html")

    async def json_stats(self, _: web.Request) -> web.Response:
        return web.json_response(json_stats(self._desk.operator_facts()))

    async def metrics(self, _: web.Request) -> web.Response:
        kind = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=metrics(self._desk.operator_facts()).encode(), headers=kind)

    async def payout(self, request: web.Request) -> web.Response:
        await self._desk.pay_out(self._proxy(request.query.get("proxy")))
        return _said("request sent")

    async def enable(self, _: web.Request) -> web.Response:
        await self._desk.obey(Want.START, None)
        return _said("enabled")

    async def disable(self, _: web.Request) -> web.Response:
        await self._desk.obey(Want.FINISH, None)
        return _said("disabled: what runs is finished, nothing new is taken")

    async def change_coefficient(self, request: web.Request) -> web.Response:
        untrusted = request.query.get("coefficient", "")
        is_number = untrusted.isascii() and untrusted.isdecimal() and len(untrusted) <= 9
        if not is_number or int(untrusted) >= COEFFICIENT_LIMIT:
            raise ValueError("coefficient must be a whole number of thousandths, from 0 to 999999999")
        self._desk.change_coefficient(int(untrusted))
        return _said(f"the coefficient is {int(untrusted)}")

    def _proxy(self, untrusted: str | None) -> str | None:
        """The public key of the proxy that is named by it or, as in the reference worker, by its contract's address."""
        if untrusted is None:
            return None
        accounts = self._desk.operator_facts().accounts
        if any(account.proxy == untrusted.lower() for account in accounts):
            return untrusted.lower()
        try:
            address = parse_address(untrusted).raw
        except AddressError:
            raise ValueError("proxy not found") from None
        for account in accounts:
            if address in (account.proxy_contract, account.worker_contract):
                return account.proxy
        raise ValueError("proxy not found")


def _said(text: str, status: int = 200) -> web.Response:
    body = f"<!DOCTYPE html>\n<html><body>{escape(text)}</body></html>\n"
    return web.Response(text=body, content_type="text/html", status=status, headers=HEADERS)


def _guarded(token: str) -> Callable[[Handler], Handler]:
    def guard(handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            kind, _, carried = request.headers.get("Authorization", "").partition(" ")
            untrusted = carried.strip() if kind.lower() == "bearer" else request.query.get("token", "")
            if not hmac.compare_digest(untrusted.encode(), token.encode()):
                return _said("this needs the token that lies in the network's data folder", 401)
            return await handler(request)

        return answer

    return guard


@web.middleware
async def _for_this_computer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A web page of elsewhere may give its own name this address; its requests then still carry that name."""
    try:
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    except ValueError:
        name = None
    if name not in LOOPBACK_NAMES:
        return _said("this page is for this computer only: ask 127.0.0.1", 403)
    answer = await handler(request)
    answer.headers.update(HEADERS)
    return answer


@web.middleware
async def _in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UserFacingError as error:
        return _said(f"{error.what} {error.why} {error.next_step}", 409)
    except ValueError as mistake:
        return _said(str(mistake), 400)
    except web.HTTPException as refused:
        return _said(refused.reason, refused.status)
    except Exception:
        log.exception("a request to the stats page failed: %s", request.path)
        return _said("Mulberry made a mistake of its own; agent.log has the details.", 500)
