"""To have every window and every agent of a data folder end, for an installer that replaces or removes their program.

What its owner wished stays stored, so that the next start goes on with it. Windows cannot replace a program that runs;
on Linux nobody needs to ask for this.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.client.farewell import AGENT_SECONDS, LOOK_SECONDS, is_free
from mulberry.model.errors import UserFacingError
from mulberry.model.places import LEAVE, DataFolder

WINDOW_SECONDS = 10.0
STARTING_SECONDS = 5.0  # within these, an agent that a window has just started answers


def folders_of(root: Path) -> list[DataFolder]:
    """Those of all networks that have one, and others in which nothing runs."""
    return [DataFolder(path) for path in sorted(root.glob("*")) if path.is_dir()]


async def leave(folders: Sequence[DataFolder], finish_seconds: float, tell: Callable[[str], None]) -> bool:
    """Whether none runs any more. An agent completes its requests for at most `finish_seconds`, then is cut short."""
    return all(await asyncio.gather(*(_end_both(folder, finish_seconds, tell) for folder in folders)))


async def _end_both(folder: DataFolder, finish_seconds: float, tell: Callable[[str], None]) -> bool:
    """The window first: it would start an agent that it misses."""
    try:
        await asyncio.to_thread(_say_leave, folder.window_address)
    except OSError:  # nobody listens there
        return await _end_agent(folder, finish_seconds, tell)
    has_ended = await _see_the_window_end(folder, tell)
    await _answers(ControlClient(folder), STARTING_SECONDS)
    return await _end_agent(folder, finish_seconds, tell) and has_ended


async def _see_the_window_end(folder: DataFolder, tell: Callable[[str], None]) -> bool:
    ended = await _comes_true(lambda: not folder.window_lock.exists(), WINDOW_SECONDS)
    tell(f"{folder.path.name}: the window has {'' if ended else 'not '}ended.")
    return ended


def _say_leave(address: str) -> None:
    """Raises `OSError`: no window listens."""
    if os.name == "nt":
        with open(address, "r+b", buffering=0) as pipe:  # noqa: PTH123 - a pipe's name is no path
            pipe.write(LEAVE)
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(WINDOW_SECONDS)
        connection.connect(address)
        connection.sendall(LEAVE)


async def _end_agent(folder: DataFolder, finish_seconds: float, tell: Callable[[str], None]) -> bool:
    client = ControlClient(folder)
    try:
        await client.quit(finish=True)
        if not await _comes_true(lambda: is_free(folder.lock), finish_seconds):
            tell(f"{folder.path.name}: requests still run after {finish_seconds:.0f} seconds; they are cut off.")
            with suppress(AgentNotRunning):
                await client.quit()
    except AgentNotRunning:
        return is_free(folder.lock)
    except UserFacingError as problem:
        tell(f"{folder.path.name}: {problem}")
        return False
    ended = await _comes_true(lambda: is_free(folder.lock), AGENT_SECONDS)
    tell(f"{folder.path.name}: the agent has {'' if ended else 'not '}ended.")
    return ended


async def _answers(agent: ControlClient, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                with suppress(AgentNotRunning):
                    await agent.hello()
                    return True
                await asyncio.sleep(LOOK_SECONDS)
    return False


async def _comes_true(holds: Callable[[], bool], seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - the system tells nobody
                await asyncio.sleep(LOOK_SECONDS)
    return holds()
