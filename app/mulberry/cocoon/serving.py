"""One request, from its arrival to the message that ends it.

The order at the end is the point: a request is booked first and answered to its end afterwards, so that a crash in
between never leaves work that the proxy pays for and we do not know of.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from mulberry.cocoon.answers import (
    END_OF_EVENTS,
    PART_LIMIT_BYTES,
    Bill,
    Ending,
    Replies,
    RepliesEx,
    RepliesOld,
    document,
    event,
    http_head,
)
from mulberry.cocoon.channel import Channel, ChannelClosed, foreign_text
from mulberry.cocoon.messages import HttpRequest, RunQuery, RunQueryEx
from mulberry.cocoon.requests import CheckedRequest, RequestRefused, check_request
from mulberry.cocoon.seams import Backend, BackendFailed, BackendRefused, Served, too_large
from mulberry.cocoon.strict_json import JsonObject
from mulberry.cocoon.tl import Message, TlError, decode_as
from mulberry.cocoon.usage import Adjusted, Prices, UsageError
from mulberry.model.clock import Clock
from mulberry.model.jobs import JobOutcome

FAILED_CODE = 602  # the network's "error"
NOT_READY_CODE = 651
TIMEOUT_CODE = 652
CANCELLED_CODE = 653
LONGEST_SECONDS = 24 * 3600.0  # a proxy may ask for more, no timer needs to
SHARE_OF_TIMEOUT = 0.95  # of the request's time limit is the engine's

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all requests of one connection share. `book` calls what it is given when the fact is safe."""

    model_base_name: str
    prices: Prices
    protocol: int
    backend: Backend
    clock: Clock
    channel: Channel
    book: Callable[[Served, Callable[[], None]], None]
    largest_request_bytes: int


@dataclass(frozen=True, slots=True)
class _Last:
    """How a request ends, and the message that says so."""

    outcome: JobOutcome
    error: str
    message: Callable[[Ending], Message]


