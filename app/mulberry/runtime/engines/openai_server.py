"""The engine for people who outgrow one process: any OpenAI-compatible servers, by their URLs.

Requests go where the fewest run. A server counts while its /v1/models names our model; the list is asked for again
and again, so that one that went away comes back by itself. What runs there is the owner's business: our sandbox does
not reach it, and the status says so by having no confinement.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from mulberry.runtime.engine import EngineFailed, EngineRefused, EngineState, EngineStatus, JsonObject, Piece
from mulberry.runtime.engines.openai_answers import (
    DONE,
    WHOLE_LIMIT_BYTES,
    Answers,
    Lines,
    body_of,
    parsed,
    path_of,
    size_limit_bytes,
)
from mulberry.runtime.wire import GenerationRequest

_LOG = logging.getLogger(__name__)

DEFAULT_TEMPERATURE = 1.0  # OpenAI's; a server's own for the model is not known
KEY_LIMIT_BYTES = 4096
MODELS_LIMIT_BYTES = 1 << 20
REFUSAL_LIMIT_BYTES = 1 << 16
SHOWN_TEXT_LIMIT = 500
GONE = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ConnectionTimeoutError)
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class ServerPatience:
    """In seconds. `silence` is between two pieces of an answer, and before the first: a long prompt must fit."""

    connect: float = 5.0
    health: float = 10.0
    between_looks: float = 5.0
    silence: float = 120.0
    run: float = 600.0


@dataclass(slots=True, eq=False)
class _Server:
    url: URL
    running: int = 0
    trouble: str = "It was not asked yet."  # "" while it counts


def server_url(text: str) -> URL:
    """The place of a server's API without `/v1`. Raises `ValueError` with a sentence for the owner."""
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise ValueError(f"{text!r} is no URL") from None
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise ValueError(f"{text!r} must begin with http:// or https:// and name a computer")
    if url.user or url.password or url.query_string or url.fragment:
        raise ValueError("an engine's URL holds no user, password, question mark or number sign")
    return url.with_path(url.path.rstrip("/").removesuffix("/v1").rstrip("/") or "/")


