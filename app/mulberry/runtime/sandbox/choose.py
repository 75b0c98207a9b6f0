"""Which sandbox works here: each is tried from the strongest on, by a job process that tries to get out of it."""

import asyncio
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

from mulberry.model.language import tr
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.process import JobProcess, child_environment
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.sandbox.provider import CHILD, Confinement, Room, Sandbox, Tier
from mulberry.runtime.sandbox.words import in_words

TRIAL_SECONDS = 30.0
GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One tier's self-test. `problem` is a sentence, "" when it holds; `confinement` None: it did not even start."""

    tier: Tier
    problem: str
    confinement: Confinement | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The sandbox for this computer's jobs, and how each that was tried did. Without any that holds: `NoSandbox`."""

    sandbox: Sandbox
    trials: tuple[Trial, ...]

    @property
    def is_for_strangers(self) -> bool:
        return self.sandbox.tier is not Tier.NONE


async def choose() -> Choice:
    """The strongest that holds here."""
    trials = []
    for sandbox in await asyncio.to_thread(candidates):
        trial = await try_out(sandbox)
        trials.append(trial)
        if not trial.problem:
            return Choice(sandbox, tuple(trials))
    return Choice(NoSandbox(), tuple(trials))


def candidates() -> Iterable[Sandbox]:
    """What this system has, the strongest first."""
    if sys.platform == "linux":
        bubblewrap = Bubblewrap.find()
        return (*([bubblewrap] if bubblewrap else []), LandlockOnly())
    return ()


async def try_out(sandbox: Sandbox) -> Trial:
    """Starts a job process without a model in `sandbox`, hears what it could still do, and ends it."""
    began = time.monotonic()
    room = Room(CHILD.parent)
    try:
        process = await JobProcess.start(sandbox, room, child_environment(os.environ))
    except OSError as problem:
        return Trial(sandbox.tier, tr("It could not be started: {problem}.", problem=problem.strerror or problem))
    link: JobLink | None = None
    try:
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: JobLink(0, TRIAL_SECONDS, TRIAL_SECONDS, lambda note: None), sock=process.socket
        )
        link.send(sandbox.order(room))
        await asyncio.wait((link.entered, link.over), timeout=TRIAL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if link is not None:
            link.end(tr("It did not answer in time."))
        await process.end(GRACE_SECONDS)
    if not link.entered.done():
        return Trial(sandbox.tier, f"{link.over.result()} {process.last_words}".strip())
    confinement = Confinement.of(sandbox.tier, link.entered.result())
    missed = "" if confinement.holds else tr("It is not closed: {missed}.", missed=in_words(confinement.missed))
    return Trial(sandbox.tier, missed, confinement, time.monotonic() - began)
