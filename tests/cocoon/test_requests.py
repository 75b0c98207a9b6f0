"""Customers must get the same yes and no from us as from the public worker; whatever is let through is the engine's."""

import ast
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon.messages import HttpHeader, HttpRequest
from mulberry.cocoon.requests import FIELDS, CheckedRequest, Path, RequestRefused, check_request
from recorded import WIRE

MODEL = "Qwen/Qwen3-8B"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
COMPLETION = {"model": MODEL, "prompt": "hello"}


def request(body: Any, path: str = Path.CHAT, method: str = "POST") -> HttpRequest:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method, path, "HTTP/1.1", (HttpHeader("Content-Type", "application/json"),), payload)


def check(body: Any, path: str = Path.CHAT, method: str = "POST") -> CheckedRequest:
    return check_request(request(body, path, method), MODEL)


def refusal(body: Any, path: str = Path.CHAT, method: str = "POST") -> str:
    with pytest.raises(RequestRefused) as caught:
        check(body, path, method)
    assert caught.value.code == 621
    return caught.value.text


def recorded_options() -> list[tuple[str, str]]:
    """Of refusals.txt, the options tried one by one, each with the line that follows it."""
    lines = (WIRE / "refusals.txt").read_text().splitlines()
    return [
        (lines[i][len("## chat option ") :], lines[i + 1]) for i in range(len(lines)) if "## chat option" in lines[i]
    ]


@pytest.mark.parametrize(("option", "answer"), recorded_options(), ids=lambda text: text[:30])
def test_an_option_gets_the_answer_of_the_public_worker(option: str, answer: str) -> None:
    name, _, value = option.partition("=")
    body = CHAT | {name: ast.literal_eval(value)}
    error = re.search(r"error=(['\"])(.*)\1 FINAL", answer)
    if error is None:
        assert check(body).body[name] is not None
    else:
        assert refusal(body) == error[2]


def test_the_recording_holds_both_answers() -> None:
    answers = [answer for _, answer in recorded_options()]
    assert len(answers) == 30
    assert any("HTTP 200" in answer for answer in answers)


INVALID = "worker: invalid http request: "


@pytest.mark.parametrize("url", ["/v1/embeddings", "/v1/models", "http://x/v1/chat/completions", "/v1/completions?x=1"])
def test_only_two_addresses_exist(url: str) -> None:
    assert refusal(CHAT, url) == INVALID + "unsupported method"


@pytest.mark.parametrize("method", ["GET", "post", "PUT", ""])
def test_only_post_exists(method: str) -> None:
    assert refusal(CHAT, method=method) == INVALID + "unsupported method"


@pytest.mark.parametrize("body", [b"not json", b"[]", b"", b'{"model":NaN}'])
def test_a_body_that_is_no_object_is_refused_as_recorded(body: bytes) -> None:
    assert refusal(body) == INVALID + "expected json object"


def test_a_bomb_is_refused_with_its_reason() -> None:
    assert (
        refusal(b'{"messages":' + b"[" * 10_000) == INVALID + "the json object is too large: nested more than 64 deep"
    )


def test_the_required_fields_are_missed() -> None:
    assert refusal({"model": MODEL}) == INVALID + "missing required field 'messages'"
    assert refusal({"messages": []}) == INVALID + "missing required field 'model'"
    assert refusal({"model": MODEL}, Path.COMPLETIONS) == INVALID + "missing required field 'prompt'"


@pytest.mark.parametrize("model", ["nope", MODEL + "@abc123", "", MODEL.lower()])
def test_another_model_is_refused(model: str) -> None:
    assert refusal(CHAT | {"model": model}) == INVALID + "model name mismatch"