def read_key(path: Path) -> str:
    """The API key in a file's only line. Raises `EngineFailed`, with nothing of the key."""
    try:
        with path.open("rb") as file:
            key = file.read(KEY_LIMIT_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no plain text"
        raise EngineFailed(f"The key for the engine's server could not be read from {path}: {why}.") from None
    if not key or any(not "!" <= letter <= "~" for letter in key):
        raise EngineFailed(f"The file {path} does not hold one key for the engine's server, alone in one line.")
    return key


class OpenAiServers:
    """The engine (`engine.Engine`) made of the servers at `urls`, which all serve `model`.

    The key in `key_file` is sent to them and nowhere else; over plain HTTP only to this computer. Raises `ValueError`
    at unusable URLs. `on_change` is called with every new status, from the event loop.
    """

    default_temperature = DEFAULT_TEMPERATURE

    def __init__(
        self,
        urls: tuple[str, ...],
        model: str,
        *,
        key_file: Path | None = None,
        requests_limit: int = 64,
        on_change: Callable[[EngineStatus], None] = lambda status: None,
        patience: ServerPatience = ServerPatience(),
    ) -> None:
        self.status = EngineStatus(EngineState.STOPPED)
        self._servers = [_Server(server_url(url)) for url in urls]
        if not self._servers:
            raise ValueError("no server is named")
        self._model = model
        self._key_file = key_file
        self._requests_limit = requests_limit
        self._on_change = on_change
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when a server serves the model. Raises `EngineFailed` when none does; nothing runs then."""
        if self._session is not None:
            raise RuntimeError("this engine runs already")
        key = self._key()
        self._tell(EngineState.LOADING, "Asking the engine's servers")
        self._session = aiohttp.ClientSession(
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            trust_env=False,  # no proxy of the environment reads strangers' prompts
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,  # a small answer must stay small
        )
        try:
            await self._look_at_all()
        except BaseException:
            await self.stop()
            raise
        if self.status.state is not EngineState.READY:
            note = self.status.note
            await self._close()
            self._tell(EngineState.BROKEN, note)
            raise EngineFailed(note)
        self._watch = asyncio.create_task(self._keep_looking(), name="engine servers' watch")

    def _key(self) -> str | None:
        if self._key_file is None:
            return None
        for server in self._servers:
            if server.url.scheme == "http" and server.url.host not in LOOPBACK:
                raise EngineFailed(
                    f"The key would go to {server.url.host} in the clear. Its URL must begin with https."
                )
        return read_key(self._key_file)

    async def stop(self) -> None:
        """Ends all requests."""
        await self._close()
        self._tell(EngineState.STOPPED)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """See `engine.Engine`."""
        if self._session is None:
            raise EngineFailed("The engine is not running.")
        if sum(server.running for server in self._servers) >= self._requests_limit:
            raise EngineRefused(503, "too many requests are running already", "overloaded")
        tried: set[_Server] = set()
        while True:
            server = self._least_loaded(tried)
            tried.add(server)
            server.running += 1
            silent = True
            try:
                async with contextlib.aclosing(self._ask(server, request)) as pieces:
                    async for piece in pieces:
                        silent = False
                        yield piece
                return
            except GONE:
                self._lost(server, "It does not answer.")
                if not silent:
                    raise EngineFailed("The connection to the engine's server broke.") from None
            finally:
                server.running -= 1

    def _least_loaded(self, tried: set[_Server]) -> _Server:
        usable = [server for server in self._servers if not server.trouble and server not in tried]
        if not usable:
            raise EngineFailed(self._note() or "None of the engine's servers answers.")
        return min(usable, key=lambda server: server.running)

    async def _ask(self, server: _Server, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """Raises one of `GONE` when the server went away, most often before it began."""
        assert self._session is not None  # noqa: S101 - for mypy
        patience = self._patience
        limit = aiohttp.ClientTimeout(total=patience.run, connect=patience.connect, sock_read=patience.silence)
        answers = Answers(request)
        try:
            async with self._session.post(
                server.url.joinpath(path_of(request).lstrip("/")),
                json=body_of(request, self._model),
                allow_redirects=False,
                timeout=limit,
            ) as response:
                if response.status != 200:
                    raise await self._refusal(server, response)
                if response.content_type == "text/event-stream":
                    chunks = self._streamed(response, size_limit_bytes(request))
                else:
                    chunks = self._whole(response, min(WHOLE_LIMIT_BYTES, size_limit_bytes(request)))
                async with contextlib.aclosing(chunks):
                    async for untrusted in chunks:
                        for piece in answers.pieces(untrusted):
                            yield piece
                yield answers.last()
        except GONE:
            raise
        except TimeoutError:
            raise EngineFailed("The engine's server did not answer in time.") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise EngineFailed("The connection to the engine's server broke.") from None

    async def _streamed(self, response: aiohttp.ClientResponse, limit: int) -> AsyncGenerator[JsonObject, None]:
        lines = Lines(limit)
        async for untrusted in response.content.iter_any():
            for data in lines.feed(untrusted):
                if data == DONE:
                    return
                yield parsed(data)

    async def _whole(self, response: aiohttp.ClientResponse, limit: int) -> AsyncGenerator[JsonObject, None]:
        yield parsed(await _bounded(response, limit))

    async def _refusal(self, server: _Server, response: aiohttp.ClientResponse) -> Exception:
        """What an answer without an answer means for the customer."""
        if response.status in (429, 503):
            return EngineRefused(503, "too many requests are waiting already", "overloaded")
        if response.status in (400, 413, 422):
            text, parameter = _words(await _bounded(response, REFUSAL_LIMIT_BYTES))
            return EngineRefused(400, text, "invalid_request", parameter)
        if response.status < 500:  # it will not accept the next one either; what is above may be this request's fault
            self._lost(server, f"It answered a request with HTTP status {response.status}.")
        return EngineFailed(f"The engine's server answered with HTTP status {response.status}.")

    # Which servers count

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._patience.between_looks)
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        troubles = await asyncio.gather(*(self._trouble(server) for server in self._servers))
        for server, trouble in zip(self._servers, troubles, strict=True):
            if trouble and not server.trouble:
                _LOG.warning("the engine's server at %s no longer counts: %s", server.url.origin(), trouble)
            server.trouble = trouble
        self._tell_how_it_is()

    async def _trouble(self, server: _Server) -> str:
        """Why a server does not count, "" when it does."""
        assert self._session is not None  # noqa: S101 - for mypy
        limit = aiohttp.ClientTimeout(total=self._patience.health)
        try:
            async with self._session.get(
                server.url.joinpath("v1/models"), allow_redirects=False, timeout=limit
            ) as response:
                if response.status in (401, 403):
                    return "It does not accept our key."
                if response.status != 200:
                    return f"It answered with HTTP status {response.status}."
                untrusted = parsed(await _bounded(response, MODELS_LIMIT_BYTES)).get("data")
        except (aiohttp.ClientError, OSError, ValueError):  # a TimeoutError is an OSError
            return "It does not answer."
        except EngineFailed:
            return "It does not speak OpenAI's language."
        listed = untrusted if isinstance(untrusted, list) else []
        if not any(isinstance(one, dict) and one.get("id") == self._model for one in listed):
            return f"It does not serve {self._model}."
        return ""

    def _lost(self, server: _Server, trouble: str) -> None:
        server.trouble = trouble
        self._tell_how_it_is()

    def _tell_how_it_is(self) -> None:
        if self._session is None:
            return
        counts = any(not server.trouble for server in self._servers)
        self._tell(EngineState.READY if counts else EngineState.RESTARTING, self._note())

    def _note(self) -> str:
        return " ".join(
            f"The engine's server at {server.url.origin()} cannot be used: {server.trouble}"
            for server in self._servers
            if server.trouble
        )

    async def _close(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait((watch,))
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _tell(self, state: EngineState, note: str = "") -> None:
        status = EngineStatus(state, note, runs_on="your own servers" if state is EngineState.READY else "")
        if status != self.status:
            self.status = status
            self._on_change(status)


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body. Raises `EngineFailed` when it is larger than `limit` bytes."""
    body = bytearray()
    async for untrusted in response.content.iter_any():
        body += untrusted
        if len(body) > limit:
            raise EngineFailed("The engine's server sent more than the answer can have.")
    return bytes(body)


def _words(untrusted: bytes) -> tuple[str, str | None]:
    """A refusal's text and the field at fault, as far as the server tells them."""
    try:
        error = json.loads(untrusted)["error"]
        text, parameter = error["message"], error.get("param")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        text, parameter = None, None
    if not isinstance(text, str):
        text = "the engine's server does not accept this request"
    return text[:SHOWN_TEXT_LIMIT], parameter[:64] if isinstance(parameter, str) else None
