"""Servers of others answer for us: what they say is booked as money, so it is bounded, checked, and never trusted."""

import asyncio
import contextlib
import gzip
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from loopback import until
from mulberry.agent.settings import Settings
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.node import OwnServer
from mulberry.runtime.engine import EngineFailed, EngineRefused, EngineState, EngineStatus, JsonObject, Piece, Usage
from mulberry.runtime.engines.openai_places import check_ways, own_server, server_url
from mulberry.runtime.engines.openai_server import OpenAiServers, ServerPatience
from mulberry.runtime.wire import Finish, GenerationRequest, Sampling, Turn
from some_server import MODEL, USAGE, Handler, SomeServer, chunk, hello, sse, status, whole
from tiny_model import ask

QUICK = ServerPatience(between_looks=0.02)  # waits as long as ever for answers: this computer may be busy


@contextlib.asynccontextmanager
async def servers_up(*servers: SomeServer) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for one in servers:
            await stack.enter_async_context(one.server)
        yield


@contextlib.asynccontextmanager
async def engine_of(*servers: SomeServer, **more: Any) -> AsyncIterator[OpenAiServers]:
    """Not started yet; stopped at the end."""
    more = {"patience": QUICK} | more
    engine = OpenAiServers(tuple(one.url for one in servers), MODEL, **more)
    try:
        yield engine
    finally:
        await engine.stop()


@contextlib.asynccontextmanager
async def serving(*servers: SomeServer, key_file: Path | None = None, **more: Any) -> AsyncIterator[OpenAiServers]:
    async with servers_up(*servers), engine_of(*servers, key_file=key_file, **more) as engine:
        await engine.start()
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


def counting(texts: dict[str, str]) -> Handler:
    """Answers each prompt with its text, then with the same again and again; its tokens are its letters."""

    async def answer(request: web.Request, body: JsonObject) -> web.StreamResponse:
        prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        text = texts[prompt]
        usage = {
            "prompt_tokens": len(prompt),
            "completion_tokens": len(text),
            "prompt_tokens_details": {"cached_tokens": 1},
        }
        return await sse(chunk(content=text), chunk(finish="stop"), {"choices": [], "usage": usage})(request, body)

    return answer


async def test_each_answer_is_asked_for_by_itself_and_all_are_counted() -> None:
    """llama.cpp's server tells the tokens of one answer for all of them: the rest would be given away."""
    server = SomeServer(counting({"ab": "one", "xyz": "three"}))
    request = GenerationRequest(("ab", "xyz"), Sampling(seed=7, temperature=1.0), choices=2, stream=True)
    async with serving(server) as engine:
        got = await pieces(engine, request)
        assert engine._running == 0
    texts = {number: "".join(piece.text for piece in got if piece.choice == number) for number in range(4)}
    assert texts == {0: "one", 1: "one", 2: "three", 3: "three"}
    assert sorted(piece.choice for piece in got if piece.finish) == [0, 1, 2, 3]
    assert [piece.usage for piece in got if piece.usage] == [Usage(2 + 3, 3 + 3 + 5 + 5, 1 + 1)]
    assert got[-1].usage is not None
    asked = sorted((body["prompt"], body["seed"]) for body in server.asked)
    assert asked == [("ab", 7), ("ab", 8), ("xyz", 7), ("xyz", 8)]
    assert not any("n" in body for body in server.asked)


async def test_one_answer_that_fails_ends_them_all() -> None:
    async def answer(request: web.Request, body: JsonObject) -> web.StreamResponse:
        if body["seed"] == 1:
            return await status(500)(request, body)
        await asyncio.Event().wait()
        raise AssertionError

    server = SomeServer(answer)
    async with serving(server) as engine:
        with pytest.raises(EngineFailed, match="status 500"):
            await pieces(engine, ask("Hello", choices=3))
        await until(lambda: server.running == 0)
        server.answer = status(400, {"error": {"message": "too strange"}})
        with pytest.raises(EngineRefused, match="too strange"):
            await pieces(engine, ask("Hello", choices=3))


async def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    async with serving(SomeServer()) as engine:
        assert (await pieces(engine, ask("Hello")))[0].text == "Hi!"


