"""What of an engine's answer goes on the wire: HTTP head, server-sent events, costs, and the messages that carry them.

Source: the protocol page, sections 4 and 5. The public worker holds server-sent events back to the end and counts
nothing in them; here each event leaves at once and is counted.
"""

from dataclasses import dataclass
from datetime import datetime
from http.client import responses
from typing import Protocol

from mulberry.cocoon.messages import (
    HttpHeader,
    HttpResponse,
    QueryAnswer,
    QueryAnswerError,
    QueryAnswerErrorEx,
    QueryAnswerEx,
    QueryAnswerPart,
    QueryAnswerPartError,
    QueryAnswerPartEx,
    QueryFinalInfo,
    TokensUsed,
)
from mulberry.cocoon.strict_json import JsonObject, dump
from mulberry.cocoon.tl import Message, encode
from mulberry.cocoon.usage import Adjusted, Counted, Prices, UsageError, adjust, largest, read_usage

PART_LIMIT_BYTES = 2**20  # a frame holds 16 times as much
END_OF_EVENTS = b"data: [DONE]\n\n"
MOST_TOKENS_ON_THE_WIRE = 2**63 - 1


class Bill:
    """Counts the tokens of one request as the engine reports them, and writes their cost into what goes out."""

    def __init__(self, prices: Prices, coefficient: int) -> None:
        self._prices = prices
        self.coefficient = coefficient
        self.counted = Counted()
        self.adjusted = Adjusted()

    def priced(self, answer: JsonObject) -> JsonObject:
        """`answer`, with its cost in nanoton when a count grew. Raises `UsageError` for counts that make no sense."""
        usage = read_usage(answer)
        if usage is None:
            return answer
        counted = largest(self.counted, usage)
        if counted == self.counted:
            return answer
        adjusted = adjust(counted, self._prices, self.coefficient)
        if adjusted.total > MOST_TOKENS_ON_THE_WIRE:
            raise UsageError("more tokens than the network can count")
        self.counted, self.adjusted = counted, adjusted
        price = self._prices.price_per_token
        costs = {
            "prompt_total_cost": (adjusted.prompt + adjusted.cached) * price,
            "completion_total_cost": (adjusted.completion + adjusted.reasoning) * price,
            "total_cost": adjusted.total * price,
        }
        return answer | {"usage": answer["usage"] | costs}


def event(answer: JsonObject) -> bytes:
    """One server-sent event."""
    return b"data: " + dump(answer) + b"\n\n"


def document(answer: JsonObject) -> bytes:
    """The body of an answer in one piece; the public worker ends it with a line feed as well."""
    return dump(answer) + b"\n"


def http_head(
    *, status: int, content_type: str, started_at: datetime, now: datetime, payload: bytes, is_whole: bool
) -> bytes:
    """A boxed http.response. `payload` is the whole body or its beginning."""
    headers = (
        HttpHeader("Content-Type", content_type),
        HttpHeader("X-Cocoon-Worker-Start", f"{started_at.timestamp():.6f}"),
        HttpHeader("X-Cocoon-Worker-End", f"{now.timestamp():.6f}"),
        HttpHeader("Content-Length", str(len(payload))) if is_whole else HttpHeader("Transfer-Encoding", "chunked"),
    )
    return encode(HttpResponse("HTTP/1.1", status, responses.get(status, ""), headers, payload))


@dataclass(frozen=True, slots=True)
class Ending:
    """What the last message of a request tells. `debug` is None unless it was asked for."""

    started_at: datetime
    ended_at: datetime
    debug: str | None


class Replies(Protocol):
    """The messages of one request. With an `ending`, a message is the last one."""

    def head(self, answer: bytes, used: Adjusted, ending: Ending | None) -> Message:
        """`answer` from `http_head`."""
        ...

    def part(self, body: bytes, used: Adjusted, ending: Ending | None) -> Message:
        """More of the body."""
        ...

    def error(self, code: int, text: str, used: Adjusted, ending: Ending, *, head_sent: bool) -> Message:
        """The end, without an answer or in the middle of one."""
        ...


@dataclass(frozen=True, slots=True)
class RepliesEx:
    """Protocols 1 and 2; the second tells the times."""

    request_id: bytes
    tells_times: bool

    def head(self, answer: bytes, used: Adjusted, ending: Ending | None) -> Message:
        return QueryAnswerEx(self.request_id, answer, self._final_info(used, ending))

    def part(self, body: bytes, used: Adjusted, ending: Ending | None) -> Message:
        return QueryAnswerPartEx(self.request_id, body, self._final_info(used, ending))

    def error(self, code: int, text: str, used: Adjusted, ending: Ending, *, head_sent: bool) -> Message:
        return QueryAnswerErrorEx(self.request_id, code, text, self._final_info(used, ending))

    def _final_info(self, used: Adjusted, ending: Ending | None) -> QueryFinalInfo | None:
        if ending is None:
            return None
        return QueryFinalInfo(
            tokens_used=_tokens_used(used),
            worker_debug=ending.debug,
            worker_start_time=ending.started_at.timestamp() if self.tells_times else None,
            worker_end_time=ending.ended_at.timestamp() if self.tells_times else None,
        )


@dataclass(frozen=True, slots=True)
class RepliesOld:
    """Protocol 0: every message tells the tokens, none the times."""

    request_id: bytes

    def head(self, answer: bytes, used: Adjusted, ending: Ending | None) -> Message:
        return QueryAnswer(answer, ending is not None, self.request_id, _tokens_used(used))

    def part(self, body: bytes, used: Adjusted, ending: Ending | None) -> Message:
        return QueryAnswerPart(body, ending is not None, self.request_id, _tokens_used(used))

    def error(self, code: int, text: str, used: Adjusted, ending: Ending, *, head_sent: bool) -> Message:
        kind = QueryAnswerPartError if head_sent else QueryAnswerError
        return kind(code, text, self.request_id, _tokens_used(used))


def _tokens_used(used: Adjusted) -> TokensUsed:
    return TokensUsed(used.prompt, used.cached, used.completion, used.reasoning, used.total)
