"""Who wants no two customers in one process gets that, or the setting would be a lie."""

import asyncio
import contextlib
import random
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mulberry.model.places import resource
from mulberry.runtime.engine import EngineFailed, EngineState, EngineStatus, Piece
from mulberry.runtime.fresh import FreshProcesses
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.restarts import RestartRules
from mulberry.runtime.supervisor import Capacity, Supervisor
from sandboxes import best_sandbox
from tiny_model import ask, tiny_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")


class Watched(FreshProcesses):
    """Remembers its supervisor and what it has told."""

    def __init__(self, model: ModelFolder) -> None:
        self.told: list[EngineStatus] = []
        rules = RestartRules(first_pause_seconds=0.01, longest_pause_seconds=0.01, crashes_limit=1)

        def make(on_change):  # type: ignore[no-untyped-def]
            self.supervisor = Supervisor(
                model,
                sandbox=best_sandbox(),
                jitter=random.Random(1),
                on_change=on_change,
                capacity=Capacity(threads=1),
                restart_rules=rules,
            )
            return self.supervisor

        super().__init__(make, on_change=self.told.append)


@contextlib.asynccontextmanager
async def running(model: ModelFolder) -> AsyncIterator[Watched]:
    engine = Watched(model)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def served(engine: Watched) -> tuple[int | None, list[Piece]]:
    """By which process, and what."""
    answering = engine.generate(ask("What is 7 + 5?"))
    first = await anext(answering)
    pid = engine.supervisor.pid
    return pid, [first, *[piece async for piece in answering]]


async def test_no_process_serves_two_customers_and_none_remembers() -> None:
    async with running(tiny_model()) as engine:
        answers = await asyncio.gather(*(served(engine) for _ in range(3)))
        (stats,) = engine.stats()
        assert (stats.running, stats.waiting, stats.restarts) == (0, 0, 0) and stats.tokens_per_second > 0
        assert len({pid for pid, _ in answers}) == 3
        assert {"".join(piece.text for piece in pieces) for _, pieces in answers} == {"7 + 5 = 12."}
        usages = [pieces[-1].usage for _, pieces in answers]
        assert [usage and usage.cached_tokens for usage in usages] == [0, 0, 0]
        states = {status.state for status in engine.told[engine.told.index(engine.status) :]}
        assert states <= {EngineState.READY}, "between two customers it counts as ready"
    assert engine.status.state is EngineState.STOPPED


async def test_who_leaves_early_leaves_nothing_behind() -> None:
    async with running(tiny_model()) as engine:
        answering = engine.generate(ask("Count from 1 to 20"))
        await anext(answering)
        before = engine.supervisor.pid
        await answering.aclose()
        pid, _ = await served(engine)
        assert pid != before


async def test_a_process_that_does_not_come_back_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(resource("models/tiny-lm"), folder)
    async with running(ModelFolder.read(folder)) as engine:
        answering = engine.generate(ask("What is 7 + 5?"))
        await anext(answering)
        (folder / "tokenizer.json").write_text("{}")
        await answering.aclose()
        with pytest.raises(EngineFailed):
            await served(engine)
        assert engine.status.state is EngineState.BROKEN and engine.status.note
