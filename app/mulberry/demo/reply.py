"""One answer on its way from a worker to the customer who waits for it, and the ways it can fail."""

import asyncio
from collections import deque

from mulberry.cocoon.messages import HttpResponse

UNREAD_BYTES_LIMIT = 32 * 2**20  # the protocol cannot tell a worker to slow down: a customer who does not read is left


class RequestFailed(Exception):
    """What the customer is told, in the words of an HTTP API. `retry_after_seconds` when trying again may help."""

    def __init__(self, status: int, code: str, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class Reply:
    """The worker's side puts in, the customer's side takes out; both on one event loop."""

    def __init__(self) -> None:
        self._head: HttpResponse | None = None
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._has_ended = False
        self._failure: RequestFailed | None = None
        self._is_abandoned = False
        self._news = asyncio.Event()

    @property
    def is_wanted(self) -> bool:
        """Somebody waits, and the end is not known."""
        return not (self._is_abandoned or self._has_ended)

    async def head(self) -> HttpResponse:
        """Status and headers; the whole body follows from `more`. Raises `RequestFailed`."""
        while self._head is None and not self._has_ended:
            await self._wait()
        if self._head is None:
            raise self._failure or RequestFailed(502, "worker_error", "The worker ended without an answer.")
        return self._head

    async def more(self) -> bytes | None:
        """What of the body came since the last call, all at once; None at its end. Raises `RequestFailed`."""
        while not self._unread and not self._has_ended:
            await self._wait()
        if self._unread:
            data = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
            self._forget()
            return data
        if self._failure is not None:
            raise self._failure
        return None

    def abandon(self) -> None:
        """The customer left. The worker cannot be told: it goes on and is paid, and nothing it says is kept."""
        self._is_abandoned = True
        self._forget()

    def put_head(self, head: HttpResponse) -> None:
        self._head = head
        self.put_part(head.payload)

    def put_part(self, data: bytes) -> None:
        if data and not self._is_abandoned:
            self._unread.append(data)
            self._unread_bytes += len(data)
        if self._unread_bytes > UNREAD_BYTES_LIMIT:
            self.abandon()
            self.end(RequestFailed(408, "too_slow", "The answer was not read fast enough."))
        self._news.set()

    def end(self, failure: RequestFailed | None = None) -> None:
        """No more will come. Only the first end counts."""
        if not self._has_ended:
            self._has_ended = True
            self._failure = failure
        self._news.set()

    def _forget(self) -> None:
        self._unread.clear()
        self._unread_bytes = 0

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()
