"""Keeps one job process alive: starts it, starts it again when it breaks, gives up when that does not help.

Whatever happens to the process, the agent goes on: its requests fail with `EngineFailed`, and the status says why.
On a GPU the model runs there or not at all; what it then falls back to is for whoever started it to say.
"""

import asyncio
import logging
import os
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from mulberry.model.engine import EngineStats
from mulberry.model.language import english, number, tr
from mulberry.runtime.card import Card, watch_card
from mulberry.runtime.engine import (
    THE_CPU,
    EncodedTexts,
    EngineFailed,
    EngineRefused,
    EngineState,
    EngineStatus,
    Piece,
)
from mulberry.runtime.gpu_truth import truth_of
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.memory_watch import watch_memory
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.process import JobProcess, child_environment, resident_bytes
from mulberry.runtime.recent import RecentTokens
from mulberry.runtime.restarts import DEFAULT_RULES, RestartRules, Restarts
from mulberry.runtime.sandbox.provider import Confinement, Limits, Room, Sandbox, Tier
from mulberry.runtime.sandbox.words import in_words
from mulberry.runtime.wire import GenerationRequest, Library, Load, LoadEncoder, ProfileName, Provider

_LOG = logging.getLogger(__name__)

TEXTS_LIMIT = 256  # of one request to an encoder
NUMBERS_LIMIT = 1 << 19  # of all its texts: a frame must hold them, written as base64
CHARACTERS_LIMIT = 1 << 20  # of all its texts: a second for a tokenizer


def _default_threads() -> int:
    """Two at most: small models gain nothing from more, and one core stays with the computer's owner."""
    return max(1, min(2, (os.cpu_count() or 1) - 1))


