"""Servers of others answer for us: what they say is booked as money, so it is bounded, checked, and never trusted."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from loopback import until
from mulberry.agent.settings import Settings
from mulberry.runtime.engine import EngineFailed, EngineRefused, EngineState, EngineStatus, JsonObject, Piece, Usage
from mulberry.runtime.engines.openai_server import OpenAiServers, ServerPatience, server_url
from mulberry.runtime.wire import Finish, GenerationRequest, Sampling, Turn
from tiny_model import ask

MODEL = "some/model"
QUICK = ServerPatience(connect=1, health=1, between_looks=0.02, silence=0.3, run=2)
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
Handler = Callable[[web.Request, JsonObject], Awaitable[web.StreamResponse]]


def chunk(index: int = 0, finish: str | None = None, **delta: str) -> JsonObject:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def whole(text: str = "Hi!", **more: Any) -> JsonObject:
    return {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}], "usage": USAGE, **more}


async def hello(_request: web.Request, _body: JsonObject) -> web.StreamResponse:
    return web.json_response(whole())


class SomeServer:
    """An OpenAI-compatible server that does what it is told. Its attributes may be changed at any time."""

    def __init__(self, answer: Handler = hello) -> None:
        self.answer = answer
        self.models: Any = {"data": [{"id": MODEL}]}
        self.models_status = 200
        self.asked: list[JsonObject] = []
        self.paths: list[str] = []
        self.keys: set[str | None] = set()
        self.running = 0
        self.server = TestServer(self._application())

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/v1/models", self._list_models)
        application.router.add_post("/v1/chat/completions", self._run)
        application.router.add_post("/v1/completions", self._run)
        return application

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        self.keys.add(request.headers.get("Authorization"))
        return web.json_response(self.models, status=self.models_status)

    async def _run(self, request: web.Request) -> web.StreamResponse:
        self.keys.add(request.headers.get("Authorization"))
        self.paths.append(request.path)
        body = await request.json()
        self.asked.append(body)
        self.running += 1
        try:
            return await self.answer(request, body)
        finally:
            self.running -= 1


def sse(*objects: JsonObject | str, end: bool = True) -> Handler:
    async def answer(request: web.Request, _body: JsonObject) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(b": a comment\n\n")
        for one in objects:
            line = one if isinstance(one, str) else json.dumps(one)
            await response.write(f"data: {line}\r\n\r\n".encode())
        if end:
            await response.write(b"data: [DONE]\n\n")
        return response

    return answer


def status(code: int, body: Any = None, headers: dict[str, str] | None = None) -> Handler:
    async def answer(_request: web.Request, _body: JsonObject) -> web.StreamResponse:
        return web.json_response(body, status=code, headers=headers)

    return answer


@contextlib.asynccontextmanager
async def serving(*servers: SomeServer, key_file: Path | None = None, **more: Any) -> AsyncIterator[OpenAiServers]:
    async with contextlib.AsyncExitStack() as stack:
        for one in servers:
            await one.server.start_server()
            stack.push_async_callback(one.server.close)
        more = {"patience": QUICK} | more
        engine = OpenAiServers(tuple(one.url for one in servers), MODEL, key_file=key_file, **more)
        await engine.start()
        stack.push_async_callback(engine.stop)
        yield engine


async def pieces(engine: OpenAiServers, request: GenerationRequest) -> list[Piece]:
    return [piece async for piece in engine.generate(request)]


ONCE = replace(ask("Hello"), stream=False)


async def test_an_answer_in_one_piece() -> None:
    server = SomeServer()
    async with serving(server) as engine:
        assert engine.status == EngineStatus(EngineState.READY, runs_on="your own servers")
        assert await pieces(engine, ONCE) == [Piece(0, "Hi!", Finish.STOP, Usage(9, 5, 4, 2))]
    assert engine.status == EngineStatus(EngineState.STOPPED)
    assert server.paths == ["/v1/chat/completions"]


async def test_a_streamed_answer_with_thoughts() -> None:
    chunks = (
        chunk(role="assistant", content=""),
        chunk(reasoning_content="Hm"),
        chunk(content="Hé"),
        chunk(content="!", finish="length"),
        {"choices": [], "usage": USAGE},
    )
    async with serving(SomeServer(sse(*chunks))) as engine:
        assert await pieces(engine, ask("Hello")) == [
            Piece(0, "", thoughts="Hm"),
            Piece(0, "Hé"),
            Piece(0, "!", Finish.LENGTH, Usage(9, 5, 4, 2)),
        ]


async def test_several_answers_end_each_on_its_own() -> None:
    chunks = (chunk(1, content="b", finish="stop"), chunk(0, content="a"), chunk(0, finish="stop"), {"usage": USAGE})
    async with serving(SomeServer(sse(*chunks))) as engine:
        got = await pieces(engine, ask("Hello", choices=2))
    assert [(one.choice, one.text, one.finish is not None, one.usage is not None) for one in got] == [
        (0, "a", False, False),
        (1, "b", True, False),
        (0, "", True, True),
    ]


async def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    async with serving(SomeServer()) as engine:
        assert (await pieces(engine, ask("Hello")))[0].text == "Hi!"


async def test_everything_that_was_asked_goes_along() -> None:
    server = SomeServer()
    request = GenerationRequest(
        ((Turn("system", "Be kind."), Turn("user", "Hello")),),
        Sampling(seed=7, temperature=0.5, top_p=0.9, frequency_penalty=0.1),
        max_tokens=50,
        stop=("END",),
        stream=False,
        template_options=(("enable_thinking", False), ("reasoning_effort", "low")),
        schema='{"type":"object"}',
    )
    async with serving(server) as engine:
        await pieces(engine, request)
        text = GenerationRequest(("a", "b"), Sampling(seed=1), stream=False, shows_control_tokens=True)
        with pytest.raises(EngineFailed, match="ended before"):
            await pieces(engine, text)  # it answers but one of the two
    assert server.asked[0] == {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "n": 1,
        "stream": False,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.0,
        "stop": ["END"],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
        },
        "chat_template_kwargs": {"enable_thinking": False},
        "reasoning_effort": "low",
    }
    assert server.paths == ["/v1/chat/completions", "/v1/completions"]
    assert server.asked[1]["prompt"] == ["a", "b"]
    assert server.asked[1]["max_tokens"] == 1000, "the network's default, not the server's"
    assert server.asked[1]["skip_special_tokens"] is False


async def test_scores_come_from_the_servers_logarithms() -> None:
    choice = {"index": 0, "text": "x", "finish_reason": "stop", "logprobs": {"token_logprobs": [-1.0, -0.5]}}
    server = SomeServer(status(200, {"choices": [choice], "usage": USAGE}))
    request = GenerationRequest(("a",), Sampling(seed=1), stream=False, scored=True)
    async with serving(server) as engine:
        assert (await pieces(engine, request))[0].log_probability == -0.75
        del choice["logprobs"]
        with pytest.raises(EngineFailed, match="best_of"):
            await pieces(engine, request)
    assert server.asked[0]["logprobs"] == 1


# Servers that lie, break or never end


HOSTILE: dict[str, tuple[Handler, str]] = {
    "no JSON": (sse("{"), "not JSON"),
    "no object": (sse("[1]"), "no JSON object"),
    "a bomb of brackets": (sse("[" * 100_000), "not JSON"),
    "an endless line": (sse("x" * 1_100_000), "more than the answer can have"),
    "an error in the middle": (sse(chunk(content="a"), {"error": {"message": "secret"}}), "told of an error"),
    "an answer that nobody asked for": (sse(chunk(1, content="a")), "not open"),
    "a number that is none": (sse({"choices": [{"index": True}]}), "not open"),
    "words after the end": (sse(chunk(finish="stop"), chunk(content="more")), "not open"),
    "an end before the end": (sse(chunk(content="a"), {"usage": USAGE}), "ended before"),
    "a connection that ends": (sse(chunk(content="a"), end=False), "ended before"),
    "no usage": (sse(chunk(finish="stop")), "how many tokens"),
    "a text that is none": (sse(chunk(), {"choices": [{"index": 0, "delta": {"content": 5}}]}), "no text"),
    "choices that are none": (sse({"choices": 7}), "no list"),
    "a choice that is none": (sse({"choices": [7]}), "no object"),
    "a redirect": (status(302, headers={"Location": "http://127.0.0.1:9/v1/chat/completions"}), "status 302"),
    "a broken inside": (status(500, {"error": {"message": "trace"}}), "status 500"),
}
USAGES: dict[str, JsonObject] = {
    "too many completion tokens": {"prompt_tokens": 1, "completion_tokens": 10**9},
    "too many prompt tokens": {"prompt_tokens": 10**9, "completion_tokens": 1},
    "no prompt": {"prompt_tokens": 0, "completion_tokens": 1},
    "less than nothing": {"prompt_tokens": 5, "completion_tokens": -1},
    "a fraction": {"prompt_tokens": 5, "completion_tokens": 1.5},
    "more cached than read": {
        "prompt_tokens": 5,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 6},
    },
    "more thought than said": {"prompt_tokens": 5, "completion_tokens": 1, "reasoning_tokens": 2},
}
HOSTILE |= {name: (sse(chunk(finish="stop"), {"usage": usage}), "nonsense") for name, usage in USAGES.items()}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_server_ends_the_request_and_nothing_else(name: str) -> None:
    handler, complaint = HOSTILE[name]
    async with serving(SomeServer(handler)) as engine:
        with pytest.raises(EngineFailed, match=complaint) as failed:
            await pieces(engine, ask("Hello"))
    assert "secret" not in str(failed.value) and "trace" not in str(failed.value)


async def test_an_endless_stream_is_cut() -> None:
    async def endless(request: web.Request, _body: JsonObject) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        line = b"data: " + json.dumps(chunk(content="x" * 60_000)).encode() + b"\n\n"
        while True:
            await response.write(line)

    server = SomeServer(endless)
    async with serving(server) as engine:
        with pytest.raises(EngineFailed, match="more than the answer can have"):
            await pieces(engine, ask("Hello", max_tokens=10))
        await until(lambda: server.running == 0)


async def test_an_endless_whole_answer_is_cut() -> None:
    async with serving(SomeServer(status(200, whole("x" * 3_000_000)))) as engine:
        with pytest.raises(EngineFailed, match="more than the answer can have"):
            await pieces(engine, ask("Hello", max_tokens=10))


@pytest.mark.parametrize("begins", [True, False])
async def test_a_server_that_falls_silent_is_not_waited_for(begins: bool) -> None:
    async def silent(request: web.Request, _body: JsonObject) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if begins:
            await response.prepare(request)
        await asyncio.Event().wait()
        return response

    async with serving(SomeServer(silent), patience=replace(QUICK, silence=0.05)) as engine:
        with pytest.raises(EngineFailed, match="in time"):
            await pieces(engine, ask("Hello"))


async def test_a_cancelled_request_ends_at_the_server_too() -> None:
    async def slow(request: web.Request, _body: JsonObject) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: " + json.dumps(chunk(content="a")).encode() + b"\n\n")
        await asyncio.Event().wait()
        return response

    server = SomeServer(slow)
    async with serving(server) as engine:
        answering = engine.generate(ask("Hello"))
        assert (await anext(answering)).text == "a"
        await answering.aclose()
        await until(lambda: server.running == 0)


async def test_what_the_server_refuses_the_customer_hears() -> None:
    words = {"error": {"message": "top_p is too strange", "param": "top_p"}}
    server = SomeServer(status(400, words))
    async with serving(server) as engine:
        with pytest.raises(EngineRefused, match="too strange") as refused:
            await pieces(engine, ONCE)
        assert (refused.value.http_status, refused.value.parameter) == (400, "top_p")
        server.answer = status(400, ["?"])
        with pytest.raises(EngineRefused, match="does not accept"):
            await pieces(engine, ONCE)
        server.answer = status(429)
        with pytest.raises(EngineRefused) as busy:
            await pieces(engine, ONCE)
        assert busy.value.http_status == 503
        assert engine.status.state is EngineState.READY


# Several servers, and which of them count


async def test_requests_go_where_the_fewest_run() -> None:
    gate = asyncio.Event()

    async def waiting(_request: web.Request, _body: JsonObject) -> web.StreamResponse:
        await gate.wait()
        return web.json_response(whole())

    servers = [SomeServer(waiting) for _ in range(3)]
    async with serving(*servers, requests_limit=7) as engine, asyncio.TaskGroup() as customers:
        for _ in range(7):
            customers.create_task(pieces(engine, ONCE))
        await until(lambda: sum(server.running for server in servers) == 7)
        assert sorted(server.running for server in servers) == [2, 2, 3]
        with pytest.raises(EngineRefused) as refused:
            await pieces(engine, ONCE)
        assert refused.value.http_status == 503
        gate.set()


async def test_a_dead_server_is_passed_over() -> None:
    one, other = SomeServer(), SomeServer()
    async with serving(one, other, patience=replace(QUICK, between_looks=30)) as engine:
        place = one.url
        await one.server.close()
        for _ in range(3):
            assert (await pieces(engine, ONCE))[0].text == "Hi!"
        assert len(other.asked) == 3
        assert engine.status.state is EngineState.READY
        assert place in engine.status.note


async def test_the_state_follows_the_servers() -> None:
    server = SomeServer()
    async with serving(server) as engine:
        server.models_status = 500
        await until(lambda: engine.status.state is EngineState.RESTARTING)
        with pytest.raises(EngineFailed, match="HTTP status 500"):
            await pieces(engine, ONCE)
        server.models_status = 200
        await until(lambda: engine.status.state is EngineState.READY)
        server.models = {"data": [{"id": "another"}]}
        await until(lambda: "does not serve some/model" in engine.status.note)


@pytest.mark.parametrize(
    "models", [{"data": []}, {"data": 7}, [], {"error": "x"}, {"data": [{"id": ["x"]}]}, "x" * 2**21]
)
async def test_without_a_server_that_serves_the_model_it_does_not_start(models: Any) -> None:
    server = SomeServer()
    server.models = models
    with pytest.raises(EngineFailed, match="cannot be used"):
        async with serving(server):
            pass


async def test_nobody_listens_there() -> None:
    engine = OpenAiServers(("http://127.0.0.1:9",), MODEL, patience=QUICK)
    with pytest.raises(EngineFailed, match="does not answer"):
        await engine.start()
    assert engine.status.state is EngineState.BROKEN
    with pytest.raises(EngineFailed, match="not running"):
        await pieces(engine, ONCE)


# Keys and places


async def test_the_key_goes_to_the_server_and_not_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "key").write_text("sk-hidden\n")
    server = SomeServer()
    async with serving(server, key_file=tmp_path / "key") as engine:
        await pieces(engine, ONCE)
        server.models_status = 401
        await until(lambda: "does not accept our key" in engine.status.note)
    assert server.keys == {"Bearer sk-hidden"}
    assert "sk-hidden" not in caplog.text and "sk-hidden" not in repr(vars(engine))


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"line\nline"])
async def test_a_file_without_one_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    engine = OpenAiServers(("http://127.0.0.1:9",), MODEL, key_file=tmp_path / "key")
    with pytest.raises(EngineFailed, match="key") as failed:
        await engine.start()
    assert "word" not in str(failed.value)


async def test_a_key_does_not_travel_in_the_clear(tmp_path: Path) -> None:
    engine = OpenAiServers(("http://gpu.example:8000",), MODEL, key_file=tmp_path / "key")
    with pytest.raises(EngineFailed, match=r"gpu\.example in the clear"):
        await engine.start()


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(SomeServer()) as engine:
        assert (await pieces(engine, ONCE))[0].text == "Hi!"


def test_a_servers_place_may_be_written_in_several_ways() -> None:
    for text in ("http://gpu:8000", "http://gpu:8000/", "http://gpu:8000/v1", "http://gpu:8000/v1/"):
        assert str(server_url(text)) == "http://gpu:8000/"
    assert str(server_url("https://host/llm/v1").joinpath("v1/models")) == "https://host/llm/v1/models"


@pytest.mark.parametrize(
    "text", ["", "gpu:8000", "ftp://gpu", "http://", "http://a:b@gpu", "http://gpu/?x", "http://gpu:x"]
)
def test_what_is_no_servers_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"URL|http"):
        server_url(text)
    with pytest.raises(ValueError, match="engine_urls"):
        Settings.model_validate_json(json.dumps({"engine_urls": [text]}))
