"""An OpenAI-compatible server over real sockets, for tests: it answers as it is told, also what no server should."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from mulberry.runtime.engine import JsonObject

MODEL = "some/model"
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

    def __init__(self, answer: Handler = hello, model: str = MODEL) -> None:
        self.answer = answer
        self.models: Any = {"data": [{"id": model}]}
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
