"""Customers and the network's accounting read vLLM's shape; what we cannot do must be refused, not faked."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon.requests import FIELDS
from mulberry.runtime.engine import EngineFailed, EngineRefused, JsonObject, Piece, Usage
from mulberry.runtime.openai import Stamp, answer
from mulberry.runtime.openai_options import CHAT, COMPLETIONS, OPTIONS_OF, documentation
from mulberry.runtime.openai_request import Asked, read_request
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


def asked(path: str, body: JsonObject, *, stream: bool = False) -> Asked:
    return read_request(path, body, stream=stream, seed=42, temperature=0.5)


def read(path: str, body: JsonObject) -> GenerationRequest:
    return asked(path, body).generation


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
                "completion_tokens_details": {"reasoning_tokens": 0},
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
        reasoning_effort="high",
        parallel_tool_calls=True,
        prediction=3,
        response_format={"type": "text"},
        logprobs=None,
    )
    request = read(CHAT, body)
    assert request.prompts == ((Turn("system", "Be kind."), Turn("user", "a\nb")),)
    assert (request.max_tokens, request.choices, request.stop) == (7, 3, ("END",))
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (1.0, 0.5, -5)
    assert (sampling.frequency_penalty, sampling.presence_penalty) == (-2.0, 2.0)
    assert request.template_options == (("enable_thinking", False), ("reasoning_effort", "high"), ("verbosity", "low"))


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
        ({"chat_template_kwargs": {"enable_thinking": "yes"}}, "enable_thinking must be a boolean"),
        ({"chat_template_kwargs": {"add_generation_prompt": False}}, "knows only enable_thinking"),
        ({"logprobs": True}, "logprobs is not supported"),
        ({"top_logprobs": 1}, "top_logprobs is not supported"),
        ({"tools": [{}]}, "tools is not supported"),
        ({"response_format": {"type": "xml"}}, "response_format.type must be one of"),
        ({"response_format": "json_object"}, "response_format must be an object"),
        ({"response_format": {"type": "json_object", "schema": {}}}, "response_format knows only type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema must be an object"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "schema must be an object"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"title": "x" * 70_000}}}},
            "more than 65,536 characters",
        ),
        ({"verbosity": "chatty"}, "verbosity must be one of low, medium, high"),
        ({"reasoning_effort": ["low"]}, "reasoning_effort must be one of"),
        ({"reasoning_effort": "none", "chat_template_kwargs": {"enable_thinking": True}}, "contradicts"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls must be a boolean"),
        ({"stream_options": {"include_obfuscation": 1}}, "include_obfuscation must be a boolean"),
        ({"best_of": 2}, "best_of is not supported"),
        ({"stop": ["a"] * 100_000}, "at most 16"),
        ({"logit_bias": {}}, "logit_bias is not supported"),
    ],
)
def test_chat_requests_that_cannot_be_run(more: JsonObject, complaint: str) -> None:
    with pytest.raises(EngineRefused, match=complaint) as refused:
        read(CHAT, chat(**more))
    assert refused.value.http_status == 400
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    assert refused.value.body["error"]["param"] in more


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"prompt": ""}, "the prompt is empty"),
        ({"prompt": []}, "1 to 8 texts"),
        ({"prompt": ["a"] * 9}, "1 to 8 texts"),
        ({"prompt": ["a"] * 3, "n": 3}, "9 answers were asked for"),
        ({"prompt": [1, 2, 3]}, "prompt must be a text"),
        ({"prompt": None}, "prompt must be a text"),
        ({"best_of": 2, "n": 3}, "best_of must not be smaller than n"),
        ({"best_of": 5, "prompt": ["a", "b"]}, "10 answers were asked for"),
        ({"echo": 1}, "echo must be a boolean"),
        ({"suffix": True}, "suffix is not supported"),
        ({"skip_special_tokens": "no"}, "skip_special_tokens must be a boolean"),
        ({"response_format": {"type": "text"}}, "response_format is not supported"),
    ],
)
def test_completions_requests_that_cannot_be_run(more: JsonObject, complaint: str) -> None:
    with pytest.raises(EngineRefused, match=complaint):
        read(COMPLETIONS, {"model": "tiny", "prompt": "x", **more})


def test_best_of_is_refused_where_the_best_comes_too_late() -> None:
    body = {"model": "tiny", "prompt": "x", "best_of": 2}
    with pytest.raises(EngineRefused, match="cannot be streamed"):
        asked(COMPLETIONS, body, stream=True)
    assert asked(COMPLETIONS, {**body, "n": 2}, stream=True).given == 2


def test_a_json_answer_is_asked_for_by_a_schema() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    wrapped = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    assert json.loads(read(CHAT, chat(response_format=wrapped)).schema or "") == schema
    assert read(CHAT, chat(response_format={"type": "json_object"})).schema == '{"type":"object"}'
    assert read(CHAT, chat(response_format={"type": "text"})).schema is None


def test_no_effort_is_no_thinking() -> None:
    assert read(CHAT, chat(reasoning_effort="none")).template_options == (("enable_thinking", False),)


async def test_the_best_answers_of_each_prompt_are_given_and_all_are_counted() -> None:
    likely = {0: -3.0, 1: -1.0, 2: -2.0, 3: -0.5, 4: -0.1, 5: -9.0}
    pieces = [Piece(choice, f"text {choice}", Finish.STOP, None, "", likely[choice]) for choice in range(5)]
    engine = Script(*pieces, Piece(5, "text 5", Finish.STOP, Usage(2, 60), "", likely[5]))
    body = {"model": "tiny", "prompt": ["a", "b"], "n": 2, "best_of": 3}
    (whole,) = await objects(engine, COMPLETIONS, body, stream=False)
    assert [(one["index"], one["text"]) for one in whole["choices"]] == [
        (0, "text 1"),
        (1, "text 2"),
        (2, "text 4"),
        (3, "text 3"),
    ]
    assert whole["usage"]["completion_tokens"] == 60
    assert engine.asked is not None and engine.asked.choices == 3 and engine.asked.scored


async def test_an_echo_stands_before_each_answer() -> None:
    body = {"model": "tiny", "prompt": ["one ", "two "], "echo": True}
    pieces = (Piece(0, "A", Finish.STOP), Piece(1, "B", Finish.STOP, Usage(2, 2)))
    (whole,) = await objects(Script(*pieces), COMPLETIONS, body, stream=False)
    assert [one["text"] for one in whole["choices"]] == ["one A", "two B"]
    chunks = await objects(Script(*pieces), COMPLETIONS, body, stream=True)
    said = [(choice["index"], choice["text"]) for one in chunks for choice in one["choices"]]
    assert said == [(0, "one "), (1, "two "), (0, "A"), (1, "B")]


async def test_thoughts_stand_apart_and_are_counted() -> None:
    pieces = (Piece(0, "", thoughts="Hm"), Piece(0, "Hi", Finish.STOP, Usage(4, 9, 3, 6), "."))
    (whole,) = await objects(Script(*pieces), CHAT, chat(), stream=False)
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "Hi", "reasoning_content": "Hm."}
    assert whole["usage"]["completion_tokens_details"] == {"reasoning_tokens": 6}
    assert whole["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}
    chunks = await objects(Script(*pieces), CHAT, chat(), stream=True)
    deltas = [choice["delta"] for one in chunks for choice in one["choices"]]
    assert deltas[1:] == [{"reasoning_content": "Hm"}, {"reasoning_content": ".", "content": "Hi"}]


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
async def test_obfuscated_chunks_say_little_by_their_size(path: str) -> None:
    body = chat(stream_options={"include_obfuscation": True})
    if path == COMPLETIONS:
        body = {"model": "tiny", "prompt": "x", "stream_options": {"include_obfuscation": True}}
    pieces = (Piece(0, "a"), Piece(0, "a much longer piece"), Piece(0, "x" * 40, Finish.STOP, Usage(1, 9)))
    chunks = await objects(Script(*pieces), path, body, stream=True)
    sizes = []
    for one in chunks[:-1]:
        (choice,) = one["choices"]
        said = choice["text"] if path == COMPLETIONS else "".join(choice["delta"].values())
        sizes.append(len(said) + len(one["obfuscation"]))
    assert {size % 32 for size in sizes} == {0}


def test_every_field_that_the_network_lets_through_has_its_line_in_the_table() -> None:
    for path, fields in FIELDS.items():
        assert set(fields) <= OPTIONS_OF[path.value]


def test_the_page_prints_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "engine-api.md").read_text("utf-8")
    assert "\n".join(documentation()) in page


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(OPTIONS_OF[CHAT] | OPTIONS_OF[COMPLETIONS])


@given(st.sampled_from([CHAT, COMPLETIONS]), st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_body_is_a_request_or_a_refusal(path: str, body: JsonObject) -> None:
    try:
        read(path, body)
    except EngineRefused as refused:
        assert refused.http_status == 400
