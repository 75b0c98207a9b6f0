"""The agent's side of an inspection: a job process in its sandbox reads the model; time and memory are limited."""

import asyncio
import os
from dataclasses import dataclass

from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr
from mulberry.model.shown import shown
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.memory_watch import watch_memory
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.process import JobProcess, child_environment
from mulberry.runtime.sandbox.provider import Confinement, Limits, Room, Sandbox
from mulberry.runtime.sandbox.words import in_words
from mulberry.runtime.wire import Inspect, Inspected

DEADLINE_SECONDS = 120.0
MEMORY_BYTES = 2 << 30
GRACE_SECONDS = 1.0
REASONS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reasons` are the sentences against the model, none if it may serve. `operators` with how often each stands in
    it, `weights` are its stored numbers, `judged_in` says what stood around the inspection."""

    reasons: tuple[str, ...]
    operators: tuple[tuple[str, int], ...] = ()
    weights: int = 0
    judged_in: str = ""

    @property
    def may_serve(self) -> bool:
        return not self.reasons


async def judge(
    model: ModelFolder,
    sandbox: Sandbox,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Verdict:
    """Inspects `model`, whose names and sizes must have been compared. A model that takes too long is refused by that.

    Raises `UserFacingError`: the inspection could not begin.
    """
    room = Room(model.path, limits=Limits(memory_bytes=memory_bytes))
    try:
        process = await JobProcess.start(sandbox, room, child_environment(os.environ))
    except OSError as problem:
        raise _not_begun(
            tr("Its process could not be started: {problem}.", problem=problem.strerror or problem)
        ) from problem
    link: JobLink | None = None
    watchdog: asyncio.Task[None] | None = None
    try:
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: JobLink(0, deadline_seconds, deadline_seconds, lambda note: None), sock=process.socket
        )
        watchdog = asyncio.create_task(watch_memory(process, link, memory_bytes), name="memory watchdog")
        confinement = await _enter(link, sandbox, room)
        return await _hear(link, model, sandbox.order(room).model, str(confinement), deadline_seconds)
    finally:
        if watchdog is not None:
            watchdog.cancel()
        if link is not None:
            link.end("The inspection is over.")
        await process.end(GRACE_SECONDS)


async def _enter(link: JobLink, sandbox: Sandbox, room: Room) -> Confinement:
    link.send(sandbox.order(room))
    await asyncio.wait((link.entered, link.over), timeout=DEADLINE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if not link.entered.done():
        raise _not_begun(link.over.result() if link.over.done() else tr("The sandbox did not answer."))
    confinement = Confinement.of(sandbox.tier, link.entered.result())
    if not confinement.holds:
        raise _not_begun(
            tr(
                "The sandbox is not closed ({missed}).",
                missed=in_words(confinement.missed) or confinement.tier.in_words,
            )
        )
    return confinement


async def _hear(link: JobLink, model: ModelFolder, folder: str, judged_in: str, deadline_seconds: float) -> Verdict:
    manifest = model.manifest
    files = tuple((file.name, file.size) for file in manifest.files)
    link.send(Inspect(folder, manifest.graphs, manifest.configurations, files))
    await asyncio.wait((link.inspected, link.over), timeout=deadline_seconds, return_when=asyncio.FIRST_COMPLETED)
    if link.inspected.done():
        return _verdict(link.inspected.result(), judged_in)
    if link.over.done():
        return Verdict((tr("The inspection did not end well. {why}", why=link.over.result()),), judged_in=judged_in)
    return Verdict(
        (
            tr(
                "The inspection took longer than {seconds} seconds and was ended.",
                seconds=number(f"{deadline_seconds:g}"),
            ),
        ),
        judged_in=judged_in,
    )


def _verdict(untrusted: Inspected, judged_in: str) -> Verdict:
    """What the process says is bounded, and shown without anything that a terminal would obey."""
    return Verdict(
        reasons=tuple(shown(reason) for reason in untrusted.reasons[:REASONS_LIMIT]),
        operators=tuple((shown(name), count) for name, count in untrusted.operators[: REASONS_LIMIT * 10]),
        weights=untrusted.weights,
        judged_in=judged_in,
    )


def _not_begun(why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The model could not be inspected."),
        why=why,
        next_step=tr("See what the sandbox lacks: `mulberry sandbox selftest`."),
    )
