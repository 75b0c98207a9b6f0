"""Which HTTP requests a worker runs: a table of fields and what each may hold.

Source: the protocol page, section 4, and the refusals recorded from the public worker, whose texts are kept where they
are known (its odd ones, too: a bad `max_tokens` is called max_completion_tokens, a `suffix` must be a boolean).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mulberry.cocoon.messages import HttpRequest
from mulberry.cocoon.strict_json import JsonError, JsonObject, JsonTooLargeError, parse_object

REFUSED_CODE = 621  # the network's "protocol violation"
PREFIX = "worker: invalid http request: "


class Path(StrEnum):
    CHAT = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"


class RequestRefused(ValueError):
    """The request is not run. `text` goes to the customer and may quote one of their names, `noted` to book and log."""

    code = REFUSED_CODE

    def __init__(self, text: str, untrusted_name: str | None = None) -> None:
        """A name goes to the place of {} in `text`."""
        self.noted = PREFIX + (text if untrusted_name is None else text.format("…"))
        self.text = PREFIX + (text if untrusted_name is None else text.format(_quoted(untrusted_name)))
        super().__init__(self.noted)


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request that may be run. `body` has known fields of the right types, sorted; when `stream` is set, it also has
    `stream` and `stream_options.include_usage` true."""

    path: Path
    body: JsonObject = field(repr=False)  # a stranger's prompt: never in a log
    stream: bool
    size_bytes: int


Rule = Callable[[str, Any], None]


def _is_integer(value: Any) -> bool:
    return type(value) is int  # a bool is an int, too, and JSON's 1.0 is none


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _anything(_name: str, _value: Any) -> None:
    """Left to the engine."""


def _must(holds: Callable[[Any], bool], be: str, *, called: str = "") -> Rule:
    """`called` is the name in the text, when the public worker says another one."""

    def rule(name: str, value: Any) -> None:
        if not holds(value):
            raise RequestRefused(f"{called or name} must be {be}")

    return rule


def _all(*rules: Rule) -> Rule:
    def rule(name: str, value: Any) -> None:
        for each in rules:
            each(name, value)

    return rule


def _object_of(options: dict[str, Rule], unknown: str) -> Rule:
    """An object with these members; the text for any other one is `unknown`, with {} for its name."""

    def rule(name: str, value: Any) -> None:
        _is_object(name, value)
        for member, member_value in value.items():
            if member not in options:
                raise RequestRefused(unknown, member)
            options[member](f"{name}.{member}", member_value)

    return rule


def _quoted(untrusted_name: str) -> str:
    short = untrusted_name if len(untrusted_name) <= 40 else untrusted_name[:40] + "…"
    return "'" + "".join(letter if letter.isprintable() else "?" for letter in short) + "'"


_is_object = _must(lambda value: isinstance(value, dict), "an object")
_boolean = _must(lambda value: isinstance(value, bool), "a boolean")
_string = _must(lambda value: isinstance(value, str), "a string")
_number = _must(_is_number, "a number")
_penalty = _all(_number, _must(lambda value: -2 <= value <= 2, "between -2.0 and 2.0"))
_token_limit = _all(
    _must(_is_integer, "a number", called="max_completion_tokens"),
    _must(lambda value: value >= 0, "non-negative", called="max_completion_tokens"),
)
_positive = _all(_must(_is_integer, "a number"), _must(lambda value: value >= 1, "positive"))
_unsigned = _must(lambda value: _is_integer(value) and value >= 0, "a number")
_STREAM_OPTIONS = _object_of(
    {"include_obfuscation": _boolean, "include_usage": _boolean}, "unknown option {} in stream_options"
)

COMMON_FIELDS: dict[str, Rule] = {
    "model": _string,
    "frequency_penalty": _penalty,
    "max_tokens": _token_limit,
    "n": _positive,
    "presence_penalty": _number,
    "stop": _anything,
    "stream": _boolean,
    "stream_options": _STREAM_OPTIONS,
    "temperature": _number,
    "top_p": _number,
}
CHAT_FIELDS: dict[str, Rule] = COMMON_FIELDS | {
    "messages": _must(lambda value: isinstance(value, list), "an array"),
    "chat_template_kwargs": _object_of(
        {"enable_thinking": _boolean}, "unknown suboption {} in chat_template_kwargs in request"
    ),
    "max_completion_tokens": _token_limit,
    "parallel_tool_calls": _boolean,
    "prediction": _number,
    "reasoning_effort": _string,
    "response_format": _anything,
    "top_logprobs": _unsigned,
    "verbosity": _string,
}
COMPLETIONS_FIELDS: dict[str, Rule] = COMMON_FIELDS | {
    "prompt": _must(lambda value: isinstance(value, str | list), "a string or an array"),
    "best_of": _positive,
    "echo": _boolean,
    "seed": _must(_is_integer, "a number"),
    "skip_special_tokens": _boolean,
    "suffix": _boolean,
}
FIELDS = {Path.CHAT: CHAT_FIELDS, Path.COMPLETIONS: COMPLETIONS_FIELDS}
REQUIRED = {Path.CHAT: ("messages", "model"), Path.COMPLETIONS: ("prompt", "model")}


def check_request(untrusted: HttpRequest, model_base_name: str) -> CheckedRequest:
    """The request as it may be run by a worker that serves `model_base_name`. Raises `RequestRefused`."""
    if untrusted.method != "POST" or untrusted.url not in FIELDS:
        raise RequestRefused("unsupported method")
    path = Path(untrusted.url)
    try:
        body = parse_object(untrusted.payload)
    except JsonTooLargeError as problem:
        raise RequestRefused(f"the json object is too large: {problem}") from None
    except JsonError:
        raise RequestRefused("expected json object") from None
    for name in sorted(body):
        rule = FIELDS[path].get(name)
        if rule is None:
            raise RequestRefused("unknown option {} in request", name)
        rule(name, body[name])
    for name in REQUIRED[path]:
        if name not in body:
            raise RequestRefused(f"missing required field '{name}'")
    if body["model"] != model_base_name:
        raise RequestRefused("model name mismatch")
    body = _rewritten(body)
    return CheckedRequest(path, body, stream=body.get("stream", False), size_bytes=len(untrusted.payload))


def _rewritten(body: JsonObject) -> JsonObject:
    """`stream_options` alone turns streaming on, and streaming always reports its usage."""
    stream = body.get("stream", "stream_options" in body)
    if not stream:
        return dict(sorted(body.items()))
    options = body.get("stream_options", {}) | {"include_usage": True}
    return dict(sorted((body | {"stream": True, "stream_options": options}).items()))
