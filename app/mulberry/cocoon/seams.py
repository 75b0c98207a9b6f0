"""What a worker session needs from others, and what it tells them: who runs jobs, who keeps the money, who we are."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mulberry.cocoon.messages import ProxyParams
from mulberry.cocoon.requests import CheckedRequest
from mulberry.cocoon.strict_json import JsonObject
from mulberry.cocoon.usage import Adjusted, Counted
from mulberry.model.jobs import JobOutcome
from mulberry.model.payments import Counters

COEFFICIENT_LIMIT = 10**9


@dataclass(frozen=True, slots=True)
class Identity:
    """What the worker tells about itself. `model` as the network knows it, `coefficient` in thousandths.

    Where there is no chain nothing is ever paid, and proxies begin anew at each start: the public one ends itself when
    a worker remembers more than it does, so no claim is made there. The public worker makes none after its start.
    """

    owner_address: str
    model: str
    coefficient: int
    is_test: bool
    proxy_count: int
    max_active_requests: int
    has_chain: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.coefficient < COEFFICIENT_LIMIT:
            raise ValueError(f"the coefficient must be at least 0 and below {COEFFICIENT_LIMIT:,}: {self.coefficient}")
        if self.proxy_count < 1 or self.max_active_requests < 1:
            raise ValueError(f"at least one proxy and one request: {self}")

    @property
    def model_base_name(self) -> str:
        """The name that requests carry."""
        return self.model.partition("@")[0]


class BackendRefused(Exception):
    """The engine will not run this request. The customer gets `body` as an ordinary HTTP answer with `http_status`."""

    def __init__(self, http_status: int, body: JsonObject) -> None:
        super().__init__(f"HTTP status {http_status}")
        self.http_status = http_status
        self.body = body


BYTES_PER_TOKEN = 64  # of JSON; prose has 4 to 6
BYTES_AROUND_PROMPT = 64 * 1024


def largest_request_bytes(context_tokens: int) -> int:
    """What no prompt that fits into a model's context comes near: such a request is not even read."""
    return context_tokens * BYTES_PER_TOKEN + BYTES_AROUND_PROMPT


def too_large(request_bytes: int, limit_bytes: int) -> BackendRefused:
    """As an engine would say it, which no engine was asked for."""
    text = f"the request has {request_bytes:,} bytes, and what this model's context holds is below {limit_bytes:,}"
    code = "context_length_exceeded"
    return BackendRefused(
        400, {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": code}}
    )


class BackendFailed(Exception):
    """The engine could not finish. `text` goes to the customer and into the ledger; it holds nothing of the prompt."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Backend(Protocol):
    """Whoever runs jobs."""

    def answer(self, request: CheckedRequest) -> AsyncGenerator[JsonObject, None]:
        """OpenAI's objects: one for a plain answer, chunks for a stream; the last ones carry `usage`.

        Raises `BackendRefused` before the first object and `BackendFailed` at any time. Closing it frees its place.
        """
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """One finished request, as it is booked."""

    request_id: bytes
    outcome: JobOutcome
    error: str  # "" when done
    received_at: datetime
    first_answer_at: datetime | None
    finished_at: datetime
    counted: Counted
    adjusted: Adjusted
    request_bytes: int = 0  # of HTTP, as it came
    answer_bytes: int = 0  # of the answer's body, as far as it was made
    coefficient: int | None = None  # thousandths


class ProxyRefused(Exception):
    """The proxy does not want us; its words are in the text."""


class ProxyDistrusted(Exception):
    """We do not want the proxy: what it says contradicts the contracts, its key or what we know already."""


class BookFull(Exception):
    """The fact could not be made safe: the book keeps it in memory and writes it before anything else."""


Booked = Callable[[Exception | None], None]


class Book(Protocol):
    """Whoever keeps the money of one proxy.

    A payment is safe on disk when `take_payment` returns. What comes with every request is written a little later,
    together with what else comes; `book` tells when that is done.
    """

    def counters(self) -> Counters:
        """What we know of this proxy, after `meet`."""
        ...

    def meet(self, proxy: ProxyParams, untrusted_worker_contract: str) -> None:
        """Who answered. Raises `ProxyDistrusted`: the contracts are not the ones they must be, or a key changed."""

    def take_payment(self, untrusted_boc: bytes) -> None:
        """A signed payment, at least as new as all before. Raises `ProxyDistrusted`."""

    def take_counters(self, committed_to_db: int, max_known: int) -> None:
        """The proxy's numbers. Within a session they only grow; a handshake may bring a smaller `max_known`: the proxy
        lost what it had not saved. Raises `ProxyDistrusted`."""

    def confirm(self, request_id: bytes, tokens: int) -> None:
        """The proxy's word on what one request was worth."""

    def book(self, served: Served, booked: Booked) -> None:
        """A finished request, before its last message is sent: that may leave when `booked` is called.

        It is called once: with None when the fact is safe; with `BookFull`, and the session takes no requests until
        its owner says so; with any other exception when a bug kept the fact off the book.
        """