WRONG_VALUES: list[tuple[str, str, Any, str]] = [
    (Path.CHAT, "messages", {}, "messages must be an array"),
    (Path.CHAT, "model", 1, "model must be a string"),
    (Path.CHAT, "frequency_penalty", "1", "frequency_penalty must be a number"),
    (Path.CHAT, "frequency_penalty", -2.1, "frequency_penalty must be between -2.0 and 2.0"),
    (Path.CHAT, "presence_penalty", None, "presence_penalty must be a number"),
    (Path.CHAT, "max_tokens", 1.0, "max_completion_tokens must be a number"),
    (Path.CHAT, "max_completion_tokens", True, "max_completion_tokens must be a number"),
    (Path.CHAT, "n", 0, "n must be positive"),
    (Path.CHAT, "parallel_tool_calls", 1, "parallel_tool_calls must be a boolean"),
    (Path.CHAT, "prediction", {}, "prediction must be a number"),
    (Path.CHAT, "reasoning_effort", 1, "reasoning_effort must be a string"),
    (Path.CHAT, "stream", "true", "stream must be a boolean"),
    (Path.CHAT, "stream_options", True, "stream_options must be an object"),
    (Path.CHAT, "stream_options", {"include_usage": 1}, "stream_options.include_usage must be a boolean"),
    (Path.CHAT, "stream_options", {"x": 1}, "unknown option 'x' in stream_options"),
    (Path.CHAT, "temperature", True, "temperature must be a number"),
    (Path.CHAT, "top_logprobs", -1, "top_logprobs must be a number"),
    (Path.CHAT, "top_p", [], "top_p must be a number"),
    (Path.CHAT, "verbosity", 3, "verbosity must be a string"),
    (
        Path.CHAT,
        "chat_template_kwargs",
        {"enable_thinking": 1},
        "chat_template_kwargs.enable_thinking must be a boolean",
    ),
    (Path.CHAT, "chat_template_kwargs", {"x": 1}, "unknown suboption 'x' in chat_template_kwargs in request"),
    (Path.CHAT, "prompt", "x", "unknown option 'prompt' in request"),
    (Path.COMPLETIONS, "prompt", 1, "prompt must be a string or an array"),
    (Path.COMPLETIONS, "suffix", "text", "suffix must be a boolean"),
    (Path.COMPLETIONS, "seed", 1.5, "seed must be a number"),
    (Path.COMPLETIONS, "echo", 0, "echo must be a boolean"),
    (Path.COMPLETIONS, "best_of", 0, "best_of must be positive"),
    (Path.COMPLETIONS, "skip_special_tokens", "no", "skip_special_tokens must be a boolean"),
    (Path.COMPLETIONS, "messages", [], "unknown option 'messages' in request"),
]


@pytest.mark.parametrize(("path", "name", "value", "text"), WRONG_VALUES, ids=lambda value: str(value)[:25])
def test_a_wrong_value_is_named(path: str, name: str, value: Any, text: str) -> None:
    body = CHAT if path == Path.CHAT else COMPLETION
    assert refusal(body | {name: value}, path) == INVALID + text


def test_an_unknown_name_is_quoted_short_and_printable() -> None:
    text = refusal(CHAT | {"\x1b[31m" + "x" * 1000: 1})
    assert text.startswith(INVALID + "unknown option '?[31mxxx")
    assert len(text) < 120


def test_a_plain_request_is_not_rewritten_but_sorted() -> None:
    checked = check({"temperature": 0.5, **CHAT})
    assert checked.body == CHAT | {"temperature": 0.5}
    assert list(checked.body) == ["messages", "model", "temperature"]
    assert not checked.stream
    assert checked.path is Path.CHAT


@pytest.mark.parametrize(
    "options", [{"stream": True}, {"stream_options": {}}, {"stream": True, "stream_options": {"include_usage": False}}]
)
def test_streaming_always_reports_usage_and_options_turn_it_on(options: dict[str, Any]) -> None:
    checked = check(CHAT | options)
    assert checked.stream
    assert checked.body["stream"] is True
    assert checked.body["stream_options"] == {"include_usage": True}


def test_streaming_that_is_off_stays_off() -> None:
    assert not check(CHAT | {"stream": False, "stream_options": {"include_obfuscation": True}}).stream


def test_of_a_duplicate_field_the_last_counts() -> None:
    body = json.dumps(COMPLETION)[:-1].encode() + b',"prompt":"last"}'
    assert check(body, Path.COMPLETIONS).body["prompt"] == "last"


def test_twelve_mebibytes_of_prompt_pass_quickly() -> None:
    messages = [{"role": "user", "content": "Grüße, {x} " * 2**20}]
    body = json.dumps(CHAT | {"messages": messages}, ensure_ascii=False).encode()
    assert len(body) > 12 * 2**20
    started = time.process_time()
    assert check(body).size_bytes == len(body)
    assert time.process_time() - started < 2  # the public worker takes 0.8 s


def test_a_request_does_not_show_its_prompt() -> None:
    assert "hello" not in repr(check(CHAT))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(sorted(FIELDS[Path.CHAT] | FIELDS[Path.COMPLETIONS]))


@given(st.sampled_from(Path), st.dictionaries(NAMES, JSON, max_size=4))
def test_any_object_is_a_request_or_a_refusal(path: Path, fields: dict[str, Any]) -> None:
    body = (CHAT if path is Path.CHAT else COMPLETION) | fields
    try:
        checked = check(body, path)
    except RequestRefused as refused:
        assert refused.text.startswith(INVALID)
    else:
        assert set(checked.body) - {"stream", "stream_options"} <= set(body)
