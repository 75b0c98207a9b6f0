"""To stop earning and end the agent, and to see that everything has ended: named steps, drawn by window and terminal.

A stop is believed when the agent says what its last stretch of work left (`model.ending`); the agent's own end when the
system has released the lock that it holds for as long as it lives.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from mulberry.client.control import AgentNotRunning
from mulberry.model.control import Command
from mulberry.model.ending import Ending
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr, tr_count
from mulberry.model.locks import try_lock
from mulberry.model.node import NodeState, Status, Step, StepState, Want

STOP_SECONDS = 30.0  # a job process is killed after some seconds, and memory may take some more to come back
AGENT_SECONDS = 20.0
LOOK_SECONDS = 0.25
WORK, JOBS, DEMO, MEMORY, AGENT = range(5)
NAMES = (
    tr("Stop the work"),
    tr("End the job process"),
    tr("End the demo network"),
    tr("Give back the GPU's memory"),
    tr("End the agent"),
)


class EndingAgent(Protocol):
    """What is needed of `ControlClient`."""

    async def status(self) -> Status: ...

    async def command(self, command: Command) -> Status: ...

    async def quit(self) -> None: ...


class Farewell:
    """`run` does it once. `steps` says how far it is; `tell` is called when they have changed."""

    def __init__(self, agent: EndingAgent, lock: Path, tell: Callable[[], None]) -> None:
        """`lock` is the file that the agent holds locked."""
        self._agent = agent
        self._lock = lock
        self._tell = tell
        self.steps = tuple(Step(name, StepState.WAITING) for name in NAMES)

    @property
    def all_ended(self) -> bool:
        """Whether nothing is left, as far as anybody can tell."""
        return all(step.state in (StepState.DONE, StepState.SKIPPED) for step in self.steps)

    async def run(self) -> None:
        """Returns when all has ended, or something has not within its time."""
        self._set(WORK, StepState.RUNNING)
        try:
            ending = await self._stop()
            self._tell_of(ending)
            self._set(AGENT, StepState.RUNNING)
            await self._agent.quit()
        except AgentNotRunning:
            for number in (WORK, JOBS, DEMO, MEMORY):
                if self.steps[number].state in (StepState.WAITING, StepState.RUNNING):
                    self._set(number, StepState.SKIPPED, tr("The agent did not run."))
        except TimeoutError:
            note = tr(
                "It has not stopped within {seconds} seconds. The agent goes on trying; its log says more.",
                seconds=f"{STOP_SECONDS:.0f}",
            )
            self._set(WORK, StepState.BLOCKED, note)
            return
        except UserFacingError as problem:
            running = next(number for number, step in enumerate(self.steps) if step.state is StepState.RUNNING)
            self._set(running, StepState.BLOCKED, str(problem))
            return
        await self._see_the_agent_end()

    async def _stop(self) -> Ending | None:
        """Returns when nothing of the work runs any more. Raises `TimeoutError`: something still does."""
        before = await self._agent.status()
        await self._agent.command(Command(Want.STOP))
        async with asyncio.timeout(STOP_SECONDS):
            while (status := await self._agent.status()).state is not NodeState.STOPPED:  # noqa: ASYNC110 - it is remote
                await asyncio.sleep(LOOK_SECONDS)
        cut = before.running_requests
        note = tr_count("{count} request was cut off.", "{count} requests were cut off.", cut) if cut else ""
        self._set(WORK, StepState.DONE, note)
        return status.ending

    def _tell_of(self, ending: Ending | None) -> None:
        if ending is None:
            for number in (JOBS, DEMO, MEMORY):
                self._set(number, StepState.SKIPPED, tr("Nothing has run since the agent started."))
            return
        if ending.job_process:
            self._set(JOBS, StepState.DONE, tr("It has ended, and its sandbox with it."))
        else:
            self._set(JOBS, StepState.SKIPPED, tr("None ran."))
        if ending.demo_network:
            self._set(DEMO, StepState.DONE, tr("It has ended."))
        else:
            self._set(DEMO, StepState.SKIPPED, tr("None ran."))
        self._set(MEMORY, *_of_memory(ending))

    async def _see_the_agent_end(self) -> None:
        self._set(AGENT, StepState.RUNNING)
        try:
            async with asyncio.timeout(AGENT_SECONDS):
                while not is_free(self._lock):  # noqa: ASYNC110 - the system tells nobody
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            note = tr("Its process has not ended within {seconds} seconds.", seconds=f"{AGENT_SECONDS:.0f}")
            self._set(AGENT, StepState.BLOCKED, note)
        else:
            self._set(AGENT, StepState.DONE, tr("Its process has ended."))

    def _set(self, number: int, state: StepState, note: str = "") -> None:
        step = replace(self.steps[number], state=state, note=note)
        if step != self.steps[number]:
            self.steps = (*self.steps[:number], step, *self.steps[number + 1 :])
            self._tell()


def _of_memory(ending: Ending) -> tuple[StepState, str]:
    if not ending.gpu:
        return StepState.SKIPPED, tr("No GPU was used.")
    if ending.memory_is_back is None:
        return StepState.BLOCKED, tr("{gpu}: the driver does not say whether it is back.", gpu=ending.gpu)
    if not ending.memory_is_back:
        return StepState.BLOCKED, tr("{gpu}: by the driver's word, not all of it is back.", gpu=ending.gpu)
    return StepState.DONE, tr("{gpu}: all of it is back, by the driver's word.", gpu=ending.gpu)


def is_free(lock: Path) -> bool:
    """Whether no living process holds the lock. Asking takes it for a moment."""
    try:
        with lock.open("rb+") as file:
            return try_lock(file)
    except FileNotFoundError:
        return True
