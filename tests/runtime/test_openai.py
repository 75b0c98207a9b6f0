"""Customers and the network's accounting read vLLM's shape; what we cannot do must be refused, not faked."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.runtime.engine import EngineFailed, EngineRefused, JsonObject, Piece, Usage
from mulberry.runtime.openai import Stamp, answer
from mulberry.runtime.openai_request import CHAT, COMPLETIONS, read_request
from mulberry.runtime.wire import Finish, GenerationRequest, Turn

STAMP = Stamp("1", 1_700_000_000, 42)
TWO_CHOICES = (
    Piece(1, "Good"),
    Piece(0, "Hi"),
    Piece(0, "!", Finish.STOP),
    Piece(1, "", Finish.LENGTH, Usage(5, 4)),
)


class Script:
    """An engine that says what it is told to."""

    default_temperature = 0.5

    def __init__(self, *pieces: Piece | Exception) -> None:
        self._pieces = pieces
        self.asked: GenerationRequest | None = None
        self.closed = False

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        self.asked = request
        try:
            for piece in self._pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True


def chat(**more: Any) -> JsonObject:
    return {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], **more}


async def objects(engine: Script, path: str, body: JsonObject, *, stream: bool) -> list[JsonObject]:
    return [one async for one in answer(engine, path, body, stream=stream, stamp=STAMP)]


def read(path: str, body: JsonObject) -> GenerationRequest:
    return read_request(path, body, stream=False, seed=42, temperature=0.5)


async def test_a_whole_chat_answer() -> None:
    assert await objects(Script(*TWO_CHOICES), CHAT, chat(n=2), stream=False) == [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "tiny",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hi!"},
                    "logprobs": None,
                    "finish_reason": "stop",
                },
                {
                    "index": 1,
                    "message": {"role": "assistant", "content": "Good"},
                    "logprobs": None,
                    "finish_reason": "length",
                },
            ],
            "usage": {
                "prompt_tokens": 5,
                "completion_tokens": 4,
                "total_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
        }
    ]


async def test_a_streamed_chat_answer() -> None:
    chunks = await objects(Script(*TWO_CHOICES), CHAT, chat(n=2), stream=True)
    assert {(one["id"], one["object"], one["model"]) for one in chunks} == {
        ("chatcmpl-1", "chat.completion.chunk", "tiny")
    }
    said = [(c["index"], c["delta"], c["finish_reason"]) for one in chunks for c in one["choices"]]
    assert said == [
        (0, {"role": "assistant", "content": ""}, None),
        (1, {"role": "assistant", "content": ""}, None),
        (1, {"content": "Good"}, None),
        (0, {"content": "Hi"}, None),
        (0, {"content": "!"}, "stop"),
        (1, {}, "length"),
    ]
    assert [one["usage"]["total_tokens"] for one in chunks if not one["choices"]] == [9]


async def test_completions_have_text_and_no_roles() -> None:
    body = {"model": "tiny", "prompt": "Hello"}
    pieces = (Piece(0, "Hi"), Piece(0, "!", Finish.STOP, Usage(1, 3)))
    (whole,) = await objects(Script(*pieces), COMPLETIONS, body, stream=False)
    assert (whole["id"], whole["object"]) == ("cmpl-1", "text_completion")
    assert whole["choices"] == [{"index": 0, "text": "Hi!", "logprobs": None, "finish_reason": "stop"}]
    chunks = await objects(Script(*pieces), COMPLETIONS, body, stream=True)
    assert [choice["text"] for one in chunks for choice in one["choices"]] == ["Hi", "!"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_comes_before_the_first_object(stream: bool) -> None:
    with pytest.raises(EngineRefused) as refused:
        await objects(Script(EngineRefused(503, "full", "overloaded")), CHAT, chat(), stream=stream)
    assert refused.value.body == {
        "error": {"message": "full", "type": "server_error", "param": None, "code": "overloaded"}
    }


async def test_a_failure_in_the_middle_is_raised_there() -> None:
    engine = Script(Piece(0, "Hi"), EngineFailed("It died."))
    got = []
    with pytest.raises(EngineFailed, match="It died"):
        async for one in answer(engine, CHAT, chat(), stream=True, stamp=STAMP):
            got.append(one)  # noqa: PERF401 - it raises in between
    assert len(got) == 2


async def test_closing_the_answer_closes_the_engines_request() -> None:
    engine = Script(*TWO_CHOICES)
    answering = answer(engine, CHAT, chat(n=2), stream=True, stamp=STAMP)
    await anext(answering)
    assert not engine.closed
    await answering.aclose()
    assert engine.closed


def test_every_option_reaches_the_engine() -> None:
    body = chat(
        messages=[
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "x"},
        ],
        max_tokens=9,
        max_completion_tokens=7,
        n=3,
        stop="END",
        temperature=1,
        top_p=0.5,
        frequency_penalty=-2,
        presence_penalty=2,
        seed=-5,
        chat_template_kwargs={"enable_thinking": False},
        verbosity="low",
        response_format={"type": "text"},
        logprobs=None,
    )
    request = read(CHAT, body)
    assert request.prompts == ((Turn("system", "Be kind."), Turn("user", "a\nb")),)
    assert (request.max_tokens, request.choices, request.stop) == (7, 3, ("END",))
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (1.0, 0.5, -5)
    assert (sampling.frequency_penalty, sampling.presence_penalty) == (-2.0, 2.0)
    assert request.template_options == (("enable_thinking", False),)


def test_what_is_not_said_has_defaults() -> None:
    request = read(CHAT, chat())
    assert (request.max_tokens, request.choices, request.stop) == (None, 1, ())
    assert (request.sampling.temperature, request.sampling.top_p, request.sampling.seed) == (0.5, 1.0, 42)
    assert read(COMPLETIONS, {"model": "tiny", "prompt": ["a", "b"]}).max_tokens == 16


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": "hi"}, "at least one message"),
        ({"messages": [1]}, r"messages\[0\] must be an object"),
        ({"messages": [{"role": "user"}]}, r"messages\[0\].content must be a text"),
        ({"messages": [{"role": "root", "content": "x"}]}, "must be one of system, developer, user, assistant"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "must be one of"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "must be one of"),
        ({"messages": [{"role": "user", "content": " \n"}]}, "hold no text"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "not valid Unicode"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "reads nothing else"),
        ({"messages": [{"role": "assistant", "content": "x", "tool_calls": [{}]}]}, "tool calls are not supported"),
        ({"messages": [{"role": "user", "content": "x"}] * 2001}, "2,001 messages"),
        ({"n": 9}, "n must be a whole number from 1 to 8"),
        ({"n": True}, "n must be a whole number"),
        ({"max_tokens": 0}, "max_tokens must be"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens must be"),
        ({"temperature": float("nan")}, "temperature must be a number from 0 to 2"),
        ({"temperature": 2.1}, "temperature must be"),
        ({"temperature": "hot"}, "temperature must be"),
        ({"top_p": -0.1}, "top_p must be"),
        ({"frequency_penalty": 2.1}, "frequency_penalty must be"),
        ({"stop": ""}, "1 to 256 characters"),
        ({"stop": ["a"] * 17}, "at most 16"),
        ({"stop": [1]}, "stop must be a text"),
        ({"stop": {}}, "stop must be a text or a list"),
        ({"seed": 2**63}, "seed must be"),
        ({"chat_template_kwargs": {"enable_thinking": "yes"}}, "must be an object of booleans"),
        ({"chat_template_kwargs": {"add_generation_prompt": False}}, "knows only enable_thinking"),
        ({"logprobs": True}, "logprobs is not supported"),
        ({"top_logprobs": 1}, "top_logprobs is not supported"),
        ({"tools": [{}]}, "tools is not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format is not supported"),
        ({"logit_bias": {}}, "logit_bias is not supported"),
    ],
)
def test_chat_requests_that_cannot_be_run(more: JsonObject, complaint: str) -> None:
    with pytest.raises(EngineRefused, match=complaint) as refused:
        read(CHAT, chat(**more))
    assert refused.value.http_status == 400
    assert refused.value.body["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"prompt": ""}, "the prompt is empty"),
        ({"prompt": []}, "1 to 8 texts"),
        ({"prompt": ["a"] * 9}, "1 to 8 texts"),
        ({"prompt": ["a"] * 3, "n": 3}, "9 answers were asked for"),
        ({"prompt": [1, 2, 3]}, "prompt must be a text"),
        ({"prompt": None}, "prompt must be a text"),
        ({"best_of": 2}, "best_of other than n"),
        ({"echo": True}, "echo is not supported"),
        ({"suffix": True}, "suffix is not supported"),
        ({"skip_special_tokens": False}, "skip_special_tokens is not supported"),
    ],
)
def test_completions_requests_that_cannot_be_run(more: JsonObject, complaint: str) -> None:
    with pytest.raises(EngineRefused, match=complaint):
        read(COMPLETIONS, {"model": "tiny", "prompt": "x", **more})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted({"messages", "prompt", "n", "stop", "temperature", "seed", "response_format", "chat_template_kwargs"})


@given(st.sampled_from([CHAT, COMPLETIONS]), st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_body_is_a_request_or_a_refusal(path: str, body: JsonObject) -> None:
    try:
        read(path, body)
    except EngineRefused as refused:
        assert refused.http_status == 400
