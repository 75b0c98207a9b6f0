"""`mulberry run`: joins a network by a file, works for it, and ends as its owner wishes."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from pydantic import ValidationError

from mulberry.agent.settings import Settings, load_settings, save_settings
from mulberry.cli.agent_process import on_interrupt, own_agent
from mulberry.cli.following import until_ready
from mulberry.client.control import AgentLost, AgentNotRunning, ControlClient
from mulberry.model.clock import SystemClock
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.network import NetworkProfile
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder, is_bundled
from mulberry.model.sentence import sentence
from mulberry.runtime.engines.openai_places import check_ways
from mulberry.ton.address import parse_address

Say = Callable[[str], None]
OPTIONS = {"engine_urls": "engine_url", "node_key_file": "node_key"}  # where an option has another name


def prepare(root: Path, profile: NetworkProfile, **wishes: object) -> None:
    """Keeps the profile and what its owner wishes (fields of `Settings`, None: as before) for the network's agent.

    Raises `UserFacingError`: an agent works for it already, by other words, a wish cannot be kept, or there is nobody
    to be paid.
    """
    folder = DataFolder.of_network(root, profile.name)
    folder.create()
    written = None if is_bundled(profile.name) else profile.model_dump_json(indent=2, exclude_unset=True).encode()
    settings = load_settings(folder.settings, SystemClock())
    chosen = {name: value for name, value in wishes.items() if value is not None}
    try:
        wanted = Settings.model_validate(settings.model_dump() | chosen)
        parse_address(wanted.owner_address or profile.owner_address)
    except ValidationError as mistakes:
        raise _not_kept(mistakes, wishes) from mistakes
    except ValueError as mistake:
        raise _no_owner(wishes.get("owner_address")) from mistake
    check_ways(wanted.engine_urls, wanted.engine_key_file, in_the_clear=wanted.engine_in_the_clear)
    if (wanted, written) == (settings, read_bounded(folder.profile)):
        return
    if asyncio.run(_is_running(folder)):
        raise UserFacingError(
            what="An agent works for this network already, with other settings.",
            why=f"{folder.path} is in use.",
            next_step=f"End it with `mulberry quit --network {profile.name}`, then run this again.",
        )
    if written is not None:
        write_whole(folder.profile, written)
    save_settings(folder.settings, wanted)


def _not_kept(mistakes: ValidationError, wishes: Mapping[str, object]) -> UserFacingError:
    (field, *_), why = mistakes.errors()[0]["loc"], mistakes.errors()[0]["msg"]
    if field == "owner_address":
        return _no_owner(wishes.get("owner_address"))
    return UserFacingError(
        what=f"The setting {field} cannot be used.",
        why=f"{why.removeprefix('Value error, ')}.",
        next_step=f"Correct it: --{OPTIONS.get(str(field), str(field)).replace('_', '-')}.",
    )


def _no_owner(untrusted: object) -> UserFacingError:
    return UserFacingError(
        what="Nobody could be paid.",
        why=f"{untrusted} is no address on TON." if untrusted else "No address of yours is known for this network.",
        next_step="Name the address that is paid with --owner.",
    )


async def _is_running(folder: DataFolder) -> bool:
    try:
        await ControlClient(folder).hello()
    except AgentNotRunning:
        return False
    return True


def run_headless(root: Path, network: str, say: Say) -> int:
    """Works for `network` until Ctrl-C, which finishes what runs; a second one stops it. Returns the exit status: 1
    when it waits for its owner."""
    return asyncio.run(_run(root, network, say))


async def _run(root: Path, network: str, say: Say) -> int:
    interrupted = asyncio.Event()
    folder = DataFolder.of_network(root, network)
    with on_interrupt(interrupted):
        if await _is_running(folder):
            return await _work(ControlClient(folder), interrupted, say)
        async with own_agent(root, network) as client:
            return await _work(client, interrupted, say)


async def _work(client: ControlClient, interrupted: asyncio.Event, say: Say) -> int:
    await client.command(Command(Want.START))
    following = asyncio.create_task(_follow(client, say), name="follow")
    for want, said in ((Want.FINISH, "Finishing; Ctrl-C once more stops at once."), (Want.STOP, "Stopping …")):
        interruption = asyncio.create_task(interrupted.wait(), name="Ctrl-C")
        await asyncio.wait((following, interruption), return_when=asyncio.FIRST_COMPLETED)
        interruption.cancel()
        if following.done():
            break
        interrupted.clear()
        say(said)
        await client.command(Command(want))
    return 0 if await following else 1


async def _follow(client: ControlClient, say: Say) -> bool:
    """Says what changes until the node has stopped (True) or waits for its owner (False)."""
    if not await until_ready(client, say):
        return (await client.status()).state is not NodeState.NEEDS_YOU and await _ended(client, say)
    return await _ended(client, say)


async def _ended(client: ControlClient, say: Say) -> bool:
    state: NodeState | None = None
    async with aclosing(client.events()) as events:
        async for event in events:
            if isinstance(event, AgentLost):
                raise UserFacingError("The agent ended.", event.why, "Look into agent.log, then start again.")
            if state not in (None, event.status.state):
                say(sentence(event.status))
            state = event.status.state
            if state is NodeState.STOPPED:
                return True
    return False
