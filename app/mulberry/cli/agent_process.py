"""The agent as a child of a command: it ends with the command, however that ends."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.model.attestation import TransportName
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder, this_program

AGENT_START_SECONDS = 20.0
AGENT_END_SECONDS = 15.0


@asynccontextmanager
async def own_agent(root: Path, network: str, transport: TransportName | None = None) -> AsyncIterator[ControlClient]:
    """`transport` goes before the profile's. Raises `UserFacingError`: one is running already, or it does not start."""
    folder = DataFolder.of_network(root, network)
    client = ControlClient(folder)
    with suppress(AgentNotRunning):
        await client.hello()
        raise UserFacingError(
            what="An agent is already running for this data folder.",
            why=f"{folder.path} is in use.",
            next_step="End it with `mulberry quit`, or name another folder with --data.",
        )
    command = [*this_program(), "agent", "--network", network, "--data", str(root)]
    if transport is not None:
        command += ["--transport", transport]
    process = await asyncio.create_subprocess_exec(
        *command, "--until-stdin-closes", stdin=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        await _until_it_answers(client, process)
        yield client
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(AGENT_END_SECONDS):
                await process.communicate()
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _until_it_answers(client: ControlClient, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(AGENT_START_SECONDS):
            while process.returncode is None:
                try:
                    await client.hello()
                except AgentNotRunning:
                    await asyncio.sleep(0.05)
                else:
                    return
            why = f"It ended with status {process.returncode}."
    except TimeoutError:
        why = f"It did not answer within {AGENT_START_SECONDS:g} seconds."
    raise UserFacingError("The agent did not start.", why, "Try again with --data and look into agent.log there.")


@contextmanager
def on_interrupt(interrupted: asyncio.Event) -> Iterator[None]:
    """Ctrl-C, and a request to end, set `interrupted` inside the block."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(interrupted.set)) for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
