"""The engine for people who outgrow one process: any OpenAI-compatible servers, by their URLs.

Requests go where the fewest run. A server counts while its /v1/models names the network's model; the list is asked for
again and again, so that one that went away, or was not started yet, comes by itself. What runs there is the owner's
business: our sandbox does not reach it, and the status says so by having no confinement.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
from yarl import URL

from mulberry.model.engine import EngineStats
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import tr
from mulberry.runtime.engine import (
    OWN_SERVERS,
    EngineFailed,
    EngineRefused,
    EngineState,
    EngineStatus,
    JsonObject,
    Piece,
)
from mulberry.runtime.engines.openai_answers import (
    DONE,
    WHOLE_LIMIT_BYTES,
    Answer,
    Lines,
    body_of,
    parsed,
    path_of,
    size_limit_bytes,
)
from mulberry.runtime.engines.openai_parts import ask_each
from mulberry.runtime.engines.openai_places import (
    NO_LIST,
    NOT_ASKED,
    SILENT,
    Trouble,
    not_served,
    own_server,
    read_key,
    server_url,
    unfit,
    unreachable,
)
from mulberry.runtime.recent import RecentTokens
from mulberry.runtime.wire import GenerationRequest

_LOG = logging.getLogger(__name__)

DEFAULT_TEMPERATURE = 1.0  # OpenAI's; a server's own for the model is not known
MODELS_LIMIT_BYTES = 1 << 20
REFUSAL_LIMIT_BYTES = 1 << 16
SHOWN_TEXT_LIMIT = 500
GONE = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ConnectionTimeoutError)


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
    trouble: Trouble | None = NOT_ASKED  # None while it counts
    since: float | None = None  # it counts, on the loop's clock
    written: RecentTokens = field(default_factory=RecentTokens)

    @property
    def name(self) -> str:
        return own_server(self.url).name

    def judge(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            self.since = None
        elif self.since is None:
            self.since = asyncio.get_running_loop().time()
        self.trouble = trouble


class OpenAiServers:
    """The engine (`engine.Engine`) made of the servers at `urls`, which all serve `model`.

    The key in `key_file` is sent to them and nowhere else. Raises `ValueError` at unusable URLs; `check_ways` has
    judged them before. `on_change` is called with every new status, from the event loop.
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
        self._running = 0
        self._session: aiohttp.ClientSession | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def places(self) -> int:
        return self._requests_limit

    def stats(self) -> tuple[EngineStats, ...]:
        """Of each server. How many it writes at once it does not tell, so each has all places and nothing waits."""
        now = asyncio.get_running_loop().time()
        return tuple(
            EngineStats(
                name=server.name,
                places=self.places,
                running=server.running,
                tokens_per_second=server.written.a_second(now),
                ready_seconds=None if server.since is None else now - server.since,
            )
            for server in self._servers
        )

    async def start(self) -> None:
        """Returns when a server serves the model; until then the status says why none does.

        Raises `UserFacingError`: there is no usable key in its file; nothing runs then.
        """
        if self._session is not None:
            raise RuntimeError("this engine runs already")
        key = None if self._key_file is None else read_key(self._key_file)
        self._tell(EngineState.LOADING, tr("Asking your servers for the model"))
        self._session = aiohttp.ClientSession(
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            trust_env=False,  # no proxy of the environment reads strangers' prompts
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, force_close=True),  # a kept one may be closed as a request leaves
            auto_decompress=False,  # a small answer must stay small
        )
        try:
            await self._look_at_all()
            while all(server.trouble for server in self._servers):
                await asyncio.sleep(self._patience.between_looks)
                await self._look_at_all()
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._keep_looking(), name="engine servers' watch")

    async def stop(self) -> None:
        """Ends all requests."""
        await self._close()
        self._tell(EngineState.STOPPED)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """See `engine.Engine`."""
        if self._session is None:
            raise EngineFailed(tr("The engine is not running."))
        if self._running >= self._requests_limit:
            raise EngineRefused(503, "too many requests are running already", "overloaded")
        is_one = request.answers == 1
        self._running += 1
        try:
            async with contextlib.aclosing(self._one(request) if is_one else ask_each(request, self._one)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._running -= 1

    async def _one(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """One answer, by the server where the fewest run."""
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
                        if piece.usage is not None:
                            server.written.count(piece.usage.completion_tokens, asyncio.get_running_loop().time())
                        yield piece
                return
            except GONE:
                self._lost(server, SILENT)
                if not silent:
                    raise EngineFailed(tr("The connection to the engine's server broke.")) from None
            finally:
                server.running -= 1

    def _least_loaded(self, tried: set[_Server]) -> _Server:
        usable = [server for server in self._servers if not server.trouble and server not in tried]
        if not usable:
            raise EngineFailed(self._note() or tr("None of your servers answers."))
        return min(usable, key=lambda server: server.running)

    async def _ask(self, server: _Server, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """Raises one of `GONE` when the server went away, most often before it began."""
        assert self._session is not None  # noqa: S101 - for mypy
        patience = self._patience
        limit = aiohttp.ClientTimeout(total=patience.run, connect=patience.connect, sock_read=patience.silence)
        answer = Answer(request)
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
                        for piece in answer.pieces(untrusted):
                            yield piece
                yield answer.last()
        except GONE:
            raise
        except TimeoutError:
            raise EngineFailed(tr("The engine's server did not answer in time.")) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise EngineFailed(tr("The connection to the engine's server broke.")) from None

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
            what = tr("It answered a request with HTTP status {status}.", status=response.status)
            self._lost(server, Trouble(what, tr("Look into that server's own log."), WhoseTurn.NOBODY))
        return EngineFailed(tr("The engine's server answered with HTTP status {status}.", status=response.status))

    # Which servers count

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._patience.between_looks)
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        troubles = await asyncio.gather(*(self._trouble(server) for server in self._servers))
        for server, trouble in zip(self._servers, troubles, strict=True):
            if trouble and not server.trouble:
                _LOG.warning("the server at %s no longer counts: %s", server.name, trouble.what)
            server.judge(trouble)
        self._tell_how_it_is()

    async def _trouble(self, server: _Server) -> Trouble | None:
        """Why a server does not count. None: it does."""
        assert self._session is not None  # noqa: S101 - for mypy
        limit = aiohttp.ClientTimeout(total=self._patience.health)
        try:
            async with self._session.get(
                server.url.joinpath("v1/models"), allow_redirects=False, timeout=limit
            ) as response:
                if trouble := unfit(response.status, self._key_file):
                    return trouble
                untrusted = parsed(await _bounded(response, MODELS_LIMIT_BYTES)).get("data")
        except (aiohttp.ClientError, OSError, ValueError) as problem:  # a TimeoutError is an OSError
            return unreachable(problem)
        except EngineFailed:
            return NO_LIST
        listed = untrusted if isinstance(untrusted, list) else []
        if not any(isinstance(one, dict) and one.get("id") == self._model for one in listed):
            return not_served(self._model)
        return None

    def _lost(self, server: _Server, trouble: Trouble) -> None:
        server.judge(trouble)
        self._tell_how_it_is()

    def _tell_how_it_is(self) -> None:
        if self._session is None:
            return
        counts = any(server.trouble is None for server in self._servers)
        self._tell(EngineState.READY if counts else EngineState.RESTARTING, self._note(), self._worst())

    def _note(self) -> str:
        return " ".join(
            tr("Your server at {server} cannot be used. {why}", server=server.name, why=server.trouble.what)
            for server in self._servers
            if server.trouble
        )

    def _worst(self) -> Trouble | None:
        """What its owner should see to first."""
        troubles = [server.trouble for server in self._servers if server.trouble]
        return next((one for one in troubles if one.whose_turn is WhoseTurn.YOU), troubles[0] if troubles else None)

    async def _close(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait((watch,))
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _tell(self, state: EngineState, note: str = "", trouble: Trouble | None = None) -> None:
        status = EngineStatus(state, note, runs_on=OWN_SERVERS if state is EngineState.READY else "")
        if trouble is not None:
            status = replace(status, next_step=trouble.next_step, whose_turn=trouble.whose_turn)
        if status != self.status:
            self.status = status
            self._on_change(status)


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body. Raises `EngineFailed` when it is larger than `limit` bytes."""
    body = bytearray()
    async for untrusted in response.content.iter_any():
        body += untrusted
        if len(body) > limit:
            raise EngineFailed(tr("The engine's server sent more than the answer can have."))
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