class Serving:
    """One request while it runs."""

    def __init__(self, query: RunQueryEx | RunQuery, terms: Terms) -> None:
        self._request_id = query.request_id
        self._untrusted_query = query.query if len(query.query) <= terms.largest_request_bytes else b""
        self._timeout_seconds = min(query.timeout, LONGEST_SECONDS) * SHARE_OF_TIMEOUT
        self._wants_debug = isinstance(query, RunQueryEx) and bool(query.enable_debug)
        self._terms = terms
        self._bill = Bill(terms.prices, query.coefficient)
        self._replies: Replies = (
            RepliesOld(query.request_id)
            if isinstance(query, RunQuery)
            else RepliesEx(query.request_id, tells_times=terms.protocol >= 2)
        )
        self._received_at = terms.clock.now()
        self._first_answer_at: datetime | None = None
        self._head_sent = False
        self._request_bytes = len(query.query)
        self._answer_bytes = 0

    def not_taken(self, why: str) -> Message:
        """The answer to a request that is not run and not booked."""
        ending = Ending(self._received_at, self._terms.clock.now(), None)
        return self._replies.error(NOT_READY_CODE, f"worker: {why}", Adjusted(), ending, head_sent=False)

    async def run(self) -> None:
        """Serves the request and hands it to the book once, whatever happens. Raises `CancelledError`."""
        try:
            last = await self._answered()
        except asyncio.CancelledError:
            self._finish(self._error(JobOutcome.CANCELLED, CANCELLED_CODE, "worker: cancelled"))
            raise
        except Exception as bug:  # noqa: BLE001 - a bug in one request must not end the others
            stack = "".join(traceback.format_tb(bug.__traceback__))  # not its text: it may quote the prompt
            log.error("a bug while serving a request: %s\n%s", type(bug).__name__, stack)
            last = self._error(JobOutcome.FAILED, FAILED_CODE, "worker: internal error")
        self._finish(last)

    async def _answered(self) -> _Last:
        """All of the answer but its last message."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    request = self._checked()
                    async with aclosing(self._terms.backend.answer(request)) as answers:
                        return await (self._stream(answers) if request.stream else self._plain(answers))
                except BackendRefused as refusal:
                    return await self._refused(refusal)
        except RequestRefused as refusal:
            return self._error(JobOutcome.REFUSED, refusal.code, refusal.text, noted=refusal.noted)
        except BackendFailed as failure:
            return self._error(JobOutcome.FAILED, FAILED_CODE, f"worker: {foreign_text(failure.text)}")
        except UsageError as problem:
            return self._error(JobOutcome.FAILED, FAILED_CODE, f"worker: the engine cannot count: {problem}")
        except TimeoutError:
            return self._error(JobOutcome.FAILED, TIMEOUT_CODE, "worker: timeout")
        except ChannelClosed:
            return self._error(JobOutcome.CANCELLED, CANCELLED_CODE, "the connection to the proxy ended")

    def _checked(self) -> CheckedRequest:
        if self._request_bytes > self._terms.largest_request_bytes:
            raise too_large(self._request_bytes, self._terms.largest_request_bytes)
        try:
            untrusted = decode_as(HttpRequest, self._untrusted_query)
        except TlError as problem:
            raise RequestRefused(str(problem)) from None
        self._untrusted_query = b""  # may be large, and is not needed again
        return check_request(untrusted, self._terms.model_base_name)

    async def _stream(self, answers: AsyncGenerator[JsonObject, None]) -> _Last:
        async for answer in answers:
            body = event(self._bill.priced(answer))
            self._answer_bytes += len(body)
            if not self._head_sent:
                self._first_answer_at = self._terms.clock.now()
                self._send_head("text/event-stream; charset=utf-8")
            await self._send_parts(body)
        if not self._head_sent:
            raise BackendFailed("the engine gave no answer")
        self._answer_bytes += len(END_OF_EVENTS)
        return _Last(JobOutcome.DONE, "", lambda ending: self._part(END_OF_EVENTS, ending))

    async def _plain(self, answers: AsyncGenerator[JsonObject, None]) -> _Last:
        found: JsonObject | None = None
        async for answer in answers:
            if found is not None:
                raise BackendFailed("the engine gave more than one answer")
            found = self._bill.priced(answer)
            self._first_answer_at = self._terms.clock.now()
        if found is None:
            raise BackendFailed("the engine gave no answer")
        return await self._document(JobOutcome.DONE, "", 200, found)

    async def _refused(self, refusal: BackendRefused) -> _Last:
        if self._head_sent:
            text = "worker: the engine refused a request that it had begun to answer"
            return self._error(JobOutcome.FAILED, FAILED_CODE, text)
        return await self._document(JobOutcome.REFUSED, str(refusal), refusal.http_status, refusal.body)

    async def _document(self, outcome: JobOutcome, error: str, status: int, answer: JsonObject) -> _Last:
        """An answer in one piece, or in parts when it is large."""
        body = document(answer)
        self._answer_bytes += len(body)
        if len(body) <= PART_LIMIT_BYTES:
            return _Last(outcome, error, lambda ending: self._head("application/json", status, body, ending))
        self._send_head("application/json", status)
        await self._send_parts(body)
        return _Last(outcome, error, lambda ending: self._part(b"", ending))

    def _error(self, outcome: JobOutcome, code: int, text: str, *, noted: str = "") -> _Last:
        """`text` goes to the customer, `noted` into the book and the log where it must be another one."""

        def message(ending: Ending) -> Message:
            return self._replies.error(code, text, self._bill.adjusted, ending, head_sent=self._head_sent)

        return _Last(outcome, noted or text, message)

    def _finish(self, last: _Last) -> None:
        """Books the request; the last word follows when that is done."""
        now = self._terms.clock.now()
        served = Served(
            request_id=self._request_id,
            outcome=last.outcome,
            error=last.error,
            received_at=self._received_at,
            first_answer_at=self._first_answer_at,
            finished_at=now,
            counted=self._bill.counted,
            adjusted=self._bill.adjusted,
            request_bytes=self._request_bytes,
            answer_bytes=self._answer_bytes,
            coefficient=self._bill.coefficient,
        )
        self._terms.book(served, partial(self._say_last, last, now))

    def _say_last(self, last: _Last, now: datetime) -> None:
        if not self._terms.channel.is_closed:
            self._terms.channel.send(last.message(Ending(self._received_at, now, self._debug(now))))

    def _send_head(self, content_type: str, status: int = 200) -> None:
        self._terms.channel.send(self._head(content_type, status, b"", None))
        self._head_sent = True

    async def _send_parts(self, body: bytes) -> None:
        """Each leaves at once; waits while the network does not take more."""
        for start in range(0, len(body), PART_LIMIT_BYTES):
            self._terms.channel.send(self._part(body[start : start + PART_LIMIT_BYTES], None))
            await self._terms.channel.drained()

    def _head(self, content_type: str, status: int, payload: bytes, ending: Ending | None) -> Message:
        head = http_head(
            status=status,
            content_type=content_type,
            started_at=self._received_at,
            now=self._terms.clock.now(),
            payload=payload,
            is_whole=ending is not None,
        )
        return self._replies.head(head, self._bill.adjusted, ending)

    def _part(self, body: bytes, ending: Ending | None) -> Message:
        return self._replies.part(body, self._bill.adjusted, ending)

    def _debug(self, now: datetime) -> str | None:
        if not self._wants_debug:
            return None
        first = ((self._first_answer_at or now) - self._received_at).total_seconds()
        return f"first answer after {first:.3f} s, end after {(now - self._received_at).total_seconds():.3f} s"
