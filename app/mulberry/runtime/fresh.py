"""One customer after the other, each with a job process that has served nobody before.

For owners who want no stranger's prompt in a process's memory beside another's. It costs the time that the model takes
to load, for each request.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from mulberry.model.engine import EngineStats
from mulberry.runtime.engine import EngineFailed, EngineState, EngineStatus, Piece
from mulberry.runtime.supervisor import Supervisor
from mulberry.runtime.wire import GenerationRequest


class FreshProcesses:
    """The engine (`engine.Engine`) made of one supervisor that is stopped and started between requests.

    `make` is called once, with whom the supervisor tells its status. While one process follows the other the engine
    counts as ready: requests wait for their turn.
    """

    def __init__(
        self,
        make: Callable[[Callable[[EngineStatus], None]], Supervisor],
        *,
        on_change: Callable[[EngineStatus], None] = lambda status: None,
    ) -> None:
        self.status = EngineStatus(EngineState.STOPPED)
        self._on_change = on_change
        self._engine = make(self._hear)
        self._turn = asyncio.Lock()
        self._here = 0  # answers asked for
        self._renewal: asyncio.Task[None] | None = None

    @property
    def default_temperature(self) -> float:
        return self._engine.default_temperature

    @property
    def places(self) -> int:
        """As many may be here at once, each waiting for its turn."""
        return self._engine.places

    def stats(self) -> tuple[EngineStats, ...]:
        """Of the process that serves now. What waits for its turn waits; a new process for a request is no restart."""
        (one,) = self._engine.stats()
        return (replace(one, waiting=self._here - one.running),)

    async def start(self) -> None:
        """See `Supervisor.start`."""
        await self._engine.start()

    async def stop(self) -> None:
        """See `Supervisor.stop`."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
            await asyncio.wait((renewal,))
        await self._engine.stop()
        if self.status != self._engine.status:  # a renewal had stopped it already
            self._hear(self._engine.status)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """See `engine.Engine`."""
        self._here += request.answers
        try:
            async with contextlib.aclosing(self._in_turn(request)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._here -= request.answers

    async def _in_turn(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        async with self._turn:
            if self._renewal is not None:
                await asyncio.wait((self._renewal,))
                self._renewal = None
            try:
                async with contextlib.aclosing(self._engine.generate(request)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                if self.status.state is EngineState.READY:
                    self._renewal = asyncio.create_task(self._renew(), name="engine renewal")

    async def _renew(self) -> None:
        await self._engine.stop()
        with contextlib.suppress(EngineFailed):  # the status says it
            await self._engine.start()

    def _hear(self, status: EngineStatus) -> None:
        passing = status.state in (EngineState.STOPPED, EngineState.LOADING)
        if self._renewal is not None and passing:
            return
        self.status = status
        self._on_change(status)
