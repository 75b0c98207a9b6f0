"""An agent that does a few tasks of the start-up and nothing else, behind its real control socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from agent_workshop import a_workshop
from conftest import SettableClock
from mulberry.agent.api import make_application
from mulberry.agent.keys import Keyring
from mulberry.agent.listening import listening
from mulberry.agent.node import Node
from mulberry.agent.shift import Shift
from mulberry.agent.task import Task
from mulberry.agent.workshop import Workshop
from mulberry.client.control import ControlClient
from mulberry.model.network import NetworkProfile
from mulberry.model.node import Status


@asynccontextmanager
async def an_agent_of(
    tasks: tuple[type[Task], ...],
    profile: NetworkProfile,
    root: Path,
    clock: SettableClock,
    open_keyring: Callable[[], Keyring] | None = None,
) -> AsyncIterator[ControlClient]:
    """`open_keyring` None: a keyring in memory."""

    def make_shift(workshop: Workshop, on_change: Callable[[], None]) -> Shift:
        return Shift(workshop, on_change, tasks=tasks)

    with a_workshop(root, clock, profile=profile, open_keyring=open_keyring) as workshop:
        node = Node(workshop, make_shift=make_shift)
        work = asyncio.create_task(node.run())
        async with listening(make_application(node), workshop.folder.control_address):
            yield ControlClient(workshop.folder, timeout_seconds=5)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def until(client: ControlClient, condition: Callable[[Status], bool]) -> Status:
    async with asyncio.timeout(30):
        while not condition(status := await client.status()):  # noqa: ASYNC110 - asks as a face does
            await asyncio.sleep(0.01)
    return status


def has_its_key(status: Status) -> bool:
    return bool(status.steps) and status.steps[-1].state == "done"