async def test_everything_that_was_asked_goes_along() -> None:
    server = SomeServer(status(200, whole("{}")))
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
        await pieces(engine, text)
    assert server.asked[0] == {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
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
    assert server.paths == ["/v1/chat/completions", "/v1/completions", "/v1/completions"]
    assert {server.asked[1]["prompt"], server.asked[2]["prompt"]} == {"a", "b"}
    assert server.asked[1]["max_tokens"] == 1000, "the network's default, not the server's"
    assert server.asked[1]["skip_special_tokens"] is False


@pytest.mark.parametrize("streams", [True, False])
async def test_a_stop_text_that_the_server_left_in_is_cut_off(streams: bool) -> None:
    chunks = (chunk(content="one E"), chunk(content="N"), chunk(content="D two", finish="length"), {"usage": USAGE})
    server = SomeServer(sse(*chunks) if streams else status(200, whole("one END two")))
    async with serving(server) as engine:
        got = await pieces(engine, replace(ask("Hello", stop=("END",)), stream=streams))
    assert "".join(piece.text for piece in got) == "one "
    assert got[-1].finish is Finish.STOP


@pytest.mark.parametrize(("text", "is_kept"), [('{"a": 1}', True), ("a = 1", False), ("[" * 100_000, False)])
async def test_what_is_no_json_is_not_sold_as_json(text: str, is_kept: bool) -> None:
    half = len(text) // 2
    cut_short = sse(chunk(content="{", finish="length"), {"usage": USAGE})
    asked = replace(ask("Hello", max_tokens=1000), schema="{}")
    server = SomeServer(sse(chunk(content=text[:half]), chunk(content=text[half:], finish="stop"), {"usage": USAGE}))
    async with serving(server) as engine:
        if is_kept:
            assert (await pieces(engine, asked))[-1].usage is not None
        else:
            with pytest.raises(EngineFailed, match="in the form"):
                await pieces(engine, asked)
        server.answer = cut_short
        assert (await pieces(engine, asked))[-1].finish is Finish.LENGTH


async def test_scores_come_from_the_servers_logarithms() -> None:
    choice = {"index": 0, "text": "x", "finish_reason": "stop", "logprobs": {"token_logprobs": [-1.0, -0.5]}}
    server = SomeServer(status(200, {"choices": [choice], "usage": USAGE}))
    request = GenerationRequest(("a",), Sampling(seed=1), stream=False, scored=True)
    async with serving(server) as engine:
        assert (await pieces(engine, request))[0].log_probability == -0.75
        choice["logprobs"] = {"content": [{"logprob": -1.0}, {"logprob": -0.5}]}  # as llama.cpp's server has it
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
        stats = engine.stats()
        assert sorted(one.running for one in stats) == [2, 2, 3] and engine.places == 7
        assert all(one.ready_seconds is not None and one.tokens_per_second == 0 for one in stats)
        gate.set()
    assert sum(one.running for one in engine.stats()) == 0
    assert all(one.tokens_per_second > 0 for one in engine.stats())


async def test_no_request_leaves_on_a_connection_that_the_server_may_just_be_closing() -> None:
    """llama.cpp's closes idle ones when it likes: the request on its way was lost, and with it the server."""
    used: list[object] = []

    async def answer(request: web.Request, body: JsonObject) -> web.StreamResponse:
        used.append(request.transport)
        return await hello(request, body)

    async with serving(SomeServer(answer)) as engine:
        for _ in range(3):
            await pieces(engine, ONCE)
    assert len(set(map(id, used))) == 3


async def test_a_dead_server_is_passed_over() -> None:
    one, other = SomeServer(), SomeServer()
    async with serving(one, other, patience=replace(QUICK, between_looks=30)) as engine:
        place = one.url.removeprefix("http://")
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


NOT_USABLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "no models": ({"models": {"data": []}}, "does not serve some/model", "--served-model-name some/model"),
    "another model": ({"models": {"data": [{"id": "some/model2"}, {"id": ["x"]}]}}, "does not serve", "this name"),
    "no list": ({"models": {"data": 7}}, "does not serve", "this name"),
    "no object": ({"models": []}, "OpenAI's language", "before /v1"),
    "an error": ({"models": {"error": "x"}}, "OpenAI's language", "before /v1"),
    "too much": ({"models": "x" * 2**21}, "OpenAI's language", "before /v1"),
    "another page": ({"models_status": 404}, "no list of models", "before /v1"),
    "it wants a key": ({"models_status": 401}, "asks for a key", "--engine-key-file"),
    "a redirect": ({"models_status": 307}, "elsewhere", "Name the URL to which"),
    "still loading": ({"models_status": 503}, "HTTP status 503", "own log"),
}