@dataclass(frozen=True, slots=True)
class Capacity:
    """`slots` answers are generated at once, `waiting_limit` more may wait, `threads` compute."""

    slots: int = 16
    waiting_limit: int = 64
    threads: int = _default_threads()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait before something counts as broken. `grace` is for the last words of one
    whose socket was closed."""

    load_seconds: float = 120.0
    silence_seconds: float = 30.0  # while requests run; the longest prompt's first pass must fit
    run_seconds: float = 600.0
    grace_seconds: float = 2.0


class Supervisor:
    """The engine made of one job process after the other: `engine.Engine`, or `engine.TextEncoder` of an encoder.

    `model` must be verified. A sandbox of no tier runs it as it is, which is for jobs of our own only. `on_change` is
    called with every new status, from the event loop. With a `card` the model runs on it, in its variant for CUDA.
    Raises `ValueError`: the model has no variant for what it is to run on.
    """

    def __init__(
        self,
        model: ModelFolder,
        *,
        sandbox: Sandbox,
        jitter: random.Random,
        card: Card | None = None,
        on_change: Callable[[EngineStatus], None] = lambda status: None,
        capacity: Capacity = Capacity(),
        patience: Patience = Patience(),
        restart_rules: RestartRules = DEFAULT_RULES,
    ) -> None:
        self.status = EngineStatus(EngineState.STOPPED)
        self._model = model
        self._sandbox = sandbox
        self._card = card
        self._provider = Provider.CPU if card is None else Provider.CUDA
        variant = model.manifest.variant_for(self._provider, None if card is None else card.free_bytes)
        if variant is None:
            raise ValueError(f"the model {model.manifest.name} has no variant for {self._provider} that fits")
        self._variant = variant
        profile = ProfileName.CPU if card is None else ProfileName.CUDA
        devices = () if card is None else card.device_files()
        self._room = Room(
            model.path,
            profile,
            devices,
            limits=Limits(memory_bytes=model.manifest.memory_limit_bytes),
            libraries=None if card is None else card.libraries,
        )
        self._confinement: Confinement | None = None
        self._runs_on = ""
        self._on_change = on_change
        self._capacity = capacity
        self._patience = patience
        self._restart_rules = restart_rules
        self._jitter = jitter
        self._keeper: asyncio.Task[None] | None = None
        self._link: JobLink | None = None
        self._process: JobProcess | None = None
        self._answers = 0  # under way
        self._written = RecentTokens()
        self._restarts = 0
        self._ready_since = 0.0  # on the loop's clock

    @property
    def default_temperature(self) -> float:
        return self._model.manifest.default_temperature

    @property
    def precision(self) -> str:
        """Of the variant that runs, as its makers name it."""
        return self._variant.precision

    @property
    def pid(self) -> int | None:
        """The job process's, while it is ready."""
        return None if self._process is None else self._process.pid

    @property
    def places(self) -> int:
        return self._capacity.slots

    def stats(self) -> tuple[EngineStats, ...]:
        """Of its one process."""
        now, process = asyncio.get_running_loop().time(), self._process
        running = min(self._answers, self.places)
        return (
            EngineStats(
                name=self._place,
                places=self.places,
                running=running,
                waiting=self._answers - running,
                tokens_per_second=self._written.a_second(now),
                restarts=self._restarts,
                ready_seconds=None if process is None else now - self._ready_since,
                memory_bytes=None if process is None else resident_bytes(process.pid),
                gpu="" if self._card is None else self._card.gpu.uuid,
            ),
        )

    @property
    def _place(self) -> str:
        return THE_CPU if self._card is None else self._card.gpu.name

    async def start(self) -> None:
        """Returns when the model is loaded. Raises `EngineFailed` when the first attempt fails; nothing runs then."""
        if self._keeper is not None and not self._keeper.done():
            raise RuntimeError("this engine runs already")
        started = asyncio.Event()
        keeper = self._keeper = asyncio.create_task(self._keep(started), name="engine keeper")
        keeper.add_done_callback(self._keeper_ended)
        waiter = asyncio.create_task(started.wait())
        try:
            await asyncio.wait((waiter, keeper), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            waiter.cancel()
        if keeper.cancelled():
            raise EngineFailed(tr("The engine was stopped."))
        if keeper.done():
            keeper.result()  # raises what a bug raised
            raise EngineFailed(self.status.note)

    async def stop(self) -> None:
        """Ends all requests and the process. It is gone when this returns, by itself or killed."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait((keeper,))
        self._tell(EngineState.STOPPED)
        if keeper is not None and not keeper.cancelled():
            keeper.result()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """See `engine.Engine`. Raises `ValueError`: the model writes no text."""
        if self._model.manifest.encoder is not None:
            raise ValueError(f"{self._model.manifest.name} writes no text")
        link = self._link
        if link is None:
            raise EngineFailed(self.status.note or tr("The engine is not running."))
        run = link.submit(request)
        self._answers += request.answers
        try:
            async for piece in run.pieces():
                if piece.usage is not None:
                    self._written.count(piece.usage.completion_tokens, asyncio.get_running_loop().time())
                yield piece
        finally:
            self._answers -= request.answers
            link.forget(run)

    async def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """See `engine.TextEncoder`. Raises `ValueError`: the model is no encoder."""
        encoder = self._model.manifest.encoder
        if encoder is None:
            raise ValueError(f"{self._model.manifest.name} writes text")
        most = min(TEXTS_LIMIT, NUMBERS_LIMIT // encoder.width)
        if not 0 < len(texts) <= most or sum(map(len, texts)) > CHARACTERS_LIMIT:
            told = f"a request has 1 to {most} texts, of {CHARACTERS_LIMIT:,} characters together at most"
            raise EngineRefused(400, told, "too_many_texts")
        link = self._link
        if link is None:
            raise EngineFailed(self.status.note or tr("The engine is not running."))
        run = link.encode(tuple(texts), encoder.width)
        try:
            return await run.result()
        finally:
            link.forget(run)

    async def _keep(self, started: asyncio.Event) -> None:
        restarts = Restarts(self._restart_rules, self._jitter)
        while True:
            why = await self._one_life(started)
            if not started.is_set():
                self._tell(EngineState.BROKEN, why)
                return
            pause = restarts.pause_after_crash(asyncio.get_running_loop().time())
            if pause is None:
                self._tell(EngineState.BROKEN, tr("{why} It broke too often and was not started again.", why=why))
                return
            self._tell(EngineState.RESTARTING, tr("{why} It starts again by itself.", why=why))
            await asyncio.sleep(pause)
            self._restarts += 1

    def _keeper_ended(self, keeper: "asyncio.Task[None]") -> None:
        if not keeper.cancelled() and (bug := keeper.exception()) is not None:
            _LOG.error("the engine's keeper failed", exc_info=bug)
            self._tell(EngineState.BROKEN, tr("A mistake in Mulberry ended the engine. The log says more."))

    async def _one_life(self, started: asyncio.Event) -> str:
        """From the start of a process to its certain end. Returns why it ended, as a plain sentence."""
        self._tell(EngineState.LOADING, tr("Starting the engine"))
        try:
            process = await JobProcess.start(self._sandbox, self._room, self._environment())
        except OSError as problem:
            return tr("The engine's process could not be started: {problem}.", problem=problem.strerror or problem)
        link: JobLink | None = None
        watchdogs: list[asyncio.Task[None]] = []
        try:
            link = await self._connect(process)
            watchdogs = self._watch(process, link)
            await self._load(link)
            if not link.over.done():
                self._link = link
                self._process = process
                self._ready_since = asyncio.get_running_loop().time()
                self._tell(EngineState.READY)
                started.set()
            why = await asyncio.shield(link.over)
            if self.status.state is EngineState.READY:
                self._tell(EngineState.RESTARTING, tr("{why} It starts again by itself.", why=why))
        finally:
            self._link = None
            self._process = None
            self._confinement = None
            self._runs_on = ""
            for watchdog in watchdogs:
                watchdog.cancel()
            if link is not None:
                link.end(tr("The engine was stopped."))
            how = await process.end(self._patience.grace_seconds)
        words = process.last_words if not link.ready.done() else _places(process.last_words)
        _LOG.warning("job process %d: %s (%s) %s", process.pid, why, how, words)
        if self._card is not None and not link.ready.done() and link.entered.done():
            truth = truth_of(f"{english(why)} {words}")
            told = {"gpu": self._card.gpu.name, "cause": truth.cause, "fix": truth.fix}
            return tr("{gpu} cannot be used. {cause} {fix}", **told)
        return why

    def _environment(self) -> dict[str, str]:
        chosen = {} if self._card is None else {"CUDA_VISIBLE_DEVICES": self._card.gpu.uuid}
        return child_environment(os.environ) | chosen

    def _watch(self, process: JobProcess, link: JobLink) -> "list[asyncio.Task[None]]":
        """The watchdogs of its memory, and of its GPU's."""
        own = watch_memory(process, link, self._room.limits.memory_bytes)
        tasks = [asyncio.create_task(own, name="memory watchdog")]
        if self._card is not None:
            tasks.append(asyncio.create_task(watch_card(self._card, link), name="GPU memory watchdog"))
        return tasks

    async def _connect(self, process: JobProcess) -> JobLink:
        patience = self._patience
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: JobLink(
                self._model.manifest.context_tokens,
                patience.silence_seconds,
                patience.run_seconds,
                lambda note: self._tell(EngineState.LOADING, note),
            ),
            sock=process.socket,
        )
        return link

    async def _load(self, link: JobLink) -> None:
        """First the sandbox has to show that it is closed; only then the process learns of a model."""
        seconds = self._patience.load_seconds
        order = self._sandbox.order(self._room)
        try:
            async with asyncio.timeout(seconds):
                link.send(order)
                await asyncio.wait((link.entered, link.over), return_when=asyncio.FIRST_COMPLETED)
                if link.over.done() or not self._accepts(link):
                    return
                link.send(self._model_at(order.model))
                await asyncio.wait((link.ready, link.over), return_when=asyncio.FIRST_COMPLETED)
                if link.ready.done():
                    self._take_provider(link)
        except TimeoutError:
            link.end(tr("The engine did not load the model within {seconds} seconds.", seconds=number(f"{seconds:g}")))

    def _accepts(self, link: JobLink) -> bool:
        confinement = Confinement.of(self._sandbox.tier, link.entered.result())
        if confinement.tier is not Tier.NONE and not confinement.holds:
            link.end(
                tr("The sandbox is not closed ({missed}), so no job runs in it.", missed=in_words(confinement.missed))
            )
            return False
        self._confinement = confinement
        return True

    def _take_provider(self, link: JobLink) -> None:
        if link.ready.result().provider is not self._provider:
            link.end(tr("The engine did not run the model where it was told to, and was ended."))
        self._runs_on = self._place

    def _model_at(self, folder: str) -> Load | LoadEncoder:
        manifest, capacity = self._model.manifest, self._capacity
        if manifest.encoder is not None:
            return LoadEncoder(
                folder=folder,
                graph=self._variant.graph,
                context_tokens=manifest.context_tokens,
                waiting_limit=capacity.waiting_limit,
                threads=capacity.threads,
                provider=self._provider,
                output=manifest.encoder.output,
                width=manifest.encoder.width,
                pooling=manifest.encoder.pooling,
                scaling=manifest.encoder.scaling,
                padding=manifest.encoder.padding,
            )
        return Load(
            folder=folder,
            context_tokens=manifest.context_tokens,
            stop_tokens=manifest.stop_tokens,
            slots=capacity.slots,
            waiting_limit=capacity.waiting_limit,
            threads=capacity.threads,
            thinking=manifest.thinking,
            provider=self._provider,
            configuration=self._variant.configuration,
            library=Library(self._variant.library),
        )

    def _tell(self, state: EngineState, note: str = "") -> None:
        status = EngineStatus(state, note, self._confinement, self._runs_on)
        if status != self.status:
            self.status = status
            self._on_change(status)


def _places(last_words: str) -> str:
    """The traceback's lines of code places. Once prompts were in play, any other line might quote one."""
    return "\n".join(line for line in last_words.splitlines() if line.startswith('  File "'))