@pytest.mark.parametrize("name", NOT_USABLE)
async def test_what_is_wrong_is_said_with_what_to_do_until_it_is_right(name: str) -> None:
    """Who starts both at once must not have to start again."""
    wrong, said, next_step = NOT_USABLE[name]
    server = SomeServer()
    for attribute, value in wrong.items():
        setattr(server, attribute, value)
    async with servers_up(server), engine_of(server) as engine:
        starting = asyncio.create_task(engine.start())
        await until(lambda: engine.status.state is EngineState.RESTARTING)
        assert said in engine.status.note and own_server(server_url(server.url)).name in engine.status.note
        assert next_step in engine.status.next_step
        assert (engine.status.whose_turn is WhoseTurn.YOU) == (name != "still loading")
        assert not starting.done()
        server.models, server.models_status = {"data": [{"id": MODEL}]}, 200
        await starting
        assert engine.status == EngineStatus(EngineState.READY, runs_on="your own servers")


async def test_nobody_listens_there() -> None:
    engine = OpenAiServers(("http://127.0.0.1:9",), MODEL, patience=QUICK)
    starting = asyncio.create_task(engine.start())
    await until(lambda: engine.status.state is EngineState.RESTARTING)
    assert "Nobody listens there." in engine.status.note and engine.status.whose_turn is WhoseTurn.NOBODY
    with pytest.raises(EngineFailed, match="Nobody listens"):
        await pieces(engine, ONCE)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert engine.status.state is EngineState.STOPPED
    with pytest.raises(EngineFailed, match="not running"):
        await pieces(engine, ONCE)


async def test_the_owner_sees_first_what_only_the_owner_can_mend() -> None:
    absent, wrong = SomeServer(), SomeServer(model="other")
    async with servers_up(absent, wrong), engine_of(absent, wrong) as engine:
        await absent.server.close()
        starting = asyncio.create_task(engine.start())
        await until(lambda: engine.status.state is EngineState.RESTARTING)
        assert "Nobody listens there." in engine.status.note and "does not serve" in engine.status.note
        assert "--served-model-name" in engine.status.next_step
        starting.cancel()
        await asyncio.wait((starting,))


# Keys and places


async def test_the_key_goes_to_the_server_and_not_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "key").write_text("sk-hidden\n")
    server = SomeServer()
    async with serving(server, key_file=tmp_path / "key") as engine:
        await pieces(engine, ONCE)
        server.models_status = 401
        await until(lambda: "does not accept the key" in engine.status.note)
        assert str(tmp_path / "key") in engine.status.next_step
    assert server.keys == {"Bearer sk-hidden"}
    assert "sk-hidden" not in caplog.text and "sk-hidden" not in repr(vars(engine))


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"line\nline", None])
async def test_a_file_without_one_key_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    engine = OpenAiServers(("http://127.0.0.1:9",), MODEL, key_file=tmp_path / "key")
    with pytest.raises(UserFacingError, match="key") as failed:
        await engine.start()
    assert "word" not in str(failed.value) and failed.value.next_step


@pytest.mark.parametrize("url", ["http://gpu.example:8000", "http://192.168.1.7:8000/v1", "http://[2001:db8::7]:1"])
def test_prompts_leave_this_computer_in_the_clear_only_where_the_owner_said_so(url: str) -> None:
    with pytest.raises(UserFacingError, match="prompts would go to") as refused:
        check_ways(("https://fine.example", url), None, in_the_clear=False)
    assert "--engine-in-the-clear" in refused.value.next_step
    check_ways((url,), None, in_the_clear=True)
    with pytest.raises(UserFacingError, match="key for your servers"):
        check_ways((url,), "/some/key", in_the_clear=True)


@pytest.mark.parametrize("url", ["https://gpu.example", "http://127.3.2.1:8", "http://localhost:8", "http://[::1]:8"])
def test_what_is_encrypted_or_stays_here_may_be_used(url: str) -> None:
    check_ways((url,), "/some/key", in_the_clear=False)


def test_a_server_is_called_by_its_host() -> None:
    assert own_server(server_url("https://gpu.example/v1")) == OwnServer("gpu.example", False, True)
    assert own_server(server_url("http://127.0.0.1:8000")) == OwnServer("127.0.0.1:8000", True, False)
    assert own_server(server_url("http://[2001:db8::7]:81")) == OwnServer("[2001:db8::7]:81", False, False)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(SomeServer()) as engine:
        assert (await pieces(engine, ONCE))[0].text == "Hi!"


async def test_a_packed_answer_is_not_unpacked() -> None:
    """A small one may be large."""

    async def packed(_request: web.Request, _body: JsonObject) -> web.StreamResponse:
        body = gzip.compress(json.dumps(whole()).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    async with serving(SomeServer(packed)) as engine:
        with pytest.raises(EngineFailed, match="not JSON"):
            await pieces(engine, ONCE)


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
